"""The emulator with a certificate, so that clients can meet TLS and its errors."""

import os
import socket
import ssl
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from retraind.emulator import EmulatorError


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certified(authority, tmp_path):
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return tmp_path / "server.pem", tmp_path / "authority.pem"


def test_a_client_that_trusts_it_retrains(start, certified, good_data):
    certificate, bundle = certified
    client = start(certificate=certificate)
    response = client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"}, verify=bundle)
    job = response.json()
    assert job["upload_url"].startswith("https://")
    assert requests.put(job["upload_url"], data=good_data, verify=bundle, timeout=10).status_code == 200
    client.wait_for("training_finished")


def test_a_client_that_does_not_refuses(start, certified):
    client = start(certificate=certified[0])
    with pytest.raises(requests.exceptions.SSLError):
        client.ask("any")


def test_a_silent_client_does_not_keep_others_waiting(start, certified):
    certificate, bundle = certified
    client = start(certificate=certificate)
    with socket.create_connection(("127.0.0.1", client.emulator.port)):
        assert client.call("GET", "retrain_jobs/any", verify=bundle).status_code == 400


def test_a_reset_works_over_tls(start, certified, good_data):
    certificate, bundle = certified
    client = start(certificate=certificate, faults={"upload_reset": 1.0})
    job = client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"}, verify=bundle).json()
    with pytest.raises(requests.ConnectionError):
        requests.put(job["upload_url"], data=good_data, verify=bundle, timeout=10)


def test_an_upload_cut_short_over_tls_does_not_exist(start, certified):
    certificate, bundle = certified
    client = start(certificate=certificate)
    job = client.call("GET", "retrain_jobs/upload_url", params={"filename": "a.csv"}, verify=bundle).json()
    url = urlsplit(job["upload_url"])
    context = ssl.create_default_context(cafile=bundle)
    with socket.create_connection((url.hostname, url.port), timeout=10) as plain:
        connection = context.wrap_socket(plain, server_hostname=url.hostname)
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 100\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 50)
        os.close(connection.detach())
    assert client.wait_for("put_received")[0]["complete"] is False


def test_a_file_that_is_no_certificate_is_told(start, tmp_path):
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(EmulatorError, match="certificate"):
        start(certificate=tmp_path / "no.pem")
