"""What `retraind status` shows: the journal and the folders, read without asking the daemon."""

import itertools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel

from retraind.bundle.progress import Noted, under_way
from retraind.config.settings import WORK, ModelSettings, Settings
from retraind.domain.job import RESTING, Job, State
from retraind.domain.names import FOLDER_NAME
from retraind.domain.problems import Problem, file_problem, problem
from retraind.domain.records import HostTry, Outage
from retraind.domain.turns import owned_files
from retraind.intake.drop_folder import DropFolder, View
from retraind.intake.share_identity import Shares
from retraind.report.daemon_overview import Code, DaemonOverview, code_of, daemon_overview
from retraind.report.standing import MOST_LINES, alerts, host_line, incomplete, job_lines, order_notes, some
from retraind.report.wording import Voice
from retraind.store.database import trouble_of_disk
from retraind.store.instance import running_instance
from retraind.store.journal import Journal, Standing
from retraind.store.sightings import JournalMemory
from retraind.system.clock import Clock
from retraind.system.files import held
from retraind.system.probe import Question, ask_each
from retraind.system.reading import listed

_MOST_FOLDERS = 2_000
"""Job folders of one model whose names are compared with the journal."""
_NO_DROP = "(not in the configuration)"
_NOT_RUNNING = "(its settings are refused)"


class ActiveJob(BaseModel):
    """A job in work."""

    id: str
    key: str
    state: State
    attempts: int
    trouble: str | None
    trouble_problem: Code | None
    hold: str | None
    hold_problem: Code | None
    stuck: bool
    """True once its trouble has lasted longer than `notify.patience`, or it is held for failed uploads."""
    retrain_job_id: str | None
    status: str | None


class ModelOverview(BaseModel):
    """One model at this moment."""

    name: str
    drop: str
    hold: str | None
    hold_problem: Code | None
    warning: str | None
    """What is soon to be done about its key."""
    warning_problem: Code | None
    trouble: str | None
    """Why nothing can be taken from its drop folder."""
    trouble_problem: Code | None
    jobs: list[ActiveJob]
    published: str | None
    """The job whose result retraind published last."""
    done: int
    failed: int
    waiting: list[str]
    """Keys of deliveries that lack something."""
    sentences: list[str]


class HostOverview(BaseModel):
    """A host that is down. Now and then one request is sent there; everything else waits."""

    host: str
    since: datetime
    failures: int
    """In a row."""
    last_error: str
    last_error_problem: Code
    next_try: datetime
    waiting: int
    """Jobs that wait for it."""
    asked_at: datetime | None = None
    """When a person last wanted it to be tried at once, since it is down."""
    asked_by: str | None = None
    sentence: str


class Overview(BaseModel):
    """The whole daemon at this moment."""

    process: int | None
    daemon: DaemonOverview
    models: list[ModelOverview]
    hosts: list[HostOverview]
    """Those that are down."""
    journal_trouble: str | None = None
    """Why nothing can be written to the journal."""
    journal_trouble_problem: Code | None = None


def overview(
    settings: Settings,
    journal: Journal,
    voice: Voice,
    refused: Mapping[str, Sequence[Problem]] = MappingProxyType({}),
) -> Overview:
    """Collect what there is to show, in the order of the configuration.

    `refused` are the models whose tables are left out of `settings`, with the mistakes in them.
    """
    counts = journal.jobs.counts()
    left_over = sorted(
        name
        for name in counts.keys() - settings.models.keys() - refused.keys()
        if counts[name].keys() - RESTING
    )
    standings = journal.standings([*settings.models, *refused, *left_over])
    process = running_instance(settings.state.journal_file)
    daemon = daemon_overview(settings.state.journal_file, process, Clock().now(), voice)
    outages = journal.hosts.all()
    moment = _Moment(
        journal,
        voice,
        settings.api.host,
        running=daemon.condition.is_good,
        counts=counts,
        outages=outages,
        steps=under_way(settings.state.spool),
        unreachable=frozenset(each.model for each in daemon.unreachable),
    )
    views = _views(settings, journal)
    models = [
        *(
            moment.configured(name, model, standings[name], view, folders)
            for (name, model), (view, folders) in zip(settings.models.items(), views, strict=True)
        ),
        *(moment.refused(name, standings[name], mistakes) for name, mistakes in refused.items()),
        *(moment.left_over(name, standings[name]) for name in left_over),
    ]
    active = [job for standing in standings.values() for job in standing.active]
    asked = journal.hosts.last_asked(outages)
    hosts = [moment.host(outage, asked.get(host), active) for host, outage in outages.items()]
    disk = trouble_of_disk(settings.state.journal_file)
    return Overview(
        process=process,
        daemon=daemon,
        models=models,
        hosts=hosts,
        journal_trouble=voice.tell(disk) if disk else None,
        journal_trouble_problem=code_of(disk, voice) if disk else None,
    )


