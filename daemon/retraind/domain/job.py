"""What a job is, and the one table of its life: states, the step each runs, where it may go next.

Pure data. A job is made of parts, each present or None: a reset is one assignment. Waits, tries and waivers
have a natural zero instead. The steps are in `jobs/steps.py`, the records of jobs in `store/jobs.py`.
"""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from retraind.domain.flat import for_first_version
from retraind.domain.people import Request
from retraind.domain.problems import Finding, Problem, adapter


class State(StrEnum):
    """Where a job stands.

    A state names what is already true, except those ending in -ing, which name a step that has been decided
    on and may have been cut off half-way.
    """

    SEALING = "sealing"
    """The delivery is complete; its files are being moved out of the drop folder."""
    SEALED = "sealed"
    """All files are in the job's own folder. Waits here for the model's earlier jobs."""
    CHECKED = "checked"
    """The data follows the service's rules."""
    BUNDLED = "bundled"
    """The file to upload is on the spool disk."""
    REGISTERED = "registered"
    """The service has given a retrain_job_id and an address to upload to."""
    UPLOADED = "uploaded"
    """The service has every byte; it trains."""
    TRAINED = "trained"
    """The service has finished and the results are in the job's folder."""
    SWITCHING = "switching"
    """The policy, or a person, has decided that the retrained model becomes the published one."""
    FILING = "filing"
    """The outcome is decided; notes are written and the folder moves to done/ or failed/."""
    DONE = "done"
    """The folder is in done/."""
    FAILED = "failed"
    """The folder is in failed/."""
    RESTORING = "restoring"
    """A person asked for another try; the folder moves back into work."""
    RETURNED = "returned"
    """The files changed while they were being taken and are back in the drop folder; a later job has them."""


class Stage(NamedTuple):
    """One row of the table of a job's life."""

    step: str | None
    """The function in `jobs/steps.py` that leaves this state; None where the job rests."""
    next: frozenset[State]
    """The states that may follow."""


def _stage(step: str | None, *following: State) -> Stage:
    return Stage(step, frozenset(following))


S = State
LIFE: Mapping[State, Stage] = MappingProxyType(
    {
        #            step        may go to
        S.SEALING: _stage("seal", S.SEALED, S.RETURNED, S.FILING),
        S.SEALED: _stage("preflight", S.CHECKED, S.UPLOADED, S.RETURNED, S.FILING),
        S.CHECKED: _stage("bundle", S.BUNDLED, S.RETURNED, S.FILING),
        S.BUNDLED: _stage("register", S.REGISTERED, S.CHECKED, S.FILING),
        S.REGISTERED: _stage("upload", S.UPLOADED, S.BUNDLED, S.CHECKED, S.FILING),
        S.UPLOADED: _stage("poll", S.TRAINED, S.BUNDLED, S.FILING),
        S.TRAINED: _stage("decide", S.SWITCHING, S.FILING),
        S.SWITCHING: _stage("switch", S.FILING),
        S.FILING: _stage("file", S.DONE, S.FAILED),
        S.DONE: _stage(None, S.SWITCHING),
        S.FAILED: _stage(None, S.RESTORING, S.FILING),
        S.RESTORING: _stage("restore", S.SEALED, S.REGISTERED, S.UPLOADED, S.TRAINED, S.SWITCHING, S.FAILED),
        S.RETURNED: _stage(None),
    }
)

RESTING = frozenset(state for state, stage in LIFE.items() if stage.step is None)
"""States in which nothing happens unless a person asks for it."""

IN_WORK = frozenset({S.CHECKED, S.BUNDLED, S.REGISTERED, S.UPLOADED, S.TRAINED})
"""States that occupy the model: its next delivery stays sealed until the job has left them."""

TALKS = frozenset({S.BUNDLED, S.REGISTERED, S.UPLOADED, S.SWITCHING})
"""States whose step calls the service, and which therefore wait while the model's credential is bad."""


