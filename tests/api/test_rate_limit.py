"""How fast uploads send: the bucket by the time alone, and real uploads over HTTP."""

import threading
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.api.object_store import ObjectStore
from retraind.api.rate_limit import RateLimit, TokenBucket, turn_of
from retraind.domain.failures import Stopped
from retraind.system.clock import Clock
from support.clock import ManualClock
from support.peers import answer

MB, MIB = 10**6, 1 << 20
RATES = st.integers(10_000, 10**9)


def never():
    pass


class Timed:
    """A bucket that is asked for more as soon as it says that there is some, at times without delay."""

    def __init__(self):
        self.bucket, self.now = TokenBucket(), 1_000.0

    def send(self, total, rate, late=0.0, most=MIB):
        """Send so many bytes, each time so many seconds late; returns how many times it was asked in vain."""
        vain = 0
        while total > 0:
            given = self.bucket.take(self.now, rate, min(most, total))
            vain += not given
            total -= given
            self.now += self.bucket.seconds(rate)
            self.now += late if self.bucket.seconds(rate) else 0
        return vain


@given(rate=RATES, seconds=st.integers(60, 600), late=st.floats(0, 0.1), most=st.integers(1, MIB))
def test_in_the_long_run_it_is_the_rate_however_late_threads_wake(rate, seconds, late, most):
    timed = Timed()
    # Whoever never asks for a whole turn is slower of itself; what counts then is that it is never faster.
    timed.send(seconds * min(rate, 20_000), min(rate, 20_000), late, max(most, 1 << 10))
    assert timed.now - 1_000 == pytest.approx(seconds, rel=0.02)


@given(rate=RATES, late=st.floats(0, 0.01))
def test_nobody_asks_in_vain(rate, late):
    timed = Timed()
    assert timed.send(100 * turn_of(rate), rate, late) <= 101


@given(before=RATES, after=RATES, debt=st.booleans())
def test_a_new_rate_holds_at_once_whatever_was_sent_before(before, after, debt):
    bucket = TokenBucket()
    bucket.take(0.0, before, MIB if debt else 1)
    bucket.take(10.0, after, MIB)
    assert bucket.seconds(after) <= turn_of(after) / after + 0.001
    sent, now = 0, 10.0
    while now < 11:
        sent += bucket.take(now, after, MIB)
        now += max(bucket.seconds(after), 0.0001)
    # What may be made up for, and the turn that ends later.
    assert sent <= 1.25 * after + 2 * turn_of(after)


def test_an_upload_that_waits_is_woken_by_the_clock_a_stop_and_a_limit_that_is_lifted():
    clock, rate, stopping = ManualClock(), [1_000_000], threading.Event()
    limit = RateLimit(clock, lambda: rate[0])

    def pause():
        if stopping.is_set():
            raise Stopped

    def waiting(outcome):
        try:
            outcome.append(limit.take(10 * MIB, pause))
        except Stopped:
            outcome.append("stopped")

    def ends(outcome):
        thread.join(5)
        return outcome

    assert limit.take(MIB, pause) == 50_000
    for act, expected in (
        (lambda: clock.pass_time(timedelta(seconds=1)), 50_000),
        (lambda: rate.__setitem__(0, None), 10 * MIB),
        (stopping.set, "stopped"),
    ):
        rate[0] = 1_000_000
        while not stopping.is_set() and limit._bucket.take(clock.elapsed(), 1_000_000, MIB):
            pass  # nothing is left
        thread = threading.Thread(target=waiting, args=(outcome := [],))
        thread.start()
        thread.join(0.1)
        assert outcome == []
        act()
        assert ends(outcome) == [expected]
    assert not limit._turns


