"""What can be written on the command line, and which function each command is."""

# ruff: noqa: PLC0415

import argparse
from pathlib import Path

from retraind import __version__


def parser(wanted: str | None) -> argparse.ArgumentParser:
    """Build the parser; the arguments of `emulate` and `demo`, slow to import, only for whom wants them."""
    made = argparse.ArgumentParser(
        prog="retraind",
        description="Watches drop folders, hands new data to the retraining service, switches the model.",
        epilog="Exit codes: 0 good, 1 something failed, 2 usage or configuration.",
    )
    made.add_argument("--version", action="version", version=f"retraind {__version__}")
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "-c", "--config", type=Path, metavar="FILE",
        help="the configuration (else $RETRAIND_CONFIG, ./config.toml, /etc/retraind/config.toml)",
    )  # fmt: skip
    listing = argparse.ArgumentParser(add_help=False)
    listing.add_argument("--json", action="store_true", help="print JSON for programs")

    def add(
        name: str, function: str, text: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", parents=list(parents)
        )
        command.set_defaults(command=function)
        return command

    run = add(
        "run", "retraind.cli.run:run", "watch the drop folders and do the job, in the foreground", config
    )
    run.add_argument(
        "--once", action="store_true", help="work off what is complete now, then exit (for cron)"
    )
    check = add(
        "check",
        "retraind.cli.check:check",
        "check configuration, folders and credentials",
        config,
        listing,
    )
    check.add_argument("--online", action="store_true", help="also ask the service whether it knows each key")
    add(
        "status",
        "retraind.cli.jobs:status",
        "show models, what is in work and what is on hold",
        config,
        listing,
    )
    jobs = add("jobs", "retraind.cli.jobs:jobs", "list jobs, newest first", config, listing)
    jobs.add_argument("--model", help="only this model's")
    jobs.add_argument("--state", help="only jobs in this state, such as done or failed")
    jobs.add_argument("--before", metavar="JOB", help="only those that come after this one in the list")
    jobs.add_argument("-n", "--limit", type=int, default=20, help="how many (default: 20)")
    show = add("show", "retraind.cli.jobs:show", "show one job and its history", config, listing)
    show.add_argument("job", metavar="JOB", help="the job's id, or the beginning or the last part of it")
    retry = add("retry", "retraind.cli.control:retry", "give a failed job another try", config)
    retry.add_argument("job", metavar="JOB")
    release = add("release", "retraind.cli.control:release", "end the hold of a model or a job", config)
    release.add_argument("name", metavar="MODEL|JOB")
    switch = add(
        "switch", "retraind.cli.control:switch", "make a finished job's model the published one", config
    )
    switch.add_argument("job", metavar="JOB")
    adopt = add(
        "adopt",
        "retraind.cli.control:adopt",
        "bring the jobs of a model that was renamed in the configuration over to its new name",
        config,
    )
    adopt.add_argument("old", metavar="OLD", help="the name that is no longer in the configuration")
    adopt.add_argument("new", metavar="NEW", help="the name that it has now")
    add(
        "notify",
        "retraind.cli.check:notify",
        "send a test message to every address in [notify]",
        config,
        listing,
    )
    add(
        "rebuild",
        "retraind.cli.control:rebuild",
        "rebuild a lost or damaged journal from the job folders",
        config,
    )
    check_data = add(
        "preflight",
        "retraind.cli.preflight:preflight",
        "check files against the service's rules, as they would be before an upload",
        config,
        listing,
    )
    check_data.add_argument("train", metavar="TRAIN", type=Path)
    check_data.add_argument("evaluation", metavar="EVAL", type=Path, nargs="?")
    check_data.add_argument(
        "--model",
        metavar="NAME",
        help="check as the daemon would for this model: with its settings and against its last good delivery",
    )
    check_data.add_argument(
        "--target", metavar="COLUMN", help="also check the rules for the column to predict"
    )
    check_data.add_argument("--time-series", action="store_true", help="use the limits of time-series mode")

    emulate = add(
        "emulate",
        "retraind.emulator:run_from_arguments",
        "run the service locally, to rehearse without an account",
    )
    demo = add(
        "demo", "retraind.demo:run_from_arguments", "show the whole job on real data, in a temporary folder"
    )

    if wanted == "emulate":
        from retraind.emulator import add_arguments

        add_arguments(emulate)
    if wanted == "demo":
        from retraind.demo import add_arguments

        add_arguments(demo)
    return made
