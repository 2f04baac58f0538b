"""Whatever is answered, before or after the request took effect, trains nothing twice and needs no person.

A service or a store may do what it was asked for and then answer with anything, or something on the way may
answer in its place. These tests see the daemon through its folders and commands, and the service through its
own ledger.
"""

import json
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from retraind.api import circuit_breaker
from retraind.emulator import STATUSES, WORST_CASE, Fault
from scenarios.outage.test_outage import Service, site_of, told
from support import zygote
from support.ledger import history
from support.process import Site, filed, until
from support.running import running
from support.variants import long, variants
from support.world import an_account, key_of

ENDLESS = 1.0


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(circuit_breaker, "FIRST_PAUSE", timedelta(milliseconds=200))
    monkeypatch.setattr(circuit_breaker, "LONGEST_PAUSE", timedelta(milliseconds=800))
    monkeypatch.setattr("retraind.daemon._end_hard", lambda _: None)  # it would end the tests' own process


@pytest.fixture(params=[long({}, id="kind"), pytest.param(WORST_CASE, id="at worst")])
def service(root, request):
    made = Service(root, facts=request.param)
    yield made
    made.emulator.stop()


def asked(site, *arguments):
    """Run a command as a process of its own: in this one, what the daemon logs would come between."""
    return zygote.run(arguments[0], "-c", site.config, *arguments[1:])


def events_of(site):
    (job,) = json.loads(asked(site, "jobs", "--json").stdout)
    shown = json.loads(asked(site, "show", "--json", job["id"]).stdout)
    return job, [event["event"] for event in shown["history"]]


def all_filed(site, count):
    until(lambda: len(filed(site.drop)) == count, f"{count} deliveries are filed")
    return [folder for folder in filed(site.drop) if folder.parent.name == "failed"]


def answers(what, *, after):
    names = [f"{what}_{status}{'_after' * after}" for status in STATUSES]
    names += [f"{what}_html{'_after' * after}"]
    return [names[part::3] for part in range(3)]


# -- trained twice -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    variants(
        [*answers("upload", after=True), *answers("upload", after=False)],
        default=answers("upload", after=True)[2:],
    ),
)
def test_no_answer_to_an_upload_trains_twice_or_loses_a_delivery(root, service, faults):
    site = site_of(root, service.emulator.url)
    with running(site) as daemon:
        for number, fault in enumerate(faults, 1):
            service.emulator.set_faults({fault: Fault(times=1)})
            daemon.deliver("churn", number)
            failed = all_filed(site, number)
            assert not failed, fault
            assert not history(root / "service").doubled(), fault
        assert not daemon.daemon.journal.holds.all()
    assert len(history(root / "service").started) == len(faults)


@pytest.mark.quick
def test_a_late_403_asks_before_it_registers_anew(root, service):
    site = site_of(root, service.emulator.url)
    service.emulator.set_faults({"upload_403_after": Fault(times=1)})
    with running(site) as daemon:
        daemon.deliver("churn")
        assert not all_filed(site, 1)
    assert len(service.events("registered")) == len(service.events("training_started")) == 1


@contextmanager
def many(root, names, **service):
    """Start a service and an installation with several models; yield both, and the drop folders by name."""
    with an_account(root, *names, **service) as emulator:
        site = Site(root, emulator.url)
        yield (
            emulator,
            site,
            {name: site.add_model(name, key_of(name), 'settle = "0s"') for name in names},
        )


# -- an unexplained answer ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    variants(
        ["api_404", "api_400", "api_204", "api_401", "api_403", "api_405", "api_422"],
        default=["api_404", "api_401"],
    ),
)
def test_an_unexplained_answer_of_a_moment_holds_no_model(root, fault):
    names = [f"m{number}" for number in range(6)]
    with many(root, names, train_time=timedelta(seconds=1.5)) as (emulator, site, drops):
        with running(site) as daemon:
            for number, name in enumerate(names):
                daemon.deliver(name, number)
            until(lambda: len(emulator.jobs()) == len(names), "all are in work")
            emulator.set_faults({fault: ENDLESS})
            struck = threading.Event()
            struck.wait(1)
            assert not daemon.daemon.journal.holds.all()
            emulator.set_faults({})
            until(lambda: all(filed(drop) for drop in drops.values()), "all go on without a person")
        assert all(folder.parent.name == "done" for drop in drops.values() for folder in filed(drop))


