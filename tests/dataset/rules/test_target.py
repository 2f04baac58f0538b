"""The column that the model predicts: found under its name, filled, and suited to what is predicted."""

import unicodedata

import pytest

from retraind.dataset.preflight import PreviousDelivery, SourceFile, preflight
from retraind.domain.prediction import PredictionType
from retraind.report.wording import Voice
from support.tables import file_of

BINARY, MULTICLASS, REGRESSION = PredictionType


def file(header: str, rows: list[str], name: str = "train.csv") -> SourceFile:
    data = "".join(f"{row}\n" for row in (header, *rows)).encode("utf-8-sig")
    return file_of(data, name)


def column(values: list[str], name: str = "train.csv", target: str = "y") -> SourceFile:
    return file(f"n,{target}", [f"{at},{value}" for at, value in enumerate(values)], name)


def found(*files: SourceFile, target: str = "y", **options: object) -> list[tuple[str, str, int | None]]:
    result = preflight(*files, target=target, **options)
    for finding in result.findings:
        assert Voice().finding(finding)
    return [(each.rule, str(each.severity), each.line) for each in result.findings]


NAMES = {
    "behind": ("y ", ["space"]),
    "in front": (" y", ["space"]),
    "full-width space": ("\u3000y", ["space"]),
    "no-break space": ("y\u00a0", ["no-break-space"]),
    "case": ("Y", ["case"]),
    "zero-width space": ("y\u200b", ["invisible"]),
    "byte order mark": ("\ufeffy", ["invisible"]),
    "soft hyphen": ("\u00ady", ["invisible"]),
    "line break": ('"y\n"', ["line-break"]),
    "full width": ("\uff59", ["width"]),
    "case and space": ("Y ", ["space", "case"]),
}


