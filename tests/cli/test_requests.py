"""Requests of people: what fails or waits is tried now, all of a model at once, and programs read how it went."""

import json
import os
import platform
import pwd
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retraind.cli import requests
from retraind.cli.naming import the_job
from retraind.cli.output import Refused
from retraind.domain.job import JobHold, State, Waiting
from retraind.domain.people import person_in
from retraind.domain.problems import problem
from retraind.domain.records import Outage
from retraind.emulator import Fault
from retraind.store.journal import Journal
from support.process import deliver, until
from support.variants import long
from support.words import legacy
from support.world import KEY, table

BAD = b"only one column\n1\n"


@pytest.fixture
def site(site):
    # Its waits are longer than any test.
    site._text = site._text.replace('retry_first = "100ms"', 'retry_first = "5m"').replace(
        'retry_longest = "2s"', 'retry_longest = "1h"'
    )
    site.drop = site.add_model("churn", KEY, 'settle = "0s"')
    return site


@pytest.fixture
def journal(site):
    site.once()
    made = Journal.open(site.root / "state" / "journal.db")
    yield made
    made.close()


def hand_over(site, key, train=None, offset=0):
    deliver(site.drop, f"train_{key}.csv", table(offset=offset) if train is None else train)
    deliver(site.drop, f"eval_{key}.csv", table(20))


def waiting(site, *keys):
    """Start the daemon while the service fails, and return the jobs that wait."""
    site.start()
    for number, key in enumerate(keys):
        hand_over(site, key, offset=number)

    def found():
        jobs = [job for job in site.jobs() if job["key"] in keys]
        return jobs if len(jobs) == len(keys) and any(job["attempts"] for job in jobs) else None

    until(found, "the service was asked")
    return found()


def told(done):
    return json.loads(done.stdout)


# One that waits, and a host that is down


def test_a_job_that_waits_is_tried_now(site, service):
    service.set_faults({"api_503": 1.0})
    (job,) = waiting(site, "1")
    failed = site.command("retry", "1")
    assert failed.returncode == 1
    assert f"{job['id']} was tried: The service" in failed.stdout
    assert "HTTP 503" in failed.stdout
    service.set_faults({})
    assert site.command("retry", job["id"][-6:]).returncode == 0
    until(lambda: told(site.command("show", "1", "--json"))["outcome"] == "trained", "it is trained")
    history = told(site.command("show", "1", "--json"))["history"]
    assert [event["event"] for event in history].count("retry_asked") == 2


def test_a_host_that_is_down_is_tried_now(site, service):
    service.set_faults({"api_503": 1.0})
    waiting(site, "1")
    while not (hosts := told(site.command("status", "--json"))["hosts"]):
        site.command("retry", "1")
    host = hosts[0]["host"]
    still = site.command("release", host)
    assert (still.returncode, "was tried and still fails: The service" in still.stdout) == (1, True)
    service.set_faults({})
    works = site.command("release", host.partition(":")[0], "--json")
    if works.returncode:  # A request was still under way when the service came back.
        works = site.command("release", host.partition(":")[0], "--json")
    assert works.returncode == 0, works.stdout
    (result,) = told(works)["results"]
    assert result["name"] == host
    if result["code"] != "host_try_succeeded":  # A request was still under way: nothing waited for the host.
        assert result["code"] == "host_try_noted"
    until(lambda: told(site.command("show", "1", "--json"))["outcome"] == "trained", "it is trained")
    assert site.command("release", host).returncode == 1
    assert "or failing host is called" in site.command("release", host).stderr


def test_who_retries_a_job_that_waits_for_a_host_has_the_host_tried(site, service):
    service.set_faults({"api_503": 1.0})
    waiting(site, "1")
    while not told(site.command("status", "--json"))["hosts"]:
        site.command("retry", "1")
    service.set_faults({})
    assert site.command("retry", "1").returncode == 0


