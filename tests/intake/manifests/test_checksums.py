"""Lists of checksums as programs write them."""

import hashlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.domain.problems import Problem
from retraind.intake.manifests.checksums import checksums_in
from retraind.intake.manifests.manifest import Listed, path_in
from support.words import told

DIGEST = "ab" * 32
FORMS = {
    "text": f"{DIGEST}  train_1.csv\n",
    "binary": f"{DIGEST} *train_1.csv\n",
    "tag": f"SHA256 (train_1.csv) = {DIGEST}\n",
    "tag, as OpenSSL writes it": f"SHA256(train_1.csv)= {DIGEST}\n",
    "capitals": f"{DIGEST.upper()}  train_1.csv\n",
    "Windows lines": f"{DIGEST}  train_1.csv\r\n",
    "without an end of line": f"{DIGEST}  train_1.csv",
    "a comment": f"# made by hand\n\n{DIGEST}  train_1.csv\n",
    "the checksum alone": f"{DIGEST}\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_is_understood(text, encoding):
    assert checksums_in(text.encode(encoding), "x.sha256", "train_1.csv") == [
        Listed("train_1.csv", None, DIGEST)
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "x.sha256 is still empty."),
        (b"\n \n", "x.sha256 is still empty."),
        (b"# none\n", "x.sha256 is still empty."),
        (f"{DIGEST}\n".encode(), "line 1 is not a SHA-256 checksum and a file's name."),
        (
            f"{DIGEST}  a.csv\n{DIGEST[:40]}".encode(),
            "line 2 is not a SHA-256 checksum and a file's name; it may still be",
        ),
        (f"{DIGEST[:32]}  a.csv\n".encode(), "line 1 is not"),
        (b"\xff\xfeab\xd8", "x.sha256 is not a list of checksums: it is not UTF-8."),
        (f"{DIGEST}  \xe9.csv\n".encode("latin-1"), "it is not UTF-8."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(content, sentence):
    found = checksums_in(content, "x.sha256")
    assert isinstance(found, Problem)
    assert sentence in told(found)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
@pytest.mark.parametrize("option", ["--text", "--binary", "--tag"])
@given(
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
)
def test_what_sha256sum_writes_of_any_name_is_understood(option, name, tmp_path_factory):
    if name in {".", ".."} or name.startswith("-"):
        return
    folder = tmp_path_factory.mktemp("sums")
    (folder / name).write_bytes(b"x")
    written = subprocess.run(["sha256sum", option, f"./{name}"], cwd=folder, capture_output=True, check=True)
    [found] = checksums_in(written.stdout, "x.sha256")
    assert (found.name, found.sha256) == (f"./{name}", hashlib.sha256(b"x").hexdigest())


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_whatever_it_holds_it_is_a_list_or_a_sentence(content):
    found = checksums_in(content, "x.sha256")
    if isinstance(found, Problem):
        assert told(found).startswith("x.sha256 is ")
    else:
        assert all(len(each.sha256) == 64 and each.name for each in found)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ("train.csv", "train.csv"),
        ("./train.csv", "train.csv"),
        (".\\train.csv", "train.csv"),
        (".\\train\\1.csv", "train/1.csv"),
        ("././train//1.csv", "train/1.csv"),
        ("/export/train.csv", "/export/train.csv"),
        ("../train.csv", "../train.csv"),
    ],
)
def test_an_entry_names_a_path_below_the_drop_folder(entry, path):
    assert path_in(entry) == path


@given(st.text(st.sampled_from("./\\a"), max_size=8))
def test_a_path_that_was_read_stays_as_it_is(entry):
    assert path_in(path_in(entry)) == path_in(entry)
    assert path_in(entry).startswith("/") == entry.replace("\\", "/").startswith("/")
