"""Files that are not tables at all: a web page, JSON, a pointer to the real file, a database dump."""

import html
import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.causes.cause import Cause, everything
from retraind.dataset.rules.causes.sample import head_text
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.header import MIN_COLUMNS
from retraind.dataset.rules.service_messages import FORMAT
from retraind.domain.problems import Severity


class ForeignKind(StrEnum):
    """What a text is that is not a table."""

    HTML = "html"
    XML = "xml"
    JSON = "json"
    LFS = "git-lfs"
    ANNEX = "git-annex"
    MAIL = "mail"
    SQL = "sql"
    RTF = "rtf"
    PEM = "pem"
    ARFF = "arff"
    MESSAGE = "message"
    SHORTCUT = "shortcut"
    YAML = "yaml"
    ESCAPED = "escaped"
    ZENGIN = "zengin"


_HTML = re.compile(r"<(!doctype html|html|head|body|meta|title|script|style|table|div|h1|p)\b", re.IGNORECASE)
_TAG = re.compile(r"<([A-Za-z_][\w:.-]*)(\s[^<>]*)?>")
_OPENINGS = (
    (ForeignKind.LFS, re.compile(r"version https://git-lfs\.github\.com/spec/")),
    (ForeignKind.ANNEX, re.compile(r"(?=\S*?/annex/objects/)\S*+\s*+\Z")),
    (ForeignKind.SHORTCUT, re.compile(r"\[(InternetShortcut|Desktop Entry)\]", re.IGNORECASE)),
    (ForeignKind.YAML, re.compile(r"---[ ]*\r?\n(#[^\n]*\n)*(- )?[\w\"-]+:([ ][^,\n]*)?\r?\n")),
    (ForeignKind.RTF, re.compile(r"\{\\rtf")),
    (ForeignKind.PEM, re.compile(r"-----BEGIN ")),
    (
        ForeignKind.MESSAGE,
        re.compile(r"(<br ?/?>\s*)*<b>((fatal |parse )?error|warning|notice|deprecated)\b", re.IGNORECASE),
    ),
    (ForeignKind.ARFF, re.compile(r"(%[^\n]*\n\s*)*@relation\s", re.IGNORECASE)),
)
_COMMENT = re.compile(r"\s*<!--.*?-->", re.DOTALL)
_JSON = re.compile(r'\s*(\[\s*)?(\{\s*("|\}|$)|\[\s*["\[\d{\]-])|\s*\[\s*$')
_MAIL = re.compile(
    r"(Return-Path|Delivered-To|Received|From|To|Cc|Subject|Date|Message-ID|MIME-Version|Reply-To|"
    r"Content-[A-Za-z-]+|DKIM-Signature|X-[\w-]+):.*|From [^\s@]+@\S++ .*|[ \t].*",
    re.IGNORECASE,
)
_SQL_COMMENT = re.compile(r"\s*(--[^\n]*\n|/\*.*?\*/;?)", re.DOTALL)
_SQL = re.compile(
    r"\s*(INSERT\s+(INTO|IGNORE)\s|CREATE\s+(TABLE|DATABASE|SCHEMA)\s|DROP\s+TABLE\s|SET\s+[@\w.]+\s*(=|TO\s)|"
    r"SET\s+IDENTITY_INSERT\s|LOCK\s+TABLES\s|COPY\s+\S+\s*\(.*FROM\s+stdin|BEGIN(\s+TRANSACTION)?;|"
    r"PRAGMA\s+\w+|USE\s+\S+;|REM\s+INSERTING|SELECT\s.+\sFROM\s)",
    re.IGNORECASE | re.DOTALL,
)
_MESSAGE = re.compile(
    r"(HTTP/\d(\.\d)? \d{3}|(error|fatal|exception|traceback|ora-\d+|msg \d+|sqlstate)\b|[45]\d\d[ :]|"
    r"(access|permission) denied|forbidden|unauthori[sz]ed|not found|page not found|service unavailable|"
    r"internal server error|bad gateway|session (has )?(expired|timed out)|please (sign|log) in|エラー|"
    r"no (data|rows?|records?|results?)( (was|were|is|are))?( (available|found|selected|returned|to))?\b|"
    r"該当.{0,12}(なし|無し|ありません)|(データ|結果)[はが](ありません|見つかり|存在しません)|アクセスが拒否|ログインしてください|セッション.*切れ)",
    re.IGNORECASE,
)
_PROGRAM = re.compile(
    r"[\w./ -]{2,40}: ([\w\[\]()'.-]+:? ){0,3}"
    r"(error|fatal|failed|denied|cannot|could not|not found|unable|no such)\b",
    re.IGNORECASE,
)
_TITLES = (
    re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL),
    re.compile(r"<h1[^>]*>(.*?)</h1>", re.IGNORECASE | re.DOTALL),
    re.compile(r"<message[^>]*>(.*?)</message>", re.IGNORECASE | re.DOTALL),
    re.compile(r"<code[^>]*>(.*?)</code>", re.IGNORECASE | re.DOTALL),
    re.compile(r'"?ERROR_MSG"?,"?([^"\n]+)'),
    re.compile(r'"(?:error_description|message|error|detail|title)"\s*:\s*"((?:[^"\\]|\\.)*)"'),
    re.compile(r"^Subject:(.*)$", re.IGNORECASE | re.MULTILINE),
)
_SENTENCE = re.compile(r"(?=\S+(\s+\S+){3}|.{10})[^\n]*[^\W\d_]([.!]|[。！])\s*", re.DOTALL)  # noqa: RUF001
_RESULT = re.compile(r'"?RESULT"?\s*\n"?STATUS"?,')
"""How the answers of e-Stat, the Japanese government's statistics, begin; those with data are longer."""
_MEMBERS = re.compile(r"(- |[ \t]+)?[\w\"'.-]+:( .*)?|- .*|\s*(#.*)?")
_ENCODED = re.compile(r"[A-Za-z0-9+/]{60,}={0,2}")
_BREAK = re.compile(r"\\r?\\n|\\n")
_ZENGIN = (120, 200)  # bytes of a record
_FEW = 3  # line breaks, lines, records
_SHORT_MESSAGE = 10  # lines
_TITLED_KINDS = {ForeignKind.HTML, ForeignKind.XML, ForeignKind.JSON, ForeignKind.MAIL, ForeignKind.MESSAGE}
_TITLE_CHARS = 200
_TITLED = 8_000  # characters of a text in which its title is searched for
_MAIL_HEADERS = 3


