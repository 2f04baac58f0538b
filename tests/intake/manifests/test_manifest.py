import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.domain.problems import Problem
from retraind.intake.manifests.manifest import Manifest, manifest_in
from support.words import told

GOOD = {"name": "train_1.csv", "size": 8, "sha256": "0" * 64}
WRONG = [
    # content, what is told, why
    (b'{"files": [{"name": "tra', "m.json ends too early at line 1, column 24; it may still be arriving.", "half"),
    (b" \n", "m.json is still empty.", "just created"),
    (b"\xef\xbb\xbf", "m.json is still empty.", "just created by a Windows program"),
    (b'{"files": [}', "m.json is not a manifest: it is not valid JSON in UTF-8 at line 1, column 12.", "a slip"),
    ('{"files": []}'.encode("utf-16"), "it is not valid JSON in UTF-8 at line 1, column 1.", "UTF-16"),
    (b"[" * 100_000, "it is not valid JSON in UTF-8 at line 1, column ", "deeply nested"),
    (b"[]", "m.json is not a manifest: it must begin with { and list files.", "another kind of JSON"),
    ({}, "m.json is not a manifest: it must have files, a list of one to ten", "without files"),
    ({"files": []}, "it must have files, a list of one to ten files", "names nothing"),
    ({"files": "train_1.csv"}, "it must have files, a list of one to ten files in [ and ].", "no list"),
    ({"files": [GOOD, "eval_1.csv"]}, "its file 2 must be in { and }, with name, size and sha256.", "just a name"),
    ({"files": [GOOD | {"name": 1}]}, "name of its file 1 must be the file's name in quotes.", "no name"),
    ({"files": [GOOD | {"size": -1}]}, "size of its file 1 must be its size in bytes, a number", "size"),
    ({"files": [GOOD, {"name": "a", "size": 1}]}, "sha256 of its file 2 is missing (its SHA-256, 64 hexa", "no hash"),
    ({"files": [GOOD | {"sha256": "0" * 63}]}, "sha256 of its file 1 must be its SHA-256, 64 ", "a digit is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "sentence", "why"), WRONG, ids=[row[-1] for row in WRONG])
def test_what_is_wrong_is_told_in_plain_words_with_its_place(content, sentence, why):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    said = told(manifest_in(text, "m.json"))
    assert sentence in said
    assert ("A valid manifest: " in said) == ("empty" not in said)


def test_the_example_that_is_shown_is_right_but_for_its_digits():
    said = told(manifest_in(b"[]", "m.json"))
    shown = said.partition("A valid manifest: ")[2].replace("…64 hexadecimal digits…", "a" * 64)
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
    found = manifest_in(content, "m.json")
    if isinstance(found, Problem):
        said = told(found)
        assert said.startswith("m.json ")
        assert not re.search(r"pydantic|Input|valid (list|dictionary|string)|expected", said)
