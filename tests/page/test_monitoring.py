"""What the status page answers programs: also, and above all, when the daemon answers nothing."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from retraind.config.load import load_without_keys
from retraind.domain.problems import file_problem, problem
from retraind.report.monitoring.endpoints import Endpoints
from retraind.report.monitoring.health import health, health_of
from retraind.store.instance import lock_of, state_file
from support.clock import ManualClock
from support.pages import NOW, as_if_running, configured, seed, served

TCP = 'listen = "127.0.0.1:0"'
TOKEN = "token-0123456789-abcdef"


@pytest.fixture
def root(tmp_path):
    seed(tmp_path / "state" / "journal.db")
    return tmp_path


def values(text: str) -> dict[tuple[str, str], float]:
    return {
        (each.name, each.labels.get("model", "")): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_metrics_and_probes_are_those_of_the_daemon(root):
    with as_if_running(root), served(configured(root, page=TCP)) as page:
        answer = page.get("/metrics")
        assert (answer.status, answer.headers["content-type"]) == (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
        )
        found = values(answer.text)
        assert found["retraind_healthy", ""] == 1
        assert found["retraind_jobs", "churn"] > 0
        assert [(page.get(path).status, page.get(path).text) for path in ("/healthz", "/readyz")] == [
            (200, "ok\n")
        ] * 2
        assert page.get("/metrics", "POST").status == 405


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text;version=nonsense", "text/plain;version=é", "text/plain;version=;=;,;,",
        "application/openmetrics-text;version=99.0.0", "application/openmetrics-text;version=0.0.1",
    ],
)  # fmt: skip
def test_a_scraper_that_asks_for_what_there_is_not_gets_plain_text(root, accept):
    with as_if_running(root), served(configured(root, page=TCP)) as page:
        answer = page.get("/metrics", accept=accept)
        assert (answer.status, answer.headers["content-type"]) == (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
        )


def test_scrapers_share_what_was_read_whatever_formats_they_ask_for(root):
    read, settings = [], load_without_keys(configured(root, page=TCP)).settings
    endpoints = Endpoints(
        lambda: health_of(None, None, NOW), lambda _: read.append(None), lambda: settings, ManualClock(NOW)
    )
    kinds = {
        endpoints.answer(
            "/metrics", f"application/openmetrics-text;version=1.0.{number % 2};q=0.{number}"
        ).media
        for number in range(20)
    }
    assert len(kinds) == len(read) == 2


def test_a_daemon_that_is_gone_is_told_by_all_three(root):
    assert health(root / "state" / "journal.db", NOW).wrong is not None
    with served(configured(root, page=TCP)) as page:
        assert values(page.get("/metrics").text)["retraind_healthy", ""] == 0
        for path in ("/healthz", "/readyz"):
            answer = page.get(path)
            assert (answer.status, answer.text.strip()) == (503, "retraind is NOT RUNNING.")


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_bytes(b"\x00\xff"), os.mkfifo])
def test_a_daemon_that_has_never_reported_is_told_once_its_start_has_taken_too_long(root, spoil):
    journal = root / "state" / "journal.db"
    with as_if_running(root), served(configured(root, page=TCP)) as page:
        state_file(journal).unlink()
        if spoil is not Path.unlink:
            spoil(state_file(journal))
        began = (NOW - timedelta(minutes=14)).timestamp()
        os.utime(lock_of(journal), (began, began))
        assert page.get("/healthz").status == page.get("/").status == 200
        page.reader.clock.pass_time(timedelta(minutes=2))
        answer = page.get("/healthz")
        assert answer.status == 503
        assert "NOT REPORTED" in answer.text
        assert "retraind has stopped reporting." in page.get("/").text


def test_without_a_journal_there_are_metrics_all_the_same(tmp_path):
    (tmp_path / "state").mkdir()
    with served(configured(tmp_path, page=TCP)) as page:
        answer = page.get("/metrics")
        assert answer.status == 200
        found = values(answer.text)
        assert found["retraind_healthy", ""] == 0
        assert not [name for name, _ in found if name.startswith("retraind_jobs")]


def test_under_a_prefix_and_with_a_token_they_are_where_the_pages_are(root):
    (root / "token").touch(0o600)
    (root / "token").write_text(TOKEN)
    config = configured(root, page=f'{TCP}\nprefix = "/ml"\ntoken_file = "{root}/token"')
    with as_if_running(root), served(config) as page:
        for path in ("/ml/metrics", "/ml/healthz", "/ml/readyz"):
            assert page.get(path).status == 401
            assert page.get(path, authorization=f"Bearer {TOKEN}").status == 200
        assert page.get("/metrics", authorization=f"Bearer {TOKEN}").status == 404


def test_a_probe_without_access_names_no_path_of_the_machine(root):
    why = problem("database_error", reason="unable to open database file")
    full = file_problem(OSError(28, "No space left on device"), "/var/lib/secret-place/journal.db")
    for trouble in (why, full):
        with as_if_running(root, journal_trouble=trouble), served(configured(root, page=TCP)) as page:
            answer = page.get("/readyz")
            assert answer.status == 503
            assert "/var/lib" not in answer.text
