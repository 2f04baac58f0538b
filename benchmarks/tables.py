"""Results as tables, for the terminal and for documents."""

import statistics
from collections.abc import Callable, Sequence

from benchmarks.measure import Result
from benchmarks.results import VENDOR, Measured, times

_MB = 1_000_000
_Cell = Callable[[Measured, Result], str]


def factor(value: float) -> str:
    """Return a ratio for people."""
    return f"{value:.0f} ×" if value >= 10 else f"{value:.1f} ×"


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _seconds(_contest: Measured, result: Result) -> str:
    return f"{result.seconds:.2f} s" if result.seconds >= 1 else f"{1000 * result.seconds:.0f} ms"


def speed(contest: Measured, result: Result) -> str:
    """Return how much data a way gets through."""
    return f"{contest.bytes / result.seconds / _MB:,.0f} MB/s" if contest.bytes else ""


def _reference(contest: Measured) -> Result | None:
    return contest.of(VENDOR) or contest.of("curl")


def _ratio(contest: Measured, result: Result) -> str:
    reference = _reference(contest)
    return factor(times(reference, result)) if reference else ""


def share(contest: Measured, result: Result) -> str:
    """Return how much of what the machine can do at most a way reaches."""
    return f"{100 * times(contest.limit, result):.0f} %" if contest.limit else ""


def _earlier(contest: Measured, result: Result) -> str:
    before = contest.of(result.name.replace("retraind:", "before:", 1))
    return factor(times(before, result)) if before and before is not result else ""


def _cores(contest: Measured, result: Result) -> str:
    used = _median([run.cpu_seconds for run in result.runs])
    return f"{1e3 * used / (contest.bytes / _MB):.1f} ms/MB" if contest.bytes else f"{used:.2f} s"


def size(contest: Measured, result: Result) -> str:
    """Return how much larger the zip is than that of the vendor's script, which is at level 6."""
    level6 = contest.of(VENDOR)
    if level6 is None or not (made := result.runs[0].output_bytes) or not level6.runs[0].output_bytes:
        return ""
    return f"{100 * (made / level6.runs[0].output_bytes - 1):+.1f} %"


def _peak(_contest: Measured, result: Result) -> str:
    return f"{_median([run.peak_bytes for run in result.runs]) / _MB:,.0f} MB"


def growth(_contest: Measured, result: Result) -> str:
    """Return how much memory the work took."""
    grown = [run.peak_bytes - run.told["idle_bytes"] for run in result.runs if "idle_bytes" in run.told]
    return f"{max(grown) / _MB:+,.0f} MB" if grown else ""


_COLUMNS: dict[str, _Cell] = {
    "way": lambda _contest, result: result.name,
    "time": _seconds,
    "speed": speed,
    "ratio": _ratio,
    "against before": _earlier,
    "of the limit": share,
    "CPU time": _cores,
    "zip against level 6": size,
    "peak memory": _peak,
    "over idle": growth,
}


def rows(contest: Measured, leave_out: frozenset[str] = frozenset()) -> list[list[str]]:
    """Return a contest as a table: the head, then a row for each way; without empty columns."""
    cells = {
        head: [cell(contest, result) for result in contest.results]
        for head, cell in _COLUMNS.items()
        if head not in leave_out
    }
    for key in dict.fromkeys(key for result in contest.results for run in result.runs for key in run.told):
        if key != "idle_bytes":
            cells[key] = [_told(result, key) for result in contest.results]
    if reference := _reference(contest):
        cells = {
            f"against {reference.name}" if head == "ratio" else head: found for head, found in cells.items()
        }
    kept = {head: found for head, found in cells.items() if any(found)}
    return [list(kept), *map(list, zip(*kept.values(), strict=True))]


def _told(result: Result, key: str) -> str:
    values = [run.told[key] for run in result.runs if key in run.told]
    return f"{_median(values):,.4g}" if values else ""


def text(contest: Measured) -> str:
    """Return a contest as a table for a terminal."""
    table = rows(contest)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "   "
        + "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def markdown(contest: Measured, leave_out: frozenset[str] = frozenset()) -> str:
    """Return a contest as a table for a document."""
    head, *body = rows(contest, leave_out)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
