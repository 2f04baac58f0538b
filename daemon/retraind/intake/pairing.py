"""Which files of a drop folder belong together, and whether a delivery is complete. Pure: no file is touched."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from retraind.config.patterns import joining
from retraind.config.settings import ModelSettings
from retraind.domain.job import Role, SealedFile, Signature
from retraind.domain.names import order_of_key
from retraind.domain.problems import Problem, legacy
from retraind.system.clock import span_for_people
from retraind.system.escape import display

SUCCESS_MARKER = "_SUCCESS"
_MOST_NAMES = 3
"""Names in one sentence."""


@dataclass(frozen=True)
class Sighting:
    """A file as the last look saw it."""

    name: str
    """Path below the drop folder."""
    role: Role
    key: str
    """Meaningless for the marker _SUCCESS, which speaks for every delivery in the folder."""
    signature: Signature
    since: float
    """When the file was first seen to be like this: `Clock.elapsed` seconds."""
    doubted: bool = False
    """True when it was taken once and found to be still changing."""
    look: int = 0
    """The number of the look that first saw the file like this. Kept across restarts where markers count."""
    came: int = 0
    """The number of the look that first saw a file of this name, whatever it was like then."""
    changed_ns: int | None = None
    """When the file system last changed the file, by its own clock (ctime); None where that proves nothing."""

    def as_sealed(self) -> SealedFile:
        """Return the file as a job records it."""
        return SealedFile(role=self.role, name=self.name, signature=self.signature)


@dataclass(frozen=True)
class Group:
    """The files with one key."""

    key: str
    train: tuple[Sighting, ...] = ()
    eval: tuple[Sighting, ...] = ()
    markers: tuple[Sighting, ...] = ()
    manifests: tuple[Sighting, ...] = ()

    @property
    def data(self) -> tuple[Sighting, ...]:
        """The training and evaluation files."""
        return self.train + self.eval


@dataclass(frozen=True)
class Delivery:
    """A delivery that is ready to be sealed."""

    key: str
    files: tuple[SealedFile, ...]
    problem: Problem | None = None
    """Set when the delivery is to be filed as failed instead of being worked on."""


@dataclass(frozen=True)
class Waiting:
    """A delivery that is not complete."""

    key: str
    files: tuple[Sighting, ...]
    reasons: tuple[str, ...]
    """What it waits for, each a complete sentence."""
    due: float | None
    """When time alone may make it complete (`Clock.elapsed` seconds)."""
    arriving: bool = False
    """True when nothing is missing but the proof that what is there is whole."""


@dataclass(frozen=True)
class Claims:
    """What a manifest was found to say of a group's files."""

    verified: bool
    reasons: tuple[str, ...] = ()


def group(sightings: Iterable[Sighting]) -> list[Group]:
    """Sort sightings into groups by key, oldest key first; the marker _SUCCESS is in all of them, or alone in one.

    Keys that differ only in the width of their characters are one. The group has the plainest of them.
    """
    found: dict[str, list[Sighting]] = {}
    common: list[Sighting] = []
    for seen in sightings:
        if seen.role is Role.MARKER and seen.name == SUCCESS_MARKER:
            common.append(seen)
        else:
            found.setdefault(joining(seen.key), []).append(seen)
    if common and not found:
        return [Group("", markers=tuple(common))]
    groups = [_group(joint, files, common) for joint, files in found.items()]
    return sorted(groups, key=lambda each: (order_of_key(each.key), each.key))


def _group(joint: str, files: list[Sighting], common: list[Sighting]) -> Group:
    by_role: dict[Role, list[Sighting]] = {role: [] for role in Role}
    for seen in files:
        by_role[seen.role].append(seen)
    return Group(
        min({seen.key for seen in files}, key=lambda key: (key != joint, key)),
        tuple(by_role[Role.TRAIN]),
        tuple(by_role[Role.EVAL]),
        tuple(by_role[Role.MARKER] + common),
        tuple(by_role[Role.MANIFEST]),
    )


