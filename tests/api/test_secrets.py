"""No key and no signature in what a failure leaves behind: facts, words, tracebacks, log lines."""

# ruff: noqa: PLR0917, TRY301, TRY401 - fixtures are no positional arguments; errors are raised to be logged

import base64
import io
import json
import logging
import socket
import traceback
import unicodedata
from urllib.parse import quote, unquote

import pytest
import trustme
from hypothesis import assume, given
from hypothesis import strategies as st

from retraind.api.client import Registration, TrainingStatus
from retraind.api.error_table import shortened
from retraind.api.object_store import ObjectStore
from retraind.domain.failures import Retry, Setback
from retraind.report.wording import Audience
from retraind.system import log
from support.peers import answer, in_words

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
    """Yield all that may be made of an exception: its facts and its words as well."""
    yield str(error)
    yield repr(error)
    yield "".join(traceback.format_exception(error))
    yield str(error.args)
    if isinstance(error, Setback):
        yield str(error.problem.as_plain())
        yield error.problem.as_json()
        yield from (str(in_words(error, audience)) for audience in Audience)


def check_silence(way, lines, *secrets):
    try:
        found = way()
    except Setback as error:
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
        for secret in secrets or (KEY, SIGNATURE, PASSWORD):
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


PROXIES = [
    f"http://user:{PASSWORD[:2]}/{PASSWORD[2:]}@127.0.0.1:9",
    f"http://user:{PASSWORD}@127.0.0.1:99999",
    f"user:{PASSWORD}/@127.0.0.1:9",
    f"http://user:%E2%82%AC{PASSWORD}@127.0.0.1:9",
    f"http://[::1:{PASSWORD}@127.0.0.1",
]


