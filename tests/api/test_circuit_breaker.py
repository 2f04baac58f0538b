"""The circuits that keep a thousand models from hammering a service that is down."""

import contextlib
import dataclasses
import heapq
import random
import threading
from datetime import timedelta

import pytest

from retraind.api.backoff import backoff
from retraind.api.circuit_breaker import FAILURES, FIRST_PAUSE, FORGET_AFTER, LONGEST_PAUSE, Breaker
from retraind.api.client import ApiClient
from retraind.api.failures import AddressExpired, NotStored
from retraind.api.object_store import ObjectStore
from retraind.domain.failures import Hold, JobFailed, Party, Retry, Setback, Stopped
from retraind.domain.problems import problem
from retraind.report.wording import Audience
from support.clock import ManualClock
from support.peers import answer, in_words

HOST = "service.example"
DOWN = Retry(problem("connection_refused", party=Party.STORE, host=HOST), of_host=True)
BUSY = problem("error_returned", party=Party.STORE, host=HOST, status=503, error_code=None, said=None)
NOT_YET = problem("retrain_job_not_finished")


class Evenly(random.Random):
    """No chance at all: always the same place between two bounds."""

    place = 1.0

    def uniform(self, a, b):
        return a + (b - a) * self.place


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def chance():
    return Evenly()


@pytest.fixture
def breaker(clock, chance):
    return Breaker(clock, chance)


def ask(breaker, end=None, host=HOST, meanwhile=lambda: None):
    """Ask the host, which ends the request with `end`; returns whether the request reached it."""
    reached = False
    with contextlib.suppress(Setback, Stopped, OSError), breaker.guard(host):
        reached = True
        meanwhile()
        if end is not None:
            raise end
    return reached


def opened(breaker, failures=FAILURES):
    for _ in range(failures):
        assert ask(breaker, DOWN)


def pause_of(breaker, clock):
    """Return how long a request is kept at home, to a quarter of a second."""
    begun = clock.elapsed()
    while not ask(breaker, OSError()):
        clock.pass_time(timedelta(seconds=0.25))
    return timedelta(seconds=clock.elapsed() - begun)


def test_a_host_that_is_down_is_asked_once_as_soon_as_a_person_wants_it(breaker, clock):
    for _ in range(FAILURES):
        assert ask(breaker, Retry(BUSY, of_host=True))
    assert not ask(breaker)
    breaker.try_now(HOST)
    assert breaker.outages()[0].next_try == clock.now()
    assert ask(
        breaker, Retry(BUSY, of_host=True), meanwhile=lambda: ask(breaker) and pytest.fail("a second one")
    )
    assert not ask(breaker), "it still fails"
    breaker.try_now(HOST)
    assert ask(breaker)
    assert breaker.outages() == ()
    breaker.try_now("another")
    assert breaker.outages() == ()


def test_it_opens_after_five_failures_in_a_row_and_not_sooner(breaker):
    opened(breaker, FAILURES - 1)
    assert ask(breaker)
    opened(breaker)
    assert not ask(breaker)


def test_a_refusal_says_why_and_when_to_come_back_and_is_of_the_kind_that_is_wanted(breaker):
    opened(breaker)
    with pytest.raises(NotStored) as caught, breaker.guard(HOST, NotStored):
        pytest.fail("it was let through")
    assert f"{HOST} has been failing since 20" in in_words(caught.value).what
    assert in_words(DOWN).what in in_words(caught.value).what
    assert FIRST_PAUSE <= caught.value.after <= FIRST_PAUSE + timedelta(seconds=1)
    assert not caught.value.of_host
    assert caught.value.host == HOST


def test_a_refusal_stays_the_same_whatever_fails_and_shows_no_port_on_the_share(breaker, clock):
    host = f"{HOST}:8443"
    refusals = []
    for _ in range(2):
        for _ in range(FAILURES):
            ask(breaker, Retry(DOWN.problem.but(host=host), of_host=True), host)
        with pytest.raises(Retry) as caught, breaker.guard(host):
            pytest.fail("it was let through")
        refusals.append(caught.value.problem)
        clock.pass_time(LONGEST_PAUSE)
        assert ask(breaker, host=host)
    assert refusals[0] != refusals[1]
    assert refusals[0].is_same(refusals[1])
    assert "8443" in in_words(caught.value).what
    assert "8443" not in str(in_words(caught.value, Audience.SHARE))


