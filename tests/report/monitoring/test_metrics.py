"""The metrics: what they say, that Prometheus reads them, and that rules and dashboard name what is there."""

import json
import re
import subprocess
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from retraind.domain.counts import Tally
from retraind.domain.job import JobHold, Outcome, State
from retraind.domain.problems import problem
from retraind.domain.records import Outage
from retraind.report.monitoring.health import health
from retraind.report.monitoring.metrics import Observed, exposition
from retraind.store.instance import Unreachable
from retraind.store.journal import Journal
from retraind.store.views.gauges import gauges
from support.pages import MODELS, NOW, Seeder, as_if_running, seed

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
ALERTS = ROOT / "docs" / "monitoring" / "alerts.yml"
DASHBOARD = ROOT / "docs" / "monitoring" / "dashboard.json"
SERVICE = "service.example.com:443"


def observed(root: Path, models=MODELS, **state) -> Observed:
    journal = root / "state" / "journal.db"
    with as_if_running(root, **state), closing(Journal.open(journal)) as opened:
        return Observed(health(journal, NOW), models, SERVICE, gauges(opened, models))


def tallied() -> Tally:
    tally = Tally()
    tally.step("preflight", 0.3)
    tally.step("preflight", 400_000)
    tally.retry("churn")
    tally.upload("churn", 10_000)
    tally.end("churn", "failed")
    tally.end("churn", "trained")
    return tally


def shown(labels: dict[str, str]) -> str:
    told = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{{{told}}}" if told else ""


