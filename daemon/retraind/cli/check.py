"""`check` and `notify`: whether all that retraind needs is there and works."""

import argparse
from collections.abc import Sequence

from retraind.cli.checkup import Finding, checkup, try_recipients
from retraind.cli.output import BAD, GOOD, USAGE, print_json, say
from retraind.config.load import load, load_to_look
from retraind.config.mistakes import refused
from retraind.domain.failures import ConfigError
from retraind.domain.problems import problem
from retraind.report.wording import Voice


def check(options: argparse.Namespace) -> int:
    """Check configuration, folders and credentials."""
    settings, file, problems = load_to_look(options.config)
    voice = Voice()
    findings = checkup(settings, online=options.online)
    if options.json:
        report = {
            "config": str(file),
            "problems": [voice.tell(problem) for problem in problems],
            "facts": [problem.model_dump(mode="json", exclude={"details"}) for problem in problems],
            "findings": [finding._asdict() for finding in findings],
        }
        print_json(report)
    else:
        for problem in problems:
            say(f"WRONG  {voice.tell(problem)}")
        _say_findings(findings)
        wrong = len(problems) + sum(not finding.good for finding in findings)
        say(f"{file}: {f'{wrong} to mend.' if wrong else 'all good.'}")
    if problems:
        return USAGE
    return GOOD if all(finding.good for finding in findings) else BAD


def notify(options: argparse.Namespace) -> int:
    """Send a test message to every address in [notify]."""
    settings, file = load(options.config)
    if not settings.notify.urls:
        raise ConfigError([refused("notify.urls", problem("recipients_missing"), file=file)])
    findings = try_recipients(settings)
    if options.json:
        print_json({"config": str(file), "findings": [finding._asdict() for finding in findings]})
    else:
        _say_findings(findings)
    return GOOD if all(finding.good for finding in findings) else BAD


def _say_findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        say(f"{'ok   ' if finding.good else 'WRONG'}  {finding.subject}: {finding.text}")
