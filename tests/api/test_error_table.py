"""Every answer of the service with the action it asks for: the vendor's table, and beyond."""

# ruff: noqa: PLR0917 - fixtures are no positional arguments

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retraind.api.error_table import TABLE, judge, message_in, normal_form, wait_asked_for
from retraind.domain.failures import Hold, Setback
from support.peers import action, answer, call, in_words

BAD, BROKEN = (
    (400, 4001000204, "PREDA_EXTERNAL_BAD_REQUEST"),
    (
        500,
        5001000201,
        "PREDA_EXTERNAL_INTERNAL_SERVER_ERROR",
    ),
)
TABLE_OF_THE_MANUAL = [
    (BAD, "invalid_api_key.", (1, 2, 3, 4), "another credential"),
    (BAD, "Inactive_credential.", (1, 2, 3, 4), "another credential"),
    (BAD, "Not_found_credential.", (1, 2, 3, 4), "another credential"),
    (BAD, "This user may be deleted.", (1, 4), "another credential"),
    (BAD, "This model may be deleted.", (1, 4), "a person for the model"),
    (BAD, "This job may be deleted.", (1, 2), "this job fails"),
    (BAD, "Not found retrain job.", (2, 3), "this job fails"),
    (BAD, "Not found classifier.", (3,), "this step fails"),
    (BAD, "Retrain job is not finished.", (3,), "again later"),
    (BAD, "Model id is required.", (4,), "a person for the model"),
    (BROKEN, "Not found configuration_file.", (1,), "a person for the model"),
]
EVERY_ROW = [
    pytest.param(kind, message, number, wanted, id=f"call {number}: {message}")
    for kind, message, calls, wanted in TABLE_OF_THE_MANUAL
    for number in calls
]


def refusal(kind, message):
    status, code, error = kind
    return answer(status, json.dumps({"code": code, "error": error, "message": message}))


@pytest.mark.parametrize(("kind", "message", "number", "wanted"), EVERY_ROW)
def test_each_row_of_the_error_table_asks_for_its_action(peer, connect, kind, message, number, wanted):
    client = connect(peer(refusal(kind, message)).url)
    with pytest.raises(Setback) as caught:
        call(client, number)
    assert action(caught.value) == wanted
    # How to renew a key depends on where it is configured, of which the client knows nothing.
    completed = isinstance(caught.value, Hold) and caught.value.refused
    words = in_words(caught.value)
    assert words.what
    assert words.remedy or completed or wanted == "again later"
    assert completed == (wanted == "another credential")


def test_the_table_has_no_row_that_the_manual_has_not():
    assert {normal_form(message) for _, message, _, _ in TABLE_OF_THE_MANUAL} == {
        normal_form(message) for message in TABLE
    }


def nothing(_emulator):
    pass


BY_THE_EMULATOR = [
    ("invalid_api_key", nothing, "nobody", (1, 2, 3, 4), "another credential"),
    (
        "Inactive_credential",
        lambda it: it.expire_key("churn"),
        "key-of-churn",
        (1, 2, 3),
        "another credential",
    ),
    ("Not_found_credential", nothing, "key-of-price", (2, 3), "another credential"),
    ("Not_found_credential", nothing, "secret-of-another", (4,), "another credential"),
    ("This user may be deleted", lambda it: it.delete_user(), "key-of-churn", (1,), "another credential"),
    (
        "This user may be deleted",
        lambda it: it.delete_user(),
        "secret-of-account",
        (4,),
        "another credential",
    ),
    (
        "This model may be deleted",
        lambda it: it.delete_model("churn"),
        "key-of-churn",
        (1,),
        "a person for the model",
    ),
    (
        "This model may be deleted",
        lambda it: it.delete_model("churn"),
        "secret-of-account",
        (4,),
        "a person for the model",
    ),
    (
        "This job may be deleted",
        lambda it: it.delete_original_job("churn"),
        "key-of-churn",
        (1,),
        "this job fails",
    ),
    (
        "This job may be deleted",
        lambda it: it.delete_job(it.jobs()[0]["retrain_job_id"]),
        "key-of-churn",
        (2,),
        "this job fails",
    ),
    ("Not found retrain job", lambda it: it.delete_model("churn"), "key-of-churn", (2, 3), "this job fails"),
    (
        "Not found classifier",
        lambda it: it.delete_classifier("churn"),
        "key-of-churn",
        (3,),
        "this step fails",
    ),
    ("Retrain job is not finished", nothing, "key-of-churn", (3,), "again later"),
    (
        "Not found configuration_file",
        lambda it: it.delete_configuration("churn"),
        "key-of-churn",
        (1,),
        "a person for the model",
    ),
]


