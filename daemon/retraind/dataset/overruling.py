"""How settings overrule findings: errors become warnings, warnings become errors, or they are ignored."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from retraind.dataset.rules.data_file import DataFile
from retraind.domain.data_rules import FIXED, Overrule
from retraind.domain.problems import Finding, Overruled, Severity

_SEVERITIES: Mapping[Overrule, Severity] = {"warn": Severity.WARNING, "error": Severity.ERROR}


@dataclass
class Overruling:
    """Applies a model's `rules`, and what a person has `accepted` for one delivery."""

    rules: Mapping[str, Overrule]
    accepted: Collection[str]
    ignored: list[str] = field(default_factory=list)
    """The rules with findings that were left out."""

    @property
    def ignores(self) -> frozenset[str]:
        """The rules whose findings are left out."""
        return frozenset(rule for rule, wanted in self.rules.items() if wanted == "ignore") - FIXED

    def applied(self, findings: Iterable[Finding], files: Iterable[DataFile]) -> list[Finding]:
        """Return findings in these files as the owner wants them.

        Nobody overrules what is wrong with a file that was not read to its end: it could not be sent.
        """
        cut_off = {file.display_name for file in files if not file.is_read}
        made = (self._judged(finding, fixed=finding.file in cut_off) for finding in findings)
        return [finding for finding in made if finding is not None]

    def _judged(self, finding: Finding, *, fixed: bool) -> Finding | None:
        is_error = finding.severity is Severity.ERROR
        if is_error and (fixed or finding.rule in FIXED):
            return finding
        wanted = self.rules.get(finding.rule)
        if wanted == "ignore":
            if finding.rule not in self.ignored:
                self.ignored.append(finding.rule)
            return None
        if finding.rule in self.accepted and (is_error or wanted == "error"):
            return replace(finding, severity=Severity.WARNING, overruled=Overruled.PERSON)
        severity = _SEVERITIES[wanted] if wanted else finding.severity
        if severity is finding.severity:
            return finding
        return replace(finding, severity=severity, overruled=Overruled.CONFIGURATION)
