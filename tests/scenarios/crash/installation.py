"""A whole installation that is killed again and again: service, share, journal, and what was dropped."""

import hashlib
import json
import random
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from retraind.emulator import WORST_CASE, EmulatedModel, Emulator, EmulatorConfig
from scenarios.crash import points
from support.process import deliver
from support.zygote import zygote

UPLOAD_DOUBT_MS = 300
HIDDEN = timedelta(milliseconds=UPLOAD_DOUBT_MS / 3)
"""How long the service shows nothing of an upload that it has."""

PATIENCE = 60.0
"""Seconds after which a run that has not come to rest is stuck."""
_STUCK = "stuck"


class Ended(NamedTuple):
    """How one retraind ended."""

    exit_code: int
    """Negative: the signal that ended it."""
    struck: str | None
    """The point at which it was killed; "moment" when that was a moment of time."""

    @property
    def stuck(self) -> bool:
        return self.struck == _STUCK

    @property
    def killed(self) -> bool:
        return self.struck is not None and not self.stuck


@dataclass(frozen=True)
class Model:
    """A model of the installation and its policy."""

    name: str
    mode: str = "pair"
    switch: str = "manual"
    more: str = ""
    """Further lines of its table."""
    elsewhere: bool = False
    """done/ and failed/ are on another file system than the drop folder."""

    @property
    def key(self) -> str:
        return f"key-of-{self.name}-0123456789"


@dataclass(frozen=True)
class Dropped:
    """A file that was handed over."""

    model: str
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Installation:
    """Everything below one folder. Use as a context manager."""

    root: Path
    models: tuple[Model, ...]
    other: Path | None = None
    """A folder on another file system."""
    faults: dict = field(default_factory=dict)
    facts: Mapping = field(default_factory=lambda: WORST_CASE)
    """What the vendor leaves open, taken the worst way."""
    manners: dict = field(default_factory=dict)
    """Further settings of the service."""
    poll: str = ""
    dropped: list[Dropped] = field(default_factory=list)
    left: list[Dropped] = field(default_factory=list)
    """What was handed over and is to stay in the drop folder."""
    retries: int = 0
    kills: list[Ended] = field(default_factory=list)
    starts: int = 0

    def __enter__(self):
        self._exit = ExitStack()
        self.service = EmulatorConfig(
            self.root / "service",
            models=tuple(
                EmulatedModel(model.name, 1000 + number, model.key, target="churned")
                for number, model in enumerate(self.models)
            ),
            trainer="instant",
            faults=self.faults,
            facts=self.facts,
            **{"repeated_upload": "again-always", "hidden_time": HIDDEN, **self.manners},
        )
        self.emulator = self._exit.enter_context(Emulator(self.service))
        if self.other:
            self._exit.callback(shutil.rmtree, self.other, ignore_errors=True)
        for model in self.models:
            for folder in (self.drop(model.name), self.done(model.name), self.failed(model.name)):
                folder.mkdir(parents=True, exist_ok=True)
            key_file = self.root / f"{model.name}.key"
            key_file.touch(0o600)
            key_file.write_text(model.key)
        self.config = self.root / "config.toml"
        self.config.write_text(self._text())
        return self

    def __exit__(self, *_):
        self._exit.close()

    def _text(self) -> str:
        lines = [
            f'[api]\nbase_url = "{self.emulator.url}"\ntimeout = 5',
            f'[state]\nurl = "sqlite:///{self.root}/state/journal.db"\nspool = "{self.spool}"',
            f'[poll]\ninterval = "10ms"\nupload_doubt = "{UPLOAD_DOUBT_MS}ms"\n{self.poll}',
            '[work]\nretry_first = "10ms"\nretry_longest = "100ms"',
        ]
        for model in self.models:
            lines.append(
                f'[models.{model.name}]\ndrop = "{self.drop(model.name)}"\nsettle = "0s"\nmode = "{model.mode}"\n'
                f'api_key_file = "{self.root}/{model.name}.key"\nswitch = "{model.switch}"'
            )
            if model.elsewhere and self.other:
                lines.append(f'done = "{self.done(model.name)}"\nfailed = "{self.failed(model.name)}"')
            if model.more:
                lines.append(model.more)
        return "\n".join(lines) + "\n"

    # Places

    @property
    def spool(self) -> Path:
        return self.root / "state" / "spool"

    @property
    def journal(self) -> Path:
        return self.root / "state" / "journal.db"

    @property
    def log(self) -> Path:
        return self.root / "retraind.log"

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def drop(self, model: str) -> Path:
        return self.root / "share" / model

    def _beside(self, model: str) -> Path:
        return self.other / model if self.other and self.model(model).elsewhere else self.drop(model)

    def done(self, model: str) -> Path:
        return self._beside(model) / "done"

    def failed(self, model: str) -> Path:
        return self._beside(model) / "failed"

    # What happens

    def hand_over(self, model: str, name: str, content: bytes, *, stays: bool = False) -> None:
        made = Dropped(model, name, content)
        (self.left if stays else self.dropped).append(made)
        deliver(self.drop(model), name, content)

    def deliver(self, model: str, key: str, train: bytes, evaluation: bytes | None = None) -> None:
        if evaluation is not None:
            self.hand_over(model, f"eval_{key}.csv", evaluation)
        self.hand_over(model, f"train_{key}.csv", train)

    def run(self, *arguments: str, plan: dict | None = None) -> Ended:
        """Run the daemon until all is at rest, or a command, or until `plan` kills it."""
        command, *others = arguments or ("run", "--once")
        ended = self._to_the_end([command, "-c", str(self.config), *others], plan or {})
        self.starts += 1
        if ended.killed:
            self.kills.append(ended)
        return ended

    def _to_the_end(self, arguments: list[str], plan: dict) -> Ended:
        struck = self.root / points.STRUCK
        struck.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            process = zygote().start(
                str(self.root),
                arguments,
                plan,
                out=log.fileno(),
                err=log.fileno(),
                run="scenarios.crash.points:run",
            )
        moment = plan.get("moment")
        point = None
        try:
            code = process.wait(PATIENCE if moment is None else moment)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
            point = _STUCK if moment is None else "moment"
        if code != -signal.SIGKILL:
            return Ended(code, None)
        return Ended(code, struck.read_text() if struck.exists() else point)

    def passes(self) -> dict[str, int]:
        """Return how often each point was passed in the last run that was not killed."""
        return json.loads((self.root / points.PASSES).read_text())

    def filed(self, *places: str) -> list[Path]:
        """Return the jobs' folders in done/ and failed/, or in one of them."""
        return sorted(
            folder
            for model in self.models
            for place in places or ("done", "failed")
            for folder in getattr(self, place)(model.name).iterdir()
            if folder.is_dir()
        )


def table(chance: random.Random, rows: int = 20, *, good: bool = True) -> bytes:
    """Make a small data set; the service takes it, if it is `good`."""
    lines = [f"{chance.randrange(90)},{chance.choice('abc')},{row % 2}\n" for row in range(rows)]
    if not good:
        lines[rows // 2] = "1,2\n"
    return ("age,plan,churned\n" + "".join(lines)).encode("utf-8-sig")
