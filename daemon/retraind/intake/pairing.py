"""Which files of a drop folder belong together, and whether a delivery is complete. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, assert_never

from retraind.config.patterns import canonical, joining
from retraind.config.settings import ModelSettings
from retraind.domain.job import DATA_ROLES, Role, SealedFile, Signature
from retraind.domain.names import order_of_key
from retraind.domain.problems import Problem, problem
from retraind.intake.names.piece_names import piece_in
from retraind.intake.names.proof_names import MANIFEST_ENDING, MARKER_ENDING, SHARED_SUMS, SUCCESS_MARKER

_PIECES_PATIENCE = 10
"""Times the settling time for which a file that is named like a first piece is not taken for a whole."""
_MOST_NAMES = 3
"""That are kept of files in each other's way."""


class Sighting(NamedTuple):
    """A file as the last scan saw it."""

    name: str
    """Path below the drop folder."""
    role: Role
    key: str
    """Meaningless for the marker _SUCCESS, which speaks for every delivery in the folder."""
    signature: Signature
    since: float
    """When the file was first seen to be like this: `Clock.elapsed` seconds."""
    doubted: bool = False
    """True when it was taken in once and found to be still changing."""
    look: int = 0
    """The number of the scan that first saw the file like this. Kept across restarts where markers count."""
    came: int = 0
    """The number of the scan that first saw a file of this name, whatever it was like then."""
    changed_ns: int | None = None
    """When the file system last changed the file, by its own clock (ctime); None if that proves nothing."""
    covers: str | None = None
    """The canonical name, perhaps without its extension, of the one file that a marker or manifest is for.

    None where it is for all files with its key."""
    arrived_ns: int = 0
    """The ctime of a file, whatever it proves: a guess at which of two came first."""
    names: int = 1
    """How many names it has, all in its folder."""

    def as_sealed(self) -> SealedFile:
        """Return the file as a job records it."""
        return SealedFile(role=self.role, name=self.name, signature=self.signature)


class Group(NamedTuple):
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


class Waiting(NamedTuple):
    """A delivery that is not complete."""

    key: str
    files: tuple[Sighting, ...]
    reasons: tuple[Problem, ...]
    """What it waits for."""
    due: float | None
    """When time alone may make it complete (`Clock.elapsed` seconds)."""
    arriving: bool = False
    """True when nothing is missing but the proof that what is there is complete."""


@dataclass(frozen=True)
class Claims:
    """How a group's files compare with its manifest."""

    verified: bool
    reasons: tuple[Problem, ...] = ()
    due: float | None = None
    """When time alone may change that (`Clock.elapsed` seconds)."""


class Download(NamedTuple):
    """Something beside a file shows that it is still being downloaded."""

    control: str
    """The name of what shows it."""
    until: float | None
    """When it no longer counts unless it changes (`Clock.elapsed` seconds); None if it always does."""


def group(sightings: Iterable[Sighting]) -> list[Group]:
    """Sort sightings into groups by key, oldest key first; _SUCCESS is in all of them, or alone in one.

    SHA256SUMS is in all of them, too.

    Keys that differ only in the width of their characters are one. The group has the plainest of them.
    """
    found: dict[str, list[Sighting]] = {}
    common: list[Sighting] = []
    proofs: list[Sighting] = []
    for seen in sightings:
        if is_shared(seen):
            common.append(seen)
        elif seen.covers is None:
            found.setdefault(joining(seen.key), []).append(seen)
        else:
            proofs.append(seen)
    for seen in proofs:
        # `train_2026-11.done` is that of `train_2026-11.csv`, unless a delivery has just this key.
        literal = joining(seen.covers or "")
        is_key = any(each.covers is None and each.role in DATA_ROLES for each in found.get(literal, ()))
        found.setdefault(literal if is_key else joining(seen.key), []).append(
            seen._replace(key=seen.covers, covers=None) if is_key and seen.covers else seen
        )
    markers = tuple(seen for seen in common if seen.role is Role.MARKER)
    if markers and not found:
        return [Group("", markers=markers)]
    groups = [_group(joint, files, common) for joint, files in found.items()]
    return sorted(groups, key=lambda each: (order_of_key(each.key), each.key))


