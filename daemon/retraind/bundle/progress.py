"""How much of an upload was sent, in a small file on the spool: for `show`, which is another process."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from retraind.domain.problems import file_problem
from retraind.system import log
from retraind.system.files import PRIVATE, make_folder

_LOG = log.get(__name__)

_DIGITS = 20


def note_name(job_id: str) -> str:
    """Return the name of the file for a job."""
    return f"{job_id}.sent"


class Progress:
    """Notes the bytes that were sent while the block runs. An upload never fails for it."""

    def __init__(self, spool: Path, job_id: str) -> None:
        self._path = spool / note_name(job_id)
        self._handle: int | None = None

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            make_folder(self._path.parent, PRIVATE)
            self._handle = os.open(self._path, flags, 0o600)
            # Kept for as long as bytes are sent, however that ends.
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            _LOG.warning("progress_not_noted", reason=file_problem(error))
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            self.forget()

    def forget(self) -> None:
        """Remove what a kill has left."""
        with suppress(OSError):  # The next tidying of the spool removes it.
            self._path.unlink(missing_ok=True)

    def __call__(self, sent: int) -> None:
        """Note that so many bytes were sent."""
        if self._handle is None:
            return
        try:
            # As many digits each time, so that readers never see half a number.
            os.pwrite(self._handle, f"{sent:0{_DIGITS}}".encode(), 0)
        except OSError as error:
            _LOG.warning("progress_not_noted", reason=file_problem(error))
            os.close(self._handle)
            self._handle = None


def _is_locked(file: BinaryIO) -> bool:
    """Return whether the process that wrote a note is still sending: a kill leaves the note behind."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def sent_bytes(spool: Path, job_id: str) -> int | None:
    """Return how many bytes of a job's upload were sent so far; None while none is under way."""
    try:
        with (spool / note_name(job_id)).open("rb") as file:
            text = file.read() if _is_locked(file) else b""
    except OSError:
        return None
    return int(text) if len(text) == _DIGITS and text.isdigit() else None
