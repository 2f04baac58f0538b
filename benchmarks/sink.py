"""A service on loopback that gives an upload address, and an object store that throws away what it gets.

It stands in for both in measurements, so that the sender's speed is seen and not the receiver's: the bytes
are dropped inside the kernel. In a process of its own; its first line of output is its address. With
`trains`, each training has finished as soon as its data was sent.
"""

import itertools
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.measure import python

_PIECE = 1 << 20
_LONGEST_HEAD = 64 << 10
_RESULTS = b"PK\5\6" + bytes(18)
"""An empty zip."""
_NUMBERS = itertools.count(1)
_SENT: set[str] = set()
"""The retrain jobs whose data has arrived."""


def main() -> None:
    """Answer until the process is ended."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        sys.stdout.write(address + "\n")
        sys.stdout.flush()
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve, args=(connection, address), daemon=True).start()


def _serve(connection: socket.socket, address: str) -> None:
    with connection, suppress(ConnectionError):
        head = b""
        while True:
            while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
                if not (piece := connection.recv(4096)):
                    return
                head += piece
            lines, _, rest = head.partition(b"\r\n\r\n")
            method, target, _ = lines.split(b"\r\n")[0].decode("latin-1").split(" ")
            fields = dict(_fields(lines))
            if fields.get("expect", "") == "100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = int(fields.get("content-length", 0))
            _throw_away(connection, length - len(rest))
            head = rest[length:]
            if method == "PUT":
                _SENT.add(target.rpartition("/")[2])
            body = b"" if method == "PUT" else _answer(target, address)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def _fields(lines: bytes) -> Iterator[tuple[str, str]]:
    for line in lines.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        yield name.lower(), value.strip().lower()


def _throw_away(connection: socket.socket, left: int) -> None:
    nowhere = bytearray(_PIECE)
    while left > 0:
        got = connection.recv_into(nowhere, min(left, _PIECE), socket.MSG_TRUNC)
        if not got:
            return
        left -= got


def _answer(target: str, address: str) -> bytes:
    job = target.rpartition("/")[2]
    if target.startswith("/results/"):
        return _RESULTS
    if "upload_url" in target:
        number = next(_NUMBERS)
        told: dict[str, object] = {"retrain_job_id": str(number), "upload_url": f"{address}/store/{number}"}
    elif job in _SENT and "trains" in sys.argv:
        told = {
            "status": "job_finished", "model_id": 1, "download_url": f"{address}/results/{job}",
            "metadata": {"retrain_job_id": job},
        }  # fmt: skip
    else:
        told = {"status": "waiting", "metadata": {"retrain_job_id": job}}
    return json.dumps(told).encode()


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Run it in a process of its own and yield its address."""
    with subprocess.Popen(python("sink", *options), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    main()
