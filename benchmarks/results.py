"""What was found, as it is kept in a JSON file: all runs, so that any figure can be had from them later."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.measure import Result
from retraind.system.files import write_atomically

VENDOR = "vendor's script"
LIMIT = "limit: "
"""How the name of what the machine can do at most begins."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A contest with all its results."""

    name: str
    bytes: int
    results: Sequence[Result]

    def of(self, name: str) -> Result | None:
        """Return the result of a way, None if it did not take part."""
        return next((result for result in self.results if result.name == name), None)

    @property
    def limit(self) -> Result | None:
        """What the machine can do at most, where it was measured."""
        return next((result for result in self.results if result.name.startswith(LIMIT)), None)


@dataclass(frozen=True, slots=True)
class Found:
    """All that one part found, and where."""

    began: datetime
    rounds: int
    machine: str
    contests: Sequence[Measured]


_FORM = TypeAdapter(dict[str, Found])


def load(path: Path) -> dict[str, Found]:
    """Return what is in a file, by part."""
    return _FORM.validate_json(path.read_bytes())


def merge(path: Path, part: str, found: Found) -> None:
    """Put what a part found into a file, in place of what it found before."""
    known = load(path) if path.exists() else {}
    write_atomically(path, _FORM.dump_json(known | {part: found}, indent=1))


def machine() -> str:
    """Describe the machine, but for its name, and what else it was doing."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    load = os.getloadavg()[0]
    busy = ": other work was running, which slows most what uses all cores" if load > cores / 2 else ""
    return (
        f"{cores} cores of {_processor()}, {memory / 1e9:.0f} GB of memory, Linux "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}; load before it began "
        f"{load:.1f}{busy}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def times(slow: Result, fast: Result) -> float:
    """Return how many times as fast `fast` is: the median of the rounds.

    Both run in each round, so that what else the machine does slows both.
    """
    return statistics.median(
        one.seconds / other.seconds for one, other in zip(slow.runs, fast.runs, strict=True)
    )
