"""The process as clients meet it: sockets, prefix, slow and many clients, streams, the journal's troubles."""

import http.client
import json
import os
import re
import socket
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from retraind import __version__
from retraind.bundle.progress import Doing, Progress
from retraind.cli import main
from retraind.config.load import load_without_keys
from retraind.domain.failures import ConfigError
from retraind.domain.job import State
from retraind.page import live
from retraind.page.reading import Reader
from retraind.page.server import Limits, listening
from retraind.store.journal import Journal
from retraind.store.views.read_only import ReadOnlyJournal
from retraind.system.clock import Clock
from support.pages import NOW, Seeder, configured, served
from support.process import until
from support.zygote import zygote

TCP = 'listen = "127.0.0.1:0"'
MOMENT = timedelta(seconds=2)
"""Longer than what was read is shared."""
SOON = Limits(head=0.4, write=0.4, step=0.1)


@pytest.fixture
def journal(tmp_path):
    made = Seeder(tmp_path / "state" / "journal.db")
    made.done("churn", "2026-11-29", NOW - timedelta(days=1))
    made.journal.close()
    return tmp_path / "state" / "journal.db"


# Where it is found


def test_under_a_prefix_every_link_leads_back_under_it(tmp_path, journal):
    config = configured(tmp_path, page=f'{TCP}\nprefix = "/ml/retraind"')
    with served(config) as page:
        assert page.get("/").status == 404
        assert page.get("/ml/retraindeer").status == 404
        assert page.get("/ml/retraind").headers["location"] == "/ml/retraind/"
        # A redirect to an address made of the Host header would leave the prefix, and https.
        assert page.get("/ml/retraind/jobs/").status == 404
        seen, todo = set(), ["/ml/retraind/"]
        while todo:
            path = todo.pop()
            answer = page.get(path)
            assert answer.status == 200, path
            seen.add(path)
            if answer.headers["content-type"].startswith("text/html"):
                found = re.findall(r'(?:href|src|action|data-live)="([^"#]+)"', answer.text)
                assert all(each.startswith(("/ml/retraind", "?")) for each in found), found
                links = [unescape(each) for each in found if "/live" not in each and each[0] == "/"]
                todo += [each for each in links if each not in seen and each not in todo]
        assert any("/jobs/2026" in path for path in seen)


def test_a_chosen_language_stays_chosen(tmp_path, journal):
    with served(configured(tmp_path, page=TCP)) as page:
        html = page.get("/?lang=en").text
        assert all("lang=en" in each for each in re.findall(r'href="(/models/[^"]+)"', html))
        assert '<html lang="en">' in page.get("/", accept_language="xx;q=1, en-GB;q=0.4, ja;q=nonsense").text
        assert page.get("/?lang=../../etc").status == 200


def over_unix(path, target: str = "/", host: str = "localhost", **headers: str) -> tuple[int, str]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n".encode()
            + "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()).encode()
            + b"\r\n"
        )
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def test_a_unix_socket_is_for_its_group_and_names_users(tmp_path, journal):
    path = tmp_path / "page.sock"
    page = f'listen = "unix:{path}"\nuser_header = "X-Remote-User"\nuser_header_from = ["unix"]'
    config = configured(tmp_path, page=page)
    with served(config):
        assert path.stat().st_mode & 0o777 == 0o660
        assert over_unix(path)[0] == 403
        status, html = over_unix(path, X_Remote_User="al<i>ce")
        assert status == 200
        assert "al&lt;i&gt;ce" in html
        assert over_unix(path, host="evil.example.com", X_Remote_User="alice")[0] == 421
        with pytest.raises(ConfigError) as refused, listening(_settings(config)):
            pass
        assert refused.value.problems[0].code == "page_address_taken"
    assert not path.exists()


def _settings(config):
    return load_without_keys(config).settings.page


def test_a_socket_that_a_kill_has_left_is_replaced_and_a_file_is_not(tmp_path, journal):
    path = tmp_path / "page.sock"
    config = configured(tmp_path, page=f'listen = "unix:{path}"')
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with served(config):
        assert over_unix(path)[0] == 200
    path.write_text("data")
    with pytest.raises(ConfigError), listening(_settings(config)):
        pass
    assert path.read_text() == "data"


