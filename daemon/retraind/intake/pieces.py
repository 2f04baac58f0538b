"""Which files of a drop folder are pieces of one: a database's unload in several files. Pure.

A delivery with the first piece alone would train a model with a part of the data. So what surely are pieces
wait for a person; docs/handoff.md states the rule. What could as well be deliveries of their own is never
kept waiting for long.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath

from retraind.config.patterns import canonical
from retraind.config.settings import ModelSettings
from retraind.domain.job import DATA_ROLES, Role
from retraind.domain.names import order_of_key
from retraind.domain.problems import Problem, problem
from retraind.intake.names.piece_names import FROM_ONE, Piece, piece_in
from retraind.intake.pairing import Group, Sighting, Waiting, example_of, patterns_of

_MOST_NAMES = 3
"""Pieces that are named; the others are counted."""
_PLAIN_NAME = re.compile(r"[\w.,+@%/-]+")
"""Names that mean nothing to a shell."""
_MADE_UP_KEY = "2026-11"
_SEPARATORS = "_-. \u3000"


@dataclass(frozen=True)
class _Member:
    seen: Sighting
    piece: Piece

    @property
    def file(self) -> tuple[str, str, str, Role, str]:
        """What is equal for the pieces of one file."""
        folder, _, name = canonical(self.seen.name).rpartition("/")
        return folder, self.piece.stem, self.piece.unload, self.seen.role, name[-4:]

    @property
    def joined_key(self) -> str:
        """The key that the one file would have."""
        return self.seen.key.removesuffix(self.piece.tail.lstrip(_SEPARATORS)).rstrip(_SEPARATORS)


def without_pieces(
    seen: Collection[Sighting], model: ModelSettings, arriving: Iterable[Sighting] = ()
) -> tuple[list[Sighting], list[Waiting]]:
    """Take out what surely are pieces of larger files; returns the other files, and what the pieces wait for.

    `arriving` are files that are not there under their names yet, though something shows that they will be.
    """
    unloads: dict[tuple[str, str], list[_Member]] = {}
    vouched = _keys_vouched_for(seen)
    expected = list(arriving)
    for each in (*seen, *expected):
        if each.role not in DATA_ROLES or canonical(each.key) in vouched:
            continue
        piece = piece_in(canonical(each.name).rpartition("/")[2][:-4])
        if piece is not None and not piece.is_only_one:
            member = _Member(each, piece)
            unloads.setdefault((piece.family.name, member.joined_key), []).append(member)
    taken: set[str] = set()
    waiting: list[Waiting] = []
    absent = {each.name for each in expected}
    for (_, key), members in unloads.items():
        if not _is_unload(members, model):
            continue
        here = sorted(
            (member for member in members if member.seen.name not in absent),
            key=lambda member: order_of_key(member.seen.name),
        )
        if here:
            taken |= {member.seen.name for member in here}
            waiting.append(_waiting(key, here, model))
    if not taken:
        return list(seen), []
    return [each for each in seen if each.name not in taken], waiting


def _keys_vouched_for(seen: Iterable[Sighting]) -> frozenset[str]:
    """Return the keys that have a marker or a manifest of their own: each is a delivery, however named."""
    return frozenset(
        canonical(each.key)
        for each in seen
        if each.role in {Role.MARKER, Role.MANIFEST} and each.key and each.covers is None
    )


def _is_unload(members: list[_Member], model: ModelSettings) -> bool:
    """Return whether these files are pieces; all have the same form of name and would have the same key."""
    files: dict[tuple[str, str, str, Role, str], list[_Member]] = {}
    for member in members:
        files.setdefault(member.file, []).append(member)
    return any(_are_pieces(several, members, model) for several in files.values())


def _are_pieces(several: list[_Member], members: list[_Member], model: ModelSettings) -> bool:
    """Return whether `several` are pieces of one file, given what there is of the other role."""
    family = several[0].piece.family
    if len(several) == 1:
        # Beam counts the pieces in each name, and any but Spark's first proves that there is another.
        return family.name == "beam" or (family.name == "spark" and not several[0].piece.is_first)
    numbers = sorted({member.piece.number for member in several})
    if family.unmistakable or len(numbers) == 1:
        return family.unmistakable
    if family.name == "snowflake":
        return not any(numbers[0])
    first, last = numbers[0][0], numbers[-1][0]
    if family.name in FROM_ONE:
        return first <= 1 and _is_row(numbers)  # Their names say what they are.
    close = last - first <= 2 * len(numbers)  # Some may not have arrived yet.
    if family.name not in {"numbered", "split"}:
        return first == 0 and close
    return (_is_row(numbers) if family.name == "split" else close) and _are_of_one(several, members, model)


def _are_of_one(several: list[_Member], members: list[_Member], model: ModelSettings) -> bool:
    """Return whether files that are numbered as deliveries may be, too, are pieces.

    Counters of deliveries do not start again with each, and both files have each number.
    """
    first = min(member.piece.number for member in several)[0]
    together = _came_together(several, model)
    unequal = model.mode == "pair" and not _has_equal_numbers(members)
    if first == 0:
        return together or unequal
    counted = several[0].piece.family.name == "numbered" and bool(several[0].joined_key)
    return first == 1 and counted and together and unequal


def _is_row(numbers: list[tuple[int, ...]]) -> bool:
    """Return whether no number between the first and the last one is missing."""
    return numbers[-1][0] - numbers[0][0] == len(numbers) - 1


def _has_equal_numbers(members: list[_Member]) -> bool:
    """Return whether there is a file of each role for each number, or of one role only."""
    train, evaluation = (
        {member.piece.number for member in members if member.seen.role is role} for role in DATA_ROLES
    )
    return train == evaluation or not train or not evaluation


def _came_together(several: list[_Member], model: ModelSettings) -> bool:
    """Return whether each of them had arrived within the settling time of the one before."""
    moments = sorted(member.seen.since for member in several)
    settle = model.settle.total_seconds()
    return all(later - earlier <= settle for earlier, later in pairwise(moments))


def _waiting(key: str, members: list[_Member], model: ModelSettings) -> Waiting:
    reasons: list[Problem] = []
    alone: list[Problem] = []
    for role, pattern in patterns_of(model).items():
        pieces = [member for member in members if member.seen.role is role]
        if not pieces:
            continue
        data = tuple(member.seen for member in pieces)
        joined = example_of(pattern, Group(key or _fallback(pattern), data))
        if len(pieces) == 1:
            others = len(members) > 1
            alone.append(problem("piece_alone", file=data[0].name, joined=joined, others=others))
            continue
        names = [seen.name for seen in data[:_MOST_NAMES]]
        reasons.append(
            problem(
                "pieces_of_one_file",
                role=role, files=names, count=len(pieces), joined=joined, glob=_glob(data, joined),
            )
        )  # fmt: skip
    return Waiting(key, tuple(member.seen for member in members), (*reasons, *alone), None)


def _fallback(pattern: str) -> str:
    """Return a key where the pieces' names have none and the pattern requires one."""
    return "" if "*{key}" in pattern or "{key}" not in pattern else _MADE_UP_KEY


def _glob(data: tuple[Sighting, ...], joined: str) -> str | None:
    """Return what matches the names of these pieces in a shell, and not the joined file; None if unclear."""
    names = [seen.name for seen in data]
    before, ending = _beginning(min(names), max(names)), data[0].name[-4:]
    glob = f"{before}*{ending}"
    plain = _PLAIN_NAME.fullmatch(before + joined + ending)
    return glob if before and plain and not PurePosixPath(joined).match(glob) else None


def _beginning(one: str, other: str) -> str:
    """Return what two names have in common at their beginnings."""
    return one[
        : next(
            (place for place, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), None
        )
    ]
