"""Texts on the share: wrapped to a width, in English at spaces, in Japanese as its typesetting has it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retraind.report.layout import bullets, cells, fill, paragraphs

CLOSING = set("、。）」』】：！？ーっゃゅょァッ％")
OPENING = set("（「『【")
SENTENCE = (
    "データがサービスのルールに違反しているため（2026年11月30日 9:05:00 JSTの検査）、送信していません。「train_2026-11.csv」を"
    "修正し、投入し直してください。再試行するには、次のコマンドを実行してください：retraind retry 2026-11-23T020000Z_11_abc123"
)
JAPANESE = st.text(st.sampled_from("あ漢っー、。「」（）：ab1 "), max_size=300)


@pytest.mark.parametrize("width", [56, 63, 64, 65, 77, 100, 101, 120])
def test_a_japanese_sentence_is_cut_where_it_may_be(width):
    text = fill(SENTENCE, "  - ", "    ", width, "ja")
    assert text.startswith("  - ")
    lines = [line[4:] for line in text.splitlines()]
    assert max(map(cells, lines)) <= width - 4
    assert not CLOSING & {line[0] for line in lines}
    assert not OPENING & {line[-1] for line in lines}
    for whole in (
        "「train_2026-11.csv」",
        "2026年11月30日 9:05:00 JST",
        "retraind retry 2026-11-23T020000Z_11_abc123",
    ):
        assert any(whole in line for line in lines), whole
    assert "".join(lines) == SENTENCE


@given(text=JAPANESE, width=st.integers(8, 60))
def test_nothing_of_a_japanese_text_is_lost_but_spaces_at_the_ends_of_lines(text, width):
    assert "".join(fill(text, width=width, language="ja").split()) == "".join(text.split())


@given(text=st.text(st.sampled_from("あ漢字表"), max_size=300), width=st.integers(8, 60))
def test_each_line_of_a_japanese_text_is_full(text, width):
    lines = fill(text, width=width, language="ja").splitlines()
    assert all(cells(line) in {width, width - 1} for line in lines[:-1])


def test_a_command_in_brackets_ends_at_the_bracket():
    text = f"まず「retraind retry JOB」で再試行してください。{'長い説明です。' * 20}"
    lines = fill(text, width=60, language="ja").splitlines()
    assert max(map(cells, lines)) <= 60


CODED = {
    "ja": "今すぐ送信するには、次のコマンドを実行します：retraind release 2026-11_abc123（コード：budget_used_up）",
    "en": "To send it now, run: retraind release 2026-11_abc123 (code: budget_used_up)",
}


@pytest.mark.parametrize("language", CODED)
@pytest.mark.parametrize("width", [60, 120])
def test_a_command_can_be_copied_with_its_line_though_a_code_is_behind_it(language, width):
    lines = fill(CODED[language], "  - ", "    ", width, language).splitlines()
    assert lines[-2].endswith("retraind release 2026-11_abc123")
    assert lines[-1].strip(" （）()").endswith("budget_used_up")


@pytest.mark.parametrize("before", range(20))
def test_a_short_parenthesis_is_not_cut_in_a_japanese_text(before):
    text = fill(
        "あ" * before + "、UTF-8（BOMあり）で保存してください。（コード：utf-16）", width=40, language="ja"
    )
    assert "（BOMあり）" in text
    assert "（コード：utf-16）" in text


def test_a_name_with_japanese_characters_is_not_cut_in_an_english_text():
    name = "売上データ" * 8 + ".csv"
    assert name in fill(
        f"The file that is called {name} is still being written by some other program.", width=60
    )


@given(words=st.lists(st.text(st.sampled_from("ab.売"), min_size=1)), width=st.integers(8, 60))
def test_an_english_text_is_cut_at_spaces_where_a_line_is_full(words, width):
    lines = fill(" ".join(words), width=width).split("\n")
    assert " ".join(lines).split() == words
    assert all(cells(line) <= width or " " not in line for line in lines)
    assert all(cells(f"{line} {after.split()[0]}") > width for line, after in pairwise(lines))


def test_a_line_break_in_a_text_is_a_space():
    assert [fill("a\nb", language=language) for language in ("en", "ja")] == ["a b", "a b"]


def test_lists_and_paragraphs_are_wrapped_by_the_rules_of_their_language():
    told = "あ" * 100
    assert bullets([told], 60, "ja").splitlines() == [
        "  - " + "あ" * 28,
        "    " + "あ" * 28,
        "    " + "あ" * 28,
        "    " + "あ" * 16,
    ]
    assert paragraphs([told], 100, "ja").splitlines() == ["あ" * 50, "あ" * 50]
