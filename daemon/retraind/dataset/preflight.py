"""The check of the data against the service's rules, before anything is sent: one call, one answer with all findings.

Reading is done in stream.py and table.py, the rules and their wording stand in rules.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from retraind.dataset.findings import Finding, Severity
from retraind.dataset.reader.stream import Taker, read_once
from retraind.dataset.reader.table import Limits, SourceFile, TableFacts
from retraind.dataset.rules.catalogue import RULES, UNREAD_RULES, pair
from retraind.dataset.rules.context import Case, Earlier

__all__ = ["Earlier", "Finding", "Limits", "Preflight", "Severity", "SourceFile", "TableFacts", "preflight"]

UNMARKED = "utf-8-without-mark"
"""The rule of a file that `fix = ["bom"]` mends."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The answer. The facts of a file are None when it could not be read to its end as a table."""

    findings: tuple[Finding, ...]
    train: TableFacts | None
    evaluation: TableFacts | None

    @property
    def ok(self) -> bool:
        """True when nothing stands against sending the delivery."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the delivery."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that people are told of."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)


def preflight(
    train: SourceFile,
    evaluation: SourceFile | None = None,
    *,
    takers: Sequence[Taker] = (),
    marked: bool = False,
    previous: Earlier | None = None,
    time_series: bool = False,
    target: str | None = None,
    limits: Limits | None = None,
) -> Preflight:
    """Check a delivery's files and return everything found, errors of both files before warnings.

    `takers`, one for each file, get its bytes as they are read; no more once something stands against sending.
    With `marked` the mark of UTF-8 is put before what lacks it on its way. `previous` is the training file of the
    model's last good delivery. `target` is the name of the column that the model predicts, where it is known. Each
    file is opened and read once. Raises OSError when one cannot be read, and what a taker raises.
    """
    cases: list[Case] = []
    findings: list[Finding] = []
    for source, taker in zip_longest((train, evaluation), takers[:2]):
        if source is None:
            continue
        refused = any(finding.severity is Severity.ERROR for finding in findings)
        case = Case(
            read_once(source, None if refused else taker, target=target, limits=limits),
            training=not cases,
            paired=evaluation is not None,
            time_series=time_series,
            target=target,
            previous=None if cases else previous,
        )
        cases.append(case)
        findings += [_mended(finding) if marked else finding for finding in _findings(case)]
    if evaluation is not None:
        findings += pair(*cases)
    findings.sort(key=lambda finding: finding.severity is Severity.WARNING)
    facts = [case.table.facts for case in cases]
    return Preflight(tuple(findings), facts[0], facts[1] if evaluation is not None else None)


def _findings(case: Case) -> Iterator[Finding]:
    unread = case.table.utf16 or case.table.foreign is not None
    for rule in UNREAD_RULES if unread else RULES:
        yield from rule(case)


def _mended(finding: Finding) -> Finding:
    """Tell that the mark of UTF-8 is added, in place of its being missing."""
    if finding.rule != UNMARKED:
        return finding
    return replace(
        finding,
        severity=Severity.WARNING,
        message="the text is UTF-8 without a byte order mark (BOM); the service gets it with one.",
        service_message=None,
        remedy="nothing; the file itself is left as it is.",
    )
