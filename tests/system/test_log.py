"""Log lines: one event each, JSON for machines, and nothing in them that must not be there."""

# ruff: noqa: TRY301 - what is raised here is raised to be logged

import io
import json
import logging
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.system import log

SECRET = "s3cret"
ADDRESS = f"https://store.invalid/a/b?X-Amz-Expires=60&X-Amz-Signature={SECRET}"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def stream(as_found):
    stream = io.StringIO()
    log.set_up(stream=stream)
    return stream


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_away_from_a_terminal_each_event_is_a_line_of_json(stream):
    log.get("retraind.tests").info(
        "delivery_sealed", job="j1", files=["train.csv"], bytes=7, name="顧客\n2.csv"
    )
    logging.getLogger("library").warning("beware of %s", "it")
    first, second = lines_of(stream)
    assert first["event"] == "delivery_sealed"
    assert (first["job"], first["files"], first["bytes"]) == ("j1", ["train.csv"], 7)
    assert (first["level"], first["logger"]) == ("info", "retraind.tests")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"], second["logger"]) == ("beware of it", "warning", "library")
    assert "顧客" in stream.getvalue()


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_whoever_wants_no_colours_gets_none(as_found, monkeypatch, no_color, coloured):
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal()
    log.set_up(stream=terminal)
    log.get("retraind.tests").warning("step_retried", wait_s=3)
    assert "step_retried" in terminal.getvalue()
    assert ("\x1b" in terminal.getvalue()) == coloured


def test_an_exception_stays_on_its_line(stream):
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        log.get("retraind.tests").exception("step_crashed")
    (line,) = lines_of(stream)
    assert "ValueError: line one\nline two" in line["exception"]


