"""The object store: signed addresses, what a PUT must look like, what survives and what does not."""

import hashlib
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import requests


def code(response):
    assert response.headers["Content-Type"] == "application/xml"
    return response.status_code, ET.fromstring(response.content).findtext("Code")


def test_an_upload_is_kept_as_it_came(client):
    data = os.urandom(3_500_000)
    job = client.register("データ.csv")
    assert requests.put(job["upload_url"], data=data, timeout=10).status_code == 200
    record = client.told("put_received")[0]
    assert record["complete"] is True
    assert record["sha256"] == hashlib.sha256(data).hexdigest()
    assert record["size"] == len(data)
    assert record["file_name"] == "データ.csv"
    assert record["retrain_job_id"] == job["retrain_job_id"]


def test_an_address_expires(start, good_data):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    client = start(now=lambda: moment, url_lifetime=timedelta(minutes=5))
    url = client.register()["upload_url"]
    moment += timedelta(minutes=5)
    response = requests.put(url, data=good_data, timeout=10)
    assert code(response) == (403, "AccessDenied")
    assert "Request has expired" in response.text


def test_all_addresses_can_be_made_to_expire(client, good_data):
    url = client.register()["upload_url"]
    client.emulator.expire_urls()
    assert code(requests.put(url, data=good_data, timeout=10)) == (403, "AccessDenied")
    fresh = client.register()["upload_url"]
    assert requests.put(fresh, data=good_data, timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("old", "new"), [("Signature=", "Signature=0"), ("Expires=1", "Expires=2"), ("store/", "store/0")]
)
def test_a_changed_address_does_not_work(client, good_data, old, new):
    url = client.register()["upload_url"].replace(old, new)
    assert code(requests.put(url, data=good_data, timeout=10)) == (403, "SignatureDoesNotMatch")


def test_an_address_without_signature_does_not_work(client):
    url = client.register()["upload_url"].partition("?")[0]
    assert code(requests.put(url, data=b"x", timeout=10)) == (403, "SignatureDoesNotMatch")


def test_an_upload_address_does_not_serve_downloads(client):
    assert code(requests.get(client.register()["upload_url"], timeout=10)) == (403, "SignatureDoesNotMatch")


def test_other_methods_are_refused(client):
    url = client.register()["upload_url"]
    assert requests.head(url, timeout=10).status_code == 405
    assert code(requests.post(url, data=b"x", timeout=10)) == (405, "MethodNotAllowed")
    assert code(requests.delete(url, timeout=10)) == (405, "MethodNotAllowed")


def test_chunked_uploads_are_refused(client):
    url = client.register()["upload_url"]
    response = requests.put(url, data=iter([b"a,b\n", b"1,2\n"]), timeout=10)
    assert code(response) == (501, "NotImplemented")
    assert client.told("put_received") == []


def test_an_upload_needs_a_length(client):
    url = urlsplit(client.register()["upload_url"])
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 411 ")


def test_the_store_must_not_see_the_key(client, good_data):
    url = client.register()["upload_url"]
    response = requests.put(url, data=good_data, headers={"X-API-Key": "key-of-churn"}, timeout=10)
    assert code(response) == (400, "InvalidArgument")


def test_a_refusal_reaches_clients_that_are_still_sending(client):
    url = client.register()["upload_url"].replace("Signature=", "Signature=0")
    response = requests.put(url, data=bytes(20_000_000), timeout=10)
    assert code(response) == (403, "SignatureDoesNotMatch")


def test_a_client_may_ask_before_it_sends(client):
    url = urlsplit(client.register()["upload_url"])
    head = (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"a,b\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_an_upload_cut_short_does_not_exist(client, good_data):
    job = client.register()
    url = urlsplit(job["upload_url"])
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 99)
    record = client.wait_for("put_received")[0]
    assert record["complete"] is False
    assert record["announced"] == 100
    assert client.ask(job["retrain_job_id"]).json()["status"] == "waiting_for_upload"
    objects = client.emulator.config.state_dir / "objects" / job["retrain_job_id"]
    assert list(objects.iterdir()) == []
    assert requests.put(job["upload_url"], data=good_data, timeout=10).status_code == 200
    assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"


class TestRepeatedUploads:
    def put_twice(self, client, data):
        job = client.register()
        for count in (1, 2):
            assert requests.put(job["upload_url"], data=data, timeout=10).status_code == 200
            client.wait_for("training_finished", count=count if self.trains_again else 1)
        return job["retrain_job_id"]

    trains_again = True

    def test_a_second_one_after_the_start_trains_again(self, client, good_data):
        job = self.put_twice(client, good_data)
        started = client.told("training_started")
        assert [(record["retrain_job_id"], record["training"]) for record in started] == [(job, 1), (job, 2)]

    def test_it_may_be_ignored_instead(self, start, good_data):
        self.trains_again = False
        client = start(repeated_upload="ignored")
        self.put_twice(client, good_data)
        assert len(client.told("put_received")) == 2
        assert len(client.told("training_started")) == 1

    def test_one_before_the_start_replaces_the_data(self, start, good_data):
        client = start(queue_time=timedelta(seconds=0.4))
        job = client.register()
        requests.put(job["upload_url"], data=b"broken", timeout=10)
        requests.put(job["upload_url"], data=good_data, timeout=10)
        assert client.outcome(job["retrain_job_id"])["status"] == "job_finished"
        assert [record["of_upload"] for record in client.told("training_started")] == [2]


class TestResults:
    @pytest.fixture
    def url(self, client, good_data):
        return client.outcome(client.upload(good_data))["download_url"]

    def test_they_come_whole_and_are_told(self, client, url):
        response = requests.get(url, timeout=10)
        assert int(response.headers["Content-Length"]) == len(response.content)
        assert client.wait_for("results_downloaded")[0]["size"] == len(response.content)

    def test_they_come_in_parts(self, url):
        whole = requests.get(url, timeout=10).content
        part = requests.get(url, headers={"Range": "bytes=10-19"}, timeout=10)
        rest = requests.get(url, headers={"Range": "bytes=20-"}, timeout=10)
        assert (part.status_code, part.content) == (206, whole[10:20])
        assert rest.content == whole[20:]
        assert rest.headers["Content-Range"] == f"bytes 20-{len(whole) - 1}/{len(whole)}"

    def test_each_status_check_signs_anew(self, client, url):
        client.emulator.expire_urls()
        assert code(requests.get(url, timeout=10)) == (403, "AccessDenied")
        job = client.told("registered")[0]["retrain_job_id"]
        assert requests.get(client.ask(job).json()["download_url"], timeout=10).ok


def test_a_large_upload_is_fast(client):
    """Not a benchmark: it catches reading in small pieces, which takes many times as long."""
    began = time.monotonic()
    client.upload(bytes(100_000_000), "zeros.zip")
    assert time.monotonic() - began < 15
