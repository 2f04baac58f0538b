"""A journal with something of everything, and the page that shows it."""

import http.client
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from retraind import __version__
from retraind.config.load import WithoutKeys, load_without_keys
from retraind.domain.job import (
    Bundled,
    Data,
    End,
    Gate,
    Job,
    JobHold,
    Outcome,
    Publication,
    Registration,
    Role,
    SealedFile,
    Signature,
    State,
    Training,
)
from retraind.domain.names import job_id
from retraind.domain.problems import Finding, Severity, problem
from retraind.domain.records import Outage
from retraind.page.access import Access
from retraind.page.reading import Reader
from retraind.page.server import Limits, listening, made_server
from retraind.store.instance import Configuration, DaemonState, sole_instance, write_state
from retraind.store.journal import Journal
from retraind.system.clock import Clock
from support.clock import ManualClock
from support.process import until

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
NASTY = "<img src=x onerror=document.title=1>\"'&amp;.csv"
"""A file name that would be markup, were it not escaped."""
MODELS = ("churn", "demand-north", "failures-line-3", "footfall", "leads", "returns", "staffing", "upsell")


class Seeder:
    """Writes a history into a journal."""

    def __init__(self, file: Path, now: datetime = NOW) -> None:
        self.clock = ManualClock(now)
        self.now = now
        self.journal = Journal.open(file, self.clock)
        self._number = 0

    def at(self, moment: datetime) -> None:
        self.clock.jump(moment - self.clock.now())

    def job(self, model: str, key: str, began: datetime, state: State, **parts: object) -> Job:
        """Record a job in a state, with the history that leads there."""
        self._number += 1
        self.at(began)
        rows = 12_000 + 700 * (self._number % 7)
        files = tuple(
            SealedFile(
                role=role,
                name=name,
                signature=Signature(size=size, mtime_ns=1, inode=self._number),
                sha256=f"{self._number:064x}",
            )
            for role, name, size in parts.pop(
                "files",
                ((Role.TRAIN, f"train_{key}.csv", rows * 180), (Role.EVAL, f"eval_{key}.csv", rows * 18)),
            )
        )
        job = Job(
            id=job_id(began, key, f"{self._number:06x}"), model=model, key=key, state=State.SEALING,
            files=files, created_at=began, updated_at=began, drop=f"/srv/drop/{model}",
        )  # fmt: skip
        job = self.journal.jobs.add(job, "delivery_complete")
        order = (State.SEALED, State.CHECKED, State.BUNDLED, State.REGISTERED, State.UPLOADED, State.TRAINED)
        events = (
            "delivery_sealed", "data_checked", "bundle_built", "retrain_job_registered", "upload_complete",
            "training_finished",
        )  # fmt: skip
        minutes = (0.2, 0.5, 1, 1.2, 3, 34 + 3 * (self._number % 5))
        stops_at = parts.pop("failed_at", None)
        for to, event, minute in zip(order, events, minutes, strict=True):
            if job.state is state or job.state is stops_at:
                break
            self.at(began + timedelta(minutes=minute))
            job = self.journal.jobs.write(job, replace(job, state=to, **self._parts(to, rows)), event)
        return self._ended(job, state, parts)

    def _parts(self, to: State, rows: int) -> dict[str, object]:
        now = self.clock.now()
        match to:
            case State.CHECKED:
                return {"data": Data(rows={"train": rows, "eval": rows // 10}, columns=("age", "churned"))}
            case State.BUNDLED:
                return {"bundle": Bundled(name="bundle.zip", bytes=rows * 60)}
            case State.REGISTERED:
                return {"registration": Registration(retrain_job_id="rj-7f3a")}
            case State.UPLOADED:
                return {"training": Training(uploaded_at=now, status="training", status_seen_at=now)}
            case State.TRAINED:
                training = Training(
                    uploaded_at=now - timedelta(minutes=30),
                    trained_at=now,
                    model_id=1001,
                    scores=self._scores(),
                )
                return {"training": training}
        return {}

    def _scores(self) -> dict[str, float]:
        return {"Accuracy": 0.86 + self._number % 9 / 100, "<b>AUC</b>": 0.9 + self._number % 5 / 100}

    def _ended(self, job: Job, state: State, parts: dict) -> Job:
        if state in {State.DONE, State.FAILED}:
            end = parts["end"]
            if end.outcome is Outcome.SWITCHED:
                job = self.journal.jobs.write(job, replace(job, state=State.SWITCHING))
                publication = Publication(at=self.clock.now(), note=problem("switch_by_hand"))
                job = self.journal.jobs.write(
                    job, replace(job, state=State.FILING, publication=publication, end=end), "model_switched"
                )
            else:
                job = self.journal.jobs.write(job, replace(job, state=State.FILING, **parts))
            detail = {"outcome": end.outcome, **({"reason": end.problem} if end.problem else {})}
            return self.journal.jobs.write(job, replace(job, state=state, **parts), "job_filed", detail)
        return self.journal.jobs.write(job, replace(job, **parts), "held" if "hold" in parts else None)

    def done(
        self, model: str, key: str, began: datetime, outcome: Outcome = Outcome.SWITCHED, **parts: object
    ) -> Job:
        return self.job(model, key, began, State.DONE, end=End(outcome=outcome), **parts)

    def failed(self, model: str, key: str, began: datetime, **parts: object) -> Job:
        findings = (
            Finding(
                "ragged-rows", Severity.ERROR, NASTY, 1204, None,
                {"columns": 14, "expected": 13, "others": (), "total": 1, "all_rows": False, "paired": True},
            ),
        )  # fmt: skip
        why = problem("data_breaks_rules", details=findings)
        end = End(outcome=Outcome.FAILED, problem=why, failed_in=State.SEALED, resume_in=State.SEALED)
        return self.job(model, key, began, State.FAILED, failed_at=State.SEALED, end=end, **parts)


def seed(file: Path, now: datetime = NOW, *, outage: bool = False) -> dict[str, Job]:
    """Write a history of every kind; returns some of its jobs by what they are."""
    made = Seeder(file, now)
    journal = made.journal
    found: dict[str, Job] = {}
    for model in MODELS[:6]:
        for week in range(24 if model == "churn" else 2, 0, -1):
            began = now - timedelta(days=7 * week, hours=len(model))
            key = f"{began:%Y-%m-%d}"
            if week == 9 and model == "churn":
                made.failed(model, key, began)
            else:
                made.done(model, key, began, Outcome.TRAINED if week % 5 else Outcome.SWITCHED)
    found["training"] = made.job("churn", "2026-11-30", now - timedelta(hours=2, minutes=5), State.UPLOADED)
    made.job("churn", "2026-11-30b", now - timedelta(minutes=10), State.SEALED)
    found["failed"] = made.failed(
        "demand-north", "2026-11-29", now - timedelta(hours=5),
        files=((Role.TRAIN, NASTY, 4_000), (Role.EVAL, "eval.csv", 400)),
    )  # fmt: skip
    found["held"] = made.job(
        "leads", "2026-11-30", now - timedelta(hours=3), State.BUNDLED,
        hold=JobHold(problem=problem("budget_used_up", trainings=4, period="month", ends=now + timedelta(hours=15))),
    )  # fmt: skip
    found["done"] = made.done(
        "returns", "2026-11-30", now - timedelta(hours=6), gate=Gate(output="accuracy 0.912 > 0.907", exit=0),
        data=Data(
            rows={"train": 14_000, "eval": 900}, columns=("a", "b"),
            warnings=(Finding("row-count", Severity.WARNING, "train.csv", None, None, {"rows": 14_000, "low": 20_000, "high": 100_000}),),
        ),
    )  # fmt: skip
    made.at(now - timedelta(days=2))
    journal.holds.hold(
        "footfall",
        problem(
            "key_file_unreadable",
            setting="models.footfall.api_key_file",
            path="/etc/retraind/keys/footfall",
            reason="Permission denied",
        ),
        credential=True,
    )
    made.at(now - timedelta(hours=1))
    journal.events.note_change(
        "expectation", "staffing", problem("delivery_late", due=now - timedelta(hours=2))
    )
    made.at(now)
    if outage:
        why = problem("connect_timed_out", party="service", host="developer-api.example.com:443")
        since = now - timedelta(minutes=40)
        journal.hosts.replace([Outage("developer-api.example.com:443", since, 9, why, now)])
    journal.close()
    return found


def configured(root: Path, *, page: str = "", models: tuple[str, ...] = MODELS) -> Path:
    """Write a configuration; returns its path. Nothing that it names exists."""
    config = root / "config.toml"
    config.write_text(
        f'[state]\nurl = "sqlite:///{root}/state/journal.db"\nspool = "{root}/state/spool"\n[page]\n{page}\n'
        + "".join(
            f'[models.{name}]\ndrop = "/srv/drop/{name}"\napi_key_file = "/etc/retraind/keys/{name}"\n'
            for name in models
        )
    )
    return config


@contextmanager
def as_if_running(root: Path, now: datetime = NOW, **parts: object) -> Iterator[None]:
    """Keep the journal's lock, and write the state that a daemon would."""
    journal = root / "state" / "journal.db"
    state = {
        "pid": os.getpid(), "version": __version__, "started_at": now - timedelta(days=3),
        "ready_at": now - timedelta(days=3), "written_at": now, "again_at": now + timedelta(minutes=10),
        "alive_at": now, "last_sweep_at": now - timedelta(seconds=12), "sweep_due_at": now + timedelta(hours=1),
        "configuration": Configuration(path=str(root / "config.toml"), sha256=None, read_at=now), **parts,
    }  # fmt: skip
    with sole_instance(journal):
        write_state(journal, DaemonState.model_validate(state))
        yield


class Served:
    """A page that is served by a thread of the tests."""

    def __init__(self, loaded: WithoutKeys, clock: Clock, limits: Limits | None) -> None:
        self.settings = loaded.settings.page
        self._stack = listening(self.settings)
        self._listener, self.address = self._stack.__enter__()
        self.port = self._listener.getsockname()[1]
        self.reader = Reader(loaded, clock)
        self.server = made_server(
            self.reader, self.settings, Access(self.settings, loaded.settings.language), self.address, limits
        )
        self._thread = threading.Thread(
            target=self.server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )
        self._thread.start()
        until(lambda: self.server.started or not self._thread.is_alive(), "the page listens")

    def close(self) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        self._stack.__exit__(None, None, None)
        self.reader.close()

    def get(self, path: str, method: str = "GET", **headers: str) -> "Answer":
        """Ask for a page, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(
                method, path, headers={name.replace("_", "-"): each for name, each in headers.items()}
            )
            found = connection.getresponse()
            return Answer(
                found.status,
                {name.lower(): value for name, value in found.getheaders()},
                found.read().decode(),
            )
        finally:
            connection.close()


class Answer:
    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status, self.headers, self.text = status, headers, text


@contextmanager
def served(config: Path, clock: Clock | None = None, limits: Limits | None = None) -> Iterator[Served]:
    """Serve a configuration's page while the block runs."""
    made = Served(load_without_keys(config), clock or ManualClock(NOW), limits)
    try:
        yield made
    finally:
        made.close()
