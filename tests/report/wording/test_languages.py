"""Each language says the same, in its own words."""

import ast
import errno
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from retraind.config.settings import Settings
from retraind.domain.problems import problem
from retraind.report import wording
from retraind.report.wording import Voice
from retraind.report.wording.catalogue import COMMANDS_ONLY, LANGUAGES, catalogue, own_entries
from retraind.report.wording.words import Notice, Words

FIRST, *OTHERS = LANGUAGES
FOLDER = Path(wording.__file__).parent


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_has_every_code_but_those_of_commands_only(language):
    own = own_entries(language)
    lacking = {
        entry.module
        for code, entry in own_entries(FIRST).items()
        if entry.module not in COMMANDS_ONLY and code not in own
    }
    assert lacking == set()


@pytest.mark.parametrize("language", OTHERS)
def test_each_code_is_in_the_same_module_and_takes_the_same_facts(language):
    first = own_entries(FIRST)
    for code, entry in own_entries(language).items():
        assert code in first, f"{code} is no code"
        assert entry.module == first[code].module
        assert dict(entry.parameters) == dict(first[code].parameters), code
        assert entry.optional == first[code].optional, code


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_code_returns_is_one_string_or_words_or_a_notice(language):
    for code, entry in own_entries(language).items():
        made = inspect.get_annotations(entry.function)["return"]
        assert made in {str, Words, Notice}, code
        assert (made is Notice) == (
            inspect.get_annotations(own_entries(FIRST)[code].function)["return"] is Notice
        )


@pytest.mark.parametrize("language", OTHERS)
def test_what_a_language_lacks_is_said_in_the_first_one(language):
    lacking = own_entries(FIRST).keys() - own_entries(language).keys()
    assert lacking
    assert all(catalogue(language)[code] == own_entries(FIRST)[code] for code in lacking)


def test_the_modules_that_a_language_may_lack_are_those_of_commands():
    modules = {entry.module for entry in own_entries(FIRST).values()}
    screens = {module for module in modules if module.startswith("screens.")}
    assert screens - {"screens.status"} == COMMANDS_ONLY


# Japanese

