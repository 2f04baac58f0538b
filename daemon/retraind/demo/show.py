"""The demo: the emulator, the daemon as a process of its own, and deliveries as an ETL job makes them.

What is printed is read from the folders and the journal.
"""

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console, ConsoleRenderable
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from retraind.demo.data import FILE, TARGET, bad_delivery, good_delivery
from retraind.domain.job import Job, Outcome, State
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig, EmulatorError
from retraind.report.notes import ERROR, RESULT, RESULTS_FILE
from retraind.report.wording import Voice
from retraind.store.journal import Journal

_PATIENCE = 120.0
_TICK = 0.1
_EXPORT_PAUSE = 1.5
"""Seconds between the two files of a delivery, as an export takes them."""

_CONFIG = """\
[api]
base_url = "{url}"

[state]
url = "sqlite:///{root}/state/journal.db"
spool = "{root}/state/spool"

[poll]
interval = "1s"

[models.weather]
drop = "{root}/share/weather"
api_key_file = "{root}/weather.key"
settle = "2s"
switch = "gate"
gate = ["{python}", "{gate}"]
"""

_GATE = """\
# The owner's own rule: publish the new model only if it beats guessing the most frequent weather.
import json, sys, zipfile

job = json.load(sys.stdin)
with zipfile.ZipFile(job["results"]) as results:
    metrics = json.loads(results.read("metrics.json"))
accuracy, guessing = metrics["model"]["accuracy"], metrics["baseline"]["accuracy"]
print(f"accuracy {accuracy:.3f}; always guessing the most frequent weather: {guessing:.3f}")
sys.exit(0 if accuracy > guessing else 1)
"""

STORY = (
    State.SEALED, State.CHECKED, State.BUNDLED, State.REGISTERED, State.UPLOADED, State.TRAINED,
    State.SWITCHING, State.FILING, State.DONE,
)  # fmt: skip
"""What a good delivery's job reaches."""
_voice = Voice()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `retraind demo`."""
    parser.add_argument(
        "--keep", action="store_true", help="leave it running afterwards, to drop files by hand"
    )


def run_from_arguments(options: argparse.Namespace) -> int:
    """Run the demo; returns the exit code."""
    console = Console(highlight=False)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A closed terminal must not leave the daemon and the folder behind.
        signal.signal(number, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="retraind-demo-"))
    try:
        with _running(root) as daemon:
            good = _Show(console, root, daemon).play()
            if options.keep:
                _leave_running(console, root, daemon)
            return 0 if good else 1
    except EmulatorError as error:
        console.print(f"retraind: {error}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(root)


@contextmanager
def _running(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the emulator, and the daemon as a process of its own."""
    (root / "share" / "weather").mkdir(parents=True)
    key = secrets.token_urlsafe(24)
    model = EmulatedModel("weather", 1001, key, target=TARGET)
    service = EmulatorConfig(root / "service", models=(model,), train_time=timedelta(seconds=2))
    # Variables that are meant for a real installation do not apply.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RETRAIND_")}
    with Emulator(service) as emulator, (root / "retraind.log").open("wb") as log:
        gate, config = root / "gate.py", root / "config.toml"
        text = _CONFIG.format(url=emulator.url, root=root, python=sys.executable, gate=gate)
        for path, content in ((root / "weather.key", key), (gate, _GATE), (config, text)):
            path.touch(0o600)
            path.write_text(content, encoding="utf-8")
        daemon = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "retraind", "run", "-c", str(config)], stderr=log, env=variables
        )
        try:
            yield daemon
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(15)