def test_an_answer_that_nobody_explains_is_reported_once_it_has_lasted(root, service):
    site = site_of(root, service.emulator.url)
    site._text += '[notify]\npatience = "500ms"\n'
    site.write()
    service.emulator.set_faults({"api_400": ENDLESS})
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: asked(site, "status").returncode == 1, "status reports it")
        assert "HTTP 400" in asked(site, "status").stdout
        assert "ON HOLD" not in told(site)
        assert "job_stuck" in events_of(site)[1]
        service.emulator.set_faults({})
        assert not all_filed(site, 1)
        until(lambda: asked(site, "status").returncode == 0, "status is well again")


# -- a switch that may have happened -----------------------------------------------------------------------

SWITCHES = ["api_204", "api_204_after", "api_empty", "api_empty_after", "api_truncated", "api_html_after",
            "api_404_after", "api_400_after", "api_503_after", "api_301_after", "api_403_after"]  # fmt: skip


def while_it_switches(service, site, daemon, fault):
    """Let a fault strike from the switch on, and from no call before it."""
    daemon.deliver("churn")
    until((site.root / "asked").exists, "the gate is asked")
    service.emulator.set_faults({fault[0]: fault[1]})
    (site.root / "go").touch()


def gated(root, url):
    """A model whose gate waits until it is told to pass, so that a test can act right before the switch."""
    site = site_of(root, url)
    wait = f"touch {root}/asked; while ! [ -e {root}/go ]; do sleep 0.02; done"
    site._text += f'switch = "gate"\ngate = ["sh", "-c", "{wait}"]\n'
    site.write()
    return site


@pytest.mark.parametrize(
    "fault",
    variants(
        SWITCHES, default=["api_204", "api_empty_after", "api_html_after", "api_404_after", "api_503_after"]
    ),
)
def test_an_unclear_answer_to_the_switch_is_asked_again(root, service, fault):
    site = gated(root, service.emulator.url)
    with running(site) as daemon:
        while_it_switches(service, site, daemon, (fault, Fault(times=1)))
        assert not all_filed(site, 1)
        (folder,) = filed(site.drop)
        report = json.loads((folder / "report.json").read_text())
    assert report["switched"]
    assert report["switch_note"] is None
    assert service.emulator.models()[0]["published"] == report["service"]["retrain_job_id"]


@pytest.mark.parametrize(
    "fault", variants(["api_204_after", "api_empty_after", "api_204"], default=["api_204_after", "api_204"])
)
def test_a_switch_that_stays_unclear_is_told_as_open_and_never_as_not_done(root, service, fault):
    site = gated(root, service.emulator.url)
    with running(site) as daemon:
        while_it_switches(service, site, daemon, (fault, ENDLESS))
        assert not all_filed(site, 1)
    (folder,) = filed(site.drop)
    note = " ".join((folder / "RESULT.txt").read_text("utf-8-sig").split())
    assert "has not been changed" not in note
    assert "It is not certain" in note
    assert f"ask the operator of retraind; the job is {folder.name}" in note
    report = json.loads((folder / "report.json").read_text())
    assert "It is not certain" in report["switch_note"]
    assert report["switch_open"]
    assert "not published" not in told(site)


@pytest.mark.quick
def test_a_refusal_after_a_switch_of_unknown_outcome_does_not_claim_that_nothing_changed(root, service):
    site = gated(root, service.emulator.url)
    with running(site) as daemon:
        while_it_switches(service, site, daemon, ("api_503_after", ENDLESS))
        until(lambda: service.emulator.models()[0]["published"], "it is switched, and nobody says so")
        service.emulator.delete_classifier("churn")
        service.emulator.set_faults({})
        all_filed(site, 1)
    (folder,) = filed(site.drop)
    notes = [path for path in folder.iterdir() if path.name in {"RESULT.txt", "ERROR.txt"}]
    assert "It is not certain" in " ".join(notes[0].read_text("utf-8-sig").split())


