"""Job folders are read before anything is taken in, where a scan has not shown that there are none."""

import pytest

from retraind.config.load import load
from retraind.daemon import Daemon
from support.clock import ManualClock
from support.lanes import ManualLanes
from support.process import Site


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path, "http://127.0.0.1:9")
    made.add_model("churn", "key-of-churn-0123456789")
    return made


@pytest.fixture
def drop(site):
    return site.root / "share" / "churn"


def scanned(site, name="churn", gone=None):
    """Yield a daemon after the first scan of a model, and the tasks on the lane of the share."""
    settings, file = load(site.config)
    if gone:
        gone.rmdir()
    with Daemon(settings, file, ManualClock(), lanes=ManualLanes()) as daemon:
        daemon.begin()
        folder = daemon.folders.get(name)
        daemon.loop.scan(folder)
        yield daemon, daemon.lanes.share(folder.file_system).tasks


@pytest.mark.parametrize("names", [[], ["train_1.csv", "notes.txt"], ["done.txt", "retraind"]])
def test_a_scan_that_sees_no_job_folders_is_enough(site, drop, names):
    for name in names:
        (drop / name).touch()
    for daemon, tasks in scanned(site):
        assert not tasks
        assert daemon.recoverer.is_known("churn")
        assert daemon.recoverer.progress == 1


@pytest.mark.parametrize("name", [".retraind", "done", "failed", "Done", "FAILED", ".Retraind"])
def test_what_may_be_one_is_read_whatever_its_case(site, drop, name):
    (drop / name).mkdir()
    for daemon, tasks in scanned(site):
        assert [*tasks] == ["recover churn"]
        assert not daemon.recoverer.is_known("churn")
        tasks.pop("recover churn")()
        assert daemon.recoverer.is_known("churn")


@pytest.mark.parametrize("place", ["archive", "share/price/失敗"], ids=["elsewhere", "of a name in Japanese"])
def test_places_of_which_a_scan_may_show_nothing_are_read(site, place):
    """There are file systems to which names are the same that differ in more than case."""
    site.add_model("price", "key-of-price-0123456789", f'failed = "{site.root}/{place}"')
    (site.root / place).mkdir()
    for daemon, tasks in scanned(site, "price", gone=site.root / place):
        assert [*tasks] == ["recover price"]
        assert not daemon.recoverer.is_known("price")


def test_of_more_names_than_a_scan_keeps_nothing_is_concluded(site, drop, monkeypatch):
    monkeypatch.setattr("retraind.intake.settling._MOST_NAMES", 2)
    for number in range(3):
        (drop / f"train_{number}.csv").touch()
    for daemon, tasks in scanned(site):
        assert [*tasks] == ["recover churn"]
        assert not daemon.recoverer.is_known("churn")
