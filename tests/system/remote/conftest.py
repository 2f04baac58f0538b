"""A file system in user space that fails and hangs on command, and helpers that soon lose their patience."""

import pytest

from support.faulty import mounting


@pytest.fixture(autouse=True)
def _soon_out_of_patience(impatient_helpers):
    """For every test here."""


@pytest.fixture
def faulty():
    with mounting() as mounted:
        yield mounted


@pytest.fixture
def share(tmp_path, faulty):
    """A share: what is in `share.folder` is seen at `share.point`."""
    return faulty(tmp_path / "disk", tmp_path / "share")