def values(seen: Observed) -> dict[str, float]:
    families = text_string_to_metric_families(exposition(seen)[0].decode())
    return {each.name + shown(each.labels): each.value for family in families for each in family.samples}


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Something of each metric."""
    root = tmp_path_factory.mktemp("metrics")
    seed(root / "state" / "journal.db")
    return observed(
        root, counts=tallied().counts(), whole_sweep_at=NOW, timetable_at=NOW,
        keys_end={"churn": NOW + timedelta(days=3)}, waiting_since={"leads": NOW - timedelta(hours=2)},
    )  # fmt: skip


def test_promtool_finds_nothing_wrong_with_names_and_units(everything, tool):
    text, media = exposition(everything)
    assert media == "text/plain; version=0.0.4; charset=utf-8"
    checked = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_a_scraper_that_asks_for_openmetrics_gets_it(everything):
    text, media = exposition(everything, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert media.startswith("application/openmetrics-text; version=1.0.0")
    assert {each.name for each in read_openmetrics(text.decode())} > {
        "retraind_jobs",
        "retraind_uploaded_bytes",
    }


def test_what_the_daemon_has_counted_is_shown(everything):
    found = values(everything)
    assert found["retraind_deliveries_total{model=churn,outcome=failed}"] == 1
    assert found["retraind_deliveries_total{model=upsell,outcome=failed}"] == 0, "what is missing cannot rise"
    assert found["retraind_retries_total{model=churn}"] == 1
    assert found["retraind_uploaded_bytes_total{model=churn}"] == 10_000
    assert found["retraind_step_duration_seconds_bucket{le=0.5,step=preflight}"] == 1
    assert found["retraind_step_duration_seconds_bucket{le=86400.0,step=preflight}"] == 1
    assert found["retraind_step_duration_seconds_count{step=preflight}"] == 2


def test_moments_are_shown_as_they_are(everything):
    found = values(everything)
    assert (
        found["retraind_key_expiry_timestamp_seconds{model=churn}"] == (NOW + timedelta(days=3)).timestamp()
    )
    waits = "retraind_oldest_waiting_file_timestamp_seconds{model=%s}"
    assert found[waits % "leads"] == (NOW - timedelta(hours=2)).timestamp()
    assert waits % "churn" not in found, "nothing waits there"
    assert found["retraind_last_complete_sweep_timestamp_seconds"] == NOW.timestamp()
    assert found["retraind_condition{condition=running}"] == found["retraind_healthy"] == 1


def test_what_the_journal_says_is_counted_by_model(tmp_path):
    seeder = Seeder(tmp_path / "state" / "journal.db")
    began = NOW - timedelta(days=2)
    seeder.done("churn", "1", began)
    seeder.done("churn", "2", began + timedelta(hours=5))
    journal = seeder.journal
    job = seeder.job("churn", "3", NOW - timedelta(hours=1), State.SEALED)
    job = journal.jobs.write(job, replace(job, hold=JobHold(problem=problem("host_down"))))
    stuck = seeder.job("leads", "4", NOW - timedelta(hours=1), State.CHECKED)
    journal.jobs.write(stuck, replace(stuck, wait=replace(stuck.wait, stuck=True, attempts=9)))
    journal.holds.hold("leads", problem("host_down"), credential=False)
    journal.events.note_change("expectation", "upsell", problem("delivery_late", due=NOW), arrived=False)
    journal.events.note_change("expectation", "churn", problem("delivery_late", due=NOW), arrived=False)
    journal.events.note_change("expectation", "churn", None, arrived=True)
    journal.hosts.replace([Outage("store:443", NOW, 5, problem("host_down"), NOW)])
    journal.close()
    found = values(observed(tmp_path))
    assert found["retraind_jobs{model=churn,state=done}"] == 2
    assert found["retraind_jobs{model=churn,state=failed}"] == 0
    assert found["retraind_jobs{model=churn,state=sealed}"] == 1
    assert found["retraind_jobs_on_hold{model=churn}"] == 1
    assert found["retraind_jobs_stuck{model=leads}"] == 1
    assert [found[f"retraind_model_on_hold{{model={name}}}"] for name in ("leads", "churn")] == [1, 0]
    assert [found[f"retraind_delivery_late{{model={name}}}"] for name in ("upsell", "churn")] == [1, 0]
    assert [found[f"retraind_host_down{{host={host}}}"] for host in ("store:443", SERVICE)] == [1, 0]


def test_the_last_success_is_the_last_delivery_that_was_trained_not_the_last_that_ended(tmp_path):
    seeder = Seeder(tmp_path / "state" / "journal.db")
    good = seeder.done("churn", "1", NOW - timedelta(days=3))
    seeder.at(NOW - timedelta(days=1))
    bad = seeder.job("churn", "2", NOW - timedelta(days=1), State.SEALED)
    seeder.journal.events.note("job_filed", bad, outcome=Outcome.FAILED.value)
    seeder.journal.close()
    at = values(observed(tmp_path))["retraind_last_success_timestamp_seconds{model=churn}"]
    assert good.created_at.timestamp() < at < (NOW - timedelta(days=2)).timestamp()


def test_a_drop_folder_out_of_reach_is_shown(tmp_path):
    seed(tmp_path / "state" / "journal.db")
    away = Unreachable(
        model="leads", setting="models.leads.drop", directive=None, problem=problem("host_down")
    )
    key = Unreachable(
        model="churn", setting="models.churn.api_key_file", directive=None, problem=problem("host_down")
    )
    found = values(observed(tmp_path, unreachable=(away, key)))
    reach = "retraind_drop_folder_reachable{model=%s}"
    assert [found[reach % name] for name in ("leads", "churn")] == [0, 1]


def test_without_a_daemon_only_what_is_known_is_shown(tmp_path):
    seed(tmp_path / "state" / "journal.db")
    journal = tmp_path / "state" / "journal.db"
    found = values(Observed(health(journal, NOW), MODELS, SERVICE, None))
    assert found["retraind_healthy"] == 0
    assert found["retraind_condition{condition=not_running}"] == 1
    assert not [name for name in found if "sweep" in name or "jobs" in name]


def test_a_model_name_can_break_no_line(tmp_path):
    """Names in the configuration are plain; those of models that were removed long ago come from the journal."""
    seeder = Seeder(tmp_path / "state" / "journal.db")
    nasty = 'a"\n\\{b="c"} 1\nretraind_healthy 7'
    seeder.done(nasty, "1", NOW - timedelta(days=1))
    seeder.journal.close()
    text = exposition(observed(tmp_path))[0].decode()
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    assert nasty in {each.labels.get("model") for each in samples}
    assert [each.value for each in samples if each.name == "retraind_healthy"] == [1]


def test_more_jobs_are_not_more_series(tmp_path):
    def series(name: str, jobs: int) -> int:
        seeder = Seeder(tmp_path / name / "state" / "journal.db")
        for number in range(jobs):
            seeder.done("churn", str(number), NOW - timedelta(days=jobs - number))
        seeder.journal.close()
        return len(values(observed(tmp_path / name)))

    assert series("few", 1) == series("many", 12)


# Rules and dashboard


def known(everything) -> set[str]:
    text = exposition(everything)[0].decode()
    return {each.name for family in text_string_to_metric_families(text) for each in family.samples}


def used_in(text: str) -> set[str]:
    return set(re.findall(r"\bretraind_[a-z_]+", text))


@pytest.mark.system
def test_each_alert_does_what_its_test_says(tool):
    for arguments in (["check", "rules", str(ALERTS)], ["test", "rules", str(HERE / "alerts.test.yml")]):
        done = subprocess.run(
            [tool("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    rules = {
        each["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for each in group["rules"]
    }
    cases = [
        case
        for each in yaml.safe_load((HERE / "alerts.test.yml").read_text())["tests"]
        for case in each["alert_rule_test"]
    ]
    for fires in (True, False):
        assert {case["alertname"] for case in cases if bool(case.get("exp_alerts")) is fires} == rules


def test_alerts_and_dashboard_use_metrics_that_exist(everything):
    for file in (ALERTS, DASHBOARD):
        used = used_in(file.read_text("utf-8"))
        assert used
        assert used <= known(everything), file.name


def test_every_metric_is_explained_and_on_the_dashboard(everything):
    text = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    told = set(re.findall(r"^\| `(retraind_[a-z_]+)`", text, flags=re.MULTILINE))
    made = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known(everything)}
    assert told == made
    drawn = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used_in(DASHBOARD.read_text("utf-8"))}
    assert made - drawn <= {
        "retraind_ready", "retraind_sweep_deadline_timestamp_seconds", "retraind_models",
        "retraind_start_timestamp_seconds",
    }  # fmt: skip


def test_the_dashboard_is_one_that_grafana_can_import():
    board = json.loads(DASHBOARD.read_text("utf-8"))
    assert board["schemaVersion"] >= 36
    assert board["__inputs"][0]["pluginId"] == "prometheus"
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len({panel["id"] for panel in board["panels"]}) == len(places) == len(set(places))


def test_promql_of_the_dashboard_can_be_read(tool, tmp_path):
    board = json.loads(DASHBOARD.read_text("utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    rules = [
        {"record": f"x:{number}", "expr": query.replace("$__rate_interval", "5m").replace("$model", ".*")}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": rules}]}))
    done = subprocess.run(
        [tool("promtool"), "check", "rules", str(tmp_path / "rules.yml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