class _Show:
    """The demo on the console."""

    def __init__(self, console: Console, root: Path, daemon: subprocess.Popen[bytes]) -> None:
        self._console, self._daemon = console, daemon
        self._drop, self._log = root / "share" / "weather", root / "retraind.log"
        self._journal = root / "state" / "journal.db"
        self._deadline = time.monotonic() + _PATIENCE

    def play(self) -> bool:
        """Show a good and a bad delivery; returns whether both ended as they should."""
        intro = escape(_voice.label("demo_intro", file=FILE, drop=self._drop))
        self._console.print(Panel(intro, title="retraind demo", expand=False))
        while b'"ready"' not in self._log.read_bytes():
            self._pause()
        with closing(Journal.open(self._journal)) as journal:
            self._deliver(_voice.label("demo_good"), "2015", *good_delivery())
            good = self._follow(journal, set(), STORY)
            folder = self._drop / "done" / good.id
            self._print(_tree(self._drop), _note(folder / RESULT), _metrics(folder / RESULTS_FILE))
            self._deliver(_voice.label("demo_bad"), "2016-broken", *bad_delivery())
            bad = self._follow(journal, {good.id}, (State.SEALED, State.FAILED))
            self._print(_note(self._drop / "failed" / bad.id / ERROR), _tree(self._drop))
        return good.outcome is Outcome.SWITCHED and bad.outcome is Outcome.FAILED

    def _print(self, *parts: ConsoleRenderable) -> None:
        for part in parts:
            self._console.print(part)

    def _pause(self) -> None:
        """Wait a moment. Raises EmulatorError when the daemon has ended, or has taken too long."""
        if self._daemon.poll() is not None or time.monotonic() > self._deadline:
            log = self._log.read_text(errors="replace")
            raise EmulatorError(_voice.label("demo_stuck", log=log[-3000:]))
        time.sleep(_TICK)

    def _deliver(self, heading: str, key: str, train: bytes, evaluation: bytes) -> None:
        self._console.print(f"\n{heading}\n", style="bold")
        for role, content in (("train", train), ("eval", evaluation)):
            name = f"{role}_{key}.csv"
            hidden = self._drop / f".{name}"
            hidden.write_bytes(content)
            hidden.rename(self._drop / name)
            size = _voice.label("demo_size", size=len(content))
            self._console.print(f"   $ mv .{name} {name}   [dim]{size}[/]")
            time.sleep(_EXPORT_PAUSE)

    def _follow(self, journal: Journal, known: set[str], story: Sequence[State]) -> Job:
        """Show what becomes of a new job, as it happens, until its end."""
        begun = time.monotonic()
        reached: dict[State, float] = {}
        job: Job | None = None
        self._console.print()
        with Live(console=self._console, refresh_per_second=10) as live:
            while job is None or job.state not in {State.DONE, State.FAILED}:
                self._pause()
                job = next((each for each in journal.jobs.newest() if each.id not in known), None)
                for event in journal.events.history(job.id) if job else ():
                    if "to" in event.detail:
                        reached.setdefault(State(event.detail["to"]), time.monotonic() - begun)
                live.update(_progress(story, reached))
        self._console.print()
        return job


def _progress(story: Sequence[State], reached: Mapping[State, float]) -> Table:
    table = Table.grid(padding=(0, 1))
    current = next((state for state in story if state not in reached), None)
    for state in story:
        text = _voice.label("demo_step", state=state)
        if state in reached:
            after = Text(f"{reached[state]:5.1f} s", style="dim")
            table.add_row("  ", Text("✔", style="green"), text, after)
        else:
            mark = Spinner("dots", style="cyan") if state is current else Text("·", style="dim")
            table.add_row("  ", mark, Text(text, style="dim"), "")
    return table


def _metrics(path: Path) -> Table:
    with zipfile.ZipFile(path) as results:
        found = json.loads(results.read("metrics.json"))
    table = Table(title=_voice.label("demo_table_title"), title_justify="left")
    for column in ("metric", "model", "baseline"):
        table.add_column(_voice.label("demo_column", name=column))
    for name, value in found["model"].items():
        base = found["baseline"].get(name)
        table.add_row(name, f"{value:.3f}", f"{base:.3f}" if base is not None else "")
    return table


def _note(path: Path) -> Panel:
    text = Text(path.read_text(encoding="utf-8-sig").strip())
    return Panel(text, title=path.name, title_align="left", expand=False)


def _tree(folder: Path) -> Tree:
    tree = Tree(f"[bold]{escape(folder.name)}/[/]   {_voice.label('demo_folder')}")
    _grow(tree, folder)
    return tree


def _grow(branch: Tree, folder: Path) -> None:
    """Add what is in a folder, hidden files left out."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            _grow(branch.add(escape(f"{path.name}/"), style="blue"), path)
        else:
            branch.add(escape(path.name), style="")


def _leave_running(console: Console, root: Path, daemon: subprocess.Popen[bytes]) -> None:
    command = "retraind" if shutil.which("retraind") else f"{shlex.quote(sys.executable)} -m retraind"
    drop, config, log = root / "share" / "weather", root / "config.toml", root / "retraind.log"
    text = _voice.label("demo_running", drop=drop, command=command, config=config, log=log)
    # Not through rich's layout: what is pasted must not be wrapped.
    console.print(f"\n{text}", markup=False, soft_wrap=True)
    try:
        daemon.wait()
    except KeyboardInterrupt:
        console.print(_voice.label("demo_ended"))
