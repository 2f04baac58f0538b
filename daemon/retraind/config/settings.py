"""The configuration's sections and keys, with their defaults and the rules between them. config.py reads them."""

import os
import shlex
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from retraind.config.patterns import Pattern, can_both_match
from retraind.config.types import (
    Address,
    AllowedHost,
    Budget,
    BudgetText,
    Folder,
    ModelName,
    PatternText,
    PositiveSpan,
    PrivateFile,
    ProxyText,
    ReadableFile,
    Size,
    Span,
    SpanWithUnit,
    VariableName,
    WholePath,
    WindowText,
    Words,
    budget_of,
    expanded,
    to_span,
    window_of,
)
from retraind.system.addresses import UnreadableAddress, check_address, place_of
from retraind.system.files import is_folder

ENV_PREFIX = "RETRAIND_"
WORK = ".retraind"
"""The folder in the drop folder where sealed deliveries are."""
_SYSTEM_STATE = Path("/var/lib/retraind")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ApiSettings(_Section):
    """[api]: where the service is and how to reach it."""

    base_url: HttpUrl = HttpUrl("https://developer-api.easy-predictive-analytics.sony.com")
    connect_timeout: PositiveSpan = timedelta(seconds=10)
    timeout: PositiveSpan = timedelta(seconds=60)
    """The longest silence on a connection, not the length of a transfer."""
    proxy: ProxyText | None = None
    ca_bundle: ReadableFile | None = None
    allow_hosts: Annotated[tuple[AllowedHost, ...], Words] = ()
    """Where else than base_url's own reach the service may name upload and download addresses."""

    @field_validator("base_url", mode="before")
    @classmethod
    def _readable(cls, url: object) -> object:
        if isinstance(url, str):
            try:
                check_address(url)
            except UnreadableAddress as mistake:
                raise ValueError(
                    f"{mistake}; write it as the service's page shows it, with https://"
                ) from None
        return url

    @property
    def host(self) -> str:
        """The service's host and port."""
        return place_of(str(self.base_url))


def default_state_folder() -> Path:
    """Return systemd's state folder, else /var/lib/retraind where it exists, else one in the user's home."""
    if folders := os.environ.get("STATE_DIRECTORY"):
        return Path(folders.split(":")[0])
    if is_folder(_SYSTEM_STATE, follow=True):
        return _SYSTEM_STATE
    return platformdirs.user_state_path("retraind")


class StateSettings(_Section):
    """[state]: where the journal and the bundles are kept."""

    url: str = Field(default_factory=lambda: f"sqlite:///{default_state_folder() / 'journal.db'}")
    spool: WholePath = Field(default_factory=lambda: default_state_folder() / "spool")
    keep_free: Size = 200 << 20
    """Bytes that stay free on the spool's disk, the state's and an archive's: the journal may be on it too."""

    @field_validator("url")
    @classmethod
    def _only_sqlite(cls, url: str) -> str:
        if not url.startswith("sqlite:////") or url.endswith("/"):
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
    ignore: Annotated[tuple[str, ...], Words] = (
        ".*", "~$*", "*~", "*.part", "*.partial", "*.tmp", "*.temp", "*.filepart", "*.crdownload",
        "*.download", "*.swp", "*.lock", "Thumbs.db", "desktop.ini", "STATUS.txt",
    )  # fmt: skip


class PollSettings(_Section):
    """[poll]: how the service is asked whether a training has finished."""

    interval: PositiveSpan = timedelta(seconds=60)
    slowest: PositiveSpan = timedelta(minutes=15)
    timeout: PositiveSpan = timedelta(hours=24)
    failure_words: Annotated[tuple[str, ...], Words] = ("fail", "error", "cancel", "abort", "delete")
    upload_doubt: Span = timedelta(seconds=60)
    """How long to watch a retrain job after an upload was cut off, before its bytes are sent again."""


class WorkSettings(_Section):
    """[work]: how much is done at the same time, and how passing trouble is met."""

    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    retry_first: PositiveSpan = timedelta(seconds=5)
    retry_longest: PositiveSpan = timedelta(minutes=10)


