"""The progress of a job's current step, in a small file on the spool, for `show`, `watch` and the page.

These run in other processes. The slow steps write the file: those that read the delivery's files, and the
upload.
"""

import errno
import fcntl
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from retraind.domain.problems import file_problem
from retraind.system import log
from retraind.system.files import PRIVATE, make_folder

_LOG = log.get(__name__)

_SUFFIX = ".progress"
_NOTE = re.compile(r"([a-z]+) +(\d{20}) (\d{20})")
"""As many digits each time, so that readers never see half a number."""
_LONGEST = 64
_WORTH_A_NOTE = 8 << 20
"""Bytes of a delivery that are read before anybody can have wondered how long it takes."""
_TRIES = 20
_BETWEEN = 0.005
"""Seconds between two tries to lock a note."""


class Doing(StrEnum):
    """What is done with the bytes."""

    PREFLIGHT = "preflight"
    """The delivery's files are read and checked; of a pair, the bundle is made meanwhile."""
    BUNDLE = "bundle"
    """They are read once more."""
    UPLOAD = "upload"
    """What they were bundled to is sent."""


_WIDEST = max(map(len, Doing))


class Noted(NamedTuple):
    """What a note says."""

    doing: Doing
    done: int
    """Bytes."""
    total: int
    """Bytes."""

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return min(100, 100 * self.done // self.total) if self.total else 100


def note_name(job_id: str) -> str:
    """Return the name of the file for a job."""
    return job_id + _SUFFIX


class Progress:
    """Notes how many bytes were read or sent while the block runs. No step ever fails for it."""

    def __init__(self, spool: Path, job_id: str, doing: Doing, total: int) -> None:
        self._path = spool / note_name(job_id)
        self._doing, self._total = doing, total
        self._from = 0 if doing is Doing.UPLOAD else _WORTH_A_NOTE
        self._handle: int | None = None

    def __enter__(self) -> Self:
        if self._total >= self._from:
            self._open()
        return self

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            make_folder(self._path.parent, PRIVATE)
            self._handle = os.open(self._path, flags, 0o600)
            _lock(self._handle)
        except OSError as error:
            _LOG.warning("progress_not_noted", reason=file_problem(error))

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            self.forget()

    def forget(self) -> None:
        """Remove what a kill has left."""
        with suppress(OSError):  # The next tidying of the spool removes it.
            self._path.unlink(missing_ok=True)

    def __call__(self, done: int) -> None:
        """Note that so many bytes were read or sent."""
        if self._handle is None:
            return
        try:
            os.pwrite(self._handle, f"{self._doing:<{_WIDEST}} {done:020} {self._total:020}".encode(), 0)
        except OSError as error:
            _LOG.warning("progress_not_noted", reason=file_problem(error))
            os.close(self._handle)
            self._handle = None


def _lock(handle: int) -> None:
    """Lock a note for as long as the step lasts, however that ends. Raises OSError.

    Whoever reads one that a kill has left has it locked for a moment. One that is stopped just then is not
    waited for.
    """
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_BETWEEN)
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _is_locked(file: BinaryIO) -> bool:
    """Return whether the process that wrote a note is still at it: a kill leaves the note behind."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def progress_of(spool: Path, job_id: str) -> Noted | None:
    """Return how far a job's step has come; None while none is under way that takes long."""
    try:
        with (spool / note_name(job_id)).open("rb") as file:
            text = file.read(_LONGEST).decode("ascii", "replace") if _is_locked(file) else ""
    except OSError:
        return None
    found = _NOTE.fullmatch(text)
    if found is None or found[1] not in set(Doing):
        return None
    return Noted(Doing(found[1]), int(found[2]), int(found[3]))


def under_way(spool: Path) -> Mapping[str, Noted]:
    """Return how far all steps have come that take long, by job."""
    try:
        jobs = [
            entry.name.removesuffix(_SUFFIX) for entry in os.scandir(spool) if entry.name.endswith(_SUFFIX)
        ]
    except OSError:
        return {}
    found = {job: progress_of(spool, job) for job in jobs}
    return {job: noted for job, noted in found.items() if noted is not None}
