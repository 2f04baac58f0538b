"""Keys from every origin: what is accepted and refused, when they are fetched, what is locked with them."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retraind.api.client import IssuedKey
from retraind.api.credentials import Credentials, explained, lock_address, unlock_address
from retraind.api.redaction import fingerprint
from retraind.config.settings import ModelSettings
from retraind.domain.failures import Hold, Retry
from retraind.domain.problems import problem
from retraind.report.wording import Audience
from support.clock import ManualClock
from support.peers import in_words

DAY = timedelta(days=1)


@pytest.fixture
def credentials():
    """Credentials that may not ask the service for anything."""
    return Credentials(None)


@pytest.fixture
def model(tmp_path):
    (tmp_path / "drop").mkdir()
    return lambda **credential: ModelSettings(drop=tmp_path / "drop", **credential)


@pytest.fixture
def key_file(tmp_path):
    def write(content=b"key-of-churn\n", mode=0o600):
        path = tmp_path / "churn.key"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


# -- which key it is, and how to renew it ------------------------------------------------------------------

REFUSED = Hold(problem("key_unknown"), credential=True, refused=True)
ORIGINS = {
    # the setting: what is said of the key, and of its renewal
    "api_key_file": (
        "the API key from the key file (models.churn.api_key_file)",
        "write it into {file}; retraind notices",
    ),
    "credential": (
        "the API key that systemd passes as 'churn' (models.churn.credential)",
        "LoadCredential=churn: names in the unit, then restart the service",
    ),
    "api_key": (
        "the API key in the configuration (models.churn.api_key)",
        "write it into the configuration, then reload",
    ),
    "secret_key_file": (
        "the account's secret key from the key file (models.churn.secret_key_file), or a key that was fetched "
        "with it",
        "Look up the account's secret key on the service's screen and write it into {file}; retraind notices",
    ),
    "secret_credential": (
        "the account's secret key that systemd passes as 'churn' (models.churn.secret_credential)",
        "LoadCredential=churn: names in the unit, then restart the service",
    ),
    "secret_key": (
        "the account's secret key in the configuration",
        "write it into the configuration, then reload",
    ),
}


@pytest.mark.parametrize("field", ORIGINS)
def test_a_refused_key_is_named_by_its_place_and_never_by_its_value(model, key_file, field):
    file = key_file()
    value = {"file": file, "ential": "churn", "key": "key-of-churn"}
    given = next(each for ending, each in value.items() if field.endswith(ending))
    number = {"model_id": 1001} if field.startswith("secret") else {}
    why = explained(REFUSED, "churn", model(**{field: given}, **number))
    words, on_the_share = in_words(Hold(why)), in_words(Hold(why), Audience.SHARE)
    key, renewal = (text.format(file=file) for text in ORIGINS[field])
    assert words.what.startswith(f"The service does not know the key. retraind sent {key}")
    assert renewal in words.remedy
    assert ("30 days" in words.remedy) == (not field.startswith("secret"))
    assert "key-of-churn" not in str(words) + why.as_json()
    assert on_the_share.what == words.what
    assert str(file.parent) not in str(on_the_share)
    assert on_the_share.remedy.startswith("Ask the operator of retraind to fix this")


def test_a_key_from_a_variable_is_named_by_the_variable(model, monkeypatch):
    monkeypatch.setenv("RETRAIND_MODELS__churn__api_key", "key-of-churn")
    words = in_words(Hold(explained(REFUSED, "churn", model(api_key="key-of-churn"))))
    assert "the API key in the variable RETRAIND_MODELS__CHURN__API_KEY (models.churn.api_key)" in words.what
    assert "into the variable RETRAIND_MODELS__CHURN__API_KEY, then restart the service" in words.remedy


def test_a_replaced_key_that_is_refused_again_gives_the_same_hold_and_another_key_another(model, key_file):
    churn = model(api_key_file=key_file(b"first"))
    first = explained(REFUSED, "churn", churn)
    key_file(b"second")
    expired = Hold(problem("key_inactive"), credential=True, refused=True)
    assert explained(expired, "churn", churn).is_same(first)
    for name, other in {
        "price": churn,
        "churn": model(credential="churn"),
    }.items():
        assert not explained(REFUSED, name, other).is_same(first)
    assert not explained(REFUSED, "churn", model(credential="churn")).is_same(
        explained(REFUSED, "churn", model(credential="another"))
    )


def test_a_hold_that_names_its_key_itself_is_left_as_it_is(model, key_file, credentials):
    churn = model(api_key_file=key_file(b""))
    with pytest.raises(Hold) as caught:
        credentials.key("churn", churn)
    assert explained(caught.value, "churn", churn) == caught.value.problem
    assert "models.churn.api_key_file" in in_words(caught.value).what
    assert str(churn.api_key_file) in in_words(caught.value).remedy


# -- a value, or a file ------------------------------------------------------------------------------------

GOOD = [
    ("alone", b"key-of-churn"),
    ("with a line's end", b"key-of-churn\n"),
    ("with a line's end of Windows", b"key-of-churn\r\n"),
    ("between blanks", b"  key-of-churn \t\n\n"),
    ("after a byte order mark", b"\xef\xbb\xbfkey-of-churn"),
]
BAD = [
    ("empty", b""),
    ("only blanks", b" \n\t\n"),
    ("two lines", b"s3cret\nanother\n"),
    ("with its name", b"x-api-key: s3cret"),
    ("bytes", b"s3cret\x00\x01\xff"),
    ("UTF-16", "s3cret".encode("utf-16")),
    ("another script", "s3cret-鍵".encode()),
    ("a program", b"\x7fELF" + bytes(100_000)),
]


@pytest.mark.parametrize("content", [pytest.param(content, id=why) for why, content in GOOD])
def test_a_key_is_taken_from_its_file(credentials, model, key_file, content):
    assert credentials.key("churn", model(api_key_file=key_file(content))) == "key-of-churn"


@pytest.mark.parametrize("content", [pytest.param(content, id=why) for why, content in BAD])
@pytest.mark.parametrize("origin", ["file", "value", "secret file", "secret value"])
def test_what_cannot_be_a_key_is_told_without_telling_it(credentials, model, key_file, content, origin):
    text = content.decode("latin-1")
    configured = {
        "file": lambda: model(api_key_file=key_file(content)),
        "value": lambda: model(api_key=text),
        "secret file": lambda: model(secret_key_file=key_file(content), model_id=1),
        "secret value": lambda: model(secret_key=text, model_id=1),
    }[origin]()
    with pytest.raises(Hold) as caught:
        credentials.key("churn", configured)
    assert caught.value.credential
    assert caught.value.problem.code == "key_unusable"
    assert "s3cret" not in str(caught.value) + repr(caught.value) + str(in_words(caught.value))
    assert "models.churn" in in_words(caught.value).what


def test_a_value_is_taken_without_the_blanks_around_it(credentials, model):
    assert credentials.key("churn", model(api_key=" key-of-churn\n")) == "key-of-churn"


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640, 0o660])
def test_a_file_that_others_cannot_read_is_fine(credentials, model, key_file, mode):
    assert credentials.key("churn", model(api_key_file=key_file(mode=mode))) == "key-of-churn"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666, 0o602, 0o601])
def test_a_file_that_others_can_read_or_change_is_refused(credentials, model, key_file, mode):
    settings = model(api_key_file=key_file())
    settings.api_key_file.chmod(mode)
    with pytest.raises(Hold, match="key_file_exposed") as caught:
        credentials.key("churn", settings)
    assert f"chmod o= {settings.api_key_file}" in in_words(caught.value).remedy


def test_a_replaced_file_counts_at_the_next_use(credentials, model, key_file):
    settings = model(api_key_file=key_file(b"first"))
    assert credentials.key("churn", settings) == "first"
    key_file(b"second")
    assert credentials.key("churn", settings) == "second"
    new = settings.api_key_file.with_name("new")
    new.write_text("third")
    new.chmod(0o600)
    new.replace(settings.api_key_file)
    assert credentials.key("churn", settings) == "third"


def test_a_link_that_is_turned_counts_at_the_next_use(credentials, model, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
        (tmp_path / name).chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to("first")
    settings = model(api_key_file=link)
    assert credentials.key("churn", settings) == "first"
    link.unlink()
    link.symlink_to("second")
    assert credentials.key("churn", settings) == "second"


@pytest.mark.parametrize("instead", ["nothing", "a folder", "a pipe", "a loop of links"])
def test_what_is_no_file_any_more_holds_and_does_not_hang(credentials, model, key_file, instead):
    settings = model(api_key_file=key_file())
    path = settings.api_key_file
    path.unlink()
    match instead:
        case "a folder":
            path.mkdir(mode=0o700)
        case "a pipe":
            os.mkfifo(path, 0o600)
        case "a loop of links":
            path.symlink_to(path)
    with pytest.raises(Hold) as caught:
        credentials.key("churn", settings)
    assert caught.value.credential
    assert str(path) in in_words(caught.value).remedy
    assert str(path) not in str(in_words(caught.value, Audience.SHARE))


# -- systemd -----------------------------------------------------------------------------------------------


@pytest.fixture
def passed(tmp_path, monkeypatch):
    """What systemd passes: a folder with read-only files."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "churn").write_text("key-of-churn\n")
    (folder / "churn").chmod(0o440)
    (tmp_path / "elsewhere").write_text("stolen")
    (tmp_path / "elsewhere").chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def test_a_systemd_credential_is_taken(credentials, model, passed):
    assert credentials.key("churn", model(credential="churn")) == "key-of-churn"


