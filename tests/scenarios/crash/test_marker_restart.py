"""ready = "marker" across kills and restarts: a file vouches for nothing that nobody saw before it."""

import os
import signal
import time

import pytest

from support.process import Site, deliver, filed, until
from support.variants import variants
from support.world import KEY, table

MARKER = 'ready = "marker"\n'


@pytest.fixture
def site(tmp_path, service):
    made = Site(tmp_path, service.url, sweep='[sweep]\ninterval = "1s"')
    yield made
    made.kill()


def status(drop) -> str:
    """Return STATUS.txt's text with all its lines on one."""
    try:
        return " ".join((drop / "STATUS.txt").read_text(encoding="utf-8-sig").split())
    except FileNotFoundError:
        return ""


def trained(site) -> list[dict]:
    return site.records("training_started")


class Slow:
    """A writer that takes its time over a file, in sight of everybody."""

    def __init__(self, path, content: bytes, parts: int = 20) -> None:
        self.path = path
        self._parts = [
            content[at : at + len(content) // parts + 1]
            for at in range(0, len(content), len(content) // parts + 1)
        ]
        self._file = path.open("wb", buffering=0)

    def write(self, parts: int = 1) -> None:
        for _ in range(parts):
            self._file.write(self._parts.pop(0))

    def finish(self) -> None:
        while self._parts:
            self.write()
        os.fsync(self._file.fileno())
        self._file.close()


@pytest.mark.parametrize(
    ("marker", "seen", "again"),
    variants(
        ["1.done", "_SUCCESS"],
        ["seen", "unseen"],
        [(), ("--once",)],
        default=[("1.done", "unseen", ()), ("_SUCCESS", "seen", ()), ("1.done", "seen", ("--once",))],
    ),
)
def test_a_file_that_came_after_its_marker_is_never_trained_half_written_by_a_new_start(
    site, marker, seen, again
):
    """The writer pauses for longer than settle: what was seen to come after the marker is known for good."""
    drop = site.add_model("churn", KEY, MARKER + 'settle = "2s"')
    whole = table(400)
    site.start()
    deliver(drop, "train_1.csv", table(30))
    until(lambda: "has not arrived" in status(drop), "the training file is seen")
    (drop / marker).touch()
    until(lambda: "train_1.csv" in status(drop) and "marker" not in status(drop), "the marker is seen")
    if seen == "unseen":
        site.kill()
    writer = Slow(drop / "eval_1.csv", whole)
    writer.write(5)
    if seen == "seen":
        until(lambda: "eval_1.csv arrived after the marker" in status(drop), "that is noticed")
        site.kill()
    site.start(*again, wait=not again)
    for _ in range(4):
        time.sleep(1.2 if again else 0.9)
        writer.write(2)
        assert not list(drop.glob(".retraind/*"))
    assert not trained(site)
    assert (drop / "eval_1.csv").exists()
    writer.finish()
    site.kill()
    site.start()
    until(lambda: "eval_1.csv arrived after the marker" in status(drop), "it is still known")
    (drop / marker).write_bytes(b"again")
    until(lambda: filed(drop), "the delivery is filed")
    (folder,) = filed(drop)
    assert folder.parent.name == "done"
    assert (folder / "eval_1.csv").read_bytes() == whole


def test_a_half_written_file_that_nobody_saw_before_the_start_settles_though_there_is_a_marker(site):
    drop = site.add_model("churn", KEY, MARKER + 'settle = "3s"')
    deliver(drop, "train_1.csv", table(30))
    (drop / "1.done").touch()
    whole = table(400)
    writer = Slow(drop / "eval_1.csv", whole)
    writer.write(5)
    site.start()
    for _ in range(8):
        time.sleep(0.5)
        writer.write()
    assert not trained(site)
    assert "must stay unchanged for 3 s" in status(drop)
    writer.finish()
    until(lambda: filed(drop), "the delivery is filed")
    assert (filed(drop)[0] / "eval_1.csv").read_bytes() == whole


def test_what_the_journal_saw_before_its_marker_is_taken_at_once_by_a_new_start(site):
    drop = site.add_model("churn", KEY, MARKER + 'settle = "1h"')
    site.start()
    deliver(drop, "train_1.csv", table(30))
    deliver(drop, "eval_1.csv", table(20))
    until(lambda: "train_1.csv, eval_1.csv" in status(drop), "both files are seen")
    site.kill()
    (drop / "1.done").touch()
    site.start()
    until(lambda: filed(drop), "the delivery is filed")
    assert len(trained(site)) == 1


@pytest.mark.quick
def test_a_reload_forgets_no_order_either(site):
    drop = site.add_model("churn", KEY, MARKER + 'settle = "1s"')
    site.start()
    deliver(drop, "train_1.csv", table(30))
    (drop / "1.done").touch()
    until(lambda: "The evaluation file has not arrived" in status(drop), "the marker is seen")
    writer = Slow(drop / "eval_1.csv", table(400))
    writer.write(5)
    until(lambda: "eval_1.csv arrived after the marker" in status(drop), "that is noticed")
    site.config.write_text(site.config.read_text() + "pair_timeout = 3600\n")
    site.process.send_signal(signal.SIGHUP)
    until(lambda: any(event["event"] == "reloaded" for event in site.events()), "the reload is over")
    time.sleep(2.5)
    assert not trained(site)
    assert "eval_1.csv arrived after the marker" in status(drop)
    writer.finish()
