"""Addresses that the service names: nothing is sent where base_url does not lead, or trained twice."""

# ruff: noqa: PLR0917 - fixtures are no positional arguments

import socket
import threading
from datetime import timedelta
from itertools import product

import pytest
import structlog
import trustme

from retraind.api.object_store import ObjectStore
from retraind.config.settings import ApiSettings
from retraind.domain.failures import Hold, Retry, Setback
from retraind.emulator import EmulatedModel, Emulator, EmulatorConfig
from retraind.reconcile.upkeep import caretaker
from retraind.report.wording import Voice
from support.internet import Internet
from support.peers import in_words
from support.process import Site, filed, until
from support.running import running
from support.variants import variants

pytestmark = pytest.mark.quick

KEY = "key-of-churn-0123456789"
PUBLIC = "8.8.4.4"


@pytest.fixture
def internet(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return Internet(monkeypatch)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    bundle = tmp_path_factory.mktemp("authority") / "one.pem"
    trustme.CA().cert_pem.write_to_path(bundle)
    return bundle


@pytest.fixture(autouse=True)
def one_authority(monkeypatch, authority):
    """Nobody here is vouched for, and reading all that browsers trust takes most of a test."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(authority))


class Listener:
    """Takes connections, says nothing, and remembers every byte."""

    def __init__(self):
        self.heard = b""
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.connections += 1
                connection.settimeout(5)
                try:
                    while piece := connection.recv(65_536):
                        self.heard += piece
                        # Whoever wants to send something hears that it is heard, and goes away.
                        connection.sendall(
                            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        )
                        break
                except OSError:
                    pass

    def stop(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.stop()


CLOSED = [
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.251",
    "ff02::1",
    "255.255.255.255",
    "::ffff:169.254.169.254",
]
LOOPBACK = [
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::1",
    "64:ff9b::7f00:1",
]
PRIVATE = [
    "10.1.2.3", "172.16.0.1", "172.31.255.1", "192.168.0.1", "100.64.0.1", "100.100.100.200", "198.18.0.1",
    "192.0.2.1",
    "fd00::1", "fc00::1", "fec0::1", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1",
]  # fmt: skip
PUBLIC_ONES = ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
BASES = {"public": PUBLIC, "private": "10.0.0.1", "loopback": "127.0.0.1"}
ALLOWED = {
    "public": set(PUBLIC_ONES),
    "private": {*PUBLIC_ONES, *PRIVATE},
    "loopback": {*PUBLIC_ONES, *PRIVATE, *LOOPBACK},
}
WAYS = ["put", "get"]


def go(way, store, address, folder):
    bundle = folder / "bundle.zip"
    bundle.write_bytes(b"PK" * 50_000)
    if way == "put":
        store.put(address, bundle, lambda: None)
    else:
        store.get(address, folder / "results.zip", lambda: None)


def store_of(base, **more):
    return ObjectStore(ApiSettings(base_url=base, timeout=2, connect_timeout=2, **more))


ADDRESSES = [*CLOSED, *LOOPBACK, *PRIVATE, *PUBLIC_ONES]
OF_EACH_KIND = {kind[at] for kind in (CLOSED, LOOPBACK, PRIVATE, PUBLIC_ONES) for at in (0, -1)}
"""From all bases and both ways; what connects is the same for the others."""


def named_for(address):
    """Each other address is named, the rest are given as they are."""
    return "by name" if ADDRESSES.index(address) % 2 else "as an address"


def is_tried_by_default(way, base, named, address):
    """Of any other address, each kind from the base that comes nearest to it, yet does not lead there."""
    if address in OF_EACH_KIND:
        return way == "put" or named == named_for(address)
    nearest = next((name for name in reversed(BASES) if address not in ALLOWED[name]), "public")
    return (way, base, named) == ("put", nearest, named_for(address))


@pytest.mark.parametrize(
    ("way", "base", "named", "address"),
    variants(
        WAYS, BASES, ["by name", "as an address"], ADDRESSES,
        default=[
            each
            for each in product(WAYS, BASES, ["by name", "as an address"], ADDRESSES)
            if is_tried_by_default(*each)
        ],
    ),
)  # fmt: skip
def test_nothing_is_sent_to_where_base_url_does_not_lead(
    internet, listener, tmp_path, way, base, named, address
):
    internet.names |= {"api.example": [BASES[base]], "store.example": [address]}
    internet.ports |= {BASES[base]: 9, address: listener.port}
    literal = f"[{address}]" if ":" in address else address
    target = f"https://{'store.example' if named == 'by name' else literal}/x?sig=1"
    with pytest.raises(Setback) as caught:
        go(way, store_of("https://api.example"), target, tmp_path)
    if address in ALLOWED[base]:
        assert isinstance(caught.value, Retry)
        assert listener.heard
        return
    assert isinstance(caught.value, Hold), caught.value
    assert not listener.heard
    assert caught.value.until is not None
    assert caught.value.problem.code == "address_not_allowed"
    assert "unlike the host of base_url" in in_words(caught.value).what
    assert "allow_hosts" in in_words(caught.value).remedy
    assert "sig" not in str(in_words(caught.value)) + caught.value.problem.as_json()


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_leads_elsewhere_the_second_time_does_not_help(internet, listener, tmp_path, way):
    answers = iter([["1.1.1.1"], *[["10.1.2.3"]] * 9])
    internet.names |= {"api.example": [PUBLIC], "store.example": lambda: next(answers)}
    internet.ports |= {"1.1.1.1": listener.port, "10.1.2.3": listener.port}
    store = store_of("https://api.example")
    with pytest.raises(Retry):
        go(way, store, "https://store.example/x", tmp_path)
    heard = listener.heard
    with pytest.raises(Hold):
        go(way, store, "https://store.example/x", tmp_path)
    assert listener.heard == heard


def test_a_name_of_many_addresses_counts_by_the_one_that_is_connected(internet, listener, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    internet.names |= {"api.example": [PUBLIC], "store.example": ["1.1.1.1", "10.1.2.3"]}
    internet.ports |= {"1.1.1.1": port, "10.1.2.3": listener.port}
    with pytest.raises(Hold, match="private"):
        go("put", store_of("https://api.example"), "https://store.example/x", tmp_path)
    assert not listener.heard


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("base", "allowed", "refused"),
    [
        ("https://api.example", [], True),
        ("https://api.example", ["store.example"], True),
        ("https://api.example", ["http://other.example"], True),
        ("https://api.example", ["http://store.example"], False),
        ("https://api.example", ["http://*.example"], False),
        ("http://api.example", [], False),
    ],
)
def test_with_https_the_addresses_need_it_too(internet, listener, tmp_path, way, base, allowed, refused):
    internet.names |= {"api.example": [PUBLIC], "store.example": ["1.1.1.1"]}
    internet.ports |= {"1.1.1.1": listener.port}
    with pytest.raises(Hold if refused else Retry) as caught:
        go(way, store_of(base, allow_hosts=allowed), "HTTP://store.example/x?sig=1", tmp_path)
    assert ("without https, unlike base_url" if refused else "503") in in_words(caught.value).what
    assert bool(listener.heard) != refused
    assert listener.connections == (not refused)


@pytest.mark.parametrize(
    ("allowed", "address", "lets"),
    [
        ("store.example", "10.1.2.3", True),
        ("STORE.example", "169.254.169.254", True),
        ("*.example", "127.0.0.1", True),
        ("*.store.example", "10.1.2.3", False),
        ("tore.example", "10.1.2.3", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.4", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00::/8", "10.1.2.3", False),
    ],
)
def test_what_is_allowed_is_let_through_and_nothing_else(
    internet, listener, tmp_path, allowed, address, lets
):
    internet.names |= {"api.example": [PUBLIC], "store.example": [address]}
    internet.ports |= {address: listener.port}
    with pytest.raises(Setback):
        go("put", store_of("https://api.example", allow_hosts=[allowed]), "https://store.example/x", tmp_path)
    assert bool(listener.heard) == lets


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("store.example", False),
        ("10.1.2.3", False),
        ("1.1.1.1", False),
        ("127.0.0.1", True),
        ("localhost", True),
        ("a.localhost.", True),
        ("127.1", True),
        ("2130706433", True),
        ("0x7f.1", True),
        ("017700000001", True),
        ("[::1]", True),
        ("[::ffff:7f00:1]", True),
        ("169.254.169.254", True),
        ("0xa9fea9fe", True),
        ("0", True),
        ("[fe80::1]", True),
    ],
)
@pytest.mark.parametrize("by", ["configuration", "environment"])
def test_behind_a_proxy_the_address_itself_is_looked_at(
    internet, listener, tmp_path, monkeypatch, host, refused, by
):
    proxy = f"http://127.0.0.1:{listener.port}"
    if by == "environment":
        monkeypatch.setenv("HTTPS_PROXY", proxy)
    store = store_of("https://api.example", **({"proxy": proxy} if by == "configuration" else {}))
    with pytest.raises(Hold if refused else Retry):
        go("put", store, f"https://{host}/x?sig=1", tmp_path)
    assert bool(listener.heard) != refused


def test_an_address_past_the_proxy_is_looked_at(internet, listener, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "store.example")
    internet.names |= {"store.example": ["127.0.0.1"]}
    internet.ports |= {"127.0.0.1": listener.port}
    with pytest.raises(Hold, match="loopback"):
        go("put", store_of("https://api.example"), "https://store.example/x", tmp_path)
    assert not listener.heard


# -- the whole way -----------------------------------------------------------------------------------------


class Account:
    """A service at api.example, and its store at store.example, with certificates."""

    def __init__(self, root, internet, monkeypatch):
        monkeypatch.setattr(caretaker, "INTERVAL", timedelta(milliseconds=100))
        authority = trustme.CA()
        authority.issue_cert("api.example", "store.example").private_key_and_cert_chain_pem.write_to_path(
            root / "s.pem"
        )
        authority.cert_pem.write_to_path(root / "ca.pem")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.store = f"https://store.example:{port}"
        self.port = port
        model = EmulatedModel("churn", 1001, KEY, target="churned")
        self.emulator = Emulator(
            EmulatorConfig(
                root / "service", port=port, models=(model,), trainer="instant", certificate=root / "s.pem",
                train_time=timedelta(seconds=1), store_url=lambda: self.store,
            )
        )  # fmt: skip
        internet.names |= {"api.example": [PUBLIC], "store.example": ["1.1.1.1"]}
        internet.ports |= dict.fromkeys((PUBLIC, "1.1.1.1", "10.1.2.3", "169.254.169.254"), port)
        self.site = Site(root, f"https://api.example:{port}")
        self.site._text = self.site._text.replace("timeout = 5", f'timeout = 5\nca_bundle = "{root}/ca.pem"')
        self.site.drop = self.site.add_model("churn", KEY, 'settle = "0s"')

    def events(self, name):
        return [record for record in self.emulator.records() if record["event"] == name]


@pytest.fixture
def account(root, internet, monkeypatch):
    made = Account(root, internet, monkeypatch)
    with made.emulator:
        yield made


@pytest.fixture
def soon(monkeypatch):
    """What is tried again after hours is tried again after a second."""
    monkeypatch.setattr("retraind.api.object_store._TRY_AGAIN", timedelta(seconds=1))


def on_hold(account, daemon):
    return lambda: any(job.hold for job in daemon.daemon.journal.jobs.active())


@pytest.mark.parametrize("address", ["10.1.2.3", "169.254.169.254"])
@pytest.mark.system
def test_an_upload_that_would_lead_elsewhere_is_held_and_goes_on_by_itself_with_the_same_retrain_job(
    account, internet, soon, address
):
    internet.names["store.example"] = [address]
    with structlog.testing.capture_logs() as logged, running(account.site) as daemon:
        daemon.deliver("churn")
        until(on_hold(account, daemon), "the job is on hold")
        until(lambda: [line for line in logged if line["event"] == "job_held"][1:], "it was tried again")
        assert not account.events("put_received")
        internet.names["store.example"] = ["1.1.1.1"]
        until(lambda: filed(account.site.drop), "it is trained")
    (held, *_) = [line for line in logged if line["event"] == "job_held"]
    words = Voice().on("churn", held.get("job", "")).say(held["reason"])
    assert "store.example" in words.what
    assert 'add "store.example" to allow_hosts' in words.remedy
    assert filed(account.site.drop)[0].parent.name == "done"
    assert len(account.events("registered")) == 1
    assert len(account.events("training_started")) == 1


@pytest.mark.system
def test_results_that_would_come_from_elsewhere_are_not_fetched_and_the_training_is_not_lost(
    account, internet, soon
):
    with running(account.site) as daemon:
        daemon.deliver("churn")
        until(lambda: account.events("put_received"), "it is sent")
        internet.names["store.example"] = ["169.254.169.254"]
        until(on_hold(account, daemon), "the job is on hold")
        assert not list(account.site.drop.glob(".retraind/*/*results*"))
        internet.names["store.example"] = ["1.1.1.1"]
        until(lambda: filed(account.site.drop), "it is trained")
    assert len(account.events("registered")) == 1
    assert len(account.events("training_started")) == 1


def test_an_upload_without_https_is_held_until_it_is_allowed(account, internet):
    account.store = account.store.replace("https", "http")
    with running(account.site) as daemon:
        daemon.deliver("churn")
        until(on_hold(account, daemon), "the job is on hold")
        said = account.site.command("status").stdout
        assert "needs https" not in said
        assert 'add "http://store.example" to allow_hosts in [api]' in " ".join(said.split())
        daemon.stop()
        assert account.site.command("check").returncode == 0
        account.site._text = account.site._text.replace(
            "[api]", '[api]\nallow_hosts = ["http://store.example"]'
        )
        account.site.write()
        checked = account.site.command("check")
        assert checked.returncode == 1
        assert (
            "WRONG  api.allow_hosts: Data may be sent to http://store.example unencrypted" in checked.stdout
        )
        with structlog.testing.capture_logs() as logged:
            daemon.start()
            until(
                lambda: any(
                    job.wait.trouble and job.wait.trouble.code == "connection_lost"
                    for job in daemon.daemon.journal.jobs.active()
                ),
                "it is sent, to a port that speaks TLS only",
            )
            daemon.stop()
    assert [line["key"] for line in logged if line["event"] == "not_encrypted"] == ["api.allow_hosts"]
    assert len(account.events("registered")) == 1


@pytest.mark.parametrize(
    ("base", "red"),
    [
        ("http://127.0.0.1:9", False),
        ("http://localhost:9", False),
        ("http://[::1]:9", False),
        ("https://api.example", False),
        ("http://api.example", True),
        ("http://inside.example", True),
        ("http://nowhere.retraind.invalid", True),
    ],
)
@pytest.mark.system
def test_a_base_url_to_which_the_key_would_go_in_the_clear_is_red_and_logged_at_the_start(
    root, internet, base, red
):
    internet.names |= {"api.example": [PUBLIC], "inside.example": ["10.1.2.3"]}
    site = Site(root, base)
    site.add_model("churn", KEY)
    checked = site.command("check")
    assert checked.returncode == (1 if red else 0)
    assert ("WRONG  api.base_url: API keys and data are sent to" in checked.stdout) == red
    with structlog.testing.capture_logs() as logged, running(site):
        until(lambda: [line for line in logged if line["event"] == "ready"], "it runs")
    assert bool([line for line in logged if line["event"] == "not_encrypted"]) == red


@pytest.mark.parametrize(
    "entry", ["store.example:443", "http://", "a b", "10.1.2.3/99", "https://u:s3cret@h", "*", "999.1.1.1"]
)
def test_an_entry_that_is_no_host_is_refused(root, entry):
    site = Site(root, "https://api.example")
    site._text = site._text.replace("[api]", f'[api]\nallow_hosts = ["{entry}"]')
    site.add_model("churn", KEY)
    checked = site.command("check")
    assert checked.returncode == 2
    assert "api.allow_hosts" in checked.stdout + checked.stderr
    assert "s3cret" not in checked.stdout + checked.stderr
