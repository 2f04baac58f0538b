"""What it costs to watch many folders, each figure beside a baseline that is measured in the same run.

    python -m benchmarks.watching [start sweep large beside idle seal] [--runs N] [--models N] [--folders N]
    [--seconds N]

Everything happens in a temporary folder ($TMPDIR says where) and without a service: no delivery gets further
than its seal. Times are medians of the runs; those of sweeps over what is known already are CPU times, which
other work on the machine disturbs least.
"""

import argparse
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from retraind.bundle import deflate
from retraind.bundle.zip_writer import Member, build
from retraind.config.load import load
from retraind.config.settings import Settings
from retraind.daemon import Daemon
from retraind.reconcile.lanes import Lane, Lanes, Shared
from retraind.system import log
from retraind.system.reading import open_regular
from retraind.system.service import process, startup

DATA = b"a,b\n1,2\n"
NOBODY = "http://127.0.0.1:9/"
"""Where no service answers."""
FILES = 10
"""In each folder of a sweep."""
BUNDLED_ROWS = 3_000_000
LARGE = 100_000
"""In the one large folder, of which so many are such that a look takes note of them:"""
RECOGNISED = 9_000
SETTLE = 1.0
SWEPT_SETTLE = 10.0
"""As by default: longer than a sweep, so that looks at what has just settled do not come between."""
PATIENCE = 300.0
MILLISECONDS = 1_000
PERCENT = 100

KINDS: dict[str, Callable[[int], str]] = {
    "waiting": "train_{}.csv".format,
    "strange": "notes_{}.txt".format,
    "hidden": ".train_{}.csv.tmp".format,
}
"""Names of files that stay where they are: half pairs, what nothing recognises, and what is ignored."""


class Site:
    """An installation of `count` models below `root`, without a service."""

    def __init__(self, root: Path, count: int, *, settle: float = SETTLE) -> None:
        self.root = root
        self.config = root / "config.toml"
        self.drops = [root / "share" / f"m{number:05}" for number in range(count)]
        for drop in self.drops:
            drop.mkdir(parents=True, exist_ok=True)
        key = root / "key"
        key.touch(0o600)
        key.write_text("key-of-a-model-0123456789")
        self.config.write_text(
            f'[api]\nbase_url = "{NOBODY}"\n[state]\nurl = "sqlite:///{root}/state/journal.db"\n'
            f'spool = "{root}/state/spool"\n'
            + "".join(
                f'[models.{drop.name}]\ndrop = "{drop}"\napi_key_file = "{key}"\nsettle = {settle}\n'
                for drop in self.drops
            )
        )

    @contextmanager
    def running(self) -> Iterator["Running"]:
        """Run retraind as a service does; it has said that it is ready when the block begins."""
        log_file = self.root / "retraind.log"
        with log_file.open("wb") as writer, log_file.open("rb") as reader:
            begun = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "retraind", "run", "-c", str(self.config)], stderr=writer
            )
            try:
                while b'"event": "ready"' not in (line := reader.readline()):
                    if process.poll() is not None:
                        raise SystemExit(log_file.read_text())
                    if not line:
                        time.sleep(0.0005)
                running = Running(process, time.perf_counter() - begun)
                running.ready_cpu = running.cpu()
                yield running
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)


class Running:
    """A daemon at work."""

    def __init__(self, process: subprocess.Popen[bytes], ready: float) -> None:
        self.ready = ready
        """Seconds from the start of the process to READY."""
        self.ready_cpu = 0.0
        """Seconds of CPU until then."""
        self._proc = Path("/proc") / str(process.pid)

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, field: str) -> int:
        """Return a number from its /proc/PID/status."""
        line = next(
            line for line in (self._proc / "status").read_text().splitlines() if line.startswith(field)
        )
        return int(line.split()[1])


