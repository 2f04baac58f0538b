"""What a changed configuration, or a lost state folder, does to jobs that are in work or filed."""

import json
import shutil
import signal
import sqlite3
import time
from datetime import timedelta

import pytest

from retraind.emulator import StatusWords
from support.process import deliver_pair, filed, until
from support.variants import variants
from support.world import KEY, an_account, key_of

OTHER = key_of("price")
QUICK = 'settle = "0s"\n'


@pytest.fixture
def service(request, tmp_path):
    """The service; the parameter is how many seconds a training takes."""
    train_time = timedelta(seconds=getattr(request, "param", 1))
    words = StatusWords(running="learning\x1b[31m hard")
    settings = {"slow_time": timedelta(seconds=1), "train_time": train_time, "words": words}
    with an_account(tmp_path, "churn", "price", **settings) as emulator:
        yield emulator


def reload(site, text):
    before = sum(event["event"] == "reloaded" for event in site.events())
    site._text = text
    site.write()
    site.process.send_signal(signal.SIGHUP)
    until(
        lambda: sum(event["event"] == "reloaded" for event in site.events()) > before,
        "the configuration is reloaded",
    )


def table_of(site, name):
    """Return the part of the configuration that is the model's table."""
    start = site._text.index(f"[models.{name}]")
    end = site._text.find("[models.", start + 1)
    return site._text[start : end if end > 0 else None]


def status_of(drop):
    try:
        return " ".join((drop / "STATUS.txt").read_text(encoding="utf-8-sig").split())
    except FileNotFoundError:
        return ""


def told(site) -> str:
    """Return what `retraind status` says of all models, without the lines of its table."""
    models = json.loads(site.command("status", "--json").stdout)["models"]
    return " ".join(sentence for model in models for sentence in model["sentences"])


def states(site):
    return {job["model"]: job["state"] for job in site.jobs()}


def crashes(site):
    return [event for event in site.events() if "crashed" in event["event"]]


@pytest.mark.parametrize("service", [6], indirect=True)
def test_a_model_that_a_reload_removes_in_mid_step_crashes_nothing_and_goes_on_once_it_is_back(site, service):
    drop = site.add_model("churn", KEY, QUICK)
    site.add_model("price", OTHER, QUICK)
    site.start()
    service.set_faults({"api_slow": 1.0})
    deliver_pair(drop)
    until(lambda: any(event["event"] == "status_seen" for event in site.events()), "the word is known by now")
    struck = len(site.records("fault_struck"))
    until(lambda: len(site.records("fault_struck")) > struck, "the service is being asked")
    with_it = site._text
    reload(site, with_it.replace(table_of(site, "churn"), ""))
    until(lambda: any(job["hold"] for job in site.jobs()), "the job is on hold")
    (job,) = site.jobs()
    assert "no longer has a model churn" in job["hold"]["what"]
    time.sleep(1.5)  # The answer has come.
    assert not crashes(site), crashes(site)
    service.set_faults({})
    reload(site, with_it)
    until(lambda: filed(drop), "the job goes on")
    assert filed(drop)[0].parent.name == "done"
    assert len(site.records("training_started")) == 1


@pytest.mark.parametrize("running", [True, False])
def test_models_whose_drop_folders_are_exchanged_are_reported_by_name(site, service, running):
    churn = site.add_model("churn", KEY, QUICK)
    price = site.add_model("price", OTHER, QUICK)
    site.start()
    until(lambda: (churn / "STATUS.txt").exists() and (price / "STATUS.txt").exists(), "both are watched")
    assert not reassigned(site)
    if not running:
        site.stop()
    exchanged = (
        site._text.replace(f'"{churn}"', "CHURN")
        .replace(f'"{price}"', f'"{churn}"')
        .replace("CHURN", f'"{price}"')
    )
    assert exchanged != site._text
    if running:
        reload(site, exchanged)
    else:
        site._text = exchanged
        site.write()
        site.start()
    until(lambda: len(reassigned(site)) == 2, "both are reported")
    said = {each["model"]: each["reason"] for each in reassigned(site)}
    assert f"{price} was the drop folder of price" in said["churn"]
    assert f"{churn} was the drop folder of churn" in said["price"]
    reload(site, exchanged + "# the same again\n")
    site.stop()
    site.start()
    deliver_pair(churn)
    until(lambda: filed(churn), "work goes on")
    assert len(reassigned(site)) == 2, "once each"


def reassigned(site):
    return [event for event in site.events() if event["event"] == "folder_reassigned"]


