"""Every arrow of the table of a job's life is cut through twice: just before its journal write, and just
after.

By default one job is killed at as many of these points as it passes, one after the other, and of transitions
that one piece of code writes only some are cut through; `make long` kills a job of its own at each.
"""

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from retraind.domain.job import LIFE
from retraind.emulator import Fault
from scenarios.crash.installation import Dropped, Installation, Model, table
from scenarios.crash.invariants import violations_after_kill, violations_at_rest
from support.variants import variants

ROW = "7,b,1\n"


def good(here):
    here.deliver("churn", "1", table(random.Random(1)), table(random.Random(2)))


def bad(here):
    here.deliver("churn", "1", table(random.Random(1), good=False), table(random.Random(2)))


def appended_to_train(here):
    """Expect what a slow writer makes of the training file."""
    good(here)
    here.dropped[-1] = Dropped("churn", "train_1.csv", here.dropped[-1].content + ROW.encode())


def replaced_in_mid_seal(here):
    good(here)
    evaluation, train = here.dropped
    newer = table(random.Random(3))
    here.dropped[:] = [
        Dropped("churn", evaluation.name, evaluation.content + ROW.encode()),
        train,
        Dropped("churn", train.name, newer),
    ]


def append(here, at, where, files="train*.csv"):
    return {
        "tamper": [
            {"at": at, "do": "append", "in": str(here.drop("churn") / where), "files": files, "text": ROW}
        ]
    }


def append_and_replace(here):
    plan = append(here, "after move train.csv", ".", "eval*.csv")
    newer = here.dropped[-1].content.decode()
    plan["tamper"][0]["create"] = {str(here.drop("churn") / "train_1.csv"): newer}
    return plan


def remove_bundle(at):
    return lambda here: {"tamper": [{"at": at, "do": "remove", "in": str(here.spool), "files": "*.zip"}]}


def replace_key(here):
    (here.root / "churn.key").write_text(here.emulator.replace_key("churn"))


def tidy_up_failed(here):
    (folder,) = here.filed("failed")
    for file in folder.glob("*.csv"):
        file.unlink()
    here.dropped.clear()


def ask_for(command):
    def ask(here, plan=None):
        (folder,) = here.filed()
        here.retries += command == "retry"
        return here.run(command, folder.name, plan=plan)

    return ask


def at(point):
    return lambda _here: {"point": point, "pass": 1}


@dataclass(frozen=True)
class Way:
    """How a job is brought to a transition."""

    deliver: Callable = good
    switch: str = "always"
    plan: Callable = field(default=lambda _here: {})
    """What goes on beside in the run that is killed."""
    first: Callable | None = None
    """The plan of a run before it."""
    between: tuple[Callable, ...] = ()
    """What happens after that."""
    command: Callable | None = None
    """The command that is killed, instead of the daemon."""
    then: tuple[Callable, ...] = ()
    """What happens after the run that follows the kill; another one comes to rest."""
    faults: dict = field(default_factory=dict)


def fails(step, *, restart=True):
    return lambda _here: {"fail": {step: restart}}


def release(here):
    assert here.run().exit_code == 1, "the model is held until a person ends that"
    assert here.run("release", "churn").exit_code == 0


