"""Before a key ends: a warning a week ahead, in the log, in STATUS.txt and in `retraind status`."""

import errno
import json
import os
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from retraind.api import circuit_breaker
from retraind.api.client import IssuedKey, read_end_date
from retraind.api.credentials import Origin, presumed_issue, warning_of
from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig, Fault
from retraind.reconcile.upkeep import caretaker
from retraind.report.wording import Audience, Voice
from retraind.store.holds import Holds
from support.clock import ManualClock
from support.lanes import ManualLanes, settle, sweep
from support.process import Site, deliver, filed, until
from support.running import running
from support.variants import variants
from support.world import table

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECRET = "secret-of-account-0123456789"

ISSUED = [
    ("no file: when it was first seen", None, 0),
    ("a file that lay there for a week", -7, -7),
    ("a file that lay there for almost a key's life", -29, -29),
    ("a file with a time before any living key's: from an image", -31, 0),
    ("a file with a time of the last century", -20_000, 0),
    ("a file written again with the same key", +5, 0),
    ("a file from the future", +5_000, 0),
]


@pytest.mark.parametrize(("why", "arrived", "issued"), ISSUED, ids=[case[0] for case in ISSUED])
@pytest.mark.quick
def test_a_key_was_probably_issued_when_it_came_here(why, arrived, issued):
    moment = None if arrived is None else NOW + arrived * DAY
    assert presumed_issue(NOW, moment) == NOW + issued * DAY


@pytest.mark.quick
def test_the_warning_comes_seven_days_before_the_end_and_stays():
    second = timedelta(seconds=1)
    origin = Origin("models.churn.api_key_file", secret=False, path=Path("/etc/k"))
    assert warning_of(NOW, NOW + 23 * DAY - second, origin) is None
    first = warning_of(NOW, NOW + 23 * DAY, origin)
    words = Voice().say(first)
    assert words.what.startswith(
        "The API key from the key file (models.churn.api_key_file) has been in use since 2026-11-23"
    )
    assert "expires on 2026-12-23" in words.what
    assert "write it into /etc/k;" in words.remedy
    assert "/etc/k" not in str(Voice(Audience.SHARE).say(first))
    assert warning_of(NOW, NOW + 40 * DAY, origin) == first
    # A key that came later is warned of as the same, and one from elsewhere is not.
    assert first.is_same(warning_of(NOW + DAY, NOW + 40 * DAY, origin))
    assert not first.is_same(warning_of(NOW, NOW + 40 * DAY, origin._replace(path=Path("/etc/other"))))


class Place:
    """A daemon that is not started: its minding of keys is called by hand, and time passes on demand."""

    def __init__(self, root, credential):
        self.clock = ManualClock(NOW)
        model = EmulatedModel("churn", 1001, "key-of-churn-0123456789", secret_key=SECRET)
        self.emulator = Emulator(
            EmulatorConfig(root / "service", models=(model,), trainer="instant", now=self.clock.now)
        )
        self.emulator.start()
        self.site = Site(root, self.emulator.url)
        self.drop = self.site.add_model("churn", "key-of-churn-0123456789")
        self.key_file = root / "churn.key"
        os.utime(self.key_file, (NOW.timestamp(), NOW.timestamp()))
        self.site.config.write_text(self.site.config.read_text().replace("api_key_file", credential))
        self.open()

    def open(self):
        settings, file = load(self.site.config)
        self.daemon = Daemon(settings, file, self.clock, lanes=ManualLanes())
        self.daemon.__enter__()
        self.daemon.folders.allow_writing()
        self.daemon.begin()
        sweep(self.daemon)

    def close(self):
        self.daemon.__exit__()

    def pass_days(self, days):
        """Let time pass; returns what is logged on the way."""
        with structlog.testing.capture_logs() as logged:
            for _ in range(round(days * 4)):
                self.clock.pass_time(DAY / 4)
                self.mind()
        return [event["event"] for event in logged if event["event"].startswith("key_")]

    def mind(self):
        self.daemon.caretaker.mind()
        settle(self.daemon)

    def on_the_share(self):
        return (self.drop / "STATUS.txt").read_text(encoding="utf-8-sig")

    def told(self):
        """Return whether STATUS.txt and the command warn."""
        status = self.on_the_share()
        (command,) = json.loads(self.site.command("status", "--json").stdout)["models"]
        soon = [sentence for sentence in command["sentences"] if sentence.startswith("ACTION NEEDED SOON")]
        assert ("ACTION NEEDED SOON" in status) == bool(soon)
        # Where the key is on this machine is the operator's business, not that of all who read the share.
        assert str(self.key_file) not in status
        assert all(str(self.key_file) in sentence for sentence in soon)
        assert bool(soon) == ("Ask the operator of retraind to" in " ".join(status.split()))
        return bool(soon)


