import shutil

import pytest

from scenarios.crash.installation import a_folder, another_file_system
from scenarios.crash.zygote import Zygote


@pytest.fixture(scope="session")
def zygote():
    with Zygote() as made:
        yield made


@pytest.fixture
def root():
    """A folder in memory: a kill needs no disk, and thousands of syncs would wear one."""
    made = a_folder("retraind-crash-")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def other(root):
    made = another_file_system(root)
    yield made
    if made:
        shutil.rmtree(made, ignore_errors=True)