def _group(joint: str, files: list[Sighting], common: list[Sighting]) -> Group:
    if len(files) == 1 and not common and files[0].role in DATA_ROLES:
        # The first half of a delivery; there can be a hundred thousand.
        half = tuple(files)
        return Group(files[0].key, half) if files[0].role is Role.TRAIN else Group(files[0].key, (), half)
    by_role: dict[Role, list[Sighting]] = {}
    for seen in (*files, *common):
        by_role.setdefault(seen.role, []).append(seen)
    keys = {seen.key for seen in files}
    return Group(
        keys.pop() if len(keys) == 1 else min(keys, key=lambda key: (key != joint, key)),
        tuple(by_role.get(Role.TRAIN, ())),
        tuple(by_role.get(Role.EVAL, ())),
        tuple(by_role.get(Role.MARKER, ())),
        tuple(by_role.get(Role.MANIFEST, ())),
    )


def is_shared(seen: Sighting) -> bool:
    """Return whether a marker or manifest is named after no delivery, and may be for several."""
    if seen.role is Role.MARKER:
        return seen.name == SUCCESS_MARKER
    return seen.role is Role.MANIFEST and canonical(seen.name) in SHARED_SUMS


def judge(
    each: Group,
    model: ModelSettings,
    now: float,
    claims: Claims | None,
    largest: int | None = None,
    *,
    downloads: Mapping[str, Download] = MappingProxyType({}),
) -> Delivery | Waiting:
    """Decide about one group: a delivery to seal, or what it waits for.

    `now` is `Clock.elapsed`; `claims` is what the manifest says, where `ready = manifest`; `largest` is the
    most bytes that a file may have; `downloads` are those that seem to be under way, by the canonical names
    of the files.
    """
    if not each.data:
        return _without_data(each, model, now, claims)
    incomplete, unclear = _gaps(each, model)
    if largest is not None:
        unclear += [
            problem("left_alone", file=seen.name, why=flaw)
            for seen in each.data
            if (flaw := too_large(seen.signature.size, largest))
        ]
    arriving, due = _arrival(each, model, now, claims)
    if downloads:
        under_way, later = _downloads(each, now, downloads)
        arriving, due = under_way + arriving, _latest(due, later)
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
    """Return what a marker or a manifest waits for: files that have not arrived, or that have another key."""
    own = _own_proofs(each) or each.markers
    examples = [example_of(pattern, each) for pattern in patterns_of(model).values()]
    reasons = (claims.reasons if claims else ()) or tuple(
        problem(
            "marker_without_data" if seen.role is Role.MARKER else "manifest_without_data",
            file=seen.name,
            examples=[] if seen.name == SUCCESS_MARKER else examples,
        )
        for seen in own
    )
    deadline = max(seen.since for seen in own) + model.pair_timeout.total_seconds()
    if now < deadline:
        return Waiting(each.key, own, reasons, deadline)
    overdue = problem("waits_for_long", waited=model.pair_timeout)
    return Waiting(each.key, own, (*reasons, overdue), None)


def _own_proofs(each: Group) -> tuple[Sighting, ...]:
    """Return the markers and manifests that are for this group alone."""
    return tuple(seen for seen in each.markers + each.manifests if not is_shared(seen))


def _sealed(each: Group, data: tuple[Sighting, ...]) -> tuple[SealedFile, ...]:
    return tuple(seen.as_sealed() for seen in (*data, *_own_proofs(each)))


def too_large(size: int, largest: int | None) -> Problem | None:
    """Return that a file has more bytes than are taken; None when it has not."""
    if largest is None or size <= largest:
        return None
    return problem("file_too_large", size=size, largest=largest)


def patterns_of(model: ModelSettings) -> Mapping[Role, str]:
    """Return the patterns of the data files that a complete delivery has."""
    patterns = {Role.TRAIN: model.train, Role.EVAL: model.eval}
    return patterns if model.mode == "pair" else {Role.TRAIN: model.train}