@pytest.mark.parametrize(
    "name",
    ["price", "../elsewhere", "/etc/hostname", "..", ".", "churn/../../elsewhere", "chu\0rn", "x" * 300],
)
def test_no_other_file_is_taken_for_a_systemd_credential(credentials, model, passed, name):
    with pytest.raises(Hold) as caught:
        credentials.key("churn", model(credential=name))
    assert caught.value.credential
    assert "models.churn.credential" in in_words(caught.value).what


def test_outside_systemd_the_unit_is_named_as_the_remedy(credentials, model):
    with pytest.raises(Hold) as caught:
        credentials.key("churn", model(credential="churn"))
    assert "LoadCredential=churn:" in in_words(caught.value).remedy


# -- fetched with the account's secret key -------------------------------------------------------------------


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def account(emulate, connect, clock, model):
    """An emulated account whose clock the test moves, and the credentials of a model of it."""

    class Account:
        def __init__(self):
            self.emulator = None

        def open(self, **settings):
            self.emulator = emulate(now=clock.now, **settings)
            self.client = connect(self.emulator.url)
            self.credentials = Credentials(self.client, clock)
            self.model = model(secret_key="secret-of-account", model_id=1001)
            return self

        def key(self):
            return self.credentials.key("churn", self.model)

        def renew(self):
            return self.credentials.renew("churn", self.model)

        @property
        def issued(self):
            return sum(record["event"] == "api_key_issued" for record in self.emulator.records())

    return Account()


