"""What the daemon reports of itself and of its journal."""

from datetime import timedelta

from retraind.report.wording.en._parts import command, count, span
from retraind.report.wording.words import Name, Place, Said, Words

# Limits on what is taken in


def place_not_local(point: Place, kind: Name) -> Words:
    """`point` is where a file system of the type `kind` is mounted."""
    return Words(
        f"This is on {point}, a file system of type {kind}. If it hangs, all models hang.",
        "Name a folder on a local disk.",
    )


def place_in_drop_folder(other: Name) -> Words:
    """`other` is the model of which it is the drop folder, or whose drop folder it is in."""
    return Words(
        f"This is in models.{other}.drop, where others write.", "Name a folder outside all drop folders."
    )


def drop_folder_reassigned(path: Place, other: Name, model: Name) -> Words:
    """`other` is the model that had this drop folder until the configuration was changed."""
    return Words(
        f"{path} was the drop folder of {other}. What arrives there is now trained for {model}.",
        f"If this is not intended, correct models.{model}.drop and reload the configuration.",
        operator_only=True,
    )


def place_in_own_folder(folder: Place) -> Words:
    """`folder` is one of the spool, the backups, the gate's copies and what is known of shares."""
    return Words(
        f"This is in {folder}, where retraind keeps files of its own and deletes others.",
        "Name another folder.",
    )


def backlog_full(most: int) -> str:
    return f"{most:,} deliveries have been taken in and are not finished. More are taken in as these finish."


def hour_full(most: int) -> str:
    return f"{most:,} deliveries were taken in within the last hour. More are taken in later."


# Deliveries that nobody works on


def job_folder_unknown(folder: Name) -> Words:
    """Its folder is in .retraind, and its files were taken in."""
    return Words(
        f".retraind/{folder} contains a delivery that retraind does not know, because its state folder was "
        "lost or replaced. The delivery waits; nothing is sent.",
        f"Stop retraind, then run: {command('rebuild')}",
        operator_only=True,
    )


def model_of_job_gone(delivery: Name, before: Name, heir: Name) -> Words:
    """`heir` is the model that has the drop folder now."""
    return Words(
        f"{delivery} was taken in for the model {before}, which is no longer in retraind's configuration.",
        f"If the model is now called {heir}, run: {command('adopt', before, heir)}",
        operator_only=True,
    )


# Why a folder is not watched


def retraind_stopped() -> str:
    return "retraind was stopped."


def run_ended() -> str:
    """Of a `run --once`, such as cron starts."""
    return "retraind does not run here all the time; its last run has ended."


def start_failed() -> str:
    return "retraind could not start: its journal cannot be used."


def model_removed() -> str:
    return "The model was removed from retraind's configuration."


def table_refused() -> Words:
    """Also for the share: what is wrong names paths and settings of the machine."""
    return Words(
        "The model's settings in retraind's configuration contain a mistake.",
        f"Correct it, then reload retraind. To see what it is, run: {command('status')}",
        operator_only=True,
    )


# Why a hold ends


def key_replaced() -> str:
    return "The API key was replaced."


def key_tried_again() -> str:
    return "The API key is tried again."


def key_accepted_again() -> str:
    return "The service accepts the API key again."


def hold_reason_gone() -> str:
    return "The reason for the hold is gone."


def hold_reason_maybe_gone() -> str:
    return "The reason for the hold may be gone."


def rights_corrected() -> str:
    return "Only retraind can access it now."


def retraind_started() -> str:
    return "retraind was started."


def released_by_person() -> str:
    return "Somebody ended the hold."


# Logged, and shown by systemd


def restart_needed() -> Words:
    return Words(
        "[api], [state], work.parallel and metrics.listen are read only when retraind starts.",
        "To apply their new values, restart retraind.",
    )


def run_out_of_time(limit: timedelta, jobs: int, waits: Said | None) -> str:
    """For `run --once --for`: `jobs` are not finished, `waits` is what one of them waits for."""
    last = f" {waits}" if waits else ""
    return (
        f"The run ended after {span(limit)} (--for). Unfinished jobs: {jobs:,}. The next run continues them."
        f"{last}"
    )


def step_cut_off() -> str:
    return "A step took too long to stop and was cut off. It is repeated after the next start."


def daemon_status(
    *,
    models: int,
    held: int,
    jobs: int,
    away: tuple[Name, ...],
    refused: tuple[Name, ...],
    journal: Said | None,
    mistake: Said | None,
    more_mistakes: int,
) -> str:
    """One line. `away`: models whose folder is out of reach. `refused`: with mistakes in their tables.

    `mistake` is why the last reload was refused, the first of several.
    """
    others = f" ({count(more_mistakes, 'more mistake')})" if more_mistakes > 0 else ""
    reload = "Reload refused, the previous configuration applies"
    wrong = [
        f"JOURNAL: {journal.what.rstrip('.')}" if journal else "",
        f"NOT RUNNING: {', '.join(refused)}" if refused else "",
        f"OUT OF REACH: {', '.join(away)}" if away else "",
        f"{reload}: {mistake.what.rstrip('.')}{others}" if mistake else "",
    ]
    well = f"Models watched: {models}, on hold: {held}; jobs in work: {jobs}"
    return "; ".join([*filter(None, wrong), well])