def judge(
    each: Group, model: ModelSettings, now: float, claims: Claims | None, largest: int | None = None
) -> Delivery | Waiting:
    """Decide about one group: a delivery to seal, or what it waits for.

    `now` is `Clock.elapsed`; `claims` is what the manifest says, where `ready = manifest`; `largest` is the most bytes
    that a file may have.
    """
    if not each.data:
        return _without_data(each, model, now, claims)
    incomplete, unclear = _gaps(each, model)
    unclear += [
        f"{display(seen.name)} {flaw}"
        for seen in each.data
        if (flaw := too_large(seen.signature.size, largest))
    ]
    arriving, due = _arrival(each, model, now, claims)
    if not incomplete and not unclear and not arriving:
        return Delivery(each.key, _sealed(each, each.data))
    reasons = [*unclear, *incomplete, *arriving]
    if incomplete and not unclear:
        deadline = max(seen.since for seen in each.data) + model.pair_timeout.total_seconds()
        if now < deadline:
            due = deadline if due is None else min(due, deadline)
        elif due is None:
            late = _overdue(each, model, incomplete, arriving)
            if isinstance(late, Delivery):
                return late
            reasons.append(late)
    return Waiting(each.key, each.data, tuple(reasons), due, arriving=not incomplete and not unclear)


def _without_data(each: Group, model: ModelSettings, now: float, claims: Claims | None) -> Waiting:
    """Say of a marker or a manifest what it waits for: files that have not arrived, or that have another key."""
    own = tuple(seen for seen in each.markers + each.manifests if seen.name != SUCCESS_MARKER) or each.markers
    patterns = [model.train] if model.mode == "train-only" else [model.train, model.eval]
    examples = " and ".join(_example(pattern, each) for pattern in patterns)
    reasons = (claims.reasons if claims else ()) or tuple(
        f"Nothing is there that {display(seen.name)} could be for. Is its name right? It goes with "
        f"{'any files' if seen.name == SUCCESS_MARKER else f'names like {examples}'}"
        f"{', and is to be written after them' * (seen.role is Role.MARKER)}."
        for seen in own
    )
    deadline = max(seen.since for seen in own) + model.pair_timeout.total_seconds()
    if now < deadline:
        return Waiting(each.key, own, reasons, deadline)
    return Waiting(each.key, own, (*reasons, _goes_on_waiting(model)), None)


def _sealed(each: Group, data: tuple[Sighting, ...]) -> tuple[SealedFile, ...]:
    extras = (seen for seen in each.markers + each.manifests if seen.name != SUCCESS_MARKER)
    return tuple(seen.as_sealed() for seen in (*data, *extras))


def too_large(size: int, largest: int | None) -> str | None:
    """Say, as the rest of a sentence, that a file has more bytes than are taken; None when it has not."""
    if largest is None or size <= largest:
        return None
    return f"has {size:,} bytes; no more than {largest:,} are taken (bundle.largest in the configuration)."


def _gaps(each: Group, model: ModelSettings) -> tuple[list[str], list[str]]:
    """Return what is missing or empty, and what only a person can clear up."""
    wanted = {"training": (each.train, model.train)}
    if model.mode == "pair":
        wanted["evaluation"] = (each.eval, model.eval)
    incomplete, unclear = [], []
    for word, (files, pattern) in wanted.items():
        if not files:
            example = _example(pattern, each)
            incomplete.append(f"The {word} file has not arrived (expected is a name like {example}).")
        elif len(files) > 1:
            unclear.append(
                f"{_listed(files)} claim to be the {word} file. Please remove or rename all but one."
            )
        elif files[0].signature.size == 0:
            incomplete.append(f"{display(files[0].name)} is empty so far.")
    return incomplete, unclear


def _listed(files: Sequence[Sighting]) -> str:
    names = [display(seen.name) for seen in files]
    if len(names) == 2:  # noqa: PLR2004
        return f"Both {names[0]} and {names[1]}"
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more all" if len(names) > _MOST_NAMES else f"{shown} all"


def _example(pattern: str, each: Group) -> str:
    """Return a name that would go with what is there."""
    key = display(each.key)
    before = pattern.partition("*{key}")[0]
    name = pattern.replace("*{key}", f"_{key}" if key and before[-1:].isalnum() else key)
    name = name.replace("{key}", key).replace("*", "")
    if name.lower().endswith((".csv", ".tsv")):
        return name
    return name + (".tsv" if any(seen.name.lower().endswith(".tsv") for seen in each.data) else ".csv")


def _arrival(
    each: Group, model: ModelSettings, now: float, claims: Claims | None
) -> tuple[list[str], float | None]:
    """Return why files that are there do not count as arrived whole, and when time alone may change that."""
    match model.ready:
        case "settle":
            return _settling(each.data, model, now, "is still arriving")
        case "marker":
            return _marked(each, model, now)
        case "manifest":
            if not each.manifests:
                return [f"The manifest {display(manifest_name(each.key))} has not arrived."], None
            if claims is None or not claims.verified:
                return list(
                    claims.reasons if claims else ("The files are being compared with the manifest.",)
                ), None
            doubted = [seen for seen in each.data if seen.doubted]
            return _settling(doubted, model, now, "was still changing when it was taken")
        case _:
            assert_never(model.ready)


