"""Whatever people, clocks, keys, networks and kills do, in whatever order: nothing lost, nothing trained
twice.

RETRAIND_TESTS_EXAMPLES=500 tries that many histories, each time others; without it the same few are tried.
"""

import contextlib
import os
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from retraind.domain.job import State
from retraind.domain.problems import problem
from retraind.emulator import Fault
from scenarios.model_based.place import MODELS, Place
from support.killing import Killed, killed_at
from support.places import in_memory

_EXAMPLES = int(os.environ.get("RETRAIND_TESTS_EXAMPLES", "0"))
_FAULTS = (
    "api_429", "api_429_date", "api_429_bare", "api_500", "api_503", "api_html", "api_redirect", "api_huge",
    "api_wrong_json", "api_empty", "api_truncated", "api_extra_fields", "upload_500", "upload_503", "upload_403",
    "upload_reset", "upload_lost_answer", "results_403", "results_reset", "results_truncated", "results_cut",
    "results_empty",     "train_fails", "account_storage",
)  # fmt: skip
_POLICIES = (
    (),
    ('switch = "always"',),
    ('on_duplicate = "retrain"',),
    ('backlog = "latest"',),
    ('budget = "1/day"',),
    ('settle = "0s"', 'switch = "always"'),
    ('ready = "marker"',),
)
_SPANS = [
    timedelta(**span)
    for span in ({"seconds": 1}, {"seconds": 11}, {"minutes": 2}, {"minutes": 20}, {"hours": 2}, {"days": 1})
]

models = st.sampled_from(sorted(MODELS))
keys = st.sampled_from("12")
roles = st.sampled_from(("train", "eval"))
some = st.integers(0, 3)
"""Which of several; taken modulo how many there are, so that a history can be replayed whatever there is."""


def table(number: int) -> bytes:
    rows = "".join(f"{number + row % 7},{'abc'[row % 3]},{row % 2}\n" for row in range(20))
    return f"age,plan,churned\n{rows}".encode("utf-8-sig")


