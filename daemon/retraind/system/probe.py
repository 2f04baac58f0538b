"""Asks many file systems, some of which may never answer; those that hang cost one wait each.

Who waits, and for how long, is in `remote/`: what is asked must use the functions of `files` and `reading`.
"""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from retraind.system.files import kind_of
from retraind.system.mounts import TABLE
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.verbs import file_system_of

__all__ = ["NoAnswer", "Question", "ask_each"]

Answer = TypeVar("Answer")
Question = tuple[Path, Callable[[Path], Answer]]
"""A path, and the function to call with it."""


def ask_each(questions: Sequence[Question[Answer]]) -> list[Answer | OSError]:
    """Ask all questions; return each answer, or the OSError in its place: NoAnswer where none came.

    Any other exception is raised. A path that does not answer is not asked any further, and file systems that
    hang are waited for all at once.
    """
    _wait_for_all([path for path, _ in questions])
    found: list[Answer | OSError] = []
    for path, answer in questions:
        try:
            # Whatever the question is, what hangs is not touched here.
            if TABLE.lately().has_remote:
                kind_of(path, follow=True)
        except NoAnswer as error:
            found.append(error)
            continue
        except OSError:
            pass  # The answer says so.
        try:
            found.append(answer(path))
        except OSError as error:
            found.append(error)
    return found


def _wait_for_all(paths: Sequence[Path]) -> None:
    """Ask each remote file system once, at the same time: who does not answer now is not waited for again."""
    if not TABLE.now().has_remote:
        return
    one_of_each: dict[str, Path] = {}
    for path in paths:
        name, mount = file_system_of(path)
        if mount is not None and mount.is_remote:
            one_of_each.setdefault(name, path)
    if len(one_of_each) > 1:
        with ThreadPoolExecutor(len(one_of_each), thread_name_prefix="probe") as asking:
            list(asking.map(_ask, one_of_each.values()))


def _ask(path: Path) -> None:
    with contextlib.suppress(OSError):
        kind_of(path, follow=True)
