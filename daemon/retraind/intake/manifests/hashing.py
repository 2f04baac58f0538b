"""The SHA-256 of files in drop folders, read in parts, so that no file blocks the others."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from retraind.system.files import beside, held
from retraind.system.reading import READ_SIZE, open_regular

_TURN = 0.25
"""Seconds of reading after which the next file has its turn."""


Hashing = Callable[[Callable[[], bool]], None]
"""Calls a step on another thread until it returns False, in turn with the steps of others."""


class FileHash:
    """The SHA-256 of a file as large as a scan has seen it: what is written behind that is not read."""

    def __init__(self, drop: Path, name: str, size: int, known: Callable[[], None]) -> None:
        """`name` is below `drop`. `known` is called when the hash is known, or cannot be."""
        self.value: str | None = None
        """In hexadecimal, once it is known."""
        self.error: OSError | None = None
        """Why it cannot be known."""
        self._drop, self._name, self._size, self._known = drop, name, size, known
        self._digest = hashlib.sha256()
        self._read = 0
        self._left = False

    @property
    def done(self) -> bool:
        """Whether nothing more is read."""
        return self._left or self.value is not None or self.error is not None

    def cancel(self) -> None:
        """Read no more of it."""
        self._left = True

    def step(self) -> bool:
        """Read on for a moment; returns whether there is more to read."""
        if self.done:
            return False
        try:
            ended = self._read_on()
        except OSError as error:
            self.error = error
        else:
            if not ended:
                return not self._left
            self.value = self._digest.hexdigest()
        if not self._left:
            self._known()
        return False

    def _read_on(self) -> bool:
        """Read for a moment; returns whether that was all."""
        until = time.monotonic() + _TURN
        with held(self._drop) as drop, beside(drop, self._name) as path, open_regular(path) as file:
            file.seek(self._read)
            while left := self._size - self._read:
                chunk = file.read(min(READ_SIZE, left))
                if not chunk:
                    return True  # It has become shorter, and is another file for the next scan.
                self._digest.update(chunk)
                self._read += len(chunk)
                if self._left or time.monotonic() >= until:
                    return self._read == self._size
        return True