retry, switch = ask_for("retry"), ask_for("switch")
WAYS = {
    "new->sealing": Way(),
    "sealing->sealed": Way(),
    "sealing->returned": Way(
        appended_to_train, plan=lambda here: append(here, "after commit new->sealing", ".")
    ),
    "sealing->filing": Way(replaced_in_mid_seal, plan=append_and_replace),
    "sealed->checked": Way(),
    "sealed->returned": Way(
        appended_to_train,
        plan=lambda here: append(here, "after commit sealing->sealed", ".retraind", "*/train*"),
    ),
    "sealed->filing": Way(bad),
    "sealed->uploaded": Way(first=fails("poll", restart=False), between=(good,)),
    "checked->bundled": Way(),
    "checked->returned": Way(
        appended_to_train,
        plan=lambda here: append(here, "after commit sealed->checked", ".retraind", "*/train*"),
    ),
    "checked->filing": Way(plan=fails("bundle")),
    "bundled->registered": Way(),
    "bundled->checked": Way(plan=remove_bundle("after commit checked->bundled")),
    "bundled->filing": Way(plan=fails("register")),
    "registered->uploaded": Way(),
    "registered->bundled": Way(first=at("after commit bundled->registered"), between=(replace_key,)),
    "registered->checked": Way(plan=remove_bundle("after commit bundled->registered")),
    "registered->filing": Way(plan=fails("upload")),
    "uploaded->trained": Way(),
    "uploaded->bundled": Way(then=(release,), faults={"account_storage": Fault(times=1)}),
    "uploaded->filing": Way(faults={"train_fails": 1.0}),
    "trained->switching": Way(),
    "trained->filing": Way(switch="manual"),
    "switching->filing": Way(),
    "filing->done": Way(),
    "filing->failed": Way(bad),
    "done->switching": Way(switch="manual", first=dict, command=switch),
    "failed->filing": Way(first=fails("poll", restart=False), between=(good,)),
    "failed->restoring": Way(bad, first=dict, command=retry),
    "restoring->sealed": Way(bad, first=dict, between=(retry,)),
    "restoring->registered": Way(first=fails("upload", restart=False), between=(retry,)),
    "restoring->uploaded": Way(first=fails("poll", restart=False), between=(retry,)),
    "restoring->trained": Way(first=fails("decide", restart=False), between=(retry,)),
    "restoring->switching": Way(first=fails("switch", restart=False), between=(retry,)),
    "restoring->failed": Way(bad, first=dict, between=(retry, tidy_up_failed)),
}
COMMITTED_WITH = {"failed->filing": "sealed->uploaded"}
"""What is no write of its own: the job that takes over a training is written in the same transaction."""
TRANSITIONS = ["new->sealing", *(f"{state}->{to}" for state, row in LIFE.items() for to in sorted(row.next))]


MAIN = [transition for transition in TRANSITIONS if WAYS[transition] == Way()]
"""What one job that goes well passes, in this order."""
MUCH_THE_SAME = {
    "sealed->returned", "checked->filing", "bundled->filing", "bundled->checked", "restoring->registered",
    "restoring->trained", "restoring->switching",
}  # fmt: skip
"""Written where another one is, of the same state before or after it."""


def point_of(transition, side):
    return f"{side} commit {COMMITTED_WITH.get(transition, transition)}"


@contextmanager
def on_the_way(root, other, transition):
    """A job that comes to a transition with the next run, or command."""
    way = WAYS[transition]
    with Installation(root, (Model("churn", switch=way.switch, elsewhere=True),), other, way.faults) as here:
        way.deliver(here)
        if way.first:
            here.run(plan=way.first(here) if way.first is not dict else {})
        for happens in way.between:
            happens(here)
        yield here, way


def kill(here, way, point, *, tampered=False):
    deadly = {"point": point, "pass": 1}
    beside = {what: how for what, how in way.plan(here).items() if not (tampered and what == "tamper")}
    ended = way.command(here, deadly) if way.command else here.run(plan=beside | deadly)
    assert ended.struck == point, here.log.read_text()
    assert not violations_after_kill(here)


def come_to_rest(here, way):
    assert here.run().exit_code in {0, 1}
    for happens in way.then:
        happens(here)
        assert here.run().exit_code == 0
    assert not violations_at_rest(here), here.log.read_text()


@pytest.mark.quick
def test_a_job_that_is_killed_at_every_transition_loses_and_doubles_nothing(root, other):
    with on_the_way(root, other, MAIN[0]) as (here, way):
        for transition in MAIN:
            for side in ("before", "after"):
                kill(here, way, point_of(transition, side))
        come_to_rest(here, way)


