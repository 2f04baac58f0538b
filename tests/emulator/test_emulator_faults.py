"""Each fault, certain to strike, shows its symptom; and the dice obey probability, seed and count."""

import json
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from retraind.emulator import FAULTS, STATUSES, WORST_CASE, EmulatorConfig, Fault
from retraind.emulator.faults import Dice


def register(client, **rest):
    return client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"}, **rest)


class TestApi:
    @pytest.fixture
    def spoiled(self, start):
        def begin(fault, **settings):
            return start(faults={fault: 1.0}, **settings)

        return begin

    def test_429_in_seconds(self, spoiled):
        response = register(spoiled("api_429", retry_after=timedelta(seconds=7)))
        assert (response.status_code, response.headers["Retry-After"]) == (429, "7")

    def test_429_with_a_date(self, spoiled):
        response = register(spoiled("api_429_date", retry_after=timedelta(hours=1)))
        assert response.status_code == 429
        left = parsedate_to_datetime(response.headers["Retry-After"]).timestamp() - time.time()
        assert 3_590 < left <= 3_600

    def test_429_alone(self, spoiled):
        response = register(spoiled("api_429_bare"))
        assert response.status_code == 429
        assert "Retry-After" not in response.headers

    def test_500(self, spoiled):
        response = register(spoiled("api_500"))
        assert (response.status_code, response.content) == (500, b"")

    def test_503(self, spoiled):
        client = spoiled("api_503")
        assert register(client).status_code == 503
        assert client.told("registered") == []
        assert client.told("fault_struck")[0]["fault"] == "api_503"

    def test_html(self, spoiled):
        response = register(spoiled("api_html"))
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")

    def test_a_redirect_tells_whether_the_key_went_along(self, spoiled):
        client = spoiled("api_redirect")
        assert register(client, allow_redirects=False).status_code == 302
        assert "log in" in register(client).text
        assert client.told("portal_visited")[0]["api_key_sent"] is True

    def test_slow(self, spoiled):
        client = spoiled("api_slow", slow_time=timedelta(seconds=0.3))
        began = time.monotonic()
        assert register(client).status_code == 200
        assert time.monotonic() - began > 0.3

    def test_huge(self, spoiled):
        response = register(spoiled("api_huge", huge_bytes=5_000_000))
        assert len(response.content) == 5_000_000
        assert list(response.json()) == ["status"]

    def test_a_client_may_leave_a_huge_answer(self, spoiled):
        client = spoiled("api_huge")
        register(client, stream=True).close()
        client.emulator.set_faults({})
        assert register(client).status_code == 200

    def test_a_list(self, spoiled):
        assert isinstance(register(spoiled("api_wrong_json")).json(), list)

    def test_empty(self, spoiled):
        response = register(spoiled("api_empty"))
        assert (response.status_code, response.content) == (200, b"")

    def test_truncated_json_of_a_call_that_took_effect(self, spoiled):
        client = spoiled("api_truncated")
        with pytest.raises(json.JSONDecodeError):
            json.loads(register(client).content)
        assert len(client.told("registered")) == 1

    def test_extra_fields(self, spoiled):
        answer = register(spoiled("api_extra_fields")).json()
        assert {"retrain_job_id", "upload_url", "request_id", "nested"} <= set(answer)

    @pytest.mark.parametrize("status", [204, *STATUSES])
    def test_any_status_in_the_place_of_the_call(self, spoiled, status):
        client = spoiled(f"api_{status}")
        assert register(client, allow_redirects=False).status_code == status
        assert client.told("registered") == []

    @pytest.mark.parametrize("status", [204, *STATUSES])
    def test_any_status_for_a_call_that_took_effect(self, spoiled, status):
        client = spoiled(f"api_{status}_after")
        assert register(client, allow_redirects=False).status_code == status
        assert len(client.told("registered")) == 1

    @pytest.mark.parametrize("fault", ["api_empty_after", "api_html_after"])
    def test_a_success_that_says_nothing_of_a_call_that_took_effect(self, spoiled, fault):
        client = spoiled(fault)
        response = register(client)
        assert response.status_code == 200
        assert b"retrain_job_id" not in response.content
        assert len(client.told("registered")) == 1

    def test_429_for_a_day(self, spoiled):
        assert register(spoiled("api_429_day")).headers["Retry-After"] == "86400"

    def test_the_shape_of_a_refusal_changes_and_its_words_stay(self, spoiled):
        client = spoiled("api_error_shape")
        client.key = "nobody"
        bodies = {register(client).text for _ in range(10)}
        assert len(bodies) >= 4
        assert all("invalid_api_key." in body for body in bodies)

    def test_the_end_of_a_key_is_told_in_many_ways(self, spoiled):
        client = spoiled("api_end_date")
        client.key = "secret-of-account"
        dates = {str(client.fetch_key(model_id=1001).json()["end_date"]) for _ in range(14)}
        assert len(dates) >= 6

    def test_a_job_without_an_upload_is_not_known(self, spoiled, good_data):
        client = spoiled("status_unknown")
        job = client.register()
        assert client.ask(job["retrain_job_id"]).json()["message"] == "Not found retrain job."
        requests.put(job["upload_url"], data=good_data, timeout=10)
        assert client.ask(job["retrain_job_id"]).status_code == 200

    def test_an_upload_shows_late(self, spoiled, good_data):
        client = spoiled("status_hidden", hidden_time=timedelta(seconds=0.5))
        job = client.upload(good_data)
        assert client.ask(job).json()["status"] == "waiting_for_upload"
        client.wait_for("training_finished")
        time.sleep(0.5)
        assert client.ask(job).json()["status"] == "job_finished"


