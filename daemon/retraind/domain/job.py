"""What a job is and the one table that tells its life: states, the step each runs, where it may go next.

Pure data. The steps themselves are in `pipeline.py`, the record of a job in `journal.py`.
"""

import re
import unicodedata
from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, field_validator

from retraind.domain.problems import Finding, Problem


class State(StrEnum):
    """Where a job stands.

    A state names what is already true, except those ending in -ing, which name a step that has been decided on
    and may have been cut off half-way.
    """

    SEALING = "sealing"
    """The delivery is complete; its files are being moved out of the drop folder."""
    SEALED = "sealed"
    """All files are in the job's own folder. Waits here for the model's earlier jobs."""
    CHECKED = "checked"
    """The data keeps the service's rules."""
    BUNDLED = "bundled"
    """The file to upload is on the spool disk."""
    REGISTERED = "registered"
    """The service has given a retrain_job_id and an address to upload to."""
    UPLOADED = "uploaded"
    """The service has every byte; it trains."""
    TRAINED = "trained"
    """The service has finished and the results are in the job's folder."""
    SWITCHING = "switching"
    """The policy, or a person, wants the retrained model to become the published one."""
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
    """The function of `pipeline.Pipeline` that leaves this state; None where the job rests."""
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
        S.UPLOADED: _stage("poll", S.TRAINED, S.FILING),
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
"""States in which nothing happens by itself."""

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


_CLOCK_SLACK = timedelta(minutes=1)
"""A clock that is corrected by less is no reason to think that it was set."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signature(_Frozen):
    """What a file looked like from outside; equal signatures mean it was not touched in between."""

    size: int
    """Bytes."""
    mtime_ns: int
    inode: int


class SealedFile(_Frozen):
    """A file of a delivery."""

    role: Role
    name: str
    """Path below the drop folder, and later below the job's folder, with `/`; one folder deep at most."""
    signature: Signature
    sha256: str | None = None
    """Of its bytes as they were delivered."""
    marked: bool = False
    """The mark of UTF-8, which it lacks, is put before it on its way to the service."""

    @field_validator("name")
    @classmethod
    def _stays_inside(cls, name: str) -> str:
        parts = name.split("/")
        if len(parts) > 2 or any(part in {"", ".", ".."} or "\0" in part for part in parts):  # noqa: PLR2004
            raise ValueError("not the name of a file in a delivery")
        return name

    @property
    def base_name(self) -> str:
        """The name without its folder: what the service gets to see."""
        return self.name.rpartition("/")[2]


class Shown(_Frozen):
    """A file that the gate was shown."""

    name: str
    bytes: int
    sha256: str
    copied: bool
    """It was shown a copy of the service's own; otherwise the file in the job's folder, held open."""


