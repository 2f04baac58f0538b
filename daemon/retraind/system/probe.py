"""Asks file systems that may never answer: on a `hard` mount whose server is gone, calls block in the kernel.

One thread asks for all paths in turn, and is abandoned where it hangs. Nothing else on the same mount is
asked then.
"""

import copy
import errno
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from retraind.system.mounts import present_mounts

PATIENCE = 5.0
"""Seconds that a thread may sleep in one call before its share counts as silent."""
_SLICE = 0.25
_MOST_LINKS = 40
"""As in the kernel."""

Answer = TypeVar("Answer")
Question = tuple[Path, Callable[[Path], Answer]]
"""A path, and the function to call with it once all links are resolved."""


class NoAnswer(TimeoutError):
    """The file system on which `filename` lies does not answer."""

    def __init__(self, path: Path, mount: Path) -> None:
        super().__init__(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), str(path))
        self.mount = mount
        """Where it is mounted."""


def ask_each(questions: Sequence[Question[Answer]]) -> list[Answer | OSError]:
    """Ask all questions; return each answer, or the OSError in its place: NoAnswer where none came.

    Any other exception is raised. A thread that is still in the kernel does not keep the process from ending.
    """
    found: list[Answer | OSError] = []
    silent = _Silent()
    while len(found) < len(questions):
        asker = _Asker(questions[len(found) :], copy.deepcopy(silent))
        asker.start()
        heard = asker.heard(PATIENCE)
        found += asker.given_up()
        if not heard:
            # The next one starts with the same question, and stops before this mount.
            silent.add(asker.at)
    return found


class _Silent:
    """The mounts that do not answer. The mount table is read without touching any."""

    def __init__(self) -> None:
        self._points: set[str] = set()
        self._silent: set[str] = set()

    def add(self, path: str) -> None:
        """Note that the mount of `path`, which contains no link, is silent."""
        if not self._points:
            self._points = {str(mount.point) for mount in present_mounts()}
        mount = self._mount_of(path)
        if mount == "/":
            # The system itself runs. It may be a mount below the folder, or a disk that is very slow.
            self._points.add(path)
            mount = path
        self._silent.add(mount)

    def check(self, path: str, asked: Path) -> None:
        """Raise NoAnswer where `path`, which contains no link, is on a mount that does not answer."""
        if self._silent and (mount := self._mount_of(path)) in self._silent:
            raise NoAnswer(asked, Path(mount))

    def _mount_of(self, path: str) -> str:
        while path != "/" and path not in self._points:
            path = os.path.dirname(path)  # noqa: PTH120 - as below
        return path


class _Asker(threading.Thread, Generic[Answer]):
    """Asks until it is done or hangs."""

    def __init__(self, questions: Sequence[Question[Answer]], silent: _Silent) -> None:
        super().__init__(name="asker", daemon=True)
        self.at = "/"
        """What it touches now: a path without links, except perhaps its last name."""
        self._questions = questions
        self._silent = silent
        self._found: list[Answer | OSError] = []
        self._resolved = {"/": "/", "//": "/"}
        self._failure: BaseException | None = None
        self._left = False
        self._done = threading.Event()

    def heard(self, patience: float) -> bool:
        """Wait until it is done; returns False once it has hung for this many seconds."""
        quiet, before = 0.0, ""
        while not self._done.wait(_SLICE):
            # A thread that goes through a hundred thousand files is awake now and then.
            pulse = f"{len(self._found)} {self.at} {self._turns()}"
            quiet = quiet + _SLICE if pulse == before else 0.0
            before = pulse
            if quiet >= patience:
                return False
        return True

    def given_up(self) -> list[Answer | OSError]:
        """Abandon it; returns the answers so far. Raises what an answer should not have raised."""
        self._left = True
        if self._failure is not None:
            raise self._failure
        return self._found.copy()

    def run(self) -> None:
        """Ask."""
        try:
            for path, answer in self._questions:
                found = self._ask(path, answer)
                if self._left:
                    return
                self._found.append(found)
        except BaseException as error:  # noqa: BLE001 - raised in `given_up`
            self._failure = error
        finally:
            self._done.set()

    def _ask(self, path: Path, answer: Callable[[Path], Answer]) -> Answer | OSError:
        try:
            plain = str(path.absolute())
            place = self._resolve(plain, path, 0)
            self._touch(place, path)
            return answer(path if place == plain else Path(place))
        except OSError as error:
            return error

    def _resolve(self, path: str, asked: Path, links: int) -> str:
        """Follow the links in `path` one by one, so that it is known which mount is touched."""
        if path in self._resolved:
            return self._resolved[path]
        # Strings: at the start there are thousands, and Path takes three times as long.
        folder, name = os.path.split(path)
        place = self._resolve(folder, asked, links)
        if name == "..":
            place = os.path.dirname(place)  # noqa: PTH120
        elif name not in {"", "."}:
            place = f"{place.rstrip('/')}/{name}"
            self._touch(place, asked)
            target = None
            with suppress(OSError):  # It is not a link, or does not exist.
                target = os.readlink(place)  # noqa: PTH115
            if target is not None and links < _MOST_LINKS:
                link = os.path.join(os.path.dirname(place), target)  # noqa: PTH118, PTH120
                place = self._resolve(link, asked, links + 1)
        self._resolved[path] = place
        return place

    def _touch(self, place: str, asked: Path) -> None:
        self._silent.check(place, asked)
        self.at = place

    def _turns(self) -> str:
        """Return the CPU time that the kernel counts for this thread."""
        with suppress(OSError):
            return Path(f"/proc/self/task/{self.native_id}/schedstat").read_text()
        return ""