# -- a service that does not know a job before its upload ---------------------------------------------------


@pytest.mark.parametrize(
    "fault", [None, "upload_lost_answer", "upload_reset", "upload_503_after", "upload_403"]
)
def test_a_retrain_job_that_is_not_known_before_its_upload_is_trained_all_the_same(root, service, fault):
    site = site_of(root, service.emulator.url)
    service.emulator.set_faults({"status_unknown": 1.0} | ({fault: Fault(times=1)} if fault else {}))
    with running(site) as daemon:
        daemon.deliver("churn")
        assert not all_filed(site, 1)
    assert len(service.events("training_started")) == 1


def test_a_retrain_job_that_is_never_known_after_its_upload_fails_in_the_end(root):
    service = Service(root, train_time=timedelta(seconds=30))
    try:
        site = site_of(root, service.emulator.url)
        with running(site) as daemon:
            daemon.deliver("churn")
            until(lambda: service.events("training_started"), "it is trained")
            service.emulator.delete_model("churn")
            until(lambda: "does not know the retrain job" in daemon.status(), "it is asked for again")
            (folder,) = all_filed(site, 1)
    finally:
        service.emulator.stop()
    assert "does not know the retrain job" in (folder / "ERROR.txt").read_text("utf-8-sig")


# -- trouble counts on -------------------------------------------------------------------------------------


def test_an_upload_that_keeps_breaking_off_is_sent_ever_more_rarely_and_reported(root, service):
    site = site_of(root, service.emulator.url)
    site._text = site._text.replace('retry_longest = "500ms"', 'retry_longest = "10m"')
    site._text += '[notify]\npatience = "2s"\n'
    site.write()
    service.emulator.set_faults({"upload_reset": ENDLESS})
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: asked(site, "status").returncode == 1, "status reports it")
        job, events = events_of(site)
        assert job["attempts"] >= 3
        assert "job_stuck" in events
    assert len(service.events("registered")) == 1


def test_addresses_that_are_all_refused_lead_to_five_retrain_jobs_and_then_to_a_hold(root, service):
    site = site_of(root, service.emulator.url)
    service.emulator.set_faults({"upload_403": ENDLESS})
    with running(site) as daemon:
        daemon.deliver("churn")
        until(lambda: "ON HOLD" in daemon.status(), "it is on hold")
        assert len(service.events("registered")) == 5
        assert asked(site, "status").returncode == 1
        job, _ = events_of(site)
        assert job["held_until"]
        service.emulator.set_faults({})
        assert asked(site, "release", job["id"]).returncode == 0
        assert not all_filed(site, 1)
        job, _ = events_of(site)
        assert not job["budget_waived"]
    assert len(service.events("registered")) == 6
    assert len(service.events("training_started")) == 1


# -- Retry-After -------------------------------------------------------------------------------------------


def test_a_retry_after_of_a_day_binds_the_jobs_that_got_it_and_no_other_model(root):
    names = [f"m{number}" for number in range(7)]
    with many(root, names) as (emulator, site, drops):
        emulator.set_faults({"api_429_day": Fault(times=circuit_breaker.FAILURES + 1)})
        with running(site) as daemon:
            for number, name in enumerate(names[:-1]):
                daemon.deliver(name, number)
            until(lambda: emulator.faults()["api_429_day"].times == 0, "all have been told to come tomorrow")
            daemon.deliver(names[-1], 7)
            until(lambda: filed(drops[names[-1]]), "another model is served")
            waiting = [drop for drop in drops.values() if not filed(drop)]
            assert len(waiting) >= circuit_breaker.FAILURES, "who was told to wait does so"