class Job(_Frozen):
    """The journal's record of one sealed delivery. Changed only by replacing it as a whole."""

    id: str
    """Also the name of the job's folder: `<date>T<time>Z_<key>_<short id>`."""
    model: str
    key: str
    """What joins the files of the delivery; may be empty."""
    state: State
    files: tuple[SealedFile, ...]
    created_at: datetime
    updated_at: datetime
    drop: str | None = None
    """The drop folder that it was taken in from: the model may have another one by now."""
    version: int = 0
    """Counts the writes; a writer that read an older version is refused."""

    # Waiting
    wake_at: datetime | None = None
    """The step is not run before this moment."""
    attempts: int = 0
    """Tries of the present step that met passing trouble, in a row."""
    trouble: Problem | None = None
    """What the last of these tries met."""
    waits_for: str | None = None
    """The host that was in trouble then, if it was one."""
    troubled_since: datetime | None = None
    """When the first of these tries was."""
    """It counts on through uploads in doubt and through further registrations, until the upload succeeds."""
    stuck: bool = False
    """True once the trouble has lasted so long that somebody was to be notified."""
    hold: Problem | None = None
    """Set while the job waits for a person."""
    held_until: datetime | None = None
    """When the hold ends by itself; None where only a person can end it."""
    upload_held: bool = False
    """The hold was, or is, for uploads that failed with each of several retrain jobs. It is tried once a day; True until
    an upload succeeds or a person ends the hold."""
    budget_waived: bool = False
    """A person let the job through although the model's budget is used up."""
    window_waived: bool = False
    """A person let the job through outside of the hours in which its model's uploads begin."""

    # The check
    rows: Mapping[str, int] = {}
    """Data rows by role."""
    columns: tuple[str, ...] = ()
    warnings: tuple[Finding, ...] = ()

    # The bundle
    bundle_name: str | None = None
    bundle_bytes: int | None = None

    # The service
    retrain_job_id: str | None = None
    upload_ticket: str | None = None
    """The upload address, encrypted under the model's API key, so that the journal holds no secret."""
    registered_at: datetime | None = None
    registrations: int = 0
    """How many retrain jobs were registered for this delivery since it was taken in, or retried by a person."""
    untouched_status: str | None = None
    """The status word before a byte was sent. The vendor leaves open what it is, so it is asked. Empty where the
    service did not know the retrain job yet."""
    address_refused: Problem | None = None
    """What the store said of the upload address, if it refused it. Another is asked for once it is known that nothing
    arrived."""
    put_started_at: datetime | None = None
    """Set while it is not known for certain whether the service got the bytes."""
    put_ended_at: datetime | None = None
    """When an upload of unknown outcome was seen to be over."""
    uploaded_at: datetime | None = None
    train_deadline: datetime | None = None
    """When retraind stops waiting for the training."""
    status: str | None = None
    """The service's last status word."""
    unknown_since: datetime | None = None
    """Since when the service has said that it does not know this retrain job, though its upload is complete."""
    status_seen_at: datetime | None = None
    """When it was seen for the first time."""
    status_message: str | None = None
    trained_model_id: int | None = None
    trained_at: datetime | None = None
    results_name: str | None = None
    results_bytes: int | None = None
    results_sha256: str | None = None
    """Of what the service sent, taken while it was received."""

    # The switch
    gate_exit: int | None = None
    """The gate's exit code; 0 lets the switch happen."""
    gate_output: str | None = None
    gate_shown: tuple[Shown, ...] = ()
    """What it was shown; of what the service sent and what was delivered, nothing else counts for the switch."""
    switched_at: datetime | None = None
    switched_by_hand: bool = False
    """A person published the model then; the policy had left it alone, or had published another since."""
    first_switched_at: datetime | None = None
    """When the model was published for the first time, once it has been published again."""
    switch_open: bool = False
    """The service was asked to publish the model, and it is not certain whether it did."""
    switch_note: Problem | None = None
    """Why the published model was or was not switched."""

    # The end
    outcome: Outcome | None = None
    problem: Problem | None = None
    filed_in: str | None = None
    """The folder in which the job's own was filed: the model may file elsewhere by now."""
    failed_in: State | None = None
    resume_in: State | None = None
    """Where `retraind retry` goes on."""
    earlier_job: str | None = None
    """The job that had the same bytes, or the newer one that superseded this."""
    continues: str | None = None
    """The failed job with the same bytes whose training this one has taken over."""
    continued_in: str | None = None
    """The job that has taken over this failed one's training, since the same bytes were delivered again."""

    def clock_was_set_back(self, now: datetime) -> bool:
        """True when by the clock the job's last change has not happened yet."""
        return now < self.updated_at - _CLOCK_SLACK

    @property
    def was_sent(self) -> bool:
        """True when the service has got the bytes, or may have."""
        return self.uploaded_at is not None or self.put_started_at is not None

    def has_training_of(self, other: "Job") -> bool:
        """True when this job has taken over `other`'s training, and still has it."""
        return other.continued_in == self.id and other.retrain_job_id == self.retrain_job_id

    @property
    def waits_for_window(self) -> bool:
        """True while the job waits for the hours in which its model's uploads begin."""
        waits = self.wake_at is not None and self.attempts == 0
        return self.state is State.BUNDLED and waits and self.hold is None

    def due(self, now: datetime) -> datetime:
        """Return when the job's step may be run.

        A clock that was set back since the wait began would stretch it, perhaps by years; the wait is over then.
        """
        if self.wake_at is None or self.clock_was_set_back(now):
            return now
        return self.wake_at

    def file(self, role: Role) -> SealedFile | None:
        """Return the delivery's file in `role`, if it has one."""
        return next((file for file in self.files if file.role is role), None)

    @property
    def occupies_model(self) -> bool:
        """True while the model's next delivery has to wait for this job."""
        return self.state in IN_WORK or (self.state is State.SWITCHING and self.outcome is None)

    def waits_for_hold(self, held: Container[str]) -> bool:
        """True when nothing happens to the job before a hold ends: its own, or that of its model, if it is `held`."""
        return self.hold is not None or (self.state in TALKS and self.model in held)

    @property
    def data_files(self) -> tuple[SealedFile, ...]:
        """The training file and, if there is one, the evaluation file."""
        return tuple(file for role in (Role.TRAIN, Role.EVAL) if (file := self.file(role)))

    def changed(self, **changes: Any) -> "Job":
        """Return the job with some fields replaced; validated like any other."""
        return Job.model_validate(self.model_dump() | changes)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the job that was written as JSON, perhaps by an earlier retraind: its retired fields are passed over.

        Raises ValidationError.
        """
        return cls.model_validate_json(text, extra="ignore")

    def portable(self) -> bytes:
        """Return the job as JSON for its folder, from which a lost journal can be rebuilt; without the ticket."""
        return self.model_dump_json(indent=1, exclude={"upload_ticket"}).encode() + b"\n"


_SAFE_SIGNS = frozenset("_-.+=,@~")
_SAFE_KINDS = frozenset("LMN")
"""Unicode's letters, the marks on them, and numbers. All else might mean something to SMB, a shell or a terminal."""
_LONGEST_KEY = 60
"""Bytes of the key in a folder's name; file systems allow 255 for the whole, eCryptfs 143."""


SHORT_ID = 6
"""Hexadecimal digits at the end of a job's id, by which people name it."""


FOLDER_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z_.*")
"""What the folders of jobs are called."""


def job_id(created_at: datetime, key: str, short_id: str) -> str:
    """Name a job: sorts by time, is unique, and is a safe name on SMB (no colon), in a shell and on a screen."""
    signs = (
        sign if sign in _SAFE_SIGNS or unicodedata.category(sign)[0] in _SAFE_KINDS else " "
        for sign in unicodedata.normalize("NFC", key)
    )
    safe = "-".join("".join(signs).split()).strip("-.")
    safe = safe.encode()[:_LONGEST_KEY].decode(errors="ignore")
    middle = f"_{safe}" if safe else ""
    return f"{created_at:%Y-%m-%dT%H%M%SZ}{middle}_{short_id}"


def order_of_key(key: str) -> tuple[tuple[int, int, str], ...]:
    """Sort keys as people count: digits by value, text by its letters, so that 9 comes before 10."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", key).casefold())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part)