@pytest.fixture
def place(root):
    made = []

    def make(credential="api_key_file"):
        made.append(Place(root, credential))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.emulator.stop()


def test_a_key_file_that_has_been_in_use_for_23_days_is_told_once_until_it_is_replaced(place):
    here = place()
    assert here.pass_days(22.75) == []
    assert not here.told()
    assert here.pass_days(3) == ["key_ends_soon"]
    assert here.told()
    here.key_file.write_text("another-key-0123456789")
    os.utime(here.key_file, ((NOW + 26 * DAY).timestamp(),) * 2)
    here.clock.pass_time(timedelta(minutes=1))
    here.mind()
    assert not here.told()
    assert here.pass_days(22) == []


def test_what_is_known_of_a_keys_age_outlives_a_restart_and_a_new_file_time(place):
    here = place()
    assert here.pass_days(20) == []
    here.close()
    os.utime(here.key_file, ((NOW + 20 * DAY).timestamp(),) * 2)
    here.open()
    assert here.pass_days(4) == ["key_ends_soon"]
    here.close()
    here.open()
    assert here.pass_days(0.25) == []
    assert here.told()


def test_a_hold_takes_the_place_of_the_warning(place):
    here = place()
    here.pass_days(24)
    here.emulator.expire_key("churn")
    (here.drop / "train_1.csv").write_text("a,churned\n" + "1,0\n2,1\n" * 20)
    (here.drop / "eval_1.csv").write_text("a,churned\n" + "1,0\n2,1\n" * 20)
    sweep(here.daemon)
    here.clock.pass_time(timedelta(seconds=1))
    sweep(here.daemon)
    assert here.daemon.journal.jobs.active("churn")
    assert here.daemon.journal.holds.all()
    status, command = here.on_the_share(), here.site.command("status", "--json").stdout
    assert "ACTION NEEDED SOON" not in status + command
    assert (
        "retraind sent the API key from the key file (models.churn.api_key_file). Ask the operator"
        in " ".join(status.split())
    )
    assert str(here.key_file) not in status
    assert str(here.key_file) in command


def test_a_key_that_retraind_fetches_itself_is_renewed_in_silence(place):
    here = place("model_id = 1001\nsecret_key_file")
    here.key_file.write_text(SECRET)
    here.daemon.credentials.key("churn", here.daemon.settings.models["churn"])
    assert here.pass_days(50) == ["key_renewed", "key_renewed"]
    assert not here.told()


def test_a_renewal_that_fails_is_told_with_the_end_and_not_tried_without_pause(place):
    here = place("model_id = 1001\nsecret_key_file")
    here.key_file.write_text(SECRET)
    here.daemon.credentials.key("churn", here.daemon.settings.models["churn"])
    here.pass_days(22.75)
    here.key_file.write_text("not-the-secret-0123456789")
    assert set(here.pass_days(1)) == {"key_not_renewed", "key_ends_soon"}
    assert here.told()
    assert "The current one expires on 2026-12-23" in here.site.command("status", "--json").stdout
    for _ in range(10):
        here.clock.pass_time(timedelta(seconds=15))
        here.mind()
    assert len([r for r in here.emulator.records() if r["event"] == "api_key_issued"]) == 1
    here.key_file.write_text(SECRET)
    assert "key_renewed" in here.pass_days(0.25)
    assert not here.told()


