"""`make soak`: years of traffic in hours, with faults all the time, and what the daemon has grown by.

python -m soak.campaign --minutes 240 --models 100 --seed 1

A real daemon works for many models against an emulated service that fails in every way it knows. ETL jobs
deliver good, bad, equal and half deliveries; keys are replaced; the service goes away; the daemon is
reloaded; a person clears failed/ away. Finished jobs are kept for a short while, so that what ought to stay
flat can be told from history that is kept.
"""

# ruff: noqa: T201 - printing is what it is for

import argparse
import hashlib
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from retraind.emulator import STATUSES, WORST_CASE, EmulatedModel, Emulator, EmulatorConfig, read_records
from scenarios.crash.installation import table
from support.ledger import history
from support.places import in_memory
from support.process import Site, deliver, until

_ANSWERS = {
    f"{what}_{status}{after}": 0.0005
    for what in ("api", "upload")
    for status in STATUSES
    for after in ("", "_after")
}
"""Every answer of HTTP, before and after what was asked for was done: one call in twenty, in sum."""
FAULTS = _ANSWERS | {
    "api_429": 0.01, "api_500": 0.01, "api_503": 0.02, "api_html": 0.005, "api_truncated": 0.01, "api_empty": 0.005,
    "upload_500": 0.01, "upload_503": 0.02, "upload_reset": 0.02, "upload_lost_answer": 0.02, "upload_html_after": 0.005,
    "api_204": 0.002, "api_204_after": 0.002, "api_empty_after": 0.005, "api_html_after": 0.002,
    "results_reset": 0.02, "results_truncated": 0.02, "train_fails": 0.02,
}  # fmt: skip
_KEPT_SECONDS = 60
"""How long finished jobs are kept, and how long a person leaves failed ones."""
_WARM_UP = 0.3
"""The share of the time that does not count: caches and the kept history fill."""
_BUSY, _QUIET = 60, 15
"""Seconds of traffic, and of none: long enough for threads to end, so that others have to begin."""
_SPREAD = {"memory MB": 1.10, "threads": 1.10, "file handles": 1.10, "journal KB": 1.15}
"""How much more the last third may have than the one before it, as a ratio of medians."""


class Sample(NamedTuple):
    """What the daemon's process has at a moment."""

    seconds: float
    memory_mb: float
    threads: int
    handles: int
    journal_kb: int
    cpu_seconds: float


@dataclass
class Account:
    """What was handed over, and what became of it."""

    dropped: dict[str, str] = field(default_factory=dict)
    """By hash, the name of a file that has not been seen in done/ or failed/ yet."""
    filed: Counter[str] = field(default_factory=Counter)
    """How many jobs were filed, by place."""
    events: Counter[str] = field(default_factory=Counter)
    """What was done to the daemon and the service."""
    deliveries: int = 0