@pytest.mark.parametrize("way", ["status", "upload", "results"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("proxy", PROXIES)
def test_no_proxy_of_the_environment_brings_its_password_to_light(
    connect, api, tmp_path, lines, monkeypatch, way, scheme, proxy
):
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    tried = ways(connect, api, f"{scheme}://nowhere.retraind.invalid", tmp_path, timeout=1)[way]
    with pytest.raises(Retry, match=r"proxy_(address_unusable|failed)"):
        tried()
    check_silence(tried, lines, PASSWORD[:2] + "/", PASSWORD[2:], "€")


def test_a_proxy_takes_a_password_of_any_characters(connect, peer):
    proxy = peer(answer(200, '{"status": "job_running"}'))
    url = proxy.url.replace("//", "//us%C3%A9r:%E2%82%AC%2F%40@")
    connect("http://service.retraind.invalid", proxy=url).status("some-job", "some-key")
    scheme, given = proxy.visits[0].headers["proxy-authorization"].split()
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", "usér:€/@")


# -- a key that comes back in disguise --------------------------------------------------------------------

INVISIBLE = [
    "\u200b", "\u200d", "\u00ad", "\u2060", "\ufeff", "\u202e", "\u2066", "\0", "\x1b", "\u0301", "\u20dd",
    "\ufe0f",
    "\n", "\r\n", "\t", " ", "\u3000", "\u2028", "\u180e", "\u3164", "\U000e0061", "\x85",
]  # fmt: skip
DISGUISES = [
    *(sign.join(KEY) for sign in INVISIBLE),
    f"{KEY[:9]}\u200b{KEY[9:]}",
    KEY.upper(),
    "".join(chr(ord(sign) + 0xFEE0) for sign in KEY),
    quote(KEY, safe="").replace("-", "%2D"),
    "".join(f"%{ord(sign):02x}" for sign in KEY),
    KEY[:12],
    KEY[-12:],
    f"***{KEY[4:]}",
    KEY[3:15] + "…",
]


def letters_of(text):
    """Return what a person would read and copy of a text."""
    return "".join(
        sign for sign in unicodedata.normalize("NFKD", unquote(text)) if "!" <= sign <= "~"
    ).casefold()


def shows_of_key(text, key=KEY):
    read, plain = letters_of(text.replace("(hidden)", "\x00 \x00")), key.casefold()
    return any(plain[at : at + 8] in read for at in range(max(1, len(plain) - 7)))


@pytest.mark.parametrize("disguise", DISGUISES, ids=ascii)
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_key_that_is_echoed_in_disguise_is_hidden_in_messages(connect, peer, lines, disguise, status):
    client = connect(peer(answer(status, json.dumps({"message": f"key {disguise} is wrong"}))).url)
    with pytest.raises(Setback) as caught:
        client.status("some-job", KEY)
    log.get("tests").error("refused", reason=caught.value.problem)
    for text in [*texts_of(caught.value), lines.getvalue()]:
        assert not shows_of_key(text)


@pytest.mark.parametrize("disguise", [KEY, *DISGUISES], ids=ascii)
def test_a_key_that_is_echoed_as_a_status_is_hidden(connect, peer, disguise):
    body = json.dumps({"status": f"job_{disguise}", "message": f"with {disguise}"})
    found = connect(peer(answer(200, body)).url).status("some-job", KEY)
    assert not shows_of_key(f"{found.status} {found.message}")
    assert found.status.startswith("job_")


def test_a_signed_address_in_a_status_is_kept_without_its_signature(connect, peer):
    signed = "waits for https://store.example.com/x?X-Amz-Signature=5ecret"
    answers = json.dumps({"status": signed, "message": signed})
    found = connect(peer(answer(200, answers)).url).status("some-job", KEY)
    assert "5ecret" not in f"{found.status} {found.message}"
    assert found.status.startswith("waits for https://store.example.com/x?")


@pytest.mark.parametrize(
    "body",
    [
        {"retrain_job_id": KEY, "upload_url": "http://store.invalid/x"},
        {"retrain_job_id": f"job-{KEY}-1", "upload_url": "http://store.invalid/x"},
        {"retrain_job_id": "job-1", "upload_url": f"http://{KEY}.store.invalid/x"},
        {"retrain_job_id": "job-1", "upload_url": f"http://me:{KEY}@store.invalid/x"},
    ],
    ids=["as the job", "in the job", "as a host", "as a password"],
)
def test_a_key_that_is_echoed_where_names_are_expected_is_an_answer_of_no_use(connect, peer, lines, body):
    client = connect(peer(answer(200, json.dumps(body))).url)
    with pytest.raises(Retry, match="key_echoed") as caught:
        client.register("train.csv", KEY)
    assert KEY not in "".join(texts_of(caught.value)) + lines.getvalue()


def test_a_key_that_is_echoed_in_the_host_of_the_results_is_not_asked_for(connect, peer, lines):
    body = json.dumps({"status": "job_finished", "download_url": f"http://{KEY}.store.invalid/x"})
    with pytest.raises(Retry, match="key_echoed") as caught:
        connect(peer(answer(200, body)).url).status("some-job", KEY)
    assert KEY not in "".join(texts_of(caught.value)) + lines.getvalue()


@given(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=60),
    st.lists(st.sampled_from([*INVISIBLE, ""]) | st.text(max_size=2), min_size=1, max_size=20),
    st.text(max_size=30),
    st.booleans(),
)
def test_no_key_is_read_through_whatever_stands_between_its_signs(key, between, around, upper):
    """Whatever a service puts between them that a reader does not see, or leaves out when he copies it."""
    between = [text for text in between if not letters_of(text) and "%" not in text] or [""]
    disguise = "".join(sign + between[at % len(between)] for at, sign in enumerate(key))
    assume("(hidden)" not in key and "%" not in key)
    assume(not shows_of_key(around, key) and "(hidden)" not in around)
    found = shortened(around + (disguise.upper() if upper else disguise) + around, key)
    assert not shows_of_key(found, key)
    if not around:
        assert found.startswith("(hidden)")


@given(st.text(max_size=80))
def test_a_message_without_the_key_is_left_alone(text):
    assume("?" not in text and "@" not in text)
    plain = "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
    assert shortened(text, "k3y-that-nobody-writes") == plain


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
