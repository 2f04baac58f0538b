"""The configuration: a TOML file overridden by RETRAIND_... variables, read and validated by pydantic-settings.

What is checked here needs no network. Every mistake is collected and told with file, key, value and remedy.
"""

import difflib
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from retraind.errors import ConfigError
from retraind.patterns import Pattern, can_both_match

ENV_PREFIX = "RETRAIND_"
CONFIG_VARIABLE = "RETRAIND_CONFIG"
SYSTEM_CONFIG = Path("/etc/retraind/config.toml")
SYSTEM_STATE = Path("/var/lib/retraind")

_SPAN_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BARE_NUMBER = re.compile(r"\s*\d+(\.\d+)?\s*")
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)\s*")


def _to_span(value: object) -> object:
    """Read `90`, `"90s"`, `"1h 30m"` or `"30d"` as a duration; anything else is left for pydantic to refuse."""
    if isinstance(value, str):
        if _BARE_NUMBER.fullmatch(value):
            return timedelta(seconds=float(value))
        if re.fullmatch(f"({_SPAN.pattern})+", value):
            return timedelta(
                seconds=sum(float(count) * _SPAN_UNITS[unit] for count, unit in _SPAN.findall(value))
            )
        raise ValueError('write a duration as a number and a unit, such as "30s", "10m", "24h" or "30d"')
    return value


def _not_negative(span: timedelta) -> timedelta:
    if span < timedelta(0):
        raise ValueError("a duration cannot be negative")
    return span


def _positive(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError("this duration has to be longer than zero")
    return span


def _with_unit(value: object) -> object:
    """Refuse a bare number, which is seconds: somebody who means days would lose all that is older than minutes."""
    if isinstance(value, int | float) or (isinstance(value, str) and _BARE_NUMBER.fullmatch(value)):
        raise ValueError('write it with its unit, such as "400d"; a bare number would be seconds')
    return value


Span = Annotated[timedelta, BeforeValidator(_to_span), AfterValidator(_not_negative)]
"""A duration; in the file a number of seconds or a text such as "10m"."""
PositiveSpan = Annotated[timedelta, BeforeValidator(_to_span), AfterValidator(_positive)]


_SIZE_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"\s*(\d{1,6})\s*(KiB|MiB|GiB|TiB)\s*")


def _to_size(value: object) -> object:
    """Read `"20GiB"` as bytes; a number is bytes already, anything else is left for pydantic to refuse."""
    if isinstance(value, str) and not value.isdecimal():
        found = _SIZE.fullmatch(value)
        if found is None:
            raise ValueError('write a size as a number and a unit, such as "500MiB" or "20GiB"')
        return int(found[1]) * _SIZE_UNITS[found[2]]
    return value


Size = Annotated[int, BeforeValidator(_to_size), Field(ge=0)]
"""Bytes; in the file a number or a text such as "20GiB"."""


def _to_words(value: object) -> object:
    """Read a text as a list of its words: in a variable that is how one is written."""
    return value.split() if isinstance(value, str) else value


_Words = BeforeValidator(_to_words)


_ONLY_LOOKING: ContextVar[bool] = ContextVar("only_looking", default=False)
"""True while a configuration is read whose folders and files may be missing. Validators get no other word from outside."""


