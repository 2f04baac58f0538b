"""The pages that are generated are complete: every message in both languages, every key, every command."""

import re

import pytest

from config.test_config_example import schema_keys
from retraind.cli.arguments import commands as commands_of
from retraind.cli.arguments import complete_parser
from retraind.config.settings import ModelSettings
from retraind.domain.data_rules import RULES
from retraind.domain.job import LIFE
from retraind.report.wording.catalogue import _OF_PROBLEMS, LANGUAGES, own_entries
from website import commands, configuration, messages, pictures, stage
from website.words import GROUPS, LABELS

ID = re.compile(r"^<!-- id: (\S+) -->$", re.MULTILINE)


def entries(page: str) -> dict[str, str]:
    """Return what a page says under each anchor."""
    pieces = ID.split(page)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


@pytest.fixture(scope="module", params=LANGUAGES)
def told(request) -> tuple[str, dict[str, str]]:
    page = messages.page(request.param)
    anchors = ID.findall(page)
    assert len(anchors) == len(set(anchors))
    return request.param, entries(page)


def test_every_message_is_under_its_code_with_what_is_seen_and_what_to_do(told):
    language, found = told
    labels = LABELS[language]
    codes = set(messages.explained(language))
    assert len(codes) > 400
    assert set(RULES) | {"key_refused", "file_not_arrived", "connection_lost"} <= codes
    assert set(found) - {group.name for group in GROUPS} == codes
    for code in codes:
        text = found[code]
        assert re.search(rf"\*\*{labels.seen}\*\*\n\n> \S", text), code
        assert re.search(rf"\*\*({labels.remedy}|{labels.operator})\*\* \S", text), code
        if code in RULES:
            assert f"**{labels.cause}** " in text, code


def test_every_module_of_the_wording_is_known_to_have_problems_or_to_have_none():
    modules = {entry.module.partition(".")[0] for entry in own_entries("en").values()}
    assert modules == _OF_PROBLEMS | {"notes", "notifications", "page", "screens"}


def test_both_languages_explain_the_same_messages_in_the_same_parts():
    first, second = (
        [(code, messages.group_of(entry).name) for code, entry in messages.explained(each).items()]
        for each in LANGUAGES
    )
    assert sorted(first) == sorted(second)
    assert {group.name for group in GROUPS} == {name for _, name in first}


def test_what_a_message_says_is_no_markup():
    assert messages._plain("*.csv `x` <b> a_b | [c] #d") == r"\*.csv \`x\` \<b\> a\_b \| \[c\] \#d"


def test_every_key_is_in_the_reference_with_its_type_and_default():
    found = entries(configuration.page())
    keys = {name.replace(".", "-") for name in schema_keys()}
    tables = {(table.prefix or "top").replace(".", "-") for table in configuration.TABLES}
    assert set(found) == keys | tables
    for key in keys:
        assert re.search(r"^- Type: \S", found[key], re.MULTILINE), key
        assert re.search(r"^- (Default: |Required)", found[key], re.MULTILINE), key
    assert '- Type: a duration\n- Default: `"10s"`' in found["models-settle"]
    assert "- Required." in found["models-drop"]
    assert '`"settle"`, `"marker"`, `"manifest"`' in found["models-ready"]
    assert 'Default: `"none"`' in found["models-expect-roll"], "it has no line of its own in the example"
    assert found["poll-slowest"].count("but at least this often") == 1


def test_a_key_that_is_new_needs_words(monkeypatch):
    field = ModelSettings.model_fields["settle"]
    monkeypatch.setitem(ModelSettings.__pydantic_fields__, "shiny", field)
    with pytest.raises(KeyError, match="shiny"):
        configuration.page()


def test_every_command_and_every_option_is_in_the_reference():
    page = commands.page()
    parser = complete_parser()
    names = [
        *commands_of(parser),
        "model add",
        "model remove",
        "journal backup",
        "journal restore",
        "journal verify",
    ]
    assert [name for name in names if f"\n## `retraind {name}`\n" not in page] == []
    options = {
        option for command in commands_of(parser).values() for action in command._actions
        for option in action.option_strings if option.startswith("--") and option != "--help"
    }  # fmt: skip
    assert [option for option in options if not re.search(rf"`{option}\b", page)] == []


