"""What is measured: each part is a list of contests over generated data.

Another part is one more function in PARTS.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import sink
from benchmarks.data import KINDS, write_table
from benchmarks.measure import Contest, Way, python
from benchmarks.real import TABLES, write_real
from benchmarks.results import LIMIT

MB = 1_000_000
LIMIT_OF_DEFLATE = f"{LIMIT}deflate alone, in memory"


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    folder: Path
    """Where there is room for the data, on a disk like that of a spool."""
    size: int
    """Bytes of the training file; the evaluation file has a fifth of it."""
    large: int
    """The same for the part `large`."""
    kinds: tuple[str, ...]
    tables: tuple[str, ...] = ()
    """The real ones."""
    before: str = ""
    """The commit that is measured beside the present code."""
    kept: Path = Path("build")
    """Where what is made once stays."""


Part = Callable[[Plan], Iterator[Contest]]
"""Yields its contests one by one; what a contest needs is there while it is held, and removed before the
next."""


@contextmanager
def delivery(plan: Plan, kind: str, size: int) -> Iterator[Path]:
    """Yield a folder with the two files of a delivery, in folders as in the zip, safe on the disk."""
    folder = plan.folder / f"{kind}-{size // MB}"
    for name, share in (("train", size), ("eval", size // 5)):
        (folder / f"{name}_src").mkdir(parents=True)
        write = write_real if kind in TABLES else write_table
        write(folder / f"{name}_src" / f"{name}.csv", kind, share)
    # What is still to be written would disturb what is measured.
    os.sync()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def shell(name: str, script: str, needs: tuple[str, ...], output: Path | None = None) -> Way:
    """Return a way that is a line for the shell, and the programs that it needs."""
    return Way(name, ("sh", "-ec", script), output, needs)


def bundling(plan: Plan) -> Iterator[Contest]:
    """From two files to one zip, nothing else."""
    for kind in plan.kinds:
        with delivery(plan, kind, plan.size) as folder:
            made = plan.folder / "made.zip"
            members = "train_src eval_src"
            files = [folder / f"{name}_src" / f"{name}.csv" for name in ("train", "eval")]
            inside = f"cd '{folder}'; "
            pigz = " && ".join(
                f"pigz -K {{}} -c {name}_src/{name}.csv > '{made}/{name}.zip'" for name in ("train", "eval")
            )
            yield Contest(
                kind,
                size_of(folder),
                (
                    Way("vendor's script", python("vendor", "bundle", folder, made), made),
                    Way("retraind, fast", python("ours", "bundle", folder, made, "fast"), made),
                    Way(
                        "retraind, fast, and the SHA-256 of the files",
                        python("ours", "build", folder, made, "fast"),
                        made,
                    ),
                    Way("retraind, small", python("ours", "bundle", folder, made, "small"), made),
                    Way(LIMIT_OF_DEFLATE, python("limits", "deflate", *files)),
                    shell("zip -6", f"{inside}zip -q -6 -r '{made}' {members}", ("zip",), made),
                    shell("zip -1", f"{inside}zip -q -1 -r '{made}' {members}", ("zip",), made),
                    shell(
                        "7z, level 5",
                        f"{inside}7z a -tzip -mx=5 -mmt=on '{made}' {members} >/dev/null",
                        ("7z",),
                        made,
                    ),
                    shell(
                        "7z, level 1",
                        f"{inside}7z a -tzip -mx=1 -mmt=on '{made}' {members} >/dev/null",
                        ("7z",),
                        made,
                    ),
                    shell(
                        "pigz -6, a zip for each",
                        f"{inside}mkdir '{made}'; {pigz.format('-6', '-6')}",
                        ("pigz",),
                        made,
                    ),
                    shell(
                        "pigz -1, a zip for each",
                        f"{inside}mkdir '{made}'; {pigz.format('-1', '-1')}",
                        ("pigz",),
                        made,
                    ),
                ),
            )


def limit(plan: Plan) -> Iterator[Contest]:
    """A delivery of five times the usual size beside what the cores can do.

    What is done only once counts less in it.
    """
    for kind in plan.kinds:
        with delivery(plan, kind, 5 * plan.size) as folder:
            made = plan.folder / "made.zip"
            files = [folder / f"{name}_src" / f"{name}.csv" for name in ("train", "eval")]
            yield Contest(
                kind,
                size_of(folder),
                (
                    Way("retraind, fast", python("ours", "bundle", folder, made, "fast"), made),
                    Way(LIMIT_OF_DEFLATE, python("limits", "deflate", *files)),
                ),
            )


def delivering(plan: Plan) -> Iterator[Contest]:
    """From the drop folder to the object store, with all checks on; the others check nothing."""
    with sink.running() as address:
        for kind in plan.kinds:
            with delivery(plan, kind, plan.size) as folder:
                made = plan.folder / "made.zip"
                inside, members = f"cd '{folder}'; ", "train_src eval_src"
                send = f"curl -sSf -o /dev/null -T '{made}' {address}/store"
                yield Contest(
                    kind,
                    size_of(folder),
                    (
                        *_delivered(folder, made, address),
                        Way("retraind: the checks alone", python("ours", "check", folder)),
                        shell(
                            "zip -6, curl",
                            f"{inside}zip -q -6 -r '{made}' {members}; {send}",
                            ("zip", "curl"),
                            made,
                        ),
                        shell(
                            "zip -1, curl",
                            f"{inside}zip -q -1 -r '{made}' {members}; {send}",
                            ("zip", "curl"),
                            made,
                        ),
                        shell(
                            "7z level 1, curl",
                            f"{inside}7z a -tzip -mx=1 -mmt=on '{made}' {members} >/dev/null; {send}",
                            ("7z", "curl"),
                            made,
                        ),
                    ),
                )


def hundreds(plan: Plan) -> Iterator[Contest]:
    """From the drop folder to the object store, a delivery of five times the usual size."""
    with sink.running() as address:
        for kind in plan.kinds:
            with delivery(plan, kind, 5 * plan.size) as folder:
                made = plan.folder / "made.zip"
                yield Contest(kind, size_of(folder), _delivered(folder, made, address))


def _delivered(folder: Path, made: Path, address: str) -> tuple[Way, ...]:
    return (
        Way("vendor's script", python("vendor", "deliver", folder, made, address), made),
        Way("retraind, fast", python("ours", "deliver", folder, address, "fast")),
        Way("retraind, small", python("ours", "deliver", folder, address, "small")),
    )


def uploading(plan: Plan) -> Iterator[Contest]:
    """A file from the page cache to an object store on loopback."""
    with sink.running() as address, delivery(plan, "random", 10 * plan.size) as folder:
        path = folder / "train_src" / "train.csv"
        yield Contest(
            "one file",
            path.stat().st_size,
            (
                Way("requests, read whole", python("others", "whole", path, address)),
                Way("requests, from the file", python("others", "file", path, address)),
                Way("retraind", python("ours", "upload", path, address)),
                shell("curl", f"curl -sSf -o /dev/null -T '{path}' {address}/store", ("curl",)),
                Way("limit: sendfile", python("limits", "sendfile", path, address)),
            ),
        )


def memory(plan: Plan) -> Iterator[Contest]:
    """A delivery of the usual size, and one of five times that: the peak must be the same."""
    for size in (plan.size, 5 * plan.size):
        yield from _of_size(plan, size)


def large(plan: Plan) -> Iterator[Contest]:
    """A delivery that no memory would hold; it needs more than two times its size on the disk."""
    yield from _of_size(plan, plan.large)


def _of_size(plan: Plan, size: int) -> Iterator[Contest]:
    with sink.running() as address, delivery(plan, "numeric", size) as folder:
        made = plan.folder / "made.zip"
        yield Contest(
            f"{size // MB:,} MB and {size // 5 // MB:,} MB",
            size_of(folder),
            (
                Way(
                    "retraind, the zip alone",
                    python("ours", "bundle", folder, made, "fast"),
                    made,
                ),
                Way("retraind, to uploaded", python("ours", "deliver", folder, address, "fast")),
            ),
        )


PARTS: dict[str, Part] = {
    "bundling": bundling,
    "limit": limit,
    "delivering": delivering,
    "hundreds": hundreds,
    "uploading": uploading,
    "memory": memory,
    "large": large,
}
USUAL = ("bundling", "limit", "delivering", "uploading", "memory")
"""The parts that are measured unless others are asked for."""
ALL_KINDS = tuple(KINDS)
