"""What a check of the data can find, and how such a finding reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from retraind.system.escape import display

_SHOWN_CHARS = 40


class Severity(StrEnum):
    """What follows from a finding."""

    ERROR = "error"  # the delivery is not sent
    WARNING = "warning"  # the delivery is sent, and people are told


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in one file. `message` and `remedy` begin in lower case: `str` puts them behind their place."""

    severity: Severity
    rule: str  # stable name, for example ragged-rows
    file: str  # as shown to people, control characters escaped
    line: int | None  # physical line, from 1, in which the first record concerned starts
    column: str | int | None  # its name, or its place from 1 where the name tells nothing
    message: str
    service_message: str | None  # the service's own words for it, if it has any
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        service = f' The service calls this "{self.service_message}".' if self.service_message else ""
        return f"{place}: {self.message}{service} What to do: {self.remedy}"


def show(text: str) -> str:
    """Return a value from a file as it can safely be shown: control characters escaped, and not too long."""
    safe = display(text[:_SHOWN_CHARS])
    return safe if len(text) <= _SHOWN_CHARS else f"{safe}…"


def quote(text: str) -> str:
    """Return a value from a file in quotes, safe to show."""
    return f'"{show(text)}"'


def listing(parts: Sequence[str], total: int | None = None) -> str:
    """Join a few parts into one phrase; with `total`, say how many more there are."""
    more = (total or len(parts)) - len(parts)
    if more > 0:
        return f"{', '.join(parts)} and {more:,} more"
    if len(parts) > 1:
        return f"{', '.join(parts[:-1])} and {parts[-1]}"
    return "".join(parts)


def plural(count: int, noun: str) -> str:
    """Return the count with its noun: 1 row, 2 rows, 1,000 rows."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def others(rest: Iterable[str], total: int, nouns: str) -> str:
    """Return the bracket that tells of the further places: (also line 44, line 91; 3 rows in all)."""
    also = ", ".join(rest)
    return f" (also {also}; {total:,} {nouns} in all)" if also else ""
