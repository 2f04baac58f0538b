"""A drop folder that the daemon's own machine mounts by sshfs, whose connection breaks and hangs."""

import signal
import time
from contextlib import contextmanager
from itertools import product

import pytest

from scenarios.shares.conftest import hashes
from support.process import Site, deliver, filed, until
from support.variants import long, variants
from support.world import an_account, key_of, table
from support.zygote import run

pytestmark = pytest.mark.timeout(300)
RECONNECTS = ("reconnect", "ServerAliveInterval=2", "ServerAliveCountMax=2", "dcache_timeout=1")
TRAIN, EVAL = table(30_000), table(20, 1)


@pytest.fixture
def drop(dropped, root, sshfs):
    """An installation whose only drop folder is mounted with the options that docs/shared-drives.md names."""
    return mounted(dropped, root, sshfs, RECONNECTS)


def mounted(dropped, root, sshfs, options, more='settle = "500ms"'):
    (root / "served" / "churn").mkdir(parents=True)
    share = sshfs(root / "served", root / "share", *options)
    made = dropped(more)
    made.share = share
    made.served = root / "served" / "churn"
    return made


def hand_over(drop):
    """On the server, by another machine, say."""
    deliver(drop.served, "train_1.csv", TRAIN)
    deliver(drop.served, "eval_1.csv", EVAL)


def is_filed_once(drop):
    until(lambda: filed(drop.served) and not list((drop.served / ".retraind").glob("*Z_*")), "it is filed")
    [job] = filed(drop.served)
    assert job.parent.name == "done", (job / "ERROR.txt").read_text()
    assert (job / "train_1.csv").read_bytes() == TRAIN
    assert (job / "eval_1.csv").read_bytes() == EVAL
    assert drop.trained() == {hashes(TRAIN, EVAL)}
    assert not list(drop.served.glob("*.csv"))


PLACES = [
    ("rename", 0), ("rename", 1), ("rename", 2), ("rename", 3), ("rename", 4), ("rename", 6), ("rename", 8),
    ("read", 0), ("read", 5), ("write", 0), ("write", 2), ("open", 3), ("lstat", 20),
]  # fmt: skip
"""Requests, and how many of their kind are spared."""


def breaks():
    found = []
    for (request, after), how in product(PLACES, ["lost", "done"]):
        marks = []
        if (request, after, how) not in {("rename", 3, "lost"), ("rename", 4, "done"), ("read", 5, "lost")}:
            marks.append(pytest.mark.long)
        found.append(pytest.param(request, after, how, marks=marks))
    return found


@pytest.mark.parametrize(("request_", "after", "how"), breaks())
def test_a_connection_that_breaks_at_a_request_costs_a_try(drop, request_, after, how):
    hand_over(drop)
    with drop.share.failing(request_, how, after) as struck:
        drop.site.start()
        until(struck, f"a {request_} has failed")
        is_filed_once(drop)


@pytest.mark.quick
def test_a_job_that_was_sealed_before_the_share_was_mounted_again_is_trained(drop):
    """sshfs invents inode numbers, others after each mount. (As after a reboot.)"""
    drop.service.stop()
    drop.site.start()
    hand_over(drop)
    until(
        lambda: drop.site.jobs() and "step_retried" in drop.site.log.read_text(), "it waits for the service"
    )
    drop.site.stop()
    for bundle in (drop.site.root / "state" / "spool").glob("*.zip"):
        bundle.unlink()  # So that the files are read again.
    drop.share.mount()
    for name in ("b", "a"):
        (drop.share.point / name).touch()  # Others take the numbers that were the first ones.
    drop.service.start()
    drop.site.start()
    is_filed_once(drop)
    assert len(drop.site.jobs()) == 1, "it goes on under its name"


@pytest.mark.long
def test_a_file_that_grows_on_the_server_is_trained_whole(dropped, root, sshfs):
    """sshfs believes sizes for `dcache_timeout`, and the kernel for another second: `settle` is longer."""
    drop = mounted(dropped, root, sshfs, RECONNECTS, 'settle = "5s"')
    drop.site.start()
    deliver(drop.served, "eval_1.csv", EVAL)
    with (drop.served / "train_1.csv").open("wb") as file:
        for offset in range(0, len(TRAIN), 25_000):
            file.write(TRAIN[offset : offset + 25_000])
            file.flush()
            time.sleep(0.8)
    is_filed_once(drop)
    assert len(drop.site.jobs()) == 1


