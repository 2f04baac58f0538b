"""What is below the table or among its rows: what counts them, totals, notes, the end of a text in DOS."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from retraind.dataset.reader.columns.numbers import is_marker
from retraind.dataset.reader.examples import MAX_EXAMPLES
from retraind.dataset.reader.ragged import RaggedRow
from retraind.dataset.reader.table import ReadResult
from retraind.dataset.rules.causes.cause import Cause
from retraind.dataset.rules.causes.sample import (
    Part,
    delimiter_of,
    is_date,
    is_number,
    parts_of,
)
from retraind.dataset.rules.data_file import DataFile
from retraind.dataset.rules.service_messages import RAGGED
from retraind.domain.problems import Finding, Severity

_COUNT = re.compile(
    r"\W{0,3}\d[\d,.]* *(rows?|records?|lines?|row\(s\)|record\(s\)|行|件|レコード)([^\t;|]{0,80})|"
    r"completion time: .*|(query ok|only showing top|no more rows)\b.*|\[\d+ rows x \d+ columns\]|"
    r"(total |row |record )?(rows?|records?|count|件数|総件数|レコード数|データ件数)( count)? ?[:=].*",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"\W*((grand|sub|report)?[ -]?totals?|sum|average|総?合計|総計|小計|集計|計|平均)\W*|"
    r"((grand )?total|総?合計|総計)\s*:.+",
    re.IGNORECASE,
)
_TOTAL_OF = re.compile(
    r".*[\s　:：]((sub|grand )?total|総?合計|総計|小計|集計|計)\W*|.*(小計|合計|総計)\W*|"  # noqa: RUF001
    r"((sub|grand )?total|小計|合計|総計)[\s　:：].*",  # noqa: RUF001
    re.IGNORECASE,
)
"""One that names what it is a total of, as Excel's subtotals do."""
_END = re.compile(
    r"\W*(eof|end([ -]of[ -](file|data|report|list|table|records?))?|trailer|以上|終わり|おわり|終了)\W*",
    re.IGNORECASE,
)
_LOGGED = r"(\[?\d{2,4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S*\s+)?\[?"
"""What a line of a log begins with."""
_NOTE = re.compile(
    r"[※#＊]|\*|[(\[【〔<]?\s*(注記?|脚注|備考|出所|出典|資料|参考|凡例)\s*\d{0,2}\s*[)\]】〕>:]|"  # noqa: RUF001
    r"出典|経過|所要時間|\.{3,}$|…$|\w*sql\w*>|time( taken)?:|"
    r"(note|source|copyright|report|elapsed|trailer|end of|(grand |sub-?)?total)\b|"
    r"総?合\s*計|総計|小計|以上|[-=+_~*]{3,}$|[<>]{7} |"
    r"no (data|rows?|records?|results?)\b|該当|"
    r"(データ|結果|レコード)[はが](ありません|見つかり|存在しません)|"
    rf"{_LOGGED}(trace|debug|info|notice)\b|page \d+\b|\d+ ?ページ|ページ ?\d+|"
    r"-+ ?\d+ ?-+$|\d+ ?/ ?\d+ ?(ページ|頁|pages?)?$",
    re.IGNORECASE,
)
_FAILED = re.compile(
    rf'<(!doctype )?html\b|<\?xml\b|{{\s*"?(error|message|code|status)"?:|'
    rf"{_LOGGED}(warn|error|fatal|severe)\b|"
    r"(<[^>]*>\s*)*(error|fatal|exception|traceback|warning|sqlstate|timeout expired|"
    r"query (was )?(cancelled|aborted))\b|"
    r"(ora|sp2|tns|db2|sql)-?\d{4,5}[A-Z]?\b|msg \d+, |エラー|警告|異常終了",
    re.IGNORECASE,
)
_MAY_BE_TOTAL = re.compile(r'[\r\n][,\t" ]*[^,\t\r\n]{0,80}(計|[Tt]otal|TOTAL)')
_MOSTLY = 0.5  # of the rows
_NEARLY_ALL = 0.9
_LONGEST = 100  # characters of a name of a total
_MOST_LINES = 50  # below a table
_CTRL_Z = b"\x1a"


class LineBelow(NamedTuple):
    """The first line below a table that says anything."""

    line: int
    text: str
    counts: bool  # it counts the rows
    failed: bool = False  # the program that wrote the table reports an error
    among: bool = False  # rows follow