def test_a_host_and_its_jobs_are_tried_at_the_next_start_if_nobody_runs(site, journal):
    since = datetime.now(UTC)
    journal.hosts.replace(
        [Outage("service:443", since, 7, legacy("It is away."), since + timedelta(hours=1))]
    )
    hand_over(site, "1")
    site.once()
    (job,) = journal.jobs.newest()
    wait = Waiting(
        wake_at=since + timedelta(hours=1), attempts=3, host="service:443", trouble=legacy("Away.")
    )
    journal.jobs.write(job, replace(job, wait=wait, state=State.DONE))
    done = site.command("release", "service")
    assert (done.returncode, "service:443 is tried when retraind starts" in done.stdout) == (0, True)


# Those that cannot be tried


def write(journal, **changes):
    (job,) = journal.jobs.newest()
    return journal.jobs.write(job, replace(job, **changes), "held")


def test_what_is_on_hold_is_released_and_not_retried(site, journal, monkeypatch):
    hand_over(site, "1")
    site.config.write_text(site.config.read_text() + 'budget = "0/year"\n')
    site.once()
    refused = site.command("retry", "1")
    (job,) = site.jobs()
    assert refused.returncode == 1
    end = f"To end the hold, run: retraind release {job['id']} -c {shlex.quote(str(site.config))}\n"
    assert refused.stderr.endswith(end)
    assert told(site.command("retry", "1", "--json"))["problem"]["code"] == "hold_to_release"


def test_one_that_waits_for_its_turn_or_is_done_is_not_retried(site, journal):
    hand_over(site, "1")
    site.once()
    refused = site.command("retry", "1")
    assert (refused.returncode, "it is done" in refused.stderr) == (1, True)


# All of a model


def test_all_that_has_failed_is_retried_when_that_is_said(site, journal):
    hand_over(site, "1", BAD)
    hand_over(site, "2", BAD + b"2\n")
    site.once()
    meant = site.command("retry", "churn")
    assert meant.returncode == 2
    assert "retraind retry --all churn -c" in meant.stderr
    asked = site.command("retry", "--all", "churn", "--json")
    assert asked.returncode == 0
    assert [result["code"] for result in told(asked)["results"]] == ["request_noted"] * 2
    assert {job["state"] for job in site.jobs()} == {"restoring"}
    nothing = site.command("retry", "--all", "churn")
    assert (nothing.returncode, "no job that has failed" in nothing.stderr) == (1, True)
    assert site.command("retry", "--all", "chrun").returncode == 2


def test_one_that_another_process_changes_keeps_no_other_from_its_retry(site, journal, monkeypatch):
    hand_over(site, "1", BAD)
    hand_over(site, "2", BAD + b"2\n")
    site.once()
    plain = requests._asked_to_retry

    def overtaken(journal, job):
        if job.key == "1":
            journal.jobs.write(job, replace(job, state=State.RESTORING), "retry_asked")
        return plain(journal, job)

    monkeypatch.setattr(requests, "_asked_to_retry", overtaken)
    asked = site.command("retry", "--all", "churn", "--json")
    assert asked.returncode == 1
    assert {result["code"] for result in told(asked)["results"]} == {"job_changed", "request_noted"}


def test_all_holds_of_a_model_are_ended_when_that_is_said(site, journal):
    hand_over(site, "1")
    hand_over(site, "2", offset=1)
    site.config.write_text(site.config.read_text() + 'budget = "0/year"\n')
    site.once()
    for job in journal.jobs.active():
        if not job.hold:
            journal.jobs.write(job, replace(job, hold=JobHold(problem=problem("model_removed"))), "held")
    journal.holds.hold("churn", problem("model_removed"), credential=False)
    assert site.command("release", "churn").returncode == 0
    several = site.command("release", "churn")
    assert (several.returncode, "retraind release --all churn -c" in several.stderr) == (1, True)
    ended = site.command("release", "--all", "churn", "--json")
    assert ended.returncode == 0
    assert len(told(ended)["results"]) == 2
    assert not any(job.hold for job in journal.jobs.active())
    assert site.command("release", "--all", "churn").returncode == 1


# For programs and scripts


