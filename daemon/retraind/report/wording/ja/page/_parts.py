"""Parts of the page's sentences."""

from datetime import datetime


def when(at: datetime) -> str:
    """Return a moment in local time, to the minute. The foot of each page names the zone."""
    return at.astimezone().strftime("%Y/%m/%d %H:%M")
