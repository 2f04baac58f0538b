"""Pieces of an unload wait; deliveries whose names only look like pieces do not."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retraind.config.patterns import Pattern
from retraind.config.settings import ModelSettings
from retraind.domain.job import Role, Signature
from retraind.intake.names.piece_names import piece_in
from retraind.intake.pairing import Delivery, Sighting, group, judge
from retraind.intake.pieces import without_pieces
from support.words import told

SETTLE = timedelta(seconds=10)
UUID = "5e1f0a3c-12ab-4def-8a90-0123456789ab"
OTHER = "aaaa0a3c-12ab-4def-8a90-0123456789ab"
CASES = Path(__file__).parents[1] / "dataset" / "cases"
TABLE = b"id,left\n1,yes\n2,no\n"

UNLOADS = {
    "BigQuery": ["train_2026-11-000000000000.csv", "train_2026-11-000000000001.csv", "eval_2026-11-000000000000.csv"],
    "BigQuery, both in pieces": [f"{r}_2026-11-00000000000{n}.csv" for r in ("train", "eval") for n in (0, 1)],
    "BigQuery without a key": ["train-000000000000.csv", "train-000000000001.csv", "eval-000000000000.csv"],
    "BigQuery without a separator": [f"{r}_2026-11{n:012}.csv" for r in ("train", "eval") for n in (0, 1)],
    "BigQuery, one in between is missing": ["train_a-000000000000.csv", "train_a-000000000002.csv", "eval_a-000000000000.csv"],
    "Spark": [f"train_2026-11-part-0000{n}-{UUID}-c000.csv" for n in (0, 1)] + [f"eval_2026-11-part-00000-{OTHER}-c000.csv"],
    "Spark on Databricks": [f"train_part-0000{n}-tid-123-{UUID}-{n}-1-c000.csv" for n in (0, 1)],
    "Spark, any but the first": [f"train_2026-11_part-00003-{UUID}.csv", f"eval_2026-11_part-00003-{UUID}.csv"],
    "Hadoop": ["train_2026-11_part-r-00000.csv", "train_2026-11_part-r-00001.csv", "eval_2026-11_part-r-00000.csv"],
    "Snowflake": ["train_2026-11_0_0_0.csv", "train_2026-11_0_1_0.csv", "eval_2026-11_0_0_0.csv"],
    "Redshift": ["train_2026-11_0000_part_00.csv", "train_2026-11_0001_part_00.csv", "eval_2026-11_0000_part_00.csv"],
    "Redshift without a separator": ["train_2026-110000_part_00.csv", "train_2026-110001_part_00.csv", "eval_2026-110000_part_00.csv"],
    "Beam": ["train_2026-11-00000-of-00002.csv", "train_2026-11-00001-of-00002.csv", "eval_2026-11-00000-of-00002.csv"],
    "Beam, the first": ["train_2026-11-00000-of-00002.csv", "eval_2026-11-00000-of-00002.csv"],
    "Hive": ["train_2026-11_000000_0.csv", "train_2026-11_000001_0.csv", "eval_2026-11_000000_0.csv"],
    "Athena": [f"train_20261130_052311_00012_ab1de_{each}.csv" for each in (UUID, OTHER)],
    "five digits": ["train_2026-11_00000.csv", "train_2026-11_00001.csv", "eval_2026-11_00000.csv"],
    "from one": ["train_2026-11_00001.csv", "train_2026-11_00002.csv", "eval_2026-11_00001.csv"],
    "parts by hand": ["train_2026-11_part1.csv", "train_2026-11_part2.csv", "eval_2026-11.csv"],
    "parts by hand, both": [f"{r}_2026-11-PART{n}.csv" for r in ("train", "eval") for n in (1, 2, 3)],
    "one of two": ["train_2026-11_1of2.csv", "train_2026-11_2of2.csv", "eval_2026-11_1of2.csv"],
    "split": ["train_2026-11_aa.csv", "train_2026-11_ab.csv", "train_2026-11_ac.csv", "eval_2026-11.csv"],
    "TSV in capitals": ["TRAIN_2026-11-000000000000.TSV", "TRAIN_2026-11-000000000001.TSV", "EVAL_2026-11-000000000000.TSV"],
}  # fmt: skip


def put(share, names):
    for name in names:
        share.put(name, TABLE)


@pytest.mark.parametrize("names", UNLOADS.values(), ids=UNLOADS)
def test_pieces_wait_however_long_and_say_how_to_join_them(share, names):
    share = share()
    put(share, names)
    for _ in range(20):
        assert not share.look(SETTLE * 20).complete
    view = share.look()
    assert {seen.name for wait in view.waiting for seen in wait.files} == set(names)
    said = told([reason for wait in view.waiting for reason in wait.reasons])
    several = max(sum(name.startswith(word) for name in names) for word in ("train", "TRAIN"))
    if several > 1:
        assert f"look like {several} pieces of one training file" in said
        assert "Join them into train" in said


def test_an_unload_in_numbered_pieces_waits_and_says_how_to_join_them(share):
    # google-marketing-solutions/crmint#150
    share = share()
    for path in (CASES / "40-unload-shards").iterdir():
        share.put(path.name, path.read_bytes())
    for _ in range(3):
        assert not share.look(timedelta(minutes=5)).complete
    said = told([reason for wait in share.look().waiting for reason in wait.reasons])
    assert "Join them into train_2026-11.csv" in said


@pytest.mark.skipif(not shutil.which("awk"), reason="the command is awk's")
@pytest.mark.parametrize("names", UNLOADS.values(), ids=UNLOADS)
def test_the_command_that_joins_them_makes_a_delivery_of_them(share, names):
    share = share()
    put(share, names)
    view = share.settled()
    [wait] = [each for each in view.waiting if any("train" in seen.name.lower() for seen in each.files)]
    for reason in wait.reasons:
        if reason.code == "pieces_of_one_file":
            command = told(reason).partition("remove the pieces: ")[2].partition(" (if each")[0]
            subprocess.run(["/bin/sh", "-c", command], cwd=share.drop, check=True)
            rows = (share.drop / reason.facts["joined"]).read_bytes().splitlines()
            assert rows == TABLE.splitlines() + TABLE.splitlines()[1:] * (reason.facts["count"] - 1)
        else:
            (share.drop / reason.facts["file"]).rename(share.drop / reason.facts["joined"])
    for name in names:
        (share.drop / name).unlink(missing_ok=True)
    made = sorted(path.name for path in share.drop.iterdir())
    if len(made) == 1:
        share.put(made[0].replace("train", "eval"))
    [delivery] = share.settled().complete
    assert len(delivery.files) == 2


ORDINARY = {
    "days": ["2026-11-30", "2026-11-29"],
    "counters": ["000001", "000002"],
    "a counter with a name, caught up": ["shop-000122", "shop-000123", "shop-000124"],
    "a counter of twelve digits": ["000000000041", "000000000042"],
    "times": ["20261130101501", "20261130101502"],
    "minutes": ["202611301015", "202611301016"],
    "dates in parts": ["2026_11_30", "2026_11_29"],
    "versions": ["1_0_3", "1_0_4", "1_1_0"],
    "weeks": ["week-1-of-52", "week-2-of-52"],
    "part numbers of a factory": ["part-00017", "part-00018"],
    "a name of UUIDs": [UUID, OTHER],
    "regions of Portugal": ["pt_1", "pt_2"],
    "countries": ["2026-11_de", "2026-11_fr", "2026-11_at"],
    "letters from the middle": ["shop_ab", "shop_ac"],
    "part numbers of a few digits": ["part-17", "part-18"],
    "counterparts": ["counterpart1", "counterpart2"],
    "four digits": ["0000", "0001"],
    "post codes": ["10115", "10117", "80331"],
}


@pytest.mark.parametrize("keys", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_keys_are_deliveries_of_their_own_as_soon_as_they_have_settled(share, keys):
    share = share()
    put(share, [f"{role}_{key}.csv" for role in ("train", "eval") for key in keys])
    assert {delivery.key for delivery in share.settled().complete} == set(keys)


def test_of_one_alone_that_is_named_as_the_first_others_may_follow_for_a_while(share):
    share = share()
    put(share, ["train_2026-11-000000000000.csv", "eval_2026-11-000000000000.csv"])
    view = share.settled()
    assert not view.complete
    assert "named like the first of several pieces" in told(view.waiting[0].reasons)
    assert not share.look(SETTLE * 8).complete
    assert view.due == share.clock.elapsed() + 10.0
    [delivery] = share.look(SETTLE).complete
    assert delivery.key == "2026-11-000000000000"


@pytest.mark.parametrize("form", ["Part {}", "({} of 3)"])
def test_pieces_with_spaces_in_their_names_wait_too(share, form):
    share = share()
    put(share, [f"{role}_2026-11 {form.format(n)}.csv" for role in ("train", "eval") for n in (1, 2)])
    for _ in range(3):
        assert not share.look(SETTLE * 20).complete
    said = told([reason for wait in share.look().waiting for reason in wait.reasons])
    assert "look like 2 pieces of one training file" in said
    assert "train_2026-11.csv" in said


def test_a_first_part_alone_waits_a_while_and_parts_that_are_not_in_a_row_are_deliveries(share):
    share = share()
    put(share, [f"{role}_2026-11_{part}.csv" for role in ("train", "eval") for part in ("part1", "part3")])
    assert [each.key for each in share.settled().complete] == ["2026-11_part3"]
    assert "named like the first of several pieces" in told(share.look().waiting[0].reasons)
    assert "2026-11_part1" in {each.key for each in share.look(SETTLE * 10).complete}


def test_a_second_part_that_is_still_being_copied_keeps_the_first_one_waiting(share):
    share = share()
    put(share, [f"{role}_2026-11_part1.csv" for role in ("train", "eval")])
    share.look()
    for size in range(1, 8):
        share.put("train_2026-11_part2.csv", TABLE * size)
        assert not share.look(SETTLE * 20).complete


def test_the_only_one_of_one_does_not_wait(share):
    share = share()
    put(share, ["train_1-00000-of-00001.csv", "eval_1-00000-of-00001.csv"])
    assert share.settled().complete


def test_a_piece_that_is_still_being_downloaded_under_another_name_counts(share):
    share = share()
    put(share, ["train_2026-11_00000.csv", "eval_2026-11_00000.csv"])
    share.put("train_2026-11_00001.csv.part")
    assert not share.settled().complete
    (share.drop / "train_2026-11_00001.csv.part").unlink()
    assert share.look().complete


def test_counters_that_came_one_by_one_are_no_pieces(share):
    share = share(mode="train-only")
    share.put("train_a-00000.csv")
    share.look()
    share.look(timedelta(seconds=9))
    share.put("train_a-00001.csv")
    share.look()
    share.clock.pass_time(timedelta(seconds=5))
    share.put("train_b-00000.csv")
    share.look()
    assert [each.key for each in share.look(SETTLE).complete] == ["b-00000"]
    share = type(share)(share.drop.parent / "other", mode="train-only")
    share.put("train_a-00000.csv", b"")
    share.look()
    share.put("train_a-00001.csv")
    share.look(SETTLE * 2)
    share.put("train_a-00000.csv")
    assert {each.key for each in share.look(SETTLE * 2).complete} == {"a-00001"}


def test_what_has_a_marker_or_a_manifest_of_its_own_is_a_delivery(share):
    share = share(ready="marker")
    names = UNLOADS["five digits"] + ["eval_2026-11_00001.csv"]
    put(share, names)
    share.look()
    share.put("2026-11_00000.done")
    share.put("2026-11_00001.done")
    assert len(share.look(SETTLE).complete) == 2


def test_pieces_under_a_common_marker_wait_too_and_do_not_keep_it_from_others(share):
    share = share(ready="marker")
    put(share, [*UNLOADS["BigQuery"], "train_x.csv", "eval_x.csv"])
    share.look()
    share.put("_SUCCESS")
    view = share.look(SETTLE)
    assert [each.key for each in view.complete] == ["x"]
    assert any("pieces of one training file" in told(wait.reasons) for wait in view.waiting)


def test_pieces_in_folders_of_their_own_are_recognised(share):
    share = share(train="train/{key}", eval="eval/{key}")
    put(
        share, [f"train/part-0000{n}-{UUID}-c000.csv" for n in (0, 1)] + [f"eval/part-00000-{OTHER}-c000.csv"]
    )
    view = share.settled()
    assert not view.complete
    said = told([reason for wait in view.waiting for reason in wait.reasons])
    assert "Join them into train/2026-11.csv" in said
    assert f"part-*-{UUID}" not in said, "the pattern is simple"


@pytest.mark.parametrize("folder", ["train_2026-11.csv", "train_2026-11"])
@pytest.mark.parametrize("content", ["_SUCCESS", f"part-00000-{UUID}-c000.csv", "part-r-00000", "_temporary"])
def test_a_folder_that_spark_has_written_is_named_as_such(share, folder, content):
    share = share()
    share.put(f"{folder}/{content}")
    said = told(share.look().strangers)
    assert f"{folder}: It is a folder of part files, as Spark" in said
    assert "into one file train_2026-11.csv" in said


def test_other_folders_are_not_taken_for_spark_s(share):
    share = share()
    share.put("train_old/train_2026-11.csv")
    share.put("train_1.csv/x.csv")
    said = told(share.look().strangers)
    assert (
        "train_1.csv: It is a folder; this folder expects a file under this name. train_old: It is a folder."
        in said
    )
    assert "part files" not in said


# Whatever the names are


WORDS = st.sampled_from(["", "2026-11", "a", "2026_11", "7"])
NUMBERS = st.one_of(
    st.integers(0, 3).map("{:012}".format), st.integers(0, 3).map("{:05}".format),
    st.integers(0, 3).map("part-{:05}".format), st.integers(0, 3).map("0_{}_0".format),
    st.integers(0, 3).map("{:04}_part_00".format), st.integers(0, 3).map("{:05}-of-00004".format),
    st.integers(0, 40).map(str), st.sampled_from(["2026-11-30", "x"]),
)  # fmt: skip
NAMES = st.lists(
    st.builds("{}_{}_{}.csv".format, st.sampled_from(["train", "eval"]), WORDS, NUMBERS),
    max_size=8,
    unique=True,
)


def seen(name, since):
    role = Role.TRAIN if name.startswith("train") else Role.EVAL
    key = Pattern("train*{key}*" if role is Role.TRAIN else "eval*{key}*").key_of(name)
    return Sighting(name, role, key, Signature(size=9, mtime_ns=0, inode=1), since)


@example(["train_7_0000_part_00.csv", "eval_7_0000_part_00.csv"], [0.0] * 8)
@given(NAMES, st.lists(st.sampled_from([0.0, 5.0, 100.0]), min_size=8, max_size=8))
def test_each_file_is_a_piece_or_of_a_delivery_and_no_delivery_has_part_of_an_unload(names, moments):
    model = ModelSettings.model_validate({"drop": "/tmp", "api_key": "k", "settle": 10})
    there = [seen(name, since) for name, since in zip(names, moments, strict=False)]
    whole, waiting = without_pieces(there, model)
    pieces = [each.name for wait in waiting for each in wait.files]
    assert sorted([each.name for each in whole] + pieces) == sorted(names)
    assert without_pieces(list(reversed(there)), model)[0] == list(reversed(whole)), (
        "the order makes no difference"
    )
    assert without_pieces(whole, model) == (whole, []), "what is left is no unload"
    assert all(wait.reasons and wait.due is None and not wait.arriving for wait in waiting)
    taken = [
        file.name
        for each in group(whole)
        if isinstance(verdict := judge(each, model, 1000.0, None), Delivery)
        for file in verdict.files
    ]
    assert not set(taken) & set(pieces)
    slices = [name.removesuffix("_part_00.csv") for name in taken if name.endswith("_part_00.csv")]
    assert len({name[:-4] for name in slices}) == len(slices), "no two slices of one file are deliveries"


@given(st.text(max_size=40))
def test_any_name_is_read_as_a_piece_or_not(text):
    piece = piece_in(text)
    if piece is not None:
        assert text.endswith(piece.tail)
        assert text.startswith(piece.stem)
