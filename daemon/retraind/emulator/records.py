"""The append-only diary `records.jsonl`: one line of JSON for each fact that a test may want to count.

It is read from outside, also while the emulator runs or after it was killed. The emulator's own memory is the
ledger; after a restart the lines that a kill prevented are added from there.
"""

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

RECORDS_FILE = "records.jsonl"


def read_records(state_dir: Path) -> list[dict[str, Any]]:
    """Return all records of the emulator whose state is in `state_dir`, oldest first.

    A last line that is still being written is left out; no file means no records.
    """
    try:
        text = (state_dir / RECORDS_FILE).read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.split(b"\n")[:-1] if line]


class Records:
    """The writer of the diary. Threads can share it; `close` ends it."""

    def __init__(self, state_dir: Path, now: Callable[[], datetime]) -> None:
        self._lock = threading.Lock()
        self._now = now
        self._known = {_identity(record) for record in read_records(state_dir)}
        path = state_dir / RECORDS_FILE
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A kill may have left an incomplete last line.
        os.ftruncate(self._file, path.read_bytes().rfind(b"\n") + 1)

    def close(self) -> None:
        """Close the file; nothing can be recorded afterwards."""
        os.close(self._file)

    def add(
        self,
        event: str,
        *,
        model: str | None = None,
        retrain_job_id: str | None = None,
        at: datetime | None = None,
        once: bool = False,
        **facts: Any,
    ) -> None:
        """Append one record, of the moment `at` or now.

        With `once`, only if this event is not on record for its job, upload and training.
        """
        record = {
            "time": (at or self._now()).isoformat(),
            "event": event,
            "model": model,
            "retrain_job_id": retrain_job_id,
            **facts,
        }
        identity = _identity(record)
        with self._lock:
            if not (once and identity in self._known):
                os.write(self._file, json.dumps(record, ensure_ascii=False).encode() + b"\n")
                self._known.add(identity)


def _identity(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(part) for part in ("event", "retrain_job_id", "upload", "training"))