class Outcome(StrEnum):
    """How a job ended."""

    TRAINED = "trained"
    """Trained; the published model was left as it was."""
    SWITCHED = "switched"
    """Trained, and now the published model."""
    SUPERSEDED = "superseded"
    """Not sent: a newer delivery was waiting behind it (`backlog = latest`)."""
    DUPLICATE = "duplicate"
    """Not sent: the same bytes were delivered and trained before (`on_duplicate = skip`)."""
    FAILED = "failed"
    """Could not be completed; ERROR.txt says why."""


class Role(StrEnum):
    """What a file is in its delivery."""

    TRAIN = "train"
    EVAL = "eval"
    MARKER = "marker"
    MANIFEST = "manifest"


DATA_ROLES = (Role.TRAIN, Role.EVAL)  # in the order in which they are read
_CLOCK_SLACK = timedelta(minutes=1)  # a clock that is corrected by less was not set


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """What a file looked like from outside; equal signatures mean it was not touched in between."""

    size: int
    """Bytes."""
    mtime_ns: int
    inode: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedFile:
    """A file of a delivery. Raises ValueError for a name that leads out of its folder."""

    role: Role
    name: str
    """Path below the drop folder, and later below the job's folder, with `/`; one folder deep at most."""
    signature: Signature
    sha256: str | None = None
    """Of its bytes as they were delivered."""
    marked: bool = False
    """The mark of UTF-8, which it lacks, is put before it on its way to the service."""

    def __post_init__(self) -> None:
        parts = self.name.split("/")
        if len(parts) > 2 or any(part in {"", ".", ".."} or "\0" in part for part in parts):  # noqa: PLR2004
            raise ValueError("not the name of a file in a delivery")

    @property
    def base_name(self) -> str:
        """The name without its folder: what the service gets to see."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A file that the gate was shown."""

    name: str
    bytes: int
    sha256: str
    copied: bool
    """It was shown a copy of the service's own; otherwise the file in the job's folder, held open."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What the present step waits for, and what its tries have met."""

    wake_at: datetime | None = None
    """The step is not run before this moment."""
    attempts: int = 0
    """Tries of the present step that met a transient failure, in a row."""
    trouble: Problem | None = None
    """What the last of these tries met; without such a try, what the step waits for."""
    host: str | None = None
    """The host that failed then, if it was one."""
    since: datetime | None = None
    """When the first of these tries was.

    It counts on through uploads in doubt and further registrations, until the upload succeeds."""
    stuck: bool = False
    """True once the trouble has lasted so long that somebody was to be notified."""


@dataclass(frozen=True, kw_only=True)
class JobHold:
    """The job waits for a person."""

    problem: Problem
    until: datetime | None = None
    """When the hold ends automatically; None where only a person can end it."""


@dataclass(frozen=True, kw_only=True)
class Tries:
    """What counts on when a registration is dropped."""

    registrations: int = 0
    """How many retrain jobs were registered since the delivery was taken in, or retried by a person."""
    registered_at: datetime | None = None
    """When the last of them was."""
    upload_held: bool = False
    """The hold was, or is, for uploads that failed with each of several retrain jobs.

    One more is tried each day. True until an upload succeeds or a person ends the hold."""


