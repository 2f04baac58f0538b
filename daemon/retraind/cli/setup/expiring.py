"""What `retention` and similar keys would delete now, so that `check` can show the effect of a change."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from retraind.config.settings import Settings
from retraind.domain.failures import JournalError
from retraind.domain.job import Job, State
from retraind.domain.problems import Problem, problem
from retraind.jobs.expiry import limits_of, needed, outlived, size_of
from retraind.store.journal import Journal
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.system.clock import Clock
from retraind.system.files import held, names_in
from retraind.system.probe import ask_each

_KEYS = {State.DONE: "retention", State.FAILED: "retention_failed"}


def expiring(settings: Settings) -> Iterator[tuple[str, str, Problem]]:
    """Yield for each model with a retention its setting, its name, and what would be deleted.

    Nothing where the journal cannot be read: another check says so. A share that hangs is given up after a
    while.
    """
    limited = [
        (name, state, model.failed_folder if state is State.FAILED else model.done_folder)
        for name, model in settings.models.items()
        for state in _KEYS
        if limits_of(model, state)
    ]
    if not limited:
        return
    clock = Clock()
    reader = ReadOnlyJournal(settings.state.journal_file, clock)
    try:
        journal = reader.get()
        listings = ask_each([(folder, _names) for _, _, folder in limited])
        for (name, state, _), there in zip(limited, listings, strict=True):
            names = frozenset[str]() if isinstance(there, OSError) else there
            going = _going(settings, journal, clock, name=name, state=state, there=names)
            found = problem(
                "retention_shows",
                place=state.value,
                jobs=len(going),
                size=sum(map(size_of, going)),
                oldest=going[0].id if going else None,
                newest=going[-1].id if going else None,
            )
            yield f"models.{name}.{_KEYS[state]}", name, found
    except (JournalError, SQLAlchemyError):
        return
    finally:
        reader.close()


def _going(
    settings: Settings, journal: Journal, clock: Clock, *, name: str, state: State, there: frozenset[str]
) -> list[Job]:
    """Return the jobs whose folders would be deleted."""
    model, now = settings.models[name], clock.now()
    stays = needed(model, journal, name, now)
    found = outlived(journal.jobs.all_in(name, state), limits_of(model, state), now, there, stays)
    return [job for job in found if job.id in there]


def _names(folder: Path) -> frozenset[str]:
    with held(folder) as there:
        return frozenset(names_in(there))
