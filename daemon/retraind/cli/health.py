"""`health`: whether the daemon works, for containers and scripts. Reads no key and no journal."""

import argparse

from retraind.cli.output import BAD, GOOD, print_problem, print_words
from retraind.config.load import load_without_keys
from retraind.report.monitoring.health import health as health_of_daemon
from retraind.system.clock import Clock


def health(options: argparse.Namespace) -> int:
    """Show in one line whether the daemon works. Raises ConfigError and JournalError."""
    journal = load_without_keys(options.config).settings.state.journal_file
    found = health_of_daemon(journal, Clock().now())
    if found.wrong is not None:
        print_problem(found.wrong)
        return BAD
    if found.starting is not None:
        print_words(found.starting.code, **found.starting.facts)
    else:
        print_words("daemon_healthy", swept=found.state and found.state.last_sweep_at)
    return GOOD