def test_a_refusal_keeps_its_words_for_as_long_as_the_outage_has_one_reason(breaker, clock):
    """They stand in the job's history and in STATUS.txt, which are not to grow with each try."""
    opened(breaker)
    words = set()
    for _ in range(50):
        with pytest.raises(Retry) as caught, breaker.guard(HOST):
            pytest.fail("it was let through")
        words.add(str(in_words(caught.value)))
        clock.pass_time(LONGEST_PAUSE)
        assert ask(breaker, DOWN)
    assert len(words) == 1


def test_a_failure_leaves_with_the_name_of_its_host_and_other_trouble_does_not(breaker):
    for end, host in ((DOWN, HOST), (Retry(NOT_YET), None)):
        with pytest.raises(Retry) as caught, breaker.guard(HOST):
            raise dataclasses.replace(end, host=None)
        assert caught.value.host == host


def test_it_tells_what_is_down_since_when_and_why_until_it_is_well_again(breaker, clock):
    begun = clock.now()
    opened(breaker, FAILURES - 1)
    assert breaker.outages() == ()
    clock.pass_time(timedelta(seconds=30))
    opened(breaker, 1)
    (outage,) = breaker.outages()
    assert outage == (HOST, begun, FAILURES, DOWN.problem, clock.now() + FIRST_PAUSE)
    clock.pass_time(FIRST_PAUSE)
    assert ask(breaker, Retry(BUSY, of_host=True))
    (outage,) = breaker.outages()
    assert outage == (HOST, begun, FAILURES + 1, BUSY, clock.now() + 2 * FIRST_PAUSE)
    clock.pass_time(2 * FIRST_PAUSE)
    assert ask(breaker)
    assert breaker.outages() == ()


def test_an_outage_outlives_a_restart_and_the_first_request_after_it_asks(breaker, clock):
    opened(breaker)
    clock.pass_time(timedelta(hours=3))
    again = Breaker(clock, Evenly())
    again.resume(breaker.outages())
    assert [outage[:2] for outage in again.outages()] == [outage[:2] for outage in breaker.outages()]
    others = []
    assert ask(again, DOWN, meanwhile=lambda: others.append(ask(again)))
    assert others == [False]
    assert pause_of(again, clock) == 2 * FIRST_PAUSE


def test_a_host_that_nobody_wants_anything_of_for_a_day_is_forgotten(breaker, clock):
    opened(breaker)
    clock.pass_time(FIRST_PAUSE + FORGET_AFTER)
    assert breaker.outages()
    clock.pass_time(timedelta(seconds=1))
    assert breaker.outages() == ()


def test_each_host_has_a_circuit_of_its_own(breaker):
    opened(breaker)
    assert not ask(breaker)
    assert ask(breaker, host="store.example")


def test_after_the_pause_one_is_let_through_until_it_is_known_what_it_met(breaker, clock):
    opened(breaker)
    clock.pass_time(FIRST_PAUSE)
    others = []
    assert ask(breaker, DOWN, meanwhile=lambda: others.append(ask(breaker)))
    assert others == [False]
    assert not ask(breaker)


ANSWERS = {
    "a success": None,
    "an expired address": AddressExpired(problem("results_address_expired")),
    "a refused key": Hold(problem("key_unknown"), credential=True),
    "refused data": JobFailed(problem("retrain_job_deleted")),
    "a training that is not finished": Retry(NOT_YET),
    "an answer that nobody can read": Retry(problem("response_not_json", host=HOST)),
}


@pytest.mark.parametrize("end", ANSWERS.values(), ids=ANSWERS)
def test_any_answer_closes_it(breaker, clock, end):
    opened(breaker)
    clock.pass_time(FIRST_PAUSE)
    assert ask(breaker, end)
    assert ask(breaker)
    opened(breaker, FAILURES - 1)
    assert ask(breaker)


@pytest.mark.parametrize("end", [value for value in ANSWERS.values() if value])
def test_what_one_model_is_answered_does_not_open_it_for_the_others(breaker, end):
    for _ in range(3 * FAILURES):
        assert ask(breaker, end)
    assert ask(breaker)