def test_a_token_is_asked_for_and_shows_what_is_for_operators(tmp_path, journal):
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("correct-horse-battery-staple")
    with served(configured(tmp_path, page=f'{TCP}\ntoken_file = "{token}"')) as page:
        for path in ("/", "/jobs", "/live", "/nothing", "/metrics", "/static"):
            answer = page.get(path)
            assert answer.status == 401, path
            assert answer.headers["www-authenticate"].startswith("Basic ")
            assert "churn" not in answer.text
            assert __version__ not in answer.text
        # Else a browser would ask for the token again for each of these.
        (style,) = re.findall(r'href="(/static/[^"]+page\.css)"', page.get("/").text)
        assert page.get(style).status == 200
        assert page.get("/static/../jobs").status == page.get("/static/%2e%2e/jobs").status == 404
        inside = page.get("/models/churn", authorization="Bearer correct-horse-battery-staple")
        assert "/srv/drop/churn" in inside.text
        assert inside.headers["cache-control"] == "no-store"


def test_a_page_that_crashes_says_so_and_is_locked_in_like_the_others(tmp_path, journal, monkeypatch):
    def crash(*_parts):
        raise ZeroDivisionError("s3cret")

    monkeypatch.setattr("retraind.page.app.models_page", crash)
    with served(configured(tmp_path, page=f'{TCP}\nprefix = "/ml"')) as page:
        answer = page.get("/ml/", accept_language="ja")
        assert answer.status == 500
        assert "内部エラー" in answer.text
        assert "s3cret" not in answer.text
        assert (
            answer.headers["content-security-policy"]
            == page.get("/ml/jobs").headers["content-security-policy"]
        )
        assert answer.headers["cache-control"] == "no-store"
        assert page.get("/ml/jobs").status == 200


def test_what_is_refused_before_it_is_looked_at_is_a_page_that_needs_no_other(tmp_path, journal):
    with served(configured(tmp_path, page=TCP)) as page:
        for answer, status in (
            (page.get("/", host="evil.example.com", accept_language="ja"), 421),
            (page.get("/", "POST", accept_language="ja"), 405),
        ):
            assert answer.status == status
            assert '<html lang="ja">' in answer.text
            assert not re.search("href=|src=", answer.text)
        assert "page.allowed_hosts" in page.get("/", host="evil.example.com").text


# Clients


def raw(page, data: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", page.port), timeout=20)
    connection.sendall(data)
    return connection


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(65_536) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HTTP/1.1\r\nHost: local", b"GET / HTTP/1.1\r\nHost: localhost\r\n"]
)
def test_a_client_that_never_finishes_its_request_is_let_go(tmp_path, journal, begun):
    with served(configured(tmp_path, page=TCP), limits=SOON) as page, raw(page, begun) as connection:
        assert is_closed(connection)
        assert page.get("/").status == 200


def test_dripping_bytes_does_not_help(tmp_path, journal):
    def drip() -> None:
        while True:
            connection.sendall(b"X-A: b\r\n")
            time.sleep(0.05)

    with served(configured(tmp_path, page=TCP), limits=SOON) as page:
        with raw(page, b"GET / HTTP/1.1\r\n") as connection, pytest.raises(ConnectionError):
            drip()
        assert page.get("/").status == 200


def test_a_client_that_does_not_read_is_let_go(tmp_path, journal):
    with served(configured(tmp_path, page=TCP), limits=SOON) as page:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", page.port))
        with connection:
            request = b"GET /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(request * 400)
            until(lambda: len(page.server.server_state.connections) == 0, "the connection is gone")


def test_requests_that_are_too_long_or_no_http_are_refused_and_nothing_ends(tmp_path, journal):
    with served(configured(tmp_path, page=TCP)) as page:
        for data in (
            b"\x16\x03\x01\x02\x00",
            b"GET /" + b"a" * 70_000,
        ):
            with raw(page, data) as connection:
                assert b"400" in connection.recv(1_000)
        assert page.get("/%00/%ff/..%2f").status == 404
        assert page.get("/?q=%00%ff" + "x" * 3_000).status == 200
        assert page.get("/models/%3Cscript%3E").status == 404
        assert "<script>" not in page.get("/models/%3Cscript%3E").text


def test_more_clients_than_there_may_be_are_told_so(tmp_path, journal):
    limits = Limits(head=20, connections=5)
    with served(configured(tmp_path, page=TCP), limits=limits) as page:
        waiting = [raw(page, b"") for _ in range(6)]
        until(lambda: len(page.server.server_state.connections) >= 6, "all are connected")
        assert page.get("/").status == 503
        for each in waiting:
            each.close()
        until(lambda: page.get("/").status == 200, "others are gone")


def test_clients_that_only_connect_take_no_more_than_the_process_may_have_open(tmp_path, journal):
    """Without a free file handle, asyncio logs each of its tries to accept a connection."""
    limits = Limits(head=60, files=64)
    with served(configured(tmp_path, page=TCP), limits=limits) as page:
        connections = page.server.server_state.connections
        clients = [raw(page, b"") for _ in range(80)]
        until(lambda: all(map(is_closed, clients[-40:])), "the last ones are let go")
        assert len(connections) <= 32
        assert page.server.config.backlog == 8
        for each in clients:
            each.close()
        until(lambda: not connections, "others are gone")
        assert page.get("/").status == 200


