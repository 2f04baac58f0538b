"""What `--json` prints of a job: all that it printed before there were codes, and the codes beside it."""

from datetime import UTC, datetime

from retraind.domain.job import Job, Role, SealedFile, Shown, Signature, State
from retraind.domain.problems import Finding, legacy, problem
from retraind.report.job_json import job_json
from retraind.report.wording import Voice

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
FILE = SealedFile(role=Role.TRAIN, name="train_1.csv", signature=Signature(size=1, mtime_ns=1, inode=1))
WORDED = {"trouble", "hold", "warnings", "address_refused", "switch_note", "problem"}
SECRET = {"upload_ticket"}


def a_job(**more) -> Job:
    return Job(
        id="a-job",
        model="churn",
        key="1",
        state=State.UPLOADED,
        files=(FILE,),
        created_at=NOW,
        updated_at=NOW,
        rows={"train": 3},
        columns=("a", "b"),
        upload_ticket="ticket",
        gate_shown=(Shown(name="x", bytes=1, sha256="0", copied=True),),
        **more,
    )


def test_each_field_of_a_job_is_there_as_it_was():
    job = a_job()
    made = job_json(job, Voice())
    plain = job.model_dump(mode="json", exclude=SECRET | WORDED)
    assert {name: made[name] for name in plain} == plain
    assert {name: made[name] for name in WORDED} == dict.fromkeys(WORDED) | {"warnings": []}
    assert not SECRET & made.keys()
    added = {f"{name}_problem" for name in ("trouble", "address_refused", "switch_note")}
    assert made.keys() - set(Job.model_fields) == added | {"warning_findings"}


def test_problems_are_sentences_with_their_codes():
    full = problem("file_error", path="/spool/x", errno=28, reason="No space left on device")
    line = Finding(rule="separator-line", file="train_1.csv", line=1, facts={"paired": False})
    job = a_job(
        trouble=full,
        hold=legacy("It is held.", "Run: retraind release JOB"),
        warnings=(line,),
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
        "facts": {"paired": False}, "service_message": None,
    }  # fmt: skip
    assert made["warnings"] == made["problem"]["details"]
    assert made["warnings"][0].startswith("train_1.csv, line 1: The first line tells Excel")
    assert (made["problem"]["code"], made["problem"]["findings"]) == ("data_breaks_rules", [finding])
