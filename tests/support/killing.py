"""Ends a piece of work at any one of its file operations or commits, as a kill would; other threads go on."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine.default import DefaultDialect

from retraind.system import files

_NAMES = ("open", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "fchmod", "utime")
_FILE_OPERATIONS = (*((os, name) for name in _NAMES), (files, "_rename_no_replace"))
_COMMIT = (DefaultDialect, "do_commit")


class Killed(BaseException):
    """No code that is under test can know this, so none can handle it."""


@contextmanager
def killed_at(number: int, *, after: bool, commits: bool = False) -> Iterator[None]:
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
            now = count == number + 1
            if count > number + 1 or (now and not after):
                raise Killed
            try:
                outcome = plain(*args, **kwargs)
            except OSError:
                if now:
                    raise Killed from None
                raise
            if now:
                if plain is os_open:
                    os.close(outcome)
                raise Killed
            return outcome

        return operation

    os_open = os.open
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (*_FILE_OPERATIONS, _COMMIT) if commits else _FILE_OPERATIONS:
            patch.setattr(owner, name, wrap(getattr(owner, name)))
        yield


def at_every_point(work: Callable[[], object], prepare: Callable[[], None]) -> Iterator[str]:
    """Kill `work` at each of its operations in turn, each time after a fresh `prepare`; ends when it
    survives."""
    for after in (False, True):
        number = 0
        while True:
            prepare()
            try:
                with killed_at(number, after=after):
                    work()
            except Killed:
                yield f"{'after' if after else 'before'} operation {number}"
                number += 1
            else:
                break
        assert number > 2, "nothing was killed"
