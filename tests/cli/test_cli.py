import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from errno import EACCES
from pathlib import Path

import pytest

from retraind.cli import main, requests
from retraind.cli.naming import the_job
from retraind.cli.ownership import whoever_asks
from retraind.config.load import load_to_look
from retraind.daemon import Daemon
from retraind.domain.failures import JournalError
from retraind.domain.job import State
from retraind.domain.problems import file_problem
from retraind.domain.records import Outage
from retraind.emulator import read_records
from retraind.store.journal import Journal
from retraind.system.clock import for_people
from support.process import Site, deliver, filed, somebody, until
from support.words import legacy
from support.world import KEY, table


@pytest.fixture
def site(site):
    site.drop = site.add_model("churn", KEY, 'settle = "0s"')
    return site


def hand_over(site: Site, *deliveries: tuple[str, bytes, bytes]) -> None:
    for key, train, evaluation in deliveries:
        deliver(site.drop, f"train_{key}.csv", train)
        deliver(site.drop, f"eval_{key}.csv", evaluation)


def work_off(site: Site, *deliveries: tuple[str, bytes, bytes]) -> int:
    hand_over(site, *deliveries)
    return site.once()


def told_in(drop) -> str:
    """Return STATUS.txt as one line: it is filled to a width."""
    return " ".join((drop / "STATUS.txt").read_text("utf-8-sig").split())


GOOD = ("good", table(), table(20))
BAD = ("bad", b"only one column\n1\n", table(20))


def test_once_says_by_its_exit_code_whether_something_failed(site):
    def exit_code(*deliveries):
        hand_over(site, *deliveries)
        return site.command("run", "--once").returncode

    assert exit_code() == 0
    assert exit_code(GOOD) == 0
    assert exit_code(BAD) == 1
    assert exit_code() == 0  # an old failure is not this run's


def test_jobs_and_show_tell_what_happened(site):
    work_off(site, GOOD, BAD)
    listed = site.command("jobs")
    assert listed.returncode == 0
    assert "trained" in listed.stdout
    assert site.command("jobs", "--limit", "9" * 30).stdout == listed.stdout
    assert "failed" in listed.stdout
    by_key = {job["key"]: job for job in site.jobs()}
    assert [job["key"] for job in json.loads(site.command("jobs", "--json", "--state", "failed").stdout)] == [
        "bad"
    ]
    shown = site.command("show", by_key["bad"]["id"]).stdout
    assert "NOT retrained" in shown
    assert "delivery_sealed" in shown
    assert "job_filed" in shown
    assert "files=train_bad.csv, eval_bad.csv" in shown
    trained = site.command("show", by_key["good"]["id"]).stdout
    assert "status=job_finished" in trained
    assert "None" not in trained
    document = json.loads(site.command("show", by_key["good"]["id"][-6:], "--json").stdout)
    assert [event["event"] for event in document["history"]][:2] == ["delivery_complete", "delivery_sealed"]
    assert "upload_ticket" not in document


def test_status_tells_of_every_model_with_and_without_a_daemon(site):
    work_off(site, GOOD)
    deliver(site.drop, "train_half.csv", table())
    status = site.command("status")
    assert "NOT RUNNING" in status.stdout
    assert "The evaluation file has not arrived" in " ".join(status.stdout.split())
    document = json.loads(site.command("status", "--json").stdout)
    assert document["models"][0]["done"] == 1
    assert document["models"][0]["waiting"] == ["half"]
    site.start()
    assert json.loads(site.command("status", "--json").stdout)["process"] == site.process.pid


def test_status_claims_nothing_that_only_the_daemon_can_know(site):
    """Each call sees the folder for the first time: whether its files are still arriving, it cannot tell."""
    wrong = site.add_model("wrong", KEY, 'ready = "manifest"')
    site.config.write_text(site.config.read_text().replace('"0s"', '"10s"'))
    work_off(site)
    deliver(site.drop, "train_half.csv", table())
    deliver(site.drop, "train_empty.csv", b"")
    deliver(wrong, "train_1.csv", table())
    deliver(wrong, "eval_1.csv", table())
    entries = [
        {"name": f"{role}_1.csv", "size": len(table()), "sha256": "0" * 64} for role in ("train", "eval")
    ]
    deliver(wrong, "1.manifest.json", json.dumps({"files": entries}).encode())
    told = " ".join(
        sentence
        for model in json.loads(site.command("status", "--json").stdout)["models"]
        for sentence in model["sentences"]
    )
    assert "half (train_half.csv): The evaluation file has not arrived" in told
    assert "train_empty.csv is still empty" in told
    assert "STATUS.txt says whether train_1.csv matches 1.manifest.json." in told
    assert "arriving" not in told
    assert "being compared" not in told


