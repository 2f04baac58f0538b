"""The preflight of a delivery: its data against the service's rules, its bytes against earlier ones.

What reads data is imported with the first delivery, or by `prepare`: it is a fifth of all that is imported,
and no start needs it.
"""

# ruff: noqa: PLC0415

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from retraind.bundle.packer import Packer
from retraind.bundle.zip_writer import Archive
from retraind.config.settings import ModelSettings
from retraind.domain.data_rules import FIXED
from retraind.domain.job import DATA_ROLES, Data, Job, Role, SealedFile, State
from retraind.domain.prediction import PredictionType
from retraind.domain.problems import problem
from retraind.jobs import seal as sealing
from retraind.jobs.bundles import inside, made, read_until
from retraind.jobs.duplicates import Duplicates
from retraind.jobs.folders import Places
from retraind.jobs.outcomes import Change, Go, Wait, failed
from retraind.store.journal import Journal

if TYPE_CHECKING:
    from retraind.dataset.preflight import Preflight as Preflighted
    from retraind.dataset.preflight import PreviousDelivery, SourceFile, TableFacts

_LONGEST_COLUMNS = 1 << 16
"""Characters of all columns' names, and of all classes' names, that are remembered."""


class Prediction(TypedDict, total=False):
    """What a model predicts, as `dataset.preflight` takes it."""

    target: str | None
    prediction_type: PredictionType | None
    positive_value: str | None
    time_series: bool
    time_column: str | None
    series_column: str | None


@dataclass(frozen=True)
class Preflight:
    """Preflights deliveries. Safe to use from several threads."""

    journal: Journal
    places: Places
    duplicates: Duplicates
    pause: Callable[[], None]

    def run(self, job: Job, folder: Path, archive: Archive | None, read: Callable[[int], None]) -> Go | Wait:
        """Preflight a job's files in one pass, and write them into `archive` if there is one.

        `read` is called now and then with the number of bytes of all files that were read. Raises Touched,
        SizeChanged.
        """
        from retraind.dataset.preflight import preflight

        model = self.places.model(job)
        fix = "bom" in model.fix
        packers = [
            Packer(archive, inside(file), file.signature.size, mark=fix) for file in job.data_files if archive
        ]
        train, evaluation = (self._source(job, folder, role, read) for role in DATA_ROLES)
        assert train is not None
        result = preflight(
            train,
            evaluation,
            sinks=packers,
            adds_bom=fix,
            previous=last_good(self.journal, job.model),
            rules=model.rules,
            accepted=job.waived.rules,
            **prediction(model),
        )
        if not sealing.untouched(job, folder):
            raise sealing.Touched
        files, data = _learnt(job, result, marks=fix)
        if not result.ok:
            return _refused(job, result).after(_checked(files, data))
        checked = _checked(files, data)(job)
        known = self.duplicates.find(checked)
        if known is not None:
            return known.after(_checked(files, data)) if isinstance(known, Go) else known
        data = replace(data, warnings=(*data.warnings, *self.duplicates.sent_before(checked)))
        bundle = None
        # Only now it is certain whether a mark was needed. Where it was not, the next step makes the zip.
        if archive and [packer.marked for packer in packers] == [file.marked for file in checked.data_files]:
            bundle = made(job, archive.finish())
        told = {"warnings": len(data.warnings)} if data.warnings else {}
        return Go(State.CHECKED, "data_checked", lambda job: replace(job, bundle=bundle), told).after(
            _checked(files, data)
        )

    def _source(self, job: Job, folder: Path, role: Role, read: Callable[[int], None]) -> "SourceFile | None":
        from retraind.dataset.preflight import SourceFile

        file = job.file(role)
        if file is None:
            return None
        until = read_until(job, file, read)
        return SourceFile(file.name, partial(sealing.open_watched, folder, file, self.pause, until))


def _facts(result: "Preflighted") -> Mapping[Role, "TableFacts | None"]:
    return {Role.TRAIN: result.train, Role.EVAL: result.evaluation}


def _learnt(job: Job, result: "Preflighted", *, marks: bool) -> tuple[tuple[SealedFile, ...], Data]:
    """Return what is known by now of a job's files and of its data; `marks` says that marks are added."""
    facts = _facts(result)
    files = tuple(
        replace(file, sha256=fact.sha256, marked=marks and fact.encoding == "utf-8")
        if (fact := facts.get(file.role))
        else file
        for file in job.files
    )
    columns = worth_keeping(result.train.columns if result.train else ())
    return files, Data(
        rows={role.value: fact.rows for role, fact in facts.items() if fact},
        columns=columns,
        warnings=tuple(result.warnings),
        ignored=result.ignored,
        kinds=result.profile.kinds if columns else (),
        target=result.profile.target,
        classes=worth_keeping(result.profile.classes),
    )


def _refused(job: Job, result: "Preflighted") -> Go:
    """File a job whose data breaks rules; a file that was not read to its end cannot be accepted as it is."""
    facts = _facts(result)
    broken = tuple(dict.fromkeys(finding.rule for finding in result.errors))
    unread = any(facts[file.role] is None for file in job.data_files)
    accept = () if unread or FIXED.intersection(broken) else broken
    paired = job.file(Role.EVAL) is not None
    refused = problem("data_breaks_rules", details=result.errors, accept=accept, paired=paired)
    return failed(job, refused, restart=True)


def _checked(files: tuple[SealedFile, ...], data: Data) -> Change:
    """Return what a job knows of its data once it is preflighted."""
    return lambda job: replace(job, files=files, data=data)


def prepare() -> None:
    """Import what reads data, so that a package that is replaced while the daemon runs makes no mixture."""
    import retraind.dataset.preflight
    import retraind.dataset.reader.stream  # noqa: F401


def last_good(journal: Journal, model: str) -> "PreviousDelivery | None":
    """Return the training data of the model's last delivery that the service could train with."""
    from retraind.dataset.preflight import PreviousDelivery

    last = journal.last_trained(model)
    if last is None or last.data is None or Role.TRAIN not in last.data.rows:
        return None
    data = last.data
    return PreviousDelivery(
        last.id, data.columns, data.rows[Role.TRAIN], data.kinds, data.target, data.classes
    )


def prediction(model: ModelSettings) -> Prediction:
    """Return what a model predicts, as it is configured."""
    kind = model.prediction_type
    return Prediction(
        target=model.target,
        prediction_type=None if kind is None else PredictionType(kind),
        positive_value=model.positive_value,
        time_series=model.time_series,
        time_column=model.time_column,
        series_column=model.series_column,
    )


def worth_keeping(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names, unless they are megabytes: they are kept for good, also of failed jobs."""
    return names if sum(map(len, names)) <= _LONGEST_COLUMNS else ()
