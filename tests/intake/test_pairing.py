"""Which files belong together, and when they count as delivered. No file is touched here."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.config.patterns import Pattern
from retraind.config.settings import ModelSettings
from retraind.domain.job import Role, Signature
from retraind.domain.names import order_of_key
from retraind.domain.problems import problem
from retraind.intake.pairing import (
    SUCCESS_MARKER,
    Claims,
    Delivery,
    Sighting,
    Waiting,
    group,
    judge,
    shared_marker,
)
from support.variants import holds_for
from support.words import told

SETTLE = 10.0
TIMEOUT = 3600.0
DATA = {Role.TRAIN, Role.EVAL}
NUMBERS = iter(range(1, 10**9))


def model(**more):
    usual = {"drop": "/tmp", "api_key": "k", "settle": SETTLE, "pair_timeout": TIMEOUT}
    return ModelSettings.model_validate(usual | more)


def seen(name, since=0.0, size=9, *, doubted=False, came=0, ctime=None):
    """Recognise a name as the default patterns would. There is a look every second."""
    train, evaluation = Pattern("train*{key}*").key_of(name), Pattern("eval*{key}*").key_of(name)
    if train is not None:
        role, key = Role.TRAIN, train
    elif evaluation is not None:
        role, key = Role.EVAL, evaluation
    elif name.endswith("manifest.json"):
        role, key = Role.MANIFEST, name.removesuffix("manifest.json").removesuffix(".")
    else:
        role, key = Role.MARKER, name.removesuffix(".done") if name != SUCCESS_MARKER else ""
    signature = Signature(size=size, mtime_ns=0, inode=next(NUMBERS))
    return Sighting(name, role, key, signature, since, doubted, int(since), came, ctime)


def verdict(files, now, claims=None, **more):
    [each] = group(files)
    return judge(each, model(**more), now, claims)


def names(delivery):
    assert isinstance(delivery, Delivery), delivery
    return [file.name for file in delivery.files]


def text(waiting):
    assert isinstance(waiting, Waiting), waiting
    return told(waiting.reasons)


# Grouping and the usual verdicts

ROLES = st.sampled_from(Role)
SIGHTINGS = st.lists(
    st.builds(
        lambda role, key, since, size, number, doubted: Sighting(
            SUCCESS_MARKER if role is Role.MARKER and number == 0 else f"{role}{key}{number}",
            role,
            key,
            Signature(size=size, mtime_ns=0, inode=number),
            since,
            doubted,
            look=int(since),
        ),
        ROLES,
        st.sampled_from(["", "1", "2", "10", "007", "7"]),
        st.sampled_from([0.0, 5.0, 15.0, 20.0]),
        st.sampled_from([0, 1, 9]),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: each.name,
)


@given(SIGHTINGS)
def test_every_file_is_in_exactly_one_group_and_groups_do_not_mix_keys(sightings):
    groups = group(sightings)
    count = Counter(
        each.name
        for one in groups
        for each in one.train + one.eval + one.markers + one.manifests
        if each.name != SUCCESS_MARKER
    )
    assert count == Counter(each.name for each in sightings if each.name != SUCCESS_MARKER)
    for one in groups:
        assert {each.key for each in one.data + one.manifests} <= {one.key}
    assert [one.key for one in groups] == sorted(
        {one.key for one in groups}, key=lambda key: (order_of_key(key), key)
    )
    assert [one.key for one in group(reversed(sightings))] == [one.key for one in groups]


WIDE = st.sampled_from(
    [
        "2026",
        "２０２６",
        "2０2６",
        "a",
        "ａ",
        "Ａ",
        "①",
        "1",
        "²",
        "2",
        "ﬁ",
        "fi",
        "ガ",
        "ｶﾞ",
        "é",
        "_２０２６",
    ]
)


NARROW = str.maketrans({"２": "2", "０": "0", "６": "6", "ａ": "a", "Ａ": "A", "＿": "_"}) | {
    ord("ｶ"): "ガ", ord("ﾞ"): "",
}  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["train", "eval"]), WIDE), max_size=6, unique=True))
def test_files_whose_keys_differ_only_in_width_are_of_one_delivery_under_their_own_names(named):
    there = [seen(f"{word}_{key}.csv") for word, key in named]
    groups = group(there)
    assert sorted(one.name for each in groups for one in each.data) == sorted(one.name for one in there)
    plain = [one.key.translate(NARROW).lower().strip("_") for one in there]
    assert len(groups) == len(set(plain))
    for each in groups:
        assert each.key in {one.key for one in each.data}, "a group's key is one that somebody has written"
        match judge(each, model(), SETTLE, None):
            case Delivery() as delivery:
                assert (len(each.train), len(each.eval)) == (1, 1)
                assert {file.name for file in delivery.files} == {one.name for one in each.data}
            case Waiting() as waiting if max(len(each.train), len(each.eval)) > 1:
                assert "Remove or rename all but one of them." in text(waiting)


def test_files_whose_keys_differ_only_in_dashes_are_of_one_delivery():
    (each,) = group([seen("train_2026–11.csv"), seen("eval_2026-11.csv")])
    assert each.key == "2026-11"
    assert (len(each.train), len(each.eval)) == (1, 1)


POLICIES = st.builds(
    lambda ready, mode, late: model(ready=ready, mode=mode, on_pair_timeout=late),
    st.sampled_from(["settle", "marker", "manifest"]),
    st.sampled_from(["pair", "train-only"]),
    st.sampled_from(["wait", "fail", "train-only"]),
)


@holds_for(
    50,
    150,
    SIGHTINGS,
    POLICIES,
    st.sampled_from([20.0, 22.0, 30.0, 3_700.0]),
    st.sampled_from([None, Claims(True), Claims(False, (problem("manifests_several"),))]),
)
def test_a_delivery_is_whole_proven_and_of_one_key(sightings, policy, now, claims):
    if policy.mode == "train-only":
        sightings = [each for each in sightings if each.role is not Role.EVAL]
    for each in group(sightings):
        match judge(each, policy, now, claims):
            case Waiting() as waiting:
                assert waiting.files
                assert waiting.reasons
                assert waiting.due is None or waiting.due > now
                assert all(told(reason).endswith(".") for reason in waiting.reasons)
            case Delivery() as delivery:
                known = {one.name: one for one in each.data + each.markers + each.manifests}
                files = [known[file.name] for file in delivery.files]
                check_parts(delivery, files, policy)
                if delivery.problem is None:
                    check_proof(each, files, policy, now)
                    assert policy.ready != "manifest" or claims.verified


def check_parts(delivery, files, policy):
    roles = Counter(file.role for file in files)
    assert {file.key for file in files} == {delivery.key}
    assert max(roles[Role.TRAIN], roles[Role.EVAL]) <= 1
    if delivery.problem is not None:
        assert policy.on_pair_timeout == "fail"
        return
    assert all(file.signature.size for file in files if file.role in DATA)
    assert roles[Role.TRAIN] == 1
    if policy.mode == "pair" and policy.on_pair_timeout != "train-only":
        assert roles[Role.EVAL] == 1


def check_proof(each, files, policy, now):
    for file in files:
        if file.role in DATA and now < file.since + SETTLE:
            assert policy.ready != "settle"
            assert not file.doubted
            if policy.ready == "marker":
                assert any(marker.look > file.look for marker in each.markers)
    assert policy.ready != "marker" or each.markers
    assert policy.ready != "manifest" or each.manifests


def test_a_pair_is_delivered_the_moment_the_younger_half_has_settled():
    pair = [seen("train_1.csv", since=0), seen("eval_1.csv", since=4)]
    waiting = verdict(pair, 13.9)
    assert waiting.due == 14
    assert waiting.arriving
    assert names(verdict(pair, 14.0)) == ["train_1.csv", "eval_1.csv"]


def test_a_file_alone_is_enough_in_train_only_mode():
    assert names(verdict([seen("train_1.csv")], 10, mode="train-only")) == ["train_1.csv"]


ALONE = [
    # what is there, what is told, of which files
    (["1.done"], "No data file matches 1.done. Check its name: it belongs to ", ["1.done"]),
    (["1.done"], "it belongs to files with names like train_1.csv and eval_1.csv, and must be written after them.", ["1.done"]),
    (["1.manifest.json"], "it belongs to files with names like train_1.csv and eval_1.csv.", ["1.manifest.json"]),
    ([SUCCESS_MARKER, "1.done"], "No data file matches 1.done.", ["1.done"]),
    ([SUCCESS_MARKER], "it belongs to any data files, and must be written after them.", [SUCCESS_MARKER]),
]  # fmt: skip


@pytest.mark.parametrize(("names_there", "sentence", "of"), ALONE)
def test_a_marker_or_a_manifest_alone_is_told_of(names_there, sentence, of):
    there = [seen(name) for name in names_there]
    waiting = verdict(there, 0, ready="marker")
    assert sentence in text(waiting)
    assert [one.name for one in waiting.files] == of
    assert not waiting.arriving
    assert waiting.due == TIMEOUT
    later = verdict(there, TIMEOUT, ready="marker", on_pair_timeout="fail")
    assert text(later).endswith("It has been waiting for more than 1 h; retraind keeps waiting.")
    assert later.due is None


# Markers


def test_a_marker_vouches_at_once_for_what_was_there_when_it_came():
    there = [seen("train_1.csv", 4), seen("eval_1.csv", 4), seen("1.done", 5)]
    assert names(verdict(there, 5, ready="marker")) == ["train_1.csv", "eval_1.csv", "1.done"]


@pytest.mark.parametrize(
    ("train", "evaluation", "marker", "proved"),
    [
        (1, 2, 3, True), (1, 3, 3, False), (1, 4, 3, False), (None, 2, 3, False), (1, 2, None, False),
    ],
    ids=["older", "the grain of the clock", "newer", "not known", "not known of the marker"],
)  # fmt: skip
def test_of_what_came_into_view_together_with_its_marker_the_file_system_has_to_prove_that_it_is_older(
    train, evaluation, marker, proved
):
    there = [
        seen("train_1.csv", 5, ctime=train), seen("eval_1.csv", 5, ctime=evaluation), seen("1.done", 5, ctime=marker),
    ]  # fmt: skip
    found = verdict(there, 5, ready="marker")
    assert isinstance(found, Delivery) is proved
    if not proved:
        assert "may be newer than its marker; it must stay unchanged for 10 s." in text(found)
        assert found.due == 15
    assert isinstance(verdict(there, 15, ready="marker"), Delivery)


def test_the_latest_of_two_markers_counts():
    there = [
        seen("train_1.csv", 2),
        seen("eval_1.csv", 4, came=4),
        seen("1.done", 3),
        seen(SUCCESS_MARKER, 5),
    ]
    assert names(verdict(there, 5, ready="marker")) == ["train_1.csv", "eval_1.csv", "1.done"]


def test_a_marker_left_behind_does_not_vouch_for_what_arrives_later():
    there = [seen("train_1.csv", 0), seen(SUCCESS_MARKER, 1), seen("eval_1.csv", 50, came=50)]
    waiting = verdict(there, 5000, ready="marker")
    assert (
        text(waiting)
        == "eval_1.csv arrived after the marker. Write the marker again when all files are there."
    )
    assert waiting.due is None
    there[1] = seen(SUCCESS_MARKER, 60)
    assert names(verdict(there, 60, ready="marker")) == ["train_1.csv", "eval_1.csv"]


def test_a_file_that_a_share_shows_late_to_have_changed_settles():
    """Network shares remember sizes and times for a while; the file was there when the marker came."""
    there = [seen("train_1.csv", 0), seen(SUCCESS_MARKER, 1), seen("eval_1.csv", 50)]
    waiting = verdict(there, 50, ready="marker")
    assert text(waiting) == ("eval_1.csv changed after its marker arrived; it must stay unchanged for 10 s.")
    assert waiting.due == 60
    assert names(verdict(there, 60, ready="marker")) == ["train_1.csv", "eval_1.csv"]


@pytest.mark.parametrize(("ready", "proof"), [("marker", "1.done"), ("manifest", "1.manifest.json")])
def test_files_that_changed_while_they_were_taken_have_to_settle_whatever_vouches_for_them(ready, proof):
    there = [seen("train_1.csv", doubted=True), seen("eval_1.csv"), seen(proof, 1)]
    waiting = verdict(there, 5, Claims(True), ready=ready)
    assert "train_1.csv" in text(waiting)
    assert waiting.due == SETTLE
    assert isinstance(verdict(there, SETTLE, Claims(True), ready=ready), Delivery)


def test_the_common_marker_belongs_to_every_delivery_and_leaves_when_all_it_vouches_for_has_settled():
    everything = [
        seen("train_1.csv"), seen("eval_1.csv"), seen("train_2.csv"), seen("eval_2.csv"), seen(SUCCESS_MARKER, 1),
    ]  # fmt: skip
    for each in group(everything):
        assert SUCCESS_MARKER not in names(judge(each, model(ready="marker"), 1, None))
    assert shared_marker(everything, {}).name == SUCCESS_MARKER
    half = Waiting("3", (seen("train_3.csv"),), (problem("file_empty", file="train_3.csv"),), None)
    settling = Waiting(
        "3",
        (seen("train_3.csv"), seen("eval_3.csv")),
        (problem("still_arriving", file="train_3.csv", settle=9.0),),
        9.0,
        arriving=True,
    )
    assert shared_marker(everything, {"3": half}).name == SUCCESS_MARKER
    assert shared_marker(everything, {"3": settling}) is None
    assert shared_marker(everything[:-1], {}) is None


# What people are told

LATE = TIMEOUT + 1
SENTENCES = [
    # files, now, settings, the whole text, why
    ([("train_1.csv", 9)], 99, {}, "The evaluation file has not arrived (expected: a name like eval_1.csv).", "half a pair"),
    ([("eval_1.csv", 9)], 99, {}, "The training file has not arrived (expected: a name like train_1.csv).", "the other half"),
    ([("eval.csv", 9)], 99, {}, "The training file has not arrived (expected: a name like train.csv).", "no key"),
    ([("train_1.tsv", 9)], 99, {}, "The evaluation file has not arrived (expected: a name like eval_1.tsv).", "the ending goes with its half"),
    ([("train_1.csv", 9), ("eval_1.csv", 0)], 99, {}, "eval_1.csv is still empty.", "an empty half"),
    ([("train_1.csv", 0), ("eval_1.csv", 0)], 99, {}, "train_1.csv is still empty. eval_1.csv is still empty.", "two"),
    (
        [("train_1.csv", 9), ("eval_1.csv", 9)], 5, {},
        "train_1.csv is still arriving; it must stay unchanged for 10 s. "
        "eval_1.csv is still arriving; it must stay unchanged for 10 s.",
        "settling",
    ),
    (
        [("train_1.csv", 9), ("train_1.tsv", 9), ("eval_1.csv", 9)], 99, {},
        "train_1.csv and train_1.tsv both match the name pattern of the training file. Remove or rename all but one of "
        "them.",
        "two of one role",
    ),
    (
        [("train_1.csv", 9), ("train_1.tsv", 9), ("train-1.csv", 9), ("eval_1.csv", 9)], 99, {},
        "train_1.csv, train_1.tsv and train-1.csv all match the name pattern of the training file. "
        "Remove or rename all but one of them.",
        "three of one role",
    ),
    (
        [*((f"eval{'_' * n}1.csv", 9) for n in range(9)), ("train_1.csv", 9)], 99, {},
        "eval1.csv, eval_1.csv, eval__1.csv and 6 more all match the name pattern of the evaluation file. "
        "Remove or rename all but one of them.",
        "a crowd stays one sentence",
    ),
    (
        [("train_1.csv", 9), ("eval_1.csv", 9)], 99, {"ready": "marker"},
        "The marker file 1.done or _SUCCESS has not arrived.",
        "the marker is missing",
    ),
    (
        [("train.csv", 9), ("eval.csv", 9)], 99, {"ready": "marker"},
        "The marker file _SUCCESS has not arrived.",
        "without a key there is only one marker",
    ),
    (
        [("train_1.csv", 9), ("eval_1.csv", 9)], 99, {"ready": "manifest"},
        "The manifest 1.manifest.json has not arrived.",
        "the manifest is missing",
    ),
    (
        [("train.csv", 9), ("eval.csv", 9)], 99, {"ready": "manifest"},
        "The manifest manifest.json has not arrived.",
        "the manifest of a delivery without a key",
    ),
    (
        [("train_1.csv", 9)], LATE, {},
        "The evaluation file has not arrived (expected: a name like eval_1.csv). "
        "It has been waiting for more than 1 h; retraind keeps waiting.",
        "overdue, and the policy is to wait",
    ),
    (
        [("eval_1.csv", 9)], LATE, {"on_pair_timeout": "train-only"},
        "The training file has not arrived (expected: a name like train_1.csv). "
        "It has been waiting for more than 1 h. Without a training file, retraind cannot train a model.",
        "an evaluation file alone trains nothing",
    ),
    (
        [("train_1.csv", 0), ("eval_1.csv", 9)], LATE, {"on_pair_timeout": "train-only"},
        "train_1.csv is still empty. "
        "It has been waiting for more than 1 h. Without a training file, retraind cannot train a model.",
        "nor does an empty training file",
    ),
    (
        [("train_1.csv", 9)], LATE, {"on_pair_timeout": "train-only", "ready": "marker"},
        "The evaluation file has not arrived (expected: a name like eval_1.csv). The marker file 1.done or "
        "_SUCCESS has not arrived. It has been waiting for more than 1 h. The training file is not used "
        "alone, because it is not known to be complete.",
        "time alone is no proof where a marker is asked for",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "now", "policy", "sentence", "why"), SENTENCES, ids=[row[-1] for row in SENTENCES]
)
def test_what_is_waited_for_is_told_in_a_sentence(files, now, policy, sentence, why):
    waiting = verdict([seen(name, size=size) for name, size in files], now, **policy)
    assert text(waiting) == sentence, why


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("eval*{key}*", "2026-11"),
        ("eval*{key}*", ""),
        ("eval_*{key}", "1"),
        ("eval/{key}", "2026-11"),
        ("{key}_*eval", "shop"),
        ("*{key}_eval", "shop"),
        ("eval_{key}.csv", "顧客"),
    ],
)
def test_the_name_that_is_suggested_would_complete_the_pair(pattern, key):
    other = pattern.replace("eval", "train")
    train = Sighting("there.csv", Role.TRAIN, key, Signature(size=1, mtime_ns=0, inode=1), 0)
    waiting = verdict([train], 99, train=other, eval=pattern)
    suggested = text(waiting).partition("a name like ")[2].removesuffix(").")
    folder, _, name = suggested.rpartition("/")
    assert folder == Pattern(pattern).folder
    assert Pattern(pattern).key_of(name) == key


# Time-outs


@pytest.mark.parametrize(
    "sizes", [{"train_1.csv": 9}, {"eval_1.csv": 9}, {"train_1.csv": 0, "eval_1.csv": 9}]
)
def test_half_a_pair_fails_in_the_end_when_the_policy_says_so(sizes):
    there = [seen(name, 7, size) for name, size in sizes.items()]
    waiting = verdict(there, TIMEOUT + 6.9, on_pair_timeout="fail")
    assert waiting.due == TIMEOUT + 7
    delivery = verdict(there, TIMEOUT + 7, on_pair_timeout="fail")
    assert set(names(delivery)) == set(sizes)
    failure = told(delivery.problem)
    assert failure.startswith("The delivery was incomplete for 1 h. ")
    assert failure.endswith(" Deliver both files again, complete.")


@pytest.mark.parametrize(("ready", "word"), [("marker", "The marker file"), ("manifest", "The manifest")])
def test_half_a_pair_fails_in_the_end_though_its_proof_is_missing_too(ready, word):
    """The one who stopped half-way wrote no marker either."""
    delivery = verdict([seen("train_1.csv")], LATE, on_pair_timeout="fail", ready=ready)
    assert names(delivery) == ["train_1.csv"]
    assert "The evaluation file has not arrived" in told(delivery.problem)
    assert word in told(delivery.problem)


def test_an_empty_file_of_a_model_without_evaluation_fails_with_a_remedy_of_its_own():
    delivery = verdict([seen("train_1.csv", size=0)], LATE, on_pair_timeout="fail", mode="train-only")
    assert told(delivery.problem).endswith(" Deliver the file again, complete.")


def test_training_goes_on_without_evaluation_when_the_policy_says_so():
    there = [seen("train_1.csv"), seen("eval_1.csv", size=0)]
    delivery = verdict(there, LATE, on_pair_timeout="train-only")
    assert names(delivery) == ["train_1.csv"]
    assert delivery.problem is None


def test_every_change_of_a_half_pair_starts_its_time_anew():
    there = [seen("train_1.csv", 0), seen("eval_1.csv", 3_000, size=0)]
    assert verdict(there, LATE, on_pair_timeout="fail").due == 3_000 + TIMEOUT


def test_two_files_of_one_role_are_left_to_people_however_long_it_takes():
    there = [seen("train_1.csv"), seen("train_1.tsv")]
    assert "match the name pattern of" in text(verdict(there, LATE * 99, on_pair_timeout="fail"))


def test_a_settle_time_longer_than_the_time_out_is_still_kept():
    late = {"on_pair_timeout": "fail", "settle": timedelta(seconds=TIMEOUT + 100)}
    assert verdict([seen("train_1.csv")], LATE, **late).due == TIMEOUT + 100


def test_thousands_of_files_with_one_key_are_sorted_in_a_moment():
    """Names of separators alone all carry the empty key; anybody can make a hundred thousand of them."""
    untouched = Signature(size=1, mtime_ns=0, inode=1)
    crowd = [Sighting(f"train{n}", Role.TRAIN, "", untouched, 0) for n in range(30_000)]
    [each] = group(crowd)
    assert len(each.train) == len(crowd)
    assert len(text(judge(each, model(), 99, None))) < 500
