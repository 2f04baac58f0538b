"""The journal."""

from retraind.report.wording.words import Name, Place, Said, Words


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
        f"{reason}. It is damaged, or not a journal.", "If it is retraind's own, run: retraind rebuild"
    )


def journal_locked(reason: Name) -> Words:
    return Words(f"{reason}. Another program keeps it locked.", "End that program; fuser shows which it is.")


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


def journal_of_another_user(path: Place, denied: Place) -> Words:
    """`denied` is the file that the user cannot open: the journal or its lock."""
    return Words(
        f"The journal {path} cannot be used: this user cannot read and write {denied} (permission denied).",
        "Run commands as the service's user, such as: sudo -u retraind retraind status",
    )


def journal_in_use(path: Place, process: int) -> Words:
    """`process` is 0 where it is not known."""
    who = f"process {process}" if process else "process unknown"
    return Words(
        f"Another retraind ({who}) is using the journal {path}.",
        "Stop it first, or give this one a journal of its own with state.url.",
    )


def journal_of_another_program(path: Place) -> Words:
    return Words(
        f"{path} belongs to another program: it has tables, but not those of a journal.",
        "Set state.url to a file of its own for the journal.",
    )


def journal_too_new(path: Place, schema: Name) -> Words:
    return Words(
        f"The journal {path} was written by a newer retraind (schema {schema}).",
        "Install that version again, or restore the journal from before the update.",
    )


def folders_not_ours(path: Place, folders: int, stopped: bool) -> Words:
    """Folders without a valid job.json. `stopped`: there are so many that the rest was not read."""
    rest = " The rest was not read." if stopped else ""
    again = ", then start retraind again" if stopped else ""
    return Words(
        f"{path} has {folders:,} folders that are not retraind's.{rest}",
        f"Move away what is not retraind's{again}.",
    )
