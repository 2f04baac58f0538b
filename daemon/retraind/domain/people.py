"""Who requested something: recorded in the history together with the request."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Whoever ran a command."""

    uid: int
    """The real user id of the process."""
    name: str
    """That user's name; the number as text where it has none."""
    sudo_user: str | None = None
    """Who called sudo, as the environment says: only root cannot have made it up."""
    host: str = ""
    """The machine on which it was run."""

    @property
    def called(self) -> str:
        """The name of the person behind the user id, as far as it is known."""
        return self.sudo_user or self.name

    def as_detail(self) -> dict[str, Any]:
        """Return it as the detail of an event."""
        return {"by": asdict(self)}


def person_in(detail: Mapping[str, Any]) -> Person | None:
    """Return who is named in an event's detail, if anybody is."""
    by = detail.get("by")
    return Person(**by) if isinstance(by, Mapping) and "uid" in by else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a person last wanted of a job. It lies on the share, so it has no more than a name."""

    what: Literal["retry", "switch", "release"]
    by: str
    at: datetime
