"""The PUT of a bundle: what goes over the wire, and what is made of every way in which it can end."""

import contextlib
import hashlib
import os
import select
import socket
import struct
import threading
import time
import tracemalloc
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retraind.api.failures import InDoubt
from retraind.api.object_store import ObjectStore
from retraind.domain.failures import Retry, Stopped
from retraind.emulator import STATUSES
from retraind.system.clock import Clock
from support.peers import ENDLESS, answer, drip, in_words

MIB = 1 << 20


def never():
    pass


@pytest.fixture
def store(api):
    return lambda url, **rest: ObjectStore(api(url, **rest), Clock())


@pytest.fixture
def make(tmp_path):
    def bundle(content=b"", *, size=None):
        path = tmp_path / "20260101T000000Z_2026-11_ab12cd.zip"
        path.write_bytes(content)
        if size is not None:
            os.truncate(path, size)  # a hole costs no disk
        return path

    return bundle


def send(store, peer, path, pause=never, **rest):
    store(peer.url, **rest).put(f"{peer.url}/bucket/x?X-Sig=s3cret", path, pause)


# -- what goes over the wire -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 7])
def test_a_file_goes_out_whole_with_its_length(peer, store, make, size):
    content = os.urandom(size)
    other = peer(answer(200))
    send(store, other, make(content))
    (visit,) = other.visits
    assert (visit.method, visit.target) == ("PUT", "/bucket/x?X-Sig=s3cret")
    assert visit.headers["content-length"] == str(size)
    assert visit.digest.digest() == hashlib.sha256(content).digest()
    for name in ("transfer-encoding", "x-api-key", "authorization", "content-type", "expect", "cookie"):
        assert name not in visit.headers


def test_the_length_that_is_sent_is_that_of_the_open_file(peer, store, make):
    def grow(visit):
        with path.open("ab") as file:
            file.write(b"more")
        visit.take()
        visit.connection.sendall(answer(200))

    path = make(b"x" * 3 * MIB)
    other = peer(grow)
    send(store, other, path)
    assert other.visits[0].size == 3 * MIB


def test_large_pieces_are_read_and_sent(peer, store, make):
    reads = []

    def count(visit):
        visit.take()
        visit.connection.sendall(answer(200))

    path = make(size=16 * MIB)
    began = os.times()
    send(store, peer(count), path, lambda: reads.append(1))
    # urllib3's own pieces of 16 KiB would be a thousand.
    assert len(reads) < 300
    assert os.times().user - began.user < 1


def test_memory_does_not_grow_with_the_file(peer, store, make):
    other = peer(answer(200))
    path = make(size=200 * MIB)
    tracemalloc.start()
    try:
        send(store, other, path)
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
    assert other.visits[0].size == 200 * MIB


def test_a_link_is_not_followed(peer, store, make, tmp_path):
    (tmp_path / "link.zip").symlink_to(make(b"PK"))
    other = peer(answer(200))
    with pytest.raises(OSError, match="symbolic links"):
        send(store, other, tmp_path / "link.zip")
    assert not other.visits


# -- what comes back ---------------------------------------------------------------------------------------


def s3(status, code):
    return answer(
        status,
        f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>m</Message></Error>',
        Content_Type="application/xml",
    )


PAGE = "<html><body>Please log in.</body></html>"
ENDINGS = [
    # what, the answer, whether another try with the same address is of no use
    ("an expired address", s3(403, "AccessDenied"), True),
    ("a tampered address", s3(403, "SignatureDoesNotMatch"), True),
    ("an address signed with passing credentials that ended", s3(400, "ExpiredToken"), True),
    ("slow down", s3(503, "SlowDown"), False),
    ("too many requests", answer(429), False),
    ("the store waited too long for bytes", s3(400, "RequestTimeout"), False),
    ("the store missed bytes", s3(400, "IncompleteBody"), False),
    ("a redirect", answer(307, Location="/elsewhere"), False),
    ("a redirect to another region", s3(301, "PermanentRedirect"), False),
    ("an error of its own", s3(500, "InternalError"), False),
    ("a gateway that lost the answer", answer(504, PAGE), False),
    ("a sign-in page", answer(200, PAGE), False),
    ("too large", s3(400, "EntityTooLarge"), True),
    ("no such bucket", s3(404, "NoSuchBucket"), True),
    ("no length", s3(411, "MissingContentLength"), True),
    ("an error without words", answer(400), True),
    ("an error with other words", answer(400, b"\xff<Code>" + b"x" * 5000), True),
]