def test_a_replaced_key_ends_the_hold_within_a_minute_and_deliveries_are_taken_in_meanwhile(
    root, monkeypatch
):
    assert timedelta(minutes=1) > caretaker.INTERVAL
    monkeypatch.setattr(caretaker, "INTERVAL", timedelta(milliseconds=100))
    key = "key-of-churn-0123456789"
    model = EmulatedModel("churn", 1001, key, target="churned")
    with Emulator(EmulatorConfig(root / "service", models=(model,), trainer="instant")) as emulator:
        site = Site(root, emulator.url)
        drop = site.add_model("churn", "not-the-key-0123456789", 'settle = "0s"')
        with running(site) as daemon:
            daemon.deliver("churn", 1)
            until(daemon.daemon.journal.holds.all, "the model is held")
            until(lambda: "ON HOLD" in on_the_share(drop), "the share is told")
            assert site.command("status").returncode == 1
            daemon.deliver("churn", 2)
            until(lambda: len(daemon.daemon.journal.jobs.newest()) == 2, "the second delivery is taken in")
            site.root.joinpath("churn.key").write_text(key)
            until(lambda: len(filed(drop)) == 2, "both are trained with the new key")
        assert all(folder.parent.name == "done" for folder in filed(drop))


def on_the_share(drop):
    status = drop / "STATUS.txt"
    return status.read_text("utf-8-sig") if status.exists() else ""


@pytest.mark.parametrize("moment", [253_402_300_800, 300_000_000_000, -62_135_596_801])
def test_a_key_file_dated_in_a_year_that_no_calendar_has_keeps_no_other_model_s_key_from_being_looked_after(
    root, moment
):
    site = Site(root, "http://127.0.0.1:9")
    drops = {name: site.add_model(name, f"key-of-{name}-0123456789") for name in ("a", "b")}
    os.utime(root / "a.key", (moment, moment))
    if os.stat(root / "a.key").st_mtime != moment:  # noqa: PTH116
        pytest.skip("this file system knows no such time")
    old = (datetime.now(UTC) - 25 * DAY).timestamp()
    os.utime(root / "b.key", (old, old))
    try:
        site.start()
        until(lambda: "ACTION NEEDED SOON" in on_the_share(drops["b"]), "b's key is looked at")
        assert "ACTION NEEDED SOON" not in on_the_share(drops["a"])
        assert site.command("status").returncode == 0
        site.stop()
    finally:
        site.kill()


def test_an_internal_error_at_one_model_keeps_no_other_model_s_key_from_being_looked_after(
    place, monkeypatch
):
    here = place("model_id = 1001\nsecret_key_file")
    here.key_file.write_text(SECRET)
    here.site._text = here.site.config.read_text()
    here.site.add_model("a", "key-of-a-0123456789")
    here.daemon._read_again()
    here.daemon.credentials.key("churn", here.daemon.settings.models["churn"])
    plain = here.daemon.credentials.renew

    def renew(name, model):
        if name == "a":
            raise ZeroDivisionError
        return plain(name, model)

    monkeypatch.setattr(here.daemon.credentials, "renew", renew)
    assert {"key_renewed", "key_check_crashed"} == set(here.pass_days(24))


@pytest.mark.parametrize(
    "end",
    variants(["9999-12-31T23:59:59Z", "9999-12-31", "20991231235959"], default=["9999-12-31T23:59:59Z"]),
)
def test_an_end_that_no_key_has_is_renewed_as_if_nothing_had_been_said(place, monkeypatch, end):
    here = place("model_id = 1001\nsecret_key_file")
    here.key_file.write_text(SECRET)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    monkeypatch.setattr(
        "retraind.api.client.IssuedKey", lambda value, _: IssuedKey(value, read_end_date(end))
    )
    try:
        here.daemon.credentials.key("churn", here.daemon.settings.models["churn"])
        assert here.pass_days(22.75) == []
        here.key_file.write_text("not-the-secret-0123456789")
        assert "key_check_crashed" not in here.pass_days(1)
        here.key_file.write_text(SECRET)
        assert here.pass_days(1)[-1] == "key_renewed"
    finally:
        monkeypatch.undo()
        time.tzset()


# -- a key that changes while it is in use -----------------------------------------------------------------