def _marked(each: Group, model: ModelSettings, now: float) -> tuple[list[str], float | None]:
    """Return why the files do not count as vouched for by a marker, and when time alone may change that."""
    if not each.markers:
        own = f"{display(each.key)}.done or " if each.key else ""
        return [f"The marker file {own}{SUCCESS_MARKER} has not arrived."], None
    # A marker vouches for what was there when it came; one that was left behind knows nothing of the rest.
    marker = max(each.markers, key=lambda seen: (seen.look, seen.changed_ns or 0))
    strange = [seen for seen in each.data if seen.came > marker.look]
    if strange:
        return [
            f"{display(seen.name)} came after the marker. Please write the marker again when all is there."
            for seen in strange
        ], None
    # Network shares may tell late of a change that was made before the marker came.
    late = [seen for seen in each.data if seen.doubted or seen.look > marker.look]
    reasons, due = _settling(late, model, now, "changed after its marker had come")
    unproved = [seen for seen in each.data if seen not in late and not _is_older(seen, marker)]
    more, later = _settling(unproved, model, now, "may be newer than its marker")
    return reasons + more, max((moment for moment in (due, later) if moment is not None), default=None)


def _is_older(seen: Sighting, marker: Sighting) -> bool:
    """Tell whether a file is known to have been like this before its marker came.

    An earlier look saw it so. Where both came into view together, the file system's times tell, if both have one: they
    are of the same clock. Equal ones prove nothing, since some file systems tell times as coarsely as two seconds.
    """
    if seen.look < marker.look:
        return True
    return (
        seen.changed_ns is not None and marker.changed_ns is not None and seen.changed_ns < marker.changed_ns
    )


def _settling(
    files: Iterable[Sighting], model: ModelSettings, now: float, what: str
) -> tuple[list[str], float | None]:
    """Return which of `files` have not stayed the same for long enough, and when they will have."""
    settle = model.settle.total_seconds()
    young = [seen for seen in files if now < seen.since + settle]
    span = span_for_people(model.settle)
    return [f"{display(seen.name)} {what} (it has to stay unchanged for {span})." for seen in young], max(
        (seen.since + settle for seen in young), default=None
    )


def _overdue(each: Group, model: ModelSettings, incomplete: list[str], arriving: list[str]) -> Delivery | str:
    """Apply `on_pair_timeout` to a delivery that stayed incomplete for `pair_timeout`."""
    waited = span_for_people(model.pair_timeout)
    match model.on_pair_timeout:
        case "wait":
            return _goes_on_waiting(model)
        case "fail":
            problem = legacy(
                f"The delivery stayed incomplete for {waited}. {' '.join(incomplete + arriving)}",
                "Deliver both files again, complete."
                if model.mode == "pair"
                else "Deliver the file again, complete.",
            )
            return Delivery(each.key, _sealed(each, each.data), problem)
        case "train-only":
            late = f"This has been so for more than {waited};"
            if not each.train or not each.train[0].signature.size:
                return f"{late} without training data there is nothing to train."
            if arriving:
                return f"{late} without proof that the training file is whole it is not used alone."
            return Delivery(each.key, _sealed(each, each.train))
        case _:
            assert_never(model.on_pair_timeout)


def _goes_on_waiting(model: ModelSettings) -> str:
    return f"This has been so for more than {span_for_people(model.pair_timeout)}; retraind goes on waiting."


def manifest_name(key: str) -> str:
    """Return the name that the manifest of the delivery `key` has."""
    return f"{key}.manifest.json" if key else "manifest.json"


def shared_marker(sightings: Iterable[Sighting], waiting: Mapping[str, Waiting]) -> Sighting | None:
    """Return the marker _SUCCESS unless a delivery that it vouches for has yet to settle.

    It leaves with the deliveries it vouched for. Left behind, it would vouch for files that arrive later and are
    not whole yet; so half a delivery does not keep it, and needs a new marker when its other half has come.
    """
    if any(wait.arriving and wait.due is not None for wait in waiting.values()):
        return None
    return next((seen for seen in sightings if seen.name == SUCCESS_MARKER), None)
