"""Telling systemd how the service is doing: sd_notify(3), a datagram to the socket it names."""

import os
import socket
from functools import lru_cache

from retraind.system import log

_LOG = log.get(__name__)


def notify(*assignments: str) -> bool:
    """Send assignments such as `READY=1`; returns False when not run by systemd. Raises OSError."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    # A leading @ stands for the abstract name space.
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto("\n".join(assignments).encode(), target)
    return True


def watchdog_interval() -> float | None:
    """Return how often systemd wants to hear `WATCHDOG=1`, in seconds: half its patience; None if it does not."""
    patience = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID")
    if not patience.isdecimal() or (owner and owner != str(os.getpid())):
        return None
    return int(patience) / 2_000_000


def report(*assignments: str) -> None:
    """Report to systemd; that it does not listen ends nothing."""
    try:
        notify(*assignments)
    except OSError as error:
        _log_once(str(error.strerror))


@lru_cache
def _log_once(reason: str) -> None:
    """Log it once: there is something to report each second."""
    _LOG.warning("systemd_not_told", reason=reason)
