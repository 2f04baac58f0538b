"""The geometry of charts: numbers go in, places in a drawing come out. The markup is in the templates."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from retraind.report.wording import Voice
from retraind.store.views.runs import Run
from retraind.system.escape import display_name

WIDTH, HEIGHT = 320, 96
_LEFT, _RIGHT, _TOP, _BOTTOM = 6.0, 6.0, 10.0, 8.0
"""Room around the line, for whole points at its ends."""


_MOST_SCORES = 9


class Point(NamedTuple):
    """One run."""

    x: float
    y: float
    failed: bool
    told: str


class Chart(NamedTuple):
    """One measure over a model's last runs."""

    name: str
    title: str
    hint: str
    told: str
    """All of it in a sentence."""
    last: str
    least: str
    most: str
    line: str
    """Corners of a polyline."""
    area: str
    """Corners of the polygon below it."""
    points: tuple[Point, ...]
    width: int = WIDTH
    height: int = HEIGHT


class Measured(NamedTuple):
    """A run, and what was measured of it."""

    run: Run
    value: float


def chart(
    name: str,
    measured: Sequence[Measured],
    show: Callable[[float], str],
    voice: Voice,
    *,
    title: str,
    hint: str,
) -> Chart | None:
    """Return a chart; None where there was no run. One run is a point in the middle."""
    if not measured:
        return None
    values = [each.value for each in measured]
    least, most = min(values), max(values)
    # Values that differ little look as steady as they are.
    floor = 0.0 if least >= 0 and least < most / 2 else least - (most - least or abs(most) or 1.0) * 0.5
    height = (most - floor) or 1.0
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(values) - 1)
    left = _LEFT if len(values) > 1 else WIDTH / 2
    room = HEIGHT - _TOP - _BOTTOM

    def place(number: int, each: Measured) -> Point:
        y = _TOP + room * (1 - (each.value - floor) / height)
        run = each.run
        told = voice.label(
            "page_point", key=run.key or run.id, at=run.began, value=show(each.value), failed=run.failed
        )
        return Point(round(left + step * number, 1), round(y, 1), run.failed, told)

    points = tuple(place(number, each) for number, each in enumerate(measured))
    line = " ".join(f"{point.x},{point.y}" for point in points)
    base = HEIGHT - _BOTTOM / 2
    told = voice.label(
        "page_chart_told",
        name=title,
        runs=len(values),
        last=show(values[-1]),
        least=show(least),
        most=show(most),
    )
    area = f"{points[0].x},{base} {line} {points[-1].x},{base}"
    return Chart(name, title, hint, told, show(values[-1]), show(least), show(most), line, area, points)


def charts(runs: Sequence[Run], voice: Voice) -> list[Chart]:
    """Return the charts of a model's last runs, oldest first: duration, rows, size, the model's figures."""
    durations = [Measured(run, (run.ended - run.began).total_seconds()) for run in runs if not run.failed]
    rows = [Measured(run, run.rows) for run in runs if run.rows is not None]
    sizes = [Measured(run, run.bytes) for run in runs if run.bytes]

    def made(name: str, measured: Sequence[Measured], show: Callable[[float], str]) -> Chart | None:
        title, hint = voice.label("page_chart", name=name), voice.label("page_chart_hint", name=name)
        return chart(name, measured, show, voice, title=title, hint=hint)

    found = (
        made("duration", durations, lambda value: voice.label("page_duration", lasted=value)),
        made("rows", rows, lambda value: voice.label("page_number", number=int(value))),
        made("size", sizes, lambda value: voice.label("page_size", bytes=int(value))),
        *_of_scores(runs, voice),
    )
    return [each for each in found if each is not None]


def _of_scores(runs: Sequence[Run], voice: Voice) -> Iterator[Chart | None]:
    """Yield a chart of each figure that the last runs have, under the service's own names."""
    names = dict.fromkeys(name for run in reversed(runs) for name in run.scores)
    for name in islice(names, _MOST_SCORES):
        measured = [Measured(run, run.scores[name]) for run in runs if name in run.scores]
        title = display_name(name)
        yield chart(
            name, measured, lambda value: voice.label("page_score", value=value), voice, title=title,
            hint=voice.label("page_score_hint"),
        )  # fmt: skip
