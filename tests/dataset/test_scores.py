"""The figures in a results file, and files that are meant to do harm."""

import hashlib
import io
import json
import zipfile

import pytest

from retraind.dataset.scores import scores_in


def packed(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return made.getvalue()


@pytest.fixture
def read(tmp_path):
    def scores(content: bytes, sha256: str | None = None) -> dict[str, float]:
        path = tmp_path / "results.zip"
        path.write_bytes(content)
        return scores_in(path, sha256 or hashlib.sha256(content).hexdigest())

    return scores


@pytest.mark.parametrize(
    ("content", "figures"),
    [
        (
            packed(metrics_json=b'{"model": {"accuracy": 0.9, "rows": 3}, "baseline": {"accuracy": 0.5}}'),
            {"accuracy": 0.9, "rows": 3},
        ),
        (
            packed(metrics_json=b'{"AUC": 0.91, "ok": true, "name": "x", "none": null, "list": [1]}'),
            {"AUC": 0.91},
        ),
        (
            packed(out__metrics_csv="\ufeffmetric,value\r\nAccuracy,0.88\r\n決定係数,0.5\r\n".encode()),
            {"Accuracy": 0.88, "決定係数": 0.5},
        ),
        (packed(metrics_csv="指標,値\n決定係数,0.5\n".encode("cp932")), {"決定係数": 0.5}),
        (packed(metrics_csv=b"a,nan\nb,inf\nc,1e3\nd\n,5\n" + b"x" * 61 + b",1\n"), {"c": 1000.0}),
        (packed(other_csv=b"Accuracy,0.88\n"), {}),
        (packed(metrics_json=b'{"a": 1' + b"0" * 400 + b"}"), {}),
        (packed(metrics_json=b"[" * 200_000), {}),
        (packed(metrics_json=b"not json"), {}),
        (packed(metrics_csv=b"\xff\xfe\x00"), {}),
        (packed(metrics_csv=b"a,1\n" + b"," * 2_000_000), {"a": 1.0}),
        (b"not a zip", {}),
        (packed(metrics_csv=b"a,1\n")[:-30], {}),
        (b"", {}),
    ],
    ids=lambda each: str(each) if isinstance(each, dict) else "",
)
def test_figures_are_those_of_the_metrics_files(read, content, figures):
    assert read(content) == figures


def test_there_are_not_more_than_can_be_shown(read):
    many = json.dumps({f"m{number}": number for number in range(500)}).encode()
    assert list(read(packed(metrics_json=many))) == [f"m{number}" for number in range(24)]


def test_a_member_that_unpacks_to_very_much_is_not_unpacked(read):
    bomb = packed(metrics_json=b" " * (64 << 20))
    assert len(bomb) < 1 << 20
    assert read(bomb) == {}


def test_another_file_in_its_place_is_not_read(read):
    assert read(packed(metrics_csv=b"a,1\n"), sha256="0" * 64) == {}


def test_a_link_in_its_place_is_not_followed(tmp_path):
    content = packed(metrics_csv=b"a,1\n")
    (tmp_path / "elsewhere.zip").write_bytes(content)
    (tmp_path / "results.zip").symlink_to("elsewhere.zip")
    assert scores_in(tmp_path / "results.zip", hashlib.sha256(content).hexdigest()) == {}


@pytest.mark.parametrize("members", [10, 20_000, 70_000])
def test_an_archive_that_lists_very_many_members_is_not_read(read, monkeypatch, members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("metrics.csv", "auc,0.9\n")
        archive.writestr("one", b"")
        archive.filelist += archive.filelist[-1:] * (members - 1)
    opened = []
    real = zipfile.ZipFile
    monkeypatch.setattr(zipfile, "ZipFile", lambda *each: opened.append(each) or real(*each))
    assert read(made.getvalue()) == ({"auc": 0.9} if members == 10 else {})
    assert bool(opened) == (members == 10)