@pytest.mark.parametrize(("name", "how"), NAMES.values(), ids=NAMES)
def test_a_column_that_looks_like_the_target_is_named_with_the_difference(name, how):
    result = preflight(file(f"n,{name}", [f"{at},{at % 2}" for at in range(120)]), target="y")
    (finding,) = [each for each in result.findings if each.rule != "mark-inside"]
    assert (finding.rule, finding.severity, finding.line) == ("target-missing", "error", 1)
    assert finding.facts["similar"] == ((name.strip('"'), tuple(how)),)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_name_that_is_composed_otherwise_looks_alike(form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    name = unicodedata.normalize(other, "が解約")
    result = preflight(
        file(f"n,{name}", [f"{at},{at % 2}" for at in range(120)]),
        target=unicodedata.normalize(form, "が解約"),
    )
    assert result.findings[0].facts["similar"] == ((name, ("composition",)),)
    assert "how a character is composed" in Voice().finding(result.findings[0])


def test_all_columns_that_look_alike_are_listed_and_no_others():
    rows = [f"{at},{at % 2},1,2" for at in range(120)]
    result = preflight(file("n,Left,left ,lefts", rows), target="left")
    assert [name for name, _ in result.findings[0].facts["similar"]] == ["Left", "left "]


def test_a_space_inside_a_name_counts():
    result = preflight(file("n,is  left", [f"{at},{at % 2}" for at in range(120)]), target="is left")
    assert result.findings[0].facts["similar"] == (("is  left", ("space",)),)


def test_a_target_that_the_last_trained_delivery_had_is_told_as_gone_and_as_nothing_else():
    rows = [f"{at},{at % 2}" for at in range(120)]
    result = preflight(
        file("n,x", rows), target="y", previous=PreviousDelivery("older", ("n", "x", "y"), 120)
    )
    assert [each.rule for each in result.findings] == ["target-missing"]
    assert "the last trained delivery (older) had it" in Voice().finding(result.findings[0])


def test_the_last_trained_delivery_s_other_columns_are_compared_all_the_same():
    rows = [f"{at},{at % 2}" for at in range(120)]
    previous = PreviousDelivery("older", ("n", "x", "y", "z"), 120)
    result = preflight(file("n,x", rows), target="y", previous=previous)
    assert [each.rule for each in result.findings] == ["target-missing", "columns-changed"]
    assert result.findings[1].facts["missing"] == ("z",)


HALF = ["no"] * 60 + ["yes"] * 60
TABLE = {
    "two classes": (HALF, {}, []),
    "one value": (["yes"] * 120, {}, [("target-one-value", "error", None)]),
    "one value and empty ones": (["yes", ""] * 60, {}, [("few-answers", "warning", None), ("target-one-value", "error", None)]),
    "one number": (["1"] * 120, {}, [("target-one-value", "error", None)]),
    "no value": ([""] * 120, {}, [("target-empty", "error", None)]),
    "ten values": ([""] * 500 + ["yes", "no"] * 5, {}, [("too-few-answers", "error", None)]),
    "ten values, late": ([""] * 3000 + ["yes", "no"] * 5, {}, [("too-few-answers", "error", None)]),
    "eleven values": ([""] * 500 + ["yes", "no"] * 5 + ["no"], {}, [("few-answers", "warning", None)]),
    "a hundred values, late": ([""] * 3000 + ["yes", "no"] * 50, {}, [("late-class", "warning", 3002)]),
    "a rare class": ([*HALF, "maybe"], {}, [("rare-class", "warning", 122)]),
    "a class of five": ([*HALF, *["maybe"] * 5], {}, [("rare-class", "warning", 122)]),
    "a class of six": ([*HALF, *["maybe"] * 6], {}, []),
    "a third value of a binary model": (
        [*HALF, *["maybe"] * 9], {"prediction_type": BINARY}, [("too-many-classes", "error", 122)]),
    "a late third value": (
        [*HALF * 20, *["maybe"] * 9], {"prediction_type": BINARY}, [("too-many-classes", "error", 2402)]),
    "two values of a binary model": (HALF, {"prediction_type": BINARY}, []),
    "two values of a multiclass model": (HALF, {"prediction_type": MULTICLASS}, []),
    "200 numbers of a multiclass model": (
        [str(at % 200) for at in range(1200)], {"prediction_type": MULTICLASS}, []),
    "201 numbers of a multiclass model": (
        [str(at % 201) for at in range(1206)], {"prediction_type": MULTICLASS}, [("too-many-classes", "error", 202)]),
    "201 numbers": ([str(at % 201) for at in range(1206)], {}, []),
    "text where a number is predicted": (
        [*map(str, range(120)), "x"], {"prediction_type": REGRESSION}, [("target-not-numeric", "error", 122)]),
    "few numbers to predict": ([str(at % 7) for at in range(120)], {"prediction_type": REGRESSION}, []),
    "a number that is rare and predicted": (
        [*["1", "2"] * 60, "3"], {"prediction_type": REGRESSION}, []),
    "NaN among numbers": ([*map(str, range(300)), "NaN"], {}, [("too-many-classes", "error", 302)]),
    "-Infinity among numbers, late": ([*map(str, range(3000)), "-Infinity"], {}, [("too-many-classes", "error", 3002)]),
    "NaN among few numbers": (
        [*[str(at % 20) for at in range(300)], "nan"], {}, [("missing-value-marker", "warning", 302)]),
    "percent": ([f"{at}%" for at in range(300)], {}, [("target-notation", "error", 2)]),
    "percent where a number is predicted": (
        [f"{at % 9}%" for at in range(300)], {"prediction_type": REGRESSION}, [("target-notation", "error", 2)]),
    "percent of few": ([f"{at % 20}%" for at in range(300)], {}, [("number-notation", "warning", 2)]),
    "a late minus behind": (
        [*map(str, range(3000)), "5-"], {}, [("target-notation", "error", 3002)]),
    "the positive value": (HALF, {"positive_value": "yes"}, []),
    "no positive value": (HALF, {"positive_value": "Yes"}, [("positive-value-missing", "warning", None)]),
}  # fmt: skip


@pytest.mark.parametrize(("values", "options", "expected"), TABLE.values(), ids=TABLE)
def test_the_values_of_the_target_suit_what_is_predicted(values, options, expected):
    assert sorted(found(column(values), **options)) == sorted(expected)


PAIRS = {
    "the same classes": (HALF, HALF, {}, []),
    "no answers": (HALF, [""] * 50, {}, [("evaluation-without-answers", "error", None)]),
    "some answers": (HALF, ["", "yes", "no"] * 20, {}, []),
    "what follows from a training file that is refused": (
        [*HALF, *["maybe"] * 9], HALF, {"prediction_type": BINARY}, [("too-many-classes", "error", 122)]),
    "one class": (HALF, ["yes"] * 50, {}, [("evaluation-one-class", "error", None)]),
    "one of three": ([*HALF, *["maybe"] * 9], ["yes"] * 50, {}, [("evaluation-one-class", "error", None)]),
    "two of three": ([*HALF, *["maybe"] * 9], HALF, {}, [("evaluation-lacks-classes", "warning", None)]),
    "a rare class": (HALF, [*HALF, "no"], {}, []),
    "hardly any of a class": (HALF, ["yes"] * 50 + ["no"] * 5, {}, [("rare-class-in-evaluation", "warning", 52)]),
    "another class": (HALF, [*HALF, *["perhaps"] * 9], {}, [("unknown-classes", "warning", 122)]),
    "one of two numbers": (["0", "1"] * 60, ["1"] * 50, {}, [("evaluation-one-class", "error", None)]),
    "one of three numbers": (["0", "1", "2"] * 60, ["1"] * 50, {}, [("evaluation-lacks-classes", "warning", None)]),
    "one of three numbers of a multiclass model": (
        ["0", "1", "2"] * 60, ["1"] * 50, {"prediction_type": MULTICLASS}, [("evaluation-one-class", "error", None)]),
    "one number that is predicted": (["0", "1"] * 60, ["1"] * 50, {"prediction_type": REGRESSION}, []),
    "numbers": ([*map(str, range(300))], [*map(str, range(50))], {}, []),
    "a marker among numbers": ([*map(str, range(300))], [*map(str, range(50)), "NULL"], {}, [("target-not-numeric", "error", 52)]),
    "text where a number is predicted": (
        ["1", "2"] * 60, [*["1", "2"] * 20, "x"], {"prediction_type": REGRESSION}, [("target-not-numeric", "error", 42)]),
}  # fmt: skip


@pytest.mark.parametrize(("train", "evaluation", "options", "expected"), PAIRS.values(), ids=PAIRS)
def test_the_evaluation_data_has_the_answers_that_the_training_data_asks_for(
    train, evaluation, options, expected
):
    assert found(column(train), column(evaluation, "eval.csv"), **options) == expected


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (("TRUE", "FALSE"), ("True", "False")), (("1.0", "0.0"), ("1", "0")), (("yes ", "no "), ("yes", "no")),
        (("ｙｅｓ", "ｎｏ"), ("yes", "no")), (("Yes", "No"), ("yes", "no")), (("01", "00"), ("1", "0")),
        (("解 約", "継続"), ("解\u3000約", "継続")), (("yes\u200b", "no"), ("yes", "no")),
        (("か\u3099", "x"), ("が", "x")), (("'1", "'0"), ("1", "0")),
    ],
)  # fmt: skip
def test_classes_that_are_spelled_otherwise_are_told_with_both_spellings_and_nothing_else(here, there):
    result = preflight(column(list(there) * 60), column(list(here) * 20, "eval.csv"), target="y")
    (finding,) = [each for each in result.findings if each.rule != "number-notation"]
    assert (finding.rule, finding.severity, finding.line) == ("classes-spelled-otherwise", "warning", 2)
    assert (finding.facts["value"], finding.facts["expected"]) == (here[0], there[0])
    assert finding.facts["total"] == sum(one != other for one, other in zip(here, there, strict=True))