def test_a_key_is_fetched_once_and_works(account):
    account.open()
    key = account.key()
    assert account.key() == key
    assert account.issued == 1
    account.client.register("train.csv", key)
    assert account.credentials.ends_at("churn") == account.emulator.config.now() + 30 * DAY


def test_a_key_is_renewed_a_week_before_its_end_and_not_sooner(account, clock):
    account.open()
    assert not account.renew()
    first = account.key()
    clock.pass_time(22 * DAY)
    assert not account.renew()
    clock.pass_time(2 * DAY)
    assert account.renew()
    assert not account.renew()
    assert account.key() != first
    assert account.issued == 2


def test_a_key_that_ended_is_not_used(account, clock):
    account.open()
    first = account.key()
    clock.pass_time(31 * DAY)
    second = account.key()
    assert second != first
    account.client.register("train.csv", second)


@pytest.mark.parametrize("life", [timedelta(minutes=10), DAY, 7 * DAY])
def test_a_key_with_a_short_life_is_not_renewed_again_and_again(account, clock, life):
    account.open(key_lifetime=life)
    account.key()
    for _ in range(5):
        account.renew()
    assert account.issued == 1
    clock.pass_time(life * 0.8)
    assert account.renew()
    assert not account.renew()


def test_a_forgotten_key_is_fetched_again(account):
    account.open()
    first = account.key()
    account.emulator.expire_key("churn")
    assert account.credentials.forget("churn")
    assert not account.credentials.forget("churn")
    second = account.key()
    assert second != first
    account.client.register("train.csv", second)


