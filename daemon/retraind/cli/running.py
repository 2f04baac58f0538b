"""`run`: the daemon in the foreground."""

import argparse

from retraind import log, process
from retraind.config import load
from retraind.service import Daemon


def run(options: argparse.Namespace) -> int:
    """Watch the drop folders and do the job."""
    process.prepare()
    settings, file = load(options.config)
    log.set_up()
    with Daemon(settings, file) as daemon:
        daemon.handle_signals()
        return daemon.run(once=options.once)