class TestUpload:
    @pytest.fixture
    def put(self, start, good_data):
        def put(fault, data=good_data, **settings):
            client = start(faults={fault: 1.0}, **settings)
            job = client.register()
            return (
                client,
                job,
                lambda **rest: requests.put(job["upload_url"], data=data, **{"timeout": 10, **rest}),
            )

        return put

    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            ("upload_html", 200),
            ("upload_503_day", 503),
            *((f"upload_{status}", status) for status in STATUSES),
        ],
    )
    def test_a_refusal_keeps_nothing(self, put, fault, status):
        client, job, upload = put(fault)
        response = upload(allow_redirects=False)
        assert response.status_code == status
        if fault in {"upload_403", "upload_500", "upload_503"}:
            assert response.content.startswith(b"<?xml")
        assert ("Retry-After" in response.headers) == (fault == "upload_503_day")
        assert client.ask(job["retrain_job_id"]).json()["status"] == "waiting_for_upload"

    @pytest.mark.parametrize("size", [0, 1, 1_000, 30_000_000])
    def test_a_reset_keeps_nothing(self, put, size):
        client, job, upload = put("upload_reset", bytes(size))
        with pytest.raises(requests.ConnectionError):
            upload()
        assert client.wait_for("put_received")[0]["complete"] is False
        assert client.ask(job["retrain_job_id"]).json()["status"] == "waiting_for_upload"

    def test_a_stall_outlasts_an_impatient_client(self, put):
        client, job, upload = put("upload_stall", stall_time=timedelta(seconds=0.5))
        with pytest.raises(requests.ReadTimeout):
            upload(timeout=(10, 0.1))
        assert client.wait_for("put_received")[0]["complete"] is True
        assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"

    def test_a_lost_answer_is_an_upload_that_worked(self, put):
        client, job, upload = put("upload_lost_answer")
        with pytest.raises(requests.ConnectionError):
            upload()
        assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"

    @pytest.mark.parametrize(
        ("fault", "status"),
        [("upload_html_after", 200), *((f"upload_{status}_after", status) for status in STATUSES)],
    )
    def test_any_answer_to_an_upload_that_worked(self, put, fault, status):
        client, job, upload = put(fault)
        assert upload(allow_redirects=False).status_code == status
        assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"

    def test_stopping_does_not_wait_for_a_stall(self, put):
        client, _, upload = put("upload_stall", stall_time=timedelta(minutes=5))
        with pytest.raises(requests.ReadTimeout):
            upload(timeout=(10, 0.1))
        began = time.monotonic()
        client.emulator.stop()
        assert time.monotonic() - began < 20


