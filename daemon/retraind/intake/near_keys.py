"""Halves of deliveries that lack each other only because their keys differ, and what would join them. Pure.

Programs put a time of their own into each file's name, or an extension twice.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from retraind.config.mistakes import Mistake
from retraind.config.patterns import Pattern, can_both_match
from retraind.config.settings import ModelSettings
from retraind.domain.job import Role
from retraind.domain.problems import Problem, problem
from retraind.intake.pairing import Group, Sighting, Waiting, example_of, patterns_of

_MOST_HALVES = 200
"""Of one role; among more of them, what belongs together is a guess."""
_SEPARATORS = "_-. T"
_OWN_PART = re.compile(r"(?=(?:\D*\d){4})[0-9a-z]+(?:[-_.:][0-9a-z]+)*", re.IGNORECASE)
"""What may differ between files that belong together: a time or a number of a run."""
_DOUBLED = re.compile(r"(?:\.csv|\.tsv)+$", re.IGNORECASE)


def with_hints(waiting: Sequence[Waiting], model: ModelSettings) -> list[Waiting]:
    """Return the deliveries that wait; each half says which other one it may belong to."""
    halves: dict[Role, list[Sighting]] = {Role.TRAIN: [], Role.EVAL: []}
    for wait in waiting:
        if (seen := _half(wait)) is not None:
            halves[seen.role].append(seen)
    if not all(0 < len(each) <= _MOST_HALVES for each in halves.values()):
        return list(waiting)
    return [_with_hint(wait, halves, model) for wait in waiting]


def _half(wait: Waiting) -> Sighting | None:
    """Return the only file of a delivery whose other file has not arrived."""
    lacks = any(reason.code == "file_not_arrived" for reason in wait.reasons)
    return wait.files[0] if lacks and len(wait.files) == 1 else None


def _with_hint(wait: Waiting, halves: dict[Role, list[Sighting]], model: ModelSettings) -> Waiting:
    seen = _half(wait)
    if seen is None:
        return wait
    others = halves[Role.EVAL if seen.role is Role.TRAIN else Role.TRAIN]
    by_likeness = sorted(others, key=lambda other: (-_alike(seen.key, other.key), other.name))
    hint = next((hint for other in by_likeness if (hint := _hint(seen, other, model))), None)
    return wait if hint is None else wait._replace(reasons=(*wait.reasons, hint))


def _alike(one: str, other: str) -> int:
    """Return with how many characters two keys begin alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _hint(seen: Sighting, other: Sighting, model: ModelSettings) -> Problem | None:
    """Return what would join two halves; None if nothing suggests that they belong together."""
    if _DOUBLED.sub("", seen.key) == _DOUBLED.sub("", other.key):
        return _of_doubled(seen, other, model)
    patterns = patterns_of(model)
    for train, evaluation in _patterns_with_own_parts(model):
        mine, its = (train, evaluation) if seen.role is Role.TRAIN else (evaluation, train)
        key = _key(mine, seen)
        if key and key == _key(its, other) and _is_own(seen, key) and _is_own(other, key):
            renamed = example_of(patterns[other.role], Group(seen.key, (seen,)))
            return _problem(seen, other, renamed, train, evaluation)
    return None


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


def _patterns_with_own_parts(model: ModelSettings) -> Iterator[tuple[str, str]]:
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
            yield train, evaluation


def _with_own_part(pattern: str, separator: str) -> str:
    part = f"{{key}}{separator}*"
    return pattern.replace("{key}*", part) if "{key}*" in pattern else pattern.replace("{key}", part)


def _key(pattern: str, seen: Sighting) -> str | None:
    return Pattern(pattern).key_of(seen.name.rpartition("/")[2])


def _is_own(seen: Sighting, key: str) -> bool:
    """Return whether what follows the shorter `key` in a file's own may be of that file alone."""
    return _OWN_PART.fullmatch(seen.key.removeprefix(key)[1:]) is not None