def test_a_refused_key_is_fetched_again_once_until_another_is_taken_and_by_one_step_alone(account):
    account.open()
    credentials, refused = (
        account.credentials,
        lambda key: account.credentials.refuse("churn", fingerprint(key)),
    )
    first = account.key()
    assert refused(first)
    assert refused(first), "another step was refused with the same key"
    second = account.key()
    assert refused(first), "a request with the first one was still on its way"
    assert account.key() == second
    assert not refused(second), "it was fetched in the place of a refused one"
    credentials.trust("churn")
    third = account.key()
    credentials.trust("churn")
    assert refused(third)
    assert account.issued == 3
    assert not credentials.refuse("churn", fingerprint("secret-of-account")), "the secret key is not fetched"
    assert not credentials.refuse("churn", None)
    assert credentials.origin("churn", fingerprint(third)) == fingerprint("secret-of-account")
    assert credentials.origin("churn", "0123456789ab") == "0123456789ab"


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("am Ende des Monats", id="unreadable"),
        pytest.param("%d/%m/%Y", id="the other order"),
        pytest.param("1999-01-01", id="long past, and so misread"),
        pytest.param("0001-01-01", id="at the beginning of time"),
    ],
)
def test_an_end_date_that_tells_nothing_means_thirty_days(account, clock, form):
    account.open(end_date_format=form)
    key = account.key()
    assert account.credentials.ends_at("churn") == clock.now() + 30 * DAY
    for _ in range(5):
        assert account.key() == key
        assert not account.renew()
    clock.pass_time(24 * DAY)
    assert account.renew()


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y/%m/%d", "%s", "%a, %d %b %Y %H:%M:%S GMT"])
def test_an_end_date_in_another_form_is_kept_to(account, clock, form, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    account.open(end_date_format=form)
    account.key()
    assert abs(account.credentials.ends_at("churn") - (clock.now() + 30 * DAY)) <= DAY


def test_a_secret_key_that_the_service_refuses_holds_the_model(account, model):
    account.open()
    account.model = model(secret_key="secret-of-another", model_id=1001)
    with pytest.raises(Hold) as caught:
        account.key()
    assert caught.value.credential
    assert account.credentials.ends_at("churn") is None


def test_a_replaced_secret_key_counts_at_the_next_fetch(account, model, key_file):
    account.open()
    account.model = model(secret_key_file=key_file(b"wrong"), model_id=1001)
    with pytest.raises(Hold):
        account.key()
    key_file(b"secret-of-account")
    assert account.key()


def test_a_renewal_that_fails_keeps_the_key(account, clock):
    account.open()
    key = account.key()
    clock.pass_time(25 * DAY)
    account.emulator.set_faults({"api_503": 1.0})
    with pytest.raises(Retry):
        account.renew()
    assert account.key() == key


def test_threads_that_need_a_key_at_once_share_one(model):
    class Slow:
        issued = 0

        def issue_key(self, _model_id, _secret):
            Slow.issued += 1
            number = Slow.issued
            threading.Event().wait(0.1)
            return IssuedKey(f"key-{number}", None)

    credentials = Credentials(Slow())
    settings = model(secret_key="secret", model_id=1)
    keys = []
    threads = [
        threading.Thread(target=lambda: keys.append(credentials.key("churn", settings))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == ["key-1"] * 4


def test_a_key_is_not_shown_with_what_holds_it():
    assert "s3cret" not in repr(IssuedKey("s3cret", datetime.now(UTC)))


# -- the upload address, locked ------------------------------------------------------------------------------

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80)
ADDRESSES = st.builds(
    "https://store.example/{}?X-Amz-Signature={}".format,
    st.text("abcdef0123456789/%", max_size=30),
    st.text("0123456789abcdef", min_size=8, max_size=64),
)


@settings(max_examples=40)
@given(address=ADDRESSES | st.text(st.characters(codec="utf-8")), key=KEYS)
def test_an_address_is_unlocked_by_the_key_that_locked_it(address, key):
    assert unlock_address(lock_address(address, key), key) == address


@settings(max_examples=40)
@given(address=ADDRESSES, key=KEYS, other=KEYS)
def test_another_key_does_not_unlock_it(address, key, other):
    found = unlock_address(lock_address(address, key), other)
    assert found == (address if key == other else None)


@settings(max_examples=40)
@given(address=ADDRESSES, key=KEYS)
def test_a_ticket_tells_no_part_of_address_or_key(address, key):
    ticket = lock_address(address, key)
    # Any four signs may meet by chance; eight in a row do not.
    assert not any(address[at : at + 8] in ticket for at in range(len(address) - 7))
    assert len(key) < 8 or key not in ticket


@settings(max_examples=40)
@given(ticket=st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_ticket_at_all_breaks_the_unlocking(ticket):
    assert unlock_address(ticket, "some-key") is None


@settings(max_examples=40)
@given(key=KEYS, other=KEYS)
def test_a_fingerprint_tells_keys_apart_and_nothing_of_them(key, other):
    assert (fingerprint(key) == fingerprint(other)) == (key == other)
    assert len(key) < 4 or key not in fingerprint(key)
