"""Preflight: checks a delivery's data against the service's rules before anything is sent.

Files are read in reader/, the rules are in rules/, and the wording of findings is in report/wording/.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from types import MappingProxyType

from retraind.dataset.overruling import Overruling
from retraind.dataset.profile import Profile, profile_of
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.stream import ByteSink, Reading
from retraind.dataset.reader.table import SourceFile, TableFacts
from retraind.dataset.rules import comparison, header, rows, series, text, values
from retraind.dataset.rules import target as targets
from retraind.dataset.rules.causes.damage import explained_by_bytes
from retraind.dataset.rules.causes.replacement import explained, explained_between
from retraind.dataset.rules.data_file import DataFile, PreviousDelivery, Task
from retraind.domain.data_rules import Overrule
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import Finding, Severity

__all__ = ["Limits", "Preflight", "PreviousDelivery", "SourceFile", "TableFacts", "preflight"]

TEXT_RULES: tuple[Callable[[DataFile], Iterator[Finding]], ...] = (
    text.content,
    text.encoding,
    text.nul_bytes,
)
"""The rules for one file as text."""

TABLE_RULES: tuple[Callable[[DataFile], Iterator[Finding]], ...] = (
    header.header,
    header.column_names,
    rows.quotes,
    rows.reading_ended,
    rows.ragged,
    rows.row_count,
    values.empty_columns,
    values.dates,
    values.numbers,
    values.late_text,
    values.rare_text,
    targets.target_column,
    targets.target_values,
    series.series,
    comparison.since_last,
)
"""The rules for one file as a table, in the order in which people should read about them. Causes replace
what is found by them."""

PAIR_RULES: tuple[Callable[[DataFile, DataFile], Iterator[Finding]], ...] = (
    comparison.pair,
    comparison.kinds,
    comparison.answers,
)
"""The rules for both files together."""

UNREAD_RULES: tuple[Callable[[DataFile], Iterator[Finding]], ...] = (text.content, text.encoding)
"""The rules for a file that was not read, because it is not text, or is in an encoding
in which even commas and quotes cannot be recognised."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found. The facts of a file are None when it could not be read to its end as a table."""

    findings: tuple[Finding, ...]
    train: TableFacts | None
    evaluation: TableFacts | None
    profile: Profile = field(default_factory=Profile)
    """Of the training file: what the next delivery is compared with."""
    ignored: tuple[str, ...] = ()
    """The rules with findings that are ignored, since their owner wants that."""

    @property
    def ok(self) -> bool:
        """True when the delivery can be sent."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the delivery."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not stop the delivery and are reported."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)


def preflight(
    train: SourceFile,
    evaluation: SourceFile | None = None,
    *,
    sinks: Sequence[ByteSink] = (),
    adds_bom: bool = False,
    previous: PreviousDelivery | None = None,
    target: str | None = None,
    prediction_type: PredictionType | None = None,
    positive_value: str | None = None,
    time_series: bool = False,
    time_column: str | None = None,
    series_column: str | None = None,
    limits: Limits | None = None,
    rules: Mapping[str, Overrule] = MappingProxyType({}),
    accepted: Collection[str] = (),
) -> Preflight:
    """Preflight a delivery's files and return all findings, errors of both files before warnings.

    `sinks`, one for each file, receive its bytes as they are read; none once an error has been found.
    `adds_bom` says that a missing byte order mark is added on the way to the service. `previous` is the
    training file of the model's last good delivery. `target` is the name of the column that the model
    predicts, if it is known, and the next five say what kind of model it is. `rules` are those of the model,
    and `accepted` the rules that a person has accepted for this delivery. Each file is opened and read once.
    Raises OSError when one cannot be read, and what a sink raises.
    """
    task = Task(target, prediction_type, positive_value, time_series, time_column, series_column)
    overruling = Overruling(rules, accepted)
    if rules or accepted:
        # What is overruled may be all that is wrong; then the file is sent, however long it takes.
        limits = replace(limits or Limits(), patience=None)
    files: list[DataFile] = []
    found: list[list[Finding]] = []
    with ExitStack() as held:
        readings = [
            held.enter_context(Reading(source, target=target, series=task.series, limits=limits))
            for source in (train, evaluation)
            if source is not None
        ]
        following = [reading.begin for reading in readings[1:]]
        for reading, sink, meanwhile in zip_longest(readings, sinks[: len(readings)], following):
            refused = any(each.severity is Severity.ERROR for findings in found for each in findings)
            file = DataFile(
                reading.run(None if refused else sink, meanwhile),
                training=not files,
                paired=evaluation is not None,
                adds_bom=adds_bom,
                task=task,
                previous=None if files else previous,
            )
            files.append(file)
            found.append(_findings(file, overruling))
    # What a text is in whose commas may be parts of characters is not known either.
    compared = evaluation is not None and not any(file.table.encoding.escapes for file in files)
    between = [each for rule in PAIR_RULES for each in rule(*files)] if compared else []
    between = overruling.applied(between, files)
    findings = explained_between(list(zip(files, found, strict=True)), between, ignored=overruling.ignores)
    findings = overruling.applied(findings, files)
    findings.sort(key=lambda finding: finding.severity is Severity.WARNING)
    facts = [file.table.facts for file in files]
    return Preflight(
        tuple(findings),
        facts[0],
        facts[1] if evaluation is not None else None,
        profile_of(files[0]),
        tuple(overruling.ignored),
    )


def _findings(file: DataFile, overruling: Overruling) -> list[Finding]:
    def found(rules: Iterable[Callable[[DataFile], Iterator[Finding]]]) -> list[Finding]:
        return overruling.applied((finding for rule in rules for finding in rule(file)), [file])

    if file.table.utf16 or file.table.not_text is not None or file.table.encoding.escapes:
        return found(UNREAD_RULES)
    if file.table.nul is not None and not file.table.oddities.first_line.strip(b"\0 "):
        return found(TEXT_RULES)  # there are no names, and probably nothing else either
    # What the owner does not mind needs no cause; what causes are themselves overruled is seen afterwards.
    as_table = explained(file, found(TABLE_RULES), ignored=overruling.ignores)
    as_table = overruling.applied(as_table, [file])
    if any(each.rule == "not-a-table" and each.severity is Severity.ERROR for each in as_table):
        return as_table
    return explained_by_bytes(file, found(TEXT_RULES), as_table)
