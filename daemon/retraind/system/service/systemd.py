"""Reports the state of the service to systemd: sd_notify(3), a datagram to the socket that it names."""

import os
import socket
from functools import lru_cache

from retraind.system import log

_LOG = log.get(__name__)


def notify(*assignments: str) -> bool:
    """Send assignments such as `READY=1`; returns False without systemd. Raises OSError."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    # A leading @ means the abstract namespace.
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.sendto("\n".join(assignments).encode(), target)
    return True


def watchdog_interval() -> float | None:
    """Return how often to send `WATCHDOG=1`, in seconds: half of systemd's limit; None if it expects none."""
    patience = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID")
    if not patience.isdecimal() or (owner and owner != str(os.getpid())):
        return None
    return int(patience) / 2_000_000


def report(*assignments: str) -> None:
    """Report to systemd; a failure is only logged."""
    try:
        notify(*assignments)
    except OSError as error:
        _log_once(str(error.strerror))


@lru_cache
def _log_once(reason: str) -> None:
    """Log a reason once: there is a report each second."""
    _LOG.warning("systemd_not_told", reason=reason)
