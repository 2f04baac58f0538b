"""Lanes: threads for work that may take long. A lane that hangs delays only the work on it."""

import errno
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy.exc import SQLAlchemyError

from retraind.domain.job import State
from retraind.domain.problems import file_problem
from retraind.store.database import reason_of
from retraind.system import log

_LOG = log.get(__name__)

SHARE_THREADS = 4
"""Threads for each file system with drop folders: scans, seals, STATUS.txt."""
_HASH_THREADS = 2
"""Threads for each file system that compare files with manifests, each for a moment."""
_TALK_THREADS = 4
"""Threads for short questions to the service, which must not queue behind uploads."""
_OF_DISKS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""What a disk answers, whatever the code does."""
_LINGER = 3.0
"""Seconds that a thread waits for more work before it ends."""


class Shared(StrEnum):
    """The lanes that all models share."""

    SEND = "send"
    """Preflights, bundles and uploads."""
    TALK = "talk"
    """Polls and switches."""
    GATE = "gate"
    """The owners' gates."""
    CLOSE = "close"
    """Filing, and bringing back. What has been trained must not queue behind what has still to be sent."""
    UPKEEP = "upkeep"
    """Keys and holds: one thread."""
    RETENTION = "retention"
    """Jobs that have outlived their retention: one thread of its own, since a share may hang."""


LANE_OF: Mapping[State, Shared | None] = {
    State.SEALING: None,  # the lane of its share
    State.SEALED: Shared.SEND,
    State.CHECKED: Shared.SEND,
    State.BUNDLED: Shared.SEND,
    State.REGISTERED: Shared.SEND,
    State.UPLOADED: Shared.TALK,
    State.TRAINED: Shared.GATE,
    State.SWITCHING: Shared.TALK,
    State.FILING: Shared.CLOSE,
    State.RESTORING: Shared.CLOSE,
}
"""On which lane the step of each state is run."""


class Lane:
    """A bounded number of threads, which end without work, and a queue in which each key waits once."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self._most = threads
        self._waiting: dict[str, Callable[[], None]] = {}
        """By key; the first is run first."""
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._turns = itertools.count()
        self._changed = threading.Condition()
        self._closed = False

    def submit(self, key: str, task: Callable[[], None]) -> bool:
        """Run `task` when a thread is free, unless its key waits already; returns whether it is to run.

        Once it runs, its key may wait again: what is requested now may be too late for this run.
        """
        with self._changed:
            if key in self._waiting or self._closed:
                return False
            self._waiting[key] = task
            if self._idle >= len(self._waiting):
                self._changed.notify()
            elif len(self._threads) < self._most:
                self._add_thread(key)
            return True

    def take_turns(self, name: str, step: Callable[[], bool]) -> None:
        """Run `step` until it returns False; each time, whatever else waits here is run first."""
        key = f"{name} {next(self._turns)}"

        def task() -> None:
            if step():
                self.submit(key, task)

        self.submit(key, task)

    def close(self, *, wait: bool = True) -> None:
        """Begin nothing more; with `wait`, return when what runs has ended."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
            threads = [*self._threads]
        if wait:
            for thread in threads:
                thread.join()

    def _add_thread(self, key: str) -> None:
        thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The system allows no more. Other threads of the lane take the task, if there are any.
            if not self._threads:
                del self._waiting[key]
                raise
        else:
            self._threads.add(thread)

    def _work(self) -> None:
        while (work := self._next()) is not None:
            key, task = work
            guarded(f"{self.name}: {key}", task)

    def _next(self) -> tuple[str, Callable[[], None]] | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or self._closed, _LINGER)
            self._idle -= 1
            if not self._waiting:
                self._threads.discard(threading.current_thread())
                return None
            key = next(iter(self._waiting))
            return key, self._waiting.pop(key)


class Claims:
    """Which jobs are at work. A job belongs to one thread at a time."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, job_id: str) -> None:
        """Take a job that no other thread has."""
        with self._lock:
            self._jobs.add(job_id)

    def release(self, job_id: str) -> None:
        """Give a job back."""
        with self._lock:
            self._jobs.discard(job_id)

    def all(self) -> frozenset[str]:
        """Return the jobs that are at work at this moment."""
        with self._lock:
            return frozenset(self._jobs)


class Lanes:
    """All lanes: the shared ones, and one for each file system."""

    def __init__(self, parallel: int) -> None:
        """`parallel` is `work.parallel`: the threads of each shared lane that has no number of its own."""
        threads = {Shared.TALK: _TALK_THREADS, Shared.UPKEEP: 1, Shared.RETENTION: 1}
        self._shared = {name: Lane(name.value, threads.get(name, parallel)) for name in Shared}
        self._shares: dict[str, Lane] = {}
        self._hashing: dict[str, Lane] = {}
        self._retired: list[Lane] = []
        self._lock = threading.Lock()

    def shared(self, name: Shared) -> Lane:
        """Return a lane that all models share."""
        return self._shared[name]

    def share(self, file_system: str) -> Lane:
        """Return the lane of a file system, which is made the first time."""
        with self._lock:
            if file_system not in self._shares:
                self._shares[file_system] = Lane(file_system, SHARE_THREADS)
            return self._shares[file_system]

    def hashing(self, file_system: str) -> Lane:
        """Return the lane on which the files of a file system are compared with manifests."""
        with self._lock:
            if file_system not in self._hashing:
                self._hashing[file_system] = Lane(f"manifests on {file_system}", _HASH_THREADS)
            return self._hashing[file_system]

    def retire(self, keep: set[str]) -> None:
        """Begin nothing more on file systems that have no folders any more; what runs there may hang."""
        with self._lock:
            gone = [
                lanes.pop(name) for lanes in (self._shares, self._hashing) for name in lanes.keys() - keep
            ]
            self._retired += gone
        for lane in gone:
            lane.close(wait=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Close all lanes at the end, and wait for what runs."""
        try:
            yield
        finally:
            with self._lock:
                lanes = [
                    *self._shared.values(),
                    *self._shares.values(),
                    *self._hashing.values(),
                    *self._retired,
                ]
            for lane in lanes:
                lane.close(wait=False)
            for lane in lanes:
                lane.close()


def guarded(name: str, task: Callable[[], object]) -> bool:
    """Run a task whose thread must survive what it raises; returns whether it ended without an error."""
    try:
        task()
    except SQLAlchemyError as error:
        report_journal(error)
    except Exception as error:  # noqa: BLE001 - a bug; the work is requested again, but it must be seen
        if isinstance(error, OSError) and error.errno in _OF_DISKS:
            _LOG.error("task_failed", task=name, reason=file_problem(error))
        else:
            _LOG.exception("task_crashed", task=name, error=repr(error))
    else:
        return True
    return False


def report_journal(error: SQLAlchemyError) -> None:
    """Log that the journal could not be read or written. What was to be done is requested again."""
    _LOG.error("journal_unusable", reason=reason_of(error))
