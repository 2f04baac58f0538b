"""Taking a delivery out of reach of its writers, and giving it back: the moves between drop folder and job folder.

Every function can be repeated after a kill at any instruction: it looks at where each file is and moves on.
"""

import errno
import os
from pathlib import Path

from retraind.files import make_folder, move, sync_folder, write_atomically
from retraind.intake.folder import signature_of
from retraind.job import Job, SealedFile
from retraind.settings import ModelSettings

JOB_FILE = "job.json"
_OWN_FILES = frozenset({JOB_FILE, f".{JOB_FILE}.tmp"})


def _is(file: SealedFile, path: Path) -> bool:
    """Tell whether `path` is still the very file that was seen, untouched."""
    try:
        return signature_of(os.lstat(path)) == file.signature
    except (FileNotFoundError, NotADirectoryError):
        return False


def seal(job: Job, model: ModelSettings) -> bool:
    """Move the job's files from the drop folder into its own; returns False when one changed meanwhile.

    On False some files may already have been moved; `give_back` returns them.
    """
    folder = model.work_folder / job.id
    make_folder(folder)
    write_atomically(folder / JOB_FILE, job.portable())
    for file in job.files:
        source, target = model.drop / file.name, folder / file.name
        if os.path.lexists(target):
            # An earlier try was killed, perhaps between the rename and the syncs.
            sync_folder(target.parent)
            if source.parent.is_dir():
                sync_folder(source.parent)
            continue
        if not _is(file, source):
            return False
        make_folder(target.parent)
        try:
            move(source, target)
        except FileNotFoundError:
            return False
    return untouched(job, folder)


def untouched(job: Job, folder: Path) -> bool:
    """Tell whether all files of the job are in `folder` as they were seen before they were sealed.

    A writer that still has a file open can go on writing through the rename.
    """
    return all(_is(file, folder / file.name) for file in job.files)


def give_back(job: Job, model: ModelSettings) -> bool:
    """Move the job's files back to the drop folder and remove the job's folder.

    Returns False when a name has been taken there by something newer; that file then stays in the job's folder.
    """
    folder = model.work_folder / job.id
    complete = True
    for file in job.files:
        source, target = folder / file.name, model.drop / file.name
        if os.path.lexists(source):
            try:
                make_folder(target.parent)
                move(source, target)
            except FileExistsError:
                complete = False
    if complete:
        remove_folder(folder)
    return complete


def remove_folder(folder: Path) -> None:
    """Remove a job's folder that holds nothing any more but what retraind put there.

    What somebody else put there stays, and the folder with it.
    """
    if not folder.exists():
        return
    below = []
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            below.append(path)
        elif path.name in _OWN_FILES:
            path.unlink()
    for path in (*below, folder):
        try:
            path.rmdir()
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
    sync_folder(folder.parent)