class TestResults:
    @pytest.fixture
    def download(self, start, good_data):
        def download(fault):
            client = start(faults={fault: 1.0})
            url = client.outcome(client.upload(good_data))["download_url"]
            try:
                return requests.get(url, timeout=10)
            finally:
                assert client.told("results_downloaded") == []

        return download

    def test_an_address_may_live_shorter_than_that_of_the_upload(self, start, good_data):
        client = start(results_lifetime=timedelta(seconds=0))
        url = client.outcome(client.upload(good_data))["download_url"]
        assert requests.get(url, timeout=10).status_code == 403

    def test_403(self, download):
        assert download("results_403").status_code == 403

    @pytest.mark.parametrize("fault", ["results_reset", "results_truncated"])
    def test_a_download_breaks_off(self, download, fault):
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            download(fault)

    def test_half_a_file_that_looks_whole(self, download):
        response = download("results_cut")
        assert len(response.content) == int(response.headers["Content-Length"])
        assert not response.content.endswith(b"\0\0")

    def test_an_empty_file(self, download):
        response = download("results_empty")
        assert (response.status_code, response.content) == (200, b"")


def test_a_training_fails(start, good_data):
    client = start(faults={"train_fails": 1.0})
    assert client.outcome(client.upload(good_data))["message"] == "An internal error occurred."


@pytest.mark.parametrize(
    ("fault", "says"),
    [("account_storage", "データ保存容量"), ("account_models", "モデル数"), ("account_time", "実行時間")],
)
def test_a_limit_of_the_account_fails_a_training_with_the_service_s_message(start, good_data, fault, says):
    client = start(faults={fault: Fault(times=1)})
    assert client.outcome(client.upload(good_data))["message"].startswith(says)
    assert client.outcome(client.upload(good_data))["status"] == "job_finished"


def test_scarce_data_fails_a_training_where_the_manual_leaves_that_open(start):
    client = start(faults={"data_strict": Fault(times=1)})
    scarce = "row,churned\n" + "1,yes\n2,no\n" * 10 + "3,perhaps\n"
    assert "too little data" in client.outcome(client.upload(scarce.encode()))["message"]
    assert client.outcome(client.upload(scarce.encode()))["status"] == "job_finished"


def test_every_fault_is_tested_here():
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123  - __file__ is a string
        text = file.read()
    made = {
        f"{what}_{status}{after}"
        for what in ("api", "upload")
        for status in (204, *STATUSES)
        for after in ("", "_after")
    }
    assert [name for name in FAULTS if f'"{name}"' not in text and name not in made] == []
    assert set(FAULTS) > set(WORST_CASE)


class TestDice:
    @staticmethod
    def roll(faults, seed=None, count=1_000):
        dice = Dice(faults, seed, lambda _: None)
        return [dice.strikes("api_500") for _ in range(count)]

    def test_they_keep_to_the_probability(self):
        assert 150 < sum(self.roll({"api_500": 0.2}, seed=1)) < 250
        assert sum(self.roll({"api_500": 0.0})) == 0
        assert sum(self.roll({"api_503": 1.0})) == 0

    def test_they_repeat_themselves_with_the_same_seed(self):
        assert self.roll({"api_500": 0.5}, seed=7) == self.roll({"api_500": 0.5}, seed=7)

    def test_they_count(self):
        assert self.roll({"api_500": Fault(times=2)}, count=4) == [True, True, False, False]

    @pytest.mark.parametrize("faults", [{"api_42": 0.5}, {"api_500": 1.5}, {"api_500": -1}])
    def test_they_refuse_what_makes_no_sense(self, faults, tmp_path):
        with pytest.raises(ValueError, match=r"no fault named|between 0 and 1"):
            EmulatorConfig(tmp_path, faults=faults)