def test_who_does_not_wait_gets_an_answer_at_once(site, service):
    service.set_faults({"api_slow": 1.0})
    site.once()
    hand_over(site, "1", BAD)
    site.once()
    site.start()
    asked = site.command("retry", "1", "--no-wait", "--json")
    assert asked.returncode == 0
    (result,) = told(asked)["results"]
    assert result["code"] == "request_written"
    assert told(asked)["running"]


def test_a_retry_that_fails_says_so_to_programs(site, service):
    hand_over(site, "1", BAD)
    site.once()
    site.start()
    asked = site.command("retry", "1", "--json")
    (result,) = told(asked)["results"]
    assert {"name", "good", "text", "job", "model", "state", "code", "facts"} <= result.keys()
    assert asked.returncode == (0 if result["good"] else 1)


# Names


def test_a_job_is_called_by_its_key_and_several_of_it_are_listed(site, journal):
    hand_over(site, "2026-11", BAD)
    site.once()
    hand_over(site, "2026-11", BAD + b"2\n")
    hand_over(site, "2026-12", BAD + b"3\n")
    site.once()
    assert told(site.command("show", "2026-12", "--json"))["key"] == "2026-12"
    several = site.command("show", "2026-11")
    assert several.returncode == 2
    jobs = [job for job in site.jobs() if job["key"] == "2026-11"]
    for job in jobs:
        assert f"  {job['id'][-6:]}  churn  2026-11  failed  taken in " in several.stderr
    assert "churn  2026-12  " not in several.stderr
    for command in ("retry", "switch", "release"):
        assert site.command(command, "2026-11").returncode == 2
    with pytest.raises(Refused, match=""):
        the_job(journal, "20")
    assert the_job(journal, jobs[0]["id"]).id == jobs[0]["id"]
    assert site.command("jobs", "--before", "2026-12").returncode == 0


# A limit of the account


def prevented(site, service):
    """Deliver what the account has no room for; wait until the model is held."""
    service.set_faults({"account_storage": Fault(times=1)})
    site.start()
    hand_over(site, "1")
    until(lambda: told(site.command("status", "--json"))["models"][0]["hold"], "the model is held")


@pytest.mark.parametrize(
    "command",
    [
        ("retry", "1"),
        long(("retry", "--all", "churn")),
        long(("release", "1")),
        ("release", "churn"),
    ],
)
def test_a_hold_for_a_limit_of_the_account_ends_at_once_when_a_person_says_so(site, service, command):
    prevented(site, service)
    (model,) = told(site.command("status", "--json"))["models"]
    assert model["hold_problem"]["code"] == "account_storage_full"
    assert "The service did not train: the account's data storage is full" in site.command("status").stdout
    done = site.command(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: told(site.command("show", "1", "--json"))["outcome"] == "trained", "it is trained")
    history = [event["event"] for event in told(site.command("show", "1", "--json"))["history"]]
    assert history.count("training_prevented") == 1
    assert history.count("upload_complete") == 2


def test_who_retries_without_a_daemon_ends_the_hold_for_the_next_start(site, service):
    prevented(site, service)
    site.stop()
    assert site.command("retry", "1").returncode == 0
    assert site.once() == 0
    assert told(site.command("show", "1", "--json"))["outcome"] == "trained"


# Who it was


def test_each_request_says_in_the_history_who_made_it_and_on_the_share_only_the_name(site, monkeypatch):
    hand_over(site, "1", BAD)
    site.once()
    monkeypatch.setenv("SUDO_USER", "ali\x1bce")
    assert site.command("retry", "1").returncode == 0
    shown = site.command("show", "1")
    me = pwd.getpwuid(os.getuid()).pw_name
    assert f"by={me} (uid {os.getuid()}, sudo by ali\\x1bce) on {platform.node()}" in shown.stdout
    (asked,) = (
        each
        for each in told(site.command("show", "1", "--json"))["history"]
        if each["event"] == "retry_asked"
    )
    assert asked["detail"]["by"] == {
        "uid": os.getuid(), "name": me, "sudo_user": "ali\\x1bce", "host": platform.node(),
    }  # fmt: skip
    site.once()
    report = json.loads(next(site.drop.glob("failed/*/report.json")).read_text())
    assert (report["asked"]["what"], report["asked"]["by"]) == ("retry", "ali\\x1bce")
    assert "uid" not in next(site.drop.glob("failed/*/job.json")).read_text()


