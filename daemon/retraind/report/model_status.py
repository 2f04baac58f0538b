"""What `retraind status` shows: the journal and the folders, read without asking the daemon."""

import itertools
import os
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel

from retraind.config.settings import ModelSettings, Settings
from retraind.domain.job import FOLDER_NAME, RESTING, Job, State
from retraind.domain.problems import file_problem
from retraind.domain.records import Outage
from retraind.domain.turns import in_turn, next_in_turn
from retraind.intake.drop_folder import DropFolder, View
from retraind.intake.share_identity import Shares
from retraind.report.notes import OPERATOR
from retraind.report.status_file import MOST_LINES, doing, outage_sentence, said_of, some, unknown_folder
from retraind.store.database import running_instance
from retraind.store.journal import Journal
from retraind.store.sightings import JournalMemory
from retraind.system.clock import Clock, for_people
from retraind.system.escape import display
from retraind.system.probe import Question, ask_each

_MOST_FOLDERS = 2_000
"""Job folders of one model whose names are compared with the journal."""


class ActiveJob(BaseModel):
    """A job in work."""

    id: str
    key: str
    state: State
    attempts: int
    trouble: str | None
    hold: str | None
    stuck: bool
    """True once its trouble has lasted for longer than `notify.patience`, or has brought a hold for failed uploads."""
    retrain_job_id: str | None
    status: str | None


class ModelOverview(BaseModel):
    """One model at this moment."""

    name: str
    drop: str
    hold: str | None
    warning: str | None
    """What is soon to be done about its key."""
    trouble: str | None
    """Why nothing can be taken from its drop folder."""
    jobs: list[ActiveJob]
    published: str | None
    """The job whose result retraind published last."""
    done: int
    failed: int
    waiting: list[str]
    """Keys of deliveries that lack something."""
    sentences: list[str]


class HostOverview(BaseModel):
    """A host that is down. One request in a while is sent there; everything else waits."""

    host: str
    since: datetime
    failures: int
    """In a row."""
    last_error: str
    next_try: datetime
    waiting: int
    """Jobs that wait for it."""
    sentence: str


class Overview(BaseModel):
    """The whole daemon at this moment."""

    process: int | None
    models: list[ModelOverview]
    hosts: list[HostOverview]
    """Those that are down."""


def overview(settings: Settings, journal: Journal) -> Overview:
    """Collect what there is to tell, in the order of the configuration."""
    counts = journal.jobs.counts()
    left_over = sorted(
        name for name in counts.keys() - settings.models.keys() if counts[name].keys() - RESTING
    )
    standings = journal.standings([*settings.models, *left_over])
    active = [job for standing in standings.values() for job in standing.active]
    process = running_instance(settings.state.journal_file)
    hosts = [
        _host(outage, active, settings.api.host, running=process is not None)
        for outage in journal.hosts.all().values()
    ]
    shares = Shares.beside(settings.state.journal_file)
    down = {host.host for host in hosts}
    models = []
    for (name, model), (view, taken) in zip(
        settings.models.items(), _views(settings, shares, journal), strict=True
    ):
        jobs, hold, _, published, warning = standings[name]
        sentences = [f"ON HOLD: {OPERATOR.on(name).tell(hold.problem)}"] if hold else []
        warning = None if hold else warning
        sentences += [f"SOON TO DO: {OPERATOR.on(name).tell(warning)}"] if warning else []
        sentences += [OPERATOR.on(name).tell(view.trouble)] if view.trouble else []
        sentences += _words(jobs, down, {name} if hold else ())
        sentences += [unknown_folder(job_id) for job_id in _unknown(taken, jobs, journal)]
        sentences += _arrived(view, running=process is not None)
        sentences += [f"{display(wait.key) or '(no key)'}: {' '.join(wait.reasons)}" for wait in view.waiting]
        if view.strangers:
            more = len(view.strangers) - 1
            sentences.append(view.strangers[0] + f" And {more} more: see STATUS.txt." * bool(more))
        models.append(
            ModelOverview(
                name=name,
                drop=str(model.drop),
                hold=OPERATOR.on(name).say(hold.problem).what if hold else None,
                warning=OPERATOR.on(name).tell(warning) if warning else None,
                trouble=OPERATOR.on(name).tell(view.trouble) if view.trouble else None,
                jobs=[_active(job) for job in jobs],
                published=published.id if published else None,
                done=counts.get(name, {}).get(State.DONE, 0),
                failed=counts.get(name, {}).get(State.FAILED, 0),
                waiting=[wait.key for wait in view.waiting],
                sentences=sentences,
            )
        )
    models += [_left_over(name, standings[name].active, counts[name]) for name in left_over]
    return Overview(process=process, models=models, hosts=hosts)


