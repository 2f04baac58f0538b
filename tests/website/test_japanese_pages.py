"""The Japanese pages have what the English ones have, in the service's words and in polite, full-width Japanese."""

import re
from datetime import UTC, datetime

import pytest

from report.wording.test_languages import HALF_WIDTH, POLITE, SPACE
from retraind.dataset.rules.service_messages import MESSAGES
from retraind.domain.job import Outcome
from retraind.domain.problems import problem
from retraind.report.wording import Section, Voice
from website import messages

ENGLISH, JAPANESE = messages.DOCS, messages.DOCS / "ja"
PAIRS = sorted(path.name for path in JAPANESE.glob("*.md"))
FENCE = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?:<!-- id: (\S+) -->\n)?(#+) (.+)$", re.MULTILINE)


def headings(text: str) -> list[tuple[str | None, int, str]]:
    return [(name, len(level), words) for name, level, words in HEADING.findall(FENCE.sub("", text))]


def address(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_there_are_pages_for_those_who_drop_files():
    assert PAIRS == ["data-rules.md", "handoff.md", "notes.md"]


@pytest.mark.parametrize("name", PAIRS)
def test_a_japanese_page_has_each_section_of_the_english_one(name):
    english = headings((ENGLISH / name).read_text("utf-8"))[1:]
    japanese = headings((JAPANESE / name).read_text("utf-8"))[1:]
    assert [(found, level) for found, level, _ in japanese] == [
        (address(words), level) for _, level, words in english
    ]


@pytest.mark.parametrize("name", PAIRS)
def test_the_examples_are_the_same_in_both(name):
    english, japanese = (FENCE.findall((each / name).read_text("utf-8")) for each in (ENGLISH, JAPANESE))
    assert japanese == english


@pytest.mark.parametrize("name", PAIRS)
def test_the_tables_have_the_same_rows_and_the_lists_the_same_points(name):
    counts = []
    for folder in (ENGLISH, JAPANESE):
        text = FENCE.sub("", (folder / name).read_text("utf-8"))
        counts.append(
            (
                len(re.findall(r"^\|", text, re.MULTILINE)),
                len(re.findall(r"^ *(?:-|\d+\.) ", text, re.MULTILINE)),
            )
        )
    assert counts[0] == counts[1]


def test_the_rules_are_the_same_with_the_service_s_japanese_messages():
    english, japanese = messages.rules("en"), messages.rules("ja")
    assert list(english) == list(japanese)
    kinds = {"error": "エラー", "warning": "警告"}
    in_japanese = {each.english: each.japanese for each in MESSAGES if each.english and each.japanese}
    for rule, told in english.items():
        assert japanese[rule].severity == kinds[told.severity], rule
        assert japanese[rule].service == in_japanese.get(told.service, told.service), rule


def test_the_service_s_messages_are_all_listed():
    text = (JAPANESE / "data-rules.md").read_text("utf-8")
    rows = re.findall(
        r"^\| (\w*) \| (.*?) \| (.*?) \| (データの問題|モデルの処理を保留|サービスの問題) \|$",
        text,
        re.MULTILINE,
    )
    assert [row[:3] for row in rows] == [
        (each.number or "", each.japanese or "", each.english or "") for each in MESSAGES
    ]


@pytest.mark.parametrize(("language", "folder"), [("en", ENGLISH), ("ja", JAPANESE)])
def test_the_lines_of_status_txt_that_the_page_explains_begin_as_it_says(language, folder):
    voice, why, now = Voice(language=language), problem("key_wrong"), datetime(2026, 11, 30, tzinfo=UTC)
    lines = [
        voice.label(code, why=why)
        for code in ("on_hold", "action_needed_soon", "late", "drop_folder_trouble")
    ]
    lines += [
        voice.label("waiting_for", outage="…"),
        *(voice.label("section", which=each) for each in Section),
    ]
    lines.append(voice.label("published_model", key="1", since=now, by_hand=False, job="j"))
    lines.append(
        voice.label("last_finished", key="1", outcome=Outcome.FAILED, unclear=False, ended=now, job="j")
    )
    section = (folder / "notes.md").read_text("utf-8").partition("## STATUS.txt\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(.+?)` \|", section, re.MULTILINE)
    assert len(told) == 11
    assert [each for each in told if not any(line.startswith(each) for line in lines)] == []


@pytest.mark.parametrize(
    "path", [*JAPANESE.glob("*.md"), *ENGLISH.glob("website/pages/ja/*.md")], ids=lambda path: path.name
)
def test_the_japanese_is_polite_and_its_punctuation_has_full_width(path):
    text = re.sub(r"`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", "", FENCE.sub("", path.read_text("utf-8")))
    prose = [line for line in text.splitlines() if not line.startswith(("|", "#"))]
    sentences = re.sub(r"（[^（）]*）|[*「」]", "", "".join(line.strip(" -") for line in prose)).split("。")[
        :-1
    ]
    assert [each for each in sentences if not POLITE.search(each.strip())] == []
    assert [line for line in prose if HALF_WIDTH.search(line) or SPACE.search(line)] == []
