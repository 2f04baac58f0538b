"""Markers and manifests as programs name them, and what they keep beside a download."""

import hashlib
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.variants import holds_for
from support.words import told

SETTLE = timedelta(seconds=10)
TRAIN, EVAL = "train_2026-11.csv", "eval_2026-11.csv"
SHA = {TRAIN: hashlib.sha256(b"train").hexdigest(), EVAL: hashlib.sha256(b"eval").hexdigest()}


def said(view):
    return told([reason for wait in view.waiting for reason in wait.reasons])


def put_data(share, folder=""):
    share.put(f"{folder}{TRAIN}", b"train")
    share.put(f"{folder}{EVAL}", b"eval")


def entry(name, of=None, **more):
    of = of or name.replace("\\", "/").rpartition("/")[2]
    return {"name": name, "size": {TRAIN: 5, EVAL: 4}[of], "sha256": SHA[of]} | more


def compared(share):
    """Look until nothing more is found out."""
    view = share.look()
    for _ in range(4):
        share.hashing.work()
        view = share.look(SETTLE)
    return view


# Markers


@pytest.mark.parametrize(
    "markers", [(f"{TRAIN}.done", f"{EVAL}.done"), ("train_2026-11.done", "eval_2026-11.done")]
)
def test_a_marker_for_each_file_vouches_for_that_file(share, markers):
    share = share(ready="marker")
    put_data(share)
    assert "The marker file 2026-11.done or _SUCCESS has not arrived." in said(share.look())
    share.put(markers[0], b"")
    view = share.look(SETTLE)
    assert not view.complete
    assert said(view) == f"The marker file {EVAL}.done has not arrived."
    share.put(markers[1], b"")
    [delivery] = share.look(SETTLE).complete
    assert {file.name for file in delivery.files} == {TRAIN, EVAL, *markers}


def test_the_marker_of_one_file_says_nothing_of_the_other_even_when_it_comes_last(share):
    share = share(ready="marker")
    share.put(TRAIN)
    share.look()
    share.put(f"{EVAL}.done")
    share.look(SETTLE)
    share.put(EVAL)
    view = share.look(SETTLE)
    assert not view.complete
    assert f"The marker file {TRAIN}.done has not arrived." in said(view)
    assert f"{EVAL} arrived after the marker." in said(view)


def test_markers_lie_beside_files_in_folders_of_their_own(share):
    share = share(ready="marker", train="train/{key}", eval="eval/{key}")
    share.put("train/2026-11.csv")
    share.put("eval/2026-11.csv")
    share.look()
    share.put("train/2026-11.csv.done", b"")
    assert not share.look().complete
    share.put("eval/2026-11.done", b"")
    [delivery] = share.look(SETTLE).complete
    assert len(delivery.files) == 4


def test_a_key_that_is_like_a_file_s_name_keeps_its_marker(share):
    share = share(ready="marker")
    share.put("train_train_1.csv")
    share.put("eval_train_1.csv")
    share.look()
    share.put("train_1.done")
    [delivery] = share.look(SETTLE).complete
    assert len(delivery.files) == 3


ACTS = st.permutations([TRAIN, EVAL, f"{TRAIN}.done", f"{EVAL}.done"])


@given(ACTS)
@settings(max_examples=24)
def test_in_whatever_order_they_come_only_files_older_than_their_marker_count(tmp_path_factory, acts):
    from tests.intake.conftest import Share  # noqa: PLC0415

    share = Share(tmp_path_factory.mktemp("drop"), ready="marker")
    for name in acts:
        share.put(name)
        view = share.look(SETTLE)
    right = all(acts.index(name) < acts.index(f"{name}.done") for name in (TRAIN, EVAL))
    assert bool(view.complete) == right


# Manifests


@pytest.mark.parametrize(
    "manifests",
    [
        {"2026-11.manifest.json": [entry(f"./{TRAIN}"), entry(f".\\{EVAL}")]},
        {f"{TRAIN}.manifest.json": [entry(TRAIN)], f"{EVAL}.manifest.json": [entry(EVAL)]},
        {"train_2026-11.manifest.json": [entry(f"./{TRAIN}")], f"{EVAL}.manifest.json": [entry(EVAL)]},
        {f"{TRAIN}.manifest.json": [entry(TRAIN), entry(EVAL)]},
    ],
)
def test_manifests_are_named_after_the_key_or_after_each_file(share, manifests):
    share = share(ready="manifest")
    put_data(share)
    for place, (name, files) in enumerate(manifests.items()):
        assert not compared(share).complete, f"{place} manifests are not enough"
        share.put(name, json.dumps({"files": files}).encode())
    [delivery] = compared(share).complete
    assert {file.name for file in delivery.files} == {TRAIN, EVAL, *manifests}


