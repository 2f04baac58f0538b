"""How programs name the pieces when they write one table as several files. Pure.

A name alone proves little: `train_000001.csv` is an ordinary delivery. What the pieces in a folder prove
together is decided in `intake/pieces.py`.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"


class Family(NamedTuple):
    """A way to number pieces."""

    name: str
    expression: re.Pattern[str]
    """Of a name without its extension. The groups: what stands before the number, the number's parts."""
    unmistakable: bool
    """True when two such names for one file cannot be anything else."""
    waits: bool
    """True when the first piece looks like nothing else, so that others may be expected."""


def _family(name: str, text: str, *, unmistakable: bool = False, waits: bool = False) -> Family:
    return Family(name, re.compile(f"(?P<before>.*?){text}", re.DOTALL), unmistakable, waits)


_FAMILIES = (
    _family(
        "spark",
        rf"[-_. ]?part-(?P<number>[0-9]{{5}})-(?:tid-[0-9]+-)?(?P<unload>{_UUID}).*",
        unmistakable=True,
        waits=True,
    ),
    _family(
        "beam",
        r"[-_. ]?(?<![0-9])(?P<number>[0-9]{4,9})-of-(?P<unload>[0-9]{4,9})",
        unmistakable=True,
        waits=True,
    ),
    _family("redshift", r"[-_. ]?(?P<number>[0-9]{4}_part_[0-9]{2,4})", unmistakable=True, waits=True),
    _family(
        "athena",
        rf"[-_. ]?(?P<unload>[0-9]{{8}}_[0-9]{{6}}_[0-9]{{5}}_[0-9a-z]{{5}})_(?P<number>{_UUID})",
        unmistakable=True,
    ),
    _family("snowflake", r"[-_. ]?(?<![0-9])(?P<number>[0-9]{1,3}_[0-9]{1,3}_[0-9]{1,3})", waits=True),
    _family("hive", r"[-_. ]?(?<![0-9])(?P<number>[0-9]{6})_[0-9]{1,2}", waits=True),
    _family("part", r"(?<![^\W\d_])part[-_]?(?:[rm]-)?(?P<number>[0-9]{4,6})(?:[^0-9].*)?", waits=True),
    _family("bigquery", r"[-_. ]?(?P<number>0{6}[0-9]{6})", waits=True),
    _family("numbered", r"[-_. ]?(?<![0-9])(?P<number>[0-9]{5,})"),
    _family("part-by-hand", r"[-_. ]part[-_. ]?(?P<number>[0-9]{1,3})", waits=True),
    _family(
        "of",
        r"[-_. ]\(?(?:part)?[-_. ]?(?P<number>[0-9]{1,2})[-_ ]?of[-_ ]?(?P<unload>[0-9]{1,2})\)?",
        waits=True,
    ),
    _family("split", r"[-_. ](?P<number>[a-z]{2})"),
)
"""The most telling first."""
_SEPARATORS = "_-. \u3000"
_HINT = re.compile(
    r"[0-9]{5}|[0-9]{4}_part|[0-9]{4}-of-|[0-9]_[0-9]{1,3}_[0-9]|part[-_rm]{0,3}[0-9]{4}"
    r"|part[-_. ]?[0-9]|[0-9][-_ ]?of[-_ ]?[0-9]|[-_. ][a-z]{2}$"
)
"""What each of these forms has, and few other names: scans ask for all names."""
FROM_ONE = frozenset({"part-by-hand", "of"})
"""Families whose first piece may have the number 1: people count from there."""
_MOST_OF_A_FEW = 20
"""Pieces that people make. `week-1-of-52` counts something else."""
_KNOWN_NAMES = 4_096
"""So many are cached: one scan asks for the same again that the last one asked for."""


class Piece(NamedTuple):
    """What the name of a file says, if it is that of a piece."""

    family: Family
    stem: str
    """What comes before the number; equal for the pieces of one file."""
    unload: str
    """What else the pieces of one file have in common, such as a UUID; empty where nothing else."""
    number: tuple[int, ...]
    """Empty where pieces have no numbers."""
    tail: str
    """All that the name has beyond the stem."""

    @property
    def is_first(self) -> bool:
        """Return whether it has the number zero, or all of them have: the one that comes first."""
        if self.family.name in FROM_ONE:
            return self.number <= (1,)
        return bool(self.number) and not any(self.number)

    @property
    def is_only_one(self) -> bool:
        """Return whether the name says that there is no other piece: `00000-of-00001`."""
        return self.family.name in {"beam", "of"} and int(self.unload) <= 1


@lru_cache(_KNOWN_NAMES)
def piece_in(plain: str) -> Piece | None:
    """Return what a name without its extension says as that of a piece; None if it is none.

    `plain` is the name's canonical form.
    """
    if not _HINT.search(plain):
        return None
    for family in _FAMILIES:
        found = family.expression.fullmatch(plain)
        if found is None:
            continue
        groups = found.groupdict()
        stem = groups["before"].rstrip(_SEPARATORS)
        digits = groups["number"]
        unload = groups.get("unload") or ""
        if family.name == "of" and not int(digits) <= int(unload) <= _MOST_OF_A_FEW:
            continue
        return Piece(family, stem, unload, _number(family, digits), plain[len(groups["before"]) :])
    return None


def _number(family: Family, digits: str) -> tuple[int, ...]:
    if family.name == "athena":
        return ()
    if family.name == "split":
        return ((ord(digits[0]) - ord("a")) * 26 + ord(digits[1]) - ord("a"),)
    return tuple(map(int, re.findall(r"[0-9]+", digits)))