@pytest.mark.parametrize(
    ("state", "running"),
    variants(
        ["sealed", "registered", "uploaded", "done"],
        [True, False],
        default=[("registered", True), ("uploaded", False)],
    ),
)
def test_a_renamed_model_gets_its_jobs_and_its_history_by_a_command(site, service, state, running):
    more = QUICK + 'budget = "3/year"\n'
    drop = site.add_model("churn", KEY, more)
    service.set_faults({"registered": {"upload_503": 1.0}, "sealed": {"api_503": 1.0}}.get(state, {}))
    site.start()
    deliver_pair(drop)
    if state == "sealed":  # It gets no further than to the registration; a second one waits behind it.
        deliver_pair(drop, "2", offset=1)
        until(
            lambda: len(site.jobs()) == 2 and "bundled" in {job["state"] for job in site.jobs()}, "they wait"
        )
    else:
        until(lambda: states(site) == {"churn": state}, f"the job is {state}")
    if not running:
        site.stop()
    renamed = site._text.replace("[models.churn]", "[models.customers]")
    if running:
        reload(site, renamed)
    else:
        site._text = renamed
        site.write()
        site.start()
    service.set_faults({})
    if state != "done":
        until(
            lambda: all(job["hold"] for job in site.jobs() if job["state"] != "sealed"), "the job is on hold"
        )
        hold = next(job["hold"] for job in site.jobs() if job["hold"])
        assert "retraind adopt churn customers" in hold["remedy"]
        until(
            lambda: "Nothing is waiting and nothing is in work" not in status_of(drop), "STATUS.txt says so"
        )
        assert "the model churn" in status_of(drop)
        assert "retraind adopt churn customers" in told(site)
    adopted = site.command("adopt", "churn", "customers")
    assert adopted.returncode == 0, adopted.stderr
    wanted = 2 if state == "sealed" else 1
    until(lambda: len(filed(drop)) == wanted, "the jobs are filed")
    assert {folder.parent.name for folder in filed(drop)} == {"done"}
    assert states(site) == {"customers": "done"}
    assert len(site.records("training_started")) == wanted
    # The registration under the same key is of use, unless it was made anew for another reason.
    assert len(site.records("registered")) == wanted
    # What was trained under the old name is known under the new one, and counts against its budget.
    deliver_pair(drop, "again")
    until(lambda: len(filed(drop)) == wanted + 1, "a duplicate is filed")
    assert {job["outcome"] for job in site.jobs()} == {"trained", "duplicate"}
    for number in range(wanted, 4):
        deliver_pair(drop, f"more{number}", offset=10 + number)
    until(lambda: any(job["hold"] for job in site.jobs()), "the budget is used up")
    assert len(site.records("training_started")) == 3
    assert not crashes(site), crashes(site)
    assert site.command("adopt", "churn", "customers").returncode == 1


def test_a_job_that_waits_for_its_budget_says_that_its_model_is_gone_and_waits_for_the_budget_again(
    site, service
):
    drop = site.add_model("churn", KEY, QUICK + 'budget = "1/year"\n')
    site.start()
    for number in (1, 2):
        deliver_pair(drop, str(number), offset=number)

    def holds():
        return [job["hold"]["code"] for job in site.jobs() if job["hold"]]

    until(lambda: holds() == ["budget_used_up"], "the budget is used up")
    with_it = site._text
    reload(site, with_it.replace("[models.churn]", "[models.customers]"))
    until(lambda: holds() == ["model_not_configured"], "its model is gone")
    assert "retraind adopt churn customers" in told(site)
    assert "continues automatically" not in told(site)
    waiting = next(job["id"] for job in site.jobs() if job["hold"])
    for wish in ("retry", "release"):
        refused = site.command(wish, waiting)
        assert refused.returncode == 1
        assert f"{waiting} is on hold: The configuration no longer has a model churn." in refused.stderr
        assert "retraind adopt churn customers" in refused.stderr
    reload(site, with_it)
    until(lambda: holds() == ["budget_used_up"], "the table is back")
    assert len(site.records("training_started")) == 1


@pytest.mark.quick
def test_what_cannot_be_adopted_is_refused_in_words(site, service):
    drop = site.add_model("churn", KEY, QUICK)
    site.add_model("price", OTHER, QUICK)
    deliver_pair(drop)
    assert site.once() == 0
    for names, why in (
        (("churn", "price"), "is in the configuration"),
        (("nobody", "price"), 'The model "nobody" is not in the configuration and has no jobs.'),
        (("nobody", "somebody"), 'There is no model "somebody"'),
        (("churn", "churn"), "is in the configuration"),
    ):
        refused = site.command("adopt", *names)
        assert refused.returncode in {1, 2}
        assert why in refused.stderr