def test_status_tells_of_deliveries_that_are_about_to_be_taken_in(site):
    site.config.write_text(site.config.read_text().replace('"0s"', '"1h"'))
    work_off(site)
    for role in ("train", "eval"):
        deliver(site.drop, f"{role}_1.csv", table())

    def told() -> list[str]:
        (model,) = json.loads(site.command("status", "--json").stdout)["models"]
        return model["sentences"]

    assert told() == ["1: its files have arrived and will be taken in once retraind runs."]
    site.start()
    assert told() == ["1: its files have arrived and will be taken in as soon as they have settled."]


@pytest.mark.parametrize("command", [["jobs"], ["jobs", "--json"]], ids=["table", "json"])
@pytest.mark.system
def test_a_reader_that_has_seen_enough_is_no_failure(site, command):
    work_off(site)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "retraind", *command, "-c", str(site.config)],
            stdout=nobody, stderr=subprocess.PIPE, text=True, check=False,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_status_tells_which_hosts_are_down(site):
    since = datetime(2026, 11, 23, 12, tzinfo=UTC)
    outage = Outage("127.0.0.1:9", since, 7, legacy("It was refused."), since + timedelta(minutes=5))
    journal = Journal.open(site.root / "state" / "journal.db")
    journal.hosts.replace([outage])
    asked = site.command("release", outage.host)
    assert asked.returncode == 0, asked.stderr
    journal.close()
    told = site.command("status").stdout
    assert f"The object store (127.0.0.1:9) has been failing since {for_people(since)}" in told
    assert "Last error: It was refused." in told
    assert "Next try: once retraind runs. Jobs that wait for it: 0." in told
    (host,) = json.loads(site.command("status", "--json").stdout)["hosts"]
    assert (host["host"], host["failures"], host["waiting"]) == ("127.0.0.1:9", 7, 0)
    assert datetime.fromisoformat(host["since"]) == since
    assert datetime.fromisoformat(host["next_try"]) == since + timedelta(minutes=5)
    by = whoever_asks().called
    assert f"{by} asked on {for_people(datetime.fromisoformat(host['asked_at']))} to try it now." in told
    assert host["asked_by"] == by


def test_switch_and_retry_are_done_by_the_running_daemon(site, service, tmp_path):
    work_off(site, GOOD, BAD)
    by_key = {job["key"]: job["id"] for job in site.jobs()}
    site.start()
    assert "published now" not in site.command("jobs").stdout
    assert "Published" not in told_in(site.drop)
    switched = site.command("switch", by_key["good"])
    assert switched.returncode == 0, switched.stderr
    assert "new model was published" in switched.stdout
    assert [record["event"] for record in read_records(tmp_path / "service")].count("model_switched") == 1
    assert "switched (published now)" in site.command("jobs").stdout
    lines = site.command("status").stdout.splitlines()
    heading = next(number for number, line in enumerate(lines) if "published" in line)
    assert by_key["good"][-6:] in lines[heading + 1]
    until(
        lambda: "Published: the model trained with delivery good, since 20" in told_in(site.drop),
        "the share is told which model is published",
    )
    (site.drop / "failed" / by_key["bad"] / "train_bad.csv").write_bytes(table(offset=3))
    retried = site.command("retry", by_key["bad"])
    assert retried.returncode == 0, retried.stderr
    until(
        lambda: len([folder for folder in filed(site.drop) if folder.parent.name == "done"]) == 2,
        "it is retried",
    )


