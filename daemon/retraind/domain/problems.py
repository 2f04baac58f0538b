"""What happened, as a typed fact: a code and its values. Only `report/wording/` makes sentences of it.

A problem travels from where it is noticed to the journal, to notes and to screens; nothing parses or compares
sentences.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from typing_extensions import TypeAliasType

LEGACY = "legacy"
"""The code of finished sentences that a retraind before facts wrote into its journal."""

Fact = TypeAliasType("Fact", "bool | int | float | str | tuple[Fact, ...] | Problem | None")
"""What a value may be. Moments are ISO 8601 texts, spans are seconds; the wording's signatures give their
types."""
_PLAIN_TYPES = frozenset({bool, int, float, str, type(None)})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(_Frozen):
    """What happened, or what is wrong."""

    code: str
    """A name in `report/wording/`."""
    facts: Mapping[str, Fact] = {}
    """What the wording needs besides, by its parameters."""
    details: tuple["Finding", ...] = ()
    """Further findings, for problems of the data."""

    IDENTIFYING: ClassVar[frozenset[str]] = frozenset(
        {"setting", "host", "path", "errno", "model", "credential", "before"}
    )
    """Facts that say which thing is concerned. All others may change while the problem stays the same."""

    @model_validator(mode="before")
    @classmethod
    def _read_legacy(cls, value: Any) -> Any:
        """Take a finished sentence, or a pair of them, as a retraind before facts wrote it."""
        if isinstance(value, str):
            return {"code": LEGACY, "facts": {"what": value, "remedy": ""}}
        if isinstance(value, Mapping) and "what" in value:
            facts = {"what": value["what"], "remedy": value.get("remedy") or ""}
            return {"code": LEGACY, "facts": facts, "details": value.get("details") or ()}
        return value

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
        return self.model_copy(update={"facts": dict(self.facts) | _plain(facts)})


class Severity(StrEnum):
    """What follows from a finding."""

    ERROR = "error"
    """The delivery is not sent."""
    WARNING = "warning"
    """The delivery is sent, and the finding is reported."""


class Finding(_Frozen):
    """One thing found in one file of data."""

    rule: str
    """A stable name, such as ragged-rows; its wording has the same name with underscores."""
    severity: Severity = Severity.ERROR
    file: str = ""
    line: int | None = None
    """The physical line, from 1, in which the first record concerned starts."""
    column: str | int | None = None
    """The column's name, or its place from 1 where the name says nothing."""
    facts: Mapping[str, Fact] = {}
    service_message: str | None = None
    """The service's own words for a broken rule of this kind, if it has any."""

    @model_validator(mode="before")
    @classmethod
    def _read_legacy(cls, value: Any) -> Any:
        """Take a finished sentence, as a retraind before facts wrote it."""
        if isinstance(value, str):
            return {"rule": LEGACY, "severity": Severity.WARNING, "facts": {"text": value}}
        return value


def problem(code: str, /, *, details: Sequence[Finding] = (), **facts: Any) -> Problem:
    """Return the problem `code` with its facts; moments, spans, paths and enumerations are made plain."""
    # Validated, thousands of deliveries that wait in a folder would make a scan half as slow again.
    return Problem.model_construct(code=code, facts=_plain(facts), details=tuple(details))


def file_problem(error: OSError, path: Path | str | None = None) -> Problem:
    """Return what the file system answered, about `path` or the file that the error names."""
    named = error.filename if path is None else path
    where = os.fsdecode(named) if isinstance(named, str | bytes | Path) else None
    if (code := getattr(error, "code", None)) and hasattr(error, "facts"):  # system.files.Refused
        return problem(code, path=where, **error.facts)
    return problem("file_error", path=where, errno=error.errno or 0, reason=error.strerror or str(error))


def legacy(what: str, remedy: str = "") -> Problem:
    """Return finished sentences as a problem."""
    return Problem(code=LEGACY, facts={"what": what, "remedy": remedy})


def _plain(facts: Mapping[str, Any]) -> dict[str, Fact]:
    return {
        name: value if type(value) in _PLAIN_TYPES else plain_fact(value) for name, value in facts.items()
    }


def plain_fact(value: Any) -> Fact:
    """Return a value as it is kept in a journal."""
    if isinstance(value, Enum):
        return plain_fact(value.value)
    if value is None or isinstance(value, Problem | str | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Sequence):
        return tuple(plain_fact(each) for each in value)
    raise TypeError(f"{type(value).__name__} is not a fact")


Problem.model_rebuild()
Finding.model_rebuild()
