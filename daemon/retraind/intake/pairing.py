"""Which files of a drop folder belong together, and whether a delivery is complete. Pure: no file is touched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import assert_never

from retraind.clock import span_for_people
from retraind.job import Problem, Role, SealedFile, Signature, order_of_key
from retraind.patterns import display
from retraind.settings import ModelSettings

SUCCESS_MARKER = "_SUCCESS"


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
    """Sort sightings into groups by key, oldest key first."""
    groups: dict[str, Group] = {}
    common: list[Sighting] = []
    for seen in sightings:
        if seen.role is Role.MARKER and seen.name == SUCCESS_MARKER:
            common.append(seen)
            continue
        known = groups.get(seen.key) or Group(seen.key)
        match seen.role:
            case Role.TRAIN:
                known = replace(known, train=(*known.train, seen))
            case Role.EVAL:
                known = replace(known, eval=(*known.eval, seen))
            case Role.MARKER:
                known = replace(known, markers=(*known.markers, seen))
            case Role.MANIFEST:
                known = replace(known, manifests=(*known.manifests, seen))
            case _:
                assert_never(seen.role)
        groups[seen.key] = known
    ordered = sorted(groups.values(), key=lambda each: order_of_key(each.key))
    return [replace(each, markers=each.markers + tuple(common)) for each in ordered]


def judge(each: Group, model: ModelSettings, now: float, claims: Claims | None) -> Delivery | Waiting | None:
    """Decide about one group: a delivery to seal, or what it waits for; None for a lone marker or manifest.

    `now` is `Clock.elapsed`; `claims` is what the manifest says, where `ready = manifest`.
    """
    if not each.data:
        return None
    incomplete, unclear = _gaps(each, model)
    arriving, due = _arrival(each, model, now, claims)
    if not incomplete and not unclear and not arriving:
        return Delivery(each.key, _sealed(each, each.data))
    reasons = [*unclear, *incomplete, *arriving]
    if incomplete and not unclear and not arriving:
        deadline = max(seen.since for seen in each.data) + model.pair_timeout.total_seconds()
        if now < deadline:
            due = deadline if due is None else min(due, deadline)
        else:
            late = _overdue(each, model, incomplete)
            if isinstance(late, Delivery):
                return late
            reasons.append(late)
    return Waiting(each.key, each.data, tuple(reasons), due, arriving=not incomplete and not unclear)


def _sealed(each: Group, data: tuple[Sighting, ...]) -> tuple[SealedFile, ...]:
    extras = (seen for seen in each.markers + each.manifests if seen.name != SUCCESS_MARKER)
    return tuple(seen.as_sealed() for seen in (*data, *extras))


def _gaps(each: Group, model: ModelSettings) -> tuple[list[str], list[str]]:
    """Return what is missing or empty, and what only a person can clear up."""
    wanted = {"training": (each.train, model.train)}
    if model.mode == "pair":
        wanted["evaluation"] = (each.eval, model.eval)
    incomplete, unclear = [], []
    for word, (files, pattern) in wanted.items():
        names = " and ".join(display(seen.name) for seen in files)
        if not files:
            example = pattern.replace("*{key}*", f"_{each.key}" if each.key else "")
            example = example.replace("{key}", each.key).replace("*", "…")
            ending = "" if example.endswith((".csv", ".tsv")) else ".csv"
            incomplete.append(f"The {word} file has not arrived (expected is a name like {example}{ending}).")
        elif len(files) > 1:
            unclear.append(f"{names} all claim to be the {word} file. Please remove or rename all but one.")
        elif files[0].signature.size == 0:
            incomplete.append(f"{names} is empty so far.")
    return incomplete, unclear


def _arrival(
    each: Group, model: ModelSettings, now: float, claims: Claims | None
) -> tuple[list[str], float | None]:
    """Return why files that are there do not count as arrived whole, and when time alone may change that."""
    match model.ready:
        case "settle":
            settle = model.settle.total_seconds()
            young = [seen for seen in each.data if now < seen.since + settle]
            if not young:
                return [], None
            span = span_for_people(model.settle)
            reasons = [
                f"{display(seen.name)} is still arriving (it has to stay unchanged for {span})."
                for seen in young
            ]
            return reasons, max(seen.since for seen in young) + settle
        case "marker":
            if each.markers:
                return [], None
            own = f"{each.key}.done or " if each.key else ""
            return [f"The marker file {own}{SUCCESS_MARKER} has not arrived."], None
        case "manifest":
            if not each.manifests:
                return [f"The manifest {manifest_name(each.key)} has not arrived."], None
            if claims is None or not claims.verified:
                return list(
                    claims.reasons if claims else ("The files are being compared with the manifest.",)
                ), None
            return [], None
        case _:
            assert_never(model.ready)


def _overdue(each: Group, model: ModelSettings, incomplete: list[str]) -> Delivery | str:
    """Apply `on_pair_timeout` to a delivery that stayed incomplete for `pair_timeout`."""
    waited = span_for_people(model.pair_timeout)
    match model.on_pair_timeout:
        case "wait":
            return f"This has been so for more than {waited}; retraind goes on waiting."
        case "fail":
            problem = Problem(
                what=f"The delivery stayed incomplete for {waited}. {' '.join(incomplete)}",
                remedy="Deliver both files again, complete.",
            )
            return Delivery(each.key, _sealed(each, each.data), problem)
        case "train-only":
            if model.mode == "pair" and each.train and each.train[0].signature.size:
                return Delivery(each.key, _sealed(each, each.train))
            return (
                f"This has been so for more than {waited}; without training data there is nothing to train."
            )
        case _:
            assert_never(model.on_pair_timeout)


def manifest_name(key: str) -> str:
    """Return the name that the manifest of the delivery `key` has."""
    return f"{key}.manifest.json" if key else "manifest.json"


def shared_marker(sightings: Iterable[Sighting], waiting: Mapping[str, Waiting]) -> Sighting | None:
    """Return the marker _SUCCESS when no delivery needs it any more, so that it leaves with the last of them.

    Left behind, it would vouch for files that arrive later and are not whole yet.
    """
    if waiting:
        return None
    return next((seen for seen in sightings if seen.name == SUCCESS_MARKER), None)
