"""The list of models, and one model."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from retraind.domain.job import State
from retraind.domain.turns import in_turn
from retraind.page.charts import charts
from retraind.page.job_rows import OF_A_MODEL, OF_ALL_MODELS, bars, entry, job_rows
from retraind.page.look import Look
from retraind.page.reading import Reader, Snapshot
from retraind.page.standing import Judged, in_words, judge, judged
from retraind.report.standing import host_line, job_lines
from retraind.report.wording import Health, Voice
from retraind.store.journal import Journal
from retraind.store.views.runs import last_runs
from retraind.store.views.search import Wanted, search
from retraind.system.escape import display_name

MODELS_ON_A_PAGE = 50
JOBS_ON_A_PAGE = 25
_EVENTS = 20
_RUNS = 40
"""Of one model, that its charts show."""
_LONGEST_TEXT = 100

KINDS: Mapping[str, Callable[[Health], bool]] = MappingProxyType(
    {
        "all": lambda _: True,
        "attention": lambda health: health.needs_somebody,
        "work": lambda health: health in {Health.TRAINING, Health.WORKING},
        "waiting": lambda health: health in {Health.WAITING, Health.NEW},
    }
)
"""What can be chosen of the list."""


class Kind(NamedTuple):
    """A choice."""

    name: str
    label: str
    link: str
    is_current: bool
    matching: int | None = None


class Frame(NamedTuple):
    """What every page shows of the daemon."""

    good: bool
    label: str
    headline: str
    """The same as a sentence, before what it means."""
    explained: str
    swept: str
    seen: str
    live: str
    """The address of what tells of changes."""
    at: str


def frame(snapshot: Snapshot, look: Look) -> Frame:
    """Return what every page shows."""
    voice, state, condition = look.voice, snapshot.state, snapshot.condition
    stopped = state.stopped_at if state else None
    swept = state.last_sweep_at if state and condition.is_good else None
    return Frame(
        condition.is_good,
        voice.label("page_condition", condition=condition),
        voice.label("page_condition_headline", condition=condition),
        voice.label("page_condition_explained", condition=condition, stopped=stopped),
        voice.label("page_swept", lasted=max(snapshot.at - swept, snapshot.at - snapshot.at))
        if swept
        else "",
        snapshot.seen,
        look.link("live"),
        voice.label("page_as_of", at=snapshot.at),
    )


def models_page(reader: Reader, request: Request, look: Look) -> Response:
    """Return the list of models."""
    snapshot, journal = reader.snapshot(), reader.journal()
    text = request.query_params.get("q", "").strip()[:_LONGEST_TEXT]
    kind = request.query_params.get("show", "all")
    kind = kind if kind in KINDS else "all"
    matching = [each for each in judged(snapshot) if text.casefold() in each.glance.name]
    chosen = [each for each in matching if KINDS[kind](each.health)]
    pages = max(1, -(-len(chosen) // MODELS_ON_A_PAGE))
    number = min(max(1, _number(request.query_params.get("page", ""))), pages)
    first = (number - 1) * MODELS_ON_A_PAGE
    shown = [in_words(each, snapshot.at, look.voice) for each in chosen[first : first + MODELS_ON_A_PAGE]]

    def turn(to: int) -> str:
        return look.link(q=text, show=kind if kind != "all" else "", page=to if to > 1 else "")

    return look.page(
        "models.html",
        bars=bars(snapshot.steps, look.voice),
        frame=frame(snapshot, look),
        kinds=_kinds(matching, kind, text, look),
        models=shown,
        text=display_name(text),
        searched=text,
        outages=_outages(journal, snapshot, look.voice),
        entries=[
            entry(event, look.voice, is_operator=look.is_operator)
            for event in journal.events.of_model(None, OF_ALL_MODELS, _EVENTS)
        ],
        range=look.voice.label("page_range", first=first + 1, last=first + len(shown), total=len(chosen)),
        paged=pages > 1,
        before=turn(number - 1) if number > 1 else "",
        after=turn(number + 1) if number < pages else "",
        kind=kind,
    )


def _outages(journal: Journal, snapshot: Snapshot, voice: Voice) -> list[str]:
    """Return a line for each host that is down."""
    asked = journal.hosts.last_asked(snapshot.outages)
    return [
        host_line(outage, snapshot.settings.api.host, asked.get(host), voice)
        for host, outage in snapshot.outages.items()
    ]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 1  # noqa: PLR2004


def _kinds(models: Sequence[Judged], current: str, text: str, look: Look) -> list[Kind]:
    return [
        Kind(
            name,
            look.voice.label("page_kind", kind=name),
            look.link(q=text, show=name if name != "all" else ""),
            name == current,
            sum(map(belongs, (each.health for each in models))),
        )
        for name, belongs in KINDS.items()
    ]


def model_page(reader: Reader, request: Request, look: Look) -> Response | None:
    """Return one model; None where there is none of this name."""
    name = request.path_params["model"]
    snapshot, journal = reader.snapshot(), reader.journal()
    before = request.query_params.get("before")
    found = search(journal, Wanted(model=name, before=before), JOBS_ON_A_PAGE)
    glance = snapshot.glances.get(name)
    if glance is None and not found.jobs:
        return None
    voice = look.voice.on(name)
    trouble = snapshot.unreachable.get(name)
    shown = in_words(judge(glance, snapshot, trouble), snapshot.at, look.voice) if glance else None
    parts = _now(journal, snapshot, name, voice)
    model = snapshot.settings.models.get(name)
    held = {each.name for each in snapshot.glances.values() if each.hold}
    steps = bars(snapshot.steps, look.voice)
    return look.page(
        "model.html",
        bars=steps,
        frame=frame(snapshot, look),
        name=name,
        standing=shown,
        drop=voice.label("page_drop_folder", path=model.drop) if model and look.is_operator else "",
        charts=charts(last_runs(journal, name, _RUNS), voice),
        jobs=job_rows(found.jobs, held, steps, look),
        older=look.link("models", name, before=found.more) if found.more else "",
        newest=look.link("models", name) if before else "",
        entries=[
            entry(event, voice, is_operator=look.is_operator)
            for event in journal.events.of_model(name, OF_A_MODEL, _EVENTS)
        ],
        **parts,
    )


def _now(journal: Journal, snapshot: Snapshot, name: str, voice: Voice) -> dict[str, Any]:
    """Return what a model does now: its jobs in work, what is to be done, what is published."""
    told = journal.standings([name])[name]
    running = snapshot.condition.is_good
    lines = job_lines(
        told.active,
        voice,
        snapshot.settings.api.host,
        down=snapshot.outages,
        held={name} if told.hold else (),
        running=running,
        steps=snapshot.steps,
    )
    warning = voice.label("page_key_warning", why=told.warning) if told.warning and not told.hold else ""
    why = told.hold.problem if told.hold else snapshot.unreachable.get(name) or told.late
    published = told.published
    at = published.publication.at if published and published.publication else None
    return {
        "active": list(zip((job.id for job in in_turn(told.active)), lines, strict=False)),
        "more_active": lines[len(told.active) :],
        "remedy": voice.say(why).remedy if why else "",
        "warning": warning,
        "published": published
        and voice.label("page_published_job", key=published.key or published.id, at=at),
        "published_id": published and published.id,
        "counted": _counted(journal, name, voice),
    }


def _counted(journal: Journal, name: str, voice: Voice) -> str:
    counts = journal.jobs.counts_of(name)
    return voice.label("page_counted", done=counts.get(State.DONE, 0), failed=counts.get(State.FAILED, 0))
