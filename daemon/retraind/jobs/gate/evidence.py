"""What the gate is shown: private copies of the results and a description, and data that is what was sealed.

Whoever may write to the share cannot reach any of it. The copies are in a folder beside the journal while the
gate runs. `judging` decides when they are made, and what follows where they cannot be made.
"""

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

from retraind.domain.job import Job, SealedFile, Shown
from retraind.domain.names import FOLDER_NAME
from retraind.domain.problems import Problem, problem
from retraind.system import log
from retraind.system.copying import copy_start, look_for_room, sha256_of_start
from retraind.system.files import PRIVATE, beside, make_folder, seen_by_others
from retraind.system.moving import remove
from retraind.system.reading import open_regular, open_seen_by_others, status_of_open
from retraind.system.remote.verbs import is_far

_LOG = log.get(__name__)

_OWN_FILE = 0o600
_RESULTS = "results.zip"
_FOLDER = "folder"
_DESCRIPTION = "description.json"
_NOT_OURS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.EACCES, errno.EPERM})
"""What the system answers where somebody has deleted, forbidden or replaced a file."""


class Unproven(Exception):
    """The gate cannot be shown what it would have to judge; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass
class Evidence:
    """What one job's gate is shown, in the folder `private`."""

    private: Path
    folder: Path
    """The job's folder, by a name that means the pinned one, whatever is renamed on the share."""
    keep_free: int
    pause: Callable[[], None]
    is_far: bool = False
    """Whether the job's folder is on a file system that may hang."""
    shown: list[Shown] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    """The data, by role."""
    _handles: dict[str, tuple[BinaryIO, tuple[int, ...]]] = field(default_factory=dict)
    """The data that is shown by handle, by name, and what it was like when it was read."""

    @property
    def results(self) -> Path:
        """Where the results are put."""
        return self.private / _RESULTS

    @property
    def description(self) -> Path:
        """What the gate reads on its standard input."""
        return self.private / _DESCRIPTION

    def add_results(self, size: int, sha256: str) -> None:
        """Let the gate see the results, which were put in their place."""
        self.shown.append(Shown(name=_RESULTS, bytes=size, sha256=sha256, copied=True))

    def copy_results(self, source: Path, size: int, sha256: str) -> bool:
        """Copy the results; returns False where the file `source` is not what the service sent."""
        try:
            opened = open_regular(source, self.pause)
        except OSError as error:
            if error.errno in _NOT_OURS:
                return False
            raise
        with opened:
            look_for_room(self.private, size, self.keep_free, self.results)
            if copy_start(opened, self.results, size, _OWN_FILE) != sha256:
                remove(self.results)
                return False
        self.add_results(size, sha256)
        return True

    def add_data(self, job: Job, folder: Path, holding: ExitStack, *, copied: bool) -> None:
        """Let the gate see the data in the job's folder, pinned as `folder`: as copies, or by handle.

        Handles stay open as long as `holding`. Raises Unproven where a file is not the one that was sealed.
        """
        if copied:
            needed = sum(file.signature.size for file in job.data_files)
            look_for_room(self.private, needed, self.keep_free, self.private)
        for file in job.data_files:
            opened = holding.enter_context(self._opened(file, folder))
            before = _times_of(opened)
            path = self.private / file.role / file.base_name
            path.parent.mkdir(mode=PRIVATE)
            size = file.signature.size
            if copied:
                digest = copy_start(opened, path, size, _OWN_FILE)
            else:
                digest = sha256_of_start(opened, size + 1)  # the gate reads it to its end, wherever that is
                path.symlink_to(open_seen_by_others(opened))
                self._handles[file.name] = (opened, before)
            if file.sha256 is not None and digest != file.sha256:
                raise _not_the_same(file)
            self.files[file.role] = path
            self.shown.append(Shown(name=file.name, bytes=size, sha256=digest, copied=copied))

    def _opened(self, file: SealedFile, folder: Path) -> BinaryIO:
        try:
            with beside(folder, file.name) as path:
                return open_regular(path, self.pause, folder / file.name)
        except OSError as error:
            if error.errno in _NOT_OURS:
                raise _not_the_same(file) from error
            raise

    def changed(self) -> str | None:
        """Return the name of a file that was changed since it was read for the gate; None where none was."""
        return next(
            (name for name, (opened, before) in self._handles.items() if _times_of(opened) != before), None
        )

    def describe(self, job: Job) -> None:
        """Write down what there is to see, for the gate's standard input."""
        training = job.training
        described = {
            "job": job.id,
            "model": job.model,
            "key": job.key,
            "folder": str(self.folder),
            "results": str(self.results),
            "files": {role: str(path) for role, path in self.files.items()},
            "shown": [asdict(shown) for shown in self.shown],
            "rows": dict(job.data.rows) if job.data else {},
            "columns": list(job.data.columns) if job.data else [],
            "retrain_job_id": job.retrain_job_id,
            "trained_model_id": training.model_id if training else None,
            "message": training.message if training else None,
        }
        self.description.touch(_OWN_FILE)
        self.description.write_bytes(json.dumps(described, ensure_ascii=False).encode() + b"\n")


def _times_of(opened: BinaryIO) -> tuple[int, ...]:
    """Return what of a file is another when it was written to; its owner cannot put back the last."""
    status = status_of_open(opened)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _not_the_same(file: SealedFile) -> Unproven:
    return Unproven(problem("file_differs_from_trained", file=file.name))


@contextmanager
def evidence(
    root: Path, job: Job, folder: Path, keep_free: int, pause: Callable[[], None]
) -> Iterator[Evidence]:
    """Make a private folder below `root` for what the job's gate is shown; it is removed at the end.

    `folder` is the job's, pinned. Raises OSError.
    """
    private = root / job.id
    make_folder(root, PRIVATE)
    remove(private)  # of an earlier try that was killed
    private.mkdir(PRIVATE)
    try:
        (private / _FOLDER).mkdir(PRIVATE)
        # Under the job's name, which gates may take from it.
        link = private / _FOLDER / job.id
        link.symlink_to(seen_by_others(folder))
        yield Evidence(private, link, keep_free, pause, is_far(folder))
    finally:
        try:
            remove(private)
        except OSError as error:
            # The verdict counts all the same. The next start removes it.
            _LOG.warning("gate_copies_not_removed", folder=str(private), reason=error.strerror)


def clear(root: Path) -> list[Path]:
    """Remove what a kill has left below `root`; returns what that was. Raises OSError.

    What has no job's name stays: somebody may have put a folder of their own in this place.
    """
    try:
        left = [path for path in sorted(root.iterdir()) if FOLDER_NAME.fullmatch(path.name)]
    except FileNotFoundError:
        return []
    for path in left:
        remove(path)
    return left
