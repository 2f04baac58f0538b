"""What a rule receives: one file of a delivery, and what is known about it. Findings are made here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from retraind.dataset.reader.columns.facts import LocatedValue
from retraind.dataset.reader.examples import MAX_EXAMPLES
from retraind.dataset.reader.table import ReadResult, Series
from retraind.dataset.rules.service_messages import ServiceMessage
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import Fact, Finding, Severity, plain_fact
from retraind.system.escape import display

MAX_CHARS = 512
"""Kept of each text in a finding; people are shown less of it."""


class PreviousDelivery(NamedTuple):
    """The training file of the model's last good delivery, with which a new one is compared."""

    name: str  # by which people find that delivery
    columns: tuple[str, ...]
    rows: int
    kinds: tuple[str, ...] = ()  # of these columns, if they are known
    target: str | None = None
    classes: tuple[str, ...] = ()  # of the target, if it has any; the beginnings of their names

    @property
    def kinds_by_name(self) -> Mapping[str, str]:
        """The kinds of the columns, as far as they are known."""
        return dict(zip(self.columns, self.kinds, strict=True)) if self.kinds else {}


@dataclass(frozen=True, slots=True)
class Task:
    """What the model predicts, as far as it is configured."""

    target: str | None = None
    prediction_type: PredictionType | None = None
    positive_value: str | None = None
    time_series: bool = False
    time_column: str | None = None
    series_column: str | None = None

    @property
    def series(self) -> Series | None:
        """The names of the columns of a time series; None if it is none."""
        return Series(self.time_column, self.series_column) if self.time_series else None


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file, and what is known about its part in the delivery."""

    table: ReadResult
    training: bool  # False: the evaluation file
    paired: bool = False  # training and evaluation file come together
    adds_bom: bool = False  # a missing byte order mark is added on the way to the service
    task: Task = field(default_factory=Task)
    previous: PreviousDelivery | None = None

    @property
    def target(self) -> str | None:
        """The name of the column that the model predicts, if it is known."""
        return self.task.target

    @property
    def time_series(self) -> bool:
        """Whether the limits of the service's time-series mode apply."""
        return self.task.time_series

    @property
    def display_name(self) -> str:
        """What the file is called in findings."""
        return display(self.table.name)

    @property
    def is_read(self) -> bool:
        """True when it was read to its end as a table."""
        return self.table.facts is not None

    def error(self, rule: str, /, **facts: Any) -> Finding:
        """Return a finding that stops the delivery.

        Besides its facts it may have a `line`, a `column` and the `service`'s message for it.
        """
        return self._finding(Severity.ERROR, rule, **facts)

    def warning(self, rule: str, /, **facts: Any) -> Finding:
        """Return a finding that is reported and does not stop the delivery."""
        return self._finding(Severity.WARNING, rule, **facts)

    def _finding(
        self,
        severity: Severity,
        rule: str,
        /,
        *,
        service: ServiceMessage | None = None,
        line: int | None = None,
        column: str | int | None = None,
        **facts: Any,
    ) -> Finding:
        return Finding(
            rule=rule,
            severity=severity,
            file=self.display_name,
            line=line,
            column=_shortened(column) if isinstance(column, str) else column,
            facts={name: _bounded(value) for name, value in facts.items()},
            service_message=service and service.english,
            service_message_ja=service and service.japanese,
            service_number=service and service.number,
        )

    def text(self, value: bytes) -> str:
        """Return the text of a value of this file."""
        return self.table.text(value)

    def texts(self, values: Iterable[LocatedValue]) -> list[tuple[int, str]]:
        """Return the lines and texts of some values."""
        return [(each.line, self.table.text(each.value)) for each in values]

    def column(self, index: int) -> str | int:
        """Return a column's name, or its place from 1 if it has none."""
        return self.table.text(self.table.header[index]) or index + 1


def _bounded(value: Any) -> Fact:
    """Return a fact of limited size, whatever the file contains: the first examples, the start of texts."""
    if isinstance(value, str):
        return plain_fact(_shortened(value))
    if isinstance(value, tuple | list):
        return tuple(_bounded(each) for each in value[:MAX_EXAMPLES])
    return plain_fact(value)


def _shortened(text: str) -> str:
    # What is not valid Unicode, such as an argument of a command, cannot be kept in a journal as it is.
    return text[:MAX_CHARS].encode("utf-8", "backslashreplace").decode("utf-8")
