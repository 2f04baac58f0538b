import json
import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.system.escape import display, json_escaped, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("train_é.csv", "train_é.csv"),
        (unicodedata.normalize("NFD", "é"), "é"),
        (os.fsdecode(b"tr\xe4in.csv"), "tr\\xe4in.csv"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("\u202egpj.csv", "\\u202egpj.csv"),
        ("顧客　データ", "顧客　データ"),
    ],
)
def test_names_are_shown_so_that_they_cannot_deceive(name, shown):
    assert display(name) == shown


@given(st.text())
def test_whatever_a_text_holds_it_stays_on_its_lines_and_can_be_printed(text):
    assert all(char.isprintable() or char == "\u3000" for char in display(text))
    shown = printable(text)
    assert shown.count("\n") == text.count("\n")
    assert printable(shown) == shown, "what was made fit to be shown is not escaped again"


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_escaped_json_says_the_same(value):
    document = json_escaped(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(document) == value
    assert all(char.isprintable() or char in "\n\u3000" for char in document)
