"""The daemon tells an operator who is elsewhere: once for each change, whatever else goes wrong."""

import base64
import contextlib
import json
import threading
import time
from datetime import timedelta

import apprise
import pytest
import structlog

from retraind.api import circuit_breaker
from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.failures import ConfigError
from retraind.domain.problems import problem
from retraind.report import notifications
from support.peers import Peer, answer
from support.process import Site, filed, until
from support.running import running
from support.variants import long
from support.world import KEY, an_account


@pytest.fixture
def account(root, monkeypatch):
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", timedelta(milliseconds=100))
    monkeypatch.setattr(circuit_breaker, "LONGEST_PAUSE", timedelta(milliseconds=300))
    monkeypatch.setattr("retraind.reconcile.upkeep.caretaker.INTERVAL", timedelta(milliseconds=100))
    with an_account(root) as emulator:
        yield emulator


@pytest.fixture
def operator():
    peer = Peer([answer(200)])
    yield peer
    peer.stop()


@pytest.fixture
def site(root, account, operator):
    made = Site(root, account.url)
    made._text += f'[notify]\nurls = ["{operator.url}"]\npatience = "300ms"\n'
    made.drop = made.add_model("churn", KEY, 'settle = "0s"')
    made.config.chmod(0o600)
    return made


def titles(operator):
    return [json.loads(visit.body)["title"] for visit in operator.visits if visit.has_all]


def test_a_refused_key_is_told_once_across_restarts_and_so_is_the_end_of_the_hold(site, account, operator):
    (site.root / "churn.key").write_text("another-key-0123456789")
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: operator.visits, "the operator hears of the hold")
        for _ in range(2):
            daemon.stop()
            daemon.start()
            until(daemon.daemon.journal.holds.all, "the key was refused again")
        (site.root / "churn.key").write_text(KEY)
        until(lambda: filed(site.drop), "the delivery is filed")
        until(lambda: len(operator.visits) > 1, "the operator hears that it goes on")
    told = json.loads(operator.visits[0].body)
    assert "the API key from the key file (models.churn.api_key_file)" in told["what"]
    assert f"write it into {site.root}/churn.key" in told["what"]
    assert titles(operator) == ["churn is on hold", "churn is no longer on hold"]


def test_an_account_that_was_mended_while_retraind_was_stopped_is_told_once_it_is_seen_to_work(
    site, account, operator
):
    account.expire_key("churn")
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: operator.visits, "the operator hears of the hold")
        daemon.stop()
        (site.root / "churn.key").write_text(account.replace_key("churn"))
        daemon.start()
        until(lambda: filed(site.drop), "the delivery is filed")
        until(lambda: len(operator.visits) > 1, "the operator hears that it goes on")
    assert titles(operator) == ["churn is on hold", "churn is no longer on hold"]
    assert "The service accepts the API key again." in json.loads(operator.visits[1].body)["what"]


def test_an_outage_is_told_when_it_lasts_and_when_it_is_over(site, account, operator):
    account.set_faults({"api_500": 1.0})
    host = account.url.partition("://")[2]
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: operator.visits, "the operator hears of the outage")
        daemon.stop()
        daemon.start()
        until(daemon.hosts, "it goes on after a restart")
        account.set_faults({})
        until(lambda: len(operator.visits) > 1, "the operator hears that it is over")
    assert titles(operator) == [f"The service ({host}) is failing", f"The service ({host}) works again"]


def test_a_drop_folder_that_is_gone_is_told_when_it_lasts_and_when_it_is_back(site, operator):
    site._text = site._text.replace("[notify]", '[sweep]\ninterval = "100ms"\n[notify]')
    site.write()
    with running(site) as daemon:
        until((site.drop / ".retraind-id").exists, "the folder is known")
        away = site.drop.rename(site.drop.with_name("elsewhere"))
        site.drop.mkdir()
        until(lambda: operator.visits, "the operator hears of it")
        daemon.stop()
        daemon.start()
        site.drop.rename(site.drop.with_name("empty"))
        away.rename(site.drop)
        until(lambda: len(operator.visits) > 1, "the operator hears that it is back")
    assert titles(operator) == ["churn: its drop folder cannot be reached", "churn: its drop folder is back"]


@pytest.mark.quick
def test_a_failed_delivery_of_a_run_from_cron_is_told_before_it_ends(site, operator):
    for role in ("train", "eval"):
        (site.drop / f"{role}_1.csv").write_text("only one column\n1\n")
    site.start("--once", wait=False)
    assert site.process.wait(60) == 1
    (told,) = [json.loads(visit.body) for visit in operator.visits]
    assert told["title"] == "churn, delivery 1 failed"
    assert "violates the service's rules" in told["what"]
    (folder,) = filed(site.drop)
    assert str(folder / "ERROR.txt") in told["what"]


