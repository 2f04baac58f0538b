"""A drop folder that Samba exports, written to by clients of SMB while the daemon watches it on the server."""

import time

import pytest

from scenarios.shares.conftest import hashes
from support.process import filed, until
from support.variants import variants
from support.world import table

TRAIN, EVAL = table(400), table(20, 1)
STAYS = 2.5
"""Seconds; longer than a file here has to stay the same."""
READ_ONLY_ACCESS = 0x00120089
BATCH_OPLOCK = 6
OLD = "1"
"""The dialect whose client sets a size and asks for an oplock; to the server both are the same in all."""
NOBODY_ELSE, READERS = 0, 1


@pytest.fixture
def drop(dropped):
    made = dropped('settle = "2s"')
    made.site.start()
    return made


@pytest.fixture
def share(drop, samba):
    return samba(drop.folder)


def is_trained(drop, *contents):
    until(lambda: hashes(*contents) in drop.trained(), "the delivery is trained", patience=20)
    until(lambda: not drop.in_work(), "the job is filed", patience=20)
    assert {path.parent.name for path in filed(drop.folder)} == {"done"}


def nothing_is_taken(drop):
    assert drop.site.jobs() == []


def put_under_the_final_name(share):
    share.put("train_1.csv", TRAIN)


def put_in_pieces(share):
    """Each piece with a connection and an open file of its own, after breaks that are shorter than `settle`."""
    for offset in range(0, len(TRAIN), 1000):
        with share.holder() as writer:
            file = writer.open("train_1.csv")
            writer.write(file, TRAIN[offset : offset + 1000], offset)
            writer.close(file)
        time.sleep(0.2)


def put_and_rename_into_place(share):
    share.put("train_1.csv.part", TRAIN)
    time.sleep(STAYS)
    share.does("rename train_1.csv.part train_1.csv")


def rename_over_an_existing_file(share):
    share.put("train_1.csv", TRAIN[:1000])
    share.put("train_1.csv.part", TRAIN)
    time.sleep(STAYS)
    share.does("rename train_1.csv.part train_1.csv -f")


def put_over_a_name_that_differs_in_case(share):
    share.put("TRAIN_1.CSV", TRAIN[:1000])
    share.put("train_1.csv", TRAIN)


def put_what_was_deleted(share):
    share.put("train_1.csv", TRAIN[:1000])
    time.sleep(STAYS)
    share.does("del train_1.csv")
    time.sleep(STAYS)
    share.put("train_1.csv", TRAIN)


def reserve_its_size_then_fill(share):
    """As Explorer copies: the file has its full length before the first byte is written."""
    with share.holder(OLD) as writer:
        file = writer.open("train_1.csv")
        writer.set_size(file, len(TRAIN))
        for offset in range(0, len(TRAIN), 1000):
            time.sleep(0.3)
            writer.write(file, TRAIN[offset : offset + 1000], offset)
        writer.close(file)


def reserve_date_back_then_fill(share):
    """As robocopy copies: it also has the source's time before the first byte is written."""
    with share.holder(OLD) as writer:
        file = writer.open("train_1.csv")
        writer.set_size(file, len(TRAIN))
        share.does("utimes train_1.csv -1 -1 2001:02:03-04:05:06 -1")
        for offset in range(0, len(TRAIN), 1000):
            time.sleep(0.3)
            writer.write(file, TRAIN[offset : offset + 1000], offset)
        writer.close(file)


def put_with_an_old_time(share):
    share.put("train_1.csv", TRAIN)
    share.does("utimes train_1.csv 1980:01:01-00:00:00 -1 1980:01:01-00:00:00 -1")


def put_with_a_time_before_1970(share):
    share.put("train_1.csv", TRAIN)
    share.does("utimes train_1.csv 1965:01:01-00:00:00 -1 1965:01:01-00:00:00 -1")


def put_with_a_future_time(share):
    share.put("train_1.csv", TRAIN)
    share.does("utimes train_1.csv 2090:01:01-00:00:00 -1 2090:01:01-00:00:00 -1")


def put_with_a_mark_of_the_web(share):
    """Windows notes beside the content of a file from where it was downloaded."""
    share.put("train_1.csv", TRAIN)
    share.put("train_1.csv:Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n")


def put_beside_an_owner_file(share):
    """Office makes one for each document that it has open, often with a name that is as long."""
    share.put("~$train_1.csv", b"\x05owner".ljust(162, b"\0"))
    share.put("~$eval_1.csv", b"\x05owner".ljust(162, b"\0"))
    share.put("train_1.csv", TRAIN)


def put_as_a_mac_does(share):
    share.put("._train_1.csv", b"\x00\x05\x16\x07".ljust(4096, b"\0"))
    share.put(".DS_Store", b"\0\0\0\1Bud1")
    share.put("train_1.csv", TRAIN)


def put_read_only(share):
    share.put("train_1.csv", TRAIN)
    share.does("setmode train_1.csv +rsh")


WAYS = [
    put_under_the_final_name, put_in_pieces, put_and_rename_into_place, rename_over_an_existing_file,
    put_over_a_name_that_differs_in_case, put_what_was_deleted, reserve_its_size_then_fill,
    reserve_date_back_then_fill, put_with_an_old_time, put_with_a_time_before_1970, put_with_a_future_time,
    put_with_a_mark_of_the_web, put_beside_an_owner_file, put_as_a_mac_does, put_read_only,
]  # fmt: skip
BY_DEFAULT = [
    put_in_pieces, rename_over_an_existing_file, reserve_date_back_then_fill, put_with_a_mark_of_the_web,
]  # fmt: skip
"""The others are run by `make long`."""
EARLIER = {rename_over_an_existing_file, put_what_was_deleted, put_over_a_name_that_differs_in_case}
"""Ways that begin with something that is not to be taken in: without an evaluation file, it is not."""


