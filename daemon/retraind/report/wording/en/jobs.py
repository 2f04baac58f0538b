"""What keeps a job from continuing, and how it ends."""

import shlex
from datetime import datetime, timedelta

from retraind.report.wording.en._parts import by_operator, command, count, moment, span
from retraind.report.wording.words import Audience, Name, Place, Said, Words


def model_not_configured(model: str, heir: str | None) -> Words:
    """`heir` is the model that has the drop folder now."""
    remedy = (
        f"If the model is now called {heir}, run: {command('adopt', model, heir)}. If not, give {heir} "
        f"another drop folder, restore the table of {model} and reload."
        if heir
        else f"Restore its table and reload, so that its deliveries can be finished. If the model has a new "
        f"name, run: {command('adopt', model, 'NAME')}"
    )
    return Words(f"The configuration no longer has a model {model}.", remedy, operator_only=True)


def budget_used_up(trainings: int, period: str, ends: datetime, job: str, audience: Audience) -> Words:
    return Words(
        f"The budget of {count(trainings, 'training')} a {period} is used up.",
        f"The job continues automatically on {moment(ends)}. "
        + by_operator(audience, "To send it now", "release", job),
    )


def uploads_keep_failing(registrations: int, last: Said | None, job: str, audience: Audience) -> Words:
    error = f" Last error: {last.what}" if last else ""
    return Words(
        f"The upload has failed with each of {count(registrations, 'retrain job')}.{error}",
        "Check that no proxy or firewall blocks uploads to the object store. retraind tries one more upload "
        f"each day. {by_operator(audience, 'To try now', 'release', job)}",
    )


def fresh_address_refused(why: Said) -> Words:
    return Words(
        why.what,
        "The upload URL was only moments old: check the clock, and whether a proxy changes requests.",
    )


def file_changed_before_upload(file: Name) -> Words:
    return Words(f"{file} changed just before it was to be sent.")


def retrain_job_not_new(finished: bool) -> Words:
    """`finished`: the service reports a finished training; else the retrain job is another delivery's."""
    known = "that has already finished" if finished else "that belongs to another delivery"
    return Words(
        f"For this delivery, the service returned a retrain job {known}. Nothing was sent to it.",
        "If this continues, ask the service's support.",
    )


def retrain_job_forgotten() -> Words:
    return Words("The service does not know the retrain job, although its upload is complete.")


def training_failed(
    status: Name, message: Name | None, of_the_data: bool, job: str, audience: Audience
) -> Words:
    """`of_the_data`: the service's message is one of those that it documents for data."""
    reason = f' and says "{message}"' if message else ""
    again = by_operator(audience, "To try again with the same data", "retry", job)
    return Words(
        f'The service could not train with this data: it reports "{status}"{reason}.',
        f"Correct the data and deliver it again. {again}"
        if of_the_data
        else "The cause may be in the service, so try again first. If it fails again, check the data and ask "
        f"the service's support. {again}",
    )


def account_storage_full(message: Name, model: str, audience: Audience) -> Words:
    remedy = "On the service's screen, delete data that is no longer needed."
    return _account_limit("the account's data storage is full", message, remedy, model, audience)


def account_models_full(message: Name, model: str, audience: Audience) -> Words:
    remedy = "On the service's screen, delete models that are no longer needed."
    return _account_limit(
        "the account has as many models as its plan allows", message, remedy, model, audience
    )


def account_time_used(message: Name, model: str, audience: Audience) -> Words:
    remedy = "Extend the account's plan, or wait until its computation time is renewed."
    return _account_limit("the account's computation time is used up", message, remedy, model, audience)


def _account_limit(limit: str, message: str, remedy: str, model: str, audience: Audience) -> Words:
    """Say that the account, and not the data, is why the service did not train."""
    return Words(
        f'The service did not train: {limit} ("{message}"). Nothing is wrong with the data, and nothing is '
        "lost; retraind sends it again once a day.",
        f"{remedy} {by_operator(audience, 'To continue at once after that', 'release', model, noun='model')}",
    )