# Streams


class Stream:
    """What a browser's EventSource reads."""

    def __init__(self, page, path: str, **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
        self.connection.request(
            "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        self.answer = self.connection.getresponse()

    def event(self) -> dict[str, str]:
        """Return the next event."""
        found: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and "event" in found:
                return found
            name, _, value = line.partition(": ")
            if name:
                found[name] = value

    def close(self) -> None:
        self.connection.close()


def seen_on(page) -> str:
    return re.findall(r'data-seen="(\w+)"', page.get("/").text)[0]


def note(file) -> None:
    again = Journal.open(file)
    again.events.note("made", model="churn")
    again.close()


def test_a_stream_tells_of_a_change_and_a_reconnect_of_what_was_missed(tmp_path, journal):
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        first = seen_on(page)
        stream = Stream(page, f"/live?seen={first}")
        assert stream.answer.getheader("content-type").startswith("text/event-stream")
        assert stream.answer.getheader("content-security-policy")
        note(journal)
        told = stream.event()
        assert told["event"] == "changed"
        assert told["id"] not in {"", first}
        stream.close()
        note(journal)
        # The browser sends what it has seen; it is told at once that this is old.
        again = Stream(page, f"/live?seen={first}", last_event_id=told["id"])
        assert again.event()["id"] != told["id"]
        again.close()


def test_a_stream_tells_how_far_a_step_is_and_only_its_begin_and_end_ask_for_the_page(
    tmp_path, journal, monkeypatch
):
    monkeypatch.setattr(live, "MOST_STREAMS", 6)
    monkeypatch.setattr(live, "_INTERVAL", 0.05)
    made = Seeder(journal)
    job = made.job("churn", "2026-11-30", NOW, State.SEALED)
    made.journal.close()
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        stream = Stream(page, f"/live?seen={seen_on(page)}", accept_language="ja")
        with Progress(tmp_path / "state" / "spool", job.id, Doing.PREFLIGHT, 100 << 20) as read:
            read(45 << 20)
            assert stream.event()["event"] == "changed"
            told = stream.event()
            assert (told["event"], json.loads(told["data"])) == ("progress", {job.id: [45, "45％"]})
            read(90 << 20)
            told = stream.event()
            assert (told["event"], json.loads(told["data"])) == ("progress", {job.id: [90, "90％"]})
        assert stream.event()["event"] == "changed"
        stream.close()


def test_streams_are_bounded_and_a_closed_one_makes_room(tmp_path, journal, monkeypatch):
    monkeypatch.setattr(live, "MOST_STREAMS", 2)
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        open_ones = [Stream(page, f"/live?seen={seen_on(page)}") for _ in range(2)]
        refused = page.get("/live")
        assert (refused.status, refused.headers["retry-after"]) == (503, "60")
        open_ones[0].close()
        until(lambda: Stream(page, "/live?seen=x").answer.status == 200, "there is room")


def test_streams_that_begin_together_or_end_at_once_have_one_that_asks_for_all_and_leave_room(
    tmp_path, journal, monkeypatch
):
    monkeypatch.setattr(live, "MOST_STREAMS", 6)
    monkeypatch.setattr(live, "_INTERVAL", 0.05)
    plain, asking, most = Reader.seen, [], []

    def slow(self):
        asking.append(self)
        most.append(len(asking))
        time.sleep(0.2)
        asking.pop()
        return plain(self)

    monkeypatch.setattr(Reader, "seen", slow)
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        for _ in range(6):
            raw(page, b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n").close()
        until(lambda: page.get("/live", "HEAD").status == 200, "they are gone")
        stream = Stream(page, "/live?seen=x")
        assert stream.answer.status == 200
        assert stream.event()["event"] == "changed"
        stream.close()
    assert max(most) == 1


def test_the_head_of_a_stream_ends(tmp_path, journal):
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        answer = page.get("/live", "HEAD")
        assert (answer.status, answer.text) == (200, "")


def test_streams_end_with_the_process(tmp_path, journal):
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        stream = Stream(page, f"/live?seen={seen_on(page)}")
        closing_it = threading.Thread(target=page.close)
        closing_it.start()
        while stream.answer.readline():
            pass
        closing_it.join(10)
        assert not closing_it.is_alive()


# The journal


def test_a_missing_journal_is_told_and_appears(tmp_path):
    with served(configured(tmp_path, page=TCP)) as page:
        answer = page.get("/")
        assert answer.status == 503
        assert "There is no journal" in unescape(answer.text)
        assert str(tmp_path) not in answer.text
        Seeder(tmp_path / "state" / "journal.db").journal.close()
        page.reader.clock.pass_time(MOMENT)
        assert page.get("/").status == 200


@contextmanager
def locked(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        yield


def test_a_locked_journal_is_told_and_appears_when_it_is_free(tmp_path, journal, monkeypatch):
    monkeypatch.setattr("retraind.store.views.read_only._PATIENCE", 0.1)
    monkeypatch.setattr("retraind.store.views.read_only.ReadOnlyJournal.__init__.__defaults__", (0.1,))
    with served(configured(tmp_path, page=TCP)) as page:
        with locked(journal):
            answer = page.get("/")
            assert answer.status == 503
            assert "cannot be read now" in unescape(answer.text)
        page.reader.clock.pass_time(MOMENT)
        assert page.get("/").status == 200


def test_while_the_journal_is_locked_nobody_waits_for_it_after_another(tmp_path, journal, monkeypatch):
    monkeypatch.setattr("retraind.store.views.read_only.ReadOnlyJournal.__init__.__defaults__", (0.3,))
    plain, tried = ReadOnlyJournal.get, []

    def get(self):
        tried.append(self)
        return plain(self)

    monkeypatch.setattr(ReadOnlyJournal, "get", get)
    with served(configured(tmp_path, page=TCP)) as page, locked(journal), ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(page.get, ["/", "/jobs", "/models/churn"] * 4))
        assert {answer.status for answer in answers} == {503}
        assert len(tried) == 1
        assert page.get("/healthz").status == 503


@pytest.mark.parametrize(("schema", "words"), [("9999", "newer"), ("0001", "older")])
def test_a_journal_of_another_version_is_told_and_left_as_it_is(tmp_path, journal, schema, words):
    with closing(sqlite3.connect(journal)) as other:
        other.execute("UPDATE alembic_version SET version_num = ?", (schema,))
        other.commit()
    before = journal.read_bytes()
    with served(configured(tmp_path, page=TCP)) as page:
        answer = page.get("/")
        assert answer.status == 503
        assert words in answer.text
    assert journal.read_bytes() == before


def test_between_requests_the_journal_is_not_open(tmp_path, journal):
    with served(configured(tmp_path, page=TCP)) as page:
        for path in ("/", "/models/churn", "/jobs", "/live"):
            page.get(path, "HEAD" if path == "/live" else "GET")
            handles = {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}
            assert not [each for each in handles if each.startswith(str(journal))], path


def test_a_journal_that_is_replaced_is_followed(tmp_path, journal):
    with served(configured(tmp_path, page=TCP), Clock()) as page:
        assert "2026-11-29" in page.get("/jobs").text
        for ending in ("", "-wal", "-shm"):
            if (part := journal.with_name(journal.name + ending)).exists():
                part.rename(part.with_name(f"aside{ending}"))
        other = Seeder(journal)
        other.done("churn", "another-one", NOW)
        other.journal.close()
        until(lambda: "another-one" in page.get("/jobs").text, "the new journal is shown")
        assert "2026-11-29" not in page.get("/jobs").text


def test_a_damaged_journal_is_told(tmp_path, journal):
    size = journal.stat().st_size
    with journal.open("r+b") as file:
        file.seek(4_096)
        file.write(os.urandom(size - 4_096))
    with served(configured(tmp_path, page=TCP)) as page:
        assert page.get("/").status == 503


# The command


def test_the_command_serves_until_it_is_asked_to_stop(tmp_path, journal):
    path = tmp_path / "page.sock"
    config = configured(tmp_path, page=f'listen = "unix:{path}"')
    with (tmp_path / "log").open("wb") as log:
        process = zygote().start(
            "page", "-c", str(config), out=log.fileno(), err=log.fileno(), environment={}
        )
        until(lambda: path.exists() or process.poll() is not None, "the page listens")
        until(lambda: over_unix(path)[0] == 200, "the page answers")
        assert over_unix(path, "/?token=s3cret")[0] == 200
        assert over_unix(path, "/\x00s3cret")[0] == 400
        assert over_unix(path, Connection="Upgrade", Upgrade="websocket")[0] == 200
        process.send_signal(15)
        assert process.wait(10) == 0
    assert not path.exists()
    # Whoever may connect cannot fill the log, and nothing of a request is in it.
    assert [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()] == [
        "page_ready"
    ]


def test_without_the_extra_the_command_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    monkeypatch.delitem(sys.modules, "retraind.page.server")
    monkeypatch.delitem(sys.modules, "retraind.page.app")
    assert main(["page", "-c", str(configured(tmp_path))]) == 2
    assert "requires Starlette, uvicorn and Jinja2" in capsys.readouterr().err
