"""The disk of the journal is full: nothing can be written in its history, and somebody has to hear of it."""

import json

import pytest

from retraind.daemon import journal_watch
from support.peers import Peer, answer
from support.process import Site, deliver, filed, until
from support.running import running
from support.world import an_account, key_of, table

NAMES = ("churn", "price")


@pytest.fixture
def operator():
    peer = Peer([answer(200)])
    yield peer
    peer.stop()


@pytest.fixture
def site(tmp_path, memory, operator, monkeypatch):
    monkeypatch.setattr(journal_watch, "_INTERVAL", 0.3)
    monkeypatch.setattr(journal_watch, "_IDLE_INTERVAL", 0.3)
    monkeypatch.setattr("retraind.daemon._MIND_INTERVAL", 0.1)
    memory(tmp_path / "state", 4096)
    with an_account(tmp_path, *NAMES) as emulator:
        made = Site(tmp_path, emulator.url)
        made._text = made._text.replace("[state]\n", "[state]\nkeep_free = 0\n")
        made._text += '[sweep]\ninterval = "1s"\n'
        made._text += f'[notify]\nurls = ["{operator.url}"]\npatience = "1s"\n'
        for name in NAMES:
            made.add_model(name, key_of(name), 'settle = "0s"\nready = "marker"')
        made.config.chmod(0o600)
        yield made


def fill(folder):
    """Leave no byte free; deleting the file that is returned ends that."""
    filler = folder / ".filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    file.write(b"x" * piece)
            except OSError:
                continue
    return filler


def titles(operator):
    return [json.loads(visit.body)["title"] for visit in operator.visits if visit.has_all]


@pytest.mark.parametrize("idle", [True, False])
def test_it_is_told_in_time_everywhere_and_without_traces(site, tmp_path, operator, monkeypatch, idle):
    lines = []
    for name in ("retraind.reconcile.loop", "retraind.reconcile.lanes", "retraind.jobs.runner"):
        monkeypatch.setattr(f"{name}._LOG.exception", lambda event, **_: lines.append(event))
    with running(site) as run:
        until(lambda: run.daemon.folders.may_write, "it is ready")
        assert site.command("status").returncode == 0
        filler = fill(tmp_path / "state")
        if not idle:
            for name in NAMES:
                for file, content in (("train_1.csv", table(40)), ("eval_1.csv", table(20)), ("1.done", b"")):
                    deliver(tmp_path / "share" / name, file, content)
        until(lambda: run.daemon.parts.journal_watch.trouble, "it is noticed", patience=10)
        assert run.daemon._status.line([], {}, run.daemon.parts.journal_watch.trouble).startswith(
            "JOURNAL: database or disk is full; "
        )
        done = site.command("status")
        assert done.returncode == 1
        assert "JOURNAL: nothing can be written to it." in done.stdout
        until(lambda: titles(operator), "somebody is notified", patience=10)
        assert titles(operator) == ["The journal cannot be written"]
        filler.unlink()
        until(lambda: len(titles(operator)) > 1, "its end is told", patience=20)
        assert titles(operator)[1] == "The journal can be written again"
        if not idle:
            until(lambda: all(filed(tmp_path / "share" / name) for name in NAMES), "nothing is lost")
        assert titles(operator).count("The journal cannot be written") == 1
        assert site.command("status").returncode == 0
    assert not lines, "no trace is printed"