def test_what_ends_a_hold_or_moves_jobs_says_who_it_was(site, journal):
    journal.holds.hold("churn", legacy("It is held."), credential=False)
    assert site.command("release", "churn").returncode == 0
    assert site.command("rebuild").returncode == 0
    asked = {event.event: event.detail for event in journal.events.history()}
    for event in ("model_released", "rebuild_asked"):
        assert person_in(asked[event]).uid == os.getuid(), event


# What a person accepts


@pytest.fixture
def violated(site):
    """Return the site after a delivery that failed by two rules, one of which was made an error."""
    site._text += 'target = "gone"\nrules = { row-count = "error" }\n'
    site.write()
    hand_over(site, "1")
    assert site.once() == 1
    return site


def test_a_job_that_failed_by_rules_is_sent_once_each_of_them_is_accepted(violated):
    note = " ".join(next(violated.drop.glob("failed/*/ERROR.txt")).read_text("utf-8-sig").split())
    assert "--accept" not in note
    shown = " ".join(violated.command("show", "1").stdout.split())
    assert "--accept row-count --accept target-missing" in shown
    assert violated.command("retry", "1", "--accept", "row-count").returncode == 0
    assert violated.once() == 1, "the target is still missing"
    assert violated.command("retry", "1", "--accept", "target-missing").returncode == 0
    assert violated.once() == 0
    shown = told(violated.command("show", "1", "--json"))
    assert shown["outcome"] == "trained"
    asked = [event["detail"] for event in shown["history"] if event["event"] == "retry_asked"]
    assert [each["accepted"] for each in asked] == [["row-count"], ["target-missing"]]
    assert all(each["by"]["name"] == pwd.getpwuid(os.getuid()).pw_name for each in asked)
    report = json.loads(next(violated.drop.glob("done/*/report.json")).read_text())
    assert {each["rule"]: each["overruled"] for each in report["warning_findings"]} == {
        "target-missing": "person",
        "row-count": "person",
    }


@pytest.mark.parametrize(
    ("rules", "code", "says"),
    [
        (["late-class"], 1, "late-class is not among the errors that were found"),
        (["late-class"], 1, "row-count, target-missing"),
        (["target-mising"], 2, 'There is no rule "target-mising". Did you mean target-missing?'),
        (["target-missing", "ragged-rows"], 1, "ragged-rows is not among the errors"),
    ],
)
def test_what_was_not_found_cannot_be_accepted(violated, rules, code, says):
    done = violated.command("retry", "1", *(part for rule in rules for part in ("--accept", rule)))
    assert done.returncode == code
    assert says in " ".join(done.stderr.split())
    assert told(violated.command("show", "1", "--json"))["state"] == "failed"


def test_what_cannot_be_read_cannot_be_accepted(site):
    hand_over(site, "1", train=b"PK\x03\x04" + bytes(100))
    assert site.once() == 1
    done = site.command("retry", "1", "--accept", "not-text")
    assert (done.returncode, "nothing could be sent" in done.stderr) == (1, True)
    assert "--accept" not in next(site.drop.glob("failed/*/ERROR.txt")).read_text("utf-8-sig")


def test_only_a_job_that_failed_by_its_data_has_something_to_accept(site, service):
    service.set_faults({"train_fails": 1.0})
    hand_over(site, "1")
    assert site.once() == 1
    done = site.command("retry", "1", "--accept", "late-class")
    assert (done.returncode, "there is nothing to accept" in done.stderr) == (1, True)


def test_accepting_is_for_one_job(site):
    with pytest.raises(SystemExit) as ended:
        site.command("retry", "churn", "--all", "--accept", "late-class")
    assert ended.value.code == 2
