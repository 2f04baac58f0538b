"""How jobs and their folders are named, and how deliveries' keys are sorted."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

_SAFE_CHARACTERS = frozenset("_-.+=,@~")
_SAFE_KINDS = frozenset("LMN")
"""Unicode's letters, marks and numbers. All else might mean something to SMB, a shell or a terminal."""
_LONGEST_KEY = 60
"""Bytes of the key in a folder's name; file systems allow 255 for the whole, eCryptfs 143."""


SHORT_ID = 6
"""Hexadecimal digits at the end of a job's id, by which people name it."""


FOLDER_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z_.*")
"""What the folders of jobs are called."""


def job_id(created_at: datetime, key: str, short_id: str) -> str:
    """Return a job's name: unique, sorted by time, and safe on SMB (no colon), in a shell and on a screen."""
    characters = (
        each if each in _SAFE_CHARACTERS or unicodedata.category(each)[0] in _SAFE_KINDS else " "
        for each in unicodedata.normalize("NFC", key)
    )
    safe = "-".join("".join(characters).split()).strip("-.")
    safe = safe.encode()[:_LONGEST_KEY].decode(errors="ignore")
    middle = f"_{safe}" if safe else ""
    return f"{created_at:%Y-%m-%dT%H%M%SZ}{middle}_{short_id}"


def key_in(job_id: str) -> str:
    """Return the key in a job's name, or else the name."""
    return "_".join(job_id.split("_")[1:-1]) or job_id


@lru_cache(4096)
def order_of_key(key: str) -> tuple[tuple[int, int, str], ...]:
    """Sort keys as people count: digits by value, text by its letters, so that 9 comes before 10."""
    parts = _NUMBER.split(unicodedata.normalize("NFC", key).casefold())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part)


_NUMBER = re.compile(r"(\d+)")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?:[0-9]{2}){0,5}")
"""What a date that sorts by time begins with, also without separators: 2026, 202611, 20261130101500."""
_TOGETHER = timedelta(minutes=1)
"""What arrives within this time may be one batch, copied in any order."""

_Thing = TypeVar("_Thing")


def out_of_order(
    arrivals: Sequence[tuple[str, datetime, _Thing]], together: timedelta = _TOGETHER
) -> tuple[_Thing, _Thing] | None:
    """Return two things of which the one that arrived later has the earlier key; None if there are none.

    `arrivals` are keys, moments and things, in the order of the keys. Not counted is what may well be meant:
    a date that begins with its year, and a counter whose numbers arrived out of turn within `together`.
    """
    for (key, arrived, thing), (next_key, next_arrived, next_thing) in pairwise(arrivals):
        if arrived > next_arrived and arrived - next_arrived > _tolerated(key, next_key, together):
            return next_thing, thing
    return None


def _tolerated(one: str, other: str, together: timedelta) -> timedelta:
    """Return by how much the times of arrival may contradict the order of two keys."""
    if not (one and other):
        return timedelta.max
    parts, others = order_of_key(one), order_of_key(other)
    texts, other_texts = ([text for kind, _, text in each if not kind] for each in (parts, others))
    if texts != other_texts or len(parts) != len(others):
        return timedelta(0)
    if all(_YEAR.fullmatch(_first_digits(key)) for key in (one, other)):
        return timedelta.max
    differing = sum(part != another for part, another in zip(parts, others, strict=True))
    return together if differing <= 1 else timedelta(0)


def _first_digits(key: str) -> str:
    found = re.search(r"[0-9]+", key)
    return found[0] if found else ""
