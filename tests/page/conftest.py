"""A page that is served from a journal with something of everything, for the tests that only read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from retraind.domain.job import Job
from support.pages import Served, as_if_running, configured, seed, served


@dataclass
class Shown:
    """The page, and what is in its journal."""

    root: Path
    page: Served
    jobs: dict[str, Job]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    jobs = seed(root / "state" / "journal.db")
    config = configured(root, page='listen = "127.0.0.1:0"')
    with as_if_running(root), served(config) as page:
        yield Shown(root, page, jobs)