def training_unfinished(timeout: timedelta, status: Name, job: str, audience: Audience) -> Words:
    return Words(
        f'The training has not finished within {span(timeout)}; the service still reports "{status}".',
        "Deliver the same files again: nothing is sent twice, and retraind waits longer for this training. "
        + by_operator(audience, "To wait longer without delivering again", "retry", job),
    )


def results_not_named(status: Name) -> Words:
    return Words(f'The service reports "{status}" but returns no URL for the results.')


def results_never_came(timeout: timedelta, why: Said, job: str, audience: Audience) -> Words:
    return Words(
        f"The training succeeded, but its results could not be fetched within {span(timeout)}. {why.what}",
        "Ask the service's support for them. " + by_operator(audience, "To fetch them again", "retry", job),
    )


def filing_folder_missing(path: Place) -> Words:
    return Words(
        f"The job was filed in {path}, which its model no longer uses and which is missing.",
        "Mount that share. If it is gone for good, create an empty folder in its place.",
        operator_only=True,
    )


def earlier_drop_unreachable(path: Place, reason: Name, folder: str, drop: Place) -> Words:
    """`folder` is the job's own, below the drop folder that the model had when the delivery was taken in."""
    return Words(
        f"The delivery was taken in from {path}, which is no longer the model's drop folder and cannot be "
        f"read: {reason}.",
        f"Mount that share, or move the folder {folder} from there to {drop}.",
        operator_only=True,
    )


def data_breaks_rules(
    job: str, accept: tuple[str, ...] = (), *, paired: bool = True, audience: Audience
) -> Words:
    """`accept` are the rules to accept for the data to be sent as it is; none where it cannot be."""
    options = [part for rule in accept for part in ("--accept", rule)]
    send = by_operator(audience, "If the data is right as it is and should be sent", "retry", job, *options)
    files = "both files" if paired else "the file"
    return Words(
        "The data violates the service's rules, so nothing was sent.",
        f"Correct the data at its source and deliver {files} again. {send if accept else ''}".rstrip(),
    )


def nothing_to_retry(flaws: tuple[Said, ...]) -> Words:
    return Words(
        " ".join(("There is nothing to retry with.", *(flaw.what for flaw in flaws))),
        "Deliver the files again in the drop folder.",
    )


def failed_file_missing(file: Name, folder: Name) -> Words:
    return Words(f"{file} is no longer in {folder}.")


def failed_file_refused(file: Name, why: Said) -> Words:
    return Words(f"{file}: {why.what}")


def training_file_missing() -> Words:
    return Words("The training file is missing.")


def evaluation_file_missing() -> Words:
    return Words("The evaluation file is missing.")


def earlier_not_published(
    earlier: str, why: Said | None, training_is_good: bool, audience: Audience
) -> Words:
    """`training_is_good`: the failed step can be repeated; otherwise the data has to be trained again."""
    reason = f" {why.what}" if why else ""
    to, verb = ("To publish it", "switch") if training_is_good else ("To train with the data again", "retry")
    return Words(
        f"The model that {earlier} trained with these files could not be published.{reason}",
        by_operator(audience, to, verb, earlier),
    )


def sent_before(earlier: str, why: Said | None) -> Words:
    """A finding: the bytes of a failed job were delivered again."""
    reason = f" {why.what}" if why else ""
    return Words(
        f"These files were sent before, by {earlier}, which failed.{reason} They were sent again, for "
        "another training."
    )


def not_given_back(others_returned: bool) -> Words:
    """A delivery whose files cannot all go back to the drop folder, since newer ones are there."""
    back = " Its other files are back in the drop folder." if others_returned else ""
    return Words(
        "A file of this delivery was still being written when it was taken in, and a newer file with the "
        f"same name has since arrived in the drop folder.{back}",
        "If the newer files are the right ones, do nothing: they are taken in automatically. For later "
        "deliveries, have the export write under a temporary name and rename at the end, or raise settle.",
    )


def switch_by_hand() -> Words:
    return Words("Models are published by hand (switch = manual).")


def switch_unclear(why: Said, job: str, audience: Audience) -> Words:
    return Words(
        f"It is not certain whether the new model was published. {why.what}",
        "Check on the service's screen which model is published. "
        + by_operator(audience, "To publish the new model again", "switch", job),
    )


