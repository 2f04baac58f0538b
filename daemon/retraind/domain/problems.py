"""What happened, as a typed fact: a code and its values. Only `report/wording/` makes sentences of it.

A problem travels from where it is noticed to the journal, to notes and to screens; nothing parses or compares
sentences.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from typing_extensions import TypeAliasType

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LEGACY = "legacy"
"""The code of finished sentences that a retraind before facts wrote into its journal."""

Fact = TypeAliasType("Fact", "bool | int | float | str | tuple[Fact, ...] | Problem | None")
"""What a value may be. Moments are ISO 8601 texts, spans are seconds; the wording's signatures give their
types."""


class _Kept:
    """A fact as JSON. A plain dataclass: of validated models, a scan of a full folder makes too many."""

    __slots__ = ()

    @classmethod
    def from_plain(cls, value: Any) -> Self:
        """Read what `as_plain` returned. Raises ValidationError."""
        read: Self = adapter(cls).validate_python(value)
        return read

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `as_json` returned. Raises ValidationError."""
        read: Self = adapter(cls).validate_json(text)
        return read

    def as_plain(self) -> dict[str, Any]:
        """Return what JSON has."""
        plain: dict[str, Any] = adapter(type(self)).dump_python(self, mode="json")
        return plain

    def as_json(self) -> str:
        """Return it as JSON."""
        return adapter(type(self)).dump_json(self).decode()


@dataclass(frozen=True, slots=True)
class Problem(_Kept):
    """What happened, or what is wrong."""

    code: str
    """A name in `report/wording/`."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What the wording needs besides, by its parameters."""
    details: tuple["Finding", ...] = ()
    """Further findings, for problems of the data."""

    IDENTIFYING: ClassVar[frozenset[str]] = frozenset(
        {"setting", "host", "path", "errno", "model", "credential", "before"}
    )
    """Facts that say which thing is concerned. All others may change while the problem stays the same."""

    def is_same(self, other: "Problem | None") -> bool:
        """Return whether both are about the same thing: the code and the identifying facts are equal."""
        return other is not None and self.identity == other.identity

    @property
    def identity(self) -> tuple[str, Mapping[str, Fact]]:
        """The code and the facts that say which thing is concerned."""
        if self.code == LEGACY:
            return self.code, self.facts
        return self.code, {name: fact for name, fact in self.facts.items() if name in self.IDENTIFYING}

    def __str__(self) -> str:
        if self.code == LEGACY:
            return f"{self.facts['what']} {self.facts['remedy']}".strip()
        return f"{self.code} {dict(self.facts)}"

    def but(self, **facts: Any) -> "Problem":
        """Return the same problem with some facts added or replaced."""
        return replace(self, facts=dict(self.facts) | _plain(facts))


class Severity(StrEnum):
    """What follows from a finding."""

    ERROR = "error"
    """The delivery is not sent."""
    WARNING = "warning"
    """The delivery is sent, and the finding is reported."""


class Overruled(StrEnum):
    """Who has changed what follows from a finding."""

    CONFIGURATION = "configuration"
    """The model's `rules`."""
    PERSON = "person"
    """Somebody who accepted it for one job."""


@dataclass(frozen=True, slots=True)
class Finding(_Kept):
    """One thing found in one file of data."""

    rule: str
    """A stable name, such as ragged-rows; its wording has the same name with underscores."""
    severity: Severity = Severity.ERROR
    file: str = ""
    line: int | None = None
    """The physical line, from 1, in which the first record concerned starts."""
    column: str | int | None = None
    """The column's name, or its place from 1 where the name says nothing."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    service_message: str | None = None
    """The service's own words for a broken rule of this kind, in English, if they are known."""
    service_message_ja: str | None = None
    """The same in Japanese."""
    service_number: str | None = None
    """The page of the service's manual about it, such as e17."""
    overruled: Overruled | None = None
    """Set where its severity is not the rule's own."""

    def service_said(self, language: str) -> str | None:
        """Return the service's own words in a reader's language, else in the one in which they are known."""
        first, second = self.service_message, self.service_message_ja
        return (second or first) if language == "ja" else (first or second)

    def without_service(self) -> "Finding":
        """Return the same for something about which the service does not complain."""
        return replace(self, service_message=None, service_message_ja=None, service_number=None)


def problem(code: str, /, *, details: Sequence[Finding] = (), **facts: Any) -> Problem:
    """Return the problem `code` with its facts; moments, spans, paths and enumerations are made plain."""
    if not (facts or details):
        return _bare(code)
    return Problem(code, _plain(facts), tuple(details))


@lru_cache
def _bare(code: str) -> Problem:
    """Return the same object for the same code: of a hundred thousand files, each is left alone for one."""
    return Problem(code)


def file_problem(error: OSError, path: Path | str | None = None) -> Problem:
    """Return what the file system answered, about `path` or the file that the error names."""
    named = error.filename if path is None else path
    where = os.fsdecode(named) if isinstance(named, str | bytes | Path) else None
    if (code := getattr(error, "code", None)) and hasattr(error, "facts"):  # system.files.Refused
        return problem(code, path=where, **error.facts)
    return problem("file_error", path=where, errno=error.errno or 0, reason=error.strerror or str(error))


_PLAIN_TYPES = frozenset({bool, int, float, str, type(None), Problem})


def _plain(facts: dict[str, Any]) -> dict[str, Fact]:
    """Make facts plain in their place: there can be a hundred thousand files with two problems each."""
    for name, value in facts.items():
        if type(value) not in _PLAIN_TYPES:
            facts[name] = plain_fact(value)
    return facts


def plain_fact(value: Any) -> Fact:
    """Return a value as it is kept in a journal."""
    if isinstance(value, Enum):
        return str(value) if isinstance(value, StrEnum) else plain_fact(value.value)
    if value is None or isinstance(value, Problem | str | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence):
        return tuple(each if type(each) in _PLAIN_TYPES else plain_fact(each) for each in value)
    raise TypeError(f"{type(value).__name__} is not a fact")


_ADAPTERS: dict[Any, "TypeAdapter[Any]"] = {}


def adapter(kind: Any) -> "TypeAdapter[Any]":
    """Return how values of a type are read and written; made once, by whoever has any."""
    if kind not in _ADAPTERS:
        from pydantic import TypeAdapter  # noqa: PLC0415 - a command without a journal does without it

        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
