"""Parts of sentences that are the same in each language."""

from retraind.report.wording.words import OPTIONS
from retraind.system.escape import display

_SHOWN_CHARS = 40


def shortened(text: str) -> str:
    """Return a value from a file as it can safely be shown: control characters escaped, and not too long."""
    safe = display(text[:_SHOWN_CHARS])
    return safe if len(text) <= _SHOWN_CHARS else f"{safe}…"


def command(name: str, *arguments: str) -> str:
    """Return a command that can be copied, with the options that the one that suggests it was given."""
    return " ".join(["retraind", name, *arguments, *OPTIONS.get()])
