"""How jobs and their folders are named, and how deliveries' keys are sorted."""

import re
import unicodedata
from datetime import datetime

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


def order_of_key(key: str) -> tuple[tuple[int, int, str], ...]:
    """Sort keys as people count: digits by value, text by its letters, so that 9 comes before 10."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", key).casefold())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part)