def test_a_switch_of_a_model_on_hold_is_told_to_wait_for_its_end(site, service):
    work_off(site, GOOD)
    (job,) = site.jobs()
    service.expire_key("churn")
    site.start()
    deliver(site.drop, "train_2.csv", table(offset=1))
    deliver(site.drop, "eval_2.csv", table(20))
    until(lambda: "ON HOLD" in told_in(site.drop), "the key is refused")
    asked = site.command("switch", job["id"])
    assert asked.returncode == 1
    assert "churn is on hold: The service reports that the key is wrong or has expired." in asked.stdout
    assert "The request is carried out when the hold ends." in asked.stdout
    waiting = next(each["id"] for each in site.jobs() if each["key"] == "2")
    shown = site.command("show", waiting).stdout
    assert shown.startswith(f"{waiting} (bundled): 2 is bundled and will be sent to the service.")
    assert "churn is on hold: The service reports that the key is wrong or has expired." in shown
    until(
        lambda: (
            "and the model is being published. It continues when the hold of churn ends."
            in told_in(site.drop)
        ),
        "the share is told of the wish",
    )
    assert "It continues when the hold of churn ends." in " ".join(site.command("status").stdout.split())
    assert site.command("jobs").stdout.count("switching (on hold)") == 1
    (site.root / "churn.key").write_text(service.replace_key("churn"))
    site.command("release", "churn")
    until(
        lambda: json.loads(site.command("show", job["id"], "--json").stdout)["outcome"] == "switched",
        "the switch is done after the hold",
    )


def test_without_a_daemon_a_wish_is_noted_and_done_at_the_next_start(site, tmp_path):
    work_off(site, GOOD)
    noted = site.command("switch", site.jobs()[0]["id"])
    assert "it does this when it starts" in noted.stdout
    assert "next delivery" not in noted.stdout
    again = site.command("switch", site.jobs()[0]["id"])
    assert (again.returncode, "is already being published" in again.stderr) == (1, True)
    assert work_off(site) == 0
    assert [record["event"] for record in read_records(tmp_path / "service")].count("model_switched") == 1


def test_who_goes_back_is_told_what_the_next_delivery_will_do_and_everywhere_that_a_person_did_it(site):
    site.config.write_text(site.config.read_text() + 'switch = "always"\n')
    work_off(site, GOOD)
    (job,) = site.jobs()
    site.start()
    back = site.command("switch", job["id"])
    assert back.returncode == 0, back.stderr
    assert (
        'Note: the model trained with the next delivery is published automatically (switch = "always")'
        in back.stdout
    )
    assert back.stdout.endswith("the new model was published again by hand.\n")
    assert "trained with the next delivery" in site.command("show", job["id"]).stdout
    until(lambda: f", by hand ({job['id']})" in told_in(site.drop), "the share is told")


def test_a_wish_that_makes_no_sense_is_answered_in_words(site):
    work_off(site, GOOD)
    identity = site.jobs()[0]["id"]
    for arguments, code, words in [
        (["show", "nothing"], 1, 'There is no job "nothing"'),
        (["retry", "JOB"], 1, "has not failed"),
        (["release", "churn"], 1, "not on hold"),
        (["release", "JOB"], 1, "not on hold"),
        (
            ["release", "chrun"],
            1,
            'No model, job or failing host is called "chrun". Models: churn.',
        ),
        (["jobs", "--state", "finished"], 2, "States: sealing"),
        (["jobs", "--model", "chrun"], 2, 'There is no model "chrun". Models: churn.'),
    ]:
        done = site.command(*(identity if word == "JOB" else word for word in arguments))
        assert done.returncode == code, arguments
        assert words in done.stderr
        assert "Traceback" not in done.stderr


def test_a_wish_that_another_overtakes_is_answered_in_words(site, monkeypatch):
    def overtaken(journal, name):
        job = the_job(journal, name)
        journal.jobs.write(job, replace(job, state=State.RESTORING), "retry_asked")
        return job

    work_off(site, BAD)
    (job,) = site.jobs()
    monkeypatch.setattr(requests, "the_job", overtaken)
    done = site.command("retry", job["id"])
    assert done.returncode == 1
    assert "changed by another process at the same moment, so nothing was done" in done.stderr


def test_commands_before_the_first_run_say_that_there_is_no_journal(site):
    done = site.command("jobs")
    assert done.returncode == 1
    assert f"has not run with the configuration {site.config} yet" in done.stderr


def test_the_jobs_of_a_model_that_left_the_configuration_can_still_be_listed(site):
    work_off(site, GOOD)
    site.config.write_text(site.config.read_text().replace("[models.churn]", "[models.price]"))
    assert "trained" in site.command("jobs", "--model", "churn").stdout
    assert "Models: churn, price." in site.command("jobs", "--model", "chrun").stderr