def line_below(table: ReadResult) -> LineBelow | None:
    """Return the line below the table, if nothing is wrong with any row above it.

    An empty line sets it apart, or what it says.
    """
    ragged, last = table.ragged, table.oddities.last_line
    filled = [row for row in ragged.first if row.width]
    if not filled:
        return None
    first, end = ragged.first[0].line, ragged.first[-1].line
    if ragged.count > MAX_EXAMPLES:  # those that are not kept are of the same kind if all are together
        apart = not ragged.first[0].width and all(row.width == 1 for row in filled)
        end = last if apart and ragged.count <= _MOST_LINES else 0
    texts = [table.text(row.text).strip().strip('"').strip() for row in filled]
    apart = first < filled[0].line
    failed = [at for at, text in enumerate(texts) if _FAILED.match(text)]
    # Of a message, some lines may have as many columns as a row.
    most = _MOST_LINES if failed[:1] == [0] else ragged.count
    if end - first >= most or end < last - 1:
        return None
    if not all(
        says_end(text)
        or at >= min(failed, default=len(texts))  # all of it is one message
        or _has_count(row, text, table)
        or (apart and row.width == 1)
        for at, (row, text) in enumerate(zip(filled, texts, strict=True))
    ):
        return None
    shown = max(failed, key=lambda at: len(texts[at]), default=0)
    return LineBelow(filled[shown].line, texts[shown], any(map(_COUNT.fullmatch, texts)), bool(failed))


def _has_count(row: RaggedRow, text: str, table: ReadResult) -> bool:
    """Return whether a short row has the number of those above it, as trailers of files do."""
    cells = [cell.strip().strip('"') for cell in text.split(delimiter_of(table))]
    count = table.rows - table.ragged.count
    counts = {str(count), str(count + 1), str(count + 2)}  # with the header and with itself
    known = {table.text(each[0]) for each in table.oddities.rows if each}
    if row.width >= table.width or is_number(cells[0]) or cells[0] in known:
        return False  # a row that is cut may have any number
    return any(cell.lstrip("0") in counts for cell in cells[1:])


def says_end(text: str) -> bool:
    """Return whether a text shows that it is no row: a count, a total, a note, the end."""
    plain = unicodedata.normalize("NFKC", text)
    return bool(_NOTE.match(plain)) or any(each.fullmatch(plain) for each in (_COUNT, _TOTAL, _END))


def _line_among(table: ReadResult) -> LineBelow | None:
    """Return the first line among the rows that says what no row says, if others are empty or say so, too."""
    filled = [row for row in table.ragged.first if row.width]
    texts = [table.text(row.text).strip().strip('"').strip() for row in filled]
    failed = [bool(_FAILED.match(text)) for text in texts]
    if table.ragged.count > MAX_EXAMPLES or not texts:
        return None
    if not all(says_end(text) or fails for text, fails in zip(texts, failed, strict=True)):
        return None
    shown = failed.index(True) if any(failed) else 0
    counts = any(map(_COUNT.fullmatch, texts))
    return LineBelow(filled[shown].line, texts[shown], counts, failed=any(failed), among=True)


def rows_line(file: DataFile) -> Iterator[Cause]:
    """No line stands below the table or in it, such as one that counts the rows, a total, or a note."""
    table = file.table
    if (line := line_below(table) or _line_among(table)) is not None:
        finding = _rows_line(file, line, is_row=False)
        message = range(line.line, line.line + _MOST_LINES) if line.failed and not line.among else ()
        yield Cause(finding, lambda each: each.rule == "ragged-rows" or each.line in message)
    elif (total := _total(table)) is not None:
        finding = _rows_line(file, total, is_row=True)

        def explains(each: Finding) -> bool:
            if each.rule == "ragged-rows":
                return _sets_apart(file, total.line)
            return each.line == total.line

        yield Cause(finding, explains, Severity.WARNING)


def _rows_line(file: DataFile, found: LineBelow, *, is_row: bool) -> Finding:
    return file.warning(
        "rows-line",
        service=None if is_row and not file.table.ragged else RAGGED,
        line=found.line,
        text=found.text,
        is_row=is_row,
        failed=found.failed,
        among=found.among,
        counts=found.counts,
        paired=file.paired,
    )


def _sets_apart(file: DataFile, line: int) -> bool:
    """Return whether the ragged rows are those between the table and this line, and say nothing."""
    ragged = file.table.ragged
    above = all(not row.width or says_end(file.text(row.text)) for row in ragged.first)
    return above and ragged.count <= MAX_EXAMPLES and ragged.first[0].line >= line - ragged.count


def _total(table: ReadResult) -> LineBelow | None:
    """Return the last row, if it is a total of the others, a note, or says that the file ends."""
    text = table.text(table.oddities.tail.rstrip(b"\r\n"))
    lines = text.splitlines()
    empty = table.oddities.tail[len(table.oddities.tail.rstrip(b"\r\n")) :]
    if len(lines) < 2:  # noqa: PLR2004
        return None
    try:
        cells = next(csv.reader([lines[-1]], delimiter=delimiter_of(table), strict=True))
    except csv.Error:
        return None
    place = next((at for at, cell in enumerate(cells) if cell.strip()), None)
    if len(cells) != table.width or place is None:
        return None
    name = cells[place].strip()
    plain = unicodedata.normalize("NFKC", "".join(name.split())) if not name.isascii() else name
    # Of a wide row, only the first values are kept.
    above = [
        value for row in table.oddities.rows if place < len(row) and (value := table.text(row[place]).strip())
    ]
    is_note = _is_note_alone(name, cells, table) and not any(map(says_end, above[:-1]))
    is_end = is_note or _TOTAL.fullmatch(plain) or _END.fullmatch(plain)
    if not is_end or not above or name in above[:-1]:
        return None
    differs = all(is_number(value) or is_date(value) for value in above if value != name)
    if not differs and not any(not cell.strip() or is_marker(cell.encode()) for cell in cells):
        return None
    return LineBelow(table.oddities.last_line - max(0, len(empty.splitlines()) - 1), name, counts=False)


