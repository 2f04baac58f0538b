"""One seeded run: an installation, deliveries before and while it works, kills at random points, and the
verdict.

Equal seeds give equal deliveries and equal plans. Which thread gets where first is the machine's affair, so a
failure may take some repetitions to come back; its folder, with log, journal and the service's records, is
kept.
"""

import random
import shutil
import threading
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from retraind.emulator import FAULTS, WORST_CASE, Fault
from scenarios.crash.installation import Installation, Model, table
from scenarios.crash.invariants import violations_after_kill, violations_at_rest
from scenarios.crash.points import KINDS
from support.places import another_file_system, in_memory

MODELS = (
    Model("churn", switch="always", elsewhere=True),
    Model("demand", mode="train-only"),
    Model(
        "price",
        switch="gate",
        more="""gate = ["sh", "-c", 'case "${1##*/}" in *no_*) exit 1;; esac', "gate"]""",
    ),
)
_KILLS = (2, 6)
_LEFT_OUT = {
    *("api_429_day", "upload_503_day", "api_huge", "api_slow", "upload_stall"),
    *("account_storage", "account_models", "account_time"),
}
"""These ask for patience, for a person, or for a hundred megabytes: tests/outage/ has them."""
_FAULTS = tuple(name for name in FAULTS if name not in _LEFT_OUT and name not in WORST_CASE)
"""Every answer of HTTP among them, before and after what was asked for was done."""
_FACTS: tuple[dict, ...] = (dict(WORST_CASE), dict(WORST_CASE), {**WORST_CASE, "status_unknown": 0.0})
"""What the vendor leaves open, taken the worst way; which way is worse for a job without an upload, depends.
"""
_MOST_PASSES = 400
"""About as many passes as a run with one delivery has."""


@dataclass
class Verdict:
    """What came of one run."""

    seed: str
    struck: Counter[str] = field(default_factory=Counter)
    """Kills by point."""
    starts: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0
    kept: str | None = None

    @property
    def kills(self) -> int:
        return self.struck.total()

    @property
    def lost(self) -> int:
        return sum(text.startswith(("lost", "too many")) for text in self.violations)

    @property
    def doubled(self) -> int:
        return sum(text.startswith("doubled") for text in self.violations)


def run(seed: str, *, keep: bool = False) -> Verdict:
    """Play the run of `seed`. The folder of one that went wrong is kept."""
    chance = random.Random(seed)
    began = time.monotonic()
    root = in_memory("retraind-crash-")
    verdict = Verdict(seed)
    with ExitStack() as cleaning:
        models = tuple(chance.sample(MODELS, chance.choice((1, 1, 2, 3))))
        faults = {
            chance.choice(_FAULTS): Fault(times=chance.randint(1, 2)) for _ in range(chance.randint(0, 2))
        }
        manners = {"url_lifetime": timedelta(seconds=chance.choice((3, 3600)))}
        manners |= {"results_lifetime": timedelta(seconds=chance.choice((1, 3600)))}
        other = another_file_system(root)
        here = cleaning.enter_context(
            Installation(root, models, other, faults, chance.choice(_FACTS), manners)
        )
        try:
            verdict.violations = _play(here, chance)
        except Exception:  # noqa: BLE001 - a harness that fails has found nothing; it must be seen all the same
            verdict.violations.append(f"the harness failed: {traceback.format_exc()}")
        verdict.struck = Counter(ended.struck for ended in here.kills)
        verdict.starts = here.starts
        if other and (keep or verdict.violations):
            shutil.copytree(other, root / "other", dirs_exist_ok=True)
    verdict.seconds = time.monotonic() - began
    if keep or verdict.violations:
        verdict.kept = str(root)
    else:
        shutil.rmtree(root)
    return verdict