def test_an_operator_who_cannot_be_reached_delays_no_job(site, account, operator):
    operator.stop()
    with running(site) as daemon:
        daemon.deliver("churn", 1)
        for role in ("train", "eval"):
            (site.drop / f"{role}_0.csv").write_text("only one column\n1\n")
        until(lambda: len(filed(site.drop)) == 2, "both are filed")


@pytest.mark.quick
def test_the_command_tries_everybody_and_says_who_did_not_take_it(site, operator, capfd):
    assert site.command("notify").returncode == 0
    assert json.loads(operator.visits[0].body)["title"] == "A test"
    assert "no problems found" in site.command("check").stdout
    site._text = site._text.replace("urls = [", 'urls = ["http://127.0.0.1:1/secret-token", ')
    site.write()
    done = site.command("notify", "--json")
    assert done.returncode == 1
    first, second = json.loads(done.stdout)["findings"]
    assert (first["subject"], first["good"], second["good"]) == (
        "notify.urls[0] (http://127.0.0.1:1)", False, True,
    )  # fmt: skip
    assert "was refused" in first["text"]
    checked = site.command("check", "--json")
    assert "notify.urls[1]" in checked.stdout
    assert "secret-token" not in done.stdout + done.stderr + checked.stdout


@pytest.mark.quick
def test_addresses_in_a_file_that_others_can_read_are_refused_as_any_secret(site):
    site.config.chmod(0o644)
    done = site.command("check")
    assert done.returncode == 2
    assert "notify.urls: The file contains a secret" in done.stdout


@pytest.mark.quick
def test_nobody_to_tell_and_nonsense_are_said_without_what_was_written(site):
    text = site._text
    site._text = text.replace("urls = [", "urls = [] #")
    site.write()
    assert "No recipient is configured" in site.command("notify").stderr
    site._text = text.replace("urls = [", 'urls = ["secret-token", ')
    site.write()
    done = site.command("check")
    assert done.returncode == 2
    assert (
        'notify.urls.0 = (hidden): This is not an address. Write an address such as "https://' in done.stderr
    )
    assert "secret-token" not in done.stderr


# -- a recipient that is no good ---------------------------------------------------------------------------


def add_recipient(site, address):
    site._text = site._text.replace("urls = [", f"urls = [{json.dumps(address)}, ")
    site.write()


def drip(visit):
    """Answer a byte at a time, for ever: no byte comes so late that anybody would call it silence."""
    visit.take()
    with contextlib.suppress(OSError):
        visit.connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            visit.connection.sendall(b"X")
            time.sleep(0.2)


@pytest.fixture
def odd():
    """Somebody who takes part in no protocol."""
    peers = []

    def start(play):
        peers.append(Peer([play]))
        return peers[-1]

    yield start
    for peer in peers:
        peer.stop()


@pytest.mark.parametrize(
    "address",
    [
        "http://us%C3%A9r:%E2%82%AC-pa55word@127.0.0.1:1/",
        "http://127.0.0.1:1/%FF%FE/{pa55word}",
        "http://xn--a.invalid/pa55word",
        "http://a-.invalid/pa55word",
        "http://[::1%25nowhere]/pa55word",
        "json://us%C3%A9r:%E2%82%AC-pa55word@127.0.0.1:99999/x",
        long("drip", id="drip"),  # its limit is twenty seconds
    ],
)
def test_a_recipient_with_whom_something_is_wrong_keeps_nobody_else_from_hearing(
    site, operator, odd, address
):
    bad = odd(drip).url if address == "drip" else address.replace("{", "").replace("}", "")
    add_recipient(site, bad)
    try:
        site.start(wait=False)
        until(
            lambda: site.ended() or b'"ready"' in site.log.read_bytes(), "the daemon is ready, or has refused"
        )
        if site.ended():
            assert site.process.returncode == 2
            assert "notify.urls" in site.log.read_text()
        else:
            for number in (1, 2):
                for role in ("train", "eval"):
                    (site.drop / f"{role}_{number}.csv").write_text("only one column\n1\n")
                until(lambda: len(operator.visits) == number, "the other operator hears of it")  # noqa: B023
            site.stop()
    finally:
        site.kill()
    assert "pa55word" not in site.log.read_text()
    assert "Traceback" not in site.log.read_text()