def _kind_of(path: Path) -> int:
    """Return the file type bits of what is at `path`; ValueError in words where that cannot be told."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        raise ValueError(
            "this does not exist; create it, or mount the share, and let the service's user have access"
        ) from None
    except OSError as error:
        raise ValueError(
            f"this cannot be looked at ({error.strerror}); let the service's user have access, or mend the mount"
        ) from None


def _existing_folder(path: Path) -> Path:
    path = path.expanduser()
    if not path.is_absolute():
        raise ValueError("write the whole path, beginning with /")
    if not _ONLY_LOOKING.get() and _kind_of(path) != stat.S_IFDIR:
        raise ValueError("this is not a folder")
    return path


def _existing_file(path: Path) -> Path:
    path = path.expanduser()
    if not _ONLY_LOOKING.get() and _kind_of(path) != stat.S_IFREG:
        raise ValueError("this is not an ordinary file")
    return path


Folder = Annotated[Path, AfterValidator(_existing_folder)]
"""An absolute path to a folder that exists."""
ReadableFile = Annotated[Path, AfterValidator(_existing_file)]


def _private_file(path: Path) -> Path:
    path = _existing_file(path)
    if _ONLY_LOOKING.get():
        return path
    mode = path.stat().st_mode
    if mode & 0o007:
        raise ValueError(
            f"other users of this machine can read or change this file (mode {mode & 0o777:04o}); "
            f"run: chmod o= {shlex.quote(str(path))}"
        )
    return path


PrivateFile = Annotated[Path, AfterValidator(_private_file)]
"""A file with a secret in it, refused if others can read it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ApiSettings(_Section):
    """[api]: where the service is and how to reach it."""

    base_url: HttpUrl = HttpUrl("https://developer-api.easy-predictive-analytics.sony.com")
    connect_timeout: PositiveSpan = timedelta(seconds=10)
    timeout: PositiveSpan = timedelta(seconds=60)
    """The longest silence on a connection, not the length of a transfer."""
    proxy: str | None = None
    ca_bundle: ReadableFile | None = None

    @property
    def host(self) -> str:
        """The service's host and port."""
        return urlsplit(str(self.base_url)).netloc.rpartition("@")[2]


def default_state_folder() -> Path:
    """Return systemd's state folder, else /var/lib/retraind where it exists, else one in the user's home."""
    if folders := os.environ.get("STATE_DIRECTORY"):
        return Path(folders.split(":")[0])
    if SYSTEM_STATE.is_dir():
        return SYSTEM_STATE
    return platformdirs.user_state_path("retraind")


class StateSettings(_Section):
    """[state]: where the journal and the bundles are kept."""

    url: str = Field(default_factory=lambda: f"sqlite:///{default_state_folder() / 'journal.db'}")
    spool: Path = Field(default_factory=lambda: default_state_folder() / "spool")
    keep_free: Size = 200 << 20
    """Bytes on the spool's disk that no bundle takes: the journal may be on it too."""

    @field_validator("url")
    @classmethod
    def _only_sqlite(cls, url: str) -> str:
        if not url.startswith("sqlite:////"):
            raise ValueError("only SQLite is supported: write sqlite:/// and the whole path of the journal")
        return url

    @property
    def journal_file(self) -> Path:
        """The SQLite file behind `url`."""
        return Path(self.url.removeprefix("sqlite:///"))


class BundleSettings(_Section):
    """[bundle]: how what is uploaded is made."""

    compression: Literal["auto", "fast", "small"] = "auto"
    largest: Size = 20 << 30
    """Bytes of the largest file that is taken in. A file may say that it has eight exbibytes, and take no space."""


class SweepSettings(_Section):
    """[sweep]: how the drop folders are watched."""

    interval: PositiveSpan = timedelta(seconds=30)
    observer: Literal["auto", "inotify", "none"] = "auto"
    ignore: Annotated[tuple[str, ...], _Words] = (
        ".*", "~$*", "*~", "*.part", "*.partial", "*.tmp", "*.temp", "*.filepart", "*.crdownload",
        "*.download", "*.swp", "*.lock", "Thumbs.db", "desktop.ini", "STATUS.txt",
    )  # fmt: skip


class PollSettings(_Section):
    """[poll]: how the service is asked whether a training has finished."""

    interval: PositiveSpan = timedelta(seconds=60)
    slowest: PositiveSpan = timedelta(minutes=15)
    timeout: PositiveSpan = timedelta(hours=24)
    failure_words: Annotated[tuple[str, ...], _Words] = ("fail", "error", "cancel", "abort", "delete")
    upload_doubt: Span = timedelta(seconds=60)
    """How long to watch a retrain job after an upload was cut off, before its bytes are sent again."""


class WorkSettings(_Section):
    """[work]: how much is done at the same time, and how passing trouble is met."""

    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    retry_first: PositiveSpan = timedelta(seconds=5)
    retry_longest: PositiveSpan = timedelta(minutes=10)


Kind = Literal["failed", "held", "stuck", "key", "outage", "folder", "gate", "journal", "done"]
"""What an operator can be notified of."""


