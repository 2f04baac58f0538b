"""Taking a delivery out of reach of its writers, and returning it: moves between drop folder and job folder.

Every function can be repeated after a kill at any instruction: it first checks where each file is. Folders
are pinned while something is done in them, so that none can be exchanged for a link meanwhile.
"""

import errno
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from retraind.config.settings import WORK
from retraind.domain.job import Job, SealedFile
from retraind.domain.problems import Problem, problem
from retraind.intake.listing import is_signed_by
from retraind.store.copies.sidecar import NAME, JobFiles
from retraind.system.files import (
    beside,
    exists,
    held,
    is_folder,
    make_folder,
    move,
    names_in,
    remove_if_empty,
    status_of,
    sync_folder,
    unlink,
)
from retraind.system.moving import Seen, are_as_seen, take_in
from retraind.system.reading import open_regular, status_of_open

_OWN_FILES = frozenset({NAME, f".{NAME}.tmp"})
_GONE = (FileNotFoundError, NotADirectoryError)


class Touched(Exception):
    """A file of the job is not the one that was sealed any more."""


def _seen(job: Job) -> tuple[Seen, ...]:
    return tuple(
        (file.name, file.signature.size, file.signature.mtime_ns, file.signature.inode) for file in job.files
    )


def seal(job: Job, drop: Path, work: Path, copies: JobFiles) -> bool:
    """Move the job's files from the drop folder into its own, in `work`; False when one changed meanwhile.

    A copy of the job is in its folder before the first of them. On False some files may already have been
    moved; `give_back` returns them.
    """
    return take_in(drop, work, job.id, _seen(job), note=NAME, content=copies.content(job))


def _entered(holding: ExitStack, folder: Path, name: str) -> Path | None:
    """Return the path of the file `name` below `folder`, None where its sub-folder is not there."""
    try:
        return holding.enter_context(beside(folder, name))
    except _GONE:
        return None


@contextmanager
def _prepared(folder: Path, name: str) -> Iterator[Path]:
    """Yield the path of the file `name` below `folder`, its sub-folder made where it is missing."""
    if "/" in name:
        make_folder(folder / name.partition("/")[0])
    with beside(folder, name) as path:
        yield path


def untouched(job: Job, folder: Path) -> bool:
    """Return whether all files of the job are in `folder` as they were seen before they were sealed."""
    return are_as_seen(folder, _seen(job))


def open_sealed(folder: Path, file: SealedFile, pause: Callable[[], None] = lambda: None) -> BinaryIO:
    """Open a file of a job for reading, after which no other can be read in its place.

    Raises Touched when what was opened is not the file that was sealed, and OSError when it cannot be opened.
    """
    try:
        with beside(folder, file.name) as path:
            opened = open_regular(path, pause, folder / file.name)
    except _GONE as error:
        raise Touched from error
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EINVAL}:
            raise Touched from error
        raise
    if not is_signed_by(status_of_open(opened), file.signature):
        opened.close()
        raise Touched
    return opened


def open_watched(
    folder: Path,
    file: SealedFile,
    pause: Callable[[], None],
    read: Callable[[int], None] = lambda _bytes: None,
) -> BinaryIO:
    """Open like `open_sealed`. Reads raise Touched once the file has another length: they do end.

    `read` is called now and then with the number of bytes that were read.
    """

    def check() -> None:
        pause()
        read(opened.tell())
        if status_of_open(opened).st_size != file.signature.size:
            raise Touched

    opened = open_sealed(folder, file, check)
    return opened


def grown(job: Job, folder: Path, settle: timedelta) -> tuple[Problem, ...]:
    """Return which data files of the job, in `folder`, have grown since they were taken in.

    They are the same files still: a writer has one open. `settle` is that of the job's model.
    """
    found = []
    for file in job.data_files:
        try:
            status = status_of(folder, file.name)
        except _GONE:
            continue
        sealed = file.signature
        if (
            stat.S_ISREG(status.st_mode)
            and sealed.inode in {0, status.st_ino}
            and status.st_size > sealed.size
        ):
            found.append(
                problem(
                    "file_grown",
                    file=file.name, sealed=sealed.size, size=status.st_size,
                    settle=settle, trained=job.training is not None,
                )
            )  # fmt: skip
    return tuple(found)


def give_back(job: Job, drop: Path) -> tuple[SealedFile, ...]:
    """Move the job's files back to the drop folder and remove the job's folder.

    Returns those that stay in it, since something newer has taken their names in the drop folder.
    """
    with ExitStack() as holding:
        try:
            work = holding.enter_context(held(drop, WORK))
        except FileNotFoundError:
            return ()
        stayed = tuple(file for file in job.files if not _return(file, work / job.id, drop))
        if not stayed:
            remove_folder(work / job.id)
    return stayed


def _return(file: SealedFile, folder: Path, drop: Path) -> bool:
    """Move one file back; returns False when its name is taken."""
    with ExitStack() as holding:
        own = _entered(holding, folder.parent, f"{folder.name}/{file.base_name}")
        if own is None:
            return True
        source = _entered(holding, own.parent, file.name)
        if source is None or not exists(source):
            return True
        try:
            move(source, holding.enter_context(_prepared(drop, file.name)))
        except (FileExistsError, NotADirectoryError):
            return False
    return True


def remove_folder(folder: Path) -> None:
    """Remove a job's folder that holds nothing any more but what retraind put there.

    What somebody else put there stays, and the folder with it.
    """
    try:
        with held(folder.parent, folder.name) as inside:
            for path in [inside / name for name in names_in(inside)]:
                if is_folder(path):
                    remove_if_empty(path)
                elif path.name in _OWN_FILES:
                    unlink(path)
    except FileNotFoundError:
        return
    remove_if_empty(folder)
    sync_folder(folder.parent)