def test_uploads_take_turns_in_the_order_in_which_they_come():
    clock, order = ManualClock(), []
    limit = RateLimit(clock, lambda: 1_000_000)
    while limit._bucket.take(0.0, 1_000_000, MIB):
        pass

    def send(name):
        for _ in range(5):
            limit.take(MIB, never)
            order.append(name)

    threads = [threading.Thread(target=send, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        clock.pass_time(timedelta(milliseconds=20))
        time.sleep(0.001)
    assert len(order) == 15
    # One that is woken late gives its turn away to nobody, so none is ever two turns behind.
    for length in range(1, 15):
        counts = [order[:length].count(name) for name in "abc"]
        assert max(counts) - min(counts) <= 3, order


# -- over HTTP ---------------------------------------------------------------------------------------------


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "20260101T000000Z_2026-11_ab12cd.zip"

    def make(size):
        path.touch()
        with path.open("wb") as file:
            file.truncate(size)
        return path

    return make


def send_all(store, peer, path, number, pause=never):
    """Start so many uploads; returns their threads."""
    threads = [
        threading.Thread(target=store.put, args=(f"{peer.url}/bucket/{each}", path, pause), daemon=True)
        for each in range(number)
    ]
    for thread in threads:
        thread.start()
    return threads


@pytest.fixture
def stores(api):
    """Make an object store whose limit is what the list has first."""
    return lambda url, rate, **rest: ObjectStore(api(url, **rest), Clock(), rate=lambda: rate[0])


def test_uploads_share_the_rate_fairly_and_are_never_faster(peer, stores, bundle):
    other, rate, size = peer(answer(200)), [10_000], 500_000
    uploads = send_all(stores(other.url, rate), other, bundle(size), 3)
    while len(other.visits) < 3 or not all(visit.size for visit in other.visits):
        time.sleep(0.005)
    began, before = time.monotonic(), sum(visit.size for visit in other.visits)
    rate[0] = 2 * MB
    while all(upload.is_alive() for upload in uploads):
        time.sleep(0.005)
    # What is on its way is not counted, which may be some turns where the machine has much else to do.
    assert min(visit.size for visit in other.visits) >= size * 0.3
    for upload in uploads:
        upload.join(10)
    assert [visit.size for visit in other.visits] == [size] * 3
    # A quarter of a second may be made up for, and the last turns are paid for later.
    assert time.monotonic() - began >= (3 * size - before) / rate[0] - 0.25 - 0.05


def test_a_reload_lifts_the_limit_of_uploads_that_have_begun(peer, stores, bundle):
    other, rate = peer(answer(200)), [10_000]
    uploads = send_all(stores(other.url, rate), other, bundle(20 * MIB), 3)
    for upload in uploads:
        upload.join(0.1)
    assert all(upload.is_alive() for upload in uploads)
    rate[0] = None
    for upload in uploads:
        upload.join(20)
    assert [visit.size for visit in other.visits] == [20 * MIB] * 3


def test_a_reload_slows_down_uploads_that_have_begun_and_a_stop_ends_them_at_once(peer, stores, bundle):
    rest, stopping, rate = threading.Event(), threading.Event(), [None]

    def slowly(visit):
        visit.take(1)
        rest.wait(20)
        visit.take()

    def pause():
        if stopping.is_set():
            raise Stopped

    other, ended = peer(slowly), []

    def put():
        try:
            stores(other.url, rate).put(f"{other.url}/bucket/x", bundle(64 * MIB), pause)
        except Stopped:
            ended.append("stopped")

    upload = threading.Thread(target=put, daemon=True)
    upload.start()
    while not (other.visits and other.visits[0].size):
        upload.join(0.01)
    rate[0] = 10_000
    rest.set()
    upload.join(0.5)  # without a limit, the rest takes a few hundredths of a second
    assert upload.is_alive()
    stopping.set()
    upload.join(5)
    assert ended == ["stopped"]
    # What the system holds for the connection had been sent before.
    assert other.visits[0].size < 64 * MIB


def test_an_upload_whose_turn_comes_later_than_the_longest_silence_is_not_given_up(peer, stores, bundle):
    other, size = peer(answer(200)), 4_000
    uploads = send_all(stores(other.url, [10_000], timeout=0.15), other, bundle(size), 3)
    for upload in uploads:
        upload.join(20)
    assert [visit.size for visit in other.visits] == [size] * 3


@pytest.mark.long
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("rate", [200_000, 5 * MB, 60 * MB])
def test_in_the_long_run_it_is_the_rate_over_http(peer, stores, bundle, number, rate):
    other = peer(answer(200))
    size = 8 * rate // number
    began = time.monotonic()
    for upload in send_all(stores(other.url, [rate]), other, bundle(size), number):
        upload.join(60)
    took = time.monotonic() - began
    assert sum(visit.size for visit in other.visits) == number * size
    assert number * size / took == pytest.approx(rate, rel=0.05)