def _address(url: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", url.get_secret_value(), re.IGNORECASE):
        raise ValueError('write an address such as "https://hooks.example.com/…" or "mailto://…"')
    return url


class NotifySettings(_Section):
    """[notify]: whom to tell of what somebody should know."""

    urls: Annotated[tuple[Annotated[SecretStr, AfterValidator(_address)], ...], _Words] = ()
    """They may hold passwords and tokens."""
    on: Annotated[tuple[Kind, ...], _Words] = (
        "failed",
        "held",
        "stuck",
        "key",
        "outage",
        "folder",
        "gate",
        "journal",
    )
    patience: Span = timedelta(minutes=15)
    """How long passing trouble has to last before it is worth a message."""


_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


_BUDGET = re.compile(r"(\d+)\s*/\s*(day|week|month|year)")


class Budget(NamedTuple):
    """How many trainings a model may start in a period of the local calendar."""

    trainings: int
    period: str

    def begins(self, now: datetime) -> datetime:
        """Return when the period that `now` is in began, local time."""
        day = now.astimezone().date()
        match self.period:
            case "day":
                pass
            case "week":
                day -= timedelta(days=day.weekday())
            case "month":
                day = day.replace(day=1)
            case _:
                day = day.replace(month=1, day=1)
        # Midnight of that day had its own distance to UTC, perhaps not the present one.
        return datetime.combine(day, time()).astimezone()

    def ends(self, now: datetime) -> datetime:
        """Return when the next period begins."""
        # A day more than the longest period lies in the next one; two hours more if a clock change shortens a day.
        return self.begins(self.begins(now) + self.longest + timedelta(hours=2))

    @property
    def longest(self) -> timedelta:
        """The length of the longest of these periods."""
        return timedelta(days={"day": 1, "week": 7, "month": 31, "year": 366}[self.period])


def _budget_of(text: object) -> Budget | None:
    found = _BUDGET.fullmatch(text) if isinstance(text, str) else None
    return Budget(int(found[1]), found[2]) if found else None


def _budget(text: str) -> str:
    if not _BUDGET.fullmatch(text):
        raise ValueError('write a budget as "4/month" (day, week, month or year)')
    return text


def _pattern(text: str) -> str:
    Pattern(text)
    return text


def _window(text: str) -> str:
    found = _WINDOW.fullmatch(text)
    if not found or found[1] + found[2] == found[3] + found[4]:
        raise ValueError('write a window in local time as "22:00-06:00"')
    return text


def _table_mistakes(given: Mapping[str, object]) -> Iterator[str]:
    """Tell what is wrong between the keys of a model's table, whatever is wrong with each of them alone."""
    yield from _pattern_mistakes(given)
    api = [name for name in ("api_key", "api_key_file", "credential") if name in given]
    secret = [name for name in ("secret_key", "secret_key_file", "secret_credential") if name in given]
    if len(api) + len(secret) != 1:
        yield (
            f"exactly one credential is needed, given: {' and '.join(api + secret) or 'none'}. Name api_key_file, or "
            "credential (systemd), or a RETRAIND_... variable for api_key, or the account's secret key with model_id"
        )
    elif secret and "model_id" not in given:
        yield f"{secret[0]} also needs model_id, the number of the model on the vendor's screen"
    elif api and "model_id" in given:
        yield "model_id goes with the account's secret key; an API key already names its model"
    if given.get("switch") == "gate" and not given.get("gate"):
        yield 'switch = "gate" needs gate, the command that decides'
    yield from _retention_mistakes(given)
    if "gate" in given and given.get("switch") != "gate":
        yield 'a gate is only asked with switch = "gate"; add that or take gate away'


def _retention_mistakes(given: Mapping[str, object]) -> Iterator[str]:
    budget = _budget_of(given.get("budget"))
    try:
        retention = _to_span(given.get("retention"))
    except ValueError:
        # Told of the key itself.
        return
    if budget and isinstance(retention, timedelta) and retention < budget.longest:
        yield (
            f"retention has to be at least as long as the period of budget, here {budget.longest.days}d: trainings that "
            "are forgotten cannot be counted"
        )


def _pattern_mistakes(given: Mapping[str, object]) -> Iterator[str]:
    train = given.get("train", ModelSettings.model_fields["train"].default)
    evaluation = given.get("eval", ModelSettings.model_fields["eval"].default)
    if given.get("mode", "pair") != "pair" or not isinstance(train, str) or not isinstance(evaluation, str):
        return
    try:
        overlap = can_both_match(Pattern(train), Pattern(evaluation))
    except ValueError:
        # Told of the pattern itself.
        return
    if overlap:
        yield (
            f"train = {train!r} and eval = {evaluation!r} can both match the same name; begin or end them with "
            "different fixed words (train_{key} and eval_{key}), or use folders (train/{key} and eval/{key})"
        )
    if ("{key}" in train) != ("{key}" in evaluation):
        yield "train and eval both need {key}, or neither: it is what joins the two files"


def _model_name(name: str) -> str:
    if not _MODEL_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a model's name; use small letters, digits, - and _ (63 at most)"
        )
    return name


