"""Parts of sentences that are the same in each language."""

from zoneinfo import ZoneInfo

from retraind.report.wording.words import OPTIONS
from retraind.system.escape import display

COMPRESSED = frozenset({"zip", "gzip", "bzip2", "xz", "zstd", "7z"})
"""Kinds of files in which there may be a table."""
OFFICE = frozenset({"office", "old-office"})
"""Kinds of files that Excel saves as a table."""
_SHOWN_CHARS = 40


def shortened(text: str) -> str:
    """Return a value from a file as it can safely be shown: control characters escaped, and not too long."""
    safe = display(text[:_SHOWN_CHARS])
    return safe if len(text) <= _SHOWN_CHARS else f"{safe}…"


def command(name: str, *arguments: str) -> str:
    """Return a command that can be copied, with the options that the one that suggests it was given."""
    return " ".join(["retraind", name, *arguments, *OPTIONS.get()])


def zone(name: str | None) -> ZoneInfo | None:
    """Return a time zone by its name; None, which is this machine's, for none or one not known here."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        return None
