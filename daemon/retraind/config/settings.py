"""The keys of the configuration with their defaults, as pydantic models: one for each table."""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import PydanticCustomError

from retraind.config.digests import NEVER, DigestText
from retraind.config.expectation import ExpectSettings
from retraind.config.types import (
    AbsolutePath,
    AllowedHost,
    AnyPath,
    BaseUrl,
    Budget,
    BudgetText,
    Command,
    HeaderName,
    JournalUrl,
    ListenText,
    ModelName,
    PageHost,
    PathPrefix,
    PatternText,
    PortText,
    PositiveSpan,
    ProxyText,
    RateText,
    RecipientAddress,
    RuleTable,
    SecretWebAddress,
    Size,
    Span,
    SpanWithUnit,
    TrustedText,
    VariableName,
    Words,
    budget_of,
    rate_of,
)
from retraind.config.upload_window import WindowTexts, window_of
from retraind.domain.upload_window import Window
from retraind.system.addresses import place_of
from retraind.system.files import is_folder

ENV_PREFIX = "RETRAIND_"
WORK = ".retraind"
"""The folder in the drop folder where sealed deliveries are."""
_SYSTEM_STATE = Path("/var/lib/retraind")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _no_boolean_is_a_number(cls, value: object, read: ValidatorFunctionWrapHandler) -> object:
        """Refuse true and false where pydantic reads them as 1 and 0."""
        found = read(value)
        if isinstance(value, bool) and not isinstance(found, bool):
            raise PydanticCustomError("boolean_type", "This is a boolean")
        return found


class ApiSettings(_Section):
    """[api]: where the service is and how to reach it."""

    base_url: BaseUrl = HttpUrl("https://developer-api.easy-predictive-analytics.sony.com")
    connect_timeout: PositiveSpan = timedelta(seconds=10)
    timeout: PositiveSpan = timedelta(seconds=60)
    """The longest silence on a connection, not the length of a transfer."""
    proxy: ProxyText | None = None
    ca_bundle: AnyPath | None = None
    allow_hosts: Annotated[tuple[AllowedHost, ...], Words] = ()
    """Where else the service may name upload and download addresses, beyond the reach of base_url."""

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

    url: JournalUrl = Field(default_factory=lambda: f"sqlite:///{default_state_folder() / 'journal.db'}")
    spool: AbsolutePath = Field(default_factory=lambda: default_state_folder() / "spool")
    keep_free: Size = 200 << 20
    """Bytes that stay free on the disks of the spool, the state and an archive: they may hold the journal."""

    @property
    def journal_file(self) -> Path:
        """The SQLite file behind `url`."""
        return Path(self.url.removeprefix("sqlite:///"))

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """Where retraind believes what it reads, and deletes what it finds no use for."""
        return self.spool, *map(self.journal_file.with_name, ("backups", "gate", "shares"))


class BundleSettings(_Section):
    """[bundle]: how bundles are built for the upload."""

    compression: Literal["auto", "fast", "small"] = "auto"
    largest: Size = 20 << 30
    """Bytes of the largest file that is taken in. A sparse file of eight exbibytes takes no space."""


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
    """How long to watch a retrain job after an interrupted upload, before its bytes are sent again."""


class WorkSettings(_Section):
    """[work]: how much is done in parallel, and how transient failures are retried."""

    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    retry_first: PositiveSpan = timedelta(seconds=5)
    retry_longest: PositiveSpan = timedelta(minutes=10)
    upload_rate: RateText | None = None
    """How fast all uploads together send; None means as fast as the line is."""

    @property
    def bytes_per_second(self) -> int | None:
        """`upload_rate` as a number."""
        return rate_of(self.upload_rate) if self.upload_rate else None


Kind = Literal[
    "failed", "held", "stuck", "key", "outage", "folder", "gate", "journal", "waiting", "late", "files",
    "done",
]  # fmt: skip
"""The events of which an operator can be notified."""


class NotifySettings(_Section):
    """[notify]: who is notified of what."""

    urls: Annotated[tuple[RecipientAddress, ...], Words] = ()
    on: Annotated[tuple[Kind, ...], Words] = (
        "failed",
        "held",
        "stuck",
        "key",
        "outage",
        "folder",
        "gate",
        "journal",
        "waiting",
        "late",
    )
    patience: Span = timedelta(minutes=15)
    """How long a transient failure must last before it is reported."""
    digest: DigestText = NEVER
    """When what has happened is summed up in one message."""
    heartbeat: SecretWebAddress | None = None
    """What is called after sweeps, so that somebody else notices when that ends."""


class MetricsSettings(_Section):
    """[metrics]: numbers for monitoring, beside those of the status page."""

    listen: PortText | None = None
    """Where the daemon itself answers for /metrics, /healthz and /readyz."""
    textfile: AbsolutePath | None = None
    """A file for node_exporter, replaced in each sweep interval."""


class ModelNotifySettings(_Section):
    """[models.NAME.notify]: who is notified of what at one model; what is None is as in [notify]."""

    urls: Annotated[tuple[RecipientAddress, ...] | None, Words] = None
    on: Annotated[tuple[Kind, ...] | None, Words] = None
    digest: DigestText | None = None


