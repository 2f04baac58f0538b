import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retraind.domain.flat import in_facts
from retraind.domain.problems import Finding, Problem, Severity, problem
from retraind.report.wording import Voice
from support.words import legacy

MOMENT = datetime(2026, 11, 29, 12, tzinfo=UTC)


def test_a_problem_comes_back_from_the_journal_as_it_was():
    inner = problem("host_failing", host="example.com", seconds=timedelta(minutes=2))
    finding = Finding(rule="ragged-rows", file="train.csv", line=3, facts={"columns": 4})
    made = problem(
        "preflight_failed", details=[finding], at=MOMENT, path=Path("/srv"), names=["a", "b"], last=inner
    )
    assert Problem.from_json(made.as_json()) == made
    assert made.facts["at"] == "2026-11-29T12:00:00+00:00"
    assert made.facts["last"] == inner


def test_what_is_no_fact_is_refused():
    with pytest.raises(TypeError, match="object is not a fact"):
        problem("code", thing=object())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (problem("key_refused", setting="a", tries=1), problem("key_refused", setting="a", tries=2), True),
        (problem("key_refused", setting="a"), problem("key_refused", setting="b"), False),
        (problem("key_refused", setting="a"), problem("key_missing", setting="a"), False),
        (legacy("One sentence."), legacy("One sentence."), True),
        (legacy("One sentence."), legacy("Another sentence."), False),
        (problem("key_refused"), None, False),
    ],
)
def test_problems_are_the_same_by_code_and_by_what_is_concerned(one, other, same):
    assert one.is_same(other) is same


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"It broke."', legacy("It broke.")),
        ('{"what": "It broke.", "remedy": "Fix it.", "details": []}', legacy("It broke.", "Fix it.")),
        (
            '{"what": "It broke.", "remedy": "Fix it.", "details": ["train.csv: bad."]}',
            replace(
                legacy("It broke.", "Fix it."),
                details=(Finding("legacy", severity=Severity.WARNING, facts={"text": "train.csv: bad."}),),
            ),
        ),
    ],
)
def test_finished_sentences_of_an_earlier_retraind_are_kept(written, read):
    assert Problem.from_plain(in_facts(json.loads(written))) == read


# The service's own words

ENGLISH, JAPANESE = "insufficient data", "データ数が少ないため、予測モデルを作成できません"


@pytest.mark.parametrize(
    ("known", "english", "japanese"),
    [
        ((ENGLISH, JAPANESE), ENGLISH, JAPANESE),
        ((ENGLISH, None), ENGLISH, ENGLISH),
        ((None, JAPANESE), JAPANESE, JAPANESE),
        ((None, None), None, None),
    ],
)
def test_each_reader_gets_the_words_of_his_screen(known, english, japanese):
    finding = Finding("too-few-rows", service_message=known[0], service_message_ja=known[1])
    assert finding.service_said("en") == english
    assert finding.service_said("ja") == japanese
    assert finding.without_service().service_said("en") is None


def test_the_english_note_quotes_the_english_words():
    facts = {"rows": 3, "minimum": 11, "paired": False}
    finding = Finding("too-few-rows", facts=facts, service_message=ENGLISH, service_message_ja=JAPANESE)
    assert f'The service calls this "{ENGLISH}".' in Voice().finding(finding)
    assert JAPANESE not in Voice().finding(finding)
