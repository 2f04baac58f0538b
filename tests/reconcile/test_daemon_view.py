"""What the daemon writes of itself, and what `status` makes of it."""

import hashlib
import json
import os
import signal
import time
from datetime import timedelta

import pytest

from retraind.domain.problems import problem
from retraind.reconcile import daemon_view
from retraind.reconcile.daemon_view import unreachable
from retraind.store.instance import Unreachable, read_state, state_file
from support.clock import ManualClock
from support.lanes import by_hand
from support.process import deliver_pair, until


def told(site, *arguments):
    done = site.command("status", *arguments)
    return done.returncode, json.loads(done.stdout) if arguments else " ".join(done.stdout.split())


def state(site):
    return read_state(site.root / "state" / "journal.db")


@pytest.fixture
def fast(site):
    """An installation that sweeps each second, so that its state is written as often."""
    site._text = site._text.replace("[poll]", '[sweep]\ninterval = "1s"\n[poll]', 1)
    site.write()
    return site


def test_the_state_is_there_while_it_runs_and_says_how_it_ended(fast):
    fast.start()
    until(lambda: (known := state(fast)) and known.ready_at and known.last_sweep_at, "it has swept")
    known = state(fast)
    assert known.pid == fast.process.pid
    assert known.configuration.path == str(fast.config)
    assert known.configuration.sha256 == hashlib.sha256(fast.config.read_bytes()).hexdigest()
    assert state_file(fast.root / "state" / "journal.db").stat().st_mode & 0o777 == 0o600
    code, document = told(fast, "--json")
    assert (code, document["daemon"]["condition"], document["process"]) == (0, "running", fast.process.pid)
    until(lambda: state(fast).written_at > known.written_at, "it is written again")
    assert fast.stop() == 0
    assert state(fast).stopped_at is not None
    code, text = told(fast)
    assert code == 1
    assert "NOT RUNNING" in text
    assert "It was stopped on" in text


def test_a_killed_one_was_last_seen(fast):
    fast.start()
    fast.kill()
    code, text = told(fast)
    assert code == 1
    assert "ended without being stopped" in text


def test_a_suspended_one_is_not_running(fast):
    fast.start()
    assert told(fast)[0] == 0
    os.kill(fast.process.pid, signal.SIGSTOP)
    try:
        until(lambda: told(fast, "--json")[1]["daemon"]["condition"] == "suspended", "it is stopped")
        code, text = told(fast)
        assert code == 1
        assert "is running" not in text
        assert f"kill -CONT {fast.process.pid}" in text
        assert told(fast, "--json")[1]["process"] == fast.process.pid, "as before"
    finally:
        os.kill(fast.process.pid, signal.SIGCONT)


def test_one_that_hangs_is_not_running(fast, monkeypatch):
    """The kernel calls it asleep, as it does one that works."""
    fast.start()
    until(lambda: state(fast) and state(fast).ready_at, "it is ready")
    os.kill(fast.process.pid, signal.SIGSTOP)
    try:
        monkeypatch.setattr("retraind.report.daemon_overview.kernel_state", lambda _: "S")
        monkeypatch.setattr("retraind.report.daemon_condition._GRACE", timedelta(0))
        until(lambda: told(fast)[0] == 1, "it is late")
        assert "has NOT REPORTED since" in told(fast)[1]
        assert "is running" not in told(fast)[1]
    finally:
        os.kill(fast.process.pid, signal.SIGCONT)


def test_a_refused_reload_is_told_until_one_is_accepted(fast):
    fast.start()
    good = fast.config.read_text()
    fast.config.write_text(good.replace('interval = "1s"', 'interval = "soon"'))
    fast.process.send_signal(signal.SIGHUP)
    until(lambda: state(fast).refused_reload, "the reload is refused")
    fast.config.write_text(good)
    code, text = told(fast)
    assert code == 1
    assert "RELOAD REFUSED" in text
    assert 'sweep.interval = "soon": This is not a duration.' in text
    (code,) = [each["code"] for each in told(fast, "--json")[1]["daemon"]["refused_reload_problems"]]
    assert code == "setting_refused"
    fast.config.write_text(f"{good}\n# another\n")
    assert "The file has changed since" in told(fast)[1]
    fast.process.send_signal(signal.SIGHUP)
    until(lambda: not state(fast).refused_reload, "the reload is accepted")
    code, text = told(fast)
    assert code == 0
    assert "The file has changed since" not in text


