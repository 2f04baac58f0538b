"""Real training: the model is better than a baseline that learned nothing."""

import csv
import io
import json
import os
import random
import zipfile
from datetime import date, timedelta

import pytest
import requests

from retraind.emulator import EmulatedModel

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


def test_models_beat_the_baseline(start, data):
    client = start(models=MODELS, trainer="sklearn")
    first, second = (client.upload(data["pair"], "顧客.zip") for _ in range(2))
    client.key = "key-of-price"
    third = client.upload(data["single"], "価格.csv")

    client.key = "key-of-churn"
    found = results(client, first)
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
    assert results(client, second) == found

    client.key = "key-of-price"
    found = results(client, third)
    metrics = json.loads(found["metrics.json"])
    assert metrics["task"] == "regression"
    assert metrics["rows"] == {"train": 1_200, "evaluation": 300}
    assert metrics["model"]["rmse"] < metrics["baseline"]["rmse"] / 2
    assert metrics["model"]["r2"] > 0.8


def test_the_data_rules_hold_and_odd_data_are_learned_from(start):
    client = start(trainer="sklearn")
    assert client.outcome(client.upload(b"a,b\n1,2\n"))["message"] == "insufficient data"
    odd = "\n".join(["same,empty,y", *(f"1,,{'ab'[n % 2]}" for n in range(11))]).encode()
    assert json.loads(results(client, client.upload(odd))["model.json"])["columns"] == {}


def test_a_worker_that_dies_fails_its_training_and_is_replaced(start, good_data):
    client = start(trainer="sklearn")
    client.outcome(client.upload(b"a,b\n1,2\n"))
    worker = client.emulator._running._trainer._worker
    os.kill(worker.pid, 19)
    job = client.upload(good_data)
    client.wait_for("training_started", 2)
    worker.kill()
    assert client.outcome(job)["message"] == "An internal error occurred."
    assert client.outcome(client.upload(good_data))["status"] == "job_finished"


def test_stopping_ends_the_worker_in_mid_training(start, good_data):
    client = start(trainer="sklearn")
    job = client.upload(good_data)
    client.wait_for("training_started")
    while (worker := client.emulator._running._trainer._worker) is None:
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
    assert 0.5 <= metrics["baseline"]["accuracy"] < 0.8
    client.key = "key-of-price"
    metrics = json.loads(results(client, client.upload(data["single"], "a.csv"))["metrics.json"])
    assert metrics["task"] == "regression"
    assert 20 < metrics["baseline"]["rmse"] < 60
