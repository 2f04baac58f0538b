"""The four calls, and every row of the vendor's error table."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from retraind.emulator import EmulatorError, StatusWords


def refusal(response):
    body = response.json()
    assert response.status_code == int(str(body["code"])[:3])
    expected = {400: "PREDA_EXTERNAL_BAD_REQUEST", 500: "PREDA_EXTERNAL_INTERNAL_SERVER_ERROR"}
    assert body["error"] == expected[response.status_code]
    return response.status_code, body["message"]


def test_a_retraining_goes_from_registration_to_the_switch(client, good_data):
    job = client.register("顧客 データ+2026.csv")
    assert client.ask(job["retrain_job_id"]).json() == {
        "status": "waiting_for_upload",
        "metadata": {"retrain_job_id": job["retrain_job_id"]},
    }
    response = requests.put(job["upload_url"], data=good_data, timeout=10)
    assert (response.status_code, response.content) == (200, b"")
    outcome = client.outcome(job["retrain_job_id"])
    assert outcome["status"] == "job_finished"
    assert outcome["model_id"] == 1001
    assert requests.get(outcome["download_url"], timeout=10).content.startswith(b"PK")
    client.wait_for("results_downloaded")  # It is recorded once all bytes have left.
    switched = client.switch(job["retrain_job_id"])
    assert switched.json() == {"metadata": {"retrain_job_id": job["retrain_job_id"]}}
    published = {model["name"]: model["published"] for model in client.emulator.models()}
    assert published == {"churn": job["retrain_job_id"], "price": None}
    assert client.told("registered")[0]["file_name"] == "顧客 データ+2026.csv"
    assert [record["event"] for record in client.emulator.records()] == [
        "registered",
        "put_received",
        "training_started",
        "training_finished",
        "results_downloaded",
        "model_switched",
    ]


def test_status_words_follow_each_other_over_time(start, good_data):
    words = StatusWords(waiting="queued", running="learning")
    span = timedelta(seconds=0.3)
    client = start(words=words, queue_time=span, train_time=span)
    job = client.upload(good_data)
    seen = []
    while not seen or seen[-1] != "job_finished":
        status = client.ask(job).json()["status"]
        if status not in seen:
            seen.append(status)
    assert seen == ["queued", "learning", "job_finished"]


def test_a_failed_training_says_why(client):
    outcome = client.outcome(client.upload(b"a,b\n1,2\n"))
    assert outcome["status"] == "job_failed"
    assert outcome["message"] == "insufficient data"
    assert "download_url" not in outcome


class TestErrorTable:
    @pytest.fixture
    def job(self, client, good_data):
        job = client.upload(good_data)
        client.outcome(job)
        return job

    @pytest.fixture
    def calls(self, client, job):
        """All four calls, right but for what a test does to the account."""

        def with_secret():
            usual, client.key = (
                client.key,
                "secret-of-account" if client.key == "key-of-churn" else client.key,
            )
            try:
                return client.fetch_key(model_id=1001)
            finally:
                client.key = usual

        return {
            1: lambda: client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"}),
            2: lambda: client.ask(job),
            3: lambda: client.switch(job),
            4: with_secret,
        }

    @pytest.mark.parametrize("call", [1, 2, 3, 4])
    @pytest.mark.parametrize("key", ["", "nobody's", "schlüssel".encode().decode("latin-1")])
    def test_a_key_nobody_knows(self, client, calls, call, key):
        client.key = key
        assert refusal(calls[call]()) == (400, "invalid_api_key.")

    @pytest.mark.parametrize("call", [1, 2, 3])
    def test_an_expired_key(self, client, calls, call):
        client.emulator.expire_key("churn")
        assert refusal(calls[call]()) == (400, "Inactive_credential.")

    def test_a_key_ends_after_its_lifetime(self, start):
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        client = start(now=lambda: moment, key_lifetime=timedelta(days=30))
        client.register()
        moment += timedelta(days=30)
        response = client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"})
        assert refusal(response) == (400, "Inactive_credential.")

    @pytest.mark.parametrize("call", [2, 3])
    def test_the_key_of_another_model(self, client, calls, call):
        client.key = "key-of-price"
        assert refusal(calls[call]()) == (400, "Not_found_credential.")

    def test_the_secret_of_another_account(self, client):
        client.key = "secret-of-another"
        assert refusal(client.fetch_key(model_id=1001)) == (400, "Not_found_credential.")

    @pytest.mark.parametrize("call", [1, 4])
    def test_a_deleted_user(self, client, calls, call):
        client.emulator.delete_user()
        assert refusal(calls[call]()) == (400, "This user may be deleted.")

    @pytest.mark.parametrize("call", [2, 3])
    def test_the_keys_of_a_deleted_user_are_inactive(self, client, calls, call):
        client.emulator.delete_user()
        assert refusal(calls[call]()) == (400, "Inactive_credential.")

    @pytest.mark.parametrize("call", [1, 4])
    def test_a_deleted_model(self, client, calls, call):
        client.emulator.delete_model("churn")
        assert refusal(calls[call]()) == (400, "This model may be deleted.")

    def test_a_deleted_original_job(self, client, calls):
        client.emulator.delete_original_job("churn")
        assert refusal(calls[1]()) == (400, "This job may be deleted.")

    def test_a_deleted_retrain_job(self, client, calls, job):
        client.emulator.delete_job(job)
        assert refusal(calls[2]()) == (400, "This job may be deleted.")
        assert refusal(calls[3]()) == (400, "Not found retrain job.")

    def test_a_retrain_job_nobody_knows(self, client):
        assert refusal(client.ask("no-such-job")) == (400, "Not found retrain job.")
        assert refusal(client.switch("no-such-job")) == (400, "Not found retrain job.")

    @pytest.mark.parametrize("call", [2, 3])
    def test_the_retrain_jobs_of_a_deleted_model(self, client, calls, call):
        client.emulator.delete_model("churn")
        assert refusal(calls[call]()) == (400, "Not found retrain job.")

    def test_a_deleted_classifier(self, client, calls):
        client.emulator.delete_classifier("churn")
        assert refusal(calls[3]()) == (400, "Not found classifier.")

    def test_a_switch_that_comes_too_early_or_after_a_failure(self, client):
        job = client.register()["retrain_job_id"]
        assert refusal(client.switch(job)) == (400, "Retrain job is not finished.")
        failed = client.upload(b"")
        client.outcome(failed)
        assert refusal(client.switch(failed)) == (400, "Retrain job is not finished.")

    def test_no_model_id(self, client):
        client.key = "secret-of-account"
        assert refusal(client.fetch_key()) == (400, "Model id is required.")

    def test_no_configuration_file(self, client, calls):
        client.emulator.delete_configuration("churn")
        assert refusal(calls[1]()) == (500, "Not found configuration_file.")

    def test_no_file_name(self, client):
        assert refusal(client.call("GET", "retrain_jobs/upload_url")) == (400, "File name is required.")

    def test_another_credential_type(self, client):
        client.key = "secret-of-account"
        response = client.call("GET", "api-key", params={"credential_type": "predict", "model_id": 1001})
        assert refusal(response) == (400, "Credential type is invalid.")


def test_other_paths_and_methods_are_told_apart(client):
    assert client.call("GET", "elsewhere").status_code == 404
    assert client.call("POST", "retrain_jobs/upload_url").status_code == 405
    assert requests.get(client.emulator.url + "/", timeout=10).status_code == 404


class TestKeys:
    def test_a_new_key_works_and_the_old_one_stays_good(self, client):
        client.key = "secret-of-account"
        answer = client.fetch_key(model_id=1001).json()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["end_date"])
        left = datetime.fromisoformat(answer["end_date"]) - datetime.now(UTC)
        assert timedelta(days=29) < left <= timedelta(days=30)
        for key in (answer["api_key"], "key-of-churn"):
            client.key = key
            client.register()
        assert client.told("api_key_issued")[0]["model"] == "churn"

    def test_a_replaced_key_is_the_only_good_one(self, client):
        client.key = client.emulator.replace_key("churn")
        client.register()
        client.key = "key-of-churn"
        assert refusal(client.ask("any")) == (400, "Inactive_credential.")

    def test_the_format_of_the_end_date_is_configurable(self, start):
        client = start(end_date_format="%Y/%m/%d")
        client.key = "secret-of-account"
        assert re.fullmatch(r"\d{4}/\d\d/\d\d", client.fetch_key(model_id=1001).json()["end_date"])

    def test_unknown_models_are_told(self, client):
        with pytest.raises(EmulatorError, match="no model named 'nobody'"):
            client.emulator.expire_key("nobody")


def test_a_connection_serves_many_calls(client):
    with requests.Session() as session:
        session.headers["x-api-key"] = "key-of-churn"
        url = client.emulator.url + "/v1/external/retrain_jobs/"
        for _ in range(3):
            assert session.get(url + "upload_url", params={"filename": "a.csv"}, timeout=10).ok
            assert session.put(url + "unknown/update_model", timeout=10).status_code == 400
