"""Halves of deliveries whose keys differ only slightly, and names or patterns that would join them. Pure.

Programs put a time of their own into each file's name, or write an extension twice.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from retraind.config.mistakes import Mistake
from retraind.config.patterns import Pattern, can_both_match
from retraind.config.settings import ModelSettings
from retraind.domain.job import DATA_ROLES, Role
from retraind.domain.problems import Problem, problem
from retraind.intake.pairing import Group, Sighting, Waiting, example_of, patterns_of

_MOST_HALVES = 200
"""Of one role; among more of them, what belongs together is a guess."""
_SEPARATORS = "_-. T"
_OWN_PART = re.compile(r"(?=(?:\D*\d){4})[0-9a-z]+(?:[-_.:][0-9a-z]+)*", re.IGNORECASE)
"""What may differ between files that belong together: a time or a number of a run."""
_DOUBLED = re.compile(r"(?:\.csv|\.tsv)+$", re.IGNORECASE)


class _Way(NamedTuple):
    """Patterns in which something follows the key that files need not have in common."""

    train: str
    evaluation: str


class _Half(NamedTuple):
    """The only file of a delivery whose other file has not arrived; read once, and compared with many."""

    seen: Sighting
    plain: str
    """Its key without extensions."""
    keys: tuple[str | None, ...]
    """Its key by each way; None where that is of no use."""


def with_hints(waiting: Sequence[Waiting], model: ModelSettings) -> list[Waiting]:
    """Return the deliveries that wait; each half says which other one it may belong to."""
    if not {seen.role for wait in waiting for seen in wait.files}.issuperset(DATA_ROLES):
        return list(waiting)  # As most often, when all wait for the same; the rest takes longer.
    files = [_half(wait) for wait in waiting]
    counts = Counter(seen.role for seen in files if seen is not None)
    if not all(0 < counts[role] <= _MOST_HALVES for role in DATA_ROLES):
        return list(waiting)
    ways = tuple(_ways(model))
    patterns = [{Role.TRAIN: Pattern(way.train), Role.EVAL: Pattern(way.evaluation)} for way in ways]
    halves = [None if seen is None else _read(seen, patterns) for seen in files]
    hints = [half and _best_hint(half, halves, ways, model) for half in halves]
    return [
        wait._replace(reasons=(*wait.reasons, hint)) if hint else wait
        for wait, hint in zip(waiting, hints, strict=True)
    ]


def _half(wait: Waiting) -> Sighting | None:
    """Return the only file of a delivery whose other file has not arrived."""
    if len(wait.files) != 1 or all(reason.code != "file_not_arrived" for reason in wait.reasons):
        return None
    return wait.files[0]


def _read(seen: Sighting, patterns: Sequence[Mapping[Role, Pattern]]) -> _Half:
    name = seen.name.rpartition("/")[2]
    keys = (pattern[seen.role].key_of(name) for pattern in patterns)
    return _Half(
        seen, _DOUBLED.sub("", seen.key), tuple(key if key and _is_own(seen, key) else None for key in keys)
    )


def _best_hint(
    half: _Half, halves: Sequence[_Half | None], ways: Sequence[_Way], model: ModelSettings
) -> Problem | None:
    """Return what would join a half and the one most like it that it may belong to; None if there is none."""
    fits = [
        (other.seen, way)
        for other in halves
        if other
        and other.seen.role is not half.seen.role
        and ((way := _way(half, other, ways)) or half.plain == other.plain)
    ]
    if not fits:
        return None
    seen = half.seen
    other, way = min(fits, key=lambda each: (-_alike(seen.key, each[0].key), each[0].name))
    if way is None or half.plain == _DOUBLED.sub("", other.key):
        return _of_doubled(seen, other, model)
    renamed = example_of(patterns_of(model)[other.role], Group(seen.key, (seen,)))
    return _problem(seen, other, renamed, way.train, way.evaluation)


def _way(half: _Half, other: _Half, ways: Sequence[_Way]) -> _Way | None:
    """Return the first way in which two halves have the same key."""
    keys = zip(ways, half.keys, other.keys, strict=True)
    return next((way for way, mine, its in keys if mine and mine == its), None)


def _alike(one: str, other: str) -> int:
    """Return with how many characters two keys begin alike."""
    alike, most = 0, min(len(one), len(other))
    while alike < most:
        middle = (alike + most + 1) // 2
        if one[:middle] == other[:middle]:
            alike = middle
        else:
            most = middle - 1
    return alike


def _of_doubled(seen: Sighting, other: Sighting, model: ModelSettings) -> Problem | None:
    """Return how to join two halves of which one has its extension twice."""
    doubled, plain = (seen, other) if len(seen.key) > len(other.key) else (other, seen)
    pattern = patterns_of(model)[doubled.role].rstrip("*")
    ending = doubled.key[len(plain.key) :] + doubled.name[-4:].lower()
    fits = f"{pattern}{ending}"
    settings = {doubled.role: fits if _key(fits, doubled) == plain.key else None}
    renamed = doubled.name[: -len(ending)] + doubled.name[-4:] if doubled is other else None
    return _problem(seen, other, renamed, settings.get(Role.TRAIN), settings.get(Role.EVAL))


def _problem(
    seen: Sighting, other: Sighting, renamed: str | None, train: str | None, evaluation: str | None
) -> Problem:
    return problem(
        "other_key_there",
        file=other.name, key=seen.key, other_key=other.key,
        renamed=renamed, train=train, evaluation=evaluation,
    )  # fmt: skip


def _ways(model: ModelSettings) -> Iterator[_Way]:
    """Yield patterns like the model's in which something follows the key that files need not have in common.

    Those come first whose keys are the longest, as far as that is known: by their separator.
    """
    for separator in _SEPARATORS:
        train, evaluation = (_with_own_part(each, separator) for each in (model.train, model.eval))
        try:
            apart = not can_both_match(Pattern(train), Pattern(evaluation))
        except Mistake:
            continue
        if apart:
            yield _Way(train, evaluation)


def _with_own_part(pattern: str, separator: str) -> str:
    part = f"{{key}}{separator}*"
    return pattern.replace("{key}*", part) if "{key}*" in pattern else pattern.replace("{key}", part)


def _key(pattern: str, seen: Sighting) -> str | None:
    return Pattern(pattern).key_of(seen.name.rpartition("/")[2])


def _is_own(seen: Sighting, key: str) -> bool:
    """Return whether what follows the shorter `key` in a file's own may be of that file alone."""
    return _OWN_PART.fullmatch(seen.key.removeprefix(key)[1:]) is not None