def test_a_file_without_a_manifest_of_its_own_is_waited_for(share):
    share = share(ready="manifest")
    put_data(share)
    share.put(f"{TRAIN}.sha256", SHA[TRAIN].encode())
    assert f"The manifest {EVAL}.sha256 has not arrived." in said(compared(share))


SUMS = {
    "text": "{train}  train_2026-11.csv\n{eval}  eval_2026-11.csv\n",
    "binary": "{train} *train_2026-11.csv\r\n{eval} *eval_2026-11.csv\r\n",
    "tag": "SHA256 (train_2026-11.csv) = {train}\nSHA256 (./eval_2026-11.csv) = {eval}\n",
    "from Windows": "\\{train}  .\\\\train_2026-11.csv\n{eval}  .\\eval_2026-11.csv\n",
    "of all in the folder": "{train}  train_2026-11.csv\n{zero}  2026-11.sha256\n{eval}  eval_2026-11.csv\n",
}


@pytest.mark.parametrize("name", ["2026-11.sha256", "2026-11.sha256sum", "SHA256SUMS", "sha256sums.txt"])
@pytest.mark.parametrize("form", SUMS)
def test_the_files_of_sha256sum_are_manifests(share, name, form):
    share = share(ready="manifest")
    put_data(share)
    text = SUMS[form].format(train=SHA[TRAIN], eval=SHA[EVAL], zero=hashlib.sha256(b"").hexdigest())
    if form == "of all in the folder":
        text = text.replace("2026-11.sha256", name)
    share.put(name, text.encode())
    [delivery] = compared(share).complete
    assert {file.name for file in delivery.files} == {TRAIN, EVAL, name}


@pytest.mark.parametrize("name", ["2026-11.sha256", "SHA256SUMS", f"{TRAIN}.sha256"])
def test_another_content_is_not_taken_in(share, name):
    share = share(ready="manifest")
    put_data(share)
    text = f"{'0' * 64}  {TRAIN}\n{SHA[EVAL]}  {EVAL}\n"
    share.put(name, text.encode())
    assert f"The content of {TRAIN} is not what {name} lists" in said(compared(share))


def test_a_file_of_unknown_size_is_not_read_while_it_grows(share):
    share = share(ready="manifest")
    share.put("SHA256SUMS", f"{SHA[TRAIN]}  {TRAIN}\n{SHA[EVAL]}  {EVAL}\n".encode())
    for size in range(1, 5):
        share.put(TRAIN, b"train"[:size])
        share.put(EVAL, b"eval"[:size])
        view = share.look(timedelta(seconds=1))
        assert not share.hashing.tasks
        assert f"{TRAIN} is still arriving" in said(view)
        assert view.due is not None
    share.put(TRAIN, b"train")
    share.look()
    assert compared(share).complete


def test_a_list_for_several_deliveries_stays_until_all_of_them_have_been_taken_in(share):
    share = share(ready="manifest")
    lines = [f"{SHA[TRAIN]}  train_{n}.csv\n{SHA[EVAL]}  eval_{n}.csv\n" for n in (1, 2)]
    share.put("SHA256SUMS", "".join(lines).encode())
    for number in (1, 2):
        assert compared(share).waiting == ()
        share.put(f"train_{number}.csv", b"train")
        share.put(f"eval_{number}.csv", b"eval")
        [delivery] = compared(share).complete
        names = {file.name for file in delivery.files}
        assert ("SHA256SUMS" in names) == (number == 2)
        for name in names:
            (share.drop / name).unlink()
    assert share.look().waiting == ()


def test_what_a_list_for_several_does_not_name_waits(share):
    share = share(ready="manifest")
    put_data(share)
    share.put("SHA256SUMS", f"{SHA[TRAIN]}  {TRAIN}\n".encode())
    assert said(compared(share)) == f"SHA256SUMS does not list {EVAL}."


