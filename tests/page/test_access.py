"""Who gets in, and who does not: the Host header, the token, the header of a reverse proxy."""

import base64

import pytest

from retraind.config.load import load_without_keys
from retraind.config.settings import PageSettings
from retraind.domain.failures import ConfigError
from retraind.page.access import Access, Head, Refusal
from support.pages import configured

TOKEN = "correct-horse-battery-staple"


def head(
    host: str | tuple[str, ...] = "localhost:8087", peer: str | None = "127.0.0.1", **headers: str
) -> Head:
    hosts = (host,) if isinstance(host, str) else host
    return Head(hosts, {name.replace("_", "-"): value for name, value in headers.items()}, peer)


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.touch(0o600)
    file.write_text(f"{TOKEN}\n")
    return file


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8087",
        "127.0.0.1:8087",
        "[::1]:8087",
        "[::1]",
        "LOCALHOST",
        "localhost.",
        "r.example.com",
    ],
)
def test_a_host_of_the_page_s_own_is_let_in(host):
    assert Access(PageSettings(allowed_hosts=("R.example.com",))).judge(head(host)) != Refusal.HOST


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example.com", "localhost.evil.example.com", "127.0.0.1.nip.io", "localhost@evil.example.com",
        "localhost:x", "r.example.com:80:80", "[::1", ("localhost", "localhost"), (),
    ],
)  # fmt: skip
def test_any_other_host_is_refused(host):
    assert Access(PageSettings(allowed_hosts=("r.example.com",))).judge(head(host)) is Refusal.HOST


def test_the_address_that_is_listened_on_is_a_host_of_its_own(token_file):
    settings = PageSettings(listen="10.1.2.3:80", token_file=token_file)
    assert Access(settings).judge(head("10.1.2.3")) is Refusal.ACCESS
    anywhere = PageSettings(listen="0.0.0.0:80", token_file=token_file)
    assert Access(anywhere).judge(head("0.0.0.0")) is Refusal.HOST


def basic(password: str, user: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "given", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic(TOKEN), basic(TOKEN, "anybody")]
)
def test_a_token_gives_access(token_file, given):
    visitor = Access(PageSettings(token_file=token_file)).judge(head(authorization=given))
    assert not isinstance(visitor, Refusal)
    assert visitor.is_operator


@pytest.mark.parametrize(
    "given",
    ["", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Basic", "Basic !", basic(""), basic(TOKEN + "é"),
     f"Digest {TOKEN}", "Bearer é"],
)  # fmt: skip
def test_anything_else_than_the_token_does_not(token_file, given):
    assert Access(PageSettings(token_file=token_file)).judge(head(authorization=given)) is Refusal.ACCESS


def test_with_a_token_nothing_is_shown_without_it(token_file):
    assert Access(PageSettings(token_file=token_file)).judge(head()) is Refusal.ACCESS


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [(b"short", 0o600, "page_token_short"), (b" " * 50, 0o600, "page_token_short"), (TOKEN.encode(), 0o644, "page_token_exposed"),
     (None, 0o600, "file_error")],
)  # fmt: skip
def test_a_token_that_is_weak_open_or_missing_is_refused(tmp_path, content, mode, code):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(ConfigError) as refused:
        Access(PageSettings(token_file=file))
    assert refused.value.problems[0].facts["why"].code == code


@pytest.mark.parametrize(
    ("trusted", "peer", "user", "let_in"),
    [
        (("127.0.0.1",), "127.0.0.1", "alice", True),
        (("127.0.0.1",), "::ffff:127.0.0.1", "alice", True),
        (("10.0.0.0/8",), "10.9.8.7", "alice", True),
        (("unix",), None, "alice", True),
        (("127.0.0.1",), "127.0.0.2", "alice", False),
        (("127.0.0.1",), None, "alice", False),
        (("unix",), "127.0.0.1", "alice", False),
        (("127.0.0.1",), "127.0.0.1", "", False),
        (("127.0.0.1",), "127.0.0.1", "  ", False),
        (("127.0.0.1",), "not-an-address", "alice", False),
    ],
)
def test_a_user_counts_only_from_whom_the_configuration_trusts(trusted, peer, user, let_in):
    settings = PageSettings(user_header="X-Remote-User", user_header_from=trusted)
    visitor = Access(settings).judge(head(peer=peer, x_remote_user=user))
    assert (not isinstance(visitor, Refusal)) is let_in
    if not isinstance(visitor, Refusal):
        assert visitor.user == "alice"


# The configuration


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ('listen = "0.0.0.0:8087"', "page_open_to_anybody"),
        ('listen = "[::]:8087"', "page_open_to_anybody"),
        ('listen = "server.example.com:8087"', "page_open_to_anybody"),
        ('user_header = "X-User"', "page_header_from_anybody"),
        ('listen = "8087"', "listen_unreadable"),
        ('listen = "127.0.0.1:99999"', "listen_unreadable"),
        ('listen = "unix:page.sock"', "listen_unreadable"),
        ('prefix = "retraind"', "prefix_unreadable"),
        ('prefix = "/retraind/"', "prefix_unreadable"),
        ('prefix = "/../x y"', "prefix_unreadable"),
        ('allowed_hosts = ["a.example.com:80"]', "page_host_unreadable"),
        ('user_header = "X User"', "header_unreadable"),
        ('user_header = "X"\nuser_header_from = ["proxy"]', "trusted_unreadable"),
    ],
)
def test_a_mistake_in_the_table_is_told_before_anything_is_served(tmp_path, page, code):
    with pytest.raises(ConfigError) as refused:
        load_without_keys(configured(tmp_path, page=page))
    assert code in [each.facts["mistake"].code for each in refused.value.problems]


def test_credentials_are_not_even_read(tmp_path):
    config = configured(tmp_path)
    config.write_text(
        config.read_text()
        + '[models.inline]\ndrop = "/srv/x"\napi_key = "s3cret-of-the-model"\n'
        + '[models.inline.notify]\nurls = ["https://hooks.example.com/s3cret-hook"]\n'
        + '[notify]\nurls = ["https://hooks.example.com/s3cret-hook"]\n[api]\nproxy = "http://u:s3cret@proxy:1"\n'
    )
    loaded = load_without_keys(config)
    assert "inline" in loaded.settings.models
    assert "s3cret" not in repr(loaded)
    assert loaded.settings.models["churn"].api_key_file is None
    dumped = [each.get_secret_value() for each in loaded.settings.notify.urls]
    assert dumped == []
    assert loaded.settings.models["inline"].notify is None


def test_a_model_with_a_mistake_leaves_the_others(tmp_path):
    config = configured(tmp_path, models=("churn", "leads"))
    config.write_text(config.read_text() + 'settle = "soon"\n')
    loaded = load_without_keys(config)
    assert (set(loaded.settings.models), loaded.refused) == ({"churn"}, {"leads"})