def _gaps(each: Group, model: ModelSettings) -> tuple[list[Problem], list[Problem]]:
    """Return what is missing or empty, and what only a person can clear up."""
    incomplete, unclear = [], []
    for role, pattern in patterns_of(model).items():
        files = each.train if role is Role.TRAIN else each.eval
        if not files:
            incomplete.append(problem("file_not_arrived", role=role, example=example_of(pattern, each)))
        elif len(files) > 1:
            names = [seen.name for seen in files[:_MOST_NAMES]]
            unclear.append(problem("several_files_for_role", role=role, files=names, count=len(files)))
        elif files[0].signature.size == 0:
            incomplete.append(problem("file_empty", file=files[0].name))
    return incomplete, unclear


def example_of(pattern: str, each: Group) -> str:
    """Return a name that would go with what is there."""
    # Lists: generators would take longer for one file, of which there can be a hundred thousand.
    tsv = True in [seen.name[-4:].lower() == ".tsv" for seen in each.data]
    return _example(pattern, each.key, ".tsv" if tsv else ".csv")


@lru_cache(4096)
def _example(pattern: str, key: str, ending: str) -> str:
    before = pattern.partition("*{key}")[0]
    name = pattern.replace("*{key}", f"_{key}" if key and before[-1:].isalnum() else key)
    name = name.replace("{key}", key).replace("*", "")
    if name.lower().endswith((".csv", ".tsv")):
        return name
    return name + ending


def _arrival(
    each: Group, model: ModelSettings, now: float, claims: Claims | None
) -> tuple[list[Problem], float | None]:
    """Return why files that are there do not count as complete, and when time alone may change that."""
    match model.ready:
        case "settle":
            reasons, due = _settling(each.data, model, now, "still_arriving")
            more, later = _others_expected(each, model, now)
            return reasons + more, _latest(due, later)
        case "marker":
            return _marked(each, model, now)
        case "manifest":
            if claims is None or not each.manifests:
                return [problem("manifest_not_arrived", file=manifest_name(each.key))], None
            if not claims.verified:
                return [*claims.reasons], claims.due
            doubted = [seen for seen in each.data if seen.doubted]
            return _settling(doubted, model, now, "changed_while_taken")
        case _:
            assert_never(model.ready)


def _marked(each: Group, model: ModelSettings, now: float) -> tuple[list[Problem], float | None]:
    """Return why the files do not count as vouched for by a marker, and when time alone may change that."""
    if not each.markers:
        names = [*([f"{each.key}{MARKER_ENDING}"] if each.key else []), SUCCESS_MARKER]
        return [problem("marker_not_arrived", markers=names)], None
    marked: list[tuple[Sighting, Sighting]] = []
    reasons: list[Problem] = []
    for seen in each.data:
        markers = [marker for marker in each.markers if covers(marker, seen)]
        if markers:
            newest = max(markers, key=lambda marker: (marker.look, marker.changed_ns or 0))
            marked.append((seen, newest))
        else:
            reasons.append(problem("marker_not_arrived", markers=[f"{seen.name}{MARKER_ENDING}"]))
    # A marker vouches for what was there when it arrived; one that was left behind says nothing of the rest.
    strange = [seen for seen, marker in marked if seen.came > marker.look]
    reasons += [problem("arrived_after_marker", file=seen.name) for seen in strange]
    if reasons:
        return reasons, None
    # Network shares may report late a change that was made before the marker arrived.
    late = [seen for seen, marker in marked if seen.doubted or seen.look > marker.look]
    reasons, due = _settling(late, model, now, "changed_after_marker")
    unproved = [seen for seen, marker in marked if seen not in late and not _is_older(seen, marker)]
    more, later = _settling(unproved, model, now, "maybe_newer_than_marker")
    return reasons + more, _latest(due, later)


def covers(proof: Sighting, seen: Sighting) -> bool:
    """Return whether a marker or manifest of a group is for one of its files."""
    name = canonical(seen.name)
    return proof.covers is None or proof.covers in {name, name[:-4]}