@pytest.mark.parametrize(
    "error", [KeyError, RecursionError, UnicodeEncodeError, MemoryError, SystemExit, GeneratorExit]
)
def test_whatever_a_recipient_raises_the_others_hear_and_it_is_tried_again(
    site, operator, monkeypatch, error
):
    def broken(*_args, **_named):
        raise error(
            *(("latin-1", "pa55word", 0, 1, "pa55word") if error is UnicodeEncodeError else ("pa55word",))
        )

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    add_recipient(site, "json://127.0.0.1:1/pa55word")
    with structlog.testing.capture_logs() as logged, running(site) as daemon:
        for number in (1, 2):
            for role in ("train", "eval"):
                (site.drop / f"{role}_{number}.csv").write_text("only one column\n1\n")
            until(lambda: len(operator.visits) == number, "the other operator hears of it")  # noqa: B023
        assert daemon.daemon._notifier._thread.is_alive()
    (told,) = [line for line in logged if line["event"] == "notification_retried"]
    assert error.__name__ in str(told["reason"])
    assert "pa55word" not in repr(logged)


def test_a_recipient_that_never_ends_keeps_neither_another_one_nor_the_daemon_waiting(
    site, operator, monkeypatch
):
    monkeypatch.setattr("retraind.report.notifications._LONGEST_CALL", timedelta(milliseconds=500))
    over = threading.Event()
    monkeypatch.setattr(apprise.Apprise, "notify", lambda *_args, **_named: over.wait(60))
    add_recipient(site, "json://127.0.0.1:1/x")
    with running(site):
        for role in ("train", "eval"):
            (site.drop / f"{role}_1.csv").write_text("only one column\n1\n")
        until(lambda: operator.visits, "the other operator hears of it")
    over.set()


@pytest.mark.quick
def test_an_entry_that_cannot_be_phrased_keeps_the_others_from_nobody(site, operator, monkeypatch):
    plain = notifications.message_of

    def phrase(event, *rest):
        if event.event == "job_filed" and event.detail.get("outcome") == "failed" and not seen:
            seen.append(event)
            raise ZeroDivisionError("pa55word")
        return plain(event, *rest)

    seen = []
    monkeypatch.setattr(notifications, "message_of", phrase)
    with structlog.testing.capture_logs() as logged, running(site):
        for number in (1, 2):
            for role in ("train", "eval"):
                (site.drop / f"{role}_{number}.csv").write_text("only one column\n1\n")
            until(lambda: len(filed(site.drop)) == number, "it is filed")  # noqa: B023
            until(lambda: seen, "it was to be told")
        until(lambda: operator.visits, "the operator hears of the other")
    (told,) = [line for line in logged if line["event"] == "notification_given_up"]
    assert told["reason"] == problem("notifier_broken", kind="ZeroDivisionError")
    assert "pa55word" not in repr(logged)


UNUSABLE = [
    "http://[::1/", "http://127.0.0.1:99999/", "http://me:s3/cret@127.0.0.1/", "http:///x", "https://a..b/",
    "http://:80/",
    "https://[fe80::xyz]/", "slack://", "mailto://me:s3cret@[::1",
]  # fmt: skip


@pytest.mark.parametrize("address", UNUSABLE)
def test_an_address_that_cannot_be_used_is_refused_by_check_start_and_reload_without_being_shown(
    site, operator, address
):
    with running(site) as daemon:
        add_recipient(site, address)
        checked, started = site.command("check"), site.command("notify")
        assert checked.returncode in {1, 2}
        assert started.returncode == 2
        for done in (checked, started):
            assert "notify.urls" in done.stdout + done.stderr
            assert "s3" not in (done.stdout + done.stderr).replace(str(site.root), "")
        with structlog.testing.capture_logs() as logged:
            daemon.daemon.signals.reload()
            until(lambda: [line for line in logged if line["event"] == "reload_refused"], "it is refused")
        for role in ("train", "eval"):
            (site.drop / f"{role}_1.csv").write_text("only one column\n1\n")
        until(lambda: operator.visits, "those of before are told")
    assert "s3" not in repr(logged).replace(str(site.root), "")
    with pytest.raises(ConfigError, match=r"notify\.urls"):
        Daemon(*load(site.config)).__enter__()


@pytest.mark.quick
def test_a_user_and_password_of_any_characters_reach_the_recipient(site, operator):
    site._text = site._text.replace("http://", "http://us%C3%A9r:%E2%82%AC%2F%40@", 2).replace(
        "http://us%C3%A9r:%E2%82%AC%2F%40@", "http://", 1
    )
    site.write()
    assert site.command("notify").returncode == 0
    given = operator.visits[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(given).decode() == "usér:€/@"
