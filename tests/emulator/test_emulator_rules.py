"""Every rule for data, with the service's own message when it is broken."""

import io
import zipfile
import zlib

import pytest

from retraind.emulator import EmulatedModel, Fault

ROWS = 40


def table(columns=("amount", "kind", "churned"), rows=ROWS, separator=","):
    lines = [separator.join(columns)]
    lines += [separator.join([str(n)] * (len(columns) - 1) + ["yes" if n % 2 else "no"]) for n in range(rows)]
    return "\n".join(lines) + "\n"


def archive(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, text in members.items():
            target.writestr(name, text if isinstance(text, bytes) else text.encode())
    return file.getvalue()


def pair(train=None, evaluation=None):
    return archive(
        {
            "train_src/学習.csv": table() if train is None else train,
            "eval_src/評価.csv": evaluation or table(rows=5),
        }
    )


def checksum(text):
    return zlib.crc32(text.encode()).to_bytes(4, "little")


def column(values, name="churned"):
    return "row," + name + "\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values))


JAPANESE = table(("金額", "種類", "解約"))
GOOD = {
    "csv": ("a.csv", table().encode()),
    "capital extension": ("A.CSV", table().encode()),
    "tsv": ("a.tsv", table(separator="\t").encode()),
    "utf-8 with bom": ("a.csv", JAPANESE.encode("utf-8-sig")),
    "plain utf-8": ("a.csv", JAPANESE.encode()),
    "shift_jis": ("a.csv", JAPANESE.encode("cp932")),
    "pair": ("a.zip", pair()),
    "pair of csv and tsv": (
        "a.zip",
        archive({"train_src/a.csv": table(), "eval_src/b.tsv": table(rows=2, separator="\t")}),
    ),
    "one column without a name": ("a.csv", table(("", "kind", "churned")).encode()),
    "eleven rows": ("a.csv", table(rows=11).encode()),
    "999 columns": ("a.csv", table([f"c{n}" for n in range(999)]).encode()),
    "quoted line breaks": ("a.csv", table().replace("\n3,3,", '\n"3\n,3",3,').encode()),
    "blank lines at the end": ("a.csv", (table() + "\r\n\r\n").encode()),
    "missing values": ("a.csv", table().replace("3,3", ",").encode()),
    "200 classes": ("a.csv", column(f"c{n % 200}" for n in range(1_200)).encode()),
    "numbers to predict": ("a.csv", column(n * 0.5 for n in range(2_000)).encode()),
    "dates at both ends": ("a.csv", ("day,y\n" + "1970-01-01,a\n3999/12/31 23:59,b\n" * 10).encode()),
}


@pytest.mark.parametrize("case", GOOD)
def test_good_data_is_trained_with(client, case):
    file_name, data = GOOD[case]
    outcome = client.outcome(client.upload(data, file_name))
    assert outcome.get("message") is None
    assert outcome["status"] == "job_finished"


FORMAT = "not in a supported file format"
ENCODING = "character encoding is not supported"
RAGGED = "rows with a different number of variables"
FEW = "insufficient data"
UNAVAILABLE = "unavailable prediction type"
EMPTY = "Too much missing data for the item you want to predict"
VALUES = "The number of unique values contained in the variable to be predicted exceeds the number of values"
ANSWERS = "There is too little data in the evaluation data that contains the correct value available"
PERIOD = "date and time not within the supported period"
MATCH = "the variables in the training data and evaluation data must match exactly"

BAD = {
    "another extension": ("a.xlsx", table().encode(), FORMAT),
    "no extension": ("a", table().encode(), FORMAT),
    "an empty file": ("a.csv", b"", FORMAT),
    "a zip that is none": ("a.zip", table().encode(), FORMAT),
    "a broken zip": ("a.zip", pair()[:-30], FORMAT),
    "a zip with a wrong checksum": ("a.zip", pair().replace(checksum(table()), b"1234"), FORMAT),
    "no evaluation data": ("a.zip", archive({"train_src/a.csv": table()}), FORMAT),
    "flat zip": ("a.zip", archive({"a.csv": table(), "b.csv": table()}), FORMAT),
    "something else in the zip": (
        "a.zip",
        archive({"train_src/a.csv": table(), "eval_src/b.csv": table(), "README": ""}),
        FORMAT,
    ),
    "folders in the zip": (
        "a.zip",
        archive({"train_src/": "", "train_src/a.csv": table(), "eval_src/b.csv": table()}),
        FORMAT,
    ),
    "a zip without compression": (
        "a.zip",
        archive({"train_src/a.csv": table(), "eval_src/b.csv": table()}, zipfile.ZIP_STORED),
        FORMAT,
    ),
    "another extension in the zip": (
        "a.zip",
        archive({"train_src/a.txt": table(), "eval_src/b.csv": table()}),
        FORMAT,
    ),
    "utf-16": ("a.csv", JAPANESE.encode("utf-16"), ENCODING),
    "euc-jp": ("a.csv", "価\n,".encode("euc-jp") + b"\xff\xff" + JAPANESE.encode("euc-jp"), ENCODING),
    "shift_jis that begins with 1,000 ascii bytes": (
        "a.csv",
        (table(rows=400) + table().replace("yes", "はい").partition("\n")[2]).encode("cp932"),
        ENCODING,
    ),
    "equal names": ("a.csv", table(("a", "a", "b")).encode(), "multiple variables with the same name"),
    "two empty names": ("a.csv", table(("", "", "b")).encode(), "multiple variables with the same name"),
    "one column": ("a.csv", b"a\n" + b"1\n" * 40, "only one variable"),
    "tabs in a csv": ("a.csv", table(separator="\t").encode(), "only one variable"),
    "1,000 columns": ("a.csv", table([f"c{n}" for n in range(1_000)]).encode(), "too many variables"),
    "a short row": ("a.csv", table().replace("3,3,yes", "3,yes").encode(), RAGGED),
    "a long row": ("a.csv", table().replace("3,3,yes", "3,3,3,yes").encode(), RAGGED),
    "a blank line in between": ("a.csv", table().replace("3,3,yes", "\n3,3,yes").encode(), RAGGED),
    "ten rows": ("a.csv", table(rows=10).encode(), FEW),
    "ten rows in a pair": ("a.zip", pair(table(rows=10)), FEW),
    "no evaluation rows": ("a.zip", pair(evaluation=table(rows=0)), FEW),
    "no values to learn from": ("a.csv", column([""] * 40).encode(), EMPTY),
    "ten rows with a value to learn from": ("a.csv", column(["yes", "no"] * 5 + [""] * 40).encode(), EMPTY),
    "rows of nothing but commas": ("a.csv", table(rows=5).encode() + b",,\n" * 200, EMPTY),
    "nothing to evaluate with": (
        "a.zip",
        pair(evaluation=table().replace("yes", "").replace("no", "")),
        ANSWERS,
    ),
    "evaluation data of one class": ("a.zip", pair(evaluation=table(rows=1)), ANSWERS),
    "iso-2022-jp": ("a.csv", JAPANESE.encode("iso2022_jp"), ENCODING),
    "another column in the evaluation data": (
        "a.zip",
        pair(evaluation=table(("amount", "sort", "churned"))),
        MATCH,
    ),
    "fewer columns in the evaluation data": ("a.zip", pair(evaluation=table(("amount", "churned"))), MATCH),
    "201 classes": ("a.csv", column(f"c{n % 201}" for n in range(1_200)).encode(), VALUES),
    "one class": ("a.csv", column(["yes"] * 40).encode(), UNAVAILABLE),
    "a class that comes late": ("a.csv", column(["yes", "no"] * 500 + ["perhaps"]).encode(), UNAVAILABLE),
    "a date too early": ("a.csv", ("day,y\n" + "1969-12-31,a\n2000-01-01,b\n" * 10).encode(), PERIOD),
    "a date too late": ("a.csv", ("day,y\n" + "4000/01/01,a\n2000-01-01,b\n" * 10).encode(), PERIOD),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_fails_with_the_services_message(client, case):
    file_name, data, message = BAD[case]
    outcome = client.outcome(client.upload(data, file_name))
    assert outcome["status"] == "job_failed"
    assert outcome["message"].startswith(message)
    assert client.told("training_failed")[0]["message"] == outcome["message"]


def test_time_series_models_take_fewer_columns(start):
    client = start(models=(EmulatedModel("churn", 1001, "key-of-churn", time_series=True),))
    outcome = client.outcome(client.upload(table([f"c{n}" for n in range(201)]).encode()))
    assert outcome["message"] == "too many variables"


BY_TYPE = [
    ("binary", ["yes", "no"] * 20, None),
    ("binary", ["yes", "no"] * 20 + ["perhaps"] * 2, VALUES),
    ("binary", ["1", "2", "3"] * 20, VALUES),
    ("multiclass", ["yes", "no", "perhaps"] * 20, None),
    ("multiclass", [str(n % 201) for n in range(900)], VALUES),
    ("regression", [str(n % 201) for n in range(900)], None),
    ("regression", ["1", "2", "NaN"] * 20, UNAVAILABLE),
    (None, ["1", "2", "NaN"] * 20, None),
]


@pytest.mark.parametrize(("prediction_type", "values", "message"), BY_TYPE)
def test_the_values_to_predict_are_judged_by_the_type_of_the_model(start, prediction_type, values, message):
    model = EmulatedModel("churn", 1001, "key-of-churn", prediction_type=prediction_type)
    client = start(models=(model,))
    outcome = client.outcome(client.upload(column(values).encode()))
    assert (outcome.get("message") or "").startswith(message or "")
    assert (outcome["status"] == "job_finished") is (message is None)


THREE = ["yes", "no", "perhaps"]
OPEN = {
    "evaluation data that lacks one of three classes": (
        "a.zip",
        archive({"train_src/a.csv": column(THREE * 20), "eval_src/a.csv": column(["yes", "no"] * 5)}),
    ),
    "a class of one row": ("a.csv", column(["yes", "no"] * 20 + ["perhaps"]).encode()),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_the_manual_leaves_open_is_taken_the_worst_way_on_request(start, case):
    file_name, data = OPEN[case]
    client = start(faults={"data_strict": Fault(times=1)})
    assert client.outcome(client.upload(data, file_name))["message"].startswith(ANSWERS)
    assert client.outcome(client.upload(data, file_name))["status"] == "job_finished"


def test_a_time_series_takes_no_evaluation_data_and_not_many_rows(start):
    model = EmulatedModel("churn", 1001, "key-of-churn", target="kind", time_series=True)
    client = start(models=(model,), facts={"data_strict": 1.0})
    assert client.outcome(client.upload(pair(), "a.zip"))["message"] == FORMAT
    assert client.outcome(client.upload(table(rows=10_001).encode()))["message"].startswith(
        "データの行数が10000行"
    )
    assert client.outcome(client.upload(table(rows=10_000).encode()))["status"] == "job_finished"


def test_plain_utf8_can_be_refused(start):
    client = start(accept_plain_utf8=False)
    assert client.outcome(client.upload(JAPANESE.encode()))["message"] == ENCODING
    for data in (JAPANESE.encode("utf-8-sig"), JAPANESE.encode("cp932"), table().encode()):
        assert client.outcome(client.upload(data))["status"] == "job_finished"
