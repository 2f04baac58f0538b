"""An SFTP server that breaks or holds up its connection at one request: sftp_faulty.py RULE LOG SERVER.

Stands between sshd and the real server, and reads only where a request begins and which one it is. RULE is a
file of JSON, read for each request; without it nothing fails.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

_EXTENDED = 200
_KINDS = {3: "open", 5: "read", 6: "write", 7: "lstat", 11: "opendir", 12: "readdir", 13: "remove", 17: "stat", 18: "rename"}  # fmt: skip
_AT_ONCE = 1 << 16


def _exactly(length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = os.read(0, length - len(content))
        if not part:
            os._exit(0)
        content += part
    return content


def _kind(packet: bytes) -> str:
    if packet[0] == _EXTENDED:
        length = int.from_bytes(packet[5:9])
        # OpenSSH renames over what is there by an extension of its own.
        return "rename" if packet[9 : 9 + length].startswith(b"posix-rename") else "extended"
    return _KINDS.get(packet[0], str(packet[0]))


def main() -> None:
    rule, log = map(Path, sys.argv[1:3])
    server = subprocess.Popen(sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    deaf = threading.Event()

    def answer() -> None:
        while part := os.read(server.stdout.fileno(), _AT_ONCE):
            while part and not deaf.is_set():
                part = part[os.write(1, part) :]
        os._exit(0)

    threading.Thread(target=answer, daemon=True).start()
    while True:
        head = _exactly(4)
        packet = _exactly(int.from_bytes(head))
        kind = _kind(packet)
        wanted = json.loads(rule.read_bytes()) if rule.exists() else {}
        if wanted.get("request") not in {kind, "any"}:
            server.stdin.write(head + packet)
            continue
        if wanted["after"]:
            rule.write_text(json.dumps(wanted | {"after": wanted["after"] - 1}))
            server.stdin.write(head + packet)
            continue
        with log.open("a") as struck:
            struck.write(f"{kind}\n")
        while wanted["how"] == "hang" and rule.exists():
            time.sleep(0.05)
        if wanted["how"] == "hang":
            server.stdin.write(head + packet)
            continue
        rule.unlink()
        deaf.set()
        if wanted["how"] == "done":
            server.stdin.write(head + packet)
        # The real server works off what it has been sent before it sees that this is the end.
        server.stdin.close()
        server.wait()
        os._exit(0)


if __name__ == "__main__":
    main()
