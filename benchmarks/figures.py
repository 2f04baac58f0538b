"""What this machine can do by itself, so that figures of two machines can be compared.

python -m benchmarks.figures [FOLDER]
"""

import csv
import hashlib
import io
import os
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.data import write_table
from benchmarks.limits import automaton
from benchmarks.real import PACKAGES, TABLES, write_real
from retraind.bundle import deflate

_MB = 1_000_000
_SIZE = 16 * _MB
_BLOCK = 256 << 10
_ROUNDS = 3
_SYNCS = 21


def figures(folder: Path) -> str:
    """Return the speed of what retraind is built on, each by itself, on one table: the best of its rounds."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        table = Path(place) / "table.csv"
        real = (PACKAGES / TABLES["flights"].file).exists()
        if real:
            write_real(table, "flights", _SIZE)
        else:
            write_table(table, "numeric", _SIZE)
        data = table.read_bytes()
        sync = _sync_ms(Path(place))
    pieces = [data[at : at + deflate.PIECE] for at in range(0, len(data), deflate.PIECE)]
    fast, cores = deflate.fast(), deflate.cores()

    def squeeze(piece: bytes) -> bytes:
        return fast.squeeze(piece, b"")

    with ThreadPoolExecutor(cores) as pool:
        found = [
            f"zlib at level 6 {_speed(data[: 4 * _MB], lambda part: zlib.compress(part, 6))}",
            f"{fast.module} {_speed(data, lambda _: [*map(squeeze, pieces)])} on one core",
            f"{_speed(data, lambda _: [*pool.map(squeeze, pieces)])} on all",
            f"SHA-256 {_speed(data, lambda part: hashlib.sha256(part).digest())}",
            f"bytes.translate with deletion {_speed(data, lambda part: part.translate(None, _PLAIN))}",
            *_of_re2(data),
            f"csv module {_speed(data[: 4 * _MB], _read_by_csv)}",
        ]
    name = "flights" if real else "numbers"
    return f"alone, in MB/s of {name}: {', '.join(found)}; an fsync of 4 KiB takes {sync:.1f} ms"


_PLAIN = bytes(byte for byte in range(256) if byte not in b'",\r\n')


def _speed(data: bytes, work: Callable[[bytes], object]) -> str:
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work(data)
        took.append(time.perf_counter() - began)
    return f"{len(data) / min(took) / _MB:,.0f}"


def _read_by_csv(data: bytes) -> None:
    for _ in csv.reader(io.StringIO(data.decode("latin-1"))):
        pass


def _of_re2(data: bytes) -> list[str]:
    try:
        grammar = automaton(data[: data.index(b"\n")].count(b",") + 1)
    except ImportError:
        return ["re2 is not installed"]
    blocks, start = [], 0
    while start < len(data) and (end := data.rfind(b"\n", start, start + _BLOCK) + 1):
        blocks.append(data[start:end])
        start = end

    def prove(_: bytes) -> None:
        for block in blocks:
            assert grammar.fullmatch(block)

    return [f"re2 {_speed(data, prove)}"]


def _sync_ms(folder: Path) -> float:
    took = []
    with (folder / "synced").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(1e3 * (time.perf_counter() - began))
    return statistics.median(took)


if __name__ == "__main__":
    sys.stdout.write(figures(Path(sys.argv[1] if len(sys.argv) > 1 else "build")) + "\n")
