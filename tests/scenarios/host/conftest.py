"""Booted Debians with retraind installed: run by `make host` alone, since they need root and the network."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scenarios.host import image, readme
from scenarios.host.machine import Host, booted
from scenarios.host.service import Service

SUITES = ("bookworm", "trixie")
_ASKED = "RETRAIND_TESTS_HOST"
"""Names the releases, separated by spaces."""
_SHORT = "RETRAIND_TESTS_HOST_SHORT"
"""Set for the short form."""
SHORT = {
    "test_people_deliver_and_read_what_became_of_it",
    "test_a_reload_takes_over_what_is_new_and_a_refused_one_fails",
    "test_an_upload_that_is_cut_off_is_repeated_for_the_same_training",
    "test_the_service_starts_after_the_share_at_the_drop_folder",
    "test_a_share_that_hangs_keeps_no_other_model_waiting",
    "test_after_the_commands_of_the_readme_a_delivery_goes_through_at_once",
    "test_purging_the_package_leaves_the_deliveries_and_nothing_else",
}
"""The tests of the short form: one of each kind."""
_TOOLS = ("debootstrap", "systemd-nspawn", "nsenter", "losetup", "mkfs.ext4", "ip")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = f"{Path(__file__).parent}{os.sep}"
    short = os.environ.get(_SHORT)
    for item in items:
        if not str(item.path).startswith(here):
            continue
        # The first one makes the disk; a boot takes seconds.
        item.add_marker(pytest.mark.timeout(900))
        if short and item.originalname not in SHORT:  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.skip(reason="not in the short form: run `make host`"))


@pytest.fixture(scope="session", params=SUITES)
def suite(request: pytest.FixtureRequest) -> str:
    asked = os.environ.get(_ASKED, "").split()
    if not asked:
        pytest.skip("a booted Debian: run `make host` as root")
    if request.param not in asked:
        pytest.skip(f"only {' and '.join(asked)} was asked for")
    missing = [name for name in _TOOLS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if os.geteuid() or missing:
        pytest.fail(f"a booted Debian requires root and these programs: {', '.join(_TOOLS)}")
    return str(request.param)


@pytest.fixture(scope="session")
def fresh_disk(suite: str) -> Path:
    """The disk of a Debian on which nothing was installed."""
    return image.base(suite)


@pytest.fixture(scope="session")
def package(suite: str) -> Iterator[Path]:
    """The Debian package of this repository for the release."""
    file = image.package(suite)
    yield file
    file.unlink()


@pytest.fixture(scope="session")
def next_package(suite: str) -> Iterator[Path]:
    """The Debian package of a version that comes after this one."""
    file = image.next_package(suite)
    yield file
    file.unlink()


@pytest.fixture(scope="session")
def installed_disk(fresh_disk: Path, package: Path) -> Iterator[Path]:
    """The disk of a Debian on which retraind was installed by the README, with one model named churn, and two
    people who may deliver."""
    disk = image.clone(fresh_disk, image.KEPT / f"installed-{os.getpid()}.ext4")
    try:
        with booted(disk) as host:
            readme.install(host, package)
            readme.configure(host)
            host.run(f"rm {readme.EMULATED}")
            host.user("anna", "etl")
            host.user("ben", "etl")
            host.user("mallory")
            host.halt()
        yield disk
    finally:
        disk.unlink(missing_ok=True)


@contextmanager
def _booted_copy(disk: Path, name: str) -> Iterator[Host]:
    copy = image.clone(disk, image.KEPT / f"{name}-{os.getpid()}.ext4")
    try:
        with booted(copy) as host:
            yield host
    finally:
        copy.unlink(missing_ok=True)


@pytest.fixture
def fresh_host(fresh_disk: Path) -> Iterator[Host]:
    """A booted Debian on which nothing was installed."""
    with _booted_copy(fresh_disk, "fresh") as host:
        yield host


@pytest.fixture
def host(installed_disk: Path) -> Iterator[Host]:
    """A booted Debian with retraind installed and running."""
    with _booted_copy(installed_disk, "host") as host:
        yield host


@pytest.fixture
def service(host: Host, tmp_path: Path) -> Iterator[Service]:
    """The service on the host's network, with one model named churn."""
    with Service(host, tmp_path / "service") as service:
        yield service
