"""Real training: the model is better than a baseline that learned nothing."""

import csv
import fcntl
import io
import json
import os
import random
import signal
import struct
import termios
import time
import zipfile
from datetime import date, timedelta

import pytest
import requests

from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig

MODELS = (
    EmulatedModel("churn", model_id=1001, api_key="key-of-churn", target="解約"),
    EmulatedModel("price", model_id=1002, api_key="key-of-price"),
)


def customers(count, seed):
    """Rows of which the target follows from amount, kind and month, with some noise and gaps."""
    dice = random.Random(seed)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["解約", "金額", "種類", "日付", "備考", "価格"])
    for number in range(count):
        amount = dice.uniform(0, 100)
        kind = dice.choice(["甲", "乙", "丙"])
        day = date(2024, 1, 1) + timedelta(days=dice.randrange(700))
        score = amount + 40 * (kind == "甲") + 5 * day.month + dice.gauss(0, 5)
        row = [
            "はい" if score > 90 else "いいえ",
            f"{amount:.2f}",
            kind,
            day.isoformat(),
            f"客 {number}",
            f"{score:.2f}",
        ]
        if number % 20 == 19:
            row[dice.randrange(1, 4)] = ""
        writer.writerow(row)
    return file.getvalue()


def pack(train, evaluation):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_src/学習.csv", train)
        archive.writestr("eval_src/評価.csv", evaluation)
    return file.getvalue()


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    """An emulator that many tests share, as its worker takes seconds to warm up."""
    with Emulator(EmulatorConfig(tmp_path_factory.mktemp("learner"), models=MODELS)) as emulator:
        yield emulator


@pytest.fixture
def train(learner, client_of):
    """Train on an upload and return what the results zip holds."""

    def train(data, file_name, key="key-of-churn"):
        client = client_of(learner, key)
        return results(client, client.upload(data, file_name))

    return train


@pytest.fixture(scope="module")
def data():
    return {
        "pair": pack(customers(1_500, 1).encode("utf-8-sig"), customers(500, 2).encode("cp932")),
        "single": customers(1_500, 3).encode("cp932"),
    }


def results(client, job):
    outcome = client.outcome(job)
    assert outcome["status"] == "job_finished", outcome
    content = requests.get(outcome["download_url"], timeout=10).content
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


@pytest.mark.system
def test_a_classifier_beats_the_baseline(train, data):
    found = train(data["pair"], "顧客.zip")
    metrics = json.loads(found["metrics.json"])
    assert metrics["task"] == "classification"
    assert metrics["rows"] == {"train": 1_500, "evaluation": 500}
    assert metrics["model"]["accuracy"] > metrics["baseline"]["accuracy"] + 0.2
    assert metrics["model"]["balanced_accuracy"] > 0.85
    assert metrics["model"]["log_loss"] < metrics["baseline"]["log_loss"]
    predictions = list(csv.DictReader(io.StringIO(found["predictions.csv"])))
    assert len(predictions) == 500
    right = sum(row["actual"] == row["predicted"] for row in predictions)
    assert right / 500 == pytest.approx(metrics["model"]["accuracy"])
    assert {"probability of はい", "probability of いいえ"} <= set(predictions[0])
    model = json.loads(found["model.json"])
    assert model["columns"] == {"金額": "number", "種類": "category", "日付": "date", "価格": "number"}
    assert model["not_used"] == ["備考"]
    assert found["feature_importance.csv"].startswith("column,importance\n価格,")


def test_a_regressor_beats_the_baseline_on_rows_held_out(train, data):
    found = train(data["single"], "価格.csv", key="key-of-price")
    metrics = json.loads(found["metrics.json"])
    assert metrics["task"] == "regression"
    assert metrics["rows"] == {"train": 1_200, "evaluation": 300}
    assert metrics["model"]["rmse"] < metrics["baseline"]["rmse"] / 2
    assert metrics["model"]["r2"] > 0.8


def test_the_same_data_give_the_same_results(train, data):
    first, second = (train(data["single"], "a.csv", key="key-of-price") for _ in range(2))
    assert first == second


ODD = {
    "nothing of use": ["1,,{n}", "same,empty,解約"],
    "one class after holding out": ["{n},x,{late}", "a,b,解約"],
    "a date without any time": ["2024-01-{day:02d},x,{n}", "a,b,解約"],
    "numbers with text among them": ["{n},{n}?,{n}", "a,b,解約"],
}


@pytest.mark.parametrize("case", ODD)
def test_odd_data_are_learned_from(train, case):
    row, header = ODD[case]
    rows = (row.format(n=n % 2, late=int(n == 3), day=n % 28 + 1) for n in range(11))
    found = train("\n".join([header, *rows]).encode("utf-8-sig"), "a.csv")
    assert json.loads(found["metrics.json"])["rows"] == {"train": 9, "evaluation": 2}


def test_classes_that_training_never_saw_are_evaluated(train):
    table = "a,解約\n" + "".join(f"{n},{n % 2}\n" for n in range(40))
    found = train(pack(table.encode(), "a,解約\n1,perhaps\n2,\n3,1\n4,0\n".encode()), "a.zip")
    assert json.loads(found["metrics.json"])["model"]["accuracy"] <= 0.7
    assert len(found["predictions.csv"].splitlines()) == 5


@pytest.mark.system
def test_a_worker_that_dies_fails_its_training_and_is_replaced(start, good_data):
    client = start(trainer="sklearn")
    client.outcome(client.upload(b"a,b\n1,2\n"))
    worker = client.emulator._running.trainer._worker
    worker.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)  # before, it would still take a task
    job = client.upload(good_data)
    # Killed before it has its task, the worker would only be replaced before the training.
    while not struct.unpack("i", fcntl.ioctl(worker.stdin, termios.FIONREAD, bytes(4)))[0]:
        time.sleep(0.01)
    worker.kill()
    assert client.outcome(job)["message"] == "An internal error occurred."
    worker.wait(10)  # until then it may be given another one
    assert client.outcome(client.upload(b"a,b\n1,2\n"))["message"] == "insufficient data"


def test_stopping_ends_the_worker_in_mid_training(start, good_data):
    client = start(trainer="sklearn")
    job = client.upload(good_data)
    client.wait_for("training_started")
    while (worker := client.emulator._running.trainer._worker) is None:
        pass
    client.emulator.stop()
    assert worker.poll() is not None
    again = start()
    assert again.outcome(job)["status"] == "job_finished"
    assert len(again.told("training_resumed")) == 1


def test_the_instant_trainer_tells_the_baseline(start, data):
    client = start(models=MODELS)
    found = results(client, client.upload(data["pair"], "顧客.zip"))
    metrics = json.loads(found["metrics.json"])
    assert metrics["rows"] == {"train": 1_500, "evaluation": 500}
    assert 0.4 < metrics["baseline"]["accuracy"] < 0.7
    client.key = "key-of-price"
    metrics = json.loads(results(client, client.upload(data["single"], "a.csv"))["metrics.json"])
    assert metrics["task"] == "regression"
    assert 20 < metrics["baseline"]["rmse"] < 60