@pytest.mark.parametrize(
    ("happens", "key", "number", "wanted"),
    [
        pytest.param(happens, key, number, wanted, id=f"call {number}: {message}, {key}")
        for message, happens, key, calls, wanted in BY_THE_EMULATOR
        for number in calls
    ],
)
def test_what_the_emulator_refuses_asks_for_its_action(emulate, connect, happens, key, number, wanted):
    emulator = emulate()
    client = connect(emulator.url)
    job = client.register("train.csv", "key-of-churn").retrain_job_id
    happens(emulator)
    with pytest.raises(Setback) as caught:
        call(client, number, key, job)
    assert action(caught.value) == wanted


@pytest.mark.parametrize(
    "spelling",
    [
        "Not found retrain job",
        "NOT FOUND RETRAIN JOB.",
        "  not  found\tretrain job .\r\n",
        "Notfound retrainjob..",
    ],
)
def test_case_and_white_space_and_full_stop_do_not_count(spelling):
    assert action(judge("service.example", 400, spelling, None, datetime.now(UTC))) == "this job fails"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            '{"code": 4001000204, "error": "E", "message": "Not found retrain job."}', id="as listed"
        ),
        pytest.param('{"error": {"code": 4001000204, "message": "Not found retrain job."}}', id="nested"),
        pytest.param('{"errors": [{"detail": "Not found retrain job."}]}', id="in a list"),
        pytest.param('{"message": {"en": "Not found retrain job."}}', id="by language"),
        pytest.param(
            '{"message": "Bad Request", "cause": "not found retrain job"}', id="beside a general one"
        ),
        pytest.param('"Not found retrain job."', id="a JSON text"),
        pytest.param("Not found retrain job.\n", id="plain text"),
    ],
)
def test_the_message_is_found_whatever_the_shape_of_the_body(peer, connect, body):
    client = connect(peer(answer(400, body)).url)
    with pytest.raises(Setback) as caught:
        client.status("some-job", "some-key")
    assert action(caught.value) == "this job fails"


@given(body=st.binary(max_size=40) | st.text().map(str.encode) | st.just(b"[" * 100_000))
def test_no_body_at_all_breaks_the_search_for_a_message(body):
    message = message_in(body)
    assert message is None or isinstance(message, str)


