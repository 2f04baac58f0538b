"""The way to the service: names, ports, TLS, proxies, and what the environment may and may not change."""

# ruff: noqa: PLR0917 - fixtures are no positional arguments

import contextlib
import os
import select
import socket
import time
from pathlib import Path

import pytest
import trustme

from retraind.api import failures
from retraind.api.failures import AddressExpired, NotStored
from retraind.api.object_store import ObjectStore
from retraind.domain.failures import Party, Retry
from retraind.domain.problems import problem
from retraind.report.wording import Audience
from support.peers import answer, in_words

RUNNING = answer(200, '{"status": "job_running"}')


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def deaf_port():
    """A port that takes no connection, as behind a firewall that drops packets: its queue is full."""
    with socket.socket() as server, contextlib.ExitStack() as queue:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"PK" * 1000)
    return path


def both_ways(connect, api, url, bundle, **settings):
    """Return a call to the API and an upload, which share what is told of the network."""
    client, store = connect(url, **settings), ObjectStore(api(url, **settings))
    return (
        lambda: client.status("some-job", "some-key"),
        lambda: store.put(f"{url}/x?sig=1", bundle, lambda: None),
    )


def refusals(ways):
    for way in ways:
        with pytest.raises(Retry) as caught:
            way()
        yield caught.value


def test_a_refused_connection_is_told_and_nothing_was_stored(connect, api, closed_port, bundle):
    asked, sent = refusals(both_ways(connect, api, closed_port, bundle))
    host = closed_port.removeprefix("http://")
    assert in_words(asked).what == f"The connection to the service ({host}) was refused."
    assert in_words(sent).what == f"The connection to the object store ({host}) was refused."
    assert (
        in_words(sent, Audience.SHARE).what == "The connection to the object store (127.0.0.1) was refused."
    )
    assert isinstance(sent, NotStored)


def test_a_name_that_does_not_resolve_is_told_and_nothing_was_stored(connect, api, bundle):
    asked, sent = refusals(both_ways(connect, api, "http://nowhere.retraind.invalid", bundle))
    assert "name of the service (nowhere.retraind.invalid) cannot be resolved" in in_words(asked).what
    assert sent.problem.code == "name_not_resolved"
    assert isinstance(sent, NotStored)


def test_a_connection_that_is_never_taken_is_told_and_nothing_was_stored(connect, api, deaf_port, bundle):
    began = time.monotonic()
    asked, sent = refusals(both_ways(connect, api, deaf_port, bundle, connect_timeout=0.3))
    assert time.monotonic() - began < 20
    assert asked.problem.code == sent.problem.code == "connect_timed_out"
    assert isinstance(sent, NotStored)


@pytest.mark.parametrize("row", failures._MAP, ids=lambda row: row.code)
@pytest.mark.parametrize("party", Party)
@pytest.mark.parametrize("audience", Audience)
def test_each_row_of_the_map_has_words_without_ports_on_the_share(row, party, audience):
    facts = {"file": Path("/etc/ca.pem"), "reason": "gone"} if row.code == "certificates_unreadable" else {}
    met = problem(row.code, party=party, host="some.example:8443", kind="SomeError", **facts)
    words = str(in_words(Retry(met), audience))
    assert "some.example" in words
    assert ("8443" in words) == (audience is Audience.OPERATOR)


@pytest.mark.parametrize(
    "address",
    [
        "https://[broken/x?sig=1",
        "https://a..b.invalid/x?sig=1",
        "not an address",
        "ftp://a.invalid/x",
        "https:///x",
    ],
)
def test_an_address_that_is_none_is_told(api, tmp_path, bundle, address):
    store = ObjectStore(api("http://127.0.0.1:1"))
    for way in (
        lambda: store.put(address, bundle, lambda: None),
        lambda: store.get(address, tmp_path / "results", lambda: None),
    ):
        with pytest.raises(Retry) as caught:
            way()
        assert "address" in in_words(caught.value).what
        assert "sig" not in str(in_words(caught.value)) + caught.value.problem.as_json()


def test_passwords_in_addresses_are_not_told(connect, api, closed_port, bundle):
    url = closed_port.replace("http://", "http://user:s3cret@")
    for setback in refusals(both_ways(connect, api, url, bundle)):
        assert "s3cret" not in str(setback) + str(in_words(setback)) + setback.problem.as_json()
        assert "127.0.0.1" in in_words(setback).what


# -- TLS -------------------------------------------------------------------------------------------------


def test_an_unknown_authority_is_told_with_its_remedy(emulate, connect, api, certificates, bundle):
    url = emulate(certificate=certificates[0]).url
    for setback in refusals(both_ways(connect, api, url, bundle)):
        assert setback.problem.code == "certificate_not_trusted"
        assert "api.ca_bundle" in in_words(setback).remedy
    assert isinstance(setback, NotStored)


def test_a_known_authority_lets_everything_through(emulate, connect, api, certificates, bundle, tmp_path):
    emulator = emulate(certificate=certificates[0])
    client = connect(emulator.url, ca_bundle=certificates[1])
    given = client.register("train.csv", "key-of-churn")
    ObjectStore(api(emulator.url, ca_bundle=certificates[1])).put(given.upload_url, bundle, lambda: None)
    received = [record for record in emulator.records() if record["event"] == "put_received"]
    assert [record["size"] for record in received] == [bundle.stat().st_size]


def test_a_certificate_for_another_name_is_refused(emulate, connect, authority, certificates, tmp_path):
    authority.issue_cert("elsewhere.invalid").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "other.pem"
    )
    url = emulate(certificate=tmp_path / "other.pem").url
    with pytest.raises(Retry, match="certificate_not_trusted"):
        connect(url, ca_bundle=certificates[1]).status("some-job", "some-key")


