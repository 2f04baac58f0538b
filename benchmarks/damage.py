"""Real tables with random damage: what is proved must be found exactly as where every record is read.

python -m benchmarks.damage [--seed N] [--seconds N]

Each difference is printed with what repeats it; the exit code says whether there was any.
"""

import argparse
import io
import random
import sys
import time
from collections.abc import Iterator

from benchmarks.real import PACKAGES, TABLES
from retraind.dataset.preflight import Preflight, preflight
from retraind.dataset.reader.automaton import Engine
from retraind.dataset.reader.rows import Limits
from retraind.dataset.reader.table import SourceFile

_BYTES = 200_000
_PIECES = (777, 4096, 1 << 16, 1 << 18)
_SAMPLES = (10, 100, 1000)
_COMMON = (
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b'"\n"',
    b',"a\nb",',
    b"\n\n",
    b"NA",
    b"1969-01-01",
)
_RARE = (
    b"\xef\xbb\xbf",
    b"\xef\xbf\xbd",
    b"\\",
    b'\\"x',
    b'\x95\\"x',
    b"\x95",
    b"\xe8\xa1",
    b"x,y\n" * 9,
    b"\n" * 300,
)


def tables() -> Iterator[tuple[str, bytes]]:
    """Yield the start of each table that is there."""
    for name, table in TABLES.items():
        if (PACKAGES / table.file).exists():
            data = table.read(PACKAGES / table.file)
            yield name, data[: data.rfind(b"\n", 0, _BYTES) + 1]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return the table with other line breaks, and bytes that are missing or too many."""
    header = data.partition(b"\n")[0]
    names = header.split(b",")
    inserted = (
        *_COMMON * 3,
        *_RARE,
        header + b"\n",
        header.upper() + b"\n",
        b",".join(names[::-1]) + b"\n",
        b"\x1a" + header + b"\n",
        b"," * header.count(b",") + b"\n",
        b", ".join([b" "] * len(names)) + b"\n",
    )
    ending = chance.choice([b"\n"] * 6 + [b"\r\n"] * 3 + [b"\r"])
    made = bytearray(data.replace(b"\n", ending))
    for _ in range(chance.choice([0, 1, 2, 5, 40])):
        at = chance.randrange(len(made))
        if chance.randrange(2):
            made[at:at] = chance.choice(inserted)
        else:
            del made[at : at + chance.choice([1, 1, 2, 30])]
    return bytes(made)


def found(data: bytes, target: str, limits: Limits) -> Preflight:
    """Return what the preflight finds."""
    return preflight(SourceFile("table.csv", lambda: io.BytesIO(data)), target=target, limits=limits)


def differences(name: str, data: bytes, chance: random.Random) -> Iterator[str]:
    """Damage a table and yield in what the ways to read it differ."""
    header = data.partition(b"\n")[0]
    target = chance.choice(header.split(b",")).strip(b'"').decode("utf-8", "replace")
    data = damaged(data, chance)
    sample = chance.choice(_SAMPLES)
    exact = found(data, target, Limits(sample=sample, engine=Engine.NONE))
    for engine in (Engine.RE2, Engine.RE):
        limits = Limits(
            piece=chance.choice(_PIECES), waiting=chance.choice([0, 1 << 20]), sample=sample, engine=engine
        )
        proved = found(data, target, limits)
        if (proved.findings, proved.train) != (exact.findings, exact.train):
            other = set(map(str, proved.findings)) ^ set(map(str, exact.findings))
            yield f"{name}, target {target!r}, {limits}: {sorted(other) or (proved.train, exact.train)}"


def main() -> None:
    """Compare until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.damage", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    known = list(tables())
    if not known:
        raise SystemExit(f"{PACKAGES} has no tables: `make build/tables/.fetched` fetches them.")
    end, seed, count = time.monotonic() + options.seconds, options.seed, 0
    while time.monotonic() < end:
        chance = random.Random(seed)
        for difference in differences(*chance.choice(known), chance):
            count += 1
            sys.stdout.write(f"--seed {seed}: {difference}\n")
        seed += 1
    sys.stdout.write(f"{seed - options.seed} damaged tables, {count} differences\n")
    sys.exit(count > 0)


if __name__ == "__main__":
    main()
