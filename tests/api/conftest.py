"""The other side: the emulator, and a raw little server for what no emulator would ever answer."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from retraind.api.client import ApiClient
from retraind.config.settings import ApiSettings
from retraind.emulator import Emulator, EmulatorConfig
from support.peers import CHURN, PRICE, Peer, Play


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Start servers that play what they are told."""
    running: list[Peer] = []

    def start(*plays: Play) -> Peer:
        running.append(Peer(list(plays)))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def api() -> Callable[..., ApiSettings]:
    """Make the [api] section; times are seconds."""

    def make(url: str, *, timeout: float = 5, connect_timeout: float = 5, **rest: Any) -> ApiSettings:
        return ApiSettings(
            base_url=url,
            timeout=timedelta(seconds=timeout),
            connect_timeout=timedelta(seconds=connect_timeout),
            **rest,
        )

    return make


@pytest.fixture
def connect(api: Callable[..., ApiSettings]) -> Iterator[Callable[..., ApiClient]]:
    """Make clients of a service."""
    clients: list[ApiClient] = []

    def make(url: str, **settings: Any) -> ApiClient:
        clients.append(ApiClient(api(url, **settings)))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def emulate(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Start the emulated service."""
    running: list[Emulator] = []

    def start(**settings: Any) -> Emulator:
        state = {"state_dir": tmp_path / "service", "models": (CHURN, PRICE), "trainer": "instant"}
        emulator = Emulator(EmulatorConfig(**{**state, **settings}))
        emulator.start()
        running.append(emulator)
        return emulator

    yield start
    for emulator in running:
        emulator.stop()


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Proxies, CAs and ~/.netrc of whoever runs the tests are not part of them."""
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("NETRC", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def certificates(authority: trustme.CA, tmp_path: Path) -> tuple[Path, Path]:
    """The files of a server and of the authority that vouches for it."""
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return tmp_path / "server.pem", tmp_path / "authority.pem"
