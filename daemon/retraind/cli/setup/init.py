"""`init`, `model add` and `model remove`: the configuration and the machine, set up together."""

import argparse
import os

from retraind.cli.output import BAD, GOOD, Refused, print_laid_out, print_text, print_words
from retraind.cli.setup.plan import Plan, read_config, to_add, to_remove
from retraind.cli.setup.steps import Machine, alone
from retraind.cli.setup.wishes import Wishes, asked_key, asks, confirmed, wishes
from retraind.domain.problems import file_problem, problem
from retraind.report.wording import Voice


def init(options: argparse.Namespace, machine: Machine | None = None) -> int:
    """Set up a first model, and the service."""
    return _set_up(options, machine or Machine(), first=True)


def add(options: argparse.Namespace, machine: Machine | None = None) -> int:
    """Set up one more model."""
    return _set_up(options, machine or Machine(), first=False)


def remove(options: argparse.Namespace, machine: Machine | None = None) -> int:
    """Take a model out of the configuration."""
    machine = machine or Machine()
    _refuse_others(options, machine)
    config = read_config(options.config)
    with alone(config.file.parent):
        plan = to_remove(options.model, config, machine, start=options.start)
        if not _carried_out(options, plan, machine):
            return BAD
    _print_notes(plan)
    return GOOD


def _set_up(options: argparse.Namespace, machine: Machine, *, first: bool) -> int:
    _refuse_others(options, machine)
    models = read_config(options.config).models
    wished = wishes(options, models, lambda name: machine.group(name) is not None, first=first)
    file = read_config(options.config).file
    with alone(file.parent):
        plan = to_add(wished, read_config(options.config), machine, lambda: _key(options, wished))
        if plan.steps and not _carried_out(options, plan, machine):
            return BAD
    _print_notes(plan)
    if not plan.steps:
        print_words("setup_nothing_to_do", model=wished.model)
    elif not options.dry_run:
        print_words("setup_done", model=wished.model, path=wished.drop, started=options.start)
    return GOOD


def _refuse_others(options: argparse.Namespace, machine: Machine) -> None:
    if not options.dry_run and not machine.is_root:
        raise Refused(problem("setup_not_root"))


def _key(options: argparse.Namespace, wished: Wishes) -> str:
    """Ask for the key. What is only shown needs none."""
    return "…" if options.dry_run else asked_key(options, wished.model)


def _carried_out(options: argparse.Namespace, plan: Plan, machine: Machine) -> bool:
    """Show the steps, and do them if somebody agrees. Raises Refused for one that fails."""
    for step in plan.steps:
        print_laid_out(step.shown())
    if options.dry_run:
        return True
    if not confirmed(options):
        print_words("setup_not_confirmed", asked=asks(options))
        return False
    os.umask(0o022)
    for step in plan.steps:
        try:
            step.do(machine)
        except OSError as error:
            raise Refused(file_problem(error)) from None
    return True


def _print_notes(plan: Plan) -> None:
    for note in plan.notes:
        print_text(f"\n{Voice().tell(note)}")
