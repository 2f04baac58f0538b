"""A daemon of two models that nothing but the test drives."""

import pytest

from support.clock import ManualClock
from support.lanes import by_hand
from support.process import Site

NAMES = ("churn", "price")


@pytest.fixture
def site(tmp_path):
    """An installation whose service is not there."""
    made = Site(tmp_path, "http://127.0.0.1:9")
    for name in NAMES:
        made.add_model(name, f"key-of-{name}-0123456789", 'ready = "marker"')
    return made


@pytest.fixture
def drops(site):
    return [site.root / "share" / name for name in NAMES]


@pytest.fixture
def daemon(site):
    with by_hand(site.config, ManualClock()) as made:
        yield made
