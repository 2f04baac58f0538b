"""The steps that set up a machine: each can be shown as a command, done, and repeated."""

import difflib
import fcntl
import grp
import os
import pwd
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from retraind.cli.output import Refused, print_problem
from retraind.domain.problems import file_problem, problem
from retraind.system import addresses
from retraind.system.files import make_folder, sync_folder, write_owned

_UNIT_FACTS = ("LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "ActiveEnterTimestamp")


_SECRET_LINE = re.compile(
    r"^([ +-]?[ \t]*(?:(?:api_key|secret_key|proxy|urls|heartbeat)[ \t]*=|(?=[\"'].*://))).*", re.MULTILINE
)
"""The last alternative is an address in a list of several lines."""


@dataclass(frozen=True)
class Machine:
    """The machine that is set up; tests pass one of their own."""

    units: Path = Path("/etc/systemd/system")
    """Where an administrator's units and drop-ins are."""
    keys: Path = Path("/etc/retraind/keys")

    @property
    def is_root(self) -> bool:
        """Whether all of this is allowed."""
        return not os.geteuid()

    def user(self, name: str) -> int | None:
        """Return a user's number; None for no such user."""
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return None

    def group(self, name: str) -> int | None:
        """Return a group's number; None for no such group."""
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            return None

    def is_member(self, user: str, group: str) -> bool:
        """Return whether a user is in a group."""
        found = grp.getgrnam(group)
        return user in found.gr_mem or pwd.getpwnam(user).pw_gid == found.gr_gid

    def run(self, *words: str) -> str:
        """Run a command; returns what it prints. Raises Refused when it fails."""
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
        except OSError as error:
            raise Refused(problem("setup_command_missing", name=words[0], reason=error.strerror)) from None
        if done.returncode:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise Refused(
                problem("setup_command_failed", command=shlex.join(words), code=done.returncode, said=said)
            )
        return done.stdout.decode("utf-8", "replace")

    def unit(self, name: str) -> Mapping[str, str]:
        """Return what systemd knows of a unit; nothing on a machine without systemd."""
        shown = ",".join(_UNIT_FACTS)
        try:
            told = self.run("systemctl", "show", "--timestamp=unix", f"--property={shown}", name)
        except Refused:
            return {}
        return dict(line.split("=", 1) for line in told.splitlines() if "=" in line)


class Step(Protocol):
    """One thing to be done."""

    def shown(self) -> str:
        """Return the command that does it."""

    def do(self, machine: Machine) -> None:
        """Do it. Raises Refused, or OSError."""


@dataclass(frozen=True)
class Command:
    """Runs a program."""

    words: tuple[str, ...]
    optional: bool = False
    """Whether the other steps are done also when it fails."""

    def shown(self) -> str:
        """Return its command line."""
        return shlex.join(self.words) + (" || true" if self.optional else "")

    def do(self, machine: Machine) -> None:
        """Run it. Raises Refused when it fails, unless it is optional."""
        try:
            machine.run(*self.words)
        except Refused as refused:
            if not self.optional:
                raise
            print_problem(refused.problem)


@dataclass(frozen=True)
class Folder:
    """Creates a folder, or corrects the rights of one that is there."""

    path: Path
    owner: str
    group: str | int
    mode: int

    def shown(self) -> str:
        """Return the command that does the same."""
        return shlex.join(
            [
                "install",
                "-d",
                "-o",
                self.owner,
                "-g",
                str(self.group),
                "-m",
                f"{self.mode:04o}",
                str(self.path),
            ]
        )

    def do(self, machine: Machine) -> None:
        """Create it closed, and open it once it has its owner: a kill in between leaves nothing open."""
        make_folder(self.path.parent, 0o755)
        with suppress(FileExistsError):
            self.path.mkdir(0o700)
        # Whatever is put in its place meanwhile does not get these rights.
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(handle, _number(machine.user, self.owner), _number(machine.group, self.group))
            os.fchmod(handle, self.mode)
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(self.path.parent)


@dataclass(frozen=True)
class File:
    """Writes a file. `before` is what is there, of which only the difference is shown."""

    path: Path
    content: bytes = field(repr=False)
    owner: str | int
    group: str | int
    mode: int
    before: str | None = field(default=None, repr=False)
    secret: bool = False
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """What must not be shown of it."""

    def shown(self) -> str:
        """Return the command that writes it, or the difference as `patch` reads it."""
        owned = ["-o", str(self.owner), "-g", str(self.group), "-m", f"{self.mode:04o}"]
        command = shlex.join(["install", *owned, "/dev/stdin", str(self.path)])
        if self.secret:
            return command
        text = self.content.decode("utf-8")
        if self.before is not None:
            text = "".join(_difference(self.before, text, self.path))
            command = shlex.join(["patch", str(self.path)])
        if self.hidden:
            # However they are written there.
            text = _SECRET_LINE.sub(rf"\1{addresses.HIDDEN}", text)
        for secret in self.hidden:
            text = text.replace(secret, addresses.HIDDEN)
        return f"{command} <<'END'\n{text}{'' if text.endswith(chr(10)) else chr(10)}END"

    def do(self, machine: Machine) -> None:
        """Write it: a reader sees the old text or the new one."""
        owner, group = _number(machine.user, self.owner), _number(machine.group, self.group)
        write_owned(self.path, self.content, owner, group, self.mode)


@dataclass(frozen=True)
class Gone:
    """Deletes a file."""

    path: Path

    def shown(self) -> str:
        """Return the command that does the same."""
        return shlex.join(["rm", "--force", str(self.path)])

    def do(self, machine: Machine) -> None:  # noqa: ARG002 - as all steps
        """Delete it, if it is still there."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)


def _number(look_up: Callable[[str], int | None], name: str | int) -> int:
    number = name if isinstance(name, int) else look_up(name)
    if number is None:
        raise Refused(problem("setup_account_missing", name=name))
    return number


def _difference(before: str, after: str, path: Path) -> Iterable[str]:
    for line in difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), str(path), n=1
    ):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other set-ups with the same configuration out. Raises Refused while one is at work."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise Refused(file_problem(error, folder)) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Refused(problem("setup_in_use", path=folder)) from None
    try:
        yield
    finally:
        os.close(handle)
