"""Ends a piece of work at any one of its file operations, as a kill would, so that it can be run again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from retraind.system import files

_OPERATIONS = ("open", "fsync", "mkdir", "rename", "replace", "unlink", "rmdir", "fchmod", "utime")


class Killed(BaseException):
    """No code that is under test can know this, so none can handle it."""


@contextmanager
def killed_at(number: int, *, after: bool) -> Iterator[None]:
    """Raise Killed at the operation `number` (from 0), before or after it is done."""
    count = 0

    def wrap(plain: Callable) -> Callable:
        def operation(*args, **kwargs):
            nonlocal count
            count += 1
            now = count == number + 1
            if now and not after:
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
        for name in _OPERATIONS:
            patch.setattr(os, name, wrap(getattr(os, name)))
        patch.setattr(files, "_rename_no_replace", wrap(files._rename_no_replace))
        yield


def at_every_point(work: Callable[[], object], prepare: Callable[[], None]) -> Iterator[str]:
    """Kill `work` at each of its operations in turn, each time after a fresh `prepare`; ends when it survives."""
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
