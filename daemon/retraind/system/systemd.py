"""Telling systemd how the service is doing: sd_notify(3), a datagram to the socket it names."""

import os
import socket


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