@pytest.mark.parametrize("end", [Stopped(), OSError("the bundle cannot be read"), KeyboardInterrupt()])
def test_what_comes_from_this_side_decides_nothing(breaker, clock, end):
    opened(breaker, FAILURES - 1)
    with pytest.raises(type(end)), breaker.guard(HOST):
        raise end
    assert ask(breaker, DOWN)
    assert not ask(breaker)
    clock.pass_time(FIRST_PAUSE)
    with pytest.raises(type(end)), breaker.guard(HOST):
        raise end
    assert ask(breaker, DOWN), "somebody else asks at once"
    assert not ask(breaker)


def test_the_pause_doubles_up_to_its_longest(breaker, clock):
    opened(breaker)
    pauses = []
    for _ in range(9):
        pauses.append(pause_of(breaker, clock))
        ask(breaker, DOWN)
    assert pauses[:4] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert pauses[-3:] == [LONGEST_PAUSE] * 3


def test_the_pause_is_spread_by_chance_down_to_its_half(breaker, clock, chance):
    chance.place = 0.0
    opened(breaker)
    assert pause_of(breaker, clock) == FIRST_PAUSE / 2
    chance.place = 0.5
    ask(breaker, DOWN)
    assert pause_of(breaker, clock) == 2 * FIRST_PAUSE * 3 / 4


def test_a_longer_wait_that_the_host_asks_for_is_kept_within_the_longest_pause(breaker, clock):
    """It binds the job that was told so; for all others the host is asked again."""
    opened(breaker, FAILURES - 1)
    ask(breaker, Retry(BUSY, after=timedelta(minutes=2), of_host=True))
    assert pause_of(breaker, clock) == timedelta(minutes=2)
    ask(breaker, Retry(BUSY, after=timedelta(hours=20), of_host=True))
    assert pause_of(breaker, clock) == LONGEST_PAUSE
    ask(breaker, Retry(BUSY, after=timedelta(seconds=1), of_host=True))
    assert pause_of(breaker, clock) == 4 * FIRST_PAUSE


def test_requests_that_were_under_way_when_it_opened_do_not_make_the_pause_longer(breaker, clock):
    all_in, go = threading.Barrier(13), threading.Event()

    def one():
        try:
            with breaker.guard(HOST):
                all_in.wait(10)
                go.wait(10)
                raise DOWN
        except Retry:
            pass

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    all_in.wait(10)
    go.set()
    for thread in threads:
        thread.join()
    assert pause_of(breaker, clock) == FIRST_PAUSE


def test_a_straggler_lets_nobody_ask_beside_the_one_that_asks(breaker, clock):
    straggler = breaker.guard(HOST)
    straggler.__enter__()
    opened(breaker)
    clock.pass_time(FIRST_PAUSE)
    others = []

    def meanwhile():
        straggler.__exit__(Retry, DOWN, None)
        others.append(ask(breaker))

    assert ask(breaker, meanwhile=meanwhile)
    assert others == [False]


def test_a_failure_after_somebody_elses_success_is_the_first_of_a_new_row(breaker):
    assert ask(breaker, DOWN, meanwhile=lambda: ask(breaker))
    opened(breaker, FAILURES - 1)
    assert not ask(breaker)


def test_of_a_hundred_waiting_threads_one_asks(breaker, clock):
    opened(breaker)
    clock.pass_time(FIRST_PAUSE)
    reached, refused = [], []
    start = threading.Barrier(100)
    others_are_refused = threading.Event()

    def one():
        start.wait(30)
        try:
            with breaker.guard(HOST):
                reached.append(1)
                others_are_refused.wait(30)
                raise DOWN
        except Retry as trouble:
            if trouble is not DOWN:
                refused.append(trouble.after)
                if len(refused) == 99:
                    others_are_refused.set()

    threads = [threading.Thread(target=one) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(reached), len(refused)) == (1, 99)
    assert min(refused) >= timedelta(seconds=1)
    assert breaker._circuits[HOST].failures == FAILURES + 1


