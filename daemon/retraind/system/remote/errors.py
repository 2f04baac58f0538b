"""File errors beyond those that the system reports."""

import errno
import os
from pathlib import Path


class Refused(OSError):
    """What the file system allows and retraind refuses: a problem's code and its facts."""

    def __init__(self, code: str, path: Path | str, number: int = errno.EINVAL, **facts: int) -> None:
        super().__init__(number, code.replace("_", " "), str(path))
        self.code = code
        self.facts = facts


class NoAnswer(TimeoutError):
    """The file system on which `filename` lies does not answer."""

    def __init__(self, path: Path | str, mount: Path) -> None:
        super().__init__(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), str(path))
        self.mount = mount
        """Where it is mounted."""


class HelperFailed(RuntimeError):
    """Internal error in a helper process; the text is its trace."""
