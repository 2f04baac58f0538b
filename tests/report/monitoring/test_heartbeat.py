"""The heartbeat over real HTTP: only when all is well, not too often, and never with its secret in a log."""

import json
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from retraind.config.exposure import settings_with_secrets
from retraind.config.settings import Settings
from retraind.report.monitoring.heartbeat import Heartbeat, beside
from retraind.store.journal import Journal
from support.clock import ManualClock
from support.peers import Peer, answer, dripping

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET = "0f0e0d0c-secret-of-the-check"
PATIENCE = timedelta(seconds=150)


class Heart:
    def __init__(self, root, plays=None):
        self.clock = ManualClock(NOW)
        self.clock.pass_time(timedelta(hours=1))
        (root / "drop").mkdir()
        (root / "key").touch(0o600)
        self.peer = Peer(plays or [answer(200)])
        self.journal = Journal.open(root / "journal.db", self.clock)
        self.file = root / "journal.db"
        self.swept = 0.0
        self.address = f"{self.peer.url}/ping/{SECRET}"
        self.settings = Settings(
            models={"churn": {"drop": root / "drop", "api_key_file": root / "key"}},
            notify={"heartbeat": self.address},
        )
        self.beat = Heartbeat(
            lambda: self.settings,
            self.clock,
            swept=lambda: self.swept,
            patience=lambda: PATIENCE,
            writes=self.journal.database.try_to_write,
        )

    def sweep(self):
        self.swept = self.clock.elapsed()

    def calls(self):
        return [visit.target.removeprefix(f"/ping/{SECRET}") for visit in self.peer.visits]

    def after(self, seconds, *, sweep=True):
        """Let time pass, and report whatever is due each second."""
        for _ in range(seconds):
            self.clock.pass_time(timedelta(seconds=1))
            if sweep:
                self.sweep()
            self.beat.mind()


@pytest.fixture
def heart(tmp_path):
    made = Heart(tmp_path)
    yield made
    made.journal.close()
    made.peer.stop()


def test_nothing_is_called_before_every_share_has_been_swept(heart):
    heart.beat.begin()
    heart.after(149, sweep=False)
    assert heart.calls() == ["/start"]
    heart.sweep()
    heart.beat.mind()
    assert heart.calls() == ["/start", ""]


def test_success_is_reported_once_a_minute_however_often_sweeps_end(heart):
    heart.after(181)
    assert heart.calls() == ["", "", "", ""]
    assert {visit.method for visit in heart.peer.visits} == {"GET"}


def test_one_sweep_is_reported_once_however_long_the_next_takes(heart):
    heart.sweep()
    heart.after(140, sweep=False)
    assert heart.calls() == [""]


def test_a_share_that_hangs_is_a_failure_after_a_while_and_until_it_answers(heart):
    heart.after(1)
    heart.after(150, sweep=False)
    assert heart.calls() == [""]
    heart.after(1, sweep=False)
    assert heart.calls() == ["", "/fail"]
    heart.after(59, sweep=False)
    assert heart.calls() == ["", "/fail"]
    heart.after(1, sweep=False)
    assert heart.calls() == ["", "/fail", "/fail"]
    heart.after(60)
    assert heart.calls()[-1] == ""


def test_a_journal_that_cannot_be_written_is_a_failure(heart):
    heart.after(1)
    away = heart.file.with_name("elsewhere.db")
    heart.file.rename(away)
    heart.file.touch()
    heart.journal.database.engine.dispose()
    heart.after(60)
    assert heart.calls() == ["", "/fail"]
    heart.file.unlink()
    away.rename(heart.file)
    heart.after(60)
    assert heart.calls() == ["", "/fail", ""]


def test_the_journal_is_written_before_success_is_reported(heart):
    """Who has locked it for good makes the write fail, not wait for ever; here it is only counted."""
    written = []
    heart.beat._writes = lambda: not written.append(len(heart.peer.visits))
    heart.after(1)
    assert written == [0]
    assert heart.calls() == [""]


@pytest.mark.parametrize(
    "plays",
    [
        [answer(404)],
        [answer(500)],
        [lambda visit: visit.connection.close()],
        [b"SSH-2.0-x\r\n"],
        [answer(301)],
    ],
    ids=["404", "500", "hangs up", "no http", "leads elsewhere"],
)
def test_a_call_that_fails_is_logged_once_without_the_secret_and_tried_a_minute_later(tmp_path, plays):
    heart = Heart(tmp_path, plays)
    with structlog.testing.capture_logs() as logged:
        heart.after(121)
    assert len(heart.peer.visits) >= 3
    (told,) = [each for each in logged if each["event"] == "heartbeat_not_sent"]
    assert told["to"] == f"127.0.0.1:{heart.peer.port}"
    assert SECRET not in json.dumps(logged, default=str)
    heart.journal.close()
    heart.peer.stop()


@pytest.mark.parametrize(
    "play",
    [dripping(b""), dripping(b"HTTP/1.1 200 OK\r\nX-Drop: "), lambda visit: visit.connection.recv(1)],
    ids=["its first line", "a header", "nothing at all"],
)
def test_a_recipient_that_answers_for_ever_is_given_up_after_a_while(tmp_path, monkeypatch, play):
    monkeypatch.setattr("retraind.report.monitoring.heartbeat._LONGEST_CALL", timedelta(milliseconds=300))
    heart = Heart(tmp_path, [play, answer(200)])
    with structlog.testing.capture_logs() as logged:
        heart.after(1)
        assert [each["reason"].code for each in logged] == ["recipient_silent"]
        heart.after(60)
    assert len(heart.peer.visits) == 2
    assert len(logged) == 1
    heart.journal.close()
    heart.peer.stop()


def test_nobody_listens_is_logged_without_the_secret(heart):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    notify = {"heartbeat": f"http://user:pass-{SECRET}@127.0.0.1:{port}/{SECRET}?key={SECRET}"}
    heart.settings = Settings(models=heart.settings.models, notify=notify)
    with structlog.testing.capture_logs() as logged:
        heart.after(1)
    assert [each["event"] for each in logged] == ["heartbeat_not_sent"]
    assert SECRET not in json.dumps(logged, default=str)
    assert SECRET not in repr(heart.settings)


def test_user_and_password_of_the_address_are_sent_as_a_header(tmp_path):
    heart = Heart(tmp_path)
    notify = {"heartbeat": f"http://us:pa@127.0.0.1:{heart.peer.port}/x"}
    heart.settings = Settings(models=heart.settings.models, notify=notify)
    heart.after(1)
    assert heart.peer.visits[0].headers["authorization"] == "Basic dXM6cGE="
    heart.journal.close()
    heart.peer.stop()


def test_without_an_address_nothing_is_called_and_nothing_written(heart):
    heart.settings = Settings(models=heart.settings.models)
    heart.beat._writes = lambda: pytest.fail("the journal's disk could sleep")
    heart.beat.begin()
    heart.after(61)
    assert heart.calls() == []


@pytest.mark.parametrize(
    ("address", "fails"),
    [
        ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid/", "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/key/slug?create=1", "https://hc-ping.com/key/slug/fail?create=1"),
        ("https://hc-ping.com", "https://hc-ping.com/fail"),
    ],
)
def test_where_a_failure_is_reported(address, fails):
    assert beside(address, "fail") == fails
    assert beside(address, "") == address


def test_the_address_is_a_secret_of_the_configuration():
    assert settings_with_secrets({"notify": {"heartbeat": "https://x/y"}}) == ["notify.heartbeat"]
