"""Which process does what: a function becomes a verb, which is done where its paths lead.

A verb is a function of paths and plain values. Where its paths are on a local disk it is simply called. Where
they are on a remote or FUSE file system it is called in the helper process of that file system, by name, with
the same rules, for it is the same function. So a verb must not depend on this process: it takes and returns
what `wire` can encode, and its errors are OSErrors. What is to be done in one go is one verb: a loop that
calls verbs crosses to the other process with each.
"""

import errno
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from retraind.system.mounts import TABLE, Mount, Table
from retraind.system.remote.early import Ahead, Kind
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.helper import Helper
from retraind.system.remote.helpers import HELPERS
from retraind.system.remote.wire import FAR

HANDLES = "/proc/self/fd/"
"""Where this process sees what it has pinned."""
VERBS: dict[str, Callable[..., Any]] = {}
"""What a helper process does for others, by name."""
_KINDS: dict[str, Kind] = {}
"""What each may have to wait for."""
P = ParamSpec("P")
R = TypeVar("R")


def verb(kind: Kind = "look", *, together: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function of paths a verb.

    `kind` is what it may have to wait for without a sign of progress. With `together`, a function that is
    given paths on different file systems is called here, and what it calls is done there; otherwise it raises
    OSError (EXDEV), as a rename would. A parameter `pause` is called here while the other process works.
    """

    def made(function: Callable[P, R]) -> Callable[P, R]:
        name, names = function.__name__, tuple(inspect.signature(function).parameters)
        assert not name.endswith("_here"), "these names are those of the other process's own"
        VERBS[name], _KINDS[name] = function, kind

        @wraps(function)
        def routed(*args: P.args, **kwargs: P.kwargs) -> R:
            if not _is_anything_remote(args):
                return function(*args, **kwargs)
            found = list(_paths(args))
            if all(helper is None for _, helper, _ in found):
                return function(*_moved(args, found), **kwargs)  # type: ignore[arg-type]
            helpers = {helper for _, helper, _ in found}
            if len(helpers) > 1:
                if together:
                    return function(*args, **kwargs)
                paths = [str(each) for each in args if isinstance(each, Path)]
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), paths[0], None, paths[-1])
            (helper,) = helpers
            assert helper is not None
            given = dict(zip(names, _moved(args, found), strict=False)) | kwargs
            pause = cast("Callable[[], None] | None", given.pop("pause", None))
            with asked_for(next(each for each in args if isinstance(each, Path))):
                return helper.call(name, given, pause=pause, kind=kind)  # type: ignore[no-any-return]

        return routed

    return made


def ahead(function: Callable[..., object], below: str, **given: int | None) -> Ahead:
    """Return a verb's call for the path `below` in a folder, to be sent when that is pinned."""
    name = function.__name__
    return Ahead(name, next(iter(inspect.signature(function).parameters)), below, given, _KINDS[name])


@contextmanager
def asked_for(path: Path) -> Iterator[None]:
    """Let a NoAnswer name what was asked for."""
    try:
        yield
    except NoAnswer as error:
        error.filename = str(path)
        raise


def _is_anything_remote(args: tuple[object, ...]) -> bool:
    """Return whether it has to be found out where paths lead; on most machines nothing is remote."""
    return not HELPERS.serving and (
        TABLE.lately().has_remote
        or (HELPERS.has_any and any(isinstance(each, Path) and is_far(each) for each in args))
    )


def _paths(args: tuple[object, ...]) -> Iterator[tuple[int, Helper | None, Path]]:
    for place, each in enumerate(args):
        if isinstance(each, Path):
            yield (place, *where(each))


def _moved(args: tuple[object, ...], found: list[tuple[int, Helper | None, Path]]) -> list[object]:
    moved = list(args)
    for place, _, path in found:
        moved[place] = path
    return moved


def is_far(path: Path) -> bool:
    """Return whether a path is of a folder that a helper has pinned, or in it."""
    return str(path).startswith(FAR)


def where(path: Path) -> tuple[Helper | None, Path]:
    """Return who is to touch a path, and what it is called there; None for this process.

    Touches nothing that may hang. Raises NoAnswer where the file system did not answer lately.
    """
    if HELPERS.serving:
        return None, path
    text, table = str(path), TABLE.lately()
    if text.startswith(FAR):
        helper, handle, rest = HELPERS.pinned(text)
        if not rest:
            return helper, path
        real = f"{helper.real(handle)}/{rest}"
        mount = table.mount_of(real) if table.has_remote_below(helper.real(handle)) else None
        if mount is None or mount.device == helper.mount.device:
            return helper, path
    elif not table.has_remote:
        return None, path
    elif text.startswith(HANDLES):
        handle_text, _, rest = text.removeprefix(HANDLES).partition("/")
        folder = os.readlink(HANDLES + handle_text) if rest else ""  # noqa: PTH115
        real = f"{folder}/{rest}"
        mount = table.mount_of(real) if rest and table.has_remote_below(folder) else None
    else:
        real, mount = table.followed_lately(text)
    if mount is not None and mount.is_remote:
        return HELPERS.of(mount, path), Path(real)
    return None, Path(real) if text.startswith(FAR) else path


def is_mounted_in(folder: Path, name: str) -> bool:
    """Return whether something is mounted on `name` in a folder: nothing can be renamed from there.

    Even of the same file system, mounted once more. Touches nothing that may hang.
    """
    text, table = str(folder), TABLE.now()
    if text.startswith(FAR):
        helper, handle, rest = HELPERS.pinned(text)
        real = os.path.join(helper.real(handle), rest)  # noqa: PTH118 - texts, as in the table
    elif text.startswith(HANDLES):
        handle_text, _, rest = text.removeprefix(HANDLES).partition("/")
        real = os.path.join(os.readlink(HANDLES + handle_text), rest)  # noqa: PTH115, PTH118
    else:
        real, _ = table.followed(text)
    return f"{real.rstrip('/')}/{name}" in table.on_top


def file_system_of(path: Path, *, lately: bool = False) -> tuple[str, Mount | None]:
    """Return the name of the file system that a path is on, and its mount, if known. Touches none.

    With `lately`, links on the way count as they were a moment ago: for a thousand folders at once.
    """
    table: Table = TABLE.now()
    place, mount = (table.followed_lately if lately else table.followed)(str(path))
    on = mount or table.mount_of(place)
    return (f"share {on.device}" if on is not None else "share"), on


def release(path: Path) -> None:
    """Let a helper close what it has pinned as `path`. Does not wait for it."""
    number, handle = str(path).removeprefix(FAR).split("/")
    HELPERS.release(int(number), int(handle))
