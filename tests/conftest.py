"""What every test may use: an environment without retraind's own variables, and a look at tools that may
miss.

Complete runs are left to `make test-system`: all of `scenarios/` but those marked `quick`, and elsewhere those
marked `system`. A test that is named is run, whatever it takes.
"""

import gc
import logging
import os
import shutil
from pathlib import Path

import hypothesis
import pytest
import structlog

from support import places, statements, zygote

_SCENARIOS = f"{Path(__file__).parent / 'scenarios'}{os.sep}"


def pytest_configure(config):
    if config.option.markexpr == "not long" and config.args_source is config.ArgsSource.TESTPATHS:
        config.option.markexpr = "not (long or system)"
    # How long examples take says more of what else the machine does.
    slow = [hypothesis.HealthCheck.too_slow]
    for profile, examples in {"few": 30, "full": 100}.items():
        hypothesis.settings.register_profile(
            profile, deadline=None, suppress_health_check=slow, max_examples=examples
        )
    hypothesis.settings.load_profile("few")
    gc.disable()  # until all tests are collected, which makes little garbage
    places.keep_in_memory()
    statements.share()
    # One with the values of all variables, as it is shown where nothing else is set up, takes a quarter of a second.
    structlog.get_config()["processors"][-1].exception_formatter = structlog.dev.plain_traceback


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if str(item.path).startswith(_SCENARIOS) and item.get_closest_marker("quick") is None:
            item.add_marker("system")


def pytest_collection_finish():
    # What is there now stays, the little garbage with it; looking through it for that again and again takes a
    # twentieth of the time.
    gc.freeze()
    gc.enable()
    gc.set_threshold(5_000, *gc.get_threshold()[1:])


def pytest_sessionfinish():
    zygote.end()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("RETRAIND_") and not name.startswith("RETRAIND_TESTS_"):
            monkeypatch.delenv(name)
    for name in ("STATE_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "INVOCATION_ID"):
        monkeypatch.delenv(name, raising=False)
    # As often as systemd wants to hear that it lives, the daemon heeds its journal: here four times a second.
    monkeypatch.setenv("WATCHDOG_USEC", "500000")


@pytest.fixture(autouse=True)
def as_found():
    """Put logging back as it was: some commands set it up, and are run in the process of the tests."""
    root = logging.getLogger()
    urllib3 = logging.getLogger("urllib3")
    before = root.handlers[:], root.level, urllib3.level
    yield
    root.handlers[:], root.level = before[0], before[1]
    urllib3.setLevel(before[2])
    structlog.reset_defaults()


@pytest.fixture
def impatient_helpers(monkeypatch):
    """Let helper processes be given up after half a second, or one for bytes, where tests let file systems
    hang."""
    from retraind.system.remote.helpers import HELPERS  # noqa: PLC0415 - most tests need none

    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 0.5)
    monkeypatch.setattr("retraind.system.remote.helper._TIMES", {"look": 1, "read": 2, "sync": 30})
    # The number of a mount is soon another one's, of which nothing is known yet.
    HELPERS.end_all()
    yield
    HELPERS.end_all()


@pytest.fixture
def service(tmp_path):
    """The emulated service, with one model named churn."""
    from support.world import an_account  # noqa: PLC0415 - most tests need none

    with an_account(tmp_path) as emulator:
        yield emulator


@pytest.fixture
def site(tmp_path, service):
    """An installation that speaks to the service."""
    from support.process import Site  # noqa: PLC0415

    made = Site(tmp_path, service.url)
    yield made
    made.kill()


@pytest.fixture
def disk():
    """A folder where the machine keeps temporary files: on a disk, if only these are."""
    made = places.on_disk()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def elsewhere(tmp_path):
    """A folder on another file system than tmp_path."""
    made = places.another_file_system(tmp_path)
    if made is None:
        pytest.skip("this machine has no second file system at hand")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def tool():
    """Return the path of a program; where it is missing, skip, or fail if CI said that all are there."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            if os.environ.get("RETRAIND_TESTS_NEED_TOOLS"):
                pytest.fail(f"{name} is not installed, and CI promised that it is")
            pytest.skip(f"{name} is not installed")
        return path

    return find