@pytest.mark.parametrize("write", variants(WAYS, default=BY_DEFAULT), ids=lambda write: write.__name__)
def test_what_a_client_writes_is_trained_once_and_whole(drop, share, write):
    if write in EARLIER:
        write(share)
        share.put("eval_1.csv", EVAL)
    else:
        share.put("eval_1.csv", EVAL)
        write(share)
    is_trained(drop, TRAIN, EVAL)
    assert len(drop.trained()) == 1
    [job] = filed(drop.folder)
    assert share.get(f"done/{job.name}/train_1.csv") == TRAIN
    assert share.get(f"done/{job.name}/RESULT.txt").startswith(b"\xef\xbb\xbf")


def test_half_a_pair_that_is_deleted_keeps_the_other_half_waiting(drop, share):
    def says(name):
        return lambda: name in share.get("STATUS.txt").decode("utf-8-sig")

    until(drop.status, "there is a STATUS.txt")
    share.put("train_1.csv", TRAIN)
    until(says("eval_1.csv"), "the client reads that the other half is missing")
    share.does("del train_1.csv")
    share.put("eval_1.csv", EVAL)
    time.sleep(STAYS)
    nothing_is_taken(drop)
    until(says("train_1.csv"), "the client reads that the half that it deleted is missing")
    share.put("train_1.csv", TRAIN)
    is_trained(drop, TRAIN, EVAL)


@pytest.mark.long
def test_names_with_the_characters_that_macs_and_linux_send_for_forbidden_ones_are_joined_and_filed(
    drop, share
):
    """A colon is sent as one of Unicode's private characters, since Windows allows none in a name."""
    for number, colon in enumerate(("\uf022", "\uf03a", "\uf02a")):
        train, evaluation = table(30, number), table(20, number)
        share.put(f"train_1{colon}{number}.csv", train)
        share.put(f"eval_1{colon}{number}.csv", evaluation)
        is_trained(drop, train, evaluation)


@pytest.mark.long
def test_names_that_windows_cannot_have_are_taken_by_their_plain_name(drop, share):
    """A client sees the server's own such names in a short form (`TP6G46~F`)."""
    (drop.folder / "train_1:2?.csv").write_bytes(TRAIN)
    (drop.folder / "eval_1:2?.csv").write_bytes(EVAL)
    is_trained(drop, TRAIN, EVAL)
    [job] = filed(drop.folder)
    assert share.get(f"done/{job.name}/report.json")


@pytest.mark.long
def test_what_a_client_still_has_open_is_trained_as_it_was_when_it_had_settled(drop, share):
    """Excel keeps what it shows open, and forbids others to write."""
    share.put("train_1.csv", TRAIN)
    share.put("eval_1.csv", EVAL)
    with share.holder() as reader:
        for name in ("train_1.csv", "eval_1.csv"):
            reader.open(name, ShareAccess=READERS)
        is_trained(drop, TRAIN, EVAL)


def test_a_client_that_writes_on_into_what_was_taken_in_is_told(drop, share):
    share.put("eval_1.csv", EVAL)
    with share.holder() as writer:
        file = writer.open("train_1.csv", ShareAccess=NOBODY_ELSE)
        writer.write(file, TRAIN)
        is_trained(drop, TRAIN, EVAL)
        writer.write(file, table(400, 7), len(TRAIN))
        writer.close(file)
    [job] = filed(drop.folder)
    assert share.get(f"done/{job.name}/train_1.csv").startswith(TRAIN), "nothing that was written is lost"


@pytest.mark.quick
def test_a_client_that_keeps_status_txt_open_does_not_keep_it_from_being_replaced(drop, share):
    until(drop.status, "there is a STATUS.txt")
    with share.holder() as viewer:
        viewer.open("STATUS.txt", ShareAccess=NOBODY_ELSE, DesiredAccess=READ_ONLY_ACCESS)
        share.put("train_1.csv", TRAIN)
        until(lambda: "train_1.csv" in drop.status(), "it is replaced")


def test_a_client_that_may_cache_what_it_writes_delays_nobody(drop, share):
    """Its oplock is unknown to those who read the folder on the server, and to the server's kernel."""
    share.put("eval_1.csv", EVAL)
    with share.holder(OLD) as writer:
        file = writer.open("train_1.csv", CreateFlags=BATCH_OPLOCK)
        writer.write(file, TRAIN)
        writer.freeze()
        is_trained(drop, TRAIN, EVAL)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_lease_that_a_client_does_not_give_back_delays_its_own_delivery_alone(drop, samba):
    """With `kernel oplocks`, whoever opens the file waits until the kernel takes the lease away: 45 seconds."""
    share = samba(drop.folder, "kernel oplocks = yes", "level2 oplocks = no")
    share.put("eval_1.csv", EVAL)
    with share.holder(OLD) as writer:
        file = writer.open("train_1.csv", CreateFlags=BATCH_OPLOCK)
        writer.write(file, TRAIN)
        writer.freeze()
        until(
            lambda: "train_1.csv: Resource temporarily unavailable" in drop.status(),
            "it is told",
            patience=20,
        )
        until(
            lambda: hashes(TRAIN, EVAL) in drop.trained(), "the kernel has taken the lease away", patience=90
        )