def test_a_mount_that_ends_with_its_connection_leaves_no_folder_that_is_taken_for_it(dropped, root, sshfs):
    """Without `reconnect`, sshfs ends, and what it was mounted over shows again: here a folder that looks right."""
    (root / "share" / "churn").mkdir(parents=True)
    drop = mounted(dropped, root, sshfs, ())
    drop.site.start()
    until(drop.status, "the folder is watched")
    drop.share.drop_connection()
    until(lambda: not drop.share.is_mounted(), "it is mounted no more")
    deliver(drop.folder, "train_2.csv", table(30))
    deliver(drop.folder, "eval_2.csv", table(30))
    until(lambda: drop.site.command("status").returncode == 1, "the folder is told to be away")
    time.sleep(1)
    assert drop.site.jobs() == []
    assert sorted(path.name for path in drop.folder.iterdir()) == ["eval_2.csv", "train_2.csv"], (
        "nothing is written"
    )
    drop.share.mount()
    hand_over(drop)
    is_filed_once(drop)


@pytest.fixture
def two(root, sshfs, monkeypatch):
    """An installation with one model on a share that is to hang, and one beside it on a local disk."""
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 0.5)
    with an_account(root, "churn", "well") as service:
        (root / "served" / "churn").mkdir(parents=True)
        share = sshfs(root / "served", root / "share", "dcache_timeout=1")
        site = Site(root, service.url, sweep='[sweep]\ninterval = "200ms"')
        site.add_model("churn", key_of("churn"))
        site.share = share
        (root / "local").mkdir()
        (root / "well.key").touch(0o600)
        (root / "well.key").write_text(key_of("well"))
        site._text += (
            f'[models.well]\ndrop = "{root}/local"\napi_key_file = "{root}/well.key"\nsettle = "300ms"\n'
        )
        site.write()
        yield site
        share.answer()
        site.kill()


def works(site, key):
    """The local model is served."""
    deliver(site.root / "local", f"train_{key}.csv", table(30, int(key)))
    deliver(site.root / "local", f"eval_{key}.csv", table(20, int(key)))
    until(
        lambda: list(site.root.glob(f"local/done/*_{key}_*")),
        "the local model's delivery is filed",
        patience=20,
    )


@pytest.mark.parametrize(
    "request_", variants(["readdir", "lstat", "read", "rename", "open"], default=["read"])
)
def test_a_server_that_answers_no_more_hangs_nothing_but_its_own_model(two, request_):
    with two.share.failing(request_, "hang") as struck:
        two.start()
        for name, rows in (("train_1.csv", 30_000), ("eval_1.csv", 20)):
            deliver(two.root / "served" / "churn", name, table(rows))
        until(struck, "the share hangs", patience=20)
        works(two, "1")
        until(lambda: two.command("status").returncode == 1, "status tells of it", patience=20)
        works(two, "2")
    until(lambda: list(two.root.glob("served/churn/done/*")), "its own is filed once it answers", patience=30)


@contextmanager
def stopped(share):
    """Its process does not even read what the kernel asks."""
    share.hang()
    try:
        yield
    finally:
        share.answer()


@contextmanager
def silent(share):
    """The server has read a request, and answers neither it nor any other."""
    with share.failing("any", "hang") as struck:
        until(struck, "the share hangs", patience=40)
        yield


@pytest.mark.parametrize(
    ("hangs", "number"),
    [
        long(stopped, signal.SIGTERM),
        long(stopped, signal.SIGKILL),
        long(silent, signal.SIGTERM),
        long(silent, signal.SIGKILL),
    ],
)
def test_a_share_that_hangs_keeps_no_stop_no_start_and_no_command_waiting(two, hangs, number):
    """A thread in the kernel answers to no signal then, not even to that which kills."""
    hand = two.root / "served" / "churn"
    two.start()
    works(two, "1")
    deliver(hand, "train_1.csv", TRAIN)
    with hangs(two.share):
        time.sleep(1)
        works(two, "2")
        in_time("a stop", lambda: (two.process.send_signal(number), two.process.wait(30)))
        in_time("a start", two.start)
        works(two, "3")
        told = in_time("status", lambda: run("status", "-c", two.config))
        assert told.returncode == 1
        in_time("check", lambda: run("check", "-c", two.config))
    deliver(hand, "eval_1.csv", EVAL)
    until(lambda: list(hand.glob("done/*")), "its own is filed once it answers", patience=30)


def in_time(what, do):
    began = time.monotonic()
    try:
        return do()
    finally:
        assert time.monotonic() - began < 30, f"{what} took {time.monotonic() - began:.0f} s"
