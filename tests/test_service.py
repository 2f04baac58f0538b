"""The daemon's own sweeps and looks, in this process, with a service that is not there."""

import pytest

from process import Site
from retraind.intake.share import MARKER
from retraind.service import Daemon
from retraind.settings import load

NAMES = ("churn", "price")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path, "http://127.0.0.1:9")
    for name in NAMES:
        made.add_model(name, f"key-of-{name}-0123456789", 'ready = "marker"')
    return made


@pytest.fixture
def drops(site):
    return [site.root / "share" / name for name in NAMES]


@pytest.fixture
def daemon(site):
    settings, file = load(site.config)
    with Daemon(settings, file) as made:
        made._watch_all()
        yield made


def sweep(daemon):
    for name in {f"sweep {watched.device}" for watched in daemon._watched.values()}:
        daemon._sweep(name)


def test_no_folder_is_written_to_before_all_were_looked_at(daemon, drops):
    """READY has to wait for the looks, and of a thousand folders the disk would take many seconds."""
    daemon._writing.clear()
    sweep(daemon)
    assert all(watched.view.trouble is None for watched in daemon._watched.values())
    assert [names_in(drop) for drop in drops] == [[], []]
    daemon._writing.set()
    sweep(daemon)
    assert [names_in(drop) for drop in drops] == [[MARKER, "STATUS.txt"]] * 2


def test_a_folder_is_marked_before_the_first_delivery_is_taken_from_it(daemon, drops):
    daemon._writing.clear()
    for name in ("train_1.csv", "eval_1.csv", "1.done"):
        (drops[0] / name).write_bytes(b"a,b\n1,2\n")
    sweep(daemon)
    assert {MARKER, ".retraind"} <= set(names_in(drops[0]))
    assert [job.key for job in daemon.journal.jobs()] == ["1"]
    assert names_in(drops[1]) == []