class ModelSettings(_Section):
    """[models.NAME]: one published prediction model, its drop folder, its credential and its policy."""

    drop: Folder
    mode: Literal["pair", "train-only"] = "pair"
    train: Annotated[str, AfterValidator(_pattern)] = "train*{key}*"
    eval: Annotated[str, AfterValidator(_pattern)] = "eval*{key}*"
    ready: Literal["settle", "marker", "manifest"] = "settle"
    settle: Span = timedelta(seconds=10)
    pair_timeout: PositiveSpan = timedelta(hours=24)
    on_pair_timeout: Literal["wait", "fail", "train-only"] = "wait"
    backlog: Literal["all", "latest"] = "all"
    on_duplicate: Literal["skip", "retrain"] = "skip"
    fix: Annotated[tuple[Literal["bom"], ...], _Words] = ()
    target: Annotated[str, Field(min_length=1)] | None = None
    """The column that the model predicts. Named, its rules are checked as well."""
    time_series: bool = False
    """The limits of the service's time-series mode hold."""
    done: Folder | None = None
    failed: Folder | None = None

    api_key: SecretStr | None = None
    api_key_file: PrivateFile | None = None
    credential: str | None = None
    secret_key: SecretStr | None = None
    secret_key_file: PrivateFile | None = None
    secret_credential: str | None = None
    model_id: int | None = None

    switch: Literal["manual", "always", "gate"] = "manual"
    gate: tuple[str, ...] | None = None
    gate_timeout: PositiveSpan = timedelta(minutes=10)
    upload_window: Annotated[str, AfterValidator(_window)] | None = None
    budget: Annotated[str, AfterValidator(_budget)] | None = None
    retention: Annotated[PositiveSpan, BeforeValidator(_with_unit)] | None = None
    """How long finished jobs are kept under done/; None for ever."""
    poll_interval: PositiveSpan | None = None
    poll_timeout: PositiveSpan | None = None

    @field_validator("gate", mode="before")
    @classmethod
    def _split_gate(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        given = {
            name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None
        }
        for mistake in _table_mistakes(given):
            raise ValueError(mistake)
        return self

    @property
    def done_folder(self) -> Path:
        """Where finished jobs are filed."""
        return self.done or self.drop / "done"

    @property
    def failed_folder(self) -> Path:
        """Where failed jobs are filed."""
        return self.failed or self.drop / "failed"

    @property
    def work_folder(self) -> Path:
        """Where sealed deliveries are worked on; on the drop folder's file system, so that a rename gets there."""
        return self.drop / ".retraind"

    @property
    def trainings(self) -> Budget | None:
        """`budget` as numbers."""
        return _budget_of(self.budget)

    @property
    def window(self) -> tuple[time, time] | None:
        """`upload_window` as local times of day."""
        if self.upload_window is None:
            return None
        begin, end = self.upload_window.split("-")
        return time.fromisoformat(begin), time.fromisoformat(end)


class _Variables(EnvSettingsSource):
    """RETRAIND_... variables. What is no JSON is left as it is, to be read or refused like a text in the file."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return a variable's value, decoded where that makes sense."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    api: ApiSettings = Field(default_factory=ApiSettings)
    state: StateSettings = Field(default_factory=StateSettings)
    bundle: BundleSettings = Field(default_factory=BundleSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    poll: PollSettings = Field(default_factory=PollSettings)
    work: WorkSettings = Field(default_factory=WorkSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    models: dict[Annotated[str, AfterValidator(_model_name)], ModelSettings] = Field(min_length=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put variables before the file; `init_settings` carries the file's content, already parsed."""
        del env_settings, dotenv_settings, file_secret_settings
        return _Variables(settings_cls), init_settings

    def poll_interval(self, model: str) -> timedelta:
        """Return how often `model`'s trainings are asked after at first."""
        return self.models[model].poll_interval or self.poll.interval

    def poll_timeout(self, model: str) -> timedelta:
        """Return how long a training of `model` may take."""
        return self.models[model].poll_timeout or self.poll.timeout


def find_config(named: Path | None = None) -> Path:
    """Return the file to read: `named`, else $RETRAIND_CONFIG, ./config.toml, /etc/retraind/config.toml.

    Raises ConfigError when there is none.
    """
    if named is None and (variable := os.environ.get(CONFIG_VARIABLE)):
        named = Path(variable)
    if named is not None:
        if not named.is_file():
            raise ConfigError([f"{named}: there is no such file. Name the configuration with -c FILE."])
        return named
    for candidate in (Path("config.toml"), SYSTEM_CONFIG):
        if candidate.is_file():
            return candidate
    raise ConfigError(
        [
            f"There is no configuration: neither ./config.toml nor {SYSTEM_CONFIG} exists and "
            f"${CONFIG_VARIABLE} is not set. Start from config.example.toml, or name a file with -c FILE."
        ]
    )


def load(named: Path | None = None) -> tuple[Settings, Path]:
    """Read and validate the configuration; returns it with the file it came from.

    Raises ConfigError with every mistake found.
    """
    file = find_config(named)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: this is not valid TOML: {error}."]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [f"{file}: this is not UTF-8 text (byte {error.start}). Save it as UTF-8."]
        ) from None
    except OSError as error:
        raise ConfigError([f"{file}: it cannot be read: {error.strerror}."]) from None
    problems = list(_unknown_variables())
    if not _ONLY_LOOKING.get():
        problems += _exposed_secrets(file, content)
    settings = None
    try:
        settings = Settings(**content)
    except ValidationError as error:
        # Rules between keys are not asked of a table with a wrong key in it; so they are asked here, of all tables.
        details = [detail for detail in error.errors() if not _is_between_keys(detail)]
        problems += [_word(file, detail) for detail in details]
        tables = _tables(content)
        problems += [
            f"{file}: models.{name}: {mistake}."
            for name, table in tables.items()
            for mistake in _table_mistakes(table)
        ]
    problems += _folder_conflicts(file, _drop_folders(content))
    if problems or settings is None:
        raise ConfigError(problems)
    return settings, file


