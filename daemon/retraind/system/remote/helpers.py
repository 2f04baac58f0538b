"""All helper processes of this process: one for each file system, a bounded number, idle ones ended.

One that hangs is given up. Its file system is tried again once the kernel has let go of it, which it does
when the file system answers again, or after a while.
"""

import atexit
import contextlib
import math
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from retraind.system.mounts import TABLE, Mount
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.helper import Helper
from retraind.system.remote.wire import FAR

MOST = 64
"""Helper processes at a time; file systems beyond that take turns."""
MOST_GIVEN_UP = 16
"""Processes that were given up and have not ended, of all file systems."""
_MOST_OF_ONE = 3
_FIRST_WAIT = 1.0
"""Seconds after which a file system that did not answer is tried again, doubled each time."""
_LONGEST_WAIT = 60.0
_STUCK_WAIT = 300.0
"""Seconds until it is tried again though a process still hangs in it."""
IDLE = 120.0
"""Seconds after which a process is ended that nobody asks."""
_TICK = 10.0
_HURRY = 1.0
_FAREWELL = 0.5
"""Seconds for processes to end that do not hang."""


@dataclass
class _Standing:
    """What is known of a file system."""

    helper: Helper | None = None
    given_up: list[Helper] = field(default_factory=list)
    """Those that have not ended."""
    failures: int = 0
    silent_since: float = 0.0
    waited: float = 0.0
    """Seconds that the last one was waited for; so long at least nobody waits again."""
    mounts_then: int = 0
    """The version of the mount table then."""


class Helpers:
    """The helper processes. Safe to use from several threads."""

    def __init__(self) -> None:
        self.serving = False
        """True in a helper process itself: what it is asked to do, it does."""
        self._limit: float = math.inf
        self._lock = threading.Lock()
        self._standings: dict[str, _Standing] = {}
        self._numbered: dict[int, Helper] = {}
        self._left: list[Helper] = []
        """Those that hung at the end of a daemon in this process."""
        self._count = 0
        self._keeper: threading.Thread | None = None
        self._ended = threading.Event()

    @property
    def has_any(self) -> bool:
        """Return whether a helper was ever started: without, no path can be one's."""
        return self._count > 0

    def of(self, mount: Mount, path: Path) -> Helper:
        """Return the helper for a file system, started when it is first needed.

        Raises NoAnswer, naming `path`, where it did not answer lately, and OSError where no process can be
        started.
        """
        with self._lock:
            standing = self._standings.setdefault(_key(mount), _Standing())
            helper = standing.helper
            if helper is not None and helper.given_up:
                standing.given_up.append(helper)
                standing.failures += 1
                # Not as of now: what is mounted there meanwhile may be another file system of the same name.
                standing.silent_since, standing.waited = helper.given_up_at, helper.waited
                standing.mounts_then = helper.mounts_then
                standing.helper = helper = None
            if helper is not None:
                standing.failures = standing.failures if helper.answered == 0 else 0
                helper.used_at = time.monotonic()  # So that it is not ended before it is asked.
                return helper
            self._see_off()
            if not self._may_try(standing):
                raise NoAnswer(path, mount.point)
            self._make_room(path, mount)
            self._count += 1
            helper = standing.helper = Helper(self._count, mount, lambda: self._limit)
            self._numbered[helper.number] = helper
            if self._keeper is None:
                self._ended = threading.Event()
                self._keeper = threading.Thread(target=self._keep, name="helpers", daemon=True)
                self._keeper.start()
            return helper

    def _may_try(self, standing: _Standing) -> bool:
        waited = time.monotonic() - standing.silent_since
        if not standing.failures:
            return True
        if standing.given_up:
            few = len(standing.given_up) < _MOST_OF_ONE and self._stuck() < MOST_GIVEN_UP
            return few and waited >= _STUCK_WAIT
        if standing.mounts_then != TABLE.version:
            return True
        doubled = _FIRST_WAIT * 2.0 ** min(standing.failures - 1, 10)
        return waited >= min(_LONGEST_WAIT, max(doubled, standing.waited))

    def _stuck(self) -> int:
        return sum(len(standing.given_up) for standing in self._standings.values())

    def _see_off(self) -> None:
        """Forget those that were given up and have ended; never waits."""
        for standing in self._standings.values():
            for helper in [each for each in standing.given_up if each.has_ended]:
                standing.given_up.remove(helper)
                self._numbered.pop(helper.number, None)

    def _make_room(self, path: Path, mount: Mount) -> None:
        """End the process that was idle for longest where there are too many. Raises NoAnswer."""
        present = [each for each in self._standings.values() if each.helper is not None]
        if len(present) < MOST:
            return
        idle = [each for each in present if each.helper and each.helper.is_idle]
        if not idle:
            raise NoAnswer(path, mount.point)
        self._end(min(idle, key=lambda each: each.helper.used_at if each.helper else 0.0))

    def _end(self, standing: _Standing) -> None:
        helper, standing.helper = standing.helper, None
        if helper is not None:
            helper.give_up()
            standing.given_up.append(helper)
            standing.failures = 0

    def pinned(self, text: str) -> tuple[Helper, int, str]:
        """Return who has pinned the folder in a path, its handle there, and the path from there on.

        Raises NoAnswer where the helper was given up.
        """
        number, handle, *rest = text.removeprefix(FAR).split("/", 2)
        helper = self._numbered.get(int(number))
        if helper is None or helper.given_up:
            mount = helper.mount.point if helper is not None else Path("/")
            raise NoAnswer(mount, mount)
        return helper, int(handle), rest[0] if rest else ""

    def release(self, number: int, handle: int) -> None:
        """Let a helper close a handle; nothing where it was given up, for then it closes all."""
        helper = self._numbered.get(number)
        if helper is not None:
            helper.release(handle)

    def hurry(self) -> None:
        """Be patient for a second at most from now on: this process is about to end."""
        self._limit = _HURRY

    def end_all(self) -> None:
        """End all processes, and wait for none: one that hangs ends when the kernel lets it."""
        with self._lock:
            left = [helper for each in self._standings.values() for helper in each.given_up]
            for standing in self._standings.values():
                if standing.helper is not None:
                    standing.helper.give_up()
                    left.append(standing.helper)
            self._standings.clear()
            self._numbered.clear()
            self._limit = math.inf
            keeper, self._keeper = self._keeper, None
        self._ended.set()
        if keeper is not None and keeper is not threading.current_thread():
            keeper.join(1)
        until = time.monotonic() + _FAREWELL
        while not all(helper.has_ended for helper in left) and time.monotonic() < until:
            time.sleep(0.005)
        self._left += [helper for helper in left if not helper.has_ended]

    def _keep(self) -> None:
        ended = self._ended
        while not ended.wait(_TICK):
            with self._lock:
                self._see_off()
                now = time.monotonic()
                for standing in self._standings.values():
                    helper = standing.helper
                    if helper is not None and helper.is_idle and now - helper.used_at > IDLE:
                        self._end(standing)

    def forget(self) -> None:
        """Know of none, in a process that was forked: they are its parent's."""
        self.__init__()  # type: ignore[misc]


def _key(mount: Mount) -> str:
    return f"{mount.device} {mount.source}"


HELPERS = Helpers()
"""Of this process."""
os.register_at_fork(after_in_child=HELPERS.forget)


@atexit.register
def _end_all() -> None:
    with contextlib.suppress(Exception):
        HELPERS.end_all()