def test_check_counts_warnings_beside_problems(site, monkeypatch):
    assert site.command("check").stdout.endswith(f"{site.config}: no problems found.\n")
    monkeypatch.setenv("RETRAIND_PORT", "tcp://10.0.0.1:80")
    done = site.command("check")
    assert (done.returncode, done.stdout.splitlines()[-1].partition(": ")[2]) == (
        0,
        "no problems found, 1 warning.",
    )


def test_check_names_what_is_wrong_and_asks_the_service_when_told_to(site):
    good = site.command("check", "--online")
    assert good.returncode == 0, good.stdout
    assert "The service accepts the API key." in good.stdout
    (site.root / "churn.key").write_text("another-key-0123456789")
    offline, online = site.command("check"), site.command("check", "--online", "--json")
    assert offline.returncode == 0
    assert online.returncode == 1
    assert any(not finding["good"] for finding in json.loads(online.stdout)["findings"])
    assert "another-key" not in online.stdout + online.stderr


def test_a_share_that_is_away_and_an_open_key_file_keep_no_command_from_telling_of_the_rest(site, tmp_path):
    work_off(site, GOOD)
    other = site.add_model("price", "key-of-price-0123456789")
    other.rename(tmp_path / "away")
    (tmp_path / "price.key").chmod(0o644)
    job = site.jobs()[0]["id"]
    for command in (["status"], ["jobs"], ["show", job], ["check"]):
        done = site.command(*command)
        told = done.stdout + done.stderr
        assert "models.price.drop" in told, command
        assert "This path does not exist" in told
        assert "models.price.api_key_file" in told
    assert job in site.command("jobs").stdout
    assert json.loads(site.command("status", "--json").stdout)["models"][0]["done"] == 1
    checked = site.command("check", "--json")
    reported = json.loads(checked.stdout)
    assert checked.returncode == 2
    assert [each["facts"]["setting"] for each in reported["facts"]] == [
        "models.price.drop",
        "models.price.api_key_file",
    ]
    assert len(reported["problems"]) == 2
    checked = site.command("check")
    assert checked.returncode == 2
    assert "ok     models.churn.drop" in checked.stdout
    assert checked.stdout.count("models.price.api_key_file") == 1
    assert "it does this when it starts" in site.command("switch", job).stdout
    site.start()
    assert site.command("status").returncode == 1
    assert any(each["event"] == "model_refused" and each["model"] == "price" for each in site.events())


def test_status_tells_of_files_that_are_left_alone(site):
    work_off(site, GOOD)
    for name in ("tarin_1.csv", "notes.docx"):
        deliver(site.drop, name, b"")
    (churn,) = json.loads(site.command("status", "--json").stdout)["models"]
    assert churn["sentences"] == [
        "notes.docx: This folder does not expect a file with this name. And 1 more: see STATUS.txt."
    ]


def test_status_is_a_check_for_a_monitor(site):
    work_off(site, GOOD)
    assert site.command("status").returncode == 1  # not running
    site.start()
    assert site.command("status").returncode == 0
    journal = Journal.open(site.root / "state" / "journal.db")
    since = datetime.now(UTC) - timedelta(hours=1)
    outage = Outage("127.0.0.1:1", since, 9, legacy("The connection was refused."), since)
    journal.hosts.replace((outage,), frozenset())
    journal.close()
    assert site.command("status").returncode == 1


def test_a_delivery_that_waits_for_its_window_is_left_by_once_told_of_and_released(site):
    hour = datetime.now().astimezone() + timedelta(hours=5)
    site.config.write_text(
        site.config.read_text() + f'upload_window = "{hour:%H}:00-{hour + timedelta(hours=1):%H}:00"\n'
    )
    assert work_off(site, GOOD) == 0
    (job,) = site.jobs()
    assert job["state"] == "bundled"
    assert "waits for its window" in " ".join(site.command("status").stdout.split())
    assert "Last try" not in (site.drop / "STATUS.txt").read_text("utf-8-sig")
    assert site.command("release", job["id"]).returncode == 0
    assert work_off(site) == 0
    assert site.jobs()[0]["state"] == "done"


def test_only_who_releases_a_job_from_its_budget_spends_more_than_that(site):
    configured = site.config.read_text()
    hour = datetime.now().astimezone() + timedelta(hours=5)
    site.config.write_text(f'{configured}upload_window = "{hour:%H}:00-{hour + timedelta(hours=1):%H}:00"\n')
    work_off(site, GOOD)
    (job,) = site.jobs()
    assert site.command("release", job["id"]).returncode == 0
    site.config.write_text(f'{configured}budget = "0/year"\n')
    assert work_off(site) == 1
    (job,) = site.jobs()
    assert "budget of 0 trainings" in job["hold"]["what"]
    assert f"Run: retraind release {job['id']}" in site.command("release", "churn").stderr


