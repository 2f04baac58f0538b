import shutil

import pytest

from scenarios.crash.installation import a_folder


@pytest.fixture
def root():
    """A folder in memory: an outage needs no disk, and syncs would take most of the time."""
    made = a_folder("retraind-outage-")
    yield made
    shutil.rmtree(made)