@contextmanager
def _folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="retraind-bench-"))
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _tell(what: str, value: str, ratio: float, baseline: str) -> None:
    _say(f"{what:<66} {value:>9} {ratio:9.2f} x {baseline}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _seconds(span: float) -> str:
    return f"{span:.3f} s" if span >= 1 else f"{span * MILLISECONDS:.1f} ms"


def _timed(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def _worked(function: Callable[[], object]) -> float:
    begun = time.thread_time()
    function()
    return time.thread_time() - begun


def start(options: argparse.Namespace) -> None:
    """Time from the start of the process to READY, with many models and with one."""
    times: dict[str, list[tuple[float, float]]] = {"one": [], "first": [], "second": []}
    threads, memory = 0, 0
    for _ in range(options.runs):
        with _folder() as place:
            one = Site(place, 1)
            for _ in range(2):
                with one.running() as daemon:
                    alone = daemon.ready, daemon.ready_cpu
            times["one"].append(alone)
        with _folder() as place:
            site = Site(place, options.models)
            for which in ("first", "second"):
                with site.running() as daemon:
                    times[which].append((daemon.ready, daemon.ready_cpu))
                    time.sleep(5)
                    threads, memory = daemon.status("Threads"), daemon.status("VmHWM")
    for place_of, what in enumerate(("to READY", "CPU to READY")):
        medians = {
            which: statistics.median(each[place_of] for each in found) for which, found in times.items()
        }
        base = medians.pop("one")
        for which, span in medians.items():
            _tell(
                f"{which} start with {options.models:,} models, {what}", _seconds(span), span / base,
                f"a start with one model ({_seconds(base)})",
            )  # fmt: skip
    _say(f"{'':<4}then {threads} threads, {memory / 1024:.0f} MB at most")


def _bare(drops: list[Path]) -> None:
    for drop in drops:
        with os.scandir(drop) as entries:
            for entry in entries:
                entry.stat(follow_symlinks=False)


def _stats(drops: list[Path]) -> None:
    for drop in drops:
        drop.stat()


@contextmanager
def _swept(place: Path, drops: int, fill: Callable[[Path], None]) -> Iterator[tuple[Daemon, list[Path]]]:
    """A daemon in this process whose sweeps are called, with folders that `fill` has filled."""
    site = Site(place, drops, settle=SWEPT_SETTLE)
    for drop in site.drops:
        fill(drop)
    settings: Settings
    settings, file = load(site.config)
    startup.stop_collecting()
    startup.start_collecting()  # As the command does.
    with Daemon(settings, file, lanes=_HereLanes()) as daemon:
        daemon.folders.allow_writing()
        daemon.begin()
        yield daemon, site.drops


class _HereLane(Lane):
    """A lane whose tasks `_sweep` runs on its own thread, so that its CPU time is that of all."""

    def __init__(self, name: str) -> None:
        super().__init__(name, 1)
        self._tasks: dict[str, Callable[[], None]] = {}

    def submit(self, key: str, task: Callable[[], None]) -> bool:
        return self._tasks.setdefault(key, task) is task

    def run(self) -> bool:
        """Run what waits; returns whether there was anything."""
        waiting = [*self._tasks]
        for key in waiting:
            self._tasks.pop(key)()
        return bool(waiting)


class _HereLanes(Lanes):
    def __init__(self) -> None:
        super().__init__(1)
        self._lanes: dict[str, _HereLane] = {}

    def shared(self, name: Shared) -> _HereLane:
        return self.share(name)

    def share(self, file_system: str) -> _HereLane:
        return self._lanes.setdefault(file_system, _HereLane(file_system))

    def run(self) -> bool:
        """Run what waits on any lane; returns whether there was anything."""
        return any(lane.run() for lane in [*self._lanes.values()])


def _sweep(daemon: Daemon) -> None:
    """Sweep all folders, and do all that follows."""
    lanes = daemon.lanes
    assert isinstance(lanes, _HereLanes)
    for name in daemon.folders.file_systems():
        daemon.sweeps.sweep(name)
    while daemon.loop.work_off_due() or lanes.run():
        pass


def _touch(drops: list[Path]) -> None:
    for drop in drops:
        os.utime(drop)


def _come(drops: list[Path]) -> None:
    for drop in drops:
        (drop / ".coming.tmp").touch()


def _go(drops: list[Path]) -> None:
    for drop in drops:
        (drop / ".coming.tmp").unlink()


CHANGES: dict[str, Callable[[list[Path]], None]] = {
    "times of all folders changed": _touch,
    "a hidden file came into each": _come,
    "it went from each": _go,
}


def _sweeps(options: argparse.Namespace, title: str, count: int, fill: Callable[[Path], None]) -> None:
    with _folder() as place, _swept(place, count, fill) as (daemon, drops):
        daemon.folders.allow_writing(yes=False)
        first = _timed(lambda: _sweep(daemon))
        daemon.folders.allow_writing()
        told = _timed(lambda: _sweep(daemon))
        time.sleep(SWEPT_SETTLE)
        bare, stats, same = [], [], []
        changed: dict[str, list[float]] = {what: [] for what in CHANGES}
        for _ in range(options.runs):
            for _ in range(2):
                time.sleep(4)  # Time stamps have grown old enough to be believed.
                _sweep(daemon)
            bare.append(_worked(lambda: _bare(drops)))
            stats.append(_worked(lambda: _stats(drops)))
            same.append(_worked(lambda: _sweep(daemon)))
            for what, change in CHANGES.items():
                change(drops)
                changed[what].append(_worked(lambda: _sweep(daemon)))
        base, floor = statistics.median(bare), statistics.median(stats)
        listed = f"bare scandir + stat ({_seconds(base)})"
        _tell(f"{title}: first sweep", _seconds(first), first / base, listed)
        _tell(f"{title}: folders marked and told", _seconds(told), told / base, listed)
        for what, spans in changed.items():
            span = statistics.median(spans)
            _tell(f"{title}: {what}", _seconds(span), span / base, listed)
        span = statistics.median(same)
        _tell(f"{title}: sweep, nothing changed", _seconds(span), span / base, listed)
        _tell("", "", span / floor, f"bare stat of the folders ({_seconds(floor)})")


def sweep(options: argparse.Namespace) -> None:
    """Sweeps of many folders of ten files, against listing them and asking after each file."""
    for kind, name in KINDS.items():

        def fill(drop: Path, name: Callable[[int], str] = name) -> None:
            for number in range(FILES):
                (drop / name(number)).write_bytes(DATA)

        _sweeps(options, f"{options.folders:,} folders x {FILES} {kind}", options.folders, fill)


def large(options: argparse.Namespace) -> None:
    """Sweeps of one folder of 100,000 files."""

    def fill(drop: Path) -> None:
        for number in range(LARGE):
            name = KINDS["waiting" if number < RECOGNISED else "strange"]
            (drop / name(number)).write_bytes(DATA)

    _sweeps(options, f"1 folder x {LARGE:,}, {RECOGNISED:,} of them waiting", 1, fill)


def beside(options: argparse.Namespace) -> None:
    """How long a bundle takes while folders are swept without end.

    In service, a sweep comes every half minute.
    """

    def fill(drop: Path) -> None:
        for number in range(FILES):
            (drop / KINDS["hidden"](number)).write_bytes(DATA)

    with _folder() as place, _swept(place, options.folders, fill) as (daemon, _):
        data = place / "data.csv"
        data.write_bytes(b"".join(b"%d,%d,abc\n" % (row, row % 90) for row in range(BUNDLED_ROWS)))
        member = Member(data.name, data.stat().st_size, partial(open_regular, data))
        for _ in range(3):
            _sweep(daemon)
            time.sleep(4)  # As in `_sweeps`.

        def bundle() -> float:
            return _timed(lambda: build(place / "data.zip", [member], deflate.fast()))

        alone = statistics.median(bundle() for _ in range(2 * options.runs))
        over = threading.Event()
        sweeps: list[float] = []

        def sweep_on() -> None:
            while not over.is_set():
                sweeps.append(_timed(lambda: _sweep(daemon)))

        sweeping = threading.Thread(target=sweep_on)
        sweeping.start()
        together = statistics.median(bundle() for _ in range(2 * options.runs))
        over.set()
        sweeping.join()
        what = f"a bundle beside sweeps of {options.folders:,} folders without end"
        _tell(what, _seconds(together), together / alone, f"alone ({_seconds(alone)})")
        _say(f"{'':<4}each of the {len(sweeps)} sweeps then took {_seconds(statistics.median(sweeps))}")


def idle(options: argparse.Namespace) -> None:
    """CPU of a daemon that has nothing to do."""
    with _folder() as place:
        site = Site(place, options.models)
        with site.running() as daemon:
            time.sleep(20)
            begun, used = time.monotonic(), daemon.cpu()
            time.sleep(options.seconds)
            share = (daemon.cpu() - used) / (time.monotonic() - begun)
        _tell(
            f"idle with {options.models:,} models, {options.seconds} s",
            f"{share * PERCENT:.2f} %", share, "a core",
        )  # fmt: skip


def seal(options: argparse.Namespace) -> None:
    """Time from the last close of a delivery's files to their seal."""
    with _folder() as place:
        site = Site(place, 10)
        spans = []
        with site.running():
            for run in range(2 * options.runs):
                drop = site.drops[run % len(site.drops)]
                for role in ("eval", "train"):
                    (drop / f"{role}_{run}.csv").write_bytes(DATA * (run + 1))
                closed = time.monotonic()
                while (drop / f"train_{run}.csv").exists():
                    time.sleep(0.001)
                spans.append(time.monotonic() - closed)
        late = statistics.median(spans) - SETTLE
        _tell("last close to sealed, less settle", _seconds(late), late / SETTLE, f"settle ({SETTLE:g} s)")


PARTS = {part.__name__: part for part in (start, sweep, large, beside, idle, seal)}


def main() -> None:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which parts; all by default")
    parser.add_argument("--runs", type=int, default=5, help="of which the medians are taken")
    parser.add_argument("--models", type=int, default=1_000, help="for start and idle")
    parser.add_argument("--folders", type=int, default=10_000, help="for sweep and beside")
    parser.add_argument("--seconds", type=int, default=60, help="for idle")
    options = parser.parse_args()
    log.set_up(level="ERROR")
    process.prepare()
    # Handles are not what is measured.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for part in options.parts or PARTS:
        PARTS[part](options)


if __name__ == "__main__":
    main()