@pytest.mark.parametrize(
    "transition",
    variants(
        [each for each in TRANSITIONS if each not in MAIN],
        default=[each for each in TRANSITIONS if each not in {*MAIN, *MUCH_THE_SAME}],
    ),
)
def test_a_kill_before_a_transition_and_one_after_it_lose_and_double_nothing(root, other, transition):
    with on_the_way(root, other, transition) as (here, way):
        kill(here, way, point_of(transition, "before"))
        kill(here, way, point_of(transition, "after"), tampered=True)
        come_to_rest(here, way)


@pytest.mark.long
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("transition", TRANSITIONS)
def test_a_kill_at_any_transition_loses_and_doubles_nothing(root, other, transition, side):
    with on_the_way(root, other, transition) as (here, way):
        kill(here, way, point_of(transition, side))
        if way.command and side == "before":
            assert way.command(here).exit_code == 0
        come_to_rest(here, way)


MIDDLES = {
    "of seal": [("after move train.csv", 1), ("before move eval.csv", 1), ("before fsync work/JOB", 2)],
    "of bundling": [("in bundle", 1), ("in bundle", 2), ("before fsync spool/JOB", 1), ("before replace spool/JOB", 1)],
    "of the upload": [
        ("before request upload", 1), ("in upload", 1), ("after request upload", 1), ("after response upload", 1),
    ],
    "of other calls": [
        (f"{when} {call}", 1)
        for call in ("register", "status", "switch")
        for when in ("before request", "after request", "after response")
    ],
    "of the download": [
        ("after response download", 1), ("in download", 1), ("in download", 2), ("before replace results.zip", 1),
    ],
    "of filing, between the notes": [
        (f"{side} replace {note}", 1) for note in ("RESULT.txt", "report.json") for side in ("before", "after")
    ],
    "of the copy to another file system": [
        ("after mkdir done/JOB.partial", 1), ("in copy", 3), ("before fchmod train.csv.copy", 1),
        ("after replace train.csv", 1), ("before move done/JOB", 1), ("after move done/JOB", 1),
    ],
    "of deleting the original": [
        ("before unlink train.csv", 1), ("after unlink eval.csv", 1), ("before rmdir work/JOB", 1),
        ("after rmdir work/JOB", 1), ("before unlink spool/JOB", 1),
    ],
}  # fmt: skip


ALONE = {"of the upload", "of other calls", "of deleting the original"}
"""After a kill there the next try does something else, so that a job passes only one of these points."""
IN_TURN = [where for where in MIDDLES if where not in ALONE]
AS_AFTER_ANOTHER = {
    "before request upload",
    "after response upload",
    *(
        f"{when} {call}"
        for when in ("before request", "after response")
        for call in ("register", "status", "switch")
    ),
}
"""A kill there leaves what one leaves after the commit before it, or after the request."""


@pytest.mark.parametrize("where", IN_TURN)
def test_a_job_that_is_killed_again_and_again_in_one_step_loses_and_doubles_nothing(root, other, where):
    kill_in_the_middle(root, other, MIDDLES[where])


@pytest.mark.parametrize(
    ("point", "number"),
    [
        pytest.param(
            *each,
            id=f"{where}: {each[0]} {each[1]}",
            marks=pytest.mark.long if where in IN_TURN or each[0] in AS_AFTER_ANOTHER else (),
        )
        for where, points in MIDDLES.items()
        for each in points
    ],
)
def test_a_kill_in_the_middle_of_a_step_loses_and_doubles_nothing(root, other, point, number):
    kill_in_the_middle(root, other, [(point, number)])


def kill_in_the_middle(root, other, points):
    if other is None and any("copy" in point or "JOB" in point for point, _ in points):
        pytest.skip("this machine has no second file system at hand")
    with Installation(root, (Model("churn", switch="always", elsewhere=True),), other) as here:
        good(here)
        for point, number in points:
            ended = here.run(plan={"point": point, "pass": number})
            assert ended.struck == point, here.log.read_text()
            assert not violations_after_kill(here)
        assert here.run().exit_code == 0
        assert not violations_at_rest(here), here.log.read_text()