def test_the_pictures_are_what_the_code_draws():
    kept = {path.stem: path.read_text("utf-8") for path in pictures.FOLDER.glob("*.svg")}
    assert kept == pictures.pictures(), "run: PYTHONPATH=docs .venv/bin/python -m website.pictures"


def test_the_picture_of_a_job_s_life_has_an_arrow_for_each_transition_and_a_box_for_each_state():
    drawn = pictures.pictures()["life"]
    assert drawn.count('<path class="arrow') == sum(len(stage.next) for stage in LIFE.values())
    assert [state for state in LIFE if f">{state.value}</text>" not in drawn] == []


def test_all_pages_can_be_put_together_and_have_no_link_that_only_the_repository_knows(tmp_path):
    files = stage.stage(tmp_path)
    assert {file.name for file in files} >= {"report.schema.json", "alerts.yml", "dashboard.json"}
    for language in stage.NAVIGATION:
        names = {page.name for page in stage.all_pages(language)} | {"index"}
        assert {path.stem for path in (tmp_path / language).glob("*.md")} == names
        for path in (tmp_path / language).glob("*.md"):
            text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
            assert "\x00" not in text
            assert re.findall(r"\]\((?!https?://|mailto:)[^)]*\.md", text) == [], path


def test_every_page_of_the_repository_is_on_the_site():
    on_site = {page.source for language in stage.NAVIGATION for page in stage.all_pages(language)}
    assert {f"docs/{path.relative_to(messages.DOCS)}" for path in messages.DOCS.glob("*.md")} <= on_site
    assert {f"docs/{path.relative_to(messages.DOCS)}" for path in messages.DOCS.glob("ja/*.md")} <= on_site


def rewritten(text: str, language: str = "en") -> str:
    return stage._Rewriter(stage.Page("x", "docs/x.md"), language, []).rewritten(text)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("`sweep.interval`", '<a class="key" href="configuration.html#sweep-interval"><code>sweep.interval</code></a>'),
        ("`pair_timeout`", '<a class="key" href="configuration.html#models-pair_timeout"><code>pair_timeout</code></a>'),
        ("`ragged-rows`", '<a class="key" href="troubleshooting.html#ragged-rows"><code>ragged-rows</code></a>'),
        ("[a `b`](handoff.md#marker)", '<a href="handoff.html#marker">a <code>b</code></a>'),
        ("[all](../README.md)", '<a href="quick-start.html">all</a>'),
        ("[keys](../config.example.toml)", '<a href="configuration.html">keys</a>'),
        ("[日本語](ja/notes.md#codes)", '<a href="ja/notes.html#codes">日本語</a>'),
        ("[schema](report.schema.json)", '<a href="files/report.schema.json">schema</a>'),
        ("*T*<!-- page: troubleshooting -->", '<a href="troubleshooting.html">T</a>'),
        ("[out](https://example.com/a.md)", "[out](https://example.com/a.md)"),
        ("```sh\n[x](y.md) `sweep.nothing`\n```", "```sh\n[x](y.md) `sweep.nothing`\n```"),
        ("## `sweep.interval`", "## `sweep.interval`"),
    ],
)  # fmt: skip
def test_what_the_repository_s_markdown_becomes(text, made):
    assert rewritten(text) == made


def test_a_japanese_line_that_ends_has_no_space_behind_it():
    assert (
        rewritten("次の行と。\n続きます。\n\n- 一つ\n- 二つ", "ja")
        == "次の行と。続きます。\n\n- 一つ\n- 二つ"
    )


@pytest.mark.parametrize("text", ["`sweep.intervall`", "[x](nowhere.md)", "[x](../nothing.txt)"])
def test_a_key_or_a_file_that_there_is_not_stops_the_build(text):
    with pytest.raises(stage.Wrong):
        rewritten(text)
