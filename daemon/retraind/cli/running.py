"""`run`: the daemon in the foreground."""

import argparse
import gc

from retraind import log
from retraind.bundle.stream import let_threads_alternate
from retraind.config import load
from retraind.service import Daemon


def run(options: argparse.Namespace) -> int:
    """Watch the drop folders and do the job."""
    gc.freeze()  # What was imported stays; looking through it for garbage takes a tenth of a start.
    settings, file = load(options.config)
    log.set_up()
    let_threads_alternate()
    with Daemon(settings, file) as daemon:
        daemon.handle_signals()
        return daemon.run(once=options.once)
