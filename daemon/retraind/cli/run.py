"""`run`: the daemon in the foreground."""

import argparse

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.report.wording import in_words
from retraind.system import log, process


def run(options: argparse.Namespace) -> int:
    """Watch the drop folders and do the job."""
    process.prepare()
    settings, file = load(options.config)
    log.set_up(words=in_words)
    with Daemon(settings, file) as daemon:
        daemon.signals.install()
        return daemon.run(once=options.once)
