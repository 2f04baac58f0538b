"""RESULT.txt and ERROR.txt: how a delivery ended, with what, and what to do next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import Outcome, Role, State
from retraind.report.wording.en._parts import command, count, moment, span
from retraind.report.wording.words import Audience, Line, Name, Said, Words

_HEADLINES: Mapping[Outcome, str] = {
    Outcome.SWITCHED: "The model was retrained with this data, and the new model was published.",
    Outcome.TRAINED: "The model was retrained with this data. The published model has not been changed.",
    Outcome.SUPERSEDED: "This data was not used: a newer delivery for the same model was waiting behind it.",
    Outcome.DUPLICATE: "This data was not used again: the model was already trained with the same files.",
    Outcome.FAILED: "The model was NOT retrained with this data.",
}
_LINES: Mapping[Line, str] = {
    Line.MODEL: "Model",
    Line.DELIVERY: "Delivery",
    Line.JOB: "Job",
    Line.FILE: "File",
    Line.TAKEN_IN: "Taken in",
    Line.UPLOADED: "Uploaded",
    Line.TRAINED: "Trained",
    Line.PUBLISHED: "Published",
    Line.PUBLISHED_AGAIN: "Again",
    Line.CLOSED: "Closed",
    Line.TRAINING: "Training",
    Line.RETRAIN_JOB: "Retrain job",
    Line.MODEL_ID: "Model id",
    Line.SERVICE_SAYS: "Service",
    Line.UPLOAD: "Upload",
    Line.PROGRESS: "Progress",
    Line.FOLDER: "Folder",
    Line.RETRY: "To retry",
}
_ROLES: Mapping[Role, str] = {
    Role.TRAIN: "training",
    Role.EVAL: "evaluation",
    Role.MARKER: "marker",
    Role.MANIFEST: "manifest",
}

# How it ended


def headline(outcome: Outcome) -> str:
    return _HEADLINES[outcome]


def headline_unfinished(state: State) -> str:
    return f"The job is not finished yet ({state})."


def headline_continued(continued_in: str) -> str:
    return (
        "The same files were delivered again, and the new delivery waits for the training that this one "
        f"started. See {continued_in}."
    )


def headline_failed_later() -> str:
    return "The model was retrained with this data, but a later step failed."


def headline_by_hand(again: bool) -> str:
    how = "published again by hand" if again else "published by hand"
    return f"The model was retrained with this data, and the new model was {how}."


def headline_unclear() -> str:
    return "The model was retrained with this data. It is not certain whether the new model was published."


def what_happened(why: Said) -> str:
    return f"What happened: {why.what}{why.named}"


def training_continued(continues: str) -> str:
    return (
        f"An earlier delivery of the same files, {continues}, started this training and stopped waiting for "
        "it. This delivery waited for it to finish; nothing was sent again."
    )


def file_grown(file: Name, sealed: int, size: int, settle: timedelta, trained: bool) -> Words:
    """`sealed` are its bytes when it was taken in; `trained`: the service has got these."""
    used = " The model was trained with what had arrived by then." if trained else ""
    return Words(
        f"{file} has grown since it was taken in: it had {count(sealed, 'byte')} then and has {size:,} now. "
        f"A program was still writing it.{used}",
        "Deliver it again when it is complete. Have the program write under a temporary name and rename the "
        f"file at the end, or raise settle (now {span(settle)}).",
    )


# What to do next


def what_to_do(remedy: str) -> str:
    return f"What to do next: {remedy}"


def result_is_elsewhere(continued_in: str) -> str:
    return f"Nothing here. See the folder of {continued_in} for the result of the training."


def next_after_training(results: Name, there: bool, unclear: bool, job: str, audience: Audience) -> str:
    """`there`: the results file still is; `unclear`: it is not certain whether the model was published."""
    begin = (
        f"What to do next: look at {results}. To"
        if there
        else f"{results} is no longer here. What to do next: to"
    )
    purpose = "make sure that the new model is published" if unclear else "publish the new model"
    if audience is Audience.SHARE:
        return f"{begin} {purpose}, ask the operator of retraind; the job is {job}."
    return f"{begin} {purpose}, run\n    {command('switch', job)}"


def next_after_switch(audience: Audience) -> str:
    begin = "What to do next: nothing. STATUS.txt in the drop folder says which model is published now."
    if audience is Audience.SHARE:
        return (
            f"{begin} To go back to an earlier model, ask the operator of retraind, and name its folder in "
            "done/."
        )
    return (
        f"{begin}\nTo go back to an earlier model, run the following, where JOB is its folder in done/:\n"
        f"    {command('switch', 'JOB')}"
    )


def next_after_superseded(newer: str) -> str:
    return f"The newer delivery is {newer}. What to do next: nothing."


def next_after_duplicate(earlier: str) -> str:
    return (
        f"The earlier delivery is {earlier}. What to do next: nothing, unless new data was meant to arrive; "
        "then check the export."
    )


def delivered_again(times: int, since: datetime | None) -> str:
    """For deliveries of the same bytes after the first."""
    first = f" since {moment(since)}" if since else ""
    return (
        f"The same files have been delivered again {count(times, 'time')}{first}. Of these deliveries, only "
        "the last one is kept."
    )


def next_delivery_publishes(policy: Literal["always", "gate"], model: str, audience: Audience) -> str:
    """For whoever publishes a model by hand though the policy of the model publishes others."""
    how = {"always": "is published automatically", "gate": "is published if the gate approves it"}[policy]
    prevent = (
        f'set switch = "manual" for {model} in the configuration, then reload it.'
        if audience is Audience.OPERATOR
        else f"ask the operator of retraind; the model is {model}."
    )
    return (
        f'Note: the model trained with the next delivery {how} (switch = "{policy}") and replaces this '
        f"one. To prevent that, {prevent}"
    )


def files_of_no_more_use() -> str:
    return "The files are here, as they were delivered. The folder is no longer needed."


def files_to_deliver_again() -> str:
    return (
        "The files are here, as they were delivered. After correcting them, deliver them again in the drop "
        "folder under their old names; this folder can then be deleted."
    )


def files_to_retry() -> str:
    return "The files are here, as they were delivered. Keep the folder as long as a retry may be wanted."


# The data of the job


def line_of(line: Line) -> str:
    return _LINES[line]


def line_begins(name: str) -> str:
    return f"{name}:"


def moment_of_line(at: datetime) -> str:
    return moment(at)


def without_key() -> str:
    return "(without a key)"


def file_line(name: Name, role: Role, size: int, rows: int | None) -> str:
    counted = f", {count(rows, 'row')}" if rows is not None else ""
    return f"{name} ({_ROLES[role]}, {size:,} bytes{counted})"


def upload_line(sent: int | None, total: int | None) -> str:
    """`sent` is None where that is not known."""
    if sent is None or total is None:
        return f"{count(total or 0, 'byte')} to send"
    share = f" ({100 * sent // total} %)" if total else ""
    return f"{sent:,} of {count(total, 'byte')} sent{share}"


def progress_line(doing: Literal["preflight", "bundle", "upload"], done: int, total: int) -> str:
    """How much of the delivery's files was read, or of the bundle was sent."""
    read = {"preflight": "checked", "bundle": "bundled", "upload": "sent"}[doing]
    return f"{done:,} of {count(total, 'byte')} {read} ({min(100, 100 * done // (total or 1))} %)"


def retry_line(job: str) -> str:
    return command("retry", job)


def upload_in_doubt(since: datetime) -> str:
    return (
        f"It is not certain whether the service has received the upload that began on {moment(since)}. "
        "retraind asks for its status before it sends anything again."
    )


def training_took(time: timedelta) -> str:
    return f"took {span(time)}"


def gate_said() -> str:
    return "The gate said:"


def about_the_data() -> str:
    return "Worth knowing about the data:"


def rules_ignored(rules: tuple[str, ...]) -> str:
    return f"The data also violates rules that the configuration ignores: {', '.join(rules)}."
