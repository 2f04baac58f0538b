"""The daemon's status in systemd, on one line: first what is wrong, then what it does."""

import os
from collections.abc import Collection, Sequence

from retraind.domain.problems import Problem
from retraind.reconcile.folders import Folder
from retraind.report.wording import Voice
from retraind.store.journal import Journal
from retraind.system.service import systemd

_MOST_NAMED = 5


class StatusLine:
    """Sends the line when it, or the journal, has changed."""

    def __init__(self) -> None:
        self._held = self._jobs = 0
        self._said = ""

    def count(self, journal: Journal) -> None:
        """Count what is in the journal, after it has changed. Raises SQLAlchemyError."""
        if os.environ.get("NOTIFY_SOCKET"):
            self._held, self._jobs = len(journal.holds.all()), journal.jobs.count_active()
            self._said = ""

    def say(
        self,
        folders: Sequence[Folder],
        refused: Collection[str],
        journal: Problem | None,
        mistakes: Sequence[Problem],
    ) -> None:
        """Report to systemd; what is given is as for `line`."""
        if not os.environ.get("NOTIFY_SOCKET"):
            return
        if (line := self.line(folders, refused, journal, mistakes)) != self._said:
            systemd.report(f"STATUS={line}")
            self._said = line

    def line(
        self,
        folders: Sequence[Folder],
        refused: Collection[str],
        journal: Problem | None,
        mistakes: Sequence[Problem] = (),
    ) -> str:
        """Return the line.

        `refused` are models, `journal` is why the journal cannot be written, and `mistakes` are why the last
        reload was refused, if it was.
        """
        away = sorted(folder.name for folder in folders if folder.trouble)
        return Voice().label(
            "daemon_status",
            models=len(folders),
            held=self._held,
            jobs=self._jobs,
            away=_named(away),
            refused=_named(sorted(refused)),
            journal=journal,
            mistake=next(iter(mistakes), None),
            more_mistakes=len(mistakes) - 1,
        )


def _named(names: Sequence[str]) -> tuple[str, ...]:
    """Return the first names, and the number of the others."""
    more = len(names) - _MOST_NAMED
    return (*names[:_MOST_NAMED], f"+{more}") if more > 0 else tuple(names)
