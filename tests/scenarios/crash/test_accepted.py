"""What a person has accepted survives kills between the request and its effect."""

import random

import pytest

from scenarios.crash.installation import Installation, Model, table
from scenarios.crash.invariants import violations_after_kill, violations_at_rest
from support.variants import long

ACCEPT = ("--accept", "target-missing", "--no-wait")
POINTS = [
    ("retry", "before commit failed->restoring"),
    ("retry", "after commit failed->restoring"),
    ("run", "before move train.csv"),
    ("run", "after commit restoring->sealed"),
    ("run", "after commit sealed->checked"),
]


def words_in(note):
    return " ".join(note.read_text("utf-8-sig").split())


@pytest.mark.parametrize(
    ("command", "point"),
    [each if number in {1, 4} else long(*each) for number, each in enumerate(POINTS)],
)
def test_an_acceptance_is_neither_lost_nor_doubled_by_a_kill(root, command, point):
    model = Model("churn", switch="always", more='target = "not there"')
    with Installation(root, (model,)) as here:
        here.deliver("churn", "1", table(random.Random(1)), table(random.Random(2)))
        assert here.run().exit_code == 1
        (folder,) = here.filed("failed")
        assert "ask the operator of retraind" in words_in(folder / "ERROR.txt")
        deadly = {"point": point, "pass": 1}
        asked = here.run("retry", folder.name, *ACCEPT, plan=deadly if command == "retry" else {})
        here.retries += 1
        if command == "retry":
            assert asked.struck == point
            if point.startswith("before"):
                assert here.run("retry", folder.name, *ACCEPT).exit_code == 0
        else:
            assert here.run(plan=deadly).struck == point, here.log.read_text()
            assert not violations_after_kill(here)
        assert here.run().exit_code == 0
        assert not violations_at_rest(here), here.log.read_text()
        (done,) = here.filed("done")
        assert "accepted this error for this delivery" in words_in(done / "RESULT.txt")
