import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retraind.config.settings import Settings
from retraind.domain.job import Job, Outcome, Role, SealedFile, Signature, State
from retraind.domain.problems import Finding, Severity, problem
from retraind.report import notes, report_json
from retraind.report.layout import as_bytes
from retraind.report.share_voice import share_voice
from retraind.report.wording import Voice
from support.jobs import job_of
from support.words import legacy

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def finished(outcome: Outcome, **more) -> Job:
    files = tuple(
        SealedFile(role=role, name=f"{role}_11.csv", signature=Signature(size=12345, mtime_ns=1, inode=2))
        for role in (Role.TRAIN, Role.EVAL)
    )
    return job_of(
        id="2026-11-23T020000Z_11_abc123", model="churn", key="11", state=State.FILING, files=files,
        created_at=NOW, updated_at=NOW + timedelta(hours=1), rows={"train": 1000, "eval": 200}, outcome=outcome, **more,
    )  # fmt: skip


PROBLEM = problem(
    "data_breaks_rules",
    details=[Finding(rule="separator-line", line=1, facts={"paired": True})],
)
NOTES = [
    # outcome, further fields, what the note has to say, what it must not say
    (
        Outcome.TRAINED,
        {"trained_at": NOW},
        ["has not been changed", "retraind switch 2026-11-23T020000Z_11_abc123"],
        [],
    ),
    (
        Outcome.SWITCHED,
        {"trained_at": NOW, "switched_at": NOW},
        ["the new model was published", "go back"],
        ["not been"],
    ),
    (
        Outcome.SWITCHED,
        {"switched_at": NOW, "switched_by_hand": True},
        ["the new model was published by hand."],
        ["Again"],
    ),
    (Outcome.SUPERSEDED, {"earlier_job": "newer-one"}, ["not used", "newer-one"], ["results.zip"]),
    (Outcome.DUPLICATE, {"earlier_job": "first-one"}, ["not used again", "first-one"], ["results.zip"]),
    (
        Outcome.FAILED,
        {"problem": PROBLEM},
        ["NOT retrained", "violates the service's rules", "The first line tells Excel", "Correct"],
        ["JOB"],
    ),
    (Outcome.FAILED, {"problem": PROBLEM, "trained_at": NOW}, ["a later step failed"], ["NOT retrained"]),
    (
        Outcome.FAILED,
        {"problem": PROBLEM, "failed_in": State.SEALED},
        ["deliver them again"],
        ["Keep the folder"],
    ),
    (
        Outcome.FAILED,
        {"problem": PROBLEM, "failed_in": State.UPLOADED, "resume_in": State.UPLOADED},
        ["Keep the folder"],
        ["deliver them again"],
    ),
    (
        Outcome.TRAINED,
        {"gate_output": "accuracy 0.5", "switch_note": "The gate said no."},
        ["accuracy 0.5", "no."],
        [],
    ),
    (
        Outcome.TRAINED,
        {"uploaded_at": NOW, "trained_at": NOW + timedelta(minutes=90)},
        ["took 1 h 30 min"],
        [],
    ),
    (
        Outcome.TRAINED,
        {"uploaded_at": NOW, "trained_at": NOW - timedelta(minutes=90)},
        ["Trained:"],
        ["took"],
    ),
    (Outcome.TRAINED, {"warnings": ("A column is empty.",)}, ["Worth knowing", "A column is empty."], []),
    (Outcome.FAILED, {"problem": PROBLEM, "status_message": "insufficient data"}, ["insufficient data"], []),
]


@pytest.mark.parametrize(("outcome", "more", "said", "unsaid"), NOTES)
def test_a_note_says_what_happened_with_what_and_what_to_do(outcome, more, said, unsaid):
    job = finished(outcome, **more)
    note = notes.note(job, Voice())
    for words in [
        "churn",
        "train_11.csv (training, 12,345 bytes, 1,000 rows)",
        job.id,
        "What to do next",
        *said,
    ]:
        assert words in note
    for words in unsaid:
        assert words not in note
    assert notes.note_name(job) == ("ERROR.txt" if outcome is Outcome.FAILED else "RESULT.txt")
    assert all(len(line) <= 100 or " " not in line.strip() for line in note.splitlines())
    assert report_json.report(job, Voice()).summary == note.splitlines()[0]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("always", "is published automatically"),
        ("gate", "if the gate approves it"),
        ("manual", None),
        (None, None),
    ],
)
def test_who_publishes_by_hand_is_warned_of_a_policy_that_goes_on(policy, words):
    by_hand = finished(Outcome.SWITCHED, trained_at=NOW, switched_at=NOW, switched_by_hand=True)
    note = notes.note(by_hand, Voice(), policy=policy)
    assert ("the next delivery" in note) == (words is not None)
    assert words is None or words in note
    assert "Mind" not in notes.note(
        replace(by_hand, publication=replace(by_hand.publication, by_hand=False)), Voice(), policy=policy
    )


def test_no_sentence_of_a_note_is_cut_into_ribbons():
    long = (
        "This is a finding about a file whose name is " + "n" * 200 + ".csv, and so it goes on for a while."
    )
    note = notes.note(finished(Outcome.FAILED, problem=legacy(long, "Nothing.")), Voice())
    assert note.count("n" * 200) == 1


def test_a_note_of_names_that_cannot_be_printed_is_still_a_text():
    job = replace(finished(Outcome.TRAINED), key="a\x1b[31mb\u202e")
    assert "\x1b" not in notes.note(job, Voice())
    assert as_bytes(notes.note(job, Voice())).decode("utf-8-sig")


def says(text: str) -> str:
    """A text without its line breaks, wherever they are."""
    return "".join(text.split())


@pytest.mark.parametrize(
    ("language", "named"), [("en", "(code: separator-line)"), ("ja", "（コード：separator-line）")]
)
def test_each_problem_and_finding_names_its_code_once_and_nothing_else_has_one(language, named):
    warned = Finding(
        rule="row-count", severity=Severity.WARNING, facts={"rows": 50, "low": 100, "high": 1_000_000}
    )
    failed = finished(Outcome.FAILED, problem=PROBLEM, warnings=[warned])
    settings = Settings.model_validate({"models": {"churn": {"drop": "/srv/churn", "api_key": "k"}}})
    voice = share_voice(settings.models["churn"], settings.state, in_a_note=True, language=language)
    text = says(notes.note(failed, voice))
    codes = [
        says(named.replace("separator-line", code))
        for code in ("data_breaks_rules", "separator-line", "row-count")
    ]
    assert [text.count(code) for code in codes] == [1, 1, 1]
    assert text.count(says(named.partition("separator")[0])) == len(codes)
    assert says(notes.note(failed, Voice(language=language))) == re.sub(
        r"\(code:.+?\)|（コード：.+?）", "", text
    )


def test_the_report_s_sentences_have_no_codes_since_it_has_fields_for_them():
    failed = finished(Outcome.FAILED, problem=PROBLEM)
    told = report_json.report(failed, Voice(codes=True))
    assert "(code" not in told.model_dump_json()
    assert told.problem.code == "data_breaks_rules"
    assert [each.rule for each in told.problem.findings] == ["separator-line"]


def test_of_a_problem_that_only_says_where_the_other_one_is_named():
    voice = Voice(codes=True)
    assert voice.tell(problem("left_alone", file="x.xlsx", why=problem("ending_not_expected"))).endswith(
        "(code: ending_not_expected)"
    )
    assert voice.named("headline", "no_such_code") == ""
