"""`run`: the daemon in the foreground."""

import argparse
import gc

from retraind import log
from retraind.bundle.stream import let_threads_alternate
from retraind.config import load
from retraind.service import Daemon

_NEW_OBJECTS = 5_000
"""After so many more, Python looks for garbage; after its own 700, that is a third of a first look at many files."""


def seldom_look_for_garbage() -> None:
    """Spare what was imported, and what is known of folders: it stays, and looking through it takes time."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def run(options: argparse.Namespace) -> int:
    """Watch the drop folders and do the job."""
    seldom_look_for_garbage()
    settings, file = load(options.config)
    log.set_up()
    let_threads_alternate()
    with Daemon(settings, file) as daemon:
        daemon.handle_signals()
        return daemon.run(once=options.once)
