"""The signals that stop or reload the daemon, delivered to its main thread."""

import signal
from enum import Enum
from queue import Empty, SimpleQueue
from types import FrameType

from retraind.system.service import process


class Wish(Enum):
    """What a signal asks for."""

    NOTHING = "nothing"
    RELOAD = "reload"
    STOP = "stop"


class Signals:
    """Collects signals; the main thread waits for them."""

    def __init__(self) -> None:
        # A signal may arrive while the main thread is inside an Event's lock; a handler may only call a
        # SimpleQueue's put then.
        self._received: SimpleQueue[int] = SimpleQueue()
        self._terminals = process.terminals()
        """The terminals of a daemon that was started by hand: SIGHUP may mean that they were closed."""

    def install(self) -> None:
        """Let SIGTERM and SIGINT ask for a stop and SIGHUP for a reload. Call from the main thread."""

        def handle(number: int, _frame: FrameType | None) -> None:
            self._received.put(number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, handle)

    def stop(self) -> None:
        """Ask for a stop; safe from any thread."""
        self._received.put(signal.SIGTERM)

    def reload(self) -> None:
        """Ask for a reload; safe from any thread."""
        self._received.put(signal.SIGHUP)

    def wait(self, patience: float) -> Wish:
        """Wait for a signal for this many seconds, and return what it asks for."""
        try:
            number = self._received.get(timeout=patience)
        except Empty:
            return Wish.NOTHING
        gone = self._terminals - process.terminals()
        if number == signal.SIGHUP and not gone:
            return Wish.RELOAD
        process.leave(gone)
        return Wish.STOP
