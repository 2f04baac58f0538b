import shutil

import pytest

from support.places import another_file_system, in_memory


@pytest.fixture
def root():
    """A folder in memory: a kill needs no disk, and thousands of syncs would wear one."""
    made = in_memory("retraind-crash-")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def other(root):
    made = another_file_system(root)
    yield made
    if made:
        shutil.rmtree(made, ignore_errors=True)