PAGE = "<!DOCTYPE html><html><body>Service Temporarily Unavailable</body></html>"
BEYOND_THE_TABLE = [
    # what, the answer, the code, a part of its words
    ("too many requests", answer(429, "{}"), "error_returned", "HTTP 429 (Too Many Requests)"),
    ("a load balancer's page", answer(503, PAGE, Content_Type="text/html"), "error_returned", "HTTP 503"),
    ("a gateway's page", answer(502, PAGE), "error_returned", "HTTP 502"),
    ("an empty 500", answer(500), "error_returned", "HTTP 500"),
    ("a request that took too long", answer(408), "error_returned", "HTTP 408"),
    ("a status nobody knows", answer(599), "error_returned", "HTTP 599."),
    ("API gateway: no key", answer(403, '{"message": "Forbidden"}'), "request_refused", '"Forbidden"'),
    ("a firewall's page", answer(403, PAGE), "request_refused", "HTTP 403"),
    ("unauthorized", answer(401), "request_refused", "HTTP 401"),
    ("a message nobody knows", answer(400, '{"message": "Boo."}'), "response_unexplained", '"Boo."'),
    ("a message that is no text", answer(400, '{"message": 7}'), "response_unexplained", "HTTP 400"),
    ("a wrong base_url", answer(404, PAGE), "response_unexplained", "api.base_url"),
    ("a success that is none of ours", answer(204), "response_empty", "is empty"),
    ("a redirect", answer(302, Location="/portal"), "redirect_returned", "HTTP 302"),
    ("a permanent redirect", answer(308, Location="https://else.invalid/"), "redirect_returned", "HTTP 308"),
]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("response", "code", "words"), [pytest.param(*row[1:], id=row[0]) for row in BEYOND_THE_TABLE]
)
def test_an_answer_beyond_the_table_is_transient(peer, connect, response, code, words, number):
    service = peer(response)
    with pytest.raises(Setback) as caught:
        call(connect(service.url), number)
    assert action(caught.value) == "again later"
    assert caught.value.problem.code == code
    assert caught.value.problem.facts["host"] == service.url.removeprefix("http://")
    assert words in str(in_words(caught.value))
    assert len(service.visits) == 1


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WAITS = [
    ("seconds", "120", timedelta(minutes=2)),
    ("seconds with a blank", " 120 ", timedelta(minutes=2)),
    ("at once", "0", timedelta(0)),
    ("a date", "Sun, 01 Mar 2026 12:00:30 GMT", timedelta(seconds=30)),
    ("a date in another zone", "Sun, 01 Mar 2026 21:00:30 +0900", timedelta(seconds=30)),
    ("a date without a zone", "Sun, 01 Mar 2026 12:00:30", timedelta(seconds=30)),
    ("a date that is past", "Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
    ("absent", None, None),
    ("empty", "", None),
    ("garbage", "soon", None),
    ("a fraction", "1.5", None),
    ("less than nothing", "-5", None),
    ("a year", str(365 * 86_400), timedelta(hours=1)),
    ("a number too long for int()", "9" * 5_000, timedelta(hours=1)),
    ("a date beyond the calendar", "Sun, 01 Mar 99999 12:00:30 GMT", None),
    ("the last day of the calendar", "Fri, 31 Dec 9999 23:59:59 -2359", timedelta(hours=1)),
]


@pytest.mark.parametrize(("text", "wanted"), [pytest.param(*row[1:], id=row[0]) for row in WAITS])
def test_retry_after_is_read_and_kept_within_an_hour(text, wanted):
    assert wait_asked_for(text, NOW) == wanted


@given(
    text=st.text(max_size=40)
    | st.integers().map(str)
    | st.from_regex(r"\w{3}, \d\d \w{3} \d+ \d\d:\d\d:\d\d [+-]\d+")
)
@example(text="Mon, 01 Jan 0001 00:00:00 +2359")
@example(text="Mon, 01 Jan 2001 00:00:00 +99999999999999")
@example(text="٣")
def test_no_retry_after_at_all_breaks_the_reader(text):
    wait = wait_asked_for(text, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(hours=1)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        pytest.param({"Retry_After": "7"}, 7, 7, id="seconds"),
        pytest.param(
            {"Retry_After": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)},
            3_000,
            3_600,
            id="a date",
        ),
        pytest.param({"Retry_After": "when we are done"}, None, None, id="garbage"),
        pytest.param({}, None, None, id="absent"),
    ],
)
def test_the_wait_that_the_service_asks_for_is_handed_on(peer, connect, status, header, least, most):
    client = connect(peer(answer(status, "{}", **header)).url)
    with pytest.raises(Setback) as caught:
        client.status("some-job", "some-key")
    assert action(caught.value) == "again later"
    if least is None:
        assert caught.value.after is None
    else:
        assert timedelta(seconds=least) <= caught.value.after <= timedelta(seconds=most)


def test_a_long_message_is_shortened_and_put_on_one_line(peer, connect):
    message = "line one\nline two \u0000\u001b[31m" + "x" * 100_000
    client = connect(peer(answer(400, json.dumps({"message": message}))).url)
    with pytest.raises(Setback) as caught:
        client.status("some-job", "some-key")
    said, words = caught.value.problem.facts["said"], in_words(caught.value).what
    assert said in words
    for text in (said, words):
        assert "line one line two" in text
        assert text.isprintable()
        assert len(text) < 1_000


@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_a_limit_of_the_account_holds_the_model_whatever_the_status(status):
    message = "エラー: データ保存容量が上限に達しています。"
    found = judge("api.example.com", status, message, None, datetime.now(UTC))
    assert isinstance(found, Hold)
    assert (found.problem.code, found.credential, found.registers_again) == (
        "account_storage_full",
        False,
        False,
    )
