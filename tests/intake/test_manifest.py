import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.intake.manifest import Manifest, manifest_in

GOOD = {"name": "train_1.csv", "size": 8, "sha256": "0" * 64}
WRONG = [
    # content, what is told, why
    (b'{"files": [{"name": "tra', "m.json breaks off at line 1, column 24; it may still be on its way.", "half"),
    (b" \n", "m.json is empty so far.", "just created"),
    (b"\xef\xbb\xbf", "m.json is empty so far.", "just created by a Windows program"),
    (b'{"files": [}', "m.json is no JSON in UTF-8: what stands at line 1, column 12 makes no sense there.", "a slip"),
    ('{"files": []}'.encode("utf-16"), "m.json is no JSON in UTF-8: what stands at line 1, column 1 ", "UTF-16"),
    (b"[" * 100_000, "m.json is no JSON in UTF-8: what stands at line 1, column ", "deeply nested"),
    (b"[]", "m.json is not a manifest: it has to begin with { and to hold files.", "another kind of JSON"),
    ({}, "m.json is not a manifest: files has to be there, a list of one to ten", "without files"),
    ({"files": []}, "files has to be there, a list of one to ten files", "names nothing"),
    ({"files": "train_1.csv"}, "files has to be there, a list of one to ten files in [ and ].", "no list"),
    ({"files": [GOOD, "eval_1.csv"]}, "its file 2 has to be in { and }, with name, size and sha256.", "just a name"),
    ({"files": [GOOD | {"name": 1}]}, "name of its file 1 has to be the file's name in quotes.", "no name"),
    ({"files": [GOOD | {"size": -1}]}, "size of its file 1 has to be its length in bytes, a number", "size"),
    ({"files": [GOOD, {"name": "a", "size": 1}]}, "sha256 of its file 2 is missing, which is its SHA-256, 64 ", "no hash"),
    ({"files": [GOOD | {"sha256": "0" * 63}]}, "sha256 of its file 1 has to be its SHA-256, 64 ", "a digit is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "told", "why"), WRONG, ids=[row[-1] for row in WRONG])
def test_what_is_wrong_is_told_in_plain_words_with_its_place(content, told, why):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    said = manifest_in(text, "m.json")
    assert told in said
    assert said.endswith(".")
    assert ("A right one is" in said) == ("empty" not in said)


def test_the_example_that_is_shown_is_right_but_for_its_digits():
    said = manifest_in(b"[]", "m.json")
    shown = re.search(r"A right one is (.*)\.$", said)[1].replace("…64 hexadecimal digits…", "a" * 64)
    assert isinstance(manifest_in(shown.encode(), "m.json"), Manifest)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["files", "name", "size", "sha256"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40))
def test_whatever_it_holds_it_is_a_manifest_or_a_sentence_without_a_librarys_words(content):
    said = manifest_in(content, "m.json")
    if isinstance(said, str):
        assert said.startswith("m.json ")
        assert not re.search(r"pydantic|Input|valid (list|dictionary|string)|expected", said)
