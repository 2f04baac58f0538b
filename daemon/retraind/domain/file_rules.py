"""What a file's status must be like before the file is read: one rule for deliveries and job.json."""

import os
import stat
from collections.abc import Container
from enum import StrEnum


class Refusal(StrEnum):
    """Why a file is not read; the value is also the code of a problem."""

    NOT_REGULAR = "not_regular_file"
    SECOND_NAME = "hard_link"
    """It has other names. Whoever cannot read a file can often still give it a second one."""
    FOREIGN = "file_of_another_user"
    TOO_LARGE = "file_too_large"


def refusal_of(
    status: os.stat_result,
    *,
    owners: Container[int] | None = None,
    largest: int | None = None,
    names: int = 1,
) -> Refusal | None:
    """Return why a file with this status is not read; None when it may be.

    `owners` are the ids of the users who may own it, and `largest` is the most bytes that it may have; None
    is no limit. `names` is how many names it has on a file system that counts some of them twice.
    """
    if not stat.S_ISREG(status.st_mode):
        return Refusal.NOT_REGULAR
    if status.st_nlink > names:
        return Refusal.SECOND_NAME
    if owners is not None and status.st_uid not in owners:
        return Refusal.FOREIGN
    if largest is not None and status.st_size > largest:
        return Refusal.TOO_LARGE
    return None