class PageSettings(_Section):
    """[page]: the status page, a process of its own (`retraind page`)."""

    listen: ListenText = "127.0.0.1:8087"
    prefix: PathPrefix = ""
    allowed_hosts: Annotated[tuple[PageHost, ...], Words] = ()
    """Hosts by which browsers may call the page, besides those that mean this machine."""
    token_file: AnyPath | None = None
    user_header: HeaderName | None = None
    """The header in which a reverse proxy names the user it has let in."""
    user_header_from: Annotated[tuple[TrustedText, ...], Words] = ()
    """Whose header counts: addresses, or `unix`."""


Language = Literal["en", "ja"]
"""A language of texts for people: those on shares, and notifications."""


class ModelSettings(_Section):
    """[models.NAME]: one published prediction model, its drop folder, its credential and its policy."""

    drop: AbsolutePath
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
    """The column that the model predicts. If named, its rules are checked too."""
    prediction_type: Literal["binary", "multiclass", "regression"] | None = None
    """What kind of model it is. If named, the target's values must suit it."""
    positive_value: Annotated[str, Field(min_length=1)] | None = None
    """The value of the target that a binary model predicts."""
    time_series: bool = False
    """Whether the limits of the service's time-series mode apply."""
    rules: RuleTable = Field(default_factory=dict)
    """What becomes of findings in the data, by rule, where that is not what the rule says."""
    time_column: Annotated[str, Field(min_length=1)] | None = None
    """The column with the times of a time series. If named, its times are checked too."""
    series_column: Annotated[str, Field(min_length=1)] | None = None
    """The column that names the series, if a file has several."""
    done: AbsolutePath | None = None
    failed: AbsolutePath | None = None
    language: Language | None = None
    """Of the texts on its share and of its notifications; None means that of all models."""

    api_key: SecretStr | None = None
    api_key_file: AnyPath | None = None
    credential: str | None = None
    secret_key: SecretStr | None = None
    secret_key_file: AnyPath | None = None
    secret_credential: str | None = None
    model_id: int | None = None

    switch: Literal["manual", "always", "gate"] = "manual"
    gate: Command | None = None
    gate_timeout: PositiveSpan = timedelta(minutes=10)
    gate_data: bool = False
    """Whether the gate reads private copies of the data too, not only of the results."""
    gate_environment: Annotated[tuple[VariableName, ...], Words] = ()
    """Variables that the gate receives beside the usual ones."""
    expect: ExpectSettings | None = None
    """When the next delivery is due; None expects nothing."""
    notify: ModelNotifySettings | None = None
    """Who is notified of what; None is as in [notify]."""
    upload_window: WindowTexts | None = None
    """The hours in which uploads begin."""
    upload_holidays: AnyPath | None = None
    """A file with the company's own holidays, a date a line, for windows with business days."""
    budget: BudgetText | None = None
    retention: SpanWithUnit | None = None
    """How long finished jobs are kept under done/; None means forever."""
    retention_count: Annotated[int, Field(ge=1)] | None = None
    """How many of them are kept."""
    retention_size: Annotated[Size, Field(ge=1)] | None = None
    """Bytes that their data and results may take."""
    retention_failed: SpanWithUnit | None = None
    """The same three for failed/."""
    retention_failed_count: Annotated[int, Field(ge=1)] | None = None
    retention_failed_size: Annotated[Size, Field(ge=1)] | None = None
    poll_interval: PositiveSpan | None = None
    poll_timeout: PositiveSpan | None = None

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
        """Where sealed deliveries are in work: on the drop folder's file system, so a rename suffices."""
        return self.drop / WORK

    @property
    def trainings(self) -> Budget | None:
        """`budget` as numbers."""
        return budget_of(self.budget)

    def window(self, closed: frozenset[date]) -> Window | None:
        """Return the hours of `upload_window`; `closed` are the company's own holidays."""
        return window_of(self.upload_window, closed) if self.upload_window else None


class Settings(_Section):
    """The complete configuration."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Events below this level are not logged."""
    language: Language = "en"
    """Of the texts on shares and of notifications. Logs and commands are English."""
    api: ApiSettings = Field(default_factory=ApiSettings)
    state: StateSettings = Field(default_factory=StateSettings)
    bundle: BundleSettings = Field(default_factory=BundleSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    poll: PollSettings = Field(default_factory=PollSettings)
    work: WorkSettings = Field(default_factory=WorkSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    page: PageSettings = Field(default_factory=PageSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    models: dict[ModelName, ModelSettings] = Field(min_length=1)

    def language_of(self, model: ModelSettings | None) -> Language:
        """Return the language of what people read about a model, or about none."""
        return (model and model.language) or self.language

    def notify_of(self, model: str | None) -> NotifySettings:
        """Return who is notified of what at a model; None, and one that is not here, is no model."""
        own = self.models[model].notify if model in self.models else None
        if own is None:
            return self.notify
        return self.notify.model_copy(update=_given(own))


def _given(own: ModelNotifySettings) -> dict[str, object]:
    return {name: value for name, value in own if value is not None}
