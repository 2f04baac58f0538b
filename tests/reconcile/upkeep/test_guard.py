"""A model whose key, gate or configuration others can reach waits, and no other does."""

from datetime import timedelta

import pytest

from retraind.config import exposure
from support.clock import ManualClock
from support.lanes import by_hand
from support.process import Site

NAMES = ("churn", "price")


@pytest.fixture
def site(tmp_path):
    tmp_path.chmod(0o755)
    site = Site(tmp_path, "http://127.0.0.1:9")
    for name in NAMES:
        site.add_model(name, f"key-of-{name}-0123456789")
    return site


def held(daemon):
    """Let the daemon look at the rights after a minute; returns the code of each hold."""
    daemon._clock.pass_time(timedelta(minutes=1))
    daemon.caretaker.mind()
    return {name: hold.problem.code for name, hold in daemon.journal.holds.all().items()}


def test_a_key_that_others_can_read_holds_its_model_alone_until_they_cannot(site):
    (site.root / "churn.key").chmod(0o644)
    with by_hand(site.config, ManualClock()) as daemon:
        daemon.begin()
        assert {*daemon.journal.holds.all()} == {"churn"}, "before any step"
        assert held(daemon) == {"churn": "key_file_exposed"}
        (site.root / "churn.key").chmod(0o600)
        (site.root / "price.key").chmod(0o604)
        assert held(daemon) == {"price": "key_file_exposed"}
        begun = [entry for entry in history(daemon, "price") if entry == "model_held"]
        assert held(daemon) == {"price": "key_file_exposed"}
        assert [entry for entry in history(daemon, "price") if entry == "model_held"] == begun, "told once"


def test_a_start_looks_at_the_rights_of_each_key_once(site, monkeypatch):
    looked = []
    plain = exposure.key_access
    monkeypatch.setattr(exposure, "key_access", lambda *given: looked.append(given[-1].name) or plain(*given))
    with by_hand(site.config, ManualClock()):
        assert sorted(looked) == ["churn.key", "price.key"]


def history(daemon, model):
    entries = daemon.journal.events.entries_after(0, ("model_held", "model_released"), 100)
    return [entry.event.event for entry in entries if entry.event.model == model]


def others_write_config(site):
    site.config.chmod(0o666)
    return lambda: site.config.chmod(0o644)


def others_write_folder(site):
    site.root.chmod(0o777)
    return lambda: site.root.chmod(0o755)


def others_write_certificates(site):
    certificates = site.root / "ca.pem"
    certificates.touch(0o644)
    certificates.chmod(0o646)
    site._text = site._text.replace("[api]", f'[api]\nca_bundle = "{certificates}"')
    site.write()
    return lambda: certificates.chmod(0o644)


def proxy_with_password(site):
    site._text = site._text.replace("[api]", '[api]\nproxy = "http://me:s3cret-word@127.0.0.1:9"')
    site.write()
    site.config.chmod(0o644)
    return lambda: site.config.chmod(0o600)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (others_write_config, "file_changeable"),
        (others_write_folder, "file_changeable"),
        (others_write_certificates, "file_changeable"),
        (proxy_with_password, "secrets_exposed"),
    ],
)
def test_what_concerns_all_holds_all(site, make, code):
    correct = make(site)
    with by_hand(site.config, ManualClock()) as daemon:
        daemon.begin()
        assert held(daemon) == dict.fromkeys(NAMES, code)
        correct()
        daemon.caretaker.mind()
        assert daemon.journal.holds.all() == {}, "while a model is held, each time"
    for name in NAMES:
        assert "s3cret-word" not in site.command("status").stdout, name


def test_a_reload_holds_before_anything_follows_from_it(site):
    with by_hand(site.config, ManualClock()) as daemon:
        daemon.begin()
        assert held(daemon) == {}
        others_write_config(site)
        daemon._read_again()
        assert {*daemon.journal.holds.all()} == {*NAMES}


def test_a_hold_for_rights_is_not_tried_again_after_hours(site):
    site.config.chmod(0o666)
    clock = ManualClock()
    with by_hand(site.config, clock) as daemon:
        daemon.begin()
        clock.pass_time(timedelta(hours=7))
        daemon.caretaker.mind()
        assert {*daemon.journal.holds.all()} == {*NAMES}
        assert "model_released" not in history(daemon, "churn")
