"""The same bytes delivered again after a job failed with its data sent: never a silent second training."""

import json
from datetime import timedelta

import pytest

from retraind.emulator import Fault
from support.process import deliver, deliver_pair, filed, until
from support.variants import variants
from support.world import KEY, an_account, table

IMPATIENT = 'settle = "0s"\npoll_timeout = "300ms"\n'
PATIENT = 'settle = "0s"\npoll_timeout = "60s"\n'


@pytest.fixture
def service(tmp_path):
    with an_account(tmp_path, train_time=timedelta(seconds=2)) as emulator:
        yield emulator


def configure(site, old, new):
    site._text = site._text.replace(old, new)
    site.write()


def note(folder, name):
    return " ".join((folder / name).read_bytes().decode("utf-8-sig").split())


def job_in(folder):
    return json.loads((folder / "report.json").read_text())


def timed_out(site):
    """Deliver and give up waiting for the training; returns the drop folder and the failed job's folder."""
    drop = site.add_model("churn", KEY, IMPATIENT)
    deliver_pair(drop)
    assert site.once() == 1
    (folder,) = filed(drop)
    assert folder.parent.name == "failed"
    configure(site, IMPATIENT, PATIENT)
    return drop, folder


@pytest.mark.parametrize(
    ("training", "key"),
    variants(
        ["still runs", "has finished"], ["1", "2"], default=[("still runs", "1"), ("has finished", "2")]
    ),
)
def test_after_a_time_out_the_same_bytes_wait_for_the_training_that_they_started(
    site, service, training, key
):
    drop, old = timed_out(site)
    if training == "has finished":
        until(lambda: site.records("training_finished"), "the training has finished")
    deliver_pair(drop, key)
    assert site.once() == 0, site.command("jobs").stdout
    (new,) = (drop / "done").iterdir()
    assert len(site.records("registered")) == len(site.records("put_received")) == 1
    assert len(site.records("training_started")) == 1
    result = note(new, "RESULT.txt")
    assert old.name in result
    assert "nothing was sent again" in result
    assert (new / "results.zip").exists()
    assert job_in(new)["outcome"] == "trained"
    assert job_in(new)["related_job"] == old.name
    # The old job keeps its folder, and says where it continues.
    assert {path.name for path in old.glob("*.csv")} == {"train_1.csv", "eval_1.csv"}
    error = note(old, "ERROR.txt")
    assert new.name in error
    assert "ask the operator" not in error
    assert job_in(old)["related_job"] == new.name
    refused = site.command("retry", old.name)
    assert refused.returncode == 1
    assert new.name in refused.stderr
    assert site.command("show", old.name).stdout.count(new.name) >= 1
    assert len(list((drop / "failed").iterdir())) == 1


def test_a_budget_counts_the_training_that_was_waited_for_twice_once(site, service):
    drop, _ = timed_out(site)
    configure(site, PATIENT, PATIENT + 'budget = "1/year"\n')
    deliver_pair(drop)
    assert site.once() == 0
    deliver(drop, "train_9.csv", table(40))
    deliver(drop, "eval_9.csv", table(21))
    configure(site, "1/year", "2/year")
    assert site.once() == 0
    assert len(site.records("training_started")) == 2


def test_a_lost_journal_knows_that_two_jobs_had_one_training(site, service):
    drop, old = timed_out(site)
    deliver_pair(drop)
    assert site.once() == 0
    for file in (site.root / "state").glob("journal.db*"):
        file.unlink()
    configure(site, PATIENT, PATIENT + 'budget = "2/year"\n')
    deliver(drop, "train_9.csv", table(40))
    deliver(drop, "eval_9.csv", table(21))
    assert site.once() == 0
    deliver_pair(drop)
    assert site.once() == 0
    assert len(site.records("training_started")) == 2
    assert site.command("retry", old.name).returncode == 1


def test_the_next_time_out_continues_in_the_next_delivery(site, service):
    drop, first = timed_out(site)
    configure(site, PATIENT, IMPATIENT)
    deliver_pair(drop)
    assert site.once() == 1
    (second,) = set((drop / "failed").iterdir()) - {first}
    assert second.name in note(first, "ERROR.txt")
    configure(site, IMPATIENT, PATIENT)
    deliver_pair(drop)
    assert site.once() == 0
    (third,) = (drop / "done").iterdir()
    assert third.name in note(second, "ERROR.txt")
    assert len(site.records("training_started")) == 1


def test_with_on_duplicate_retrain_the_same_bytes_are_trained_again_even_so(site, service):
    drop, old = timed_out(site)
    configure(site, PATIENT, PATIENT + 'on_duplicate = "retrain"\n')
    deliver_pair(drop)
    assert site.once() == 0
    assert len(site.records("training_started")) == 2
    assert "continues" not in note(old, "ERROR.txt")


@pytest.mark.quick
def test_a_failed_folder_that_somebody_deleted_is_not_made_again(site, service):
    drop, old = timed_out(site)
    for path in old.iterdir():
        path.rename(drop / path.name) if path.suffix == ".csv" else path.unlink()
    old.rmdir()
    assert site.once() == 0
    assert len(site.records("training_started")) == 1
    assert [folder.parent.name for folder in filed(drop)] == ["done"]


def test_after_a_failed_switch_the_same_bytes_are_a_duplicate_that_says_how_to_publish(site, service):
    drop = site.add_model("churn", KEY, 'settle = "0s"\nswitch = "always"\n')
    service.delete_classifier("churn")
    deliver_pair(drop)
    assert site.once() == 1
    (old,) = (drop / "failed").iterdir()
    deliver_pair(drop)
    site.once()
    assert len(site.records("training_started")) == 1
    (new,) = (drop / "done").iterdir()
    assert job_in(new)["outcome"] == "duplicate"
    assert f"To publish it, ask the operator of retraind; the job is {old.name}." in note(new, "RESULT.txt")
    assert "could not be published" in note(new, "RESULT.txt")
    assert f"the job is {old.name}" in str(job_in(new))
    assert f"retraind switch {old.name}" in site.command("show", new.name).stdout
    # What it says can be done.
    asked = site.command("switch", old.name)
    assert asked.returncode == 0, asked.stderr
    site.once()
    assert len(site.records("training_started")) == 1
    assert job_in(old)["problem"], "the vendor's API is still gone, so it failed again"


def test_what_the_service_could_not_train_with_is_tried_again_and_the_note_says_so(site, service):
    drop = site.add_model("churn", KEY, 'settle = "0s"\n')
    service.set_faults({"train_fails": Fault(times=1)})
    deliver_pair(drop)
    assert site.once() == 1
    (old,) = (drop / "failed").iterdir()
    deliver_pair(drop)
    assert site.once() == 0
    (new,) = (drop / "done").iterdir()
    assert old.name in note(new, "RESULT.txt")
    assert "sent before" in note(new, "RESULT.txt")
    assert len(site.records("training_started")) == 2
