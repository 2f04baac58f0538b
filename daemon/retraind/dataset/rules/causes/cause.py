"""What a cause is, and how it replaces the findings that follow from it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from retraind.domain.problems import Finding, Severity


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding that explains others."""

    finding: Finding
    explains: Callable[[Finding], bool]
    """Whether a finding of the same file follows from this one."""
    alone: Severity | None = None
    """What it is in a file that nothing of what it explains refuses; None: it is not reported there."""


def everything(_finding: Finding) -> bool:
    """Explain every finding about the table: it is read wrongly from its first row on."""
    return True


def rules(*names: str) -> Callable[[Finding], bool]:
    """Explain the findings of these rules."""
    return lambda finding: finding.rule in names


def applied(cause: Cause, findings: Sequence[Finding], *, replacing: bool = True) -> list[Finding] | None:
    """Return the findings with the cause in place of what follows from it; None where it does not apply.

    It refuses no file that nothing refuses, unless it is an error of its own. Without `replacing` it stands
    beside the others.
    """
    if not replacing:
        made = None if cause.alone is None else replace(cause.finding, severity=cause.alone)
        return None if made is None else [*findings, made]
    explained = [finding for finding in findings if cause.explains(finding)]
    refused = has_errors(explained)
    if not refused and cause.alone is None:
        return None
    severity = Severity.ERROR if refused else cause.alone
    assert severity is not None
    made = replace(cause.finding, severity=severity)
    if severity is Severity.WARNING:
        # It stands beside the others, but not beside what is said of the same row because of it.
        same = [each for each in explained if each.line == made.line and each.line not in {None, 1}]
        return [*(finding for finding in findings if finding not in same), made]
    return [made, *(finding for finding in findings if finding not in explained)]


def has_errors(findings: Iterable[Finding]) -> bool:
    """Return whether any of these stops the delivery."""
    return any(finding.severity is Severity.ERROR for finding in findings)
