"""What remains of a failed delivery when a person retries it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from retraind.config.settings import ModelSettings
from retraind.domain.job import Job, Role, SealedFile
from retraind.domain.problems import Problem, problem
from retraind.intake.listing import flaw_of, signature_of
from retraind.intake.pairing import too_large
from retraind.jobs import seal as sealing
from retraind.jobs.folders import Places
from retraind.system.files import exists, held, status_of
from retraind.system.links import names_beside
from retraind.system.reading import sha256_of_open


def as_they_are(job: Job, folder: Path, largest: int) -> tuple[tuple[SealedFile, ...], list[Problem]]:
    """Return a failed job's files as they now are, and which of them cannot be tried again, and why.

    What is judged of a file and what it is later known by are of one moment.
    """
    files: list[SealedFile] = []
    flaws: list[Problem] = []
    for file in job.files:
        try:
            with held(folder.parent, folder.name) as inside:
                status = status_of(inside, file.name)
                others = () if status.st_nlink == 1 else (names_beside(inside, file.name, status),)
        except (FileNotFoundError, NotADirectoryError):
            flaws.append(problem("failed_file_missing", file=file.name, folder=f"failed/{job.id}"))
            continue
        if flaw := flaw_of(status, *others) or too_large(status.st_size, largest):
            flaws.append(problem("failed_file_refused", file=file.name, why=flaw))
        numbered = file.signature.inode != 0
        files.append(replace(file, signature=signature_of(status, numbered=numbered)))
    return tuple(files), flaws


def missing(job: Job, model: ModelSettings) -> list[Problem]:
    """Return what a failed job lacks: one half of a delivery must not be trained with in place of both."""
    if job.file(Role.TRAIN) is None:
        return [problem("training_file_missing")]
    if model.mode == "pair" and model.on_pair_timeout != "train-only" and job.file(Role.EVAL) is None:
        return [problem("evaluation_file_missing")]
    return []


def flaws_of(job: Job, places: Places, filed: Path, largest: int) -> list[Problem]:
    """Return what a failed job's files lack, before the first of them is moved.

    Nothing after an earlier try was cut off.
    """
    model = places.model(job)
    with places.place(job, model.work_folder) as work:
        if exists(work / job.id):
            return []
    with places.place(job, filed) as failed:
        _, flaws = as_they_are(job, failed / job.id, largest)
    return flaws + missing(job, model)


def are_sealed(job: Job, files: tuple[SealedFile, ...], folder: Path, pause: Callable[[], None]) -> bool:
    """Return whether files, as they are now, hold the bytes that were sealed."""
    before = {file.name: file.sha256 for file in job.data_files}
    try:
        for file in files:
            if file.name in before:
                with sealing.open_watched(folder, file, pause) as opened:
                    if sha256_of_open(opened) != before[file.name]:
                        return False
    except sealing.Touched:
        return False
    return True