@dataclass(frozen=True, kw_only=True)
class Waivers:
    """What a person let the job through for; it lasts for one training."""

    budget: bool = False
    """The model's budget was used up."""
    window: bool = False
    """It was outside of the hours in which the model's uploads begin."""
    rules: tuple[str, ...] = ()
    """Its data violates these rules."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """What the preflight has found."""

    rows: Mapping[str, int] = field(default_factory=dict)
    """Data rows by role."""
    columns: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()
    ignored: tuple[str, ...] = ()
    """The rules with findings that the model's owner ignores."""
    kinds: tuple[str, ...] = ()
    """What the columns of the training file hold: numbers, dates, text or nothing."""
    target: str | None = None
    """The column whose classes these are."""
    classes: tuple[str, ...] = ()
    """The beginnings of their names, if the target has classes."""


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """What is uploaded."""

    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Registration:
    """The retrain job that the bundle is sent to."""

    retrain_job_id: str
    ticket: str | None = None
    """The upload address, encrypted under the model's API key, so that the journal holds no secret."""
    untouched_status: str | None = None
    """The status word before a byte was sent. The vendor leaves open what it is, so it is asked.

    Empty where the service did not know the retrain job yet."""
    address_refused: Problem | None = None
    """What the store said of the upload address, if it refused it.

    Another one is asked for once it is known that nothing arrived."""
    put_started_at: datetime | None = None
    """Set while it is not known for certain whether the service got the bytes."""
    put_ended_at: datetime | None = None
    """When an upload of unknown outcome was seen to be over."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """The service has every byte."""

    uploaded_at: datetime
    deadline: datetime | None = None
    """When retraind stops waiting for the training."""
    continues: str | None = None
    """The failed job with the same bytes whose training this one has taken over."""
    status: str | None = None
    """The service's last status word."""
    status_seen_at: datetime | None = None
    """When it was seen for the first time."""
    message: str | None = None
    """What the service said with it."""
    unknown_since: datetime | None = None
    """Since when the service has not known this retrain job, though its upload is complete."""
    trained_at: datetime | None = None
    model_id: int | None = None
    results_name: str | None = None
    results_bytes: int | None = None
    results_sha256: str | None = None
    """Of what the service sent, taken while it was received."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """The figures in the results file, by the names that the service gives them; for people to look at."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate's verdict."""

    output: str
    exit: int | None = None
    """Its exit code; 0 lets the switch happen. None when it ran out of time."""
    shown: tuple[Shown, ...] = ()
    """What it was shown; nothing else of results and data counts for the switch."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """The switch."""

    at: datetime | None = None
    by_hand: bool = False
    """A person published the model then; the policy had left it alone, or had published another since."""
    first_at: datetime | None = None
    """When the model was published for the first time, once it has been published again."""
    open: bool = False
    """The service was asked to publish the model, and it is not certain whether it did."""
    note: Problem | None = None
    """Why the published model was or was not switched."""


@dataclass(frozen=True, kw_only=True)
class End:
    """How the job ended: decided before the job is filed, and kept while a person has it switched later."""

    outcome: Outcome
    problem: Problem | None = None
    failed_in: State | None = None
    resume_in: State | None = None
    """Where `retraind retry` continues."""
    earlier_job: str | None = None
    """The job that had the same bytes, or the newer one that superseded this."""
    times: int = 1
    """How many duplicates in a row had the same bytes, with this one; only the last of them is kept."""
    since: datetime | None = None
    """When the first of these was taken in, if it was another."""
    continued_in: str | None = None
    """The job that has taken over this failed one's training, since the same bytes were delivered again."""


_Part = TypeVar("_Part")


def present(part: _Part | None) -> _Part:
    """Return a part that the job has in its present state."""
    assert part is not None
    return part


