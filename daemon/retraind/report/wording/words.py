"""What the functions of a language take and return, beside plain values."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import NewType

Place = NewType("Place", str)
"""A path as its audience may see it: whole for operators; on the share what it is called there."""
Host = NewType("Host", str)
"""A host with its port as its audience may see it: on the share without the port."""
Name = NewType("Name", str)
"""A name or a value from outside, escaped so that it can do nothing to a screen."""

OPTIONS: ContextVar[tuple[str, ...]] = ContextVar("options", default=())
"""The options, quoted for a shell, that a command of the command line passes on to those that it suggests.

Threads begin without any, and the daemon never sets them: what it writes is read elsewhere."""


class Audience(Enum):
    """For whom a sentence is made."""

    SHARE = "share"
    """People who see only the model's folder: no path and no port of retraind's machine."""
    OPERATOR = "operator"
    """Whoever has retraind's machine: commands, notifications, logs."""


@dataclass(frozen=True)
class Words:
    """A problem in sentences."""

    what: str
    """What happened: complete sentences."""
    remedy: str = ""
    """What to do next; empty when nobody needs to act."""
    operator_only: bool = False
    """The remedy is of no use on the share, or names what is hidden there. It shows who has to act."""


@dataclass(frozen=True)
class Notice:
    """A notification in words."""

    title: str
    text: str
    """Complete sentences."""


class Line(StrEnum):
    """The lines of a note in which a job's data stand."""

    MODEL = "model"
    DELIVERY = "delivery"
    JOB = "job"
    FILE = "file"
    TAKEN_IN = "taken_in"
    UPLOADED = "uploaded"
    TRAINED = "trained"
    PUBLISHED = "published"
    PUBLISHED_AGAIN = "published_again"
    CLOSED = "closed"
    TRAINING = "training"
    RETRAIN_JOB = "retrain_job"
    MODEL_ID = "model_id"
    SERVICE_SAYS = "service_says"
    UPLOAD = "upload"
    PROGRESS = "progress"
    FOLDER = "folder"
    RETRY = "retry"


class Section(StrEnum):
    """The lists in STATUS.txt."""

    IN_WORK = "in_work"
    UNFINISHED = "unfinished"
    """What was in work when retraind stopped."""
    NOT_WORKED_ON = "not_worked_on"
    INCOMPLETE = "incomplete"
    LEFT_ALONE = "left_alone"


class Health(StrEnum):
    """How a model is, as the status page shows it; the first that applies."""

    REFUSED = "refused"
    """Its settings have a mistake; it does not run."""
    HELD = "held"
    UNREACHABLE = "unreachable"
    """Its drop folder cannot be used."""
    STUCK = "stuck"
    """A job cannot continue."""
    LATE = "late"
    """A delivery that was expected has not arrived."""
    FAILED = "failed"
    """The last delivery failed, and none has succeeded since."""
    TRAINING = "training"
    WORKING = "working"
    """A delivery is in work, in another step than the training."""
    WAITING = "waiting"
    NEW = "new"
    """No delivery has ever arrived."""
    REMOVED = "removed"
    """It is no longer in the configuration, and has jobs in work."""

    @property
    def needs_somebody(self) -> bool:
        """Whether somebody may have to act."""
        return self in _NEEDS_SOMEBODY


_NEEDS_SOMEBODY = frozenset(
    {
        Health.REFUSED,
        Health.HELD,
        Health.UNREACHABLE,
        Health.STUCK,
        Health.LATE,
        Health.FAILED,
        Health.REMOVED,
    }
)


@dataclass(frozen=True)
class Said:
    """A problem that is a fact of another one, in the same language and for the same audience."""

    what: str
    remedy: str
    named: str = ""
    """Its code, as it ends a paragraph, where the voice names codes."""

    def __str__(self) -> str:
        return joined([self.what, self.remedy]) + self.named


def joined(sentences: Iterable[str]) -> str:
    """Join sentences of one language; after a Japanese one, which ends in 。, no space follows."""
    text = ""
    for each in filter(None, sentences):
        text += each if not text or text.endswith("。") else f" {each}"
    return text