@pytest.mark.parametrize(("response", "refused"), [pytest.param(*row[1:], id=row[0]) for row in ENDINGS])
def test_after_any_answer_but_success_it_is_unknown_what_is_stored(peer, store, make, response, refused):
    other = peer(response)
    with pytest.raises(InDoubt) as caught:
        send(store, other, make(b"x" * 1000))
    assert caught.value.address_refused == refused
    assert len(other.visits) == 1
    assert in_words(caught.value).what


@pytest.mark.parametrize("status", STATUSES)
def test_any_status_of_an_error_leaves_it_unknown_what_is_stored(peer, store, make, status):
    with pytest.raises(InDoubt) as caught:
        send(store, peer(answer(status)), make(b"x"))
    assert f"HTTP {status}" in in_words(caught.value).what


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(answer(200), id="as the manual says"),
        pytest.param(answer(200, Content_Type="text/html; charset=utf-8"), id="moto's word for nothing"),
        pytest.param(answer(201, "<PostResponse/>"), id="with some XML"),
        pytest.param(answer(204), id="no content"),
        pytest.param(answer(200, "", Content_Length="10"), id="cut off after the head"),
    ],
)
def test_each_success_is_one(peer, store, make, response):
    send(store, peer(response), make(b"x"))


def test_the_refusal_is_named_for_people(peer, store, make):
    with pytest.raises(InDoubt) as caught:
        send(store, peer(s3(400, "EntityTooLarge")), make(b"x"))
    assert "HTTP 400 (EntityTooLarge)" in in_words(caught.value).what


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_the_store_asks_for_is_handed_on(peer, store, make, status):
    with pytest.raises(InDoubt) as caught:
        send(store, peer(answer(status, Retry_After="9")), make(b"x"))
    assert caught.value.after == timedelta(seconds=9)


def test_an_answer_of_the_store_is_not_kept_in_memory(peer, store, make):
    other = peer(answer(200, b"x" * 30_000_000))
    tracemalloc.start()
    try:
        send(store, other, make(b"x"))
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "fault",
    ["upload_403", "upload_403_after", "upload_503", "upload_503_after", "upload_500", "upload_reset",
     "upload_lost_answer", "upload_html_after"],
)  # fmt: skip
def test_after_each_fault_of_the_emulated_store_it_is_unknown_what_is_stored(
    emulate, connect, store, make, fault
):
    emulator = emulate(faults={fault: 1.0})
    given_ = connect(emulator.url).register("train.zip", "key-of-churn")
    with pytest.raises(InDoubt):
        store(emulator.url).put(given_.upload_url, make(os.urandom(6 * MIB)), never)


def test_a_second_try_goes_to_the_same_place(emulate, connect, store, make):
    emulator = emulate(faults={"upload_503": 1.0})
    content = os.urandom(3 * MIB)
    given_ = connect(emulator.url).register("train.zip", "key-of-churn")
    with pytest.raises(InDoubt):
        store(emulator.url).put(given_.upload_url, make(content), never)
    emulator.set_faults({})
    store(emulator.url).put(given_.upload_url, make(content), never)
    received = [record for record in emulator.records() if record["event"] == "put_received"]
    assert [record["sha256"] for record in received if record["complete"]] == [
        hashlib.sha256(content).hexdigest()
    ]


# -- connections that break or stall -----------------------------------------------------------------------


def reset(visit):
    visit.take(2 * MIB)
    visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    visit.connection.close()


def hang_up(visit):
    visit.take(2 * MIB)


def forget(visit):
    visit.take()
    visit.connection.shutdown(socket.SHUT_RDWR)