@pytest.mark.parametrize("name", ["y ", "Y", None])
def test_evaluation_data_without_the_target_s_column_is_told_once(name):
    header, rows = ("n,x", ["1,2"] * 50) if name is None else (f"n,x,{name}", ["1,2,yes"] * 50)
    train = file("n,x,y", [f"{at},2,{'yes' if at % 2 else 'no'}" for at in range(120)])
    assert found(train, file(header, rows, "eval.csv")) == [("target-missing", "error", 1)]


def test_one_class_that_is_spelled_otherwise_leaves_the_others():
    result = preflight(column(["a", "b", "c"] * 60), column(["A", "b"] * 20, "eval.csv"), target="y")
    assert [each.rule for each in result.findings] == [
        "classes-spelled-otherwise",
        "evaluation-lacks-classes",
    ]
    assert result.findings[1].facts["classes"] == ("c",)


def test_classes_are_compared_as_text_whatever_the_encodings():
    rows = "".join(f"{at},{'継続' if at % 2 else '解約'}\n" for at in range(120))
    train, evaluation = (("番号,y\n" + rows).encode(encoding) for encoding in ("cp932", "utf-8-sig"))
    files = (
        file_of(train, "train.csv"),
        file_of(evaluation, "eval.csv"),
    )
    assert found(*files) == []


