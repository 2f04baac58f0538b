"""Detects folders whose scan does not end because their disk hangs: nothing else reports these.

Remote file systems are abandoned by their helper. A disk that looks local may hang as well: over iSCSI,
behind multipath, or frozen.
"""

from collections.abc import Callable
from datetime import timedelta

from retraind.domain.problems import problem
from retraind.reconcile.folders import Folder, Folders
from retraind.reconcile.work_queue import WorkQueue
from retraind.system import log
from retraind.system.clock import Clock

_LOG = log.get(__name__)

_LONGEST_SCAN = timedelta(minutes=1)
"""A scan that takes longer is reported; one of a hundred thousand files takes seconds."""


class Silence:
    """Compares how long scans take with how long they may."""

    def __init__(
        self, folders: Folders, queue: WorkQueue, clock: Clock, patience: Callable[[], timedelta]
    ) -> None:
        """`patience` returns `notify.patience`."""
        self._folders = folders
        self._queue = queue
        self._clock = clock
        self._patience = patience
        self._silent: dict[str, Folder] = {}

    def mind(self) -> None:
        """Note which folders do not answer, and which do again; a pass of each follows."""
        now, longest = self._clock.elapsed(), min(_LONGEST_SCAN, self._patience()).total_seconds()
        touched = self._folders.touches.longest().items()
        hanging = {file_system: since for file_system, since in touched if now - since >= longest}
        silent: dict[str, Folder] = {}
        for folder in self._folders.all() if hanging else ():
            # Where one folder hangs, nothing is known of the others either.
            since = hanging.get(folder.file_system)
            if since is None:
                continue
            silent[folder.name] = folder
            if folder.name not in self._silent or folder.hangs is None:
                folder.hangs = problem("folder_silent", path=folder.model.drop)
                folder.out_since = folder.out_since or since
                _LOG.error("folder_silent", model=folder.name, reason=folder.hangs, for_s=round(now - since))
                self._queue.ask(folder.name)
        for name in self._silent.keys() - silent.keys():
            folder = self._silent[name]
            folder.hangs = None
            if not folder.retired:
                _LOG.info("folder_answers", model=name)
                self._queue.ask(name)
        self._silent = silent