@pytest.fixture
def account(root, monkeypatch):
    """A service, and a site that hurries."""
    monkeypatch.setattr(caretaker, "INTERVAL", timedelta(milliseconds=100))
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", timedelta(milliseconds=100))
    monkeypatch.setattr(circuit_breaker, "LONGEST_PAUSE", timedelta(milliseconds=300))
    made = []

    def start(**service):
        model = EmulatedModel("churn", 1001, KEY, target="churned", secret_key=SECRET)
        emulator = Emulator(
            EmulatorConfig(
                root / "service",
                models=(model,),
                trainer="instant",
                slow_time=timedelta(seconds=1.5),
                **service,
            )
        )
        emulator.start()
        made.append(emulator)
        site = Site(root, emulator.url)
        site.drop = site.add_model("churn", KEY, 'settle = "0s"')
        return emulator, site

    yield start
    for one in made:
        one.stop()


KEY = "key-of-churn-0123456789"


def put_key(site, key):
    fresh = site.root / "fresh.key"
    fresh.touch(0o600)
    fresh.write_text(key)
    fresh.rename(site.root / "churn.key")


def trained_without_a_hold(site, emulator, logged, number=1):
    until(lambda: len(filed(site.drop)) == number, "it is trained")
    assert [folder.parent.name for folder in filed(site.drop)] == ["done"] * number
    assert len([one for one in emulator.records() if one["event"] == "training_started"]) == number
    assert [line for line in logged if line["event"] == "model_held"] == []


def struck(emulator, fault):
    return lambda: emulator.faults()[fault].times == 0


@pytest.mark.quick
def test_a_key_replaced_while_a_request_with_the_old_one_is_on_its_way_holds_nothing(account):
    emulator, site = account(train_time=timedelta(seconds=1))
    with structlog.testing.capture_logs() as logged, running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: [each for each in emulator.jobs() if each["uploads"]], "it is sent")
        emulator.set_faults({"api_slow": Fault(times=1)})
        fresh = emulator.replace_key("churn")
        until(struck(emulator, "api_slow"), "the old key is refused, and the answer on its way")
        put_key(site, fresh)
        trained_without_a_hold(site, emulator, logged)


def test_a_refused_key_that_is_replaced_before_the_hold_is_noted_holds_until_it_is_looked_at_and_no_longer(
    account, monkeypatch
):
    """The narrowest moment: replaced after the last look at the file, and before the journal has the hold."""
    _, site = account()
    (site.root / "churn.key").write_text("another-key-0123456789")
    plain = Holds.hold

    def hold_model(journal, *rest, **named):
        put_key(site, KEY)
        return plain(journal, *rest, **named)

    monkeypatch.setattr(Holds, "hold", hold_model)
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: filed(site.drop), "it is trained")


@pytest.mark.parametrize(
    "half", ["", KEY[:9], "\n", KEY + "\n" + KEY[:4]], ids=["empty", "half", "a line", "both"]
)
def test_a_key_file_that_is_just_being_written_holds_nothing_for_good(account, half):
    emulator, site = account()
    (site.root / "churn.key").write_text(half)
    emulator.set_faults({"api_slow": Fault(times=1)})
    with structlog.testing.capture_logs() as logged, running(site) as daemon:
        daemon.deliver("churn")
        if half == KEY[:9]:
            until(struck(emulator, "api_slow"), "it is asked with half a key")
        else:
            until(lambda: "models.churn.api_key_file" in daemon.status(), "it waits for the key")
        (site.root / "churn.key").write_text(KEY)
        trained_without_a_hold(site, emulator, logged)


OF_A_KEY, OF_A_SECRET = "api_key_file", "model_id = 1001\nsecret_key_file"


@pytest.mark.quick
def test_a_key_file_that_stays_without_a_key_is_a_hold_and_its_end_ends_it(account, monkeypatch):
    monkeypatch.setattr("retraind.jobs.keys._REWRITING", timedelta(milliseconds=500))
    _, site = account()
    with running(site) as daemon:
        (site.root / "churn.key").unlink()
        daemon.deliver("churn")
        until(daemon.daemon.journal.holds.all, "the model is held")
        put_key(site, KEY)
        until(lambda: filed(site.drop), "it is trained")


