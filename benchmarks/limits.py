"""What the machine can do at most: only compress, on all cores; only send, by the kernel; only read the rows.

python -m benchmarks.limits deflate FILE…
python -m benchmarks.limits sendfile FILE ADDRESS
python -m benchmarks.limits csv FILE…
python -m benchmarks.limits re2 FILE…
"""

import csv
import importlib
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.timing import timed
from retraind.bundle import deflate
from retraind.bundle.zip_writer import pieces

_MOST_AT_ONCE = 1 << 30
_BLOCK = 256 << 10


def deflate_all(paths: Sequence[Path]) -> None:
    """Compress what is in memory already, and keep nothing of it."""
    compressor = deflate.fast()
    loaded: list[bytes] = []
    for path in paths:
        with path.open("rb", buffering=0) as file:
            loaded += pieces(file, deflate.PIECE)
    cores = deflate.cores()
    with ThreadPoolExecutor(cores) as pool:
        # The threads are started before the clock is.
        list(pool.map(lambda _: compressor.squeeze(b"x", b""), range(cores)))
        with timed():
            squeezed = list(pool.map(lambda piece: len(compressor.squeeze(piece, b"")), loaded))
    assert len(squeezed) == len(loaded)


def sendfile(path: Path, address: str) -> None:
    """PUT a file that never enters this process."""
    place = urlsplit(address)
    with timed(), path.open("rb") as file, socket.create_connection((place.hostname, place.port)) as peer:
        size = os.fstat(file.fileno()).st_size
        peer.sendall(b"PUT /store HTTP/1.1\r\nHost: sink\r\nContent-Length: %d\r\n\r\n" % size)
        sent = 0
        while sent < size:
            sent += os.sendfile(peer.fileno(), file.fileno(), sent, min(size - sent, _MOST_AT_ONCE))
        answer = peer.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200")


def read_rows(paths: Sequence[Path]) -> None:
    """Have Python's csv module read files, which is the least that an exact check could do."""
    with timed():
        for path in paths:
            with path.open(encoding="latin-1", newline="") as file:
                for _ in csv.reader(file):
                    pass


def prove(paths: Sequence[Path]) -> None:
    """Have RE2 match files in memory, block by block, by a grammar that knows the columns' number alone."""
    blocks = []
    for path in paths:
        data = path.read_bytes()
        columns = data[: data.index(b"\n")].count(b",") + 1
        grammar, start = automaton(columns), 0
        while end := data.rfind(b"\n", start, start + _BLOCK) + 1:
            blocks.append((grammar, data[start:end]))
            start = end
    with timed():
        for grammar, block in blocks:
            assert grammar.fullmatch(block)


def automaton(columns: int) -> Any:
    """Return RE2's automaton for rows of so many columns."""
    re2 = importlib.import_module("re2")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    field = r'(?:[^",\r\n]*|"(?:[^"]|"")*")'
    return re2.compile(f"(?:{','.join([field] * columns)}\r?\n)*".encode("latin-1"), options)


def main() -> None:
    """Do as the command line says."""
    work, *arguments = sys.argv[1:]
    if work == "deflate":
        deflate_all([Path(each) for each in arguments])
    elif work == "csv":
        read_rows([Path(each) for each in arguments])
    elif work == "re2":
        prove([Path(each) for each in arguments])
    else:
        path, address = arguments
        sendfile(Path(path), address)


if __name__ == "__main__":
    main()