def _is_note_alone(name: str, cells: Sequence[str], table: ReadResult) -> bool:
    """Return whether a row has a note and nothing else, unlike the first rows."""
    alone = sum(map(bool, map(str.strip, cells))) == 1 and says_end(name)
    return alone and all(sum(map(bool, row)) > 1 for row in table.oddities.rows)


def subtotals(file: DataFile) -> Iterator[Cause]:
    """No row among the others is a total of some of them: such rows lack values that the others have."""
    table = file.table
    places = [place for part in parts_of(table) if _may_have_total(part.text) for place in _totals(part)]
    # Behind the first rows, a column of numbers or dates shows it; several do where a second table begins.
    broken = [*table.columns.broken.values()]
    lines = [each.line for each in broken]
    late = ((each.line, table.text(each.value).strip()) for each in broken if lines.count(each.line) == 1)
    places += [(line, name) for line, name in late if _is_total(name)]
    found = sorted({line: name for line, name in places if line != table.oddities.last_line}.items())
    if not found:
        return
    (line, name), *others = found
    finding = file.warning(
        "subtotal-rows", line=line, text=name, others=others, total=len(found), paired=file.paired
    )
    told = {line for line, _ in found}
    yield Cause(
        finding, lambda each: each.rule in {"rare-text", "late-text"} and each.line in told, Severity.WARNING
    )


def _may_have_total(text: str) -> bool:
    # The first is far faster.
    return any(each in text for each in ("計", "otal", "OTAL")) and bool(_MAY_BE_TOTAL.search("\n" + text))


def _totals(part: Part) -> Iterator[tuple[int, str]]:
    """Yield the lines and names of rows that are totals; none if most of them have such names."""
    rows = part.rows()
    names = [next((cell.strip() for cell in row.cells if cell.strip()), "") for row in rows]
    totals = [at for at, name in enumerate(names) if _is_total(name)]
    if len(totals) >= _MOSTLY * len(rows):
        return
    data = [row for row, name in zip(rows, names, strict=True) if totals and not _is_total(name)]
    usual = [
        at
        for at in (range(part.table.width) if data else ())
        if sum(bool(row.cells[at].strip()) for row in data) >= _NEARLY_ALL * len(data)
    ]
    for at in totals:
        if any(not rows[at].cells[column].strip() for column in usual):
            yield rows[at].line, names[at]


def _is_total(name: str) -> bool:
    return len(name) <= _LONGEST and bool(_TOTAL.fullmatch(name) or _TOTAL_OF.fullmatch(name))


def ctrl_z(file: DataFile) -> Iterator[Cause]:
    """The file has no byte that ended a text in DOS, at its end or where another file begins."""
    table = file.table
    found = table.oddities.ctrl_z
    tail = table.oddities.tail
    at = tail.find(_CTRL_Z)
    rest = tail[at:]
    if at >= 0 and not rest.strip(b"\x1a\r\n \0") and found.count <= rest.count(_CTRL_Z):
        yield _at_end(file, own_line=not at or tail[at - 1 : at] in (b"\n", b"\r"))
        return
    if not found or set(found.first) <= set(table.oddities.headers.first):
        return  # the header behind it says that another file begins
    lines = list(dict.fromkeys(found.first))
    finding = file.warning(
        "ctrl-z", line=lines[0], at_end=False, others=lines[1:], total=found.count, paired=file.paired
    )

    def explains(each: Finding) -> bool:
        if each.rule == "ragged-rows":
            rows = table.ragged
            return rows.count <= found.count and all(
                row.text.startswith(_CTRL_Z) and row.width == 1 for row in rows.first
            )
        return each.line in lines

    yield Cause(finding, explains, Severity.WARNING)


def _at_end(file: DataFile, *, own_line: bool) -> Cause:
    table = file.table
    ragged = table.ragged.first
    alone = 0 < table.ragged.count <= MAX_EXAMPLES and ragged[-1].width == 1 and not any(
        row.width for row in ragged[:-1]
    )  # fmt: skip
    line = table.oddities.last_line if own_line or not table.ragged else ragged[-1].line
    if alone and own_line:
        line = ragged[-1].line
    finding = file.warning("ctrl-z", line=line, at_end=True, others=[], total=1, paired=file.paired)
    return Cause(
        finding, lambda each: alone if each.rule == "ragged-rows" else each.line == line, Severity.WARNING
    )
