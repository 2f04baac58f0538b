"""Why a file in a drop folder cannot be read, and the command with which its writer can fix that."""

import os
import pwd
import stat
from functools import lru_cache
from pathlib import Path

from retraind.domain.problems import Problem, file_problem, problem
from retraind.system.files import status_of

_UNKNOWN_USER = 65_534
"""Whoever has no name in a user namespace, as under the unit's PrivateUsers: anybody."""
_BITS = {"u": stat.S_IRUSR, "g": stat.S_IRGRP, "o": stat.S_IROTH}


def unreadable(drop: Path, file: str, error: OSError) -> Problem:
    """Return that a file in a drop folder cannot be read; `drop` is pinned."""
    made = problem("file_unreadable", file=file, why=file_problem(error).but(path=None))
    if not isinstance(error, PermissionError):
        return made
    user = _name_of(os.geteuid())
    try:
        status = status_of(drop, file)
    except OSError:
        return made.but(user=user)  # Nor can its folder.
    who = _class_of(status)
    if status.st_mode & _BITS[who]:
        return made.but(user=user)  # Something else than these rights denies it.
    mode = f"{stat.S_IMODE(status.st_mode):03o}"
    owner = None if status.st_uid == _UNKNOWN_USER else _name_of(status.st_uid)
    return made.but(user=user, owner=owner, mode=mode, lacks=who)


def _class_of(status: os.stat_result) -> str:
    """Return which of a file's rights count for this process."""
    if status.st_uid == os.geteuid():
        return "u"
    return "g" if status.st_gid in {os.getegid(), *os.getgroups()} else "o"


@lru_cache
def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