def _play(here: Installation, chance: random.Random) -> list[str]:
    deliveries = _deliveries(here, chance)
    for delivery in deliveries[: len(deliveries) // 2]:
        delivery()
    rest = deliveries[len(deliveries) // 2 :]
    for number in range(chance.randint(*_KILLS)):
        plan = random_plan(chance, later=number > 0)
        with _meanwhile(rest if number == 0 else [], chance):
            ended = here.run(plan=plan)
        wrong = _wrong_end(here, ended) or violations_after_kill(here)
        if wrong:
            return wrong
        if not ended.killed and number > 0:
            break  # it has come to rest
    wrong = _to_rest(here)
    if not wrong and chance.random() < 0.4:
        wrong = _second_act(here, chance)
    return wrong


def _to_rest(here: Installation) -> list[str]:
    return _wrong_end(here, here.run()) or violations_at_rest(here)


def _wrong_end(here: Installation, ended) -> list[str]:
    if ended.stuck:
        return [f"stuck: it has not come to rest ({_last_words(here.log)})"]
    return [] if ended.killed or ended.exit_code in {0, 1} else [f"it ended with {ended.exit_code}"]


def _last_words(log: Path) -> str:
    return " / ".join(log.read_text().splitlines()[-3:])


def _second_act(here: Installation, chance: random.Random) -> list[str]:
    """A person asks for something; command and daemon are killed in it."""
    failed = here.filed("failed")
    trained = [folder for folder in here.filed("done") if (folder / "results.zip").exists()]
    if failed and (not trained or chance.random() < 0.5):
        command, folder = "retry", chance.choice(failed)
        here.retries += 1
    elif trained:
        command, folder = "switch", chance.choice(trained)
        model = folder.name.partition("_")[0] and _model_of(here, folder)
        if model.switch != "manual":
            return []
    else:
        return []
    for _ in range(chance.randint(1, 2)):
        plan = (
            {"point": f"{chance.choice(('before', 'after'))} commit", "pass": 1}
            if chance.random() < 0.5
            else {}
        )
        ended = here.run(command, folder.name, plan=plan)
        if not ended.killed:
            break
    for _ in range(chance.randint(1, 2)):
        ended = here.run(plan=random_plan(chance, later=True))
        wrong = _wrong_end(here, ended) or violations_after_kill(here)
        if wrong:
            return wrong
    return _to_rest(here)


def _model_of(here: Installation, folder: Path) -> Model:
    return next(
        model for model in here.models if folder.parent in {here.done(model.name), here.failed(model.name)}
    )


def random_plan(chance: random.Random, *, later: bool = False) -> dict:
    """Choose where to kill: at a point of some kind, at any point, or at any moment."""
    how = chance.random()
    part = 3 if later else 1
    if how < 0.5:
        kind, often = chance.choice(list(KINDS.items()))
        return {"point": kind, "pass": chance.randint(1, max(1, often // part))}
    if how < 0.8:
        return {"pass": chance.randint(1, _MOST_PASSES // part)}
    return {"moment": chance.uniform(0.02, 0.6 / part)}


def _deliveries(here: Installation, chance: random.Random) -> list:
    """Make up what is dropped, in its order: good, bad, twice the same, half, and strange."""
    made = []
    for model in here.models:
        pair = model.mode == "pair"
        datas: list[tuple[bytes, bytes | None]] = []
        for number in range(chance.choice((1, 1, 2))):
            key = f"{number}{'no' if chance.random() < 0.2 else ''}"
            if datas and chance.random() < 0.25:
                data = datas[-1]
            else:
                good = chance.random() > 0.15
                data = table(chance, good=good), table(chance, 12) if pair else None
            datas.append(data)
            made.append(lambda model=model.name, key=key, data=data: here.deliver(model, key, *data))
        if pair and chance.random() < 0.15:
            half = "eval_99.csv", table(chance)
            made.append(lambda model=model.name, half=half: here.hand_over(model, *half, stays=True))
        if chance.random() < 0.1:
            made.append(
                lambda model=model.name: here.hand_over(model, "notes.docx", b"not for retraind", stays=True)
            )
    chance.shuffle(made)
    return made


class _meanwhile:  # noqa: N801 - reads as the word it is
    """Drop the rest of the deliveries, one after the other, while the block runs."""

    def __init__(self, deliveries: list, chance: random.Random) -> None:
        moments = sorted(chance.uniform(0, 0.5) for _ in deliveries)
        waits = [later - sooner for sooner, later in zip([0.0, *moments], moments, strict=False)]
        self._thread = threading.Thread(target=self._drop, args=(list(zip(waits, deliveries, strict=True)),))
        self._at_once = threading.Event()

    def _drop(self, deliveries: list) -> None:
        for wait, delivery in deliveries:
            self._at_once.wait(wait)
            delivery()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_) -> None:
        self._at_once.set()
        self._thread.join()