def test_the_configured_authority_wins_over_the_environments(
    emulate, connect, certificates, tmp_path, monkeypatch
):
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    client = connect(emulate(certificate=certificates[0]).url, ca_bundle=certificates[1])
    assert client.register("train.csv", "key-of-churn")


def test_the_environments_authority_counts_where_none_is_configured(
    emulate, connect, certificates, monkeypatch
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates[1]))
    assert connect(emulate(certificate=certificates[0]).url).register("train.csv", "key-of-churn")


def test_a_service_without_tls_behind_an_https_address_is_told(connect, api, peer, bundle):
    url = peer(answer()).url.replace("http://", "https://")
    for setback in refusals(both_ways(connect, api, url, bundle)):
        assert setback.problem.code == "tls_failed"


@pytest.mark.parametrize("damage", ["gone", "no certificates"])
def test_a_ca_bundle_that_cannot_be_used_any_more_is_told(
    emulate, connect, api, certificates, bundle, damage
):
    url = emulate(certificate=certificates[0]).url
    ways = both_ways(connect, api, url, bundle, ca_bundle=certificates[1])
    if damage == "gone":
        certificates[1].unlink()
    else:
        certificates[1].write_text("nothing")
    for setback in refusals(ways):
        assert "TLS" in in_words(setback).what
        assert "api.ca_bundle" in in_words(setback).remedy


# -- proxies ---------------------------------------------------------------------------------------------


def test_the_configured_proxy_is_asked_for_everything(connect, api, peer, bundle):
    proxy = peer(RUNNING)
    url = "http://service.retraind.invalid"
    for way in both_ways(connect, api, url, bundle, proxy=proxy.url.replace("//", "//user:pass@")):
        way()
    assert [visit.target for visit in proxy.visits] == [
        f"{url}/v1/external/retrain_jobs/some-job",
        f"{url}/x?sig=1",
    ]
    assert all(visit.headers["proxy-authorization"].startswith("Basic ") for visit in proxy.visits)
    assert "x-api-key" not in proxy.visits[1].headers


def test_a_tunnel_through_a_slow_proxy_carries_everything(emulate, connect, api, peer, certificates, bundle):
    emulator = emulate(certificate=certificates[0])

    def tunnel(visit):
        time.sleep(0.7)
        with socket.create_connection(("127.0.0.1", emulator.port)) as onward:
            visit.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            ends = {visit.connection: onward, onward: visit.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    piece = end.recv(65_536)
                    if not piece:
                        return
                    ends[end].sendall(piece)

    proxy = peer(tunnel)
    settings = {"ca_bundle": certificates[1], "proxy": proxy.url}
    given = connect(emulator.url, **settings).register("train.csv", "key-of-churn")
    ObjectStore(api(emulator.url, **settings)).put(given.upload_url, bundle, lambda: None)
    assert [record["event"] for record in emulator.records()][:2] == ["registered", "put_received"]
    assert [visit.method for visit in proxy.visits] == ["CONNECT", "CONNECT"]
    assert not any("x-api-key" in visit.headers for visit in proxy.visits)


def test_the_configured_proxy_wins_over_the_environments(
    connect, api, peer, bundle, closed_port, monkeypatch
):
    monkeypatch.setenv("HTTP_PROXY", closed_port)
    proxy = peer(RUNNING)
    for way in both_ways(connect, api, "http://service.retraind.invalid", bundle, proxy=proxy.url):
        way()
    assert len(proxy.visits) == 2


def test_the_environments_proxy_counts_also_with_a_ca_bundle(
    connect, api, peer, bundle, certificates, monkeypatch
):
    proxy = peer(answer(407))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    url = "https://service.retraind.invalid"
    for setback in refusals(both_ways(connect, api, url, bundle, ca_bundle=certificates[1])):
        assert setback.problem.code == "proxy_requires_authentication"
    assert isinstance(setback, NotStored)
    assert {(visit.method, visit.target) for visit in proxy.visits} == {
        ("CONNECT", "service.retraind.invalid:443")
    }
    assert not any("x-api-key" in visit.headers for visit in proxy.visits)


def test_a_proxy_that_is_not_there_is_told(connect, api, bundle, closed_port):
    for setback in refusals(both_ways(connect, api, "http://a.retraind.invalid", bundle, proxy=closed_port)):
        assert setback.problem.code == "proxy_failed"
    assert isinstance(setback, NotStored)


def test_a_proxy_that_refuses_an_upload_is_no_expired_address(api, peer, bundle):
    store = ObjectStore(api("http://a.retraind.invalid", proxy=peer(answer(407)).url))
    with pytest.raises(Exception, match="407") as caught:
        store.put("http://a.retraind.invalid/x?sig=1", bundle, lambda: None)
    assert not isinstance(caught.value, AddressExpired)


# -- ~/.netrc --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["NETRC", "HOME"])
def test_nothing_from_netrc_goes_anywhere(connect, api, peer, bundle, tmp_path, monkeypatch, where):
    path = tmp_path / ".netrc"
    path.write_text("machine 127.0.0.1 login me password s3cret\ndefault login me password s3cret\n")
    os.chmod(path, 0o600)  # noqa: PTH101
    if where == "NETRC":
        monkeypatch.setenv("NETRC", str(path))
    service = peer(RUNNING)
    for way in both_ways(connect, api, service.url, bundle):
        way()
    ObjectStore(api(service.url)).get(f"{service.url}/x?sig=1", tmp_path / "results", lambda: None)
    assert len(service.visits) == 3
    assert not any("authorization" in visit.headers for visit in service.visits)
