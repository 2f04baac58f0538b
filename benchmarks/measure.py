"""Programs run side by side and measured from outside: time, CPU time, memory.

The ways of a contest take turns, so that whatever else the machine does hits all of them alike; what counts
is the median of several rounds.
"""

import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LOOK_MS = 5
"""Between two looks at how much memory a program takes.

The kernel keeps the peak, so only the very end is missed.
"""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do the work of a contest.

    `command` is run by itself. Where it prints a line of JSON with `seconds`, these count in place of the
    time from its start to its end: Python's own start is no part of the work.
    """

    name: str
    command: Sequence[str]
    output: Path | None = None
    """A file that it makes, or the folder of several: measured, and removed before the next."""
    needs: Sequence[str] = ()
    """Programs that may be missing."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Ways to do the same work on the same data."""

    name: str
    bytes: int
    """How much data there is."""
    ways: Sequence[Way]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of one way took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    """Memory of its largest process."""
    output_bytes: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else it printed of itself."""


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of one way."""

    name: str
    runs: Sequence[Run]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)


def missing_tools(way: Way) -> list[str]:
    """Return which of the programs that a way needs are not installed."""
    return [tool for tool in way.needs if shutil.which(tool) is None]


def compete(contest: Contest, rounds: int, say: Callable[[str], None]) -> list[Result]:
    """Run each way so many times, in turns, and return what they took.

    Ways that lack a program are left out, aloud.
    """
    ways = []
    for way in contest.ways:
        if missing := missing_tools(way):
            say(f"  {way.name}: left out, since {' and '.join(missing)} is not installed")
        else:
            ways.append(way)
    runs: dict[str, list[Run]] = {way.name: [] for way in ways}
    for number in range(rounds):
        # Another one begins each time, or one would always follow on the same neighbour.
        for way in (*ways[number % len(ways) :], *ways[: number % len(ways)]):
            runs[way.name].append(run(way))
    return [Result(name, found) for name, found in runs.items()]


def run(way: Way) -> Run:
    """Run one way once. Raises CalledProcessError when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(way.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = _watch(process.pid)
    elapsed = time.perf_counter() - began
    assert process.stdout is not None
    assert process.stderr is not None
    printed, complaint = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, way.command, printed, complaint)
    told = _told(printed)
    return Run(
        seconds=told.pop("seconds", elapsed),
        cpu_seconds=told.pop("cpu_seconds", usage.ru_utime + usage.ru_stime),
        peak_bytes=told.pop("peak_bytes", peak),
        output_bytes=told.pop("output_bytes", None) or _taken_away(way.output),
        told=told,
    )


def _watch(pid: int) -> int:
    """Wait for a process to end; returns the peak memory of it and its children, in bytes.

    Not ru_maxrss, which begins with the memory of the process that started it.
    """
    peak = 0
    handle = os.pidfd_open(pid)
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        while not ended.poll(_LOOK_MS):
            peak = max([peak, *map(_peak_of, _family(pid))])
    finally:
        os.close(handle)
    return peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _peak_of(pid: int) -> int:
    return memory(pid).get("VmHWM", 0)


def memory(pid: int | str = "self") -> dict[str, int]:
    """Return what the kernel says of a process's memory, in bytes; nothing once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.split() for line in status.splitlines() if line.startswith("Vm"))
    return {words[0].rstrip(":"): int(words[1]) << 10 for words in lines}


def _told(printed: str) -> dict[str, Any]:
    last = printed.strip().rpartition("\n")[2]
    return dict(json.loads(last)) if last.startswith("{") else {}


def _taken_away(output: Path | None) -> int | None:
    if output is None:
        return None
    if output.is_dir():
        size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
        shutil.rmtree(output)
    else:
        size = output.stat().st_size
        output.unlink()
    return size


def python(program: str, *arguments: object) -> tuple[str, ...]:
    """Return the command for a program of this package."""
    return (sys.executable, "-m", f"benchmarks.{program}", *map(str, arguments))