def foreign(file: DataFile) -> Iterator[Cause]:
    """The file is a table, not another text."""
    table = file.table
    text = head_text(table).lstrip("\ufeff \t\r\n")
    kind = _kind(text, table)
    if kind is None:
        return
    finding = file.warning(
        "not-a-table",
        service=FORMAT,
        line=1,
        kind=kind,
        title=_title(text, kind),
        extension=table.suffix,
        paired=file.paired,
    )
    yield Cause(finding, everything, Severity.WARNING)


def _kind(text: str, table: ReadResult) -> ForeignKind | None:
    lines = text.splitlines()
    if (kind := next((kind for kind, opening in _OPENINGS if opening.match(text)), None)) is not None:
        return kind
    if text.startswith("<"):
        return _markup(text)
    # A table's header may begin like a message; a message is a line or two, without a table after it.
    is_short = len(lines) <= _SHORT_MESSAGE and (table.width < MIN_COLUMNS or not table.rows)
    is_message = is_short and (
        any(opening.match(text) for opening in (_MESSAGE, _PROGRAM, _RESULT))
        or (len(text) <= _TITLE_CHARS and len(lines) == 1 and _SENTENCE.fullmatch(text) is not None)
    )
    found = {
        ForeignKind.JSON: _is_json(text, lines),
        ForeignKind.MAIL: _is_mail(lines),
        ForeignKind.SQL: _is_sql(text),
        ForeignKind.ESCAPED: not table.rows and len(lines) == 1 and len(_BREAK.findall(text)) >= _FEW,
        ForeignKind.ZENGIN: not table.rows and _is_zengin(table.oddities.head),
        ForeignKind.MESSAGE: is_message,
        ForeignKind.YAML: table.width < MIN_COLUMNS and _is_yaml(lines),
        ForeignKind.PEM: table.width == 1 and not table.endless_header and _is_encoded(lines),
    }
    return next((kind for kind, is_it in found.items() if is_it), None)


