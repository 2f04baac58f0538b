"""The preflight of a delivery: its data against the service's rules, its bytes against earlier ones."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from retraind.bundle.zip_writer import Archive
from retraind.dataset.preflight import PreviousDelivery, SourceFile, preflight
from retraind.dataset.reader.stream import Packer
from retraind.domain.data_rules import FIXED
from retraind.domain.job import Data, Job, Role, SealedFile, State
from retraind.domain.problems import problem
from retraind.jobs import seal as sealing
from retraind.jobs.bundles import inside, made
from retraind.jobs.duplicates import Duplicates
from retraind.jobs.folders import Places
from retraind.jobs.outcomes import Change, Go, Wait, failed
from retraind.store.journal import Journal

_LONGEST_COLUMNS = 1 << 16
"""Characters of all columns' names that are remembered."""


class Preflight:
    """Preflights deliveries. Safe to use from several threads."""

    def __init__(
        self, *, journal: Journal, places: Places, duplicates: Duplicates, pause: Callable[[], None]
    ) -> None:
        self._journal = journal
        self._places = places
        self._duplicates = duplicates
        self._pause = pause

    def run(self, job: Job, folder: Path, archive: Archive | None) -> Go | Wait:
        """Preflight a job's files in one pass, and write them into `archive` if there is one.

        Raises Touched, SizeChanged.
        """
        model = self._places.model(job)
        fix = "bom" in model.fix
        packers = [
            Packer(archive, inside(file), file.signature.size, mark=fix) for file in job.data_files if archive
        ]
        train, evaluation = (self._source(job, folder, role) for role in (Role.TRAIN, Role.EVAL))
        assert train is not None
        result = preflight(
            train,
            evaluation,
            sinks=packers,
            adds_bom=fix,
            previous=last_good(self._journal, job.model),
            time_series=model.time_series,
            target=model.target,
            rules=model.rules,
            accepted=job.waived.rules,
        )
        if not sealing.untouched(job, folder):
            raise sealing.Touched
        facts = {Role.TRAIN: result.train, Role.EVAL: result.evaluation}
        files = tuple(
            replace(file, sha256=fact.sha256, marked=fix and fact.encoding == "utf-8")
            if (fact := facts.get(file.role))
            else file
            for file in job.files
        )
        data = Data(
            rows={role.value: fact.rows for role, fact in facts.items() if fact},
            columns=worth_keeping(result.train.columns if result.train else ()),
            warnings=tuple(result.warnings),
            ignored=result.ignored,
        )
        if not result.ok:
            broken = tuple(dict.fromkeys(finding.rule for finding in result.errors))
            unread = any(facts[file.role] is None for file in job.data_files)
            accept = () if unread or FIXED.intersection(broken) else broken
            why = problem("data_breaks_rules", details=result.errors, accept=accept)
            end = failed(job, why, restart=True)
            return end.after(_checked(files, data))
        checked = _checked(files, data)(job)
        known = self._duplicates.find(checked)
        if known is not None:
            return known.after(_checked(files, data)) if isinstance(known, Go) else known
        data = replace(data, warnings=(*data.warnings, *self._duplicates.sent_before(checked)))
        bundle = None
        # Only now it is certain whether a mark was needed. Where it was not, the next step makes the zip.
        if archive and [packer.marked for packer in packers] == [file.marked for file in checked.data_files]:
            bundle = made(job, archive.finish())
        return Go(State.CHECKED, "data_checked", lambda job: replace(job, bundle=bundle)).after(
            _checked(files, data)
        )

    def _source(self, job: Job, folder: Path, role: Role) -> SourceFile | None:
        file = job.file(role)
        if file is None:
            return None
        return SourceFile(file.name, partial(sealing.open_watched, folder, file, self._pause))


def _checked(files: tuple[SealedFile, ...], data: Data) -> Change:
    """Return what a job knows of its data once it is preflighted."""
    return lambda job: replace(job, files=files, data=data)


def last_good(journal: Journal, model: str) -> PreviousDelivery | None:
    """Return the training data of the model's last delivery that the service could train with."""
    last = journal.last_trained(model)
    if last is None or last.data is None or Role.TRAIN not in last.data.rows:
        return None
    return PreviousDelivery(last.id, last.data.columns, last.data.rows[Role.TRAIN])


def worth_keeping(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns' names, unless they are megabytes: they are kept for good, also of failed jobs."""
    return columns if sum(map(len, columns)) <= _LONGEST_COLUMNS else ()