def test_a_thousand_models_ask_a_service_that_is_away_for_hours_about_as_often_as_one_would(clock):
    """Each comes back as a job does: after a wait that grows to ten minutes, or later if it is told to."""
    chance = random.Random(20261123)
    breaker = Breaker(clock, chance)
    due = [(chance.uniform(0, 60), model, 0) for model in range(1000)]
    heapq.heapify(due)
    reached = 0
    outage = timedelta(hours=2)
    first, longest = timedelta(seconds=5), timedelta(minutes=10)
    while due[0][0] < outage.total_seconds():
        moment, model, attempts = heapq.heappop(due)
        clock.pass_time(timedelta(seconds=moment - clock.elapsed()))
        try:
            with breaker.guard(HOST):
                reached += 1
                raise DOWN
        except Retry as trouble:
            wait = backoff(attempts, first, longest, trouble.after, chance)
            heapq.heappush(due, (moment + wait.total_seconds(), model, attempts + 1))
    assert reached < FAILURES + 10 + outage / (LONGEST_PAUSE / 2)


# -- what the calls count as failures of the host --------------------------------------------------------


@pytest.fixture
def store(api, breaker, clock):
    return lambda url, **settings: ObjectStore(api(url, **settings), clock, breaker)


@pytest.fixture
def client(api, breaker, clock):
    made = []

    def make(url, **settings):
        made.append(ApiClient(api(url, **settings), clock, breaker))
        return made[-1]

    yield make
    for one in made:
        one.close()


ON_THE_API = {
    "not JSON": (answer(200, "ok"), False),
    "a web page": (answer(200, "<html>Welcome"), False),
    "a list": (answer(200, "[]"), False),
    "nothing": (answer(200, ""), False),
    "a redirect": (answer(302, Location="/portal"), False),
    "too long": (answer(200, " " * (2 << 20)), False),
    "not finished yet": (answer(400, '{"message": "Retrain job is not finished."}'), False),
    "told to be quicker": (answer(408), False),
    "an unknown key": (answer(401, '{"message": "invalid_api_key."}'), False),
    "a lost configuration": (answer(500, '{"message": "Not found configuration_file."}'), False),
    "an error": (answer(500), True),
    "out of service": (answer(503, "<html>"), True),
    "too many": (answer(429), True),
    "cut off in the header": (b"HTTP/1.1 2", True),
}


@pytest.mark.parametrize(("play", "counts"), ON_THE_API.values(), ids=ON_THE_API)
def test_the_api_calls_count_what_is_wrong_with_the_host_alone(peer, client, play, counts):
    service = peer(play)
    one = client(service.url)
    for _ in range(FAILURES):
        with pytest.raises(Setback):
            one.status("some-job", "some-key")
    asked = len(service.visits)
    with pytest.raises(Setback) as caught:
        one.status("some-job", "some-key")
    assert (caught.value.problem.code == "host_failing") == counts
    assert (len(service.visits) == asked) == counts


ON_THE_STORE = {
    "a web page": (answer(200, "<html>Welcome"), False),
    "an expired address": (answer(403), False),
    "a body that came too slowly": (answer(400, "<Code>RequestTimeout</Code>"), False),
    "out of service": (answer(503, "<Code>SlowDown</Code>"), True),
    "an error": (answer(500), True),
}


@pytest.mark.parametrize(("play", "counts"), ON_THE_STORE.values(), ids=ON_THE_STORE)
def test_uploads_count_what_is_wrong_with_the_host_alone(peer, store, tmp_path, play, counts):
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(b"PK" * 1000)
    there = peer(play)
    one = store(there.url)
    for _ in range(FAILURES):
        with pytest.raises(Setback):
            one.put(f"{there.url}/x?sig=1", bundle, lambda: None)
    with pytest.raises(Setback) as caught:
        one.put(f"{there.url}/x?sig=1", bundle, lambda: None)
    assert (caught.value.problem.code == "host_failing") == counts
    assert isinstance(caught.value, NotStored) == counts


def test_an_upload_that_is_kept_at_home_is_known_not_to_be_stored_and_its_file_is_not_opened(
    store, api, breaker, tmp_path
):
    url = "http://127.0.0.1:1"
    for _ in range(FAILURES):
        ask(breaker, DOWN, host="127.0.0.1:1")
    with pytest.raises(NotStored, match="host_failing"):
        store(url).put(f"{url}/x?sig=1", tmp_path / "missing.zip", lambda: None)


def test_an_upload_address_that_is_none_tells_nothing_of_any_host(store, tmp_path):
    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(b"PK")
    for _ in range(FAILURES + 1):
        with pytest.raises(Retry) as caught:
            store("http://127.0.0.1:1").put("https://a..b.invalid/x?sig=1", bundle, lambda: None)
        assert caught.value.problem.code == "address_unusable"
