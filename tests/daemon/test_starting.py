import os
import socket
import time

import pytest

from retraind.daemon import starting
from retraind.daemon.starting import Starting


@pytest.fixture
def ear(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "n"))
        made.settimeout(0.3)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        monkeypatch.setattr(starting, "_STEP", 0.02)
        monkeypatch.setattr(starting, "_BUSY", 1e9)
        yield made


def heard(ear):
    try:
        return ear.recv(4096).decode()
    except TimeoutError:
        return None


def test_systemd_waits_while_a_start_makes_progress(ear):
    with Starting(time.monotonic_ns):
        assert heard(ear) == "EXTEND_TIMEOUT_USEC=60000000"
        assert heard(ear)


def test_systemd_waits_no_longer_for_a_start_that_makes_none(ear):
    with Starting(lambda: 5):
        assert heard(ear) is None


def test_it_waits_for_so_long_in_all_and_no_longer(ear, monkeypatch):
    monkeypatch.setattr(starting, "_LONGEST", 0.1)
    with Starting(time.monotonic_ns):
        count = 0
        while heard(ear):
            count += 1
    assert 0 < count <= 5


def test_nothing_is_requested_once_it_is_ready_or_without_systemd(ear, monkeypatch):
    with Starting(time.monotonic_ns) as begun:
        begun.end()
        while heard(ear):
            pass
        assert heard(ear) is None
    monkeypatch.delenv("NOTIFY_SOCKET")
    with Starting(time.monotonic_ns) as begun:
        assert not begun._thread.is_alive()
    assert "NOTIFY_SOCKET" not in os.environ
