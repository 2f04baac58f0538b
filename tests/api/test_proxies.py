"""Proxies that cannot be used, or that answer themselves: what is said names the proxy, and where it is set."""

# ruff: noqa: PLR0917 - fixtures are no positional arguments

import pytest

from retraind.api import proxies
from retraind.api.failures import AddressExpired, InDoubt, NotStored
from retraind.api.object_store import ObjectStore
from retraind.api.proxies import unusable
from retraind.domain.failures import Retry
from support.peers import answer, in_words

SERVICE = "https://service.retraind.invalid"
PAGE = '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN"><html><title>ERROR</title>Access Denied</html>'


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"data")
    return path


@pytest.fixture
def no_socks(monkeypatch):
    """An installation without the library for SOCKS."""
    monkeypatch.setattr(proxies, "lacks_socks", lambda address: address.lower().startswith("socks"))


BAD = {
    "all_proxy": "socks5://proxy.example.com:1080",
    "ALL_PROXY": "socks5h://user:s3cret@proxy.example.com:1080",
    "https_proxy": "http://user:s3/cret@proxy.example.com:3128",
    "HTTPS_PROXY": "proxy.example.com:port",
}


@pytest.mark.usefixtures("no_socks")
@pytest.mark.parametrize("variable", BAD)
def test_a_proxy_of_the_environment_that_cannot_be_used_is_told_with_its_variable(
    connect, api, bundle, tmp_path, monkeypatch, variable
):
    monkeypatch.setenv(variable, BAD[variable])
    settings = api(SERVICE)
    ways = (
        lambda: connect(SERVICE).status("job", "key-of-churn"),
        lambda: ObjectStore(settings).put(f"{SERVICE}/x?sig=1", bundle, lambda: None),
        lambda: ObjectStore(settings).get(f"{SERVICE}/x?sig=1", tmp_path / "results", lambda: None),
    )
    for way in ways:
        with pytest.raises(Retry) as caught:
            way()
        assert caught.value.problem.code == "proxy_address_unusable"
        told = str(in_words(caught.value))
        assert f" {variable}" in told
        assert "s3" not in told
        assert ("SOCKS" in told) == BAD[variable].startswith("socks")
    assert unusable(settings).facts["source"] == variable


@pytest.mark.usefixtures("no_socks")
def test_of_two_variables_the_one_that_counts_is_named(api, monkeypatch):
    monkeypatch.setenv("all_proxy", BAD["all_proxy"])
    assert unusable(api(SERVICE)).facts["source"] == "all_proxy"
    monkeypatch.setenv("HTTPS_PROXY", BAD["HTTPS_PROXY"])
    assert unusable(api(SERVICE)).facts["source"] == "HTTPS_PROXY"
    monkeypatch.setenv("https_proxy", "http://proxy.example.com:3128")
    assert unusable(api(SERVICE)) is None
    monkeypatch.setenv("https_proxy", BAD["https_proxy"])
    assert unusable(api(SERVICE, proxy="http://proxy.example.com:3128")) is None
    assert unusable(api("http://service.retraind.invalid")).facts["source"] == "all_proxy"
    monkeypatch.setenv("no_proxy", ".invalid")
    assert unusable(api(SERVICE)) is None


KINDS = {
    "NTLM": "NTLM",
    "Negotiate\r\nProxy-Authenticate: NTLM": "Negotiate",
    'Basic realm="x"': "user and password",
}


@pytest.mark.parametrize("offered", KINDS)
def test_a_proxy_that_requires_authentication_is_named_and_how(connect, api, peer, bundle, tmp_path, offered):
    proxy = peer(answer(407, PAGE, Proxy_Authenticate=offered))
    url = "http://service.retraind.invalid"
    settings = api(url, proxy=proxy.url)
    ways = (
        lambda: connect(url, proxy=proxy.url).status("job", "key-of-churn"),
        lambda: ObjectStore(settings).put(f"{url}/x?sig=1", bundle, lambda: None),
        lambda: ObjectStore(settings).get(f"{url}/x?sig=1", tmp_path / "results", lambda: None),
    )
    for way in ways:
        with pytest.raises(Retry) as caught:
            way()
        assert caught.value.problem.code == "proxy_requires_authentication"
        assert not getattr(caught.value, "address_refused", False)
        told = in_words(caught.value)
        assert told.what.startswith("The proxy for")
        assert KINDS[offered] in str(told)
        assert "key" not in str(told).lower()


@pytest.mark.parametrize(("status", "code"), [(407, "proxy_requires_authentication"), (403, "proxy_refused"), (503, "proxy_refused")])  # fmt: skip
def test_a_proxy_that_opens_no_tunnel_is_named_with_its_status(connect, api, peer, bundle, status, code):
    proxy = peer(answer(status, PAGE, Proxy_Authenticate="NTLM"))
    settings = api(SERVICE, proxy=proxy.url)
    with pytest.raises(Retry) as caught:
        connect(SERVICE, proxy=proxy.url).status("job", "key-of-churn")
    assert caught.value.problem.code == code
    assert f"HTTP {status}" in in_words(caught.value).what
    with pytest.raises(NotStored) as stored:
        ObjectStore(settings).put(f"{SERVICE}/x?sig=1", bundle, lambda: None)
    assert stored.value.problem.code == code


PAGES = {
    "a page": (PAGE, {}),
    "an old page": ("<HTML><HEAD><TITLE>Request Error</TITLE></HEAD></HTML>", {}),
    "a page after a comment": ("<!-- IE friendly error message -->\n<html></html>", {"Content-Type": "text/html"}),
    "a page of XHTML": ('<?xml version="1.0"?><!DOCTYPE html><html></html>', {"Content-Type": "text/html; charset=utf-8"}),
    "squid's header": ("denied", {"X-Squid-Error": "ERR_ACCESS_DENIED 0"}),
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("status", [403, 413, 400, 404])
def test_a_proxys_page_in_answer_to_an_upload_is_not_the_stores_word(api, peer, bundle, status, page):
    body, header = PAGES[page]
    proxy = peer(answer(status, body, **header))
    url = "http://store.retraind.invalid"
    with pytest.raises(InDoubt) as caught:
        ObjectStore(api(url, proxy=proxy.url)).put(f"{url}/x?sig=1", bundle, lambda: None)
    assert caught.value.problem.code == "page_in_place_of_store"
    assert not caught.value.address_refused
    told = in_words(caught.value)
    assert f"HTTP {status}" in told.what
    assert "proxy" in told.what
    assert "clock" not in str(told)
    assert "The proxy (api.proxy)" in told.what


def test_a_proxys_page_in_answer_to_a_fetch_is_no_expired_address(api, peer, tmp_path, monkeypatch):
    proxy = peer(answer(403, PAGE))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    url = "http://store.retraind.invalid"
    with pytest.raises(Retry) as caught:
        ObjectStore(api(url)).get(f"{url}/x?sig=1", tmp_path / "results", lambda: None)
    assert not isinstance(caught.value, AddressExpired)
    assert caught.value.problem.code == "page_in_place_of_store"
    assert "HTTP_PROXY" in str(in_words(caught.value))


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("body", ["", "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "no"])
def test_what_is_no_page_remains_the_stores_word(api, peer, bundle, status, body):
    url = peer(answer(status, body)).url
    with pytest.raises(InDoubt) as caught:
        ObjectStore(api(url)).put(f"{url}/x?sig=1", bundle, lambda: None)
    assert caught.value.problem.code == "upload_address_refused"
    assert caught.value.address_refused
