"""`check` and `notify`: whether all that retraind needs is there and works."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from retraind.cli.output import BAD, GOOD, USAGE, print_json, print_words
from retraind.cli.setup.checkup import Checked, checkup, try_recipients
from retraind.config.load import load, load_to_look
from retraind.config.mistakes import refused
from retraind.domain.failures import ConfigError
from retraind.domain.problems import Problem, problem
from retraind.report.notifications import recipients_of
from retraind.report.wording import Voice


def check(options: argparse.Namespace) -> int:
    """Check configuration, folders and credentials."""
    if options.reload:
        return _check_reload(options)
    loaded = load_to_look(options.config)
    checked = checkup(loaded.settings, online=options.online, config=loaded.file)
    checked = [each for each in checked if each.problem not in loaded.problems]
    return _print(loaded.file, loaded.problems, checked, json=options.json)


def _check_reload(options: argparse.Namespace) -> int:
    """Check what a running retraind checks before it takes over a configuration. Raises ConfigError."""
    settings, file = load(options.config)
    recipients_of(settings)
    return _print(file, [], [], json=options.json)


def notify(options: argparse.Namespace) -> int:
    """Send a test message to every address in [notify] and in the models' own tables."""
    settings, file = load(options.config)
    if not recipients_of(settings):
        raise ConfigError([refused("notify.urls", problem("recipients_missing"), file=file)])
    return _print(file, [], try_recipients(settings), json=options.json)


def _print(file: Path, mistakes: Sequence[Problem], checked: Sequence[Checked], *, json: bool) -> int:
    """Print what was checked; returns the exit code."""
    words = list(map(Voice().tell, mistakes))
    wrong = sum(not each.good for each in checked)
    if json:
        report = {
            "config": str(file),
            "problems": words,
            "facts": list(map(Voice().coded, mistakes)),
            "findings": [each.for_programs() for each in checked],
        }
        print_json(report)
    else:
        for text in words:
            print_words("check_mistake", text=text)
        for each in checked:
            print_words(
                "check_line",
                good=each.good,
                warning=each.warning,
                subject=each.subject,
                text=each.text,
            )
        warnings = sum(each.warning for each in checked)
        print_words("check_result", file=file.absolute(), wrong=len(mistakes) + wrong, warnings=warnings)
    return USAGE if mistakes else BAD if wrong else GOOD