@pytest.mark.parametrize(
    ("number", "origin"),
    variants(
        [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.EINTR], [OF_A_KEY, OF_A_SECRET],
        default=[(errno.EMFILE, OF_A_KEY), (errno.EIO, OF_A_SECRET), (errno.EINTR, OF_A_KEY)],
    ),
)  # fmt: skip
def test_a_key_file_that_cannot_be_opened_just_now_is_no_reason_for_a_hold(
    account, monkeypatch, number, origin
):
    emulator, site = account()
    if origin != OF_A_KEY:
        site._text = site._text.replace("api_key_file", origin)
        site.write()
        (site.root / "churn.key").write_text(SECRET)
    failures = []
    plain = os.open

    def exhausted(path, *rest, **named):
        if str(path) == str(site.root / "churn.key") and len(failures) < 3:
            failures.append(path)
            raise OSError(number, os.strerror(number), str(path))
        return plain(path, *rest, **named)

    with structlog.testing.capture_logs() as logged, running(site) as daemon:
        monkeypatch.setattr(os, "open", exhausted)
        daemon.deliver("churn")
        until(lambda: len(failures) == 3, "it could not be opened")
        trained_without_a_hold(site, emulator, logged)


def test_a_process_that_has_no_open_file_left_for_a_while_holds_no_model(account):
    emulator, site = account(train_time=timedelta(seconds=3))
    try:
        site.start()
        for role, rows in (("train", 40), ("eval", 20)):
            deliver(site.drop, f"{role}_1.csv", table(rows))
        until(lambda: [each for each in emulator.jobs() if each["uploads"]], "it is sent")
        pid = site.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
        until(lambda: "Too many open files" in site.log.read_text(), "it has no file left")
        time.sleep(1)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        until(lambda: filed(site.drop), "it is trained")
        assert site.stop() == 0
    finally:
        site.kill()
    assert [folder.parent.name for folder in filed(site.drop)] == ["done"]
    assert not [line for line in site.events() if line["event"] == "model_held"]


@pytest.mark.parametrize(
    "fault",
    variants(
        ["api_503", "api_500", "api_429", "results_truncated"], default=["api_429", "results_truncated"]
    ),
)
def test_a_self_fetched_key_that_ends_during_other_trouble_is_fetched_again(account, fault):
    emulator, site = account()
    site._text = site._text.replace("api_key_file", "model_id = 1001\nsecret_key_file")
    site.write()
    (site.root / "churn.key").write_text(SECRET)
    with structlog.testing.capture_logs() as logged, running(site) as daemon:
        daemon.deliver("churn", 1)
        trained_without_a_hold(site, emulator, logged)
        emulator.set_faults({fault: 1.0})
        daemon.deliver("churn", 2)
        until(
            lambda: any(job.wait.attempts > 1 for job in daemon.daemon.journal.jobs.active()),
            "it is in trouble",
        )
        emulator.expire_key("churn")
        emulator.set_faults({})
        trained_without_a_hold(site, emulator, logged, 2)
    assert len([one for one in emulator.records() if one["event"] == "api_key_issued"]) == 2


def test_a_self_fetched_key_that_is_refused_is_fetched_again_once_and_then_a_person_is_asked(account):
    emulator, site = account(key_lifetime=timedelta(0))
    site._text = site._text.replace("api_key_file", "model_id = 1001\nsecret_key_file")
    site.write()
    (site.root / "churn.key").write_text(SECRET)
    with running(site) as daemon:
        emulator.set_faults({"api_503": Fault(times=2)})
        daemon.deliver("churn")
        until(daemon.daemon.journal.holds.all, "the model is held")
        daemon.deliver("churn", 2)
        until(lambda: len(daemon.daemon.journal.jobs.newest()) == 2, "another delivery is taken in")
        time.sleep(0.5)
        assert daemon.daemon.journal.holds.all(), "the caretaker does not take the secret key for another one"
    assert len([one for one in emulator.records() if one["event"] == "api_key_issued"]) == 2