def test_status_tells_of_jobs_whose_model_is_no_longer_configured(site):
    site.config.write_text(site.config.read_text() + 'budget = "0/year"\n')
    work_off(site, GOOD)
    site.config.write_text(site.config.read_text().replace("[models.churn]", "[models.other]"))
    work_off(site)
    status = " ".join(site.command("status").stdout.split())
    assert "churn 1 0 0 - (not in the configuration)" in status
    document = json.loads(site.command("status", "--json").stdout)
    assert [model["name"] for model in document["models"]] == ["other", "churn"]


def test_a_mistake_in_the_configuration_ends_with_2(site):
    site.config.write_text("[models.churn]\n")
    for command in (["run"], ["check"], ["status"], ["jobs"]):
        done = site.command(*command)
        assert done.returncode == 2
        assert "models.churn.drop" in done.stderr
        assert "Traceback" not in done.stderr


def test_preflight_is_for_people_and_for_programs(tmp_path, capsys):
    good, bad = tmp_path / "train.csv", tmp_path / "eval.csv"
    good.write_bytes(table(200))
    bad.write_bytes(table(200).replace(b"21,b,1\n", b"21,b\n", 1))
    assert main(["preflight", str(good)]) == 0
    assert "The service can accept this data." in capsys.readouterr().out
    assert main(["preflight", str(good), str(bad)]) == 1
    told = capsys.readouterr().out
    assert "line 3" in told
    assert "(code: ragged-rows)" in told
    assert main(["preflight", str(good), str(bad), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    finding = document["findings"][0]
    assert finding["message"] == 'This row ("21,b") has 2 columns, but the header has 3.'
    assert finding["remedy"] == "Correct this row in the source, and deliver both files again."
    assert (finding["severity"], finding["rule"], finding["file"]) == ("error", "ragged-rows", "eval.csv")
    assert (finding["line"], finding["column"]) == (3, None)
    assert finding["service_message"] == "rows with a different number of variables"
    assert (finding["facts"]["columns"], finding["facts"]["expected"]) == (2, 3)
    good.write_bytes(b"only\n1\n")
    assert main(["preflight", str(good)]) == 1
    assert "train.csv: 1 row, 1 column, " in capsys.readouterr().out
    assert main(["preflight", str(tmp_path / "gone.csv")]) == 2
    assert "gone.csv does not exist." in capsys.readouterr().err
    assert main(["preflight", str(tmp_path)]) == 2
    assert "is not a file." in capsys.readouterr().err


def test_preflight_reports_in_the_language_that_is_asked_for(tmp_path, capsys):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(table())
    bad.write_bytes(b"")
    assert main(["preflight", str(good), str(bad), "--language", "ja"]) == 1
    told = capsys.readouterr().out
    assert "【エラー】" in told
    assert "サービスのルールに違反しているため" in told
    assert "ERROR" not in told
    assert main(["preflight", str(good), str(bad), "--language", "ja", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert findings
    assert all(each["remedy"].endswith("ください。") for each in findings)


def test_preflight_for_a_model_checks_as_the_daemon_would(site, tmp_path):
    site.config.write_text(site.config.read_text() + '\ntarget = "churned"\nfix = ["bom"]\n')
    work_off(site, GOOD)
    other = tmp_path / "train_next.csv"
    other.write_bytes("age,tarif é,churned\n".encode() + b"1,a,0\n2,b,1\n" * 100)
    done = site.command("preflight", "--model", "churn", str(other))
    assert done.returncode == 0, done.stderr
    assert f"Compared with the last good delivery ({site.jobs()[0]['id']})" in done.stdout
    assert "The service receives it with a BOM" in done.stdout
    other.write_bytes(b"age,plan\n" + b"1,a\n" * 100)
    done = site.command("preflight", "--model", "churn", str(other), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["findings"][0]["rule"] == "target-missing"
    done = site.command("preflight", "--model", "chrun", str(other))
    assert (done.returncode, 'There is no model "chrun". Models: churn.' in done.stderr) == (2, True)


@pytest.fixture
def public(service):
    """A site that every user of the machine may look into, and may not use."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        site = Site(Path(folder), service.url)
        site.add_model("churn", KEY)
        site.start("--once", wait=False)
        assert site.process.wait(60) == 0
        for command in (["jobs"], ["release", "churn"], ["check"], ["preflight", "--model", "churn", "gone"]):
            site.command(*command)  # imports what another user of this machine may be unable to
        yield site


@pytest.mark.parametrize("closed", ["state", "state/journal.db"])
def test_whoever_may_not_use_the_journal_is_told_who_may(public, closed):
    (public.root / closed).chmod(0)
    with somebody():
        for command in (
            ["jobs"],
            ["release", "churn"],
            ["preflight", "--model", "churn", str(public.config)],
        ):
            done = public.command(*command)
            assert done.returncode == 1, command
            assert "this user cannot read and write " in done.stderr
            assert "Run commands as the service's user" in done.stderr


def test_whoever_may_not_use_the_journal_is_told_which_file_keeps_it_from_being_rebuilt(public, capsys):
    (public.root / "state").chmod(0)
    with somebody():
        assert main(["rebuild", "-c", str(public.config)]) == 1
    told = capsys.readouterr().err
    assert f"cannot read and write {public.root}/state (permission denied)" in told
    assert "sudo -u retraind retraind" in told


def test_whoever_may_not_look_for_the_state_is_told_by_check(public):
    (public.root / "state").chmod(0)
    with somebody():
        findings = json.loads(public.command("check", "--json").stdout)["findings"]
    (spool,) = (finding for finding in findings if finding["subject"] == "state.spool")
    assert not spool["good"]
    assert (spool["code"], spool["facts"]["path"]) == ("file_error", f"{public.root}/state/spool")
    assert f"{public.root}/state/spool: Permission denied." in spool["text"]


def test_a_start_that_root_once_made_is_told_with_the_file_that_it_left(public):
    """What root has made, the service's user cannot use."""
    state = public.root / "state"
    state.chmod(0o777)
    for file in state.iterdir():
        file.chmod(0o777 if file.is_dir() else 0o666)
    lock = state / "journal.db.lock"
    lock.chmod(0)
    with somebody():
        with pytest.raises(JournalError) as started, Daemon(*load_to_look(public.config)[:2]):
            pass
        status = public.command("status")
        findings = json.loads(public.command("check", "--json").stdout)["findings"]
    assert started.value.problem.facts["why"] == file_problem(
        PermissionError(EACCES, "Permission denied"), lock
    )
    assert (
        status.returncode,
        f"cannot read and write {lock} (permission denied). Run commands as" in status.stderr,
    ) == (
        1,
        True,
    )
    (found,) = (finding for finding in findings if finding["subject"] == "state.url")
    assert (found["good"], found["code"], found["facts"]) == (False, "state_file_closed", {"path": str(lock)})


@pytest.mark.parametrize("closed", ["etc", "etc/config.toml"])
def test_whoever_may_not_read_the_configuration_is_told_who_may(public, closed):
    (public.root / "etc").mkdir()
    public.config = public.config.rename(public.root / "etc" / "config.toml")
    (public.root / closed).chmod(0)
    with somebody():
        done = public.command("status")
    assert done.returncode == 2
    assert f"{public.config} cannot be read: Permission denied. Let the service's user read it" in done.stderr


def test_a_file_that_cannot_be_read_cannot_be_checked_and_that_is_told(public):
    for name in ("closed/train.csv", "train.csv"):
        file = public.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(table())
    (public.root / "closed").chmod(0)
    (public.root / "train.csv").chmod(0)
    with somebody():
        for name in ("closed/train.csv", "train.csv"):
            done = public.command("preflight", str(public.root / name))
            assert done.returncode == 2
            assert f"{public.root / name} cannot be read: Permission denied." in done.stderr


def test_help_is_there_for_every_command(capsys):
    done = subprocess.run(
        [sys.executable, "-m", "retraind", "--help"], capture_output=True, text=True, check=True
    )
    for command in (
        "run",
        "check",
        "status",
        "jobs",
        "show",
        "retry",
        "release",
        "switch",
        "preflight",
        "emulate",
        "demo",
    ):
        assert f"    {command}" in done.stdout
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert not end.value.code
        assert "usage: retraind" in capsys.readouterr().out


def test_a_command_without_sense_ends_with_2():
    with pytest.raises(SystemExit) as end:
        main(["dance"])
    assert end.value.code == 2
