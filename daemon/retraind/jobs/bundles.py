"""What is uploaded for a job: the zip on the spool, or the training file itself."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, assert_never

from retraind.api.failures import NotStored
from retraind.bundle import deflate
from retraind.bundle.deflate import Compressor
from retraind.bundle.progress import Doing, Progress
from retraind.bundle.spool import bundle_name, has_bundle
from retraind.bundle.zip_writer import Member, build, discard, entry_name
from retraind.config.current import Current
from retraind.domain.job import Bundled, Job, Role, SealedFile
from retraind.domain.problems import problem
from retraind.jobs import seal as sealing
from retraind.store.journal import Journal
from retraind.system import log
from retraind.system.reading import sha256_of_open

_LOG = log.get(__name__)


@dataclass(frozen=True)
class Bundles:
    """The bundles of jobs on the spool."""

    current: Current
    journal: Journal

    def path(self, job: Job) -> Path:
        """Return where a job's bundle is, or is to be."""
        return self.current.settings.state.spool / bundle_name(job.id)

    def uploading(self, job: Job) -> Progress:
        """Return what notes how much of a job's upload was sent."""
        total = job.bundle.bytes if job.bundle else 0
        return Progress(self.current.settings.state.spool, job.id, Doing.UPLOAD, total)

    def reading(self, job: Job, doing: Doing) -> Progress:
        """Return what notes how much of a job's data files was read, in a step that reads them all."""
        total = sum(file.signature.size for file in job.data_files)
        return Progress(self.current.settings.state.spool, job.id, doing, total)

    def discard(self, job: Job) -> None:
        """Remove a job's bundle, and what a kill has left of the note of how much was sent."""
        discard(self.path(job))
        self.uploading(job).forget()

    def has(self, job: Job, folder: Path) -> bool:
        """Return whether what is to be uploaded is there, as it was made."""
        if len(job.data_files) == 1:
            return sealing.untouched(job, folder)
        return job.bundle is not None and has_bundle(self.path(job), job.bundle.bytes)

    def compressor(self, job: Job) -> Compressor:
        """Return what compresses a job's bundle, by the configuration and the line to the service."""
        match self.current.settings.bundle.compression:
            case "fast":
                return deflate.fast()
            case "small":
                return deflate.small()
            case "auto":
                return deflate.fitting(self.journal.events.line_speed(job.model))
            case unknown:
                assert_never(unknown)

    def make(self, job: Job, folder: Path, pause: Callable[[], None]) -> Bundled:
        """Make what is sent for a job: a zip, or nothing where a training file is sent as it is.

        Raises Touched or SizeChanged where a file is not what was preflighted.
        """
        with self.reading(job, Doing.BUNDLE) as read:
            if len(job.data_files) == 1:
                (file,) = job.data_files
                with sealing.open_watched(folder, file, pause, read) as opened:
                    digests: tuple[str, ...] = (sha256_of_open(opened),)
                size = len(mark_of(file)) + file.signature.size
                bundled = Bundled(name=file.base_name, bytes=size)
            else:
                members = [
                    Member(
                        inside(file),
                        file.signature.size,
                        partial(sealing.open_watched, folder, file, pause, read_until(job, file, read)),
                        mark_of(file),
                    )
                    for file in job.data_files
                ]
                keep_free = self.current.settings.state.keep_free
                size, digests = build(self.path(job), members, self.compressor(job), keep_free)
                bundled = made(job, size)
        if digests != tuple(file.sha256 for file in job.data_files):
            raise sealing.Touched
        return bundled


def made(job: Job, size: int) -> Bundled:
    """Return what a job knows of its zip once it is made, with `size` bytes."""
    return Bundled(name=bundle_name(job.id), bytes=size)


def inside(file: SealedFile) -> str:
    """Return the path of a file in the zip."""
    return entry_name({Role.TRAIN: "train_src", Role.EVAL: "eval_src"}[file.role], file.base_name)


def read_until(job: Job, file: SealedFile, read: Callable[[int], None]) -> Callable[[int], None]:
    """Return what passes on how much of a data file was read, with the files before it."""
    files = job.data_files
    before = sum(each.signature.size for each in files[: files.index(file)])
    return lambda at: read(before + at)


def mark_of(file: SealedFile) -> bytes:
    """Return what is put before a file on its way to the service."""
    return codecs.BOM_UTF8 if file.marked else b""


def open_alone(folder: Path, file: SealedFile) -> BinaryIO:
    """Open a training file that is sent as it is. Raises NotStored when it has changed."""
    try:
        return sealing.open_sealed(folder, file)
    except sealing.Touched:
        raise NotStored(problem("file_changed_before_upload", file=file.name)) from None