def _latest(*moments: float | None) -> float | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _downloads(
    each: Group, now: float, downloads: Mapping[str, Download]
) -> tuple[list[Problem], float | None]:
    """Return which files are still being downloaded, and when that no longer counts."""
    reasons, due = [], None
    for seen in each.data:
        under_way = downloads.get(canonical(seen.name))
        if under_way is None or (
            under_way.until is not None and now >= under_way.until and seen.signature.size
        ):
            continue
        reasons.append(problem("download_under_way", file=seen.name, control=under_way.control))
        due = _latest(due, under_way.until)
    return reasons, due


def _others_expected(each: Group, model: ModelSettings, now: float) -> tuple[list[Problem], float | None]:
    """Return which files may be the first of several pieces, and when they count as the only ones."""
    span = model.settle.total_seconds() * _PIECES_PATIENCE
    reasons, due = [], None
    for seen in each.data:
        if now >= seen.since + span:
            continue
        piece = piece_in(canonical(seen.name).rpartition("/")[2][:-4])
        if piece is not None and piece.is_first and piece.family.waits and not piece.is_only_one:
            reasons.append(problem("maybe_first_of_pieces", file=seen.name, patience=span))
            due = _latest(due, seen.since + span)
    return reasons, due


def _is_older(seen: Sighting, marker: Sighting) -> bool:
    """Return whether a file is known to have been like this before its marker arrived.

    An earlier scan saw it so. Where both came into view together, the file system's times decide, if both
    have one: they are of the same clock. Equal ones prove nothing, since some file systems keep times to two
    seconds only.
    """
    if seen.look < marker.look:
        return True
    return (
        seen.changed_ns is not None and marker.changed_ns is not None and seen.changed_ns < marker.changed_ns
    )


def _settling(
    files: Iterable[Sighting], model: ModelSettings, now: float, code: str
) -> tuple[list[Problem], float | None]:
    """Return which of `files` have not stayed the same for long enough, and when they will have."""
    settle = model.settle.total_seconds()
    young = [seen for seen in files if now < seen.since + settle]
    if not young:
        return [], None
    due = max([seen.since for seen in young]) + settle
    return [problem(code, file=seen.name, settle=settle) for seen in young], due


def _overdue(
    each: Group, model: ModelSettings, incomplete: list[Problem], arriving: list[Problem]
) -> Delivery | Problem:
    """Apply `on_pair_timeout` to a delivery that stayed incomplete for `pair_timeout`."""
    waited = model.pair_timeout
    match model.on_pair_timeout:
        case "wait":
            return problem("waits_for_long", waited=waited)
        case "fail":
            failure = problem(
                "delivery_incomplete",
                waited=waited,
                reasons=[*incomplete, *arriving],
                paired=model.mode == "pair",
            )
            return Delivery(each.key, _sealed(each, each.data), failure)
        case "train-only":
            if not each.train or not each.train[0].signature.size:
                return problem("nothing_to_train_with", waited=waited)
            if arriving:
                return problem("not_proved_complete", waited=waited)
            return Delivery(each.key, _sealed(each, each.train))
        case _:
            assert_never(model.on_pair_timeout)


def manifest_name(key: str) -> str:
    """Return the name that the manifest of the delivery `key` has."""
    return f"{key}{MANIFEST_ENDING}" if key else MANIFEST_ENDING.removeprefix(".")


def shared_marker(sightings: Iterable[Sighting], waiting: Mapping[str, Waiting]) -> Sighting | None:
    """Return the marker _SUCCESS unless a delivery that it vouches for has yet to settle.

    It leaves with the deliveries it vouched for. Left behind, it would vouch for files that arrive later and
    are not complete yet; so half a delivery does not keep it, and needs a new marker when its other half has
    arrived.
    """
    if any(wait.arriving and wait.due is not None for wait in waiting.values()):
        return None
    return next((seen for seen in sightings if seen.name == SUCCESS_MARKER), None)