@dataclass(frozen=True)
class _Moment:
    """What is the same for all models while they are shown."""

    journal: Journal
    voice: Voice
    service: str
    running: bool
    """Whether the daemon works."""
    counts: Mapping[str, Mapping[State, int]]
    outages: Mapping[str, Outage]
    steps: Mapping[str, Noted]
    unreachable: Container[str | None]
    """Models whose drop folders the daemon cannot reach."""

    def configured(
        self, name: str, model: ModelSettings, standing: Standing, view: View, folders: list[str]
    ) -> ModelOverview:
        """Show a model; `folders` are the names of its job folders in work."""
        voice, jobs = self.voice.on(name), standing.active
        view = view.without(owned_files(jobs))
        sentences = [
            *alerts(standing, view, voice),
            *([voice.label("out_of_reach_above")] if name in self.unreachable else []),
            *job_lines(
                jobs, voice, self.service,
                down=self.outages, held={name} if standing.hold else set(), running=self.running,
                steps=self.steps,
            ),
            *map(voice.tell, order_notes(jobs)),
            *_unknown(folders, jobs, self.journal, voice),
            *_complete(view, voice, running=self.running),
            *incomplete(view.waiting, voice),
            *_left_alone(view, voice),
        ]  # fmt: skip
        return self._shown(name, str(model.drop), standing, view, sentences)

    def refused(self, name: str, standing: Standing, mistakes: Sequence[Problem]) -> ModelOverview:
        """Show a model whose table was refused for mistakes in it."""
        voice = self.voice.on(name)
        sentences = [*map(voice.tell, mistakes), *job_lines(standing.active, voice, self.service)]
        return self._shown(name, _NOT_RUNNING, standing, View(trouble=mistakes[0]), sentences)

    def left_over(self, name: str, standing: Standing) -> ModelOverview:
        """Show a model that is no longer in the configuration, but has jobs in work."""
        jobs = standing.active
        sentences = job_lines(jobs, self.voice.on(name), self.service, running=self.running)
        standing = standing._replace(hold=None, published=None, warning=None)
        return self._shown(name, _NO_DROP, standing, View(), sentences)

    def _shown(
        self, name: str, drop: str, standing: Standing, view: View, sentences: list[str]
    ) -> ModelOverview:
        voice, counts = self.voice.on(name), self.counts.get(name, {})
        hold = standing.hold and standing.hold.problem
        warning = None if hold else standing.warning
        return ModelOverview(
            name=name,
            drop=drop,
            hold=voice.say(hold).what if hold else None,
            hold_problem=code_of(hold, voice),
            warning=voice.tell(warning) if warning else None,
            warning_problem=code_of(warning, voice),
            trouble=voice.tell(view.trouble) if view.trouble else None,
            trouble_problem=code_of(view.trouble, voice),
            jobs=[_active(job, voice.on(name, job.id)) for job in standing.active],
            published=standing.published.id if standing.published else None,
            done=counts.get(State.DONE, 0),
            failed=counts.get(State.FAILED, 0),
            waiting=[wait.key for wait in view.waiting],
            sentences=sentences,
        )

    def host(self, outage: Outage, asked: HostTry | None, active: list[Job]) -> HostOverview:
        """Show a host that is down; `asked` is when a person last wanted it to be tried at once."""
        voice = self.voice
        waiting = [job for job in active if job.wait.host == outage.host]
        # Whoever comes first after the pause is the one that asks.
        first = min((job.wait.wake_at for job in waiting if job.wait.wake_at), default=outage.next_try)
        next_try = max(first, outage.next_try)
        soon = voice.label("next_try", at=next_try if self.running else None, jobs=len(waiting))
        return HostOverview(
            host=outage.host,
            since=outage.since,
            failures=outage.failures,
            last_error=voice.tell(outage.reason),
            last_error_problem=Code(**voice.coded(outage.reason)),
            next_try=next_try,
            waiting=len(waiting),
            asked_at=asked.at if asked else None,
            asked_by=asked.by.called if asked else None,
            sentence=f"{host_line(outage, self.service, asked, voice)} {soon}",
        )