def stall(visit):
    visit.take(2 * MIB)
    poll = select.poll()
    poll.register(visit.connection, select.POLLRDHUP)
    poll.poll(10_000)  # until the other side gives up


def say_nothing(visit):
    visit.take()
    with contextlib.suppress(OSError):
        visit.connection.recv(1)


def too_early(visit):
    visit.connection.sendall(answer(200))
    visit.connection.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    reset(visit)


@pytest.mark.parametrize(
    ("play", "code"),
    [
        pytest.param(reset, "connection_lost", id="reset in the middle of the body"),
        pytest.param(hang_up, "connection_lost", id="closed in the middle of the body"),
        pytest.param(forget, "connection_lost", id="closed without an answer"),
        pytest.param(stall, "connection_stalled", id="silent in the middle of the body"),
        pytest.param(drip, "connection_stalled", id="an answer byte by byte"),
        pytest.param(ENDLESS["interim answers"], "response_endless", id="interim answers without an end"),
        pytest.param(say_nothing, "connection_stalled", id="silent after the body"),
        pytest.param(
            too_early, "response_before_upload_end|connection_lost", id="an answer ahead of the body"
        ),
    ],
)
def test_after_a_broken_upload_it_is_unknown_what_is_stored(peer, store, make, play, code):
    other = peer(play)
    began = time.monotonic()
    with pytest.raises(InDoubt, match=code):
        send(store, other, make(size=32 * MIB), timeout=0.25, connect_timeout=5)
    assert time.monotonic() - began < 20
    assert len(other.visits) == 1


def test_a_refusal_ahead_of_the_body_is_heard(peer, store, make):
    def refuse(visit):
        visit.connection.sendall(s3(403, "AccessDenied"))
        visit.connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        visit.take()

    with pytest.raises(InDoubt) as caught:
        send(store, peer(refuse), make(size=32 * MIB))
    assert caught.value.address_refused


def test_a_line_slower_than_the_connect_time_out_is_waited_for(emulate, connect, store, make):
    emulator = emulate(faults={"upload_stall": 1.0}, stall_time=timedelta(seconds=0.5))
    given_ = connect(emulator.url).register("train.zip", "key-of-churn")
    path = make(size=32 * MIB)
    store(emulator.url, connect_timeout=0.2, timeout=5).put(given_.upload_url, path, never)
    assert [record["complete"] for record in emulator.records() if record["event"] == "put_received"] == [
        True
    ]


# -- stopping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("play", [answer(200), stall], ids=["while sending", "while the store is silent"])
def test_a_stop_ends_the_upload_within_a_moment(peer, store, make, play):
    stopping = threading.Event()
    said = []

    def pause():
        if stopping.is_set():
            said.append(time.monotonic())
            raise Stopped

    def slow(visit):
        visit.take(4 * MIB)
        stopping.set()
        if callable(play):
            play(visit)
        else:
            visit.take()

    with pytest.raises(Stopped):
        send(store, peer(slow), make(size=32 * MIB), pause, timeout=30)
    assert len(said) == 1


# -- a bundle that is not what it was ------------------------------------------------------------------------


def test_a_bundle_that_shrinks_while_it_is_sent_is_told(peer, store, make):
    path = make(size=32 * MIB)

    def shrink(visit):
        visit.take(2 * MIB)
        os.truncate(path, 3 * MIB)
        visit.take()

    with pytest.raises(Retry, match="bundle_shrank") as caught:
        send(store, peer(shrink), path)
    assert path.name in in_words(caught.value).what


def test_a_bundle_that_is_not_there_is_the_disks_trouble_and_not_the_networks(peer, store, make):
    with pytest.raises(FileNotFoundError):
        send(store, peer(answer(200)), make().with_name("none.zip"))


def test_any_content_arrives_as_it_is(peer, store, make):
    other = peer(answer(200))

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(content=st.binary(max_size=3000))
    def arrives(content):
        send(store, other, make(content))
        assert other.visits[-1].digest.digest() == hashlib.sha256(content).digest()
        assert other.visits[-1].headers["content-length"] == str(len(content))

    arrives()
