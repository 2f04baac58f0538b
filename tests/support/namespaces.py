"""Asking as a systemd service would see it: in a user namespace, a mount namespace, as another user."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest

_NEW_MOUNTS, _NEW_USERS = 0x2_0000, 0x1000_0000
_RECURSIVE_PRIVATE = 0x4000 | 0x4_0000
BIND, REMOUNT, READ_ONLY = 0x1000, 0x20, 0x1
"""mount(2)"""


def reachable(folder: Path) -> Path:
    """Let other users get to a temporary folder of the tests."""
    for path in (folder, *list(folder.parents)[:4]):
        if path.stat().st_uid == os.geteuid() and path.stat().st_mode & 0o5 != 0o5:
            path.chmod(path.stat().st_mode | 0o055)
    return folder


def as_private_users(service: int, ask: Callable[[], object], groups: list[int] | None = None) -> str:
    """Return what `ask` returns, as text, as a user to whom all owners but root and itself are hidden.

    `service` is the number of the user and of its group.
    """

    def become() -> None:
        os.setgroups(groups or [])
        _unshare(_NEW_USERS)

    def settle() -> None:
        os.setresgid(service, service, service)
        os.setresuid(service, service, service)

    return _in_child(become, settle, ask, f"0 0 1\n{service} {service} 1\n")


def in_mounts(prepare: Callable[[ctypes.CDLL], None], ask: Callable[[], object], user: int | None = 1) -> str:
    """Return what `ask` returns, as text, as an ordinary user with mounts of its own that `prepare` makes."""

    def become() -> None:
        libc = _unshare(_NEW_MOUNTS)
        if libc.mount(b"none", b"/", None, _RECURSIVE_PRIVATE, None):
            raise PermissionError
        prepare(libc)

    def settle() -> None:
        if user is not None:
            os.setresuid(user, user, user)

    return _in_child(become, settle, ask, None)


def _unshare(what: int) -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(what):
        raise PermissionError
    return libc


def _in_child(
    become: Callable[[], None], settle: Callable[[], None], ask: Callable[[], object], maps: str | None
) -> str:
    answers, answer = os.pipe()
    begin, begun = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(begun)
            try:
                become()
            except PermissionError:
                os.write(answer, b"!no namespaces")
                os._exit(0)
            os.write(answer, b"!")
            os.read(begin, 1)
            settle()
            os.write(answer, repr(ask()).encode())
        except BaseException as error:  # noqa: BLE001 - it is told where it is looked for
            os.write(answer, f"failed: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(answer)
    os.close(begin)
    with os.fdopen(answers, "rb", buffering=0) as file:
        first = file.read(100) or b""
        if maps is not None and first == b"!":
            for kind in ("uid", "gid"):
                Path(f"/proc/{child}/{kind}_map").write_text(maps)
        os.close(begun)
        told = first + b"".join(iter(lambda: file.read(65_536), b""))
    os.waitpid(child, 0)
    if told == b"!no namespaces":
        pytest.skip("this machine allows no namespaces")
    return told.decode().removeprefix("!")