@pytest.mark.parametrize("options", [{}, {"prediction_type": REGRESSION}, {"prediction_type": MULTICLASS}])
@pytest.mark.parametrize("values", [["5.5"] * 120, ["1", "1.0", "+1"] * 40], ids=["one", "one number"])
def test_one_number_is_one_value_however_it_is_written(values, options):
    assert ("target-one-value", "error", None) in found(column(values), **options)


SIMILAR = {
    "case": (["True", "TRUE", "False"], "TRUE", "True"),
    "space": (["yes", "yes ", "no"], "yes ", "yes"),
    "width": (["プラン", "ﾌﾟﾗﾝ", "x"], "ﾌﾟﾗﾝ", "プラン"),
    "numbers": (["1", "0", "1.0"], "1.0", "1"),
}


@pytest.mark.parametrize(("values", "one", "other"), SIMILAR.values(), ids=SIMILAR)
def test_classes_that_differ_in_spelling_alone_are_named_in_one_file(values, one, other):
    result = preflight(column(values * 40), target="y")
    (finding,) = [each for each in result.findings if each.rule == "similar-classes"]
    assert (finding.severity, finding.facts["value"], finding.facts["similar"]) == ("warning", one, other)
    assert finding.line == values.index(one) + 2
    assert f'"{one}"' in Voice().finding(finding)


@pytest.mark.parametrize("sign", [" ", "?", "NULL", "NaN", "-"])
@pytest.mark.parametrize("values", [["yes", "no"], list(map(str, range(300)))], ids=["classes", "numbers"])
def test_one_sign_of_a_missing_value_in_all_rows_is_no_answer(sign, values):
    files = (column(values * 60), column([sign] * 30, "eval.csv"))
    findings = [each for each in found(*files) if each[1] == "error"]
    assert findings == [("evaluation-without-answers", "error", None)]


def test_the_third_value_of_two_is_the_one_that_stands_for_none():
    result = preflight(column(["NaN", "1", "0"] * 40), target="y", prediction_type=BINARY)
    assert [(each.rule, each.facts["value"]) for each in result.errors] == [("too-many-classes", "NaN")]


def test_rows_of_another_width_are_not_said_to_lack_an_answer_too():
    rows = [f"{at},{at % 2}" for at in range(5)] + ["1,2,3"] * 90
    assert [each[0] for each in found(file("n,y", [*rows, "1,2"])) if each[1] == "error"] == ["ragged-rows"]
    assert [each[0] for each in found(file("n,y", rows)) if each[1] == "error"] == ["second-table"]
