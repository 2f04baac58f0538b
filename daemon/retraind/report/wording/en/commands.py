"""What the commands print."""

from collections.abc import Mapping
from typing import Literal

from retraind.report.wording.en._parts import count, listing
from retraind.report.wording.words import Name, Place, Said, Words

# The commands

# What a command names


def model_unknown(name: Name, known: tuple[Name, ...]) -> Words:
    """`known` are the models of the configuration, and of the journal where their jobs can be listed."""
    return Words(f'There is no model "{name}".', f"Models are: {', '.join(known)}." if known else "")


def state_unknown(name: Name, known: tuple[str, ...]) -> Words:
    return Words(f'There is no state "{name}".', f"States are: {', '.join(known)}.")


def limit_too_low(limit: int) -> Words:
    return Words(f"--limit {limit} lists no jobs.", "Write at least 1.")


def job_unknown(name: Name) -> Words:
    return Words(f'There is no job "{name}".', "To list the jobs, run: retraind jobs")


def model_or_job_unknown(name: Name, known: tuple[Name, ...]) -> Words:
    return Words(
        f'There is no model and no job "{name}".',
        f"Models are: {', '.join(known)}. To list the jobs, run: retraind jobs",
    )


def job_ambiguous(name: Name, found: tuple[str, ...]) -> Words:
    """`found` are some of the jobs that match."""
    return Words(
        f'Several jobs match "{name}", such as {listing(found)}.',
        "Write more of the job's name, or the short id at its end.",
    )


def journal_missing(path: Place, config: Place) -> Words:
    return Words(
        f"There is no journal at {path}: retraind has not run with the configuration {config} yet.",
        "Start retraind first, or name another configuration with -c FILE. To rebuild a lost journal, run: "
        "retraind rebuild",
    )


# Tables


_COLUMNS = {
    "model": "model",
    "drop_folder": "drop folder",
    "in_work": "in work",
    "done": "done",
    "failed": "failed",
    "published": "published",
    "now": "now",
    "job": "job",
    "state": "state",
    "outcome": "outcome",
    "taken_in": "taken in",
}


def column(
    name: Literal[
        "model",
        "drop_folder",
        "in_work",
        "done",
        "failed",
        "published",
        "now",
        "job",
        "state",
        "outcome",
        "taken_in",
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


# Requests


def _requested(job: str, switch: bool) -> str:
    return f"Requested: {'publish the model of' if switch else 'retry'} {job}."


def request_sent(job: str, switch: bool) -> str:
    """`switch`: to publish the job's model; else to retry it."""
    return f"{_requested(job, switch)} Waiting for retraind to do it; Ctrl-C ends only the waiting."


def request_noted(job: str, switch: bool) -> str:
    return f"{_requested(job, switch)} retraind is not running; it does this when it starts."


def request_on_hold(hold: str) -> str:
    """`hold` says what is on hold and why."""
    return f"{hold} The request is carried out when the hold ends."


def request_unfinished(job: str, seconds: int, trouble: Said | None) -> str:
    last = f" {trouble}" if trouble else ""
    return (
        f"{job}: not done after {count(seconds, 'second')}; retraind continues with it.{last} "
        f"To follow it, run: retraind show {job}"
    )


def request_result(job: str, result: str) -> str:
    return f"{job}: {result}"


def retry_begun(job: str) -> str:
    return f"{job} is being retried. To follow it, run: retraind show {job}"


def request_pending(job: str, switch: bool) -> Words:
    return Words(
        f"{job} is already {'being published' if switch else 'being retried'}.",
        f"To follow it, run: retraind show {job}",
    )


def job_not_failed(job: str, state: str, active: bool) -> Words:
    """`active`: retraind works on it, or it waits for something."""
    if active:
        return Words(
            f"{job} has not failed; it is in work (state: {state}).",
            f"retraind continues with it automatically. To see what it waits for, run: retraind show {job}",
        )
    return Words(
        f"{job} has not failed; it is {state}.",
        "Only failed jobs can be retried. To list them, run: retraind jobs --state failed",
    )


def job_not_done(job: str, state: str, active: bool) -> Words:
    """For a switch. `active`: retraind works on it, or it waits for something."""
    if active:
        return Words(
            f"{job} is still in work (state: {state}), so its model cannot be published yet.",
            f"Run the command again when it is done. To follow it, run: retraind show {job}",
        )
    return Words(
        f"{job} has no trained model to publish (state: {state}).",
        f"To see why, run: retraind show {job}",
    )


def job_not_trained(job: str, outcome: str, trained_by: str | None) -> Words:
    """`trained_by` is the earlier job that trained the same files."""
    remedy = (
        f"{trained_by} trained the same files; to publish that model, run: retraind switch {trained_by}"
        if trained_by
        else "To list the jobs that were trained, run: retraind jobs --state done"
    )
    return Words(f"{job} was never trained (outcome: {outcome}), so it has no model to publish.", remedy)


def job_continued(job: str, other: str, failed: bool) -> Words:
    """`other` has the training that `job` started; `failed` says whether `other` has failed as well."""
    remedy = f"Run: retraind retry {other}" if failed else f"To follow it, run: retraind show {other}"
    return Words(
        f"The same files were delivered again, and {other} waits for the training that {job} started.", remedy
    )


def job_changed(job: str) -> Words:
    return Words(
        f"{job} was changed by another process at the same moment, so nothing was done.",
        f"To see its state, run: retraind show {job}",
    )


# release


def release_done(name: Name, running: bool) -> str:
    """`name` is a model or a job."""
    when = "now" if running else "when it starts; it is not running"
    return f"{name} is released. retraind tries again {when}."


def release_folder(model: Name, path: Place) -> str:
    return f"{model}: retraind now accepts the present folder {path}."


def not_on_hold(name: Name, held: tuple[str, ...]) -> Words:
    """`held` is on hold instead: jobs of the model, or the model of the job."""
    if not held:
        return Words(f"{name} is not on hold.", "To see what is on hold, run: retraind status")
    verb = "is" if len(held) == 1 else "are"
    return Words(
        f"{name} itself is not on hold, but {listing(held)} {verb}.", f"Run: retraind release {held[0]}"
    )


# adopt


def model_still_configured(name: Name) -> Words:
    return Words(
        f"{name} is in the configuration.",
        "Remove or rename its table and reload the configuration; then its jobs can be moved.",
    )


def model_without_jobs(name: Name, known: tuple[Name, ...]) -> Words:
    """`known` are the models that have jobs and are not in the configuration."""
    others = f"Models that have: {', '.join(known)}." if known else "No such model has any."
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


# check, notify


def check_line(good: bool, warning: bool, subject: Name, text: str) -> str:
    mark = "warn " if good and warning else "ok   " if good else "WRONG"
    return f"{mark}  {subject}: {text}"


def check_mistake(text: str) -> str:
    """A mistake in the configuration."""
    return f"WRONG  {text}"


def check_result(file: Place, wrong: int) -> str:
    return f"{file}: {count(wrong, 'problem') if wrong else 'no problems'} found."


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
    "registered": "registered: the service returned a retrain job and an upload address",
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