def test_what_it_cannot_reach_is_told_with_the_directive(fast, monkeypatch):
    fast._text = fast._text.replace(f'api_key_file = "{fast.root}/price.key"', 'credential = "price"')
    fast.write()
    with by_hand(fast.config, ManualClock()) as daemon:
        daemon.view.look()
        daemon.view.write()
    (found,) = state(fast).unreachable
    assert (found.model, found.setting, found.directive) == (
        "price",
        "models.price.credential",
        "LoadCredential",
    )
    fast.start()
    until(lambda: state(fast).pid == fast.process.pid and state(fast).unreachable, "it has looked")
    code, text = told(fast)
    assert code == 1
    assert "OUT OF REACH: models.price.credential" in text
    assert "LoadCredential=price:" in text


def test_check_shows_what_the_running_daemon_cannot_reach(fast, monkeypatch):
    """The unit may hide it: to this process it is there."""
    fast.start()
    until(lambda: state(fast) and state(fast).ready_at, "it is ready")
    found = problem("path_read_only", setting="models.price.drop", path="/srv/x", directive="ReadWritePaths")
    known = Unreachable(model="price", setting="models.price.drop", directive="ReadWritePaths", problem=found)
    seen = state(fast).model_copy(update={"unreachable": (known,)})
    monkeypatch.setattr("retraind.cli.setup.checkup.read_state", lambda _: seen)
    checked = fast.command("check")
    assert checked.returncode == 1
    assert (
        "WRONG  models.price.drop: /srv/x is read-only for the service, because ReadWritePaths="
        in checked.stdout
    )


def test_a_passed_credential_is_within_reach(fast, tmp_path):
    fast._text = fast._text.replace(f'api_key_file = "{fast.root}/price.key"', 'credential = "price"')
    fast.write()
    passed = tmp_path / "passed"
    passed.mkdir()
    (passed / "price").write_text("key-of-price-0123456789")
    (passed / "price").chmod(0o440)
    fast.start(CREDENTIALS_DIRECTORY=str(passed))
    until(lambda: state(fast) and state(fast).ready_at, "it is ready")
    assert told(fast)[0] == 0


def test_the_state_has_no_secrets(fast):
    fast._text = fast._text.replace("[api]", '[api]\nproxy = "http://me:s3cret-word@127.0.0.1:9"', 1)
    fast.config.touch(0o600)
    fast.config.chmod(0o600)
    fast.write()
    fast.start()
    fast.config.write_text(fast._text.replace("127.0.0.1:9", "127.0.0.1:99999"))
    fast.process.send_signal(signal.SIGHUP)
    until(lambda: state(fast).refused_reload, "the reload is refused")
    text = state_file(fast.root / "state" / "journal.db").read_text()
    assert "s3cret-word" not in text
    assert "key-of" not in text


def test_a_full_disk_is_logged_once_and_stops_nothing(site, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(daemon_view, "write_state", full)
    logged = []
    monkeypatch.setattr(daemon_view._LOG, "warning", lambda event, **fields: logged.append((event, fields)))
    with by_hand(site.config, ManualClock()) as daemon:
        daemon.view.write()
        daemon.view.write()
    assert logged == [("state_not_written", {"reason": "No space left on device"})]


def test_nothing_is_being_published_while_nothing_runs(fast):
    drop = fast.root / "share" / "churn"
    fast._text = fast._text.replace('ready = "marker"', 'settle = "0s"')
    fast.write()
    fast.start()
    deliver_pair(drop)
    until(lambda: fast.jobs() and fast.jobs()[0]["state"] == "bundled", "it waits for the service")

    def sentence():
        return told(fast, "--json")[1]["models"][0]["sentences"][0]

    assert "is bundled and will be sent" in sentence()
    fast.stop()
    assert "is bundled and has not been sent. It continues once retraind runs." in sentence()


def test_a_thousand_models_are_asked_in_a_moment(site):
    with by_hand(site.config, ManualClock()) as daemon:
        settings = daemon.settings
        many = {f"m{number}": settings.models["churn"] for number in range(1_000)}
        began = time.process_time()
        assert list(unreachable(settings.model_copy(update={"models": many}))) == []
        assert time.process_time() - began < 2.0
