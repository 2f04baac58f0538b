"""What is asked of a file system is asked of a real one."""

import pytest


@pytest.fixture
def tmp_path(disk):
    return disk
