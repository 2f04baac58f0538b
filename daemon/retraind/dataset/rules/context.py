"""What a rule is given: one file and its part in the delivery; and the service's own words for a broken rule."""

from dataclasses import dataclass
from typing import NamedTuple

from retraind.dataset.findings import Finding, Severity
from retraind.dataset.reader.table import Reading
from retraind.system.escape import display

FORMAT = "not in a supported file format"
ENCODING = "character encoding is not supported"
SAME_NAME = "multiple variables with the same name"
ONE_COLUMN = "only one variable"
MANY_COLUMNS = "too many variables"
RAGGED = "rows with a different number of variables"
FEW_ROWS = "insufficient data"
NOT_EQUAL = "the variables in the training data and evaluation data must match exactly"
TARGET = "unavailable prediction type"
DATES = "date and time not within the supported period"
OF_THE_DATA = frozenset(
    {FORMAT, ENCODING, SAME_NAME, ONE_COLUMN, MANY_COLUMNS, RAGGED, FEW_ROWS, NOT_EQUAL, TARGET, DATES}
)
"""What the service says of a training that failed for its data; vendor's manual, messages of the data rules."""


class Earlier(NamedTuple):
    """The training file of the model's last good delivery: what a new one is compared with."""

    name: str  # by which people find that delivery
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Case:
    """One file and what is known about its part in the delivery."""

    table: Reading
    training: bool  # False: the evaluation file
    paired: bool = False  # training and evaluation file come together
    time_series: bool = False
    target: str | None = None
    previous: Earlier | None = None

    def error(
        self,
        rule: str,
        message: str,
        remedy: str,
        *,
        service: str | None = None,
        line: int | None = None,
        column: str | int | None = None,
    ) -> Finding:
        """Return a finding that stops the delivery."""
        return Finding(Severity.ERROR, rule, display(self.table.name), line, column, message, service, remedy)

    def warning(
        self,
        rule: str,
        message: str,
        remedy: str,
        *,
        service: str | None = None,
        line: int | None = None,
        column: str | int | None = None,
    ) -> Finding:
        """Return a finding that people are told of."""
        return Finding(
            Severity.WARNING, rule, display(self.table.name), line, column, message, service, remedy
        )

    @property
    def again(self) -> str:
        """What to do once the source is mended."""
        return "deliver both files again" if self.paired else "deliver the file again"

    def column(self, index: int) -> str | int:
        """Return a column's name, or its place from 1 when it has none."""
        return self.table.text(self.table.header[index]) or index + 1