def test_on_a_terminal_lines_are_for_people(as_found):
    stream = Terminal()
    log.set_up(stream=stream)
    log.get("retraind.tests").info("delivery_sealed", address=ADDRESS, api_key=SECRET)
    assert "delivery_sealed" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_the_libraries_say_only_what_an_operator_wants(stream):
    for name in ("apscheduler.scheduler", "alembic", "watchdog", "urllib3.connectionpool"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("urllib3.connectionpool").warning("Retrying after connection broken: /x?sig=1")
    logging.getLogger("apprise").error("Failed to send to https://hooks.example.com/token")
    assert lines_of(stream) == []


def test_the_level_counts(as_found):
    stream = io.StringIO()
    log.set_up(stream=stream, level="ERROR")
    log.get("retraind.tests").warning("step_retried")
    log.get("retraind.tests").error("job_failed")
    assert [line["event"] for line in lines_of(stream)] == ["job_failed"]


class Holder:
    def __repr__(self):
        return f"Holder({ADDRESS!r})"


def raised():
    try:
        raise OSError(f"cannot reach {ADDRESS}")
    except OSError as error:
        return error


FIELDS = [
    ("an address", {"text": ADDRESS}),
    ("an address in a sentence", {"text": f"The address ({ADDRESS}), alas, failed."}),
    ("an address in quotes", {"text": f'"{ADDRESS}"'}),
    ("an address with a quote in it", {"text": f"https://a.invalid/x?name='a'&sig={SECRET}"}),
    ("an address in capitals", {"text": f"HTTPS://A.INVALID/x?sig={SECRET}"}),
    ("a password in an address", {"text": f"socks5://me:{SECRET}@proxy.invalid:1080, alas"}),
    ("a password with a sign that ends it", {"text": f"'http://me:p@{SECRET}@proxy.invalid'"}),
    ("two addresses", {"text": f"https://a.invalid/?a={SECRET} http://b.invalid/?b={SECRET}"}),
    ("as urllib3 words a request", {"text": f'http://a.invalid:80 "PUT /x?sig={SECRET} HTTP/1.1" 200 0'}),
    ("as urllib3 words a failure", {"text": f"Max retries exceeded with url: /x?sig={SECRET} (Caused by X)"}),
    (
        "as urllib3 words a repetition",
        {"text": f"Incremented Retry for (url='/x?sig={SECRET}'): Retry(total=1)"},
    ),
    ("a field's name", {"api_key": SECRET}),
    ("a field's name as a header", {"X-Api-Key": SECRET}),
    ("a field's name in a dict", {"headers": {"x-api-key": SECRET, "Authorization": f"Basic {SECRET}"}}),
    ("a list in a dict in a tuple", {"deep": ({"a": [ADDRESS]},)}),
    ("a set", {"some": {ADDRESS}}),
    ("an exception as a field", {"error": raised()}),
    ("an exception in a list", {"errors": [raised()]}),
    ("an object that shows itself", {"held": Holder()}),
    ("an object in a list", {"held": [Holder()]}),
    ("a name with an address", {"by": {ADDRESS: 1}}),
]


@pytest.mark.parametrize("fields", [pytest.param(fields, id=why) for why, fields in FIELDS])
@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_secrets_are_masked_wherever_they_stand(as_found, fields, kind):
    stream = kind()
    log.set_up(stream=stream)
    log.get("retraind.tests").info("something", **fields)
    assert "something" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_secrets_are_masked_in_events_and_in_exceptions_with_all_their_causes(stream):
    try:
        try:
            raise OSError(f"url: /x?sig={SECRET}")
        except OSError as error:
            raise ValueError(ADDRESS) from error
    except ValueError:
        log.get("retraind.tests").exception(f"failed at {ADDRESS}")
        logging.getLogger("library").exception("failed at %s", ADDRESS)
    assert len(lines_of(stream)) == 2
    assert "Traceback" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_what_is_no_secret_stays_as_it_is(stream):
    fields = {
        "number": 1.5,
        "truth": True,
        "nothing": None,
        "path": Path("/srv/drop/what?.csv"),
        "span": timedelta(seconds=90),
        "question": "Is it /srv/drop or not? Who knows?",
        "plain": "https://store.invalid/a/b.",
    }
    log.get("retraind.tests").info("facts", **fields)
    (line,) = lines_of(stream)
    assert {name: line[name] for name in fields} == fields | {
        "path": "/srv/drop/what?.csv",
        "span": "0:01:30",
    }


@given(text=st.text(), tail=st.sampled_from(["", " and more", "'", '")', ">, x", "\n", "."]))
def test_no_text_around_an_address_lets_its_query_through(text, tail):
    assert SECRET not in log.mask(f"{text} {ADDRESS}{tail}")


@given(text=st.text(st.characters(exclude_characters="?@")))
def test_a_text_without_the_signs_that_secrets_have_beside_them_is_left_alone(text):
    assert log.mask(text) == text


@pytest.mark.parametrize(
    "text", ["/" * 20_000, "http://" * 3_000, "/a?b=c" * 3_000, "?" * 20_000, "://:" * 5_000, "x" * 100_000]
)
def test_masking_is_quick(text):
    began = time.thread_time()
    log.mask(text)
    assert time.thread_time() - began < 2


def journal_stream(handle):
    status = os.fstat(handle.fileno())
    return f"{status.st_dev}:{status.st_ino}"


@pytest.mark.parametrize(
    ("level", "begin"),
    [("debug", "<7>"), ("info", "<6>"), ("warning", "<4>"), ("error", "<3>"), ("critical", "<2>")],
)
def test_in_the_journal_each_line_begins_with_its_priority(as_found, tmp_path, monkeypatch, level, begin):
    with (tmp_path / "stderr").open("w+") as stream:
        monkeypatch.setenv("JOURNAL_STREAM", journal_stream(stream))
        log.set_up(stream=stream, level="debug")
        getattr(log.get("retraind.tests"), level)("delivery_sealed", job="j1")
        getattr(logging.getLogger("library"), level)("two\nlines")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert [line[:3] for line in lines] == [begin, begin], "a line without one would count as information"
    assert [json.loads(line[3:])["level"] for line in lines] == [level, level]


def test_elsewhere_no_line_has_a_priority(as_found, tmp_path, monkeypatch):
    """A container, or a gate, inherits the variable of a service with another standard error."""
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "stderr").open("w+") as stream:
        for value in ("", "1:", "x", journal_stream(journal)):
            monkeypatch.setenv("JOURNAL_STREAM", value)
            log.set_up(stream=stream)
            log.get("retraind.tests").error("delivery_sealed")
        stream.seek(0)
        assert all(line.startswith("{") for line in stream.read().splitlines())
    assert log.priority("ERROR", io.StringIO()) == ""


def test_what_happened_stands_first_in_a_line(stream):
    log.get("retraind.tests").info("delivery_sealed", address="a", job="j1")
    assert stream.getvalue().startswith('{"event": "delivery_sealed", ')


def test_the_level_can_be_changed_while_it_runs(stream):
    log.set_level("error")
    log.get("retraind.tests").warning("not this")
    log.set_level("debug")
    log.get("retraind.tests").debug("this")
    assert [line["event"] for line in lines_of(stream)] == ["this"]
