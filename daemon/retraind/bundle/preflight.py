"""The check of the data against the service's rules, before anything is sent: one call, one answer with all findings.

Reading is done in table.py, the rules and their wording stand in rules.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from retraind.bundle.case import Case
from retraind.bundle.findings import Finding, Severity
from retraind.bundle.rules import RULES, UNREAD_RULES, pair
from retraind.bundle.table import Limits, SourceFile, TableFacts, read_table

__all__ = ["Finding", "Limits", "Preflight", "Severity", "SourceFile", "TableFacts", "preflight"]


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
    previous: TableFacts | None = None,
    time_series: bool = False,
    target: str | None = None,
    limits: Limits | None = None,
) -> Preflight:
    """Check a delivery's files and return everything found, errors of both files before warnings.

    `previous` is the training file of the model's last good delivery. `target` is the name of the column that
    the model predicts, where it is known. Each file is opened and read once. Raises OSError when one cannot
    be read.
    """
    cases = [
        Case(
            read_table(source, target=target, limits=limits),
            training=training,
            paired=evaluation is not None,
            time_series=time_series,
            target=target,
            previous=previous if training else None,
        )
        for training, source in ((True, train), (False, evaluation))
        if source is not None
    ]
    findings = [finding for case in cases for finding in _findings(case)]
    if evaluation is not None:
        findings += pair(*cases)
    findings.sort(key=lambda finding: finding.severity is Severity.WARNING)
    facts = [case.table.facts for case in cases]
    return Preflight(tuple(findings), facts[0], facts[1] if evaluation is not None else None)


def _findings(case: Case) -> Iterator[Finding]:
    unread = case.table.utf16 or case.table.foreign is not None
    for rule in UNREAD_RULES if unread else RULES:
        yield from rule(case)