@dataclass(frozen=True, kw_only=True)
class Job:
    """The journal's record of one sealed delivery. Changed only by replacing it or a part of it."""

    id: str
    """Also the name of the job's folder: `<date>T<time>Z_<key>_<short id>`."""
    model: str
    key: str
    """What joins the files of the delivery; may be empty."""
    state: State
    files: tuple[SealedFile, ...]
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """Counts the writes; a writer that read an older version is refused."""
    drop: str | None = None
    """The drop folder that it was taken in from: the model may have another one by now."""
    moved_to: tuple[str, ...] = ()
    """The drop folders that its model has had since, and to which its own was, or was to be, brought."""
    filed_in: str | None = None
    """The folder in which the job's own was filed: the model may file elsewhere by now."""
    flaw: Problem | None = None
    """Why the delivery is filed as failed as soon as it is sealed."""

    wait: Waiting = Waiting()
    hold: JobHold | None = None
    tries: Tries = Tries()
    waived: Waivers = Waivers()
    asked: Request | None = None
    """What a person asked for last."""
    data: Data | None = None
    bundle: Bundled | None = None
    registration: Registration | None = None
    training: Training | None = None
    gate: Gate | None = None
    publication: Publication | None = None
    end: End | None = None

    @property
    def drops(self) -> tuple[str, ...]:
        """The drop folders in which its own has been, the last one first."""
        return (*reversed(self.moved_to), *([self.drop] if self.drop else []))

    @property
    def outcome(self) -> Outcome | None:
        """How the job ended, once that is decided."""
        return self.end.outcome if self.end else None

    @property
    def problem(self) -> Problem | None:
        """Why the job failed, or will."""
        return (self.end.problem if self.end else None) or self.flaw

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What the preflight has found that keeps nothing from being sent."""
        return self.data.warnings if self.data else ()

    @property
    def retrain_job_id(self) -> str | None:
        """The service's name for the retrain job, once there is one."""
        return self.registration.retrain_job_id if self.registration else None

    @property
    def trained_at(self) -> datetime | None:
        """When the results were fetched."""
        return self.training.trained_at if self.training else None

    @property
    def switch_note(self) -> Problem | None:
        """Why the published model was or was not switched."""
        return self.publication.note if self.publication else None

    def clock_was_set_back(self, now: datetime) -> bool:
        """True when by the clock the job's last change has not happened yet."""
        return now < self.updated_at - _CLOCK_SLACK

    @property
    def was_sent(self) -> bool:
        """True when the service has got the bytes, or may have."""
        in_doubt = self.registration is not None and self.registration.put_started_at is not None
        return self.training is not None or in_doubt

    def has_training_of(self, other: "Job") -> bool:
        """True when this job has taken over `other`'s training, and still has it, or gets another one."""
        taken = other.end is not None and other.end.continued_in == self.id
        return taken and (other.retrain_job_id == self.retrain_job_id or self.state in IN_WORK)

    @property
    def waits_for_window(self) -> bool:
        """True while the job waits for the hours in which its model's uploads begin."""
        waits = self.wait.wake_at is not None and self.wait.attempts == 0
        return self.state is State.BUNDLED and waits and self.hold is None

    def due(self, now: datetime) -> datetime:
        """Return when the job's step may be run.

        Where the clock was set back since the wait began, the wait is over: it might last for years.
        """
        if self.wait.wake_at is None or self.clock_was_set_back(now):
            return now
        return self.wait.wake_at

    def file(self, role: Role) -> SealedFile | None:
        """Return the delivery's file in `role`, if it has one."""
        return next((file for file in self.files if file.role is role), None)

    @property
    def occupies_model(self) -> bool:
        """True while the model's next delivery has to wait for this job."""
        return self.state in IN_WORK or (self.state is State.SWITCHING and self.end is None)

    def waits_for_hold(self, held: Container[str]) -> bool:
        """True when nothing happens before a hold ends: the job's own or, if it is `held`, its model's."""
        return self.hold is not None or (self.state in TALKS and self.model in held)

    @property
    def data_files(self) -> tuple[SealedFile, ...]:
        """The training file and, if there is one, the evaluation file."""
        return tuple(file for role in DATA_ROLES if (file := self.file(role)))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Job":
        """Return the job that was written as JSON; unknown fields are passed over. Raises ValueError."""
        job: Job = adapter(cls).validate_json(text)
        return job

    def to_json(self) -> str:
        """Return the job as JSON for the journal."""
        return adapter(Job).dump_json(self).decode()

    def portable(self) -> bytes:
        """Return JSON for the job's folder, to rebuild a lost journal from; without the ticket."""
        parts = adapter(Job).dump_python(self, mode="json", exclude={"registration": {"ticket"}})
        return json.dumps(for_first_version(parts), ensure_ascii=False, indent=1).encode() + b"\n"
