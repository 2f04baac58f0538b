"""`check` and `notify`: whether all that retraind needs is there and works."""

import argparse
from collections.abc import Sequence
from typing import Any

from retraind.cli.checkup import Checked, checkup, try_recipients
from retraind.cli.output import BAD, GOOD, USAGE, print_json, tell
from retraind.config.load import load, load_to_look
from retraind.config.mistakes import refused
from retraind.domain.failures import ConfigError
from retraind.domain.problems import problem
from retraind.report.wording import Voice


def check(options: argparse.Namespace) -> int:
    """Check configuration, folders and credentials."""
    settings, file, problems = load_to_look(options.config)
    checked = checkup(settings, online=options.online)
    if options.json:
        report = {
            "config": str(file),
            "problems": list(map(Voice().tell, problems)),
            "facts": [each.model_dump(mode="json", exclude={"details"}) for each in problems],
            "findings": _for_programs(checked),
        }
        print_json(report)
    else:
        for each in problems:
            tell("check_mistake", text=Voice().tell(each))
        _print_for_people(checked)
        tell(
            "check_result", file=file.absolute(), wrong=len(problems) + sum(not each.good for each in checked)
        )
    if problems:
        return USAGE
    return _exit_code(checked)


def notify(options: argparse.Namespace) -> int:
    """Send a test message to every address in [notify]."""
    settings, file = load(options.config)
    if not settings.notify.urls:
        raise ConfigError([refused("notify.urls", problem("recipients_missing"), file=file)])
    checked = try_recipients(settings)
    if options.json:
        print_json({"config": str(file), "findings": _for_programs(checked)})
    else:
        _print_for_people(checked)
    return _exit_code(checked)


def _for_programs(checked: Sequence[Checked]) -> list[dict[str, Any]]:
    return [
        {"subject": each.subject, "good": each.good, "warning": each.warning, "text": each.text}
        | each.problem.model_dump(mode="json", include={"code", "facts"})
        for each in checked
    ]


def _print_for_people(checked: Sequence[Checked]) -> None:
    for each in checked:
        tell("check_line", good=each.good, warning=each.warning, subject=each.subject, text=each.text)


def _exit_code(checked: Sequence[Checked]) -> int:
    return GOOD if all(each.good for each in checked) else BAD
