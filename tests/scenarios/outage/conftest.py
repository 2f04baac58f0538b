import shutil

import pytest

from support.places import in_memory


@pytest.fixture
def root():
    """A folder in memory: an outage needs no disk, and syncs would take most of the time."""
    made = in_memory("retraind-outage-")
    yield made
    shutil.rmtree(made)