class Histories(RuleBasedStateMachine):
    """One history."""

    def __init__(self):
        super().__init__()
        self.root = in_memory("retraind-machine-")
        self.place = Place(self.root)
        self.written: list[bytes] = []
        self.dead = False

    def teardown(self):
        try:
            if not self.dead:
                self.come_to_rest()
        finally:
            self.place.end()
            shutil.rmtree(self.root)

    # -- people ----------------------------------------------------------------------------------------

    @rule(
        name=models,
        key=keys,
        role=roles,
        kind=st.sampled_from(("new", "new", "new", "again", "bad")),
        which=some,
    )
    def drop_or_replace(self, name, key, role, kind, which):
        content = table(len(self.written))
        if kind == "bad":
            content += b"1,2\n" * (1 + len(self.written))
        elif kind == "again" and self.written:
            content = self.written[-1 - which % len(self.written)]
        self.written.append(content)
        self.place.put(name, f"{role}_{key}.csv", content)

    @rule(name=models, key=keys, again=st.booleans())
    def drop_a_whole_delivery(self, name, key, again):
        for role in ("train", "eval") if MODELS[name] == "pair" else ("train",):
            self.drop_or_replace(name, key, role, "again" if again else "new", 1)

    @rule(name=models, key=keys)
    def mark(self, name, key):
        self.place.put(name, f"{key}.done", b"")

    @rule(name=models, key=keys, role=roles)
    def delete(self, name, key, role):
        self.place.take_away(name, self.place.drop(name) / f"{role}_{key}.csv")

    @rule(name=models, role=roles, swap=st.booleans())
    def rename(self, name, role, swap):
        old, new = (self.place.drop(name) / f"{role}_{key}.csv" for key in ("21" if swap else "12"))
        if old.exists() and not new.exists():
            old.rename(new)

    @rule(name=models, key=keys, role=roles)
    def touch(self, name, key, role):
        path = self.place.drop(name) / f"{role}_{key}.csv"
        if path.exists():
            path.touch()

    @rule(name=models, which=some)
    def tidy_up_a_filed_job(self, name, which):
        filed = sorted(self.place.drop(name).glob("done/*")) + sorted(self.place.drop(name).glob("failed/*"))
        # Not what is on its way: that is no longer filed, though its folder is still there.
        resting = {job.id for state in (State.DONE, State.FAILED) for job in self.place.jobs(name, state)}
        filed = [folder for folder in filed if folder.name in resting]
        if filed:
            folder = filed[which % len(filed)]
            for path in folder.glob("*.csv"):
                self.place.take_away(name, path)
            shutil.rmtree(folder)

    # -- time and the daemon ---------------------------------------------------------------------------

    @rule(span=st.sampled_from(_SPANS))
    def tick(self, span):
        self.place.clock.pass_time(span)
        self.place.daemon.caretaker.mind()

    @rule(hours=st.integers(-30, 30))
    def jump_the_wall_clock(self, hours):
        self.place.clock.jump(timedelta(hours=hours))
        self.place.daemon.pipeline.jumps.mind()

    @rule(name=models)
    def look(self, name):
        self.place.look(name)

    @rule(name=models, which=some, one=st.booleans())
    def advance(self, name, which, one):
        self.place.step(name, which, one=one)

    def settle(self, name):
        self.place.look(name)
        self.place.clock.pass_time(timedelta(seconds=11))

    @rule(name=models, states=st.integers(1, 8))
    def work(self, name, states):
        self.settle(name)
        self.place.look(name)
        for _ in range(states):
            self.place.step(name, 0, one=True)

    @rule()
    def restart(self):
        self.place.close()
        self.place.open()

    @rule(
        name=models,
        work=st.sampled_from(("look", "one state", "all states", "start")),
        number=st.integers(0, 15) | st.integers(0, 120),
        after=st.booleans(),
    )
    def kill(self, name, work, number, after):
        self.settle(name)
        if work == "start":
            self.place.close()
        elif work != "look":
            self.place.look(name)
        with contextlib.suppress(Killed), killed_at(number, after=after, commits=True):
            match work:
                case "look":
                    self.place.look(name)
                case "start":
                    self.place.open()
                case _:
                    self.place.step(name, 0, one=work == "one state")
        self.place.wait_for_the_service()
        self.place.close()
        self.place.open()

    # -- the service -----------------------------------------------------------------------------------

    @rule(name=models)
    def expire_key(self, name):
        self.place.emulator.expire_key(name)

    @rule(name=models)
    def replace_key(self, name):
        self.place.key_file(name).write_text(self.place.emulator.replace_key(name))
        self.place.clock.pass_time(timedelta(seconds=15))
        self.place.daemon.caretaker.mind()

    @rule()
    def expire_urls(self):
        self.place.emulator.expire_urls()

    @rule(fault=st.sampled_from(_FAULTS), times=st.sampled_from((1, 1, 2, 6)))
    def fault(self, fault, times):
        self.place.emulator.set_faults({**self.place.emulator.faults(), fault: Fault(times=times)})

    @rule()
    def mend_all_faults(self):
        self.place.emulator.set_faults({})

    # -- the operator ----------------------------------------------------------------------------------

    @rule(name=models, which=some)
    def retry(self, name, which):
        failed = self.place.jobs(name, State.FAILED)
        if failed:
            job = failed[which % len(failed)]
            self.place.retries[name, *self.place.content_of(job)] += 1
            self.place.journal.jobs.write(job, replace(job, state=State.RESTORING), "retry_asked")

    @rule(name=models, which=some)
    def switch(self, name, which):
        done = [job for job in self.place.jobs(name, State.DONE) if job.trained_at]
        if done:
            job = done[which % len(done)]
            self.place.journal.jobs.write(job, replace(job, state=State.SWITCHING), "switch_asked")

    @rule(name=models)
    def release(self, name):
        self.place.journal.holds.release(name, problem("released_by_person"))
        for job in self.place.journal.jobs.active(name):
            if job.hold:
                self.place.journal.jobs.write(
                    job,
                    replace(
                        job,
                        hold=None,
                        wait=replace(job.wait, wake_at=None),
                        waived=replace(job.waived, budget=True),
                    ),
                    "released",
                )

    @rule(name=models, policy=st.sampled_from(_POLICIES))
    def change_policy(self, name, policy):
        self.place.policies[name] = policy
        if "retrain" in "".join(policy):
            self.place.retrains_duplicates.add(name)
        self.place.configure()
        self.place.daemon._read_again()

    # -- what must be true -----------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_doubled(self):
        self.dead = True
        self.place.check()
        self.dead = False

    def come_to_rest(self):
        place = self.place
        place.emulator.set_faults({})
        for name in MODELS:
            place.policies[name] = ()
            place.key_file(name).write_text(place.emulator.replace_key(name))
        place.configure()
        place.daemon._read_again()
        for _ in range(300):
            place.daemon.caretaker.mind()
            for name in MODELS:
                self.release(name)
                place.look(name)
                for which, _ in enumerate(place.due(name)):
                    place.step(name, which, one=False)
            place.check()
            views = [folder.view for folder in place.daemon.folders.all()]
            if not place.journal.jobs.active() and not any(
                view.complete or any(wait.arriving for wait in view.waiting) for view in views
            ):
                break
            place.clock.pass_time(timedelta(minutes=1))
        stuck = [
            (job.id, job.state, job.wait.trouble, job.hold, job.wait.wake_at)
            for job in place.journal.jobs.active()
        ]
        assert not stuck, f"never came to rest, at {place.clock.now()}: {stuck}, {place.journal.holds.all()}"
        place.check_histories()
        place.check_rest()


# What is done often in real life, or finds the most, is tried more often.
for _rule, _times in {"drop_a_whole_delivery": 4, "work": 8, "kill": 8, "fault": 2}.items():
    for _time in range(_times):
        setattr(Histories, f"{_rule}_{_time}", getattr(Histories, _rule))


@pytest.mark.quick
def test_no_history_loses_a_byte_or_trains_one_twice():
    with structlog.testing.capture_logs() as logged:
        run_state_machine_as_test(
            Histories,
            settings=settings(
                max_examples=_EXAMPLES or 3,
                stateful_step_count=50,
                derandomize=not _EXAMPLES,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate,),
            ),
        )
    assert not [
        event for event in logged if event["event"] in {"step_crashed", "task_crashed", "look_crashed"}
    ]
