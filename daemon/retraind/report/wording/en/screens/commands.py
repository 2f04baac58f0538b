"""What the commands print."""

import difflib
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from retraind.report.wording.en._parts import command, count, moment, quoted
from retraind.report.wording.words import Name, Place, Said, Words

_LISTED = 10
"""So many models are listed."""

# The commands

# What a command names


def model_unknown(name: Name, known: tuple[Name, ...]) -> Words:
    """`known` are the models of the configuration, and of the journal where their jobs can be listed."""
    listed = f"To list the models, run: {command('status')}" if known else ""
    return Words(f'There is no model "{name}".', _models(name, known) or listed)


def _models(name: Name, known: tuple[Name, ...]) -> str:
    """List the models; of many, only those with similar names."""
    if len(known) <= _LISTED:
        return f"Models: {', '.join(known)}." if known else ""
    near = difflib.get_close_matches(name, known)
    return f"Similar names: {', '.join(near)}." if near else ""


def state_unknown(name: Name, known: tuple[str, ...]) -> Words:
    return Words(f'There is no state "{name}".', f"States: {', '.join(known)}.")


def job_unknown(name: Name) -> Words:
    return Words(f'There is no job "{name}".', f"To list the jobs, run: {command('jobs')}")


def model_or_job_unknown(name: Name, known: tuple[Name, ...]) -> Words:
    return Words(
        f'No model, job or failing host is called "{name}".',
        f"{_models(name, known)} To list the jobs, run: {command('jobs')}".lstrip(),
    )


def job_ambiguous(name: Name, found: tuple[Said, ...], more: bool) -> Words:
    """`found` are the newest of the jobs that match, `more` whether there are others."""
    others = ["  …"] if more else []
    lines = "\n".join([*(f"  {each}" for each in found), *others])
    return Words(f'Several jobs match "{name}". Write the short id of one of them:\n{lines}')


def job_found(
    *, short: str, model: Name, key: Name, state: str, outcome: str | None, taken_in: datetime
) -> str:
    """A line of a list; `short` is the short id."""
    how = f"{state}, {outcome}" if outcome and outcome != state else state
    return f"{short}  {model}  {key or '(without a key)'}  {how}  taken in {moment(taken_in)}"


def journal_missing(path: Place, config: Place) -> Words:
    return Words(
        f"There is no journal at {path}: retraind has not run with the configuration {config} yet.",
        "Start retraind first, or name another configuration with -c FILE. To rebuild a lost journal, run: "
        f"{command('rebuild')}",
    )


# Tables


_COLUMNS = {
    "model": "model",
    "drop_folder": "drop folder",
    "in_work": "in work",
    "done": "done",
    "failed": "failed",
    "published": "published",
    "job": "job",
    "state": "state",
    "outcome": "outcome",
    "taken_in": "taken in",
    "key": "delivery",
}


def column(
    name: Literal[
        "model",
        "drop_folder",
        "in_work",
        "done",
        "failed",
        "published",
        "job",
        "state",
        "outcome",
        "taken_in",
        "key",
    ],
) -> str:
    return _COLUMNS[name]


def status_process(version: str, process: int | None, journal: Place) -> str:
    """`process` is the daemon's; None when none has the journal open."""
    if process is not None:
        return f"retraind {version} is running (process {process})."
    return (
        f"retraind {version} is NOT RUNNING: no process works with the journal {journal}. Nothing is taken "
        "in or sent until it is started, usually with: sudo systemctl start retraind"
    )


def status_folder(path: Place) -> str:
    """Where there is no room for the folder in the row of its model."""
    return f"in {path}"


def status_idle() -> str:
    return "waiting for files"


def jobs_state(state: str, held: bool) -> str:
    return f"{state} (on hold)" if held else state


def jobs_outcome(outcome: str | None, published: bool) -> str:
    return f"{outcome or ''}{' (published now)' * published}"


def jobs_none() -> str:
    return "No jobs."


def jobs_older(before: str) -> str:
    return f"For older jobs, add: --before {before}"


# One job


def job_on_hold(job: str, why: Said) -> str:
    return f"{job} is on hold: {why}"


def model_on_hold(model: Name, why: Said) -> str:
    return f"{model} is on hold: {why}"


def history_heading() -> str:
    return "History:"


# adopt


def model_still_configured(name: Name) -> Words:
    return Words(
        f"{name} is in the configuration.",
        "Remove or rename its table and reload the configuration; then its jobs can be moved.",
    )


def model_without_jobs(name: Name, known: tuple[Name, ...]) -> Words:
    """`known` are the models that have jobs and are not in the configuration."""
    others = f"Models that have: {', '.join(known)}." if known else "Each model that has jobs is in it."
    return Words(f'The model "{name}" is not in the configuration and has no jobs.', others)


def adopt_done(before: Name, model: Name, jobs: int, running: bool) -> str:
    waits = "" if running else " retraind is not running; jobs in work continue when it starts."
    return (
        f"{count(jobs, 'job')} of {before} now belong{'s' * (jobs == 1)} to {model}, with the history.{waits}"
    )


# rebuild


def rebuild_set_aside(why: Said, path: Place) -> str:
    return f"{why.what} The damaged journal is now {path}, and a new one was created."