class Soak:
    """The installation and everybody who acts on it."""

    def __init__(self, root: Path, emulator: Emulator, site: Site, models: int, seed: str) -> None:
        self.root = root
        self.emulator = emulator
        self.site = site
        self.chance = random.Random(seed)
        self.account = Account()
        self.samples: list[Sample] = []
        self.drops = {f"model{number:03}": root / "share" / f"model{number:03}" for number in range(models)}
        self._seen: dict[Path, float] = {}
        self._number = 0

    # What happens to the daemon

    def hand_over(self) -> None:
        """Do what an ETL job does: now and then it is late, wrong, or repeats itself."""
        name = self.chance.choice(list(self.drops))
        self._number += 1
        key = f"{self._number:07}"
        train = table(self.chance, self.chance.choice((12, 50, 400)), good=self.chance.random() > 0.05)
        self.account.deliveries += 1
        times = 2 if self.chance.random() < 0.05 else 1
        for again in range(times):
            self._put(name, f"train_{key}{'b' * again}.csv", train)
            if pairs(name):
                self._put(name, f"eval_{key}{'b' * again}.csv", table(random.Random(key), 12))

    def _put(self, model: str, name: str, content: bytes) -> None:
        self.account.dropped[f"{model} {name} {hashlib.sha256(content).hexdigest()}"] = name
        deliver(self.drops[model], name, content)

    def disturb(self) -> None:
        """Let something happen that happens in years."""
        name = self.chance.choice(list(self.drops))
        match self.chance.choice(("key", "reload", "outage", "addresses", "command")):
            case "key":
                self.account.events["keys replaced"] += 1
                fresh = self.emulator.replace_key(name)
                time.sleep(0.3)
                new = self.root / f"{name}.key.new"
                new.touch(0o600)
                new.write_text(fresh)
                new.rename(self.root / f"{name}.key")
            case "reload":
                self.account.events["reloads"] += 1
                self.site.process.send_signal(signal.SIGHUP)
            case "outage":
                self.account.events["outages of the service"] += 1
                self.emulator.set_faults({"api_503": 1.0, "upload_503": 1.0})
                time.sleep(3)
                self.emulator.set_faults(FAULTS)
            case "addresses":
                self.account.events["addresses expired"] += 1
                self.emulator.expire_urls()
            case _:
                self.account.events["commands"] += 1
                self.site.command("status")

    def clear_away(self) -> None:
        """Take stock of done/ and failed/; do what a person does with failed deliveries: look, then delete."""
        now = time.monotonic()
        for name, drop in self.drops.items():
            for place in ("done", "failed"):
                if not (drop / place).is_dir():
                    continue
                for folder in list((drop / place).iterdir()):
                    if folder.is_dir() and not folder.name.startswith("."):
                        self._take_stock(name, place, folder, now)
        self._seen = {folder: since for folder, since in self._seen.items() if folder.exists()}

    def _take_stock(self, model: str, place: str, folder: Path, now: float) -> None:
        if folder not in self._seen:
            self._seen[folder] = now
            self.account.filed[place] += 1
            for file in folder.glob("*.csv"):
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                self.account.dropped.pop(f"{model} {file.name} {digest}", None)
        elif place == "failed" and now - self._seen[folder] > _KEPT_SECONDS:
            shutil.rmtree(folder)

    # What is seen of it

    def sample(self, began: float) -> None:
        process = Path("/proc", str(self.site.process.pid))
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        times = (process / "stat").read_text().rpartition(") ")[2].split()[11:13]
        state = self.root / "state"
        journal = sum(path.stat().st_size for path in state.glob("journal.db*"))
        self.samples.append(
            Sample(
                time.monotonic() - began,
                int(status["VmRSS"].split()[0]) / 1024,
                int(status["Threads"]),
                len(list((process / "fd").iterdir())),
                journal // 1024,
                sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
            )
        )

    def trained_twice(self) -> list[str]:
        """Say with what the service trained twice without having failed in between, by its own records."""
        return [
            f"{' '.join(content)} by {' and '.join(jobs)}"
            for content, jobs in history(self.root / "service").doubled().items()
        ]


def pairs(model: str) -> bool:
    """Tell which models want two files: two of three."""
    return int(model[-3:]) % 3 != 0


@contextmanager
def installed(root: Path, models: int, seed: str) -> Iterator[Soak]:
    """Start the service and the daemon."""
    named = [f"model{number:03}" for number in range(models)]
    service = EmulatorConfig(
        root / "service",
        models=tuple(
            EmulatedModel(name, 1000 + number, f"key-of-{name}-0123456789", target="churned")
            for number, name in enumerate(named)
        ),
        trainer="instant",
        repeated_upload="again-always",
        faults=FAULTS,
        facts=WORST_CASE,
        hidden_time=timedelta(milliseconds=300),
        results_lifetime=timedelta(seconds=5),
        seed=int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16),
    )
    with Emulator(service) as emulator:
        site = Site(root, emulator.url, sweep='[sweep]\ninterval = "5s"')
        for number, name in enumerate(named):
            more = [
                'settle = "100ms"',
                f'retention = "{_KEPT_SECONDS}s"',
                f'switch = "{("always", "manual")[number % 2]}"',
                f'mode = "{"pair" if pairs(name) else "train-only"}"',
            ]
            site.add_model(name, f"key-of-{name}-0123456789", "\n".join(more))
        site.start(own=True)
        try:
            yield Soak(root, emulator, site, models, seed)
            code = site.stop()
            if code:
                raise RuntimeError(f"the daemon ended with {code}; see {site.log}")
        finally:
            site.kill()


