"""The check of the data against the service's rules, before anything is sent: one call, one answer with all findings.

Reading is done in table.py, the rules and their wording stand in rules.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from retraind.bundle.findings import Finding, Severity
from retraind.bundle.rules import RULES, STOP_AT_CONTENT, Case, pair
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

    `previous` is the training file of the model's last good delivery. `target` is the name of the column that the
    model predicts, where it is known. Each file is opened and read once. Raises OSError when one cannot be read.
    """
    case = Case(
        read_table(train, target=target, limits=limits),
        training=True,
        time_series=time_series,
        target=target,
        previous=previous,
    )
    cases = [case]
    findings = list(_findings(case))
    if evaluation is not None:
        other = Case(
            read_table(evaluation, target=target, limits=limits),
            training=False,
            time_series=time_series,
            target=target,
        )
        cases.append(other)
        findings += [*_findings(other), *pair(case, other)]
    findings.sort(key=lambda finding: finding.severity is Severity.WARNING)
    return Preflight(
        tuple(findings), case.table.facts, cases[1].table.facts if evaluation is not None else None
    )


def _findings(case: Case) -> Iterator[Finding]:
    unread = case.table.utf16 or case.table.foreign is not None
    for rule in STOP_AT_CONTENT if unread else RULES:
        yield from rule(case)