def rebuild_foreign(path: Place) -> str:
    return f"{path} has no usable job.json and was left alone. To use its files, deliver them again."


def rebuild_accepted(job: str, state: str) -> str:
    return f"{job} ({state}): its job.json has no valid signature; it was accepted as it is."


def rebuild_done(jobs: int) -> str:
    return f"Jobs taken over from their folders: {jobs}."


# farewell


def farewell_done(folders: int) -> str:
    return f"Drop folders that say that retraind was removed: {folders}."


def farewell_not_written(model: Name, why: Said) -> Words:
    return Words(f"STATUS.txt of {model} does not say that retraind was removed: {why.what}", why.remedy)


# check, notify


def check_line(good: bool, warning: bool, subject: Name, text: str) -> str:
    mark = "warn " if good and warning else "ok   " if good else "WRONG"
    return f"{mark}  {subject}: {text}"


def check_mistake(text: str) -> str:
    """A mistake in the configuration."""
    return f"WRONG  {text}"


def check_result(file: Place, wrong: int, warnings: int) -> str:
    found = f"{file}: {count(wrong, 'problem') if wrong else 'no problems'} found"
    return f"{found}, {count(warnings, 'warning')}." if warnings else f"{found}."


# preflight


def preflight_file(name: Name, rows: int, columns: int, encoding: str, size: int) -> str:
    return f"{name}: {count(rows, 'row')}, {count(columns, 'column')}, {encoding}, {count(size, 'byte')}"


def preflight_finding(error: bool, text: str) -> str:
    """`error`: the data would not be sent."""
    return f"{'ERROR' if error else 'WARNING'}: {text}"


def preflight_result(ok: bool) -> str:
    return "The service can accept this data." if ok else "The service would reject this data."


def preflight_unreadable(path: Place, exists: bool, reason: str | None) -> str:
    if reason is not None:
        return f"{path} cannot be read: {reason}."
    return f"{path} is not a file." if exists else f"{path} does not exist."


# The story that `retraind demo` tells


def demo_intro(file: str, drop: Place) -> str:
    return (
        f"Real data: {file}, Seattle's weather day by day, 2012 to 2015 (NOAA, public domain).\n"
        "The service is emulated on this machine and really trains; retraind runs as a process of its own.\n"
        f"The drop folder is {drop}"
    )


def demo_good() -> str:
    return "1. A good delivery. Like an ETL job: write under a hidden name, then rename."


def demo_bad() -> str:
    return "2. A bad delivery. Some numbers contain a comma, and a column was renamed."


def demo_size(size: int) -> str:
    return f"({size:,} bytes)"


_Reached = Literal[
    "sealed",
    "checked",
    "bundled",
    "registered",
    "uploaded",
    "trained",
    "switching",
    "filing",
    "done",
    "failed",
]
_STEPS: Mapping[_Reached, str] = {
    "sealed": "taken in: both files are complete and out of reach of their writers",
    "checked": "checked: the data follows the service's rules",
    "bundled": "bundled: train_src/ and eval_src/ in one zip",
    "registered": "registered: the service returned a retrain job and an upload URL",
    "uploaded": "uploaded: the service has every byte and starts the training",
    "trained": "trained: the results have been fetched",
    "switching": "approved: the gate accepts the new model",
    "filing": "switched: the new model is the published one",
    "done": "filed in done/",
    "failed": "rejected before anything was sent; filed in failed/",
}


def demo_step(state: _Reached) -> str:
    """`state` is what the job has reached."""
    return _STEPS[state]


def demo_folder() -> str:
    return "the drop folder"


def demo_table_title() -> str:
    return "Measured on the evaluation data"


_DEMO_COLUMNS = {"metric": "metric", "model": "new model", "baseline": "guessing"}


def demo_column(name: Literal["metric", "model", "baseline"]) -> str:
    return _DEMO_COLUMNS[name]


def demo_running(drop: Place, command: str, config: Place, log: Place) -> str:
    return (
        f"Still running. Drop files into {drop} and run:\n\n   $ {command} status -c {config}\n\n"
        f"The log is {log}. Ctrl-C ends the demo and removes its folder."
    )


def demo_ended() -> str:
    return "Ended."


def demo_stuck(log: str) -> str:
    """`log` is the end of the daemon's log."""
    return f"retraind has stopped, or makes no progress. The end of its log:\n{log}"


# The drop-in


def dropin_head(file: Place) -> str:
    return (
        f'# Written by "retraind systemd-dropin" for {file}. After a change of folders\n'
        "# or keys there, write it again; then: systemctl daemon-reload && systemctl restart retraind"
    )


def dropin_key_malformed(text: str) -> Words:
    return Words(
        f"--key {quoted(text)} does not name a file.",
        "Write the credential and the complete path of its file: --key NAME=FILE",
    )


def dropin_key_missing(model: Name, credential: Name, path: Place | None) -> Words:
    """`path` is where the key was looked for, None where nobody said where it is."""
    why = f"{path} does not exist" if path else "no file was named for it"
    return Words(
        f'The drop-in does not pass the credential "{credential}" of the model {model}: {why}.',
        f"Create the file, or name another one with --key {credential}=FILE, and write the drop-in again.",
    )


def dropin_path_unwritable(path: Place) -> Words:
    return Words(f"No unit can name the path {path}.", "Rename the folder or file.")
