"""Asks many file systems, some of which may never answer; those that hang cost one wait each.

Who waits, and for how long, is in `remote/`: what is asked must use the functions of `files` and `reading`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from retraind.system.files import kind_of
from retraind.system.mounts import TABLE
from retraind.system.remote.errors import NoAnswer

__all__ = ["NoAnswer", "Question", "ask_each"]

Answer = TypeVar("Answer")
Question = tuple[Path, Callable[[Path], Answer]]
"""A path, and the function to call with it."""


def ask_each(questions: Sequence[Question[Answer]]) -> list[Answer | OSError]:
    """Ask all questions; return each answer, or the OSError in its place: NoAnswer where none came.

    Any other exception is raised. A path that does not answer is not asked any further.
    """
    found: list[Answer | OSError] = []
    for path, answer in questions:
        try:
            # Whatever the question is, what hangs is not touched here.
            if TABLE.now().has_remote:
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
