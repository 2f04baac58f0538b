"""A drop folder, a model that watches it, and time that obeys."""

import os
from datetime import timedelta

import pytest

from retraind.config.settings import ModelSettings, SweepSettings
from retraind.intake.drop_folder import DropFolder
from support import process
from support.clock import ManualClock

SETTLE = timedelta(seconds=10)


class Deferred:
    """Computes nothing until told to, so that a test decides what is known when."""

    def __init__(self):
        self.tasks = []

    def __call__(self, step):
        self.tasks.append(step)

    def work(self):
        tasks, self.tasks = self.tasks, []
        hashed = 0
        for step in tasks:
            hashed += not step.__self__.done
            while step():
                pass
        return hashed


class Share:
    """A real drop folder, and the eye on it."""

    def __init__(self, drop, **model):
        self.drop = drop
        drop.mkdir(exist_ok=True)
        self._probe = drop.with_name(f"{drop.name}.probe")
        self._probe.touch()
        self._probe.chmod(0o666)
        self.clock = ManualClock()
        self.hashing = Deferred()
        self.hints = 0
        self.model = ModelSettings.model_validate({"drop": drop, "api_key": "k", "settle": SETTLE, **model})
        self.folder = DropFolder(self.model, SweepSettings().ignore, self.clock, self.hashing, self.hint)

    def hint(self):
        self.hints += 1

    def put(self, name, content=b"a,b\n1,2\n"):
        path = self.drop / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def put_raw(self, name: bytes, content=b"a,b\n1,2\n"):
        path = os.fsencode(self.drop) + b"/" + name
        with open(path, "wb") as file:  # noqa: PTH123 - the name is bytes
            file.write(content)
        return path

    def look(self, after=timedelta(0)):
        """Look once `after` has passed."""
        self.clock.pass_time(after)
        if after:
            self._let_the_file_system_follow()
        return self.folder.look()

    def _let_the_file_system_follow(self):
        """Wait until its clock has turned, which it does now and then: a change must not have an old time."""
        self._probe.touch()
        while self.drop.exists() and self._probe.stat().st_mtime_ns <= self.drop.stat().st_mtime_ns:
            self._probe.touch()

    def settled(self):
        """Look, let everything settle, look again."""
        self.look()
        return self.look(SETTLE)


@pytest.fixture
def share(tmp_path):
    """Make a share; keywords configure the model."""
    return lambda drop=None, **model: Share(drop or tmp_path / "drop", **model)


@pytest.fixture
def somebody():
    """Do something as an ordinary user, also where the tests are run by root, whom no permission stops."""

    return process.somebody


@pytest.fixture
def tmp_path(disk):
    """What is asked of a file system is asked of a real one."""
    return disk
