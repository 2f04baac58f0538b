"""What needs somebody is told from what time alone, or retraind, sees to."""

import pytest

from retraind.domain.job import Role, Signature
from retraind.domain.problems import problem
from retraind.intake.drop_folder import View
from retraind.intake.pairing import Sighting, Waiting
from retraind.intake.stranded import stranded

SETTLING = problem("still_arriving", file="train_1.csv", settle=10)
HALF = problem("file_not_arrived", role="eval", example="eval_1.csv")


def waiting(*reasons, since=3.0):
    seen = Sighting("train_1.csv", Role.TRAIN, "1", Signature(size=1, mtime_ns=1, inode=1), since)
    return View(waiting=(Waiting("1", (seen,), reasons, None),))


def left_alone(name, code):
    return View(strangers=(problem("left_alone", file=name, why=problem(code)),))


@pytest.mark.parametrize(
    "view",
    [
        View(),
        waiting(SETTLING),
        waiting(problem("comparing_with_manifest", file="a", manifest="b"), SETTLING),
        left_alone("readme.md", "name_not_expected"),
        left_alone("archive", "folder_not_expected"),
        View(strangers=(problem("more_left_alone", more=3),)),
    ],
)
def test_what_passes_and_what_no_delivery_looks_like_needs_nobody(view):
    assert list(stranded(view)) == []


@pytest.mark.parametrize(
    ("view", "identity"),
    [
        (waiting(HALF, SETTLING), "1/file_not_arrived"),
        (waiting(SETTLING, HALF, problem("waits_for_long", waited=1)), "1/file_not_arrived"),
        (left_alone("traning_1.csv", "name_not_expected"), "traning_1.csv/name_not_expected"),
        (left_alone("train_1.xlsx", "ending_not_expected"), "train_1.xlsx/ending_not_expected"),
        (left_alone("train_1.csv", "file_expected"), "train_1.csv/file_expected"),
        (
            left_alone("train_1.csv", "a_kind_that_nobody_has_thought_of"),
            "train_1.csv/a_kind_that_nobody_has_thought_of",
        ),
        (waiting(problem("a_kind_that_nobody_has_thought_of")), "1/a_kind_that_nobody_has_thought_of"),
    ],
)
def test_all_else_does_also_what_is_new(view, identity):
    (found,) = stranded(view)
    assert found.identity == identity
    assert found.problem.code in {"incomplete_line", "left_alone"}


def test_it_counts_from_the_last_change_of_its_files():
    (found,) = stranded(waiting(HALF, since=7.0))
    assert found.changed == 7.0