def test_two_manifests_of_one_kind_are_one_too_many(share):
    share = share(ready="manifest")
    put_data(share)
    share.put("2026-11.sha256", f"{SHA[TRAIN]}  {TRAIN}\n".encode())
    share.put("2026-11.sha256sum", f"{SHA[TRAIN]}  {TRAIN}\n".encode())
    assert "There are two manifests for this delivery." in said(share.look())


def test_lists_beside_files_in_folders_of_their_own_name_them_with_or_without_the_folder(share):
    share = share(ready="manifest", train="train/{key}", eval="eval/{key}")
    share.put("train/1.csv", b"train")
    share.put("eval/1.csv", b"eval")
    share.put("train/1.csv.sha256", f"{SHA[TRAIN]}  1.csv\n".encode())
    share.put("eval/1.sha256", f"{SHA[EVAL]}  eval/1.csv\n".encode())
    [delivery] = compared(share).complete
    assert len(delivery.files) == 4


@holds_for(
    20,
    40,
    st.lists(st.sampled_from([TRAIN, EVAL, "other.csv"]), max_size=3),
    st.sampled_from(["", "./", ".\\"]),
    st.sampled_from(["  ", " *"]),
    st.booleans(),
)
def test_a_delivery_is_taken_in_exactly_when_every_file_is_listed_rightly(
    tmp_path_factory, listed, before, between, right
):
    from tests.intake.conftest import Share  # noqa: PLC0415

    share = Share(tmp_path_factory.mktemp("drop"), ready="manifest")
    put_data(share)
    digests = SHA | {"other.csv": "0" * 64} if right else dict.fromkeys((TRAIN, EVAL, "other.csv"), "0" * 64)
    text = "".join(f"{digests[name]}{between}{before}{name}\n" for name in listed)
    share.put("SHA256SUMS", text.encode())
    assert bool(compared(share).complete) == (right and {TRAIN, EVAL} <= set(listed))


# Control files


@pytest.mark.parametrize(
    "ending",
    [
        ".aria2",
        ".lftp-pget-status",
        ".st",
        ".part",
        ".crdownload",
        ".filepart",
        ".partial",
        ".PART",
        ".0a1b2c3d.partial",
    ],
)
@pytest.mark.parametrize("ready", ["settle", "marker"])
def test_a_control_file_beside_a_file_means_that_it_still_arrives(share, ending, ready):
    share = share(ready=ready)
    control = share.put(f"{TRAIN}{ending}", b"state")
    put_data(share)
    if ready == "marker":
        share.put("2026-11.done")
    view = share.settled()
    assert not view.complete
    assert f"{TRAIN} is still being downloaded: {TRAIN}{ending} is next to it." in said(view)
    assert not view.strangers
    for _ in range(4):
        assert not share.look(SETTLE).complete
    assert share.folder.is_unchanged()
    control.unlink()
    assert not share.folder.is_unchanged()
    assert share.look().complete


def test_one_of_a_file_that_is_not_there_keeps_nobody_waiting(share):
    share = share()
    put_data(share)
    share.put("train_2026-12.csv.aria2")
    share.put("notes.txt.part")
    share.put("STATUS.txt.part")
    assert share.settled().complete


def test_one_that_was_left_behind_counts_until_the_time_for_a_pair_has_passed_but_for_a_program_that_writes_in_place(
    share,
):
    for ending, forever in ((".part", False), (".aria2", True)):
        each = share(share().drop.parent / ending.strip("."), pair_timeout=timedelta(hours=1))
        put_data(each)
        each.put(f"{TRAIN}{ending}")
        view = each.settled()
        assert (view.due is None) == forever
        assert not each.look(timedelta(minutes=50)).complete
        each.put(f"{TRAIN}{ending}", b"it has changed")
        assert not each.look(timedelta(minutes=50)).complete
        assert bool(each.look(timedelta(minutes=61)).complete) != forever


def test_a_file_that_was_left_empty_is_never_taken_for_downloaded(share):
    share = share()
    put_data(share)
    share.put(TRAIN, b"")
    share.put(f"{TRAIN}.crdownload", b"all of it")
    share.settled()
    assert "is still being downloaded" in said(share.look(timedelta(days=3)))
