"""What an emulator knows outlives it, also when it is killed in the middle of something."""

import importlib.util
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig, EmulatorError, read_records
from support import zygote


def serve(state_dir, port, queue_time, train_time):
    """Be an emulator until the process is killed."""
    config = EmulatorConfig(
        Path(state_dir), port=port, trainer="instant", models=(EmulatedModel("churn", 1001, "key-of-churn"),),
        queue_time=timedelta(seconds=queue_time), train_time=timedelta(seconds=train_time),
    )  # fmt: skip
    with Emulator(config) as emulator:
        print(emulator.port, flush=True)  # noqa: T201 - it is read by whoever has it started
        threading.Event().wait()


@pytest.fixture
def killable(tmp_path):
    """Start an emulator in a process of its own; return it and its base URL."""
    processes = []

    def begin(queue_time, train_time, port=0):
        arguments = str(tmp_path / "service"), port, queue_time, train_time
        process, printed = zygote.printing(*arguments, run=f"{__name__}:serve")
        processes.append(process)
        with printed:
            return process, f"http://127.0.0.1:{printed.readline().strip()}"

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def register(base):
    url = base + "/v1/external/retrain_jobs/upload_url"
    headers = {"x-api-key": "key-of-churn"}
    return requests.get(url, params={"filename": "a.csv"}, headers=headers, timeout=10).json()


def test_a_running_training_goes_on_after_a_kill(killable, start, tmp_path, good_data):
    process, base = killable(queue_time=0, train_time=60)
    job = register(base)
    assert requests.put(job["upload_url"], data=good_data, timeout=10).status_code == 200
    while not any(record["event"] == "training_started" for record in read_records(tmp_path / "service")):
        pass
    process.kill()
    process.wait()
    client = start()
    assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"
    events = [record["event"] for record in client.emulator.records()]
    assert events.count("training_started") == 1
    assert events.count("training_resumed") == 1
    assert events.count("training_finished") == 1


def test_a_waiting_training_begins_after_a_kill(killable, start, good_data):
    process, base = killable(queue_time=600, train_time=0)
    job = register(base)
    assert requests.put(job["upload_url"], data=good_data, timeout=10).status_code == 200
    process.kill()
    process.wait()
    client = start(now=lambda: datetime.now(UTC) + timedelta(hours=1))
    assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"
    assert len(client.told("training_started")) == 1
    assert client.told("training_resumed") == []


def test_an_address_works_after_a_kill(killable, good_data):
    process, base = killable(queue_time=0, train_time=0)
    job = register(base)
    process.kill()
    process.wait()
    killable(queue_time=0, train_time=0, port=int(base.rpartition(":")[2]))
    assert requests.put(job["upload_url"], data=good_data, timeout=10).status_code == 200


def test_what_a_kill_kept_from_the_records_is_made_up_for(start, good_data):
    client = start()
    client.outcome(client.upload(good_data))
    client.emulator.stop()
    path = client.emulator.config.state_dir / "records.jsonl"
    complete = read_records(path.parent)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20])
    assert read_records(path.parent) == complete[:1]
    again = start()
    assert again.emulator.records() == complete


def test_changes_of_the_account_outlive_a_restart(start, good_data):
    client = start()
    job = client.upload(good_data)
    client.outcome(job)
    client.switch(job)
    client.key = client.emulator.replace_key("churn")
    client.emulator.delete_classifier("churn")
    client.emulator.stop()
    again = start()
    assert again.ask(job).json()["message"] == "Inactive_credential."
    again.key = client.key
    assert again.ask(job).json()["status"] == "job_finished"
    assert again.switch(job).json()["message"] == "Not found classifier."
    assert again.emulator.models()[0]["published"] == job


def test_leftovers_of_broken_uploads_are_removed(start):
    client = start()
    job = client.register()["retrain_job_id"]
    client.emulator.stop()
    leftover = client.emulator.config.state_dir / "objects" / job / "arriving-0123"
    leftover.write_bytes(b"half")
    start()
    assert not leftover.exists()


def test_an_emulator_can_be_started_again(client, good_data):
    job = client.upload(good_data)
    client.outcome(job)
    client.emulator.stop()
    client.emulator.stop()
    client.emulator.start()
    assert client.ask(job).json()["status"] == "job_finished"


def test_two_emulators_do_not_share_a_folder(client, start):
    with pytest.raises(EmulatorError, match="Another emulator is running"):
        start()
    assert client.register()


def test_no_thread_is_left_behind(start, good_data):
    before = set(threading.enumerate())
    client = start(train_time=timedelta(minutes=5))
    with requests.Session() as session:
        session.get(client.emulator.url, timeout=10)
        client.upload(good_data)
        client.emulator.stop()
        assert set(threading.enumerate()) == before


def test_secrets_are_for_the_owner_only(client):
    state_dir = client.emulator.config.state_dir
    assert state_dir.stat().st_mode & 0o077 == 0
    assert json.loads((state_dir / "account.json").read_text())["models"]["churn"]["model_id"] == 1001


def test_many_jobs_at_once_get_one_training_each(client, good_data):
    def deliver():
        jobs.append(client.upload(good_data))

    jobs = []
    threads = [threading.Thread(target=deliver) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job in jobs:
        assert client.outcome(job)["status"] == "job_finished"
    assert sorted(record["retrain_job_id"] for record in client.told("training_started")) == sorted(jobs)


def test_without_the_libraries_that_train_the_command_that_installs_them_is_given(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    config = EmulatorConfig(
        state_dir=tmp_path, models=[EmulatedModel("churn", model_id=1, api_key="key")], trainer="sklearn"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sklearn" else found(name))
    with pytest.raises(EmulatorError, match=r"-m pip install pandas scikit-learn\nOr train nothing"):
        Emulator(config).start()