Kind = Literal["failed", "held", "stuck", "key", "outage", "folder", "gate", "journal", "done"]
"""What an operator can be notified of."""


class NotifySettings(_Section):
    """[notify]: whom to tell of what somebody should know."""

    urls: Annotated[tuple[Address, ...], Words] = ()
    """They may hold passwords and tokens."""
    on: Annotated[tuple[Kind, ...], Words] = (
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


def table_mistakes(given: Mapping[str, object]) -> Iterator[str]:
    """Tell what is wrong between the keys of a model's table, whatever is wrong with each of them alone."""
    yield from _pattern_mistakes(given)
    yield from _place_mistakes(given)
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


def _place_mistakes(given: Mapping[str, object]) -> Iterator[str]:
    drop, done, failed = (_comparable(given.get(key)) for key in ("drop", "done", "failed"))
    for key, folder in (("done", done), ("failed", failed)):
        if drop and folder and (folder == drop or Path(folder).is_relative_to(f"{drop}/{WORK}")):
            yield (
                f"{key} is the folder in which deliveries {'arrive' if folder == drop else 'are in work'}; name another one, "
                f"or leave {key} away for {drop}/{key}"
            )
    if done and done == failed:
        yield (
            "done and failed are the same folder, so that nothing tells what has been used from what has not; name two"
        )


def _comparable(folder: object) -> str | None:
    """Return a folder's path in the form in which it may be compared. No share is asked."""
    return os.path.abspath(expanded(Path(folder))) if isinstance(folder, str | Path) else None  # noqa: PTH100


def _retention_mistakes(given: Mapping[str, object]) -> Iterator[str]:
    budget = budget_of(given.get("budget"))
    try:
        retention = to_span(given.get("retention"))
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


class ModelSettings(_Section):
    """[models.NAME]: one published prediction model, its drop folder, its credential and its policy."""

    drop: Folder
    mode: Literal["pair", "train-only"] = "pair"
    train: PatternText = "train*{key}*"
    eval: PatternText = "eval*{key}*"
    ready: Literal["settle", "marker", "manifest"] = "settle"
    settle: Span = timedelta(seconds=10)
    pair_timeout: PositiveSpan = timedelta(hours=24)
    on_pair_timeout: Literal["wait", "fail", "train-only"] = "wait"
    backlog: Literal["all", "latest"] = "all"
    on_duplicate: Literal["skip", "retrain"] = "skip"
    fix: Annotated[tuple[Literal["bom"], ...], Words] = ()
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
    gate_data: bool = False
    """The gate is shown private copies of the data as well, not only of the results."""
    gate_environment: Annotated[tuple[VariableName, ...], Words] = ()
    """Variables that the gate gets besides the ordinary ones."""
    upload_window: WindowText | None = None
    budget: BudgetText | None = None
    retention: SpanWithUnit | None = None
    """How long finished jobs are kept under done/; None for ever."""
    poll_interval: PositiveSpan | None = None
    poll_timeout: PositiveSpan | None = None

    @field_validator("gate", mode="before")
    @classmethod
    def _split_gate(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("gate")
    @classmethod
    def _one_program_everywhere(cls, gate: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a path that would lead into the job's folder, in which the gate is run."""
        if gate and "/" in gate[0] and not gate[0].startswith("/"):
            raise ValueError(
                f"write the whole path of {gate[0]}, beginning with /, or the name of a program in PATH"
            )
        return gate

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        given = {
            name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None
        }
        for mistake in table_mistakes(given):
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
        return self.drop / WORK

    @property
    def trainings(self) -> Budget | None:
        """`budget` as numbers."""
        return budget_of(self.budget)

    @property
    def window(self) -> tuple[time, time] | None:
        """`upload_window` as local times of day."""
        return window_of(self.upload_window) if self.upload_window else None


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
    models: dict[ModelName, ModelSettings] = Field(min_length=1)

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
