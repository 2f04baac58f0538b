"""What the commands about backups of the journal print."""

from datetime import datetime

from retraind.report.wording.en._parts import command, count, moment
from retraind.report.wording.words import Name, Place, Said, Words


def backup_made(path: Place, jobs: int, size: int, deleted: int) -> str:
    removed = f" {count(deleted, 'older backup')} deleted." if deleted else ""
    return (
        f"Backup {path} ({count(jobs, 'job')}, {count(size, 'byte')}) made, and read back completely. It "
        f"contains the key that signs job.json; keep it where nobody else can read it.{removed}"
    )


def _about(path: Place, made_at: datetime, machine: Name, jobs: int) -> str:
    return f"{path}, made on {machine} at {moment(made_at)} ({count(jobs, 'job')})"


def backup_sound(path: Place, made_at: datetime, machine: Name, jobs: int) -> str:
    return f"The backup is sound and can be restored: {_about(path, made_at, machine, jobs)}."


def journal_sound(path: Place, jobs: int) -> str:
    return f"The journal {path} is sound ({count(jobs, 'job')})."


def backup_restored(
    *, path: Place, made_at: datetime, machine: Name, jobs: int, journal: Place, aside: Place | None
) -> str:
    earlier = f" The journal that was there is now {aside}." if aside else ""
    return (
        f"The journal {journal} is now the backup {_about(path, made_at, machine, jobs)}.{earlier} Start "
        "retraind: it brings the journal up to date from the job folders."
    )


def backup_impossible(path: Place, why: Said) -> Words:
    return Words(f"{path} cannot be read or written: {why.what}", why.remedy)


def backup_database_error(reason: Name) -> Words:
    return Words(f"{reason}.")


def backup_damaged(path: Place, reason: Name) -> Words:
    return Words(
        f"{path} is damaged, or not a backup of a journal: {reason}.",
        "Use another backup. Without one, the journal can be restored from the job folders: "
        f"{command('rebuild')}",
    )


def backup_of_another_program(path: Place) -> Words:
    return Words(
        f"{path} is not a backup of a journal.", f"Name a file that {command('journal backup')} has made."
    )


def backup_key_differs(path: Place, key: Place) -> Words:
    return Words(
        f"The signing key in the backup {path} differs from {key}: the backup is of another installation, or "
        "retraind has run here without its key since.",
        f"To restore the backup with its key, run: {command('journal restore', str(path), '--replace-key')}. "
        "The present key is kept under another name; copies of job.json that it has signed are no longer "
        "accepted.",
    )