LATIN = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
"""A word; a letter alone is none."""
PROGRAMS = {
    "retraind", "Spark", "Hadoop", "Snowflake", "Redshift", "BigQuery", "coalesce", "SINGLE", "TRUE", "PARALLEL",
    "OFF", "Excel", "Windows", "Linux", "Samba", "Office", "Apprise", "Prediction", "One", "SQLite", "Zip",
    "inotify", "fstab", "systemd", "umask", "chmod", "awk", "mount", "mv", "journalctl", "sha256sum",
    "Python", "pandas", "read_json", "to_csv", "escapechar", "doublequote", "True", "newline", "escape", "MySQL",
    "ESCAPED", "BY", "ClickHouse", "Oracle", "PowerShell", "Export", "ConvertTo", "NoTypeInformation", "Invoke",
    "Sqlcmd", "Csv", "sqlcmd", "psql", "copy", "pset", "footer", "off", "HEADER", "SET", "NOCOUNT", "ON", "MARKUP", "PAGESIZE", "FEEDBACK", "Plus", "mysql", "Git", "git",
    "LFS", "annex", "Weka", "Mac", "Roman", "Cyrillic", "DOS", "Unix", "Kubernetes", "PySocks", "Cntlm", "Px",
    "Starlette", "uvicorn", "Jinja2", "fuser", "LoadCredential", "PATH", "FILE", "NAME", "RETRAIND_", "Ctrl",
    "root", "sudo", "year", "true", "false",
}  # fmt: skip
FORMATS = {
    "FTP", "CSV", "TSV", "JSON", "PDF", "Parquet", "Arrow", "UTF", "BOM", "Shift_JIS", "CP932", "EUC", "JP", "EBCDIC", "ISO",
    "Unicode", "ASCII", "IBM", "NUL", "HTTP", "HTTPS", "TLS", "URL", "API", "ID", "SHA", "AUC", "RMSE", "NFS",
    "SMB", "DNS", "JST", "UTC", "kB", "MB", "GB", "KiB", "MiB", "GiB", "Web", "HTML", "YAML", "XML", "SQL", "RTF", "PEM", "ARFF", "ZIP",
    "gzip", "base64", "bzip2", "xz", "zstd", "FEFF", "x1A", "CR", "LF", "CESU", "UTF8", "AL32UTF8", "utf", "sig", "YYYY", "MM", "DD",
    "hh", "mm", "ss", "kbit", "Mbit", "Gbit", "TOML", "NTLM", "Negotiate", "Kerberos", "SOCKS", "http", "https", "sqlite",
}  # fmt: skip
"""Names, as they stand in any language."""


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Return the words of the configuration: tables, keys, and the values to choose from."""
    for name, field in model.model_fields.items():
        yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from keys_of(kind)
            elif get_origin(kind) is Literal:
                yield from get_args(kind)


ALLOWED = PROGRAMS | FORMATS | {part for key in keys_of(Settings) for part in LATIN.findall(key)}
NAMED = re.compile(
    r"STATUS\.txt|RESULT\.txt|ERROR\.txt|report\.json|results\.zip|job\.json|(?<![\w.])(?:failed|done)/"
    r"|\.csv|\.tsv|\.zip|train_2026-11\.csv|config\.example\.toml|docs/(?:install|data-rules)\.md"
    r'|"[!-~…]*"|「[ -~]+|\'[!-~]+\'|=[!-~]+|\{key\}|(?:train|eval)[_/]|http://user:password@proxy|--for'
)
"""Names of files, and what is to be written as it stands: in quotes, in brackets, behind an equals sign."""


def texts(language: str) -> Iterator[tuple[str, str]]:
    """Return the literal texts of a language's modules, each with its place; not values, commands and notes."""
    for path in sorted((FOLDER / language).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        left_out = {id(node) for node in ast.walk(tree) for node in _no_texts(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
                yield f"{path.relative_to(FOLDER)}:{node.lineno}", node.value


def _no_texts(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Constant()):
            yield node.value
        case ast.Dict(keys=keys):
            yield from (each for each in keys if each)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=part):
            yield from ast.walk(part)
        case ast.Subscript(slice=part):
            yield from ast.walk(part)
        case ast.Compare():
            yield from ast.walk(node)
        case ast.Call(func=ast.Name(id="command" | "run" | "by_operator" | "shell"), args=arguments):
            for each in arguments:
                yield from ast.walk(each)
        case ast.FormattedValue(format_spec=ast.JoinedStr() as form):
            yield from ast.walk(form)
        case ast.Call(
            func=ast.Attribute(
                attr="get" | "endswith" | "startswith" | "removeprefix" | "replace" | "encode"
            ),
            args=arguments,
        ):
            yield from arguments


COMMANDS = {
    "status", "retry", "switch", "release", "jobs", "snooze", "churn", "end", "accept", "JOB", "BACKUP", "journal", "restore", "go", "FNR", "NR",
    "joined", "tmp", "fs", "max_user_watches", "files", "name", "size", "sha256", "Asia", "Tokyo", "DE", "BY",
    "Add", "Content", "Encoding",
}  # fmt: skip
"""What is to be typed, of commands and files."""


def test_a_japanese_text_has_no_english_word_but_names():
    english = set()
    for place, text in texts("ja"):
        words = {word for word in LATIN.findall(NAMED.sub("", text)) if len(word) > 1}
        english |= {(place, word) for word in words - ALLOWED - COMMANDS}
    assert english == set()


POLITE = re.compile(r"(ます|です|ません|ました|でした|ください)$")
HALF_WIDTH = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff][,!?:;()]|[,!?;]\s?[\u3040-\u30ff\u4e00-\u9fff]")
SPACE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff][ \u3000]+[\u3040-\u30ff\u4e00-\u9fff]")


def test_each_japanese_sentence_is_polite():
    ends = [
        (place, sentence)
        for place, text in texts("ja")
        for sentence in re.sub(r"（[^（）]*）|[^（）]*）", "", text).split("。")[:-1]
    ]
    assert len(ends) > 300
    assert [each for each in ends if len(each[1]) > 2 and not POLITE.search(each[1])] == []


def test_japanese_punctuation_has_full_width_and_no_space_is_between_words():
    wrong = [(place, text) for place, text in texts("ja") if HALF_WIDTH.search(text) or SPACE.search(text)]
    assert wrong == []


def test_japanese_words_on_the_share_survive_being_saved_as_shift_jis():
    for place, text in texts("ja"):
        if not place.startswith("ja/page"):
            assert text.encode("cp932").decode("cp932") == text, place


SQLITE_SAYS = ("database or disk is full", "disk I/O error", "file is not a database")


@pytest.mark.parametrize("said", [*map(os.strerror, (errno.ENOENT, errno.EACCES, errno.EIO)), *SQLITE_SAYS])
def test_what_the_system_says_in_english_is_said_in_japanese(said):
    for code in ("path_inaccessible", "database_error"):
        told = Voice(language="ja").tell(problem(code, reason=said))
        assert said in Voice().tell(problem(code, reason=said))
        assert set(LATIN.findall(told)) <= ALLOWED
