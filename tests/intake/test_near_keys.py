"""Halves of deliveries whose keys differ by what a program put into each name."""

import pytest

from retraind.config.patterns import Pattern
from support.words import told

PAIRS = [
    # training file, evaluation file, its new name, the pattern that fits, why
    ("train_2026-11-30_101501.csv", "eval_2026-11-30_101503.csv", "eval_2026-11-30_101501.csv", "eval*{key}_*", "a time"),
    ("train_2026-11-30T10-15-01.csv", "eval_2026-11-30T10-16-03.csv", "eval_2026-11-30t10-15-01.csv", "eval*{key}T*", "ISO"),
    ("train-nov-8831.csv", "eval-nov-8832.csv", "eval_nov-8831.csv", "eval*{key}-*", "the number of a run"),
    ("train_2026-11.csv", "eval_2026-11.csv.csv", "eval_2026-11.csv", "eval*{key}.csv.csv", "saved by Windows"),
    ("train_2026-11.csv", "eval_2026-11.tsv.csv", "eval_2026-11.csv", "eval*{key}.tsv.csv", "converted"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("train", "evaluation", "renamed", "pattern", "_why"), PAIRS, ids=[row[-1] for row in PAIRS]
)
def test_the_message_shows_the_file_that_is_there_and_the_pattern_that_fits(
    share, train, evaluation, renamed, pattern, _why
):
    share = share()
    share.put(train)
    share.put(evaluation)
    view = share.settled()
    assert not view.complete
    said = told(next(wait for wait in view.waiting if wait.files[0].name == train).reasons)
    assert f"{evaluation} is here, but its key is " in said
    assert f"rename it to {renamed}" in said
    assert f'eval = "{pattern}"' in said
    # What it proposes is true.
    (share.drop / evaluation).rename(share.drop / renamed)
    assert share.settled().complete
    mine = pattern.replace("eval", "train") if pattern.endswith("*") else "train*{key}*"
    assert Pattern(pattern).key_of(evaluation) == Pattern(mine).key_of(train) != ""


@pytest.mark.parametrize("evaluation", ["eval_2026-10.csv", "eval_south.csv", "eval_2025-11.csv", "eval.csv"])
def test_halves_that_only_wait_for_their_own_other_half_are_left_alone(share, evaluation):
    share = share()
    share.put("train_2026-11.csv")
    share.put(evaluation)
    said = told([reason for wait in share.settled().waiting for reason in wait.reasons])
    assert "is here" not in said


def test_an_extension_given_twice_is_named_from_both_sides(share):
    share = share()
    share.put("train_1.csv.csv")
    share.put("eval_1.csv")
    said = {wait.files[0].name: told(wait.reasons) for wait in share.settled().waiting}
    assert "train_1.csv.csv is here, but its key is 1.csv, not 1." in said["eval_1.csv"]
    assert "rename it to train_1.csv" in said["eval_1.csv"]
    assert 'train = "train*{key}.csv.csv" set in' in said["train_1.csv.csv"]
    assert "rename" not in said["train_1.csv.csv"]


def test_the_nearest_of_several_is_shown(share):
    share = share()
    share.put("train_2026-11-30_101501.csv")
    share.put("eval_2026-11-30_101503.csv")
    share.put("eval_2026-11-29_101502.csv")
    [said] = [told(w.reasons) for w in share.settled().waiting if w.files[0].name.startswith("train")]
    assert "eval_2026-11-30_101503.csv is here" in said
    assert "11-29" not in said


def test_many_halves_that_lack_each_other_are_read_once_and_not_once_for_each_other(share, monkeypatch):
    share = share()
    for number in range(100):
        share.put(f"train_{number}.csv")
        share.put(f"eval_{number + 1000}.csv")
    reads, key_of = [], Pattern.key_of
    monkeypatch.setattr(Pattern, "key_of", lambda *given: reads.append(given) or key_of(*given))
    assert len(share.settled().waiting) == 200
    assert len(reads) < 20 * 200
