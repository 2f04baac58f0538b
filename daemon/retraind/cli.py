"""The commands. A thin shell: reads arguments, calls the library, words the result, returns an exit code.

Exit codes: 0 good, 1 something failed, 2 usage or configuration.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from retraind import __version__, log
from retraind.errors import ConfigError, JournalError
from retraind.shown import display, json_escaped, printable

GOOD, BAD, USAGE = 0, 1, 2
_ACT_PATIENCE = 30.0
"""Seconds that a command waits for the daemon to do what it asked for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    options = _parser(wanted).parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except ConfigError as error:
        for problem in error.problems:
            _complain(problem)
        return USAGE
    except JournalError as error:
        _complain(str(error))
        return BAD
    except BrokenPipeError:
        # The reader of the output (head, less) has seen enough.
        sys.stderr.close()
        return GOOD
    except KeyboardInterrupt:
        return 130


def _complain(text: str) -> None:
    print(printable(f"retraind: {text}"), file=sys.stderr)


def _say(text: str) -> None:
    print(printable(text))


# Heavy imports are inside the commands, so that `retraind --help` and `preflight` stay quick.
# ruff: noqa: PLC0415, T201


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    """Build the parser; the arguments of `emulate` and `demo`, slow to import, only for whom wants them."""
    parser = argparse.ArgumentParser(
        prog="retraind",
        description="Watches drop folders, hands new data to the retraining service, switches the model.",
        epilog="Exit codes: 0 good, 1 something failed, 2 usage or configuration.",
    )
    parser.add_argument("--version", action="version", version=f"retraind {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "-c", "--config", type=Path, metavar="FILE",
        help="the configuration (else $RETRAIND_CONFIG, ./config.toml, /etc/retraind/config.toml)",
    )  # fmt: skip
    listing = argparse.ArgumentParser(add_help=False)
    listing.add_argument("--json", action="store_true", help="print JSON for programs")

    def add(
        name: str, function: Callable[[argparse.Namespace], int], text: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + ".", parents=list(parents)
        )
        made.set_defaults(command=function)
        return made

    run = add("run", _run, "watch the drop folders and do the job, in the foreground", config)
    run.add_argument(
        "--once", action="store_true", help="work off what is complete now, then exit (for cron)"
    )
    check = add("check", _check, "check configuration, folders and credentials", config, listing)
    check.add_argument("--online", action="store_true", help="also ask the service whether it knows each key")
    add("status", _status, "show models, what is in work and what is on hold", config, listing)
    jobs = add("jobs", _jobs, "list jobs, newest first", config, listing)
    jobs.add_argument("--model", help="only this model's")
    jobs.add_argument("--state", help="only jobs in this state, such as done or failed")
    jobs.add_argument("--before", metavar="JOB", help="only those that come after this one in the list")
    jobs.add_argument("-n", "--limit", type=int, default=20, help="how many (default: 20)")
    show = add("show", _show, "show one job and its history", config, listing)
    show.add_argument("job", metavar="JOB", help="the job's id, or the beginning or the last part of it")
    retry = add("retry", _retry, "give a failed job another try", config)
    retry.add_argument("job", metavar="JOB")
    release = add("release", _release, "end the hold of a model or a job", config)
    release.add_argument("name", metavar="MODEL|JOB")
    switch = add("switch", _switch, "make a finished job's model the published one", config)
    switch.add_argument("job", metavar="JOB")
    add("notify", _notify, "send a test message to every address in [notify]", config, listing)
    add("rebuild", _rebuild, "rebuild a lost or damaged journal from the job folders", config)
    check_data = add(
        "preflight",
        _preflight,
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

    emulate = add("emulate", _emulate, "run the service locally, to rehearse without an account")
    show_off = add("demo", _demo, "show the whole job on real data, in a temporary folder")
    if wanted == "emulate":
        from retraind import emulator

        emulator.add_arguments(emulate)
    if wanted == "demo":
        from retraind import demo

        demo.add_arguments(show_off)
    return parser


def _emulate(options: argparse.Namespace) -> int:
    from retraind.emulator import run_from_arguments

    return run_from_arguments(options)


def _demo(options: argparse.Namespace) -> int:
    from retraind.demo import run_from_arguments

    return run_from_arguments(options)


# ---------------------------------------------------------------------- run and check


def _run(options: argparse.Namespace) -> int:
    from retraind.bundle.stream import let_threads_alternate
    from retraind.config import load
    from retraind.service import Daemon

    settings, file = load(options.config)
    log.set_up()
    let_threads_alternate()
    with Daemon(settings, file) as daemon:
        daemon.handle_signals()
        return daemon.run(once=options.once)


def _check(options: argparse.Namespace) -> int:
    from retraind.checkup import checkup
    from retraind.config import load_to_look

    settings, file, problems = load_to_look(options.config)
    findings = checkup(settings, online=options.online)
    if options.json:
        told = [finding._asdict() for finding in findings]
        _print_json({"config": str(file), "problems": problems, "findings": told})
    else:
        for problem in problems:
            _say(f"WRONG  {problem}")
        _say_findings(findings)
        wrong = len(problems) + sum(not finding.good for finding in findings)
        _say(f"{file}: {f'{wrong} to mend.' if wrong else 'all good.'}")
    if problems:
        return USAGE
    return GOOD if all(finding.good for finding in findings) else BAD


def _notify(options: argparse.Namespace) -> int:
    from retraind.checkup import try_recipients
    from retraind.config import load

    settings, file = load(options.config)
    if not settings.notify.urls:
        raise ConfigError([f"{file}: notify.urls names nobody."])
    findings = try_recipients(settings)
    if options.json:
        _print_json({"config": str(file), "findings": [finding._asdict() for finding in findings]})
    else:
        _say_findings(findings)
    return GOOD if all(finding.good for finding in findings) else BAD


def _say_findings(findings: Sequence[Any]) -> None:
    for finding in findings:
        _say(f"{'ok   ' if finding.good else 'WRONG'}  {finding.subject}: {finding.text}")


# ---------------------------------------------------------------------- listings


@contextmanager
def _journal(options: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    from sqlalchemy.exc import DatabaseError

    from retraind.config import load_to_look
    from retraind.database import unusable
    from retraind.journal import Journal

    settings, _, problems = load_to_look(options.config)
    for problem in problems:
        _complain(problem)
    file = settings.state.journal_file
    if not file.exists():
        raise JournalError(
            f"There is no journal at {file} yet: retraind has not run with this configuration."
        )
    journal = Journal.open(file)
    try:
        yield settings, journal
    except DatabaseError as error:
        raise unusable(file, error) from error
    finally:
        journal.close()


def _status(options: argparse.Namespace) -> int:
    from retraind.job import SHORT_ID
    from retraind.overview import overview

    with _journal(options) as (settings, journal):
        found = overview(settings, journal)
    if options.json:
        _print_json(found.model_dump(mode="json"))
    else:
        running = f"running (process {found.process})" if found.process else "NOT RUNNING"
        console = _console()
        console.print(f"retraind {__version__}: {running}", highlight=False)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("model", "drop folder", "in work", "done", "failed", "published", "what now"):
            table.add_column(
                heading,
                overflow="fold",
                justify="right" if heading in {"in work", "done", "failed"} else "left",
            )
        for model in found.models:
            table.add_row(
                model.name, display(model.drop), str(len(model.jobs)), str(model.done), str(model.failed),
                model.published[-SHORT_ID:] if model.published else "-",
                "\n".join(map(display, model.sentences)) or "waiting for files",
            )  # fmt: skip
        console.print(table)
        for host in found.hosts:
            console.print(display(f"WAITING: {host.sentence}"), soft_wrap=True)
    well = found.process and not found.hosts and not any(model.hold for model in found.models)
    return GOOD if well else BAD


def _jobs(options: argparse.Namespace) -> int:
    from retraind.clock import for_people
    from retraind.job import SHORT_ID, State

    if options.state is not None and options.state not in set(State):
        raise ConfigError([f"There is no state {options.state!r}. States are: {', '.join(State)}."])
    if options.limit < 1:
        raise ConfigError([f"--limit {options.limit}: at least 1 job has to be listed."])
    states = frozenset({State(options.state)}) if options.state else None
    with _journal(options) as (settings, journal):
        if options.model is not None and options.model not in settings.models:
            # The jobs of a model that was taken out of the configuration can still be listed.
            known = {*settings.models, *journal.counts()}
            if options.model not in known:
                raise ConfigError(
                    [f"There is no model {options.model!r}. Models are: {', '.join(sorted(known))}."]
                )
        before = _the_job(journal, options.before) if options.before else None
        found = journal.jobs(options.model, states, limit=options.limit, before=before)
        holds = journal.holds()
        published = {journal.published(model) for model in {job.model for job in found}}
    if options.json:
        _print_json([_job_as_json(job) for job in found])
        return GOOD
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("job", "model", "state", "outcome", "taken in"):
        table.add_column(heading, no_wrap=heading == "job")
    for job in found:
        state = f"{job.state} (on hold)" if job.waits_for_hold(holds) else str(job.state)
        outcome = f"{job.outcome or ''}{' (published now)' * (job.id in published)}"
        table.add_row(display(job.id), job.model, state, outcome, for_people(job.created_at))
    _console().print(table if found else "No jobs.")
    if found and len(found) == options.limit:
        _console().print(f"For those before: --before {found[-1].id[-SHORT_ID:]}", style="dim")
    return GOOD


def _show(options: argparse.Namespace) -> int:
    from retraind.clock import for_people
    from retraind.report import notes

    with _journal(options) as (settings, journal):
        job = _the_job(journal, options.job)
        events = journal.events(job.id)
    if options.json:
        history = [event._asdict() | {"at": event.at.isoformat()} for event in events]
        _print_json(_job_as_json(job) | {"history": history})
        return GOOD
    if job.outcome:
        _say(notes.note(job, policy=_policy(settings, job)))
    else:
        _say(f"{job.id}: {job.state}. {job.trouble or ''}\n")
    if job.hold:
        _say(f"ON HOLD: {job.hold.what} {job.hold.remedy}\n")
    _say("History:")
    for event in events:
        detail = "  ".join(
            f"{name}={', '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in event.detail.items()
            if value is not None
        )
        _say(f"  {for_people(event.at)}  {event.event:<24} {detail}".rstrip())
    return GOOD


def _the_job(journal: Any, name: str) -> Any:
    found = journal.find(name)
    if not found:
        raise JournalError(f"There is no job {name!r}. See: retraind jobs")
    if len(found) > 1:
        raise JournalError(
            f"{name!r} could be {', '.join(job.id for job in found)}, or more. Write more of it."
        )
    return found[0]


def _job_as_json(job: Any) -> dict[str, Any]:
    made: dict[str, Any] = job.model_dump(mode="json", exclude={"upload_ticket"})
    return made


# ---------------------------------------------------------------------- acting


def _retry(options: argparse.Namespace) -> int:
    from retraind.job import State

    return _ask_for(options, State.FAILED, State.RESTORING, "retry_asked", "has not failed")


def _switch(options: argparse.Namespace) -> int:
    from retraind.job import State

    return _ask_for(options, State.DONE, State.SWITCHING, "switch_asked", "is not done")


def _ask_for(options: argparse.Namespace, needed: Any, to: Any, event: str, complaint: str) -> int:
    """Write a wish into the journal and, if a daemon is running, wait until it has come true."""
    from retraind.database import running_instance
    from retraind.job import RESTING, State
    from retraind.report.notes import next_delivery

    with _journal(options) as (settings, journal):
        job = _the_job(journal, options.job)
        if job.state is not needed:
            _complain(f"{job.id} {complaint}; it is {job.state}{f' ({job.outcome})' if job.outcome else ''}.")
            return BAD
        if to is State.SWITCHING and not job.trained_at:
            _complain(f"{job.id} was never trained ({job.outcome}), so there is no model to switch to.")
            return BAD
        job, hold = journal.write(job, event, state=to), ""
        running = running_instance(settings.state.journal_file) is not None
        _say(
            f"{job.id}: asked for; waiting for the running retraind (it will be done even if you do not wait)."
            if running
            else f"{job.id}: noted. No retraind is running; it will be done when it starts."
        )
        if to is State.SWITCHING and (warning := next_delivery(job.model, _policy(settings, job))):
            _say(warning)
        if not running:
            return GOOD
        deadline = time.monotonic() + _ACT_PATIENCE
        while time.monotonic() < deadline and job.state is to and not (hold := _hold_of(journal, job)):
            time.sleep(0.1)
            job = journal.get(job.id)
        if job.state is to and hold:
            _say(f"{hold} What was asked for is done when the hold ends.")
            return BAD
        while time.monotonic() < deadline and to is State.SWITCHING and job.state not in RESTING:
            time.sleep(0.1)
            job = journal.get(job.id)
        return _tell_wish(job, to)


def _policy(settings: Any, job: Any) -> str | None:
    """Return what `switch` says of a job's model; None when it is no longer in the configuration."""
    model = settings.models.get(job.model)
    return model.switch if model else None


def _hold_of(journal: Any, job: Any) -> str:
    """Say for what hold a job waits; nothing if it waits for none."""
    holds = journal.holds()
    if not job.waits_for_hold(holds):
        return ""
    if job.hold:
        return f"{job.id} is on hold: {job.hold.told(JOB=job.id)}"
    return f"{job.model} is on hold: {holds[job.model].problem.told(MODEL=job.model)}"


def _tell_wish(job: Any, to: Any) -> int:
    """Say what has become of a wish; returns the exit code."""
    from retraind.job import Outcome, State
    from retraind.report.notes import headline

    if job.state is to:
        _say(f"{job.id}: not yet done. {job.trouble or 'See: retraind status'}")
        return BAD
    if to is State.SWITCHING:
        _say(f"{job.id}: {job.switch_note or headline(job)}")
        return GOOD if job.outcome is Outcome.SWITCHED and not job.switch_note else BAD
    if job.state is State.FAILED and job.problem:
        _say(f"{job.id}: {job.problem.told()}")
        return BAD
    _say(f"{job.id}: taken up again. See: retraind show {job.id}")
    return GOOD


def _take_folders(settings: Any, name: str) -> list[str]:
    """Let a model's folders count as its own though they are not the ones that were known; returns which."""
    from retraind.intake.share import Shares

    shares = Shares.beside(settings.state.journal_file)
    model = settings.models[name]
    uses = {name: model.drop, f"{name}.done": model.done_folder, f"{name}.failed": model.failed_folder}
    return [str(folder) for use, folder in uses.items() if shares.trouble(use, folder) and shares.forget(use)]


def _release(options: argparse.Namespace) -> int:
    with _journal(options) as (settings, journal):
        if options.name in settings.models:
            if not journal.release_model(options.name, "a person released it"):
                taken = _take_folders(settings, options.name)
                if not taken:
                    _complain(f"{options.name} is not on hold.")
                    return BAD
                _say(f"{options.name}: {' and '.join(taken)} will be used as it is now.")
                return GOOD
            _say(f"{options.name}: released.")
            return GOOD
        job = _the_job(journal, options.name)
        if job.hold is None and not job.waits_for_window:
            _complain(f"{job.id} is not on hold.")
            return BAD
        waived = {"window_waived": True} if job.waits_for_window else {"budget_waived": True}
        journal.write(job, "released", hold=None, held_until=None, wake_at=None, trouble=None, **waived)
        _say(f"{job.id}: released.")
    return GOOD


def _rebuild(options: argparse.Namespace) -> int:
    from retraind.config import load
    from retraind.database import set_aside, sole_instance
    from retraind.errors import JournalDamagedError
    from retraind.jobfile import JobFiles
    from retraind.journal import Journal
    from retraind.rebuild import rebuild

    settings, _ = load(options.config)
    log.set_up(level="ERROR")
    file = settings.state.journal_file
    with sole_instance(file):
        try:
            journal = Journal.open(file)
        except JournalDamagedError as error:
            _say(f"{error}\nIt is set aside as {set_aside(file)}, and a new one is begun.")
            journal = Journal.open(file)
        try:
            found = rebuild(settings, journal, JobFiles.beside(file), believe=True)
        finally:
            journal.close()
    for folder in found.foreign:
        _say(f"{folder}: there is no usable job.json in it; it is left alone.")
    for job in found.believed:
        _say(f"{job.id} ({job.state}): its job.json has no good seal; it was believed as it is.")
    _say(f"{len(found.adopted)} jobs were taken over from their folders.")
    return GOOD


# ---------------------------------------------------------------------- preflight


def _preflight(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from retraind.bundle.preflight import SourceFile, preflight

    for path in (options.train, options.evaluation):
        if path is not None and not path.is_file():
            raise ConfigError([f"{path}: there is no such file."])
    evaluation = SourceFile.from_path(options.evaluation) if options.evaluation else None
    known = _as_for_model(options) if options.model else {}
    result = preflight(
        SourceFile.from_path(options.train),
        evaluation,
        **{"target": options.target, "time_series": options.time_series, **known},
    )
    if options.json:
        _print_json({"ok": result.ok, **asdict(result)})
        return GOOD if result.ok else BAD
    for facts in (result.train, result.evaluation):
        if facts:
            _say(
                f"{facts.name}: {facts.rows:,} rows, {len(facts.columns)} columns, {facts.encoding}, {facts.bytes:,} bytes"
            )
    for finding in result.findings:
        _say(f"\n{finding.severity.upper()}: {finding}")
    _say("\nThe service can take this." if result.ok else "\nThe service would refuse this.")
    return GOOD if result.ok else BAD


def _as_for_model(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the daemon would check the files with if they came for this model."""
    from retraind.config import load
    from retraind.journal import Journal
    from retraind.pipeline import last_good

    settings, file = load(options.config)
    model = settings.models.get(options.model)
    if model is None:
        raise ConfigError(
            [f"{file}: there is no model {options.model!r}; there is {', '.join(settings.models)}."]
        )
    previous = None
    if settings.state.journal_file.exists():
        journal = Journal.open(settings.state.journal_file)
        previous = last_good(journal, options.model)
        journal.close()
    return {
        "previous": previous,
        "marked": "bom" in model.fix,
        "target": options.target or model.target,
        "time_series": options.time_series or model.time_series,
    }


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False, emoji=False)


def _print_json(value: Any) -> None:
    print(json_escaped(json.dumps(value, ensure_ascii=False, indent=2, default=str)))
