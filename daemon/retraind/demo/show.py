"""The demo: the emulator, the daemon as a process of its own, and deliveries as an ETL job makes them.

What is printed is read from the folders and from `retraind`'s own commands, as any user would.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from rich.console import Console
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
_BAD_STORY = (State.SEALED, State.FAILED)
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
        with _stage(root) as daemon:
            good = _play(console, root, daemon)
            if options.keep:
                _leave_running(console, root, daemon)
            return 0 if good else 1
    except EmulatorError as error:
        console.print(f"retraind: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(root)


@contextmanager
def _stage(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    drop = root / "share" / "weather"
    drop.mkdir(parents=True)
    key = secrets.token_urlsafe(24)
    _write(root / "weather.key", key.encode(), 0o600)
    _write(root / "gate.py", _GATE.encode())
    model = EmulatedModel("weather", 1001, key, target=TARGET)
    service = EmulatorConfig(root / "service", models=(model,), train_time=timedelta(seconds=2))
    with Emulator(service) as emulator:
        config = root / "config.toml"
        text = _CONFIG.format(url=emulator.url, root=root, python=sys.executable, gate=root / "gate.py")
        _write(config, text.encode(), 0o600)
        with (root / "retraind.log").open("wb") as log:
            daemon = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, "-m", "retraind", "run", "-c", str(config)], stderr=log, env=_environment()
            )
        try:
            yield daemon
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(15)


def _environment() -> dict[str, str]:
    """Return the environment without variables that are meant for a real installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RETRAIND_")}


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.touch(mode)
    path.write_bytes(content)


def _play(console: Console, root: Path, daemon: subprocess.Popen[bytes]) -> bool:
    drop = root / "share" / "weather"
    console.print(
        Panel(
            escape(_voice.label("demo_intro", file=FILE, drop=drop)),
            title="retraind demo",
            expand=False,
        )
    )
    journal = _journal(root, daemon)
    deadline = time.monotonic() + _PATIENCE

    def alive() -> None:
        _alive(daemon, root, deadline)

    try:
        _print_heading(console, _voice.label("demo_good_heading"), _voice.label("demo_good_text"))
        _deliver(console, drop, "2015", *good_delivery())
        job = _follow(console, journal, alive, set(), STORY)
        _show_good(console, drop, job)
        _print_heading(console, _voice.label("demo_bad_heading"), _voice.label("demo_bad_text"))
        _deliver(console, drop, "2016-broken", *bad_delivery())
        bad = _follow(console, journal, alive, {job.id}, _BAD_STORY)
        _show_bad(console, drop, bad)
    finally:
        journal.close()
    return job.outcome is Outcome.SWITCHED and bad.outcome is Outcome.FAILED


def _print_heading(console: Console, heading: str, text: str) -> None:
    console.print(f"\n[bold]{heading}[/] {text}\n")


def _journal(root: Path, daemon: subprocess.Popen[bytes]) -> Journal:
    file = root / "state" / "journal.db"
    deadline = time.monotonic() + _PATIENCE
    log = root / "retraind.log"
    while b'"ready"' not in log.read_bytes():
        _alive(daemon, root, deadline)
        time.sleep(_TICK)
    return Journal.open(file)


def _alive(daemon: subprocess.Popen[bytes], root: Path, deadline: float) -> None:
    if daemon.poll() is not None or time.monotonic() > deadline:
        log = (root / "retraind.log").read_text(errors="replace")
        raise EmulatorError(_voice.label("demo_stuck", log=log[-3000:]))


def _deliver(console: Console, drop: Path, key: str, train: bytes, evaluation: bytes) -> None:
    for role, content in (("train", train), ("eval", evaluation)):
        name = f"{role}_{key}.csv"
        hidden = drop / f".{name}"
        hidden.write_bytes(content)
        hidden.rename(drop / name)
        size = _voice.label("demo_size", size=len(content))
        console.print(f"   $ mv .{name} {name}   [dim]{size}[/]")
        time.sleep(_EXPORT_PAUSE)


def _follow(
    console: Console,
    journal: Journal,
    alive: Callable[[], None],
    known: set[str],
    story: Sequence[State],
) -> Job:
    """Show a new job's life as it happens, until its end."""
    begun = time.monotonic()
    reached: dict[State, float] = {}
    job: Job | None = None
    console.print()
    with Live(console=console, refresh_per_second=10, transient=False) as live:
        while job is None or job.state not in {State.DONE, State.FAILED}:
            alive()
            job = next((each for each in journal.jobs.newest() if each.id not in known), None)
            if job is not None:
                for event in journal.events.history(job.id):
                    if "to" in event.detail:
                        reached.setdefault(State(event.detail["to"]), time.monotonic() - begun)
            live.update(_progress(story, reached))
            time.sleep(_TICK)
        live.update(_progress(story, reached))
    return job


def _progress(story: Sequence[State], reached: Mapping[State, float]) -> Table:
    table = Table.grid(padding=(0, 1))
    waiting = True
    for state in story:
        text = _voice.label("demo_step", state=state)
        if state in reached:
            table.add_row("  ", Text("✔", style="green"), text, Text(f"{reached[state]:5.1f} s", style="dim"))
        elif waiting:
            waiting = False
            table.add_row("  ", Spinner("dots", style="cyan"), Text(text, style="dim"), "")
        else:
            table.add_row("  ", Text("·", style="dim"), Text(text, style="dim"), "")
    return table


def _show_good(console: Console, drop: Path, job: Job) -> None:
    folder = drop / "done" / job.id
    console.print()
    console.print(_tree(drop))
    console.print(_note(folder / RESULT))
    with zipfile.ZipFile(folder / RESULTS_FILE) as results:
        found = json.loads(results.read("metrics.json"))
    table = Table(title=_voice.label("demo_table_title"), title_justify="left")
    for column in ("metric", "model", "baseline"):
        table.add_column(_voice.label("demo_column", name=column))
    for name, value in found["model"].items():
        base = found["baseline"].get(name)
        table.add_row(name, f"{value:.3f}", f"{base:.3f}" if base is not None else "")
    console.print(table)


def _show_bad(console: Console, drop: Path, job: Job) -> None:
    console.print()
    console.print(_note(drop / "failed" / job.id / ERROR))
    console.print(_tree(drop))


def _note(path: Path) -> Panel:
    return Panel(
        Text(path.read_text(encoding="utf-8-sig").strip()), title=path.name, title_align="left", expand=False
    )


def _tree(folder: Path) -> Tree:
    def grow(path: Path, branch: Tree) -> None:
        for below in sorted(path.iterdir()):
            if not below.name.startswith("."):
                leaf = branch.add(
                    escape(below.name + "/" * below.is_dir()), style="blue" if below.is_dir() else ""
                )
                if below.is_dir():
                    grow(below, leaf)

    tree = Tree(f"[bold]{escape(folder.name)}/[/]   {_voice.label('demo_folder')}", style="")
    grow(folder, tree)
    return tree


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
