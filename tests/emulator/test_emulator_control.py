"""The administration over HTTP, as tests in other processes use it."""

import pytest
import requests

from retraind.emulator import RequestSeen


@pytest.fixture
def control(client):
    def control(method, path, **rest):
        return requests.request(method, f"{client.emulator.url}/emulator/{path}", timeout=10, **rest)

    return control


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("models/churn/expire-key", "Inactive_credential."),
        ("models/churn/replace-key", "Inactive_credential."),
        ("models/churn/delete", "This model may be deleted."),
        ("models/churn/delete-configuration", "Not found configuration_file."),
        ("models/churn/delete-original-job", "This job may be deleted."),
        ("user/delete", "This user may be deleted."),
    ],
)
def test_changes_are_effective_at_once(client, control, command, message):
    assert control("POST", command).status_code == 200
    response = client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"})
    assert response.json()["message"] == message


def test_a_replaced_key_is_handed_out(client, control):
    client.key = control("POST", "models/churn/replace-key").json()["api_key"]
    assert client.register()


def test_jobs_and_classifiers_can_be_deleted(client, control, good_data):
    job = client.upload(good_data)
    client.outcome(job)
    control("POST", "models/churn/delete-classifier")
    assert client.switch(job).json()["message"] == "Not found classifier."
    control("POST", f"jobs/{job}/delete")
    assert client.ask(job).json()["message"] == "This job may be deleted."


def test_addresses_can_be_made_to_expire(client, control, good_data):
    url = client.register()["upload_url"]
    control("POST", "urls/expire")
    assert requests.put(url, data=good_data, timeout=10).status_code == 403


@pytest.mark.parametrize("fault", ["upload_503_after", "upload_404", "upload_html_after"])
def test_any_answer_can_be_ordered_from_another_process(client, control, good_data, fault):
    job = client.register()
    assert control("POST", "faults", json={fault: {"probability": 1, "times": 1}}).status_code == 200
    answers = [requests.put(job["upload_url"], data=good_data, timeout=10) for _ in range(2)]
    assert answers[0].status_code != 200 or b"log in" in answers[0].content
    assert (answers[1].status_code, answers[1].content) == (200, b"")


def test_faults_can_be_set_and_seen(client, control):
    wanted = {"api_503": {"probability": 1.0, "times": 1}, "api_429": 0}
    assert control("POST", "faults", json=wanted).status_code == 200
    assert client.ask("any").status_code == 503
    assert client.ask("any").status_code == 400
    assert control("GET", "faults").json()["api_503"] == {"probability": 1.0, "times": 0}
    control("POST", "faults", json={})
    assert control("GET", "faults").json() == {}


def test_state_can_be_read(client, control, good_data):
    job = client.upload(good_data)
    client.outcome(job)
    client.switch(job)
    assert [record["event"] for record in control("GET", "records").json()][-1] == "model_switched"
    assert control("GET", "jobs").json()[0]["retrain_job_id"] == job
    models = control("GET", "models")
    assert models.json()[0]["published"] == job
    assert "key-of-churn" not in models.text
    assert "secret" not in models.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "models/nobody/expire-key", None, 404),
        ("POST", "models/churn/explode", None, 404),
        ("POST", "jobs/none/delete", None, 404),
        ("GET", "weather", None, 404),
        ("DELETE", "records", None, 405),
        ("POST", "faults", b"{", 400),
        ("POST", "faults", b"[]", 400),
        ("POST", "faults", b'{"api_503": "often"}', 400),
        ("POST", "faults", b'{"no_such": 1}', 400),
        ("POST", "faults", bytes(2_000_000), 413),
    ],
)
def test_what_makes_no_sense_is_refused(control, method, path, body, status):
    assert control(method, path, data=body).status_code == status


def test_web_pages_may_not_administer(client, control):
    assert control("POST", "user/delete", headers={"Origin": "https://example.com"}).status_code == 403
    assert client.register()


def test_requests_are_told_to_whoever_asked(start):
    seen: list[RequestSeen] = []
    client = start(on_request=seen.append)
    client.ask("any")
    while not seen:
        pass
    assert (seen[0].method, seen[0].path, seen[0].status) == ("GET", "/v1/external/retrain_jobs/any", 400)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "10.0.0.9", ""]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "records"), ("GET", "jobs"), ("POST", "user/delete")])
def test_a_name_that_somebody_points_at_this_machine_may_neither_read_nor_administer(
    client, control, host, method, path
):
    """A browser on this machine sends no Origin with a GET, but always the name in its address bar."""
    answer = control(method, path, headers={"Host": host.format(port=client.emulator.port)})
    assert answer.status_code == 403
    assert "own machine" in answer.json()["error"]
    assert client.register()


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "LOCALHOST", "127.0.0.1", "127.8.9.1:{port}", "[::1]:{port}"]
)
def test_the_machine_s_own_names_may(client, control, host):
    assert control("GET", "jobs", headers={"Host": host.format(port=client.emulator.port)}).status_code == 200
