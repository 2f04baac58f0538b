"""What `--json` prints of a job: all that it printed before there were codes, and the codes beside it."""

from datetime import UTC, datetime

from retraind.domain.job import Job, Outcome, Role, SealedFile, Shown, Signature, State
from retraind.domain.problems import Finding, problem
from retraind.report.job_json import job_json
from retraind.report.wording import Voice
from support.jobs import job_of
from support.words import legacy

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FILE = SealedFile(role=Role.TRAIN, name="train_1.csv", signature=Signature(size=1, mtime_ns=1, inode=1))
WORDED = {"trouble", "hold", "warnings", "address_refused", "switch_note", "problem"}


def a_job(**more) -> Job:
    return job_of(
        id="a-job",
        model="churn",
        key="1",
        state=State.UPLOADED,
        files=(FILE,),
        created_at=NOW,
        updated_at=NOW,
        rows={"train": 3},
        columns=("a", "b"),
        retrain_job_id="r",
        upload_ticket="ticket",
        uploaded_at=NOW,
        gate_exit=0,
        gate_output="",
        gate_shown=(Shown(name="x", bytes=1, sha256="0", copied=True),),
        **more,
    )


PLAIN = {
    "id": "a-job", "model": "churn", "key": "1", "state": "uploaded", "created_at": "2026-11-23T02:00:00Z",
    "files": [
        {"role": "train", "name": "train_1.csv", "signature": {"size": 1, "mtime_ns": 1, "inode": 1}, "sha256": None,
         "marked": False}
    ],
    "updated_at": "2026-11-23T02:00:00Z", "drop": None, "version": 0,
    "wake_at": None, "attempts": 0, "waits_for": None, "troubled_since": None, "stuck": False, "held_until": None,
    "upload_held": False, "budget_waived": False, "window_waived": False,
    "rows": {"train": 3}, "columns": ["a", "b"], "bundle_name": None, "bundle_bytes": None,
    "retrain_job_id": "r", "registered_at": None, "registrations": 0, "untouched_status": None, "put_started_at": None,
    "put_ended_at": None, "uploaded_at": "2026-11-23T02:00:00Z", "train_deadline": None, "status": None,
    "unknown_since": None, "status_seen_at": None, "status_message": None, "trained_model_id": None, "trained_at": None,
    "results_name": None, "results_bytes": None, "results_sha256": None, "scores": {},
    "gate_exit": 0, "gate_output": "", "gate_shown": [{"name": "x", "bytes": 1, "sha256": "0", "copied": True}],
    "switched_at": None, "switched_by_hand": False, "first_switched_at": None, "switch_open": False,
    "outcome": None, "filed_in": None, "failed_in": None, "resume_in": None, "earlier_job": None, "continues": None,
    "continued_in": None,
}  # fmt: skip
"""Programs may know all of these."""


def test_each_field_of_a_job_is_there_as_it_was():
    made = job_json(a_job(), Voice())
    assert {name: made[name] for name in PLAIN} == PLAIN
    assert {name: made[name] for name in WORDED} == dict.fromkeys(WORDED) | {"warnings": []}
    added = {f"{name}_problem" for name in ("trouble", "address_refused", "switch_note")}
    assert made.keys() - PLAIN.keys() - WORDED == added | {"warning_findings", "asked", "moved_to"}


def test_problems_are_sentences_with_their_codes():
    full = problem("file_error", path="/spool/x", errno=28, reason="No space left on device")
    line = Finding(rule="separator-line", file="train_1.csv", line=1, facts={"paired": False})
    job = a_job(
        trouble=full,
        hold=legacy("It is held.", "Run: retraind release JOB"),
        warnings=(line,),
        outcome=Outcome.FAILED,
        problem=problem("data_breaks_rules", details=[line]),
    )
    made = job_json(job, Voice())
    assert made["trouble"] == "/spool/x: No space left on device. Free some space there."
    assert made["trouble_problem"] == {"code": "file_error", "facts": dict(full.facts)}
    assert made["hold"] == {
        "what": "It is held.", "remedy": "Run: retraind release a-job", "details": [], "findings": [],
        "code": "legacy", "facts": {"what": "It is held.", "remedy": "Run: retraind release JOB"},
    }  # fmt: skip
    (finding,) = made["warning_findings"]
    assert finding == {
        "rule": "separator-line", "severity": "error", "file": "train_1.csv", "line": 1, "column": None,
        "facts": {"paired": False}, "service_message": None, "service_message_ja": None,
        "service_number": None, "overruled": None,
    }  # fmt: skip
    assert made["warnings"] == made["problem"]["details"]
    assert made["warnings"][0].startswith("train_1.csv, line 1: The first line tells Excel")
    assert (made["problem"]["code"], made["problem"]["findings"]) == ("data_breaks_rules", [finding])
