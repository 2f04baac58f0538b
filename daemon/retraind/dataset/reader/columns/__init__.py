"""What columns show: their kinds, dates, numbers, the target, the times of a series."""

from retraind.dataset.reader.columns.facts import ColumnFacts
from retraind.dataset.reader.columns.scan import ColumnScan, Roles

__all__ = ["ColumnFacts", "ColumnScan", "Roles"]