def earlier_switch_unclear(last: Said) -> Words:
    return Words(f"An earlier attempt had no clear result. Last error: {last.what}", last.remedy)


def later_switch_failed(why: Said, again: bool, job: str, audience: Audience) -> Words:
    """`again`: the training is still good, so the switch can be asked for again."""
    switch = by_operator(audience, "To publish the model after that", "switch", job)
    remedy = f"Fix the cause on the service's screen. {switch}" if again else ""
    return Words(f"A later switch failed: {why.what}", remedy)


def gate_not_asked(why: Said) -> Words:
    return Words(f"{why.what} Therefore the gate was not run, and the model was not switched.")


def file_differs_from_trained(file: Name) -> Words:
    return Words(f"{file} in the job's folder is no longer the file that the model was trained with.")


def results_not_recorded() -> Words:
    return Words("There is no record of what the service sent as results.")


def results_changed() -> Words:
    return Words("The results in the job's folder are not what the service sent.")


def results_not_fetched(why: Said) -> Words:
    return Words(
        "The results in the job's folder may not be those of the service, and cannot be fetched again: "
        + why.what
    )


def gate_not_started(command: Name, reason: Name) -> Words:
    return Words(f"The gate {command} could not be started ({reason}), so the model was not switched.")


def gate_unusable(command: Name, why: Said) -> Words:
    """`why` is what is wrong with the gate's file."""
    return Words(
        f"The gate {command} could not be run, so the model was not switched: {why.what}", why.remedy
    )


def gate_program_missing(program: Name) -> Words:
    return Words(
        f"{program} is not a program that this user can run.",
        "Correct its path, or make it executable for the service's user.",
    )


def gate_not_executable(path: Place) -> Words:
    return Words(
        f"{path} is not executable for this user.",
        f"Run: chmod +x {shlex.quote(path)}, and check that its file system is not mounted noexec.",
        operator_only=True,
    )


def gate_script_missing(path: Place) -> Words:
    return Words(f"{path} does not exist.", "Correct its path.", operator_only=True)


def gate_with_carriage_returns(path: Place) -> Words:
    return Words(
        f"The lines of {path} end as on Windows (CR LF), so its interpreter is not found.",
        f"Run: sed -i 's/\\r$//' {shlex.quote(path)}",
        operator_only=True,
    )


def gate_begins_with_mark(path: Place) -> Words:
    return Words(
        f"{path} begins with a byte order mark (BOM), so the system does not see its #! line.",
        "Save it as UTF-8 without BOM.",
        operator_only=True,
    )


def gate_without_interpreter(path: Place) -> Words:
    return Words(
        f"{path} is a script without an interpreter: its first line does not begin with #! and a program.",
        "Begin it with a line such as #!/bin/sh, or name the interpreter in gate, before the script.",
        operator_only=True,
    )


def gate_interpreter_missing(path: Place, interpreter: Place) -> Words:
    """`interpreter` is as the first line of the script names it: a path, or a name for env."""
    return Words(
        f"The interpreter that the first line of {path} names, {interpreter}, is not a program that this "
        "user can run.",
        "Install it, or correct that line.",
        operator_only=True,
    )


def gate_timed_out(timeout: timedelta) -> Words:
    return Words(f"The gate did not finish within {span(timeout)}, so the model was not switched.")


def gate_killed(signal: str) -> Words:
    return Words(f"The gate was killed by signal {signal} before it decided, so the model was not switched.")


def gate_refused(exit_code: int) -> Words:
    return Words(f"The gate rejected the model (exit code {exit_code}), so the model was not switched.")


def file_changed_at_gate(file: Name) -> Words:
    return Words(
        f"{file} changed while the gate was reading it, so its decision does not count and the model was not "
        "switched."
    )


def address_locked_under_old_key() -> Words:
    return Words("The API key was replaced, and the upload URL was encrypted with the old one.")


def internal_error(kind: Name) -> Words:
    return Words(f"Internal error in retraind ({kind}).", "Please report it with the traceback from the log.")
