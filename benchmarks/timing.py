"""How a program of this package measures its own work and tells of it."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import memory


@contextmanager
def timed() -> Iterator[dict[str, Any]]:
    """Measure what is done inside and print it, with what is put into the yielded mapping.

    `idle_bytes` is the memory that was taken before, `peak_bytes` the most that was taken inside.
    """
    told: dict[str, Any] = {"idle_bytes": memory()["VmRSS"]}
    # From now on the kernel's peak is that of the work, not of the start before it.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    cpu = _cpu()
    began = time.perf_counter()
    yield told
    told["seconds"] = time.perf_counter() - began
    told["cpu_seconds"] = _cpu() - cpu
    told["peak_bytes"] = memory()["VmHWM"]
    sys.stdout.write(json.dumps(told) + "\n")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
