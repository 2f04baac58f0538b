"""Ends a piece of work at any one of its file operations and commits, as a kill would; other threads go on."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine.default import DefaultDialect

from retraind.system import files

_OPERATIONS = ("open", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir")


class Killed(BaseException):
    """No code that is under test can know this, so none can handle it."""


@contextmanager
def killed_at(number: int, *, after: bool) -> Iterator[None]:
    """Raise Killed at the operation `number` (from 0) of this thread, before or after it is done.

    Once dead, dead: whatever cleans up behind the exception gets no operation through either.
    """
    here = threading.get_ident()
    count = 0

    def wrap(plain: Callable) -> Callable:
        def operation(*args, **kwargs):
            nonlocal count
            if threading.get_ident() != here:
                return plain(*args, **kwargs)
            count += 1
            if count > number + 1 or (count == number + 1 and not after):
                raise Killed
            outcome = plain(*args, **kwargs)
            if count == number + 1:
                if plain is os_open:
                    os.close(outcome)
                raise Killed
            return outcome

        return operation

    os_open = os.open
    with pytest.MonkeyPatch.context() as patch:
        for name in _OPERATIONS:
            patch.setattr(os, name, wrap(getattr(os, name)))
        patch.setattr(files, "_rename_no_replace", wrap(files._rename_no_replace))
        patch.setattr(DefaultDialect, "do_commit", wrap(DefaultDialect.do_commit))
        yield
