"""No key and no signature in any text that a failure leaves behind: messages, representations, tracebacks, log lines."""

# ruff: noqa: PLR0917, TRY301, TRY401 - fixtures are no positional arguments; what is raised here is raised to be logged

import io
import json
import logging
import socket
import traceback

import pytest
import trustme

from api.peers import answer
from retraind import log
from retraind.api.client import Registration, TrainingStatus
from retraind.api.upload import AddressExpired, ObjectStore
from retraind.errors import Hold, JobFailed, Retry

KEY, SIGNATURE, PASSWORD = "k3y-of-churn-0123456789", "s1gnature-abcdef", "pa55word"
QUERY = f"X-Amz-Expires=60&X-Amz-Signature={SIGNATURE}"
ECHO = json.dumps({"message": f"no key {KEY} for https://store.invalid/x?{QUERY}"})


@pytest.fixture
def lines(as_found):
    """Every log line, with the libraries at their most talkative."""
    stream = io.StringIO()
    log.set_up(stream=stream, level="DEBUG")
    logging.getLogger("urllib3").setLevel("DEBUG")
    return stream


def hang_up(visit):
    visit.connection.shutdown(socket.SHUT_RDWR)


def stall(visit):
    visit.take()
    visit.connection.recv(1)


def half(visit):
    visit.take()
    visit.connection.sendall(answer(200, b"x" * 1000)[:-400])


ANSWERS = [
    ("refused by the table", answer(400, '{"message": "invalid_api_key."}')),
    ("an unknown refusal that echoes", answer(400, ECHO)),
    ("forbidden, echoing", answer(403, ECHO)),
    ("a redirect that echoes", answer(302, Location=f"https://portal.invalid/?back={KEY}&{QUERY}")),
    ("too many requests", answer(429, ECHO, Retry_After="1")),
    ("an error of its own that echoes", answer(500, ECHO)),
    ("unavailable, echoing", answer(503, ECHO)),
    ("gone", answer(404, ECHO)),
    ("a page", answer(200, f"<html>{KEY} {SIGNATURE}</html>")),
    ("cut off JSON", answer(200, f'{{"api_key": "{KEY}", "upload_url": "https://a.invalid/x?{QUERY}"')),
    (
        "fields of the wrong kind",
        answer(200, f'{{"status": ["{KEY}"], "upload_url": ["?{QUERY}"], "api_key": 1}}'),
    ),
    ("an address that is none", answer(200, f'{{"retrain_job_id": "j", "upload_url": "ftp://a?{QUERY}"}}')),
    ("not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    ("a broken header", b"HTTP/1.1 200 OK\r\nno header\r\n\r\n"),
    ("compressed wrongly", answer(200, KEY, Content_Encoding="gzip")),
    ("cut off", half),
    ("closed", hang_up),
    ("silent", stall),
]
PLACES = [
    ("refused", "http://127.0.0.1:9", {}),
    ("no such name", "http://nowhere.retraind.invalid", {}),
    ("no such proxy", "http://nowhere.retraind.invalid", {"proxy": f"http://user:{PASSWORD}@127.0.0.1:9"}),
    ("an unusable host", "http://a..invalid", {}),
    ("a password in the address", f"http://user:{PASSWORD}@127.0.0.1:9", {}),
]


def ways(connect, api, url, folder, **settings):
    """All that is ever sent, by name."""
    bundle = folder / "bundle.zip"
    bundle.write_bytes(b"PK" * 50_000)
    client, store = connect(url, **settings), ObjectStore(api(url, **settings))
    return {
        "register": lambda: client.register("refused.csv", KEY),
        "status": lambda: client.status("some-job", KEY),
        "switch": lambda: client.switch("some-job", KEY),
        "issue_key": lambda: client.issue_key(1001, KEY),
        "upload": lambda: store.put(f"{url}/x?{QUERY}", bundle, lambda: None),
        "results": lambda: store.get(f"{url}/x?{QUERY}", folder / "results.zip", lambda: None),
    }


def texts_of(error):
    """Yield all that may be made of an exception."""
    yield str(error)
    yield repr(error)
    yield "".join(traceback.format_exception(error))
    yield str(error.args)


def check_silence(way, lines):
    try:
        found = way()
    except (Retry, Hold, JobFailed, AddressExpired) as error:
        texts = [*texts_of(error)]
        try:
            raise RuntimeError("a step around it") from error
        except RuntimeError as around:
            texts += texts_of(around)
            log.get("tests").exception("step_crashed", error=error, facts={"deep": [error]})
            logging.getLogger("other").exception("plain logging: %s", error)
    else:
        texts = [repr(found)]
        log.get("tests").info("answered", found=found)
    for text in [*texts, lines.getvalue()]:
        for secret in (KEY, SIGNATURE, PASSWORD):
            assert secret not in text
    assert lines.getvalue()


@pytest.mark.parametrize("way", ["register", "status", "switch", "issue_key", "upload", "results"])
@pytest.mark.parametrize("play", [pytest.param(play, id=why) for why, play in ANSWERS])
def test_no_answer_brings_a_secret_to_light(connect, api, peer, tmp_path, lines, play, way):
    url = peer(play).url
    check_silence(ways(connect, api, url, tmp_path, timeout=0.1)[way], lines)


@pytest.mark.parametrize("way", ["register", "status", "switch", "issue_key", "upload", "results"])
@pytest.mark.parametrize(("url", "settings"), [pytest.param(*row[1:], id=row[0]) for row in PLACES])
def test_no_failure_to_connect_brings_a_secret_to_light(connect, api, tmp_path, lines, url, settings, way):
    check_silence(ways(connect, api, url, tmp_path, timeout=1, **settings)[way], lines)


@pytest.mark.parametrize("way", ["status", "upload", "results"])
def test_no_certificate_brings_a_secret_to_light(connect, api, emulate, tmp_path, lines, way):
    path = tmp_path / "server.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    url = emulate(certificate=path).url
    check_silence(ways(connect, api, url, tmp_path)[way], lines)


def test_a_good_day_brings_no_secret_to_light(connect, api, emulate, tmp_path, lines):
    emulator = emulate()
    client, store = connect(emulator.url), ObjectStore(api(emulator.url))
    (tmp_path / "train.csv").write_bytes(b"a,b\n1,2\n")
    given = client.register("train.csv", "key-of-churn")
    store.put(given.upload_url, tmp_path / "train.csv", lambda: None)
    client.status(given.retrain_job_id, "key-of-churn")
    issued = client.issue_key(1001, "secret-of-account")
    signature = given.upload_url.rpartition("=")[2]
    assert "/store/" in lines.getvalue()
    for secret in ("key-of-churn", "secret-of-account", issued.value, signature, "X-Emu-"):
        assert secret not in lines.getvalue()


def test_answers_do_not_show_their_addresses():
    address = f"https://store.invalid/x?{QUERY}"
    shown = repr(Registration(retrain_job_id="j", upload_url=address)) + repr(
        TrainingStatus(status="job_finished", download_url=address)
    )
    assert SIGNATURE not in shown
