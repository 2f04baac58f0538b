"""The four calls over real HTTP: how they ask, and what they make of undocumented answers."""

import gzip
import re
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import retraind
from retraind.api import client
from retraind.api.client import read_end_date
from retraind.api.failures import Unreadable
from retraind.api.http import new_session
from retraind.domain.failures import Hold, Retry, Setback
from retraind.emulator import StatusWords
from support.peers import ENDLESS, action, answer, call, drip

REGISTERED = '{"retrain_job_id": "j1", "upload_url": "https://store.invalid/x?sig=1"}'


# -- how it asks -----------------------------------------------------------------------------------------


def test_the_four_calls_are_asked_as_the_manual_says(peer, connect):
    service = peer(
        answer(200, REGISTERED),
        answer(200, '{"status": "job_running", "metadata": {"retrain_job_id": "j/1"}}'),
        answer(200, '{"metadata": {"retrain_job_id": "j1"}}'),
        answer(200, '{"api_key": "new-key", "end_date": "2026-04-01"}'),
    )
    client = connect(service.url + "/")
    assert client.register("train.csv", "k1").upload_url == "https://store.invalid/x?sig=1"
    assert client.status("j/1", "k2").status == "job_running"
    client.switch("j1", "k3")
    issued = client.issue_key(1001, "s4")
    assert (issued.value, issued.ends_at) == ("new-key", datetime(2026, 4, 1, tzinfo=UTC))
    assert [(visit.method, visit.target, visit.headers["x-api-key"]) for visit in service.visits] == [
        ("GET", "/v1/external/retrain_jobs/upload_url?filename=train.csv", "k1"),
        ("GET", "/v1/external/retrain_jobs/j%2F1", "k2"),
        ("PUT", "/v1/external/retrain_jobs/j1/update_model", "k3"),
        ("GET", "/v1/external/api-key?credential_type=retrain&model_id=1001", "s4"),
    ]
    for visit in service.visits:
        assert visit.headers["user-agent"].startswith(f"retraind/{retraind.__version__} ")
        assert "authorization" not in visit.headers
    assert service.visits[2].headers["content-length"] == "0"


def test_threads_that_come_and_go_share_the_connections_of_those_before(peer, connect, monkeypatch):
    made = []
    monkeypatch.setattr(
        client, "new_session", lambda settings: made.append(new_session(settings)) or made[-1]
    )
    service = peer(answer(200, '{"status": "job_running"}'))
    asking = connect(service.url)
    for _ in range(20):  # as those of a lane that end when there is nothing to do
        thread = threading.Thread(target=asking.status, args=("j1", "k"))
        thread.start()
        thread.join()
    assert len(service.visits) == 20
    assert len(made) == 1


def test_no_two_threads_ask_over_the_same_connection_at_the_same_time(peer, connect, monkeypatch):
    made, both = [], threading.Barrier(2)
    monkeypatch.setattr(
        client, "new_session", lambda settings: made.append(new_session(settings)) or made[-1]
    )

    def play(visit):
        both.wait(20)
        visit.connection.sendall(answer(200, '{"status": "job_running"}'))

    asking = connect(peer(play).url)
    with ThreadPoolExecutor(2) as pool:
        for asked in [pool.submit(asking.status, "j1", "k") for _ in range(2)]:
            assert asked.result().status == "job_running"
    assert len(made) == 2


NAMES = [
    ("Japanese", "顧客データ_2026年11月.csv"),
    ("a space", "monthly churn.csv"),
    ("quotes", 'it\'s "new".csv'),
    ("a percent sign", "100%.csv"),
    ("a percent sign that looks like an encoding", "a%20b%E9.csv"),
    ("an ampersand", "a&filename=b.csv"),
    ("a plus", "a+b.csv"),
    ("a leading dash", "-rf.csv"),
    ("a fragment and a query", "a#b?c=d.csv"),
    ("a semicolon and a slash", "a;b/c\\d.csv"),
    ("255 bytes", "あ" * 83 + "ab.csv"),
    ("beyond the first plane", "𠮷野家🍚.tsv"),
]


