"""The daemon tells an operator who is elsewhere: once for each change, whatever else goes wrong."""

import json
from datetime import timedelta

import pytest

from api.peers import Peer, answer
from outage.running import running
from process import Site, filed, until
from retraind.api import breaker
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig

KEY = "key-of-churn-0123456789"


@pytest.fixture
def account(root, monkeypatch):
    monkeypatch.setattr(breaker, "FIRST_PAUSE", timedelta(milliseconds=100))
    monkeypatch.setattr(breaker, "LONGEST_PAUSE", timedelta(milliseconds=300))
    monkeypatch.setattr("retraind.caretaker.INTERVAL", timedelta(milliseconds=100))
    model = EmulatedModel("churn", 1001, KEY, target="churned")
    with Emulator(EmulatorConfig(root / "service", models=(model,), trainer="instant")) as emulator:
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
    return [json.loads(visit.body)["title"] for visit in operator.visits]


def test_a_refused_key_is_told_once_across_restarts_and_so_is_the_end_of_the_hold(site, account, operator):
    (site.root / "churn.key").write_text("another-key-0123456789")
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: operator.visits, "the operator hears of the hold")
        for _ in range(2):
            daemon.stop()
            daemon.start()
            until(daemon.daemon.journal.holds, "the key was refused again")
        (site.root / "churn.key").write_text(KEY)
        until(lambda: filed(site.drop), "the delivery is filed")
        until(lambda: len(operator.visits) > 1, "the operator hears that it goes on")
    told = json.loads(operator.visits[0].body)
    assert "the API key in its file (models.churn.api_key_file)" in told["what"]
    assert f"put it into {site.root}/churn.key" in told["what"]
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
    assert "the service accepts the key again" in json.loads(operator.visits[1].body)["what"]


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
    assert titles(operator) == ["churn: its drop folder is out of reach", "churn: its drop folder is back"]


def test_a_failed_delivery_of_a_run_from_cron_is_told_before_it_ends(site, operator):
    for role in ("train", "eval"):
        (site.drop / f"{role}_1.csv").write_text("only one column\n1\n")
    site.start("--once", wait=False)
    assert site.process.wait(60) == 1
    (told,) = [json.loads(visit.body) for visit in operator.visits]
    assert told["title"] == "churn, delivery 1 failed"
    assert "does not keep the service's rules" in told["what"]
    (folder,) = filed(site.drop)
    assert str(folder / "ERROR.txt") in told["what"]


def test_an_operator_who_cannot_be_reached_delays_no_job(site, account, operator):
    operator.stop()
    with running(site) as daemon:
        daemon.deliver("churn", 1)
        for role in ("train", "eval"):
            (site.drop / f"{role}_0.csv").write_text("only one column\n1\n")
        until(lambda: len(filed(site.drop)) == 2, "both are filed")


def test_the_command_tries_everybody_and_says_who_did_not_take_it(site, operator, capfd):
    assert site.command("notify").returncode == 0
    assert json.loads(operator.visits[0].body)["title"] == "A test"
    assert "all good" in site.command("check").stdout
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


def test_addresses_in_a_file_that_others_can_read_are_refused_as_any_secret(site):
    site.config.chmod(0o644)
    done = site.command("check")
    assert done.returncode == 2
    assert "notify.urls: this file holds a secret" in done.stdout


def test_nobody_to_tell_and_nonsense_are_said_without_what_was_written(site):
    text = site._text
    site._text = text.replace("urls = [", "urls = [] #")
    site.write()
    assert "names nobody" in site.command("notify").stderr
    site._text = text.replace("urls = [", 'urls = ["secret-token", ')
    site.write()
    done = site.command("check")
    assert done.returncode == 2
    assert 'notify.urls.0 = (hidden): write an address such as "https://' in done.stderr
    assert "secret-token" not in done.stderr
