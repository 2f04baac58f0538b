"""Whether a person is watching the terminal, and if so, a progress bar for a command's long work.

The drawing code is imported only then: most commands run unwatched.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from retraind.domain.progress import Watcher, unwatched

_DUMB = frozenset({"", "dumb", "unknown"})


def is_watched(stream: TextIO) -> bool:
    """Return whether a person sees what is drawn on a stream: it is no pipe, file or log.

    What runs in the background draws nothing either: it would draw over what somebody types.
    """
    if not stream.isatty() or os.environ.get("TERM", "") in _DUMB:
        return False
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False  # It is the terminal of another session.


@contextmanager
def progress_bar(*, unless: bool = False) -> Iterator[Watcher]:
    """Show how far the work in the block is, if a person looks on and it takes long."""
    if unless or not is_watched(sys.stderr):
        yield unwatched
        return
    from retraind.cli.live.bars import Bar  # noqa: PLC0415 - with rich, which draws

    bar = Bar()
    try:
        yield bar
    finally:
        bar.end()