def _views(settings: Settings, journal: Journal) -> list[tuple[View, list[str]]]:
    """Scan every drop folder; returns with each view the names of the job folders in work there."""
    shares = Shares.beside(settings.state.journal_file)

    def question(name: str, model: ModelSettings) -> Question[tuple[View, list[str]]]:
        def look(_place: Path) -> tuple[View, list[str]]:
            if trouble := shares.trouble_of_drop(name, model.drop):
                return View(trouble=trouble), []
            # Only the daemon, which has watched a file, knows whether it has settled. For one scan all have.
            settled = model.model_copy(update={"settle": timedelta(0)})
            ignore, largest = settings.sweep.ignore, settings.bundle.largest
            memory = JournalMemory(journal.database, model.drop, name, read_only=True)
            folder = DropFolder(settled, ignore, Clock(), None, lambda: None, largest=largest, memory=memory)
            return folder.look(), _in_work(model.drop)

        return model.drop, look

    asked = [question(name, model) for name, model in settings.models.items()]
    return [
        (View(trouble=file_problem(found, drop)), []) if isinstance(found, OSError) else found
        for (drop, _), found in zip(asked, ask_each(asked), strict=True)
    ]


def _in_work(drop: Path) -> list[str]:
    """Return the names of job folders; none where they cannot be read by whoever asks."""
    try:
        with held(drop, WORK) as folder, listed(folder) as (_, entries):
            found = (
                entry.name
                for entry in entries
                if FOLDER_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            )
            return sorted(itertools.islice(found, _MOST_FOLDERS))
    except OSError:
        return []


def _unknown(folders: list[str], jobs: list[Job], journal: Journal, voice: Voice) -> list[str]:
    """Return a line for each job folder in work of which the journal knows nothing; a screenful at most."""
    known = {job.id for job in jobs}
    unknown = (name for name in folders if name not in known and journal.jobs.get(name) is None)
    return [
        voice.tell(problem("job_folder_unknown", folder=name))
        for name in itertools.islice(unknown, MOST_LINES)
    ]


def _complete(view: View, voice: Voice, *, running: bool) -> list[str]:
    """Return a line for each delivery that nothing is missing of, and that is not in work yet."""
    lines = [
        voice.label("complete_line", key=delivery.key, running=running)
        for delivery in view.complete[:MOST_LINES]
    ]
    return some(lines, len(view.complete), voice)


def _left_alone(view: View, voice: Voice) -> list[str]:
    """Return a line on the files that nothing recognises."""
    if not view.strangers:
        return []
    more = len(view.strangers) - 1
    further = [voice.label("and_more_in_status_file", number=more)] if more else []
    return [" ".join([voice.tell(view.strangers[0]), *further])]


def _active(job: Job, voice: Voice) -> ActiveJob:
    trouble, hold = job.wait.trouble, job.hold.problem if job.hold else None
    return ActiveJob(
        id=job.id,
        key=job.key,
        state=job.state,
        attempts=job.wait.attempts,
        trouble=voice.tell(trouble) if trouble else None,
        trouble_problem=code_of(trouble, voice),
        hold=voice.say(hold).what if hold else None,
        hold_problem=code_of(hold, voice),
        stuck=job.wait.stuck or job.tries.upload_held,
        retrain_job_id=job.retrain_job_id,
        status=job.training.status if job.training else None,
    )