def soak(here: Soak, minutes: float, rate: float, tell: Callable[[str], None]) -> list[str]:
    """Let everybody act for so long; returns what is wrong."""
    began = time.monotonic()
    end = began + 60 * minutes
    ended = threading.Event()

    def every(seconds: float, act: Callable[[], None], *, pausing: bool = True) -> threading.Thread:
        def run() -> None:
            while not ended.wait(here.chance.uniform(0.5, 1.5) * seconds):
                if not pausing or (time.monotonic() - began) % (_BUSY + _QUIET) < _BUSY:
                    act()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    actors = [
        every(1 / rate, here.hand_over),
        every(15, here.disturb),
        every(2, here.clear_away, pausing=False),
    ]
    told = began
    try:
        while (now := time.monotonic()) < end:
            here.sample(began)
            if now - told > 60:
                told = now
                tell(_line(here))
            time.sleep(min(5, max(0.0, end - now)))
    finally:
        ended.set()
        for actor in actors:
            actor.join()
    here.emulator.set_faults({})
    try:
        until(lambda: here.clear_away() or not here.account.dropped, "all is filed", 180)
    except AssertionError:
        return [f"lost or stuck: {', '.join(list(here.account.dropped.values())[:10])}"]
    return [f"trained twice: {what}" for what in here.trained_twice()] + _errors(here)


def _errors(here: Soak) -> list[str]:
    return [
        f"in the log: {event['event']}: {event.get('exception') or event.get('trace') or ''}"
        for event in here.site.events()
        if event["event"] in {"step_crashed", "task_crashed"}
    ][:10]


def _line(here: Soak) -> str:
    last = here.samples[-1]
    return (
        f"{last.seconds / 60:6.1f} min  {here.account.deliveries:7,} deliveries  {last.memory_mb:6.1f} MB  "
        f"{last.threads:4} threads  {last.handles:4} handles  journal {last.journal_kb:6,} KB"
    )


def growth(samples: list[Sample]) -> tuple[str, list[str]]:
    """Compare the last third of what counts with the one before it; returns a table and what is not flat."""
    counted = samples[int(len(samples) * _WARM_UP) :]
    third = max(1, len(counted) // 3)
    before, after = counted[third : 2 * third] or counted, counted[-third:]
    rows, wrong = [], []
    for number, (name, most) in enumerate(_SPREAD.items(), 1):
        first, last = (statistics.median(sample[number] for sample in part) for part in (before, after))
        rows.append(
            f"{name:<14}{first:>10,.1f}{last:>10,.1f}{last / first:>8.2f}{max(s[number] for s in samples):>10,.1f}"
        )
        if last > first * most:
            wrong.append(f"{name} grew from {first:,.1f} to {last:,.1f}")
    head = f"{'':<14}{'middle':>10}{'end':>10}{'ratio':>8}{'peak':>10}"
    return "\n".join([head, *rows]), wrong


def summary(here: Soak) -> str:
    """Lay out what happened and what the daemon has grown by."""
    last = here.samples[-1]
    nights = here.account.deliveries / len(here.drops)
    struck = sum(record["event"] == "fault_struck" for record in read_records(here.root / "service"))
    return "\n".join(
        [
            "",
            f"{last.seconds / 3600:.2f} h, {len(here.drops)} models, {here.account.deliveries:,} deliveries: "
            f"{nights:,.0f} nights of one delivery for each model",
            f"filed: {dict(here.account.filed)}; faults: {struck:,}; {dict(here.account.events)}",
            f"CPU: {last.cpu_seconds / last.seconds:.2f} of a core",
            "",
            growth(here.samples)[0],
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make soak", description="Let retraind work for hours and see what grows."
    )
    parser.add_argument("--minutes", type=float, default=240)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2.0, help="deliveries a second")
    parser.add_argument("--seed", default=str(int(time.time())))
    options = parser.parse_args()
    print(f"{options.minutes:g} minutes, {options.models} models, seed {options.seed}", flush=True)
    root = in_memory("retraind-soak-")
    with installed(root, options.models, options.seed) as here:
        wrong = soak(here, options.minutes, options.rate, lambda line: print(line, flush=True))
    print(summary(here))
    wrong += growth(here.samples)[1]
    for each in wrong:
        print(f"WRONG: {each}")
    if wrong:
        kept = Path(tempfile.mkdtemp(prefix="retraind-soak-")) / "kept"
        shutil.move(root, kept)
        print(f"kept in {kept}")
    else:
        shutil.rmtree(root)
        print("Nothing was lost, nothing was trained twice, nothing grew.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