# The journal


def journal_unusable(path: Place, why: Said) -> Words:
    return Words(f"The journal {path} cannot be used: {why.what}", why.remedy)


def database_error(reason: Name) -> Words:
    return Words(
        f"{reason}.",
        "Free space where the journal is, or repair its disk. retraind then continues automatically; "
        "nothing is lost.",
    )


def journal_damaged(reason: Name) -> Words:
    return Words(
        f"{reason}. The file is damaged, or is not a journal.",
        f"If it is retraind's own journal, run: {command('rebuild')}",
        operator_only=True,
    )


def journal_locked(reason: Name) -> Words:
    return Words(
        f"{reason}. Another program has locked it.", "Stop that program; fuser shows which one it is."
    )


def journal_gone() -> Words:
    return Words(
        "The journal's file was deleted or replaced.",
        "Start retraind again; it brings the journal up to date from the job folders.",
    )


def journal_lost(damage: Name) -> Words:
    """Found while the daemon runs."""
    return Words(
        f"The journal is damaged: {damage}.",
        "Start retraind again; it rebuilds the journal from the job folders.",
    )


def journal_folder_missing(path: Place, why: Said) -> Words:
    return Words(
        f"The journal's folder {path} cannot be created: {why.what}",
        "Create it for the service's user, or set state.url.",
    )


def journal_of_another_user(path: Place, denied: Place, owner: Name | None = None) -> Words:
    """`denied` is what the user cannot open: the journal, its lock or its folder; `owner` is whose it is."""
    return Words(
        f"The journal {path} cannot be used: this user cannot read and write {denied} (permission denied).",
        f"Run commands as the service's user, such as: sudo -u {owner or 'retraind'} {command('status')}",
        operator_only=True,
    )


def program_closed_to_owner(path: Place, program: Place) -> Words:
    return Words(
        f"retraind must run as the owner of the journal {path}, but that user cannot read {program}.",
        "Install retraind where every user can read it, as docs/install.md shows.",
    )


def journal_in_use(path: Place, process: int) -> Words:
    """`process` is 0 where it is not known."""
    who = f"id {process}" if process else "id unknown"
    return Words(
        f"Another retraind process ({who}) is using the journal {path}.",
        "Stop it first, or set state.url to another journal for this one.",
    )


def journal_in_older_use(path: Place, process: int) -> Words:
    """`process` is 0 where it is not known."""
    who = f"process {process}" if process else "process unknown"
    return Words(
        f"The journal {path} was written by an older retraind, which is still using it ({who}).",
        "Restart the service, which brings the journal up to date: systemctl restart retraind",
    )


def journal_of_another_program(path: Place) -> Words:
    return Words(
        f"{path} belongs to another program: it has tables, but not those of a journal.",
        "Set state.url to a file that no other program uses.",
    )


def journal_too_new(
    path: Place, schema: Name, version: Name | None = None, backup: Place | None = None
) -> Words:
    """`version` has brought the journal to its schema; `backup` is the journal before that."""
    writer = f"{version}, schema {schema}" if version else f"schema {schema}"
    back = (
        f"go back to the journal as it was before the upgrade: {command('journal restore', str(backup))}"
        if backup
        else f"restore a backup from before the upgrade: {command('journal restore', 'BACKUP')}"
    )
    return Words(
        f"The journal {path} was written by a newer retraind ({writer}).",
        f"Install that version again, or stop retraind and {back}",
        operator_only=True,
    )


def journal_not_backed_up(path: Place, folder: Place, why: Said) -> Words:
    return Words(
        f"The journal {path} was written by an earlier retraind and must be upgraded. The backup "
        f"before the upgrade cannot be made in {folder}: {why.what}",
        why.remedy,
    )


def job_folders_unreadable(why: Said) -> Words:
    """`why` names the folder."""
    return Words(
        f"The job folders cannot be read, and nothing is taken in until they are. {why.what}", why.remedy
    )


def folders_not_ours(path: Place, folders: int, stopped: bool) -> Words:
    """Folders without a valid job.json. `stopped`: there are so many that the rest was not read."""
    rest = " The others were not examined." if stopped else ""
    again = ", then start retraind again" if stopped else ""
    return Words(
        f"{path} contains {folders:,} folders that do not belong to retraind.{rest}",
        f"Move them away{again}.",
    )
