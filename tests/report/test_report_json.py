"""report.json: sentences and codes, of which none shows more of retraind's machine than the share may see."""

import json
from datetime import UTC, datetime
from pathlib import Path

from retraind.config.settings import ModelSettings, StateSettings
from retraind.domain.job import Outcome, State
from retraind.domain.problems import Finding, problem
from retraind.report.report_json import as_bytes
from retraind.report.share_voice import share_voice
from support.jobs import job_of
from support.words import legacy

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
STATE = StateSettings(url="sqlite:////var/lib/retraind/journal.db", spool=Path("/var/lib/retraind/spool"))


def reported(drop, **more):
    job = job_of(
        id="a-job", model="churn", key="1", state=State.FILING, files=(), created_at=NOW, updated_at=NOW, **more
    )  # fmt: skip
    voice = share_voice(
        ModelSettings.model_validate({"drop": drop, "api_key": "k"}), STATE, in_a_note=True, language="en"
    )
    return json.loads(as_bytes(job, voice))


def test_a_failure_has_its_code_its_facts_and_its_findings(tmp_path):
    line = Finding(rule="separator-line", file="train_1.csv", line=1, facts={"paired": False})
    made = reported(
        tmp_path,
        outcome=Outcome.FAILED,
        problem=problem("data_breaks_rules", details=[line]),
        warnings=(line,),
    )
    assert made["schema_version"] == 2
    assert made["problem"]["code"] == "data_breaks_rules"
    assert made["problem"]["details"] == made["warnings"]
    assert made["problem"]["findings"] == made["warning_findings"]
    assert made["warning_findings"][0]["rule"] == "separator-line"
    assert (made["switch_note"], made["switch_code"], made["switch_facts"]) == (None, None, None)


def test_paths_and_ports_of_the_machine_are_in_no_sentence_and_no_fact(tmp_path):
    full = problem("file_error", path="/var/lib/retraind/spool/x", errno=28, reason="No space left on device")
    note = problem(
        "switch_unclear", why=problem("host_failing", host="service.test:8443", since=NOW, last=full)
    )
    made = reported(
        tmp_path, outcome=Outcome.TRAINED, switch_note=note, warnings=("See /var/lib/retraind/x.",)
    )
    assert made["switch_code"] == "switch_unclear"
    facts = made["switch_facts"]["why"]["facts"]
    assert facts["host"] == "service.test"
    assert facts["last"]["facts"]["path"] == "the spool on retraind's machine"
    assert made["warnings"] == ["An earlier version of retraind noted a problem here."]
    assert "/var" not in json.dumps(made)
    assert "8443" not in json.dumps(made)


def test_sentences_of_an_earlier_retraind_have_the_code_legacy(tmp_path):
    made = reported(tmp_path, outcome=Outcome.FAILED, problem=legacy("It failed.", "Look at /etc/x."))
    assert made["problem"]["code"] == "legacy"
    assert made["problem"]["what"] == "It failed."
    assert "/etc" not in json.dumps(made)