def _markup(text: str) -> ForeignKind | None:
    while found := _COMMENT.match(text):
        text = text[found.end() :].lstrip()
    if _HTML.match(text):
        return ForeignKind.HTML
    if text.startswith("<?xml"):
        return ForeignKind.HTML if re.search(r"<html\b", text[:2_000], re.IGNORECASE) else ForeignKind.XML
    # Some exports of prices write their columns' names as <TICKER>,<DATE>.
    return ForeignKind.XML if _TAG.match(text) and "</" in text else None


def _is_json(text: str, lines: Sequence[str]) -> bool:
    if not _JSON.match(text[:1_000]):
        return False
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except RecursionError:
        return True
    except ValueError as error:
        # The head may be cut anywhere in a long file; one that is complete is not JSON.
        cut = getattr(error, "pos", 0) >= len(text.rstrip()) - 1
        unfinished = str(error).startswith("Unterminated string")
        return cut or unfinished or _is_json_line(lines)
    # The names of a table's columns may be in brackets.
    between = "," if isinstance(value, dict) else ""
    behind = text[end:].lstrip(f"{between} \t\r\n")
    return not behind or behind[0] in "[{"


def _is_json_line(lines: Sequence[str]) -> bool:
    try:
        return bool(lines) and isinstance(json.loads(lines[0]), dict | list)
    except (ValueError, RecursionError):
        return False


def _is_mail(lines: Sequence[str]) -> bool:
    head = []
    for line in lines:
        if not line.strip():
            break
        if _MAIL.fullmatch(line) is None:
            return False
        head.append(line)
    names = {line.partition(":")[0].lower() for line in head}
    known = {"from", "to", "subject", "date", "received", "mime-version", "content-type", "message-id"}
    return len(names & known) >= _MAIL_HEADERS


def _is_sql(text: str) -> bool:
    commented = False
    while found := _SQL_COMMENT.match(text):
        commented = True
        text = text[found.end() :]
    first = text.lstrip().partition("\n")[0]
    return _SQL.match(text) is not None and (commented or ";" in text or "(" in first)


def _is_yaml(lines: Sequence[str]) -> bool:
    """Return whether all lines are members of objects, and there are lists or objects in them."""
    begins = lines[: _FEW + 1]
    return len(lines) > _FEW and begins[0][:2] == "- " and all(map(_MEMBERS.fullmatch, begins))


def _is_zengin(head: bytes) -> bool:
    """Return whether these are records of Japanese banks, which need no line breaks: 1, 2, 2, …, 8, 9."""
    return any(
        head[:1] == b"1" and len(head) > _FEW * size and set(head[size::size]) <= set(b"289")
        for size in _ZENGIN
    )


def _is_encoded(lines: Sequence[str]) -> bool:
    """Return whether this is base64, as emails have attachments in it."""
    return bool(lines) and all(map(_ENCODED.fullmatch, lines[:_FEW][:-1] or lines)) and len(lines[0]) % 4 == 0


def _title(text: str, kind: ForeignKind) -> str | None:
    """Return what the text says of itself, in one line."""
    if kind is ForeignKind.MESSAGE and not _RESULT.match(text):
        lines = re.sub(r"<[^>]*>", "", text).strip().splitlines()
        return html.unescape(lines[0])[:_TITLE_CHARS]
    if kind not in _TITLED_KINDS:
        return None
    found = next(
        (match[1] for title in _TITLES if (match := title.search(text, 0, _TITLED)) and match[1].strip()), ""
    )
    plain = html.unescape(re.sub(r"<[^>]*>|\s+", " ", found))
    return " ".join(plain.split())[:_TITLE_CHARS] or None
