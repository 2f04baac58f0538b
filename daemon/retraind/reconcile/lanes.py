"""Where work that may take long is run: lanes, each with threads of its own. A lane that hangs delays what is on it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import StrEnum

from retraind.domain.job import State
from retraind.system import log

_LOG = log.get(__name__)

SHARE_THREADS = 4
"""Threads for each file system with drop folders: scans, seals, STATUS.txt."""
_TALK_THREADS = 4
"""Threads for short questions to the service, which must not queue behind uploads."""


class Shared(StrEnum):
    """The lanes that all models share."""

    SEND = "send"
    """Preflights, bundles and uploads."""
    TALK = "talk"
    """Polls and switches."""
    GATE = "gate"
    """The owners' gates."""
    CLOSE = "close"
    """Filing, and bringing back. What has been trained must not queue behind all that has still to be sent."""
    UPKEEP = "upkeep"
    """Keys, holds, retention: one thread."""


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
    """A bounded number of threads, and a queue in which each key waits once."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, key: str, task: Callable[[], None]) -> bool:
        """Run `task` when a thread is free, unless one of the same key waits already; returns whether it is to run."""
        with self._lock:
            if key in self._waiting or self._closed:
                return False
            self._waiting.add(key)
        self._pool.submit(self._run, key, task)
        return True

    def close(self, *, wait: bool = True) -> None:
        """Begin nothing more; with `wait`, return when what runs has ended."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _run(self, key: str, task: Callable[[], None]) -> None:
        with self._lock:
            # From here on the key may wait again: what is asked for now may come too late for this run.
            self._waiting.discard(key)
        task()


class Claims:
    """Which jobs are at work. A job belongs to one thread at a time."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, job_id: str) -> bool:
        """Take a job; returns False when another thread has it."""
        with self._lock:
            free = job_id not in self._jobs
            self._jobs.add(job_id)
            return free

    def release(self, job_id: str) -> None:
        """Give a job back."""
        with self._lock:
            self._jobs.discard(job_id)

    def __contains__(self, job_id: object) -> bool:
        with self._lock:
            return job_id in self._jobs


class Lanes:
    """All lanes: the shared ones, and one for each file system."""

    def __init__(self, parallel: int) -> None:
        """`parallel` is `work.parallel`: the threads of each lane that all models share, but for the short ones."""
        threads = {Shared.TALK: _TALK_THREADS, Shared.UPKEEP: 1}
        self._shared = {name: Lane(name.value, threads.get(name, parallel)) for name in Shared}
        self._shares: dict[str, Lane] = {}
        self._lock = threading.Lock()

    def shared(self, name: Shared) -> Lane:
        """Return a lane that all models share."""
        return self._shared[name]

    def share(self, file_system: str) -> Lane:
        """Return the lane of a file system, made at the first time."""
        with self._lock:
            if file_system not in self._shares:
                self._shares[file_system] = Lane(file_system, SHARE_THREADS)
            return self._shares[file_system]

    def retire(self, keep: set[str]) -> None:
        """Close the lanes of file systems that no folder is on any more; one that hangs is left behind."""
        with self._lock:
            gone = [self._shares.pop(name) for name in self._shares.keys() - keep]
        for lane in gone:
            lane.close(wait=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Close all lanes at the end, and wait for what runs."""
        try:
            yield
        finally:
            with self._lock:
                lanes = [*self._shared.values(), *self._shares.values()]
            for lane in lanes:
                lane.close(wait=False)
            for lane in lanes:
                lane.close()