def _views(settings: Settings, shares: Shares, journal: Journal) -> list[tuple[View, list[str]]]:
    """Look at every drop folder, with patience; returns with each view the names of the job folders in work there."""

    def question(name: str, model: ModelSettings) -> Question[tuple[View, list[str]]]:
        def look(_place: Path) -> tuple[View, list[str]]:
            if trouble := shares.trouble_of_drop(name, model.drop):
                return View(trouble=trouble), []
            # Whether a file has settled, only the daemon knows, which has watched it. To one look all of them have.
            settled = model.model_copy(update={"settle": timedelta(0)})
            ignore, largest = settings.sweep.ignore, settings.bundle.largest
            memory = JournalMemory(journal.sightings, model.drop, to_look=True)
            folder = DropFolder(settled, ignore, Clock(), None, lambda: None, largest=largest, memory=memory)
            return folder.look(), _in_work(model.work_folder)

        return model.drop, look

    asked = [question(name, model) for name, model in settings.models.items()]
    return [
        (View(trouble=file_problem(found, drop)), []) if isinstance(found, OSError) else found
        for (drop, _), found in zip(asked, ask_each(asked), strict=True)
    ]


def _in_work(folder: Path) -> list[str]:
    """Return the names of job folders; none where they cannot be read by whoever asks."""
    try:
        with os.scandir(folder) as entries:
            found = (
                entry.name
                for entry in entries
                if FOLDER_NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            )
            return sorted(itertools.islice(found, _MOST_FOLDERS))
    except OSError:
        return []


def _unknown(folders: list[str], jobs: list[Job], journal: Journal) -> list[str]:
    """Return the job folders in work of which the journal knows nothing; a screenful at most."""
    known = {job.id for job in jobs}
    unknown = (name for name in folders if name not in known and journal.jobs.get(name) is None)
    return list(itertools.islice(unknown, MOST_LINES))


def _left_over(name: str, jobs: list[Job], counts: Mapping[State, int]) -> ModelOverview:
    """Tell of the jobs of a model that is not in the configuration."""
    return ModelOverview(
        name=name,
        drop="(not in the configuration)",
        hold=None,
        warning=None,
        trouble=None,
        jobs=[_active(job) for job in jobs],
        published=None,
        done=counts.get(State.DONE, 0),
        failed=counts.get(State.FAILED, 0),
        waiting=[],
        sentences=_words(jobs, (), ()),
    )


def _host(outage: Outage, active: list[Job], service: str, *, running: bool) -> HostOverview:
    waiting = [job for job in active if job.waits_for == outage.host]
    # Whoever comes first after the pause is the one that asks.
    first = min((job.wake_at for job in waiting if job.wake_at), default=outage.next_try)
    next_try = max(first, outage.next_try)
    when = for_people(next_try) if running else "once retraind runs"
    return HostOverview(
        host=outage.host,
        since=outage.since,
        failures=outage.failures,
        last_error=outage.reason,
        next_try=next_try,
        waiting=len(waiting),
        sentence=f"{outage_sentence(outage, service)} Next try: {when}. Jobs that wait for it: "
        f"{len(waiting)}.",
    )


def _arrived(view: View, *, running: bool) -> list[str]:
    """Tell of the deliveries that nothing is missing of, and that are not in work yet."""
    when = "as soon as they have settled" if running else "once retraind runs"
    lines = [
        f"{display(delivery.key) or '(no key)'}: its files are there, and are taken in {when}"
        for delivery in view.complete[:MOST_LINES]
    ]
    return some(lines, len(view.complete))


def _words(jobs: list[Job], down: Collection[str], holds: Collection[str]) -> list[str]:
    first = next_in_turn(jobs)
    lines = [_word(job, first, down, holds) for job in in_turn(jobs)[:MOST_LINES]]
    return some(lines, len(jobs))


def _word(job: Job, first: Job | None, down: Collection[str], holds: Collection[str]) -> str:
    voice = OPERATOR.on(job.model, job.id)
    said = said_of(job).rstrip(".")
    text = f"{display(job.key) or job.id} {doing(job, first)}{f';{said}' if said else ''}"
    if job.hold:
        return f"{text}; ON HOLD: {voice.tell(job.hold)}"
    if job.waits_for_hold(holds):
        return f"{text}; it goes on when the hold of {job.model} ends"
    if job.waits_for in down:
        return f"{text}; it waits for {job.waits_for}"
    if not job.trouble:
        return text
    trouble = voice.tell(job.trouble)
    return f"{text}; try {job.attempts}: {trouble}" if job.attempts else f"{text}; {trouble}"


def _active(job: Job) -> ActiveJob:
    voice = OPERATOR.on(job.model, job.id)
    return ActiveJob(
        id=job.id,
        key=job.key,
        state=job.state,
        attempts=job.attempts,
        trouble=voice.tell(job.trouble) if job.trouble else None,
        hold=voice.say(job.hold).what if job.hold else None,
        stuck=job.stuck or job.upload_held,
        retrain_job_id=job.retrain_job_id,
        status=job.status,
    )
