"""Real mounts for tests: they come and go, fill up and turn read-only.

Skipped where mounting is not allowed.
"""

import subprocess
from contextlib import ExitStack

import pytest

from support.faulty import mounting
from support.world import a_world


class Mount:
    """Something mounted on `point`."""

    def __init__(self, point, *what):
        self.point = point
        self._what = what
        point.mkdir(parents=True, exist_ok=True)
        self.here = False

    def on(self):
        done = subprocess.run(
            ["mount", *map(str, self._what), self.point], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"this machine does not let the tests mount anything: {done.stderr.strip()}")
        self.here = True
        return self

    def off(self):
        if self.here:
            subprocess.run(["umount", self.point], check=True)
            self.here = False

    def change(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.point], check=True)


@pytest.fixture
def mount():
    """Mount something, `mount -t tmpfs` or another folder, until the test ends."""
    with ExitStack() as ending:

        def mounted(point, *what):
            made = Mount(point, *what).on()
            ending.callback(made.off)
            return made

        yield mounted


@pytest.fixture
def memory(mount):
    """Mount a file system in memory with so many KiB."""
    return lambda point, size: mount(point, "-t", "tmpfs", "-o", f"size={size}k,mode=755", "retraind-tests")


class Quota:
    """A file system of its own on a loop device, with a folder that may hold so many bytes."""

    def __init__(self, folder):
        self.folder = folder

    def allow(self, size):
        subprocess.run(["btrfs", "qgroup", "limit", str(size), self.folder], check=True)


@pytest.fixture
def quota(mount, tool, tmp_path):
    """Make a folder with a quota. btrfs has quotas that bind root as well, by whom the tests may be run."""

    def made(folder, size):
        image = tmp_path / "quota.img"
        with image.open("wb") as file:
            file.truncate(128 << 20)
        subprocess.run([tool("mkfs.btrfs"), "--quiet", "--mixed", image], check=True, capture_output=True)
        mount(folder.parent, "-o", "loop", image)
        subprocess.run(["btrfs", "subvolume", "create", folder], check=True, capture_output=True)
        subprocess.run(["btrfs", "quota", "enable", folder.parent], check=True)
        quota = Quota(folder)
        quota.allow(size)
        return quota

    return made


@pytest.fixture
def faulty():
    """Mount a folder through a file system that fails on command, until the test ends."""
    with mounting() as mounted:
        yield mounted


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made