def load_to_look(named: Path | None = None) -> tuple[Settings, Path, list[str]]:
    """Read the configuration for a command that only looks, or writes a wish into the journal.

    A share that is away and a key file that is open to others are no reason to tell nothing of all models: such
    mistakes are returned. Raises ConfigError for all others.
    """
    try:
        return *load(named), []
    except ConfigError as error:
        looking = _ONLY_LOOKING.set(True)
        try:
            return *load(named), error.problems
        except ConfigError:
            raise error from None
        finally:
            _ONLY_LOOKING.reset(looking)


def _is_between_keys(detail: ErrorDetails) -> bool:
    location = detail["loc"]
    return detail["type"] == "value_error" and location[0] == "models" and len(location) == 2  # noqa: PLR2004


def _tables(content: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """Collect the models' keys from file and variables, even from a configuration that is otherwise wrong."""
    models = content.get("models")
    found: dict[str, dict[str, object]] = {}
    if isinstance(models, dict):
        found = {name: dict(table) for name, table in models.items() if isinstance(table, dict)}
    for variable, value in os.environ.items():
        if match := re.fullmatch(rf"{ENV_PREFIX}MODELS__(.+?)__(.+)", variable, re.IGNORECASE):
            found.setdefault(match[1].lower(), {})[match[2].lower()] = value
    return found


def _drop_folders(content: Mapping[str, Any]) -> dict[str, Path]:
    return {
        name: Path(drop)
        for name, table in _tables(content).items()
        if isinstance(drop := table.get("drop"), str)
    }


def _folder_conflicts(file: Path, folders: Mapping[str, Path]) -> Iterator[str]:
    """Tell which models share a drop folder or lie inside one another, links resolved.

    Sorted by path, a folder's descendants follow it directly, so one pass with a stack of parents finds all.
    """
    parents: list[tuple[str, Path]] = []
    for name, folder in sorted(
        ((name, folder.expanduser().resolve()) for name, folder in folders.items()),
        key=lambda item: item[1].parts,
    ):
        while parents and not folder.is_relative_to(parents[-1][1]):
            parents.pop()
        if parents:
            other, parent = parents[-1]
            where = "the same folder as" if folder == parent else "a folder inside"
            yield (
                f"{file}: models.{name}.drop = {str(folders[name])!r}: this is {where} models.{other}.drop. "
                "Give every model a drop folder of its own, beside the others."
            )
        parents.append((name, folder))


def _exposed_secrets(file: Path, content: Mapping[str, Any]) -> Iterator[str]:
    models = content.get("models")
    tables = models.items() if isinstance(models, dict) else ()
    keys = [
        f"models.{name}.{key}"
        for name, table in tables
        if isinstance(table, dict)
        for key in ("api_key", "secret_key")
        if key in table
    ]
    notify = content.get("notify")
    if isinstance(notify, dict) and notify.get("urls"):
        keys.append("notify.urls")
    if keys and file.stat().st_mode & 0o007:
        yield (
            f"{file}: {', '.join(keys)}: this file holds a secret and other users of this machine can read it. "
            f"Run: chmod o= {shlex.quote(str(file))}, or keep it elsewhere: in a key file, or in a variable."
        )


def _unknown_variables() -> Iterator[str]:
    sections = {name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        if not variable.upper().startswith(ENV_PREFIX) or variable.upper() == CONFIG_VARIABLE:
            continue
        section = variable[len(ENV_PREFIX) :].upper().split("__")[0]
        if section not in sections and not section.startswith("TESTS_"):
            yield f"Environment variable {variable}: it sets nothing.{_did_you_mean(section, sections)}"


def _did_you_mean(word: str, words: set[str]) -> str:
    close = difflib.get_close_matches(word, sorted(words), n=1)
    return f" Did you mean {close[0]}?" if close else f" Known are: {', '.join(sorted(words))}."


def _known_keys(location: tuple[int | str, ...]) -> set[str]:
    """List the keys that a table may have, found by walking the schema."""
    if len(location) == 1:
        return set(Settings.model_fields)
    if location[0] == "models":
        return set(ModelSettings.model_fields)
    section = Settings.model_fields.get(str(location[0]))
    kind = section.annotation if section else None
    return set(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else set()


_SECRET_KEYS = {"api_key", "secret_key", "urls"}


def _word(file: Path, detail: ErrorDetails) -> str:
    """Turn one of pydantic's errors into a sentence: where, key, value, what is wrong, what to do."""
    location = tuple(part for part in detail["loc"] if part != "[key]")
    # The value itself, or the list or table that it is in.
    parts = [str(part).upper() for part in location]
    variables = {ENV_PREFIX + "__".join(parts[:length]) for length in range(1, len(parts) + 1)}
    set_by = next((name for name in os.environ if name.upper() in variables), None)
    where = f"Environment variable {set_by}" if set_by else str(file)
    key = ".".join(str(part) for part in location)
    value = detail["input"]
    shown = ""
    if _SECRET_KEYS & {str(part) for part in location}:
        shown = " = (hidden)"
    elif isinstance(value, str | int | float | bool) or (isinstance(value, list) and len(str(value)) < 80):  # noqa: PLR2004
        shown = f" = {value!r}"
    match detail["type"]:
        case "extra_forbidden":
            keys = _known_keys(location)
            what = f"there is no such key.{_did_you_mean(str(location[-1]), keys)}"
        case "missing":
            what = "this key is needed." + (
                " Name the folder where this model's files arrive." if location[-1] == "drop" else ""
            )
            if location == ("models",):
                what = "no model is configured. Add a table [models.NAME] with drop and api_key_file."
            shown = ""
        case "value_error":
            what = str(detail["ctx"]["error"])
            what = what if what.endswith((".", "?", ")")) else what + "."
        case _:
            what = detail["msg"] + "."
    return f"{where}: {key}{shown}: {what}"
