"""Requests of people: retry, switch, release."""

from retraind.report.wording.en._parts import command, count, listing
from retraind.report.wording.words import Host, Name, Place, Said, Words

# Requests


def _requested(job: str, switch: bool) -> str:
    return f"Requested: {'publish the model of' if switch else 'retry'} {job}."


def request_sent(job: str, switch: bool) -> str:
    """`switch`: to publish the job's model; else to retry it."""
    return f"{_requested(job, switch)} Waiting for retraind to do it; Ctrl-C ends only the waiting."


def request_noted(job: str, switch: bool) -> str:
    return f"{_requested(job, switch)} retraind is not running; it does this when it starts."


def request_written(job: str, switch: bool) -> str:
    """For who does not wait until it is done."""
    return f"{_requested(job, switch)} To follow it, run: {command('show', job)}"


def request_on_hold(hold: Said) -> str:
    """`hold` says what is on hold and why."""
    return f"{hold} The request is carried out when the hold ends."


def request_unfinished(job: str, seconds: int, trouble: Said | None) -> str:
    last = f" {trouble}" if trouble else ""
    return (
        f"{job}: not done after {count(seconds, 'second')}; retraind continues with it.{last} "
        f"To follow it, run: {command('show', job)}"
    )


def request_result(job: str, result: Said) -> str:
    return f"{job}: {result}"


def retry_begun(job: str) -> str:
    return f"{job} is being retried. To follow it, run: {command('show', job)}"


def try_succeeded(job: str) -> str:
    return f"{job} continues. To follow it, run: {command('show', job)}"


def try_begun(job: str) -> str:
    return f"{job} is being tried. To follow it, run: {command('show', job)}"


def try_failed(job: str, met: Said) -> str:
    return f"{job} was tried: {met} retraind tries again automatically."


def hold_to_release(job: str, name: Name, why: Said) -> Words:
    """`name` is what is on hold: the job or its model."""
    return Words(
        f"{job} has not failed; {'it' if name == job else name} is on hold: {why.what}",
        f"To end the hold, run: {command('release', name)}",
    )


def window_to_release(job: str) -> Words:
    return Words(
        f"{job} waits for its model's upload window to open.",
        f"To send it now, run: {command('release', job)}",
    )


def nothing_to_accept(job: str) -> Words:
    return Words(
        f"{job} did not fail because its data violates the service's rules, so there is nothing to accept.",
        f"To try it again, run: {command('retry', job)}",
    )


def rule_not_violated(job: str, rule: Name, found: tuple[Name, ...]) -> Words:
    return Words(
        f"{rule} is not among the errors that were found in {job}.", f"They are: {', '.join(found)}."
    )


def rule_not_acceptable(rule: Name) -> Words:
    return Words(
        f"{rule} cannot be accepted: such a file cannot be read as a table, so nothing could be sent.",
        "Correct the data and deliver it again.",
    )


def all_jobs_meant(model: Name) -> Words:
    return Words(
        f"{model} is a model.",
        "To retry all of its jobs that have failed, or wait after a failure, run: "
        f"{command('retry', '--all', model)}",
    )


def none_to_retry(model: Name) -> Words:
    return Words(
        f"{model} has no job that has failed, and none that waits after a failure.",
        f"To see what its jobs wait for, run: {command('status')}",
    )


def request_pending(job: str, switch: bool) -> Words:
    return Words(
        f"{job} is already {'being published' if switch else 'being retried'}.",
        f"To follow it, run: {command('show', job)}",
    )


def job_not_failed(job: str, state: str, active: bool) -> Words:
    """`active`: retraind works on it, or it waits for something."""
    if active:
        return Words(
            f"{job} has not failed; it is in work (state: {state}).",
            "retraind continues with it automatically. To see what it waits for, run: "
            f"{command('show', job)}",
        )
    return Words(
        f"{job} has not failed; it is {state}.",
        f"Only failed jobs can be retried. To list them, run: {command('jobs', '--state', 'failed')}",
    )


def job_not_done(job: str, state: str, active: bool) -> Words:
    """For a switch. `active`: retraind works on it, or it waits for something."""
    if active:
        return Words(
            f"{job} is still in work (state: {state}), so its model cannot be published yet.",
            f"Run the command again when it is done. To follow it, run: {command('show', job)}",
        )
    return Words(
        f"{job} has no trained model to publish (state: {state}).",
        f"To see why, run: {command('show', job)}",
    )


def job_not_trained(job: str, outcome: str, trained_by: str | None) -> Words:
    """`trained_by` is the earlier job that trained the same files."""
    remedy = (
        f"{trained_by} trained the same files; to publish that model, run: {command('switch', trained_by)}"
        if trained_by
        else f"To list the jobs that were trained, run: {command('jobs', '--state', 'done')}"
    )
    return Words(f"{job} was never trained (outcome: {outcome}), so it has no model to publish.", remedy)


def job_continued(job: str, other: str, failed: bool) -> Words:
    """`other` has the training that `job` started; `failed` says whether `other` has failed as well."""
    remedy = f"Run: {command('retry', other)}" if failed else f"To follow it, run: {command('show', other)}"
    return Words(
        f"The same files were delivered again, and {other} waits for the training that {job} started.", remedy
    )


def job_changed(job: str) -> Words:
    return Words(
        f"{job} was changed by another process at the same moment, so nothing was done.",
        f"To see its state, run: {command('show', job)}",
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
        return Words(f"{name} is not on hold.", f"To see what is on hold, run: {command('status')}")
    if len(held) > 1:
        return Words(
            f"{name} itself is not on hold, but {listing(held)} are.",
            f"To end one hold, run: {command('release', held[0])}. To end all, run: "
            f"{command('release', '--all', name)}",
        )
    return Words(f"{name} itself is not on hold, but {held[0]} is.", f"Run: {command('release', held[0])}")


def host_try_sent(host: Host) -> str:
    return f"Requested: try {host} now. Waiting for retraind to do it; Ctrl-C ends only the waiting."


def host_try_noted(host: Host, running: bool, jobs: int) -> str:
    """`jobs` wait for it."""
    if not running:
        return f"{host} is tried when retraind starts; it is not running."
    if jobs:
        return f"{host} is tried now. To see whether it works, run: {command('status')}"
    return f"No job waits for {host}. It is tried with the next request."


def host_try_succeeded(host: Host) -> str:
    return f"{host} works again. What waited for it continues."


def host_try_failed(host: Host, met: Said) -> str:
    return f"{host} was tried and still fails: {met}"


def host_try_open(host: Host) -> Words:
    return Words(f"{host} has not been tried yet.", f"To see whether it works, run: {command('status')}")