@pytest.mark.parametrize(
    "how",
    variants(
        ["done elsewhere", "another done", "back to the default", "another drop"],
        default=["done elsewhere", "another drop"],
    ),
)
def test_a_job_is_switched_where_it_was_filed_though_its_model_files_elsewhere_now(site, service, capfd, how):
    one, two = site.root / "archive" / "one", site.root / "archive" / "two"
    for folder in (one, two):
        folder.mkdir(parents=True)
    at_first = f'done = "{one}"\n' if how in {"another done", "back to the default"} else ""
    later = f'done = "{two}"\n' if how in {"done elsewhere", "another done"} else ""
    drop = site.add_model("churn", KEY, QUICK + at_first)
    deliver_pair(drop)
    assert site.once() == 0
    place = one if at_first else drop / "done"
    (folder,) = [path for path in place.iterdir() if path.is_dir()]
    site._text = site._text.replace(QUICK + at_first, QUICK + later)
    if how == "another drop":
        (site.root / "share" / "new").mkdir()
        site._text = site._text.replace(str(drop), str(site.root / "share" / "new"))
    site.write()
    # The new place is in use.
    deliver_pair(site.root / "share" / "new" if how == "another drop" else drop, "2", offset=1)
    assert site.once() == 0
    assert site.command("switch", folder.name).returncode == 0
    assert site.once() == 0
    assert len(site.records("model_switched")) == 1
    found = [path for path in site.root.rglob(folder.name) if path.is_dir() and "service" not in path.parts]
    assert found == [folder]
    assert json.loads((folder / "report.json").read_text())["outcome"] == "switched"
    assert (folder / "results.zip").exists()
    assert "job_folder_gone" not in capfd.readouterr().err


@pytest.mark.quick
def test_a_failed_job_is_retried_from_where_it_was_filed(site, service):
    drop = site.add_model("churn", KEY, QUICK + "poll_timeout = 0.3\n")
    deliver_pair(drop)
    assert site.once() == 1
    (folder,) = (drop / "failed").iterdir()
    archive = site.root / "archive"
    archive.mkdir()
    site._text = site._text.replace("poll_timeout = 0.3\n", f'failed = "{archive}"\n')
    site.write()
    assert site.command("retry", folder.name).returncode == 0
    assert site.once() == 0
    assert [path.parent.name for path in filed(drop)] == ["done"]
    assert len(site.records("training_started")) == 1


def test_status_txt_shows_what_the_service_says_of_each_training_and_since_when(site, service):
    drop = site.add_model("churn", KEY, QUICK)
    site.start()
    deliver_pair(drop)
    until(
        lambda: 'The service has reported "learning\\x1b[31m hard" since 2' in status_of(drop),
        "the word is shown",
    )
    assert 'The service has reported "learning' in told(site) or filed(drop)
    until(lambda: filed(drop), "the job is filed")


@pytest.mark.parametrize(
    "lost", variants(["the state folder", "the seal's key"], default=["the state folder"])
)
def test_a_lost_state_folder_is_told_where_deliveries_are_in_work(site, service, lost):
    drop = site.add_model("churn", KEY, QUICK)
    service.set_faults({"upload_503": 1.0})
    site.start()
    deliver_pair(drop)
    until(lambda: states(site) == {"churn": "registered"}, "the upload has begun")
    site.kill()
    (folder,) = drop.glob(".retraind/2*")
    if lost == "the state folder":
        shutil.rmtree(site.root / "state")
    else:
        for file in (site.root / "state").glob("journal.db*"):
            file.unlink()
        (site.root / "state" / "seal.key").unlink()
    site.start()
    until(lambda: folder.name in status_of(drop), "STATUS.txt names the folder")
    assert "Nothing is waiting and nothing is in work" not in status_of(drop)
    assert "retraind rebuild" in told(site)
    assert folder.name in told(site)
    service.set_faults({})
    site.stop()
    assert site.command("rebuild").returncode == 0
    site.start()
    until(lambda: filed(drop), "the job goes on")
    until(lambda: "Nothing is waiting and nothing is in work" in status_of(drop), "STATUS.txt is right again")
    assert len(site.records("training_started")) == 1


@pytest.mark.parametrize("kind", ["damaged without its key", "of a newer retraind", "not readable"])
def test_a_journal_that_cannot_be_opened_is_told_on_the_share(site, service, kind):
    drop = site.add_model("churn", KEY, QUICK)
    service.set_faults({"upload_503": 1.0})
    site.start()
    deliver_pair(drop)
    until(lambda: states(site) == {"churn": "registered"}, "the upload has begun")
    until(lambda: "is being sent" in status_of(drop), "STATUS.txt says so")
    site.kill()
    journal = site.root / "state" / "journal.db"
    if kind == "damaged without its key":
        (site.root / "state" / "seal.key").unlink()
        journal.write_bytes(b"no database" * 1000)
    elif kind == "not readable":
        journal.unlink()
        journal.mkdir()
    else:
        with sqlite3.connect(journal) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    site.start(wait=False)
    until(site.ended, "it ends")
    assert site.process.returncode == 1
    assert "retraind could not start: its journal cannot be used" in status_of(drop)
    assert "Deliveries that were taken in and are not finished: 1" in status_of(drop)
    assert str(site.root) not in status_of(drop)


@pytest.mark.quick
def test_a_second_daemon_that_is_refused_tells_nobody_that_retraind_is_not_running(site, service):
    drop = site.add_model("churn", KEY, QUICK)
    site.start()
    until(lambda: status_of(drop), "there is a STATUS.txt")
    before = status_of(drop)
    assert site.command("run").returncode == 1
    assert status_of(drop) == before
