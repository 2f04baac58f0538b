"""What the owner of a model makes of findings, and what nobody can overrule."""

import io

import pytest

from retraind.dataset.preflight import SourceFile, preflight
from retraind.domain.data_rules import FIXED, RULES, likely
from retraind.domain.problems import Overruled, Severity
from retraind.report.wording import Voice

GOOD = "id,plan,left\n" + "".join(f"{n},{'ab'[n % 2]},{n % 2}\n" for n in range(200))
RAGGED = GOOD + "7,a\n"
LATE = "id,left\n" + "".join(f"{n},{'yes' if n % 2 else 'no'}\n" for n in range(1_000)) + "1,later\n" * 9


def source(text, name="train_1.csv"):
    content = text if isinstance(text, bytes) else text.encode()
    return SourceFile(name, lambda: io.BytesIO(content))


def judged(text, **options):
    result = preflight(source(text), **options)
    return result, {finding.rule: (finding.severity, finding.overruled) for finding in result.findings}


def test_an_error_becomes_a_warning_that_says_so():
    result, found = judged(RAGGED, rules={"ragged-rows": "warn"})
    assert result.ok
    assert found == {"ragged-rows": (Severity.WARNING, Overruled.CONFIGURATION)}
    assert "(The configuration makes this error a warning.)" in Voice().finding(result.findings[0])


def test_a_person_s_acceptance_makes_an_error_a_warning_that_says_so():
    result, found = judged(RAGGED, accepted=("ragged-rows",))
    assert result.ok
    assert found == {"ragged-rows": (Severity.WARNING, Overruled.PERSON)}
    assert "accepted this error for this delivery" in Voice().finding(result.findings[0])


def test_a_warning_becomes_an_error_that_says_so():
    result, found = judged(LATE, target="left", rules={"late-class": "error"})
    assert not result.ok
    assert found == {"late-class": (Severity.ERROR, Overruled.CONFIGURATION)}
    assert "(The configuration makes this warning an error.)" in Voice().finding(result.findings[0])


def test_what_is_ignored_is_left_out_and_named():
    result, found = judged(LATE, target="left", rules={"late-class": "ignore"})
    assert (found, result.ignored, result.ok) == ({}, ("late-class",), True)


@pytest.mark.parametrize("rules", [{"ragged-rows": "error"}, {"late-class": "warn"}, {"row-count": "ignore"}])
def test_what_changes_nothing_is_not_marked(rules):
    result, found = judged(RAGGED, rules=rules)
    assert found == {"ragged-rows": (Severity.ERROR, None)}
    assert not result.ignored


def test_a_person_counts_more_than_a_rule_that_makes_it_an_error():
    result, _ = judged(LATE, target="left", rules={"late-class": "error"}, accepted=("late-class",))
    assert result.ok


def test_only_what_was_accepted_is():
    result, _ = judged(RAGGED, target="gone", accepted=("ragged-rows",))
    assert [finding.rule for finding in result.errors] == ["target-missing"]


UNREADABLE = {
    "not-text": source(b"PK\x03\x04" + bytes(100)),
    "unsupported-extension": source(GOOD, "train_1.txt"),
    "utf-16": source(GOOD.encode("utf-16")),
    "empty-file": source(b""),
    "header-too-long": source("a" * (5 << 20)),
}


@pytest.mark.parametrize("rule", sorted(FIXED & UNREADABLE.keys()))
@pytest.mark.parametrize("how", ["warn", "ignore"])
def test_nobody_overrules_what_cannot_be_sent(rule, how):
    result = preflight(UNREADABLE[rule], rules=dict.fromkeys(RULES, how), accepted=RULES)
    assert rule in {finding.rule for finding in result.errors}


def test_each_rule_that_nobody_overrules_has_a_file_here():
    assert UNREADABLE.keys() >= FIXED - {"not-a-table"}


@pytest.mark.parametrize("rules", [{"ragged-rows": "warn"}, {"ragged-rows": "ignore"}])
def test_both_files_reach_the_bundle_where_an_error_of_the_first_is_overruled(rules):
    class Sink:
        def __init__(self):
            self.taken, self.ended = b"", False

        def take(self, piece):
            self.taken += piece

        def end(self):
            self.ended = True

    sinks = [Sink(), Sink()]
    assert preflight(source(RAGGED), source(GOOD, "eval_1.csv"), sinks=sinks, rules=rules).ok
    assert [sink.taken.decode() for sink in sinks] == [RAGGED, GOOD]
    assert all(sink.ended for sink in sinks)


def test_the_likely_rule_is_named():
    assert likely("late-clas") == ["late-class"]
    assert likely("nothing of the kind") == list(RULES)
