"""The daemon's own HTTP: slow, greedy and malformed clients change nothing for the others."""

import http.client
import socket
import threading
from contextlib import closing

import pytest

from retraind.daemon.metrics_server import Limits, MetricsServer
from retraind.domain.failures import ConfigError
from retraind.report.monitoring.endpoints import Answer
from support.process import until

SOON = Limits(connections=3, silence=0.3, longest=0.6)
LARGE = b"x" * (8 << 20)


def answer(path: str, accept: str) -> Answer | None:
    match path:
        case "/metrics":
            return Answer(200, "text/plain", f"for {accept}\n".encode())
        case "/large":
            return Answer(200, "text/plain", LARGE)
        case "/bug":
            raise ZeroDivisionError
        case _:
            return None


@pytest.fixture
def server(limits):
    made = MetricsServer(("127.0.0.1", 0), answer, limits)
    made.start()
    yield made
    made.stop()
    assert not [each for each in threading.enumerate() if "process_request" in each.name]


@pytest.fixture
def limits(request):
    """The ordinary ones, which no busy machine reaches, or those that a test is marked with."""
    return getattr(request, "param", None)


soon = pytest.mark.parametrize("limits", [SOON], indirect=True, ids=["soon"])


def ask(server: MetricsServer, path: str = "/metrics", method: str = "GET", **headers: str):
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        found = connection.getresponse()
        return found.status, found.headers, found.read()


def test_it_answers_get_and_head_for_what_is_there(server):
    status, headers, body = ask(server, "/metrics?x=1", Accept="a/b")
    assert (status, body, headers["cache-control"]) == (200, b"for a/b\n", "no-store")
    status, headers, body = ask(server, method="HEAD", Accept="a/b")
    assert (status, body, headers["content-length"]) == (200, b"", "8")
    assert ask(server, "/else")[0] == 404
    assert ask(server, "/metrics/..%2f")[0] == 404
    assert "Python" not in headers["server"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_it_refuses_every_other_method(server, method):
    status, headers, _ = ask(server, method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


HOSTS = ("metrics.example.com",)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LocalHost:8088", "127.0.0.1:8088", "10.1.2.3", "[::1]:8088", "[fe80::1]", "retraind:8088",
        "metrics.example.com", "Metrics.Example.Com.:8088",
    ],
)  # fmt: skip
def test_it_answers_to_addresses_names_without_a_dot_and_those_allowed(named, host):
    assert status_for(f"Host: {host}\r\n", named) == 200


def test_a_probe_without_a_host_is_answered(named):
    assert status_for("", named) == 200


@pytest.mark.parametrize(
    "hosts",
    [
        ("evil.example.com",), ("evil.example.com:8088",), ("127.0.0.1.nip.io:8088",), ("metrics.example.com.evil.net",),
        ("localhost.evil.net",), ("evil@127.0.0.1",), ("",), ("localhost:x",), ("[::1].evil.net",), ("localhost", "localhost"),
        ("127.0.0.1", "evil.example.com"),
    ],
)  # fmt: skip
def test_a_web_page_elsewhere_that_leads_its_own_name_here_reads_nothing(named, hosts):
    assert status_for("".join(f"Host: {each}\r\n" for each in hosts), named) == 421


@pytest.fixture(scope="module")
def named():
    made = MetricsServer(("127.0.0.1", 0), answer, hosts=HOSTS)
    made.start()
    yield made
    made.stop()


def status_for(head: str, server: MetricsServer) -> int:
    with connect(server) as client:
        client.sendall(f"GET /metrics HTTP/1.1\r\n{head}\r\n".encode())
        return int(client.makefile("rb").readline().split()[1])


def connect(server: MetricsServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def answers(server: MetricsServer) -> bool:
    try:
        return bool(ask(server)[0] == 200)
    except OSError:
        return False


def has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1 << 20) == b""
    except ConnectionError:
        return True


@soon
def test_clients_that_send_nothing_are_gone_after_a_while_and_then_others_are_answered(server):
    silent = [connect(server) for _ in range(SOON.connections)]
    with connect(server) as further:
        assert has_ended(further), "there are as many as there may be"
    until(lambda: all(map(has_ended, silent)), "they are gone", 10)
    until(lambda: answers(server), "others are answered", 10)
    for each in silent:
        each.close()


@soon
def test_a_client_that_sends_a_byte_now_and_then_is_gone_after_a_while(server):
    with connect(server) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        slow.settimeout(0.1)

        def dripped_out() -> bool:
            try:
                slow.sendall(b"x")
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        until(dripped_out, "it is gone", 10)


@soon
def test_a_client_that_does_not_read_is_gone_after_a_while(server):
    greedy = [connect(server) for _ in range(SOON.connections)]
    for each in greedy:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        each.sendall(b"GET /large HTTP/1.1\r\n\r\n")
    until(lambda: answers(server), "others are answered", 10)
    for each in greedy:
        each.close()


def test_what_is_no_http_and_a_head_without_end_harm_nobody(server):
    for text in (b"\x16\x03\x01\x00\xff" * 20, b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"G" * 100_000):
        with connect(server) as one:
            try:
                one.sendall(text)
                one.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            while not has_ended(one):
                pass
    assert ask(server)[0] == 200


def test_a_bug_of_ours_ends_one_request(server):
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(server, "/bug")
    assert ask(server)[0] == 200


def test_a_stop_waits_for_no_client():
    made = MetricsServer(("127.0.0.1", 0), answer)
    made.start()
    with connect(made) as one:
        one.sendall(b"GET")
        until(lambda: made._server._open, "it is connected", 10)
        made.stop()
        assert has_ended(one)


def test_an_address_that_is_taken_is_a_mistake_in_the_configuration(server):
    with pytest.raises(ConfigError) as refused:
        MetricsServer(("127.0.0.1", server.port), answer)
    (why,) = refused.value.problems
    assert why.code == "metrics_address_taken"
    assert why.facts["listen"] == f"127.0.0.1:{server.port}"