@pytest.mark.parametrize("name", [pytest.param(name, id=why) for why, name in NAMES])
def test_a_file_name_arrives_exactly(emulate, connect, name):
    emulator = emulate()
    connect(emulator.url).register(name, "key-of-churn")
    assert [record["file_name"] for record in emulator.records()] == [name]


def test_any_file_name_goes_percent_encoded_and_arrives(peer, connect):
    service = peer(answer(200, REGISTERED))
    client = connect(service.url)

    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    @given(name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
    @example(name=" ")
    @example(name="..")
    def arrives(name):
        client.register(name, "some-key")
        _, told = service.visits[-1].target.split("?filename=")
        assert re.fullmatch(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+", told)
        assert unquote(told) == name

    arrives()


def test_a_name_that_is_not_utf8_on_disk_is_told_as_well_as_can_be(peer, connect):
    service = peer(answer(200, REGISTERED))
    connect(service.url).register(b"caf\xe9.csv".decode("utf-8", "surrogateescape"), "some-key")
    assert unquote(service.visits[0].target).endswith("=caf\N{REPLACEMENT CHARACTER}.csv")


@pytest.mark.parametrize(
    "key",
    ["", "s3cret\nlines", "s3cret schlüssel", "s3cret\r\nHost: elsewhere", " s3cret", "s3cret\N{SNOWMAN}"],
)
def test_a_key_that_cannot_be_sent_is_a_matter_of_the_credential(peer, connect, key):
    service = peer(answer())
    with pytest.raises(Hold) as caught:
        connect(service.url).status("some-job", key)
    assert caught.value.credential
    assert not service.visits
    assert "s3cret" not in str(caught.value) + repr(caught.value)


def test_threads_do_not_mix_up_their_answers(peer, connect):
    def echo(visit):
        name = visit.target.rpartition("/")[2]
        visit.connection.sendall(answer(200, f'{{"status": "{name}"}}'))

    client = connect(peer(echo).url)
    with ThreadPoolExecutor(8) as pool:
        names = [f"job-{number}" for number in range(80)]
        assert [it.status for it in pool.map(lambda name: client.status(name, "k"), names)] == names


# -- redirects -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_redirect_is_not_followed_and_no_key_goes_there(emulate, connect, number):
    emulator = emulate(faults={"api_redirect": 1.0})
    with pytest.raises(Retry, match="redirect_returned"):
        call(connect(emulator.url), number)
    assert "portal_visited" not in {record["event"] for record in emulator.records()}


# -- answers that are not as the manual says ---------------------------------------------------------------

PAGE = "<!DOCTYPE html><html><body>Welcome! Please log in to use this network.</body></html>"
NO_ANSWERS = [
    ("a captive portal", PAGE, "web_page_returned"),
    ("a page in capitals after blanks", "\r\n <HTML><BODY>Hi</BODY></HTML>", "web_page_returned"),
    ("cut off", REGISTERED[:-5], "response_incomplete"),
    ("a list", '["retrain_job_id", "upload_url"]', "response_incomplete"),
    ("an empty object", "{}", "response_incomplete"),
    ("empty", "", "response_empty"),
    ("null", "null", "response_not_json"),
    ("plain text", "OK", "response_not_json"),
    ("bytes", b"\x00\xff\xfe", "response_not_json"),
    ("XML", '<?xml version="1.0"?><a/>', "response_not_json"),
    ("nested without end", "[" * 200_000, "response_incomplete"),
]


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize(
    ("body", "told"), [pytest.param(body, told, id=why) for why, body, told in NO_ANSWERS]
)
def test_a_success_that_is_none_is_told_and_tried_again(peer, connect, body, told, number):
    with pytest.raises(Retry, match=told):
        call(connect(peer(answer(200, body)).url), number)


@pytest.mark.parametrize("body", ["", PAGE, "[]", '{"metadata": '])
def test_a_switch_counts_only_when_the_service_says_so_in_json(peer, connect, body):
    with pytest.raises(Retry):
        connect(peer(answer(200, body)).url).switch("some-job", "some-key")


FAULTS = [
    ("api_html", "web_page_returned"),
    ("api_wrong_json", "response_incomplete"),
    ("api_empty", "response_empty"),
    ("api_truncated", "response_incomplete"),
    ("api_500", "error_returned.*500"),
    ("api_503", "error_returned.*503"),
    ("api_429", "error_returned.*429"),
    ("api_429_date", "error_returned.*429"),
    ("api_429_bare", "error_returned.*429"),
    ("api_huge", "response_too_long"),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS)
def test_each_fault_of_the_emulator_is_tried_again(emulate, connect, fault, told):
    emulator = emulate(faults={fault: 1.0}, huge_bytes=3_000_000)
    with pytest.raises(Retry, match=told):
        connect(emulator.url).register("train.csv", "key-of-churn")


WRONG_KINDS = [
    ("a number for an id", 1, '{"retrain_job_id": 7, "upload_url": "https://a.invalid/"}'),
    ("an empty id", 1, '{"retrain_job_id": "", "upload_url": "https://a.invalid/"}'),
    ("no address", 1, '{"retrain_job_id": "j", "upload_url": null}'),
    ("an address of another kind", 1, '{"retrain_job_id": "j", "upload_url": "ftp://a.invalid/"}'),
    ("an address that is a path", 1, '{"retrain_job_id": "j", "upload_url": "/etc/passwd"}'),
    ("an address without a host", 1, '{"retrain_job_id": "j", "upload_url": "https://"}'),
    ("a list for a status", 2, '{"status": ["job_finished"]}'),
    ("a number for a status", 2, '{"status": 3}'),
    ("a key with a line break", 4, '{"api_key": "a\\nb", "end_date": "2026-01-01"}'),
    ("an empty key", 4, '{"api_key": "", "end_date": "2026-01-01"}'),
    ("a key of another script", 4, '{"api_key": "鍵", "end_date": "2026-01-01"}'),
]


@pytest.mark.parametrize(
    ("number", "body"), [pytest.param(number, body, id=why) for why, number, body in WRONG_KINDS]
)
def test_a_needed_field_of_the_wrong_kind_is_no_answer(peer, connect, number, body):
    with pytest.raises(Retry):
        call(connect(peer(answer(200, body)).url), number)


@pytest.mark.parametrize(
    "field", ['"model_id": "none yet"', '"message": {"en": "busy"}', '"download_url": 7', '"metadata": []']
)
def test_an_unneeded_field_of_the_wrong_kind_does_not_spoil_the_answer(peer, connect, field):
    client = connect(peer(answer(200, f'{{"status": "job_running", {field}}}')).url)
    found = client.status("some-job", "some-key")
    assert (found.status, found.model_id, found.message, found.download_url) == (
        "job_running",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("number", [2, 3])
def test_an_answer_about_another_retrain_job_is_no_answer(peer, connect, number):
    other = '{"status": "job_finished", "metadata": {"retrain_job_id": "another-job"}}'
    with pytest.raises(Unreadable, match="other_retrain_job_answered"):
        call(connect(peer(answer(200, other)).url), number)


@pytest.mark.parametrize("name", [".", ".."])
def test_an_id_that_would_lead_to_another_call_is_not_used(peer, connect, name):
    registered = f'{{"retrain_job_id": "{name}", "upload_url": "https://store.invalid/x"}}'
    with pytest.raises(Retry, match="retrain_job_id_unusable"):
        call(connect(peer(answer(200, registered)).url), 1)


def test_fields_that_nobody_documented_are_let_pass(emulate, connect):
    client = connect(emulate(faults={"api_extra_fields": 1.0}).url)
    job = client.register("train.csv", "key-of-churn").retrain_job_id
    assert client.status(job, "key-of-churn").status == "waiting_for_upload"
    assert client.issue_key(1001, "secret-of-account").value


@pytest.mark.parametrize("word", ["waiting_for_upload", "学習待ち", "Job_Finished", "job finished"])
def test_status_words_are_handed_on_as_they_are(emulate, connect, word):
    client = connect(emulate(words=StatusWords(waiting_for_upload=word)).url)
    job = client.register("train.csv", "key-of-churn").retrain_job_id
    assert client.status(job, "key-of-churn").status == word


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("\\u001b[2Jjob_running", "\\x1b[2Jjob_running"),
        ("\\u202ejob", "\\u202ejob"),
        ("job_" + "x" * 100_000, "job_" + "x" * 96),
        ("", "(empty)"),
    ],
    ids=["an escape sequence", "another direction", "a novel", "nothing"],
)
def test_a_status_that_is_no_word_is_made_fit_to_be_kept_and_shown(peer, connect, said, kept):
    client = connect(peer(answer(200, f'{{"status": "{said}"}}')).url)
    assert client.status("some-job", "some-key").status == kept


# -- sizes -----------------------------------------------------------------------------------------------


def peak_of(action):
    """Return the bytes of memory that an action needs at most."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_answer_of_a_hundred_megabytes_is_left_quickly(emulate, connect):
    client = connect(emulate(faults={"api_huge": 1.0}).url)

    def ask():
        with pytest.raises(Retry, match="response_too_long"):
            client.status("some-job", "key-of-churn")

    began = time.monotonic()
    assert peak_of(ask) < 12_000_000
    assert time.monotonic() - began < 30


def test_a_compressed_answer_is_read(peer, connect):
    body = gzip.compress(b'{"status": "job_running"}')
    client = connect(peer(answer(200, body, Content_Encoding="gzip")).url)
    assert client.status("some-job", "some-key").status == "job_running"


def test_a_compressed_answer_that_grows_without_end_is_left(peer, connect):
    body = gzip.compress(b"x" * 40_000_000, 1)
    client = connect(peer(answer(200, body, Content_Encoding="gzip")).url)

    def ask():
        with pytest.raises(Retry, match="response_too_long"):
            client.status("some-job", "some-key")

    assert peak_of(ask) < 12_000_000


def test_an_answer_that_is_not_compressed_as_it_says_is_told(peer, connect):
    client = connect(peer(answer(200, "{}", Content_Encoding="gzip")).url)
    with pytest.raises(Retry, match="response_not_decompressed"):
        client.status("some-job", "some-key")


# -- connections that break or stall -----------------------------------------------------------------------


def hang_up(visit):
    visit.connection.shutdown(socket.SHUT_RDWR)


def stall(visit):
    visit.connection.recv(1)  # until the client goes away


def half_an_answer(visit):
    visit.connection.sendall(answer(200, '{"status": "job_running"}')[:-10])


def half_and_stall(visit):
    half_an_answer(visit)
    stall(visit)


def test_a_silent_service_is_left_after_one_time_out(peer, connect):
    service = peer(stall)
    began = time.monotonic()
    with pytest.raises(Retry, match="connection_stalled"):
        connect(service.url, timeout=0.2).status("some-job", "some-key")
    assert time.monotonic() - began < 20
    assert len(service.visits) == 1


def test_a_service_that_falls_silent_in_its_answer_is_left(peer, connect):
    with pytest.raises(Retry, match="connection_stalled"):
        connect(peer(half_and_stall).url, timeout=0.2).status("some-job", "some-key")


def test_a_slow_service_is_waited_for(emulate, connect):
    emulator = emulate(faults={"api_slow": 1.0}, slow_time=timedelta(seconds=0.2))
    assert connect(emulator.url, timeout=2).register("train.csv", "key-of-churn")


def test_an_answer_that_comes_byte_by_byte_is_left_after_two_time_outs(peer, connect):
    with pytest.raises(Retry, match="connection_stalled"):
        connect(peer(drip).url, timeout=0.2).status("some-job", "some-key")


@pytest.mark.parametrize("play", ENDLESS.values(), ids=ENDLESS)
def test_an_answer_of_nothing_that_does_not_end_is_left(peer, connect, play):
    with pytest.raises(Retry, match="response_endless"):
        connect(peer(play).url).status("some-job", "some-key")


def test_an_answer_that_breaks_off_is_told(peer, connect):
    with pytest.raises(Retry, match="connection_lost"):
        connect(peer(half_an_answer).url).status("some-job", "some-key")


def test_a_question_is_put_again_once_when_its_connection_breaks(peer, connect):
    service = peer(hang_up, answer(200, '{"status": "job_running"}'))
    assert connect(service.url).status("some-job", "some-key").status == "job_running"
    assert len(service.visits) == 2


def test_a_question_is_not_put_a_third_time(peer, connect):
    service = peer(hang_up)
    with pytest.raises(Retry, match="connection_lost"):
        connect(service.url).status("some-job", "some-key")
    assert len(service.visits) == 2


def test_a_switch_is_not_repeated(peer, connect):
    service = peer(hang_up)
    with pytest.raises(Retry, match="connection_lost"):
        connect(service.url).switch("some-job", "some-key")
    assert len(service.visits) == 1


@pytest.mark.parametrize("name", ["refused.csv", "NameResolution.csv", "NewConnectionError.csv"])
def test_a_file_name_does_not_change_what_is_told_of_a_failure(peer, connect, name):
    with pytest.raises(Retry, match="connection_lost"):
        connect(peer(hang_up).url).register(name, "some-key")


def test_an_answer_that_is_not_http_is_told(peer, connect):
    with pytest.raises(Retry, match="connection_lost"):
        connect(peer(b"SSH-2.0-OpenSSH_9.2\r\n").url).status("some-job", "some-key")


# -- end_date --------------------------------------------------------------------------------------------

END = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
DAY = datetime(2026, 12, 31, tzinfo=UTC)
END_DATES = [
    ("ISO 8601", "2026-12-31T23:59:59Z", END),
    ("with fractions", "2026-12-31T23:59:59.000Z", END),
    ("in Japan", "2027-01-01T08:59:59+09:00", END),
    ("in Japan, without a colon", "2027-01-01T08:59:59+0900", END),
    ("without a zone", "2026-12-31 23:59:59", END),
    ("with slashes", "2026/12/31 23:59:59", END),
    ("basic form", "20261231T235959Z", END),
    ("fourteen digits", "20261231235959", END),
    ("as mail dates it", "Thu, 31 Dec 2026 23:59:59 GMT", END),
    ("seconds since 1970", int(END.timestamp()), END),
    ("seconds as a text", str(int(END.timestamp())), END),
    ("milliseconds", int(END.timestamp()) * 1000, END),
    ("seconds with a fraction", END.timestamp() + 0.5, END),
    ("a day", "2026-12-31", DAY),
    ("a day with slashes", "2026/12/31", DAY),
    ("a day in eight digits", "20261231", DAY),
    ("the other order of a day", "31/12/2026", None),
    ("in words", "end of the year", None),
    ("absent", None, None),
    ("empty", "", None),
    ("true", True, None),
    ("an object", {"year": 2026}, None),
]


@pytest.mark.parametrize(("value", "wanted"), [pytest.param(*row[1:], id=row[0]) for row in END_DATES])
def test_the_end_date_is_read_in_whatever_form_it_comes(value, wanted):
    assert read_end_date(value) == wanted


@given(
    moment=st.datetimes(
        END.replace(year=2000, tzinfo=None), END.replace(year=2200, tzinfo=None), timezones=st.just(UTC)
    )
)
def test_every_moment_is_read_back(moment):
    whole = moment.replace(microsecond=0)
    assert read_end_date(moment.isoformat()) == moment
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%a, %d %b %Y %H:%M:%S GMT"):
        assert read_end_date(whole.strftime(form)) == whole


@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.from_regex(r"\d{4,14}", fullmatch=True)
)
@example(value=float("nan"))
@example(value=float("inf"))
@example(value=10**400)
@example(value="0001-01-01T00:00:00+23:59")
def test_no_end_date_at_all_breaks_the_reader(value):
    found = read_end_date(value)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_message_that_echoes_the_key_does_not_give_it_away(peer, connect, number):
    client = connect(
        peer(answer(400, '{"message": "no such key: s3cret-key (see https://a.invalid/?k=s3cret)"}')).url
    )
    with pytest.raises(Setback) as caught:
        call(client, number, key="s3cret-key")
    assert "s3cret" not in str(caught.value) + repr(caught.value)
    assert action(caught.value) == "again later"


def test_what_a_training_says_is_kept_without_signatures(peer, connect):
    body = '{"status": "job_failed", "message": "see https://a.invalid/log?sig=s3cret for\\nmore"}'
    found = connect(peer(answer(200, body)).url).status("some-job", "some-key")
    assert found.message == "see https://a.invalid/log?(hidden) for more"
