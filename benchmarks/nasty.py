"""Contents that are hard to read: every kind of error on each line, and bytes that no table has.

A content is a start, such as a header and good rows, and a body that goes on to the end of the file.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, cycle, islice

GOOD_ROWS = 2_000
"""Of a table that only turns bad behind its sample."""
_WIDE, _WIDEST = 999, 5_000
_ROWS = 4_000
"""That a body consists of before it repeats itself, or fewer if they are long."""
_LONG = 2 << 20
_HEADER = b"id,customer,amount,day,class\n"


@dataclass(frozen=True, slots=True)
class Content:
    """What a file has; `body` is repeated."""

    start: bytes
    body: bytes
    target: str | None = None
    suffix: str = ".csv"

    def of_size(self, size: int) -> bytes:
        """Return a file of about this many bytes."""
        rest = max(size - len(self.start), 0)
        return self.start + self.body * (rest // len(self.body)) + self.body[: rest % len(self.body)]


def _good(number: int) -> list[bytes]:
    return [
        b"%d" % (number * 7919 % 1_000_003),
        b"customer %d" % (number * 31 % 977),
        b"%d.%02d" % (number * 17 % 5_000, number % 100),
        b"2024-%02d-%02d" % (number % 12 + 1, number % 28 + 1),
        (b"gold", b"silver", b"bronze")[number % 3],
    ]


def _line(cells: Iterable[bytes]) -> bytes:
    return b",".join(cells) + b"\n"


_FIRST_ROWS = _HEADER + b"".join(_line(_good(each)) for each in range(GOOD_ROWS))


def _rows(row: Callable[[int], bytes], count: int = _ROWS) -> bytes:
    made = []
    size = 0
    for number in range(count):
        made.append(row(number))
        size += len(made[-1])
        if size > _LONG:
            break
    return b"".join(made)


def _with(column: int, value: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Return rows that are good but for one column."""

    def row(number: int) -> bytes:
        cells = _good(number)
        cells[column] = value(number)
        return _line(cells)

    return row


def _quoted(value: bytes) -> bytes:
    return b'"' + value.replace(b'"', b'""') + b'"'


_ATOMS: Mapping[str, bytes] = {
    "delimiters": b",",
    "line feeds": b"\n",
    "CR": b"\r",
    "CR LF": b"\r\n",
    "CR CR LF": b"\r\r\n",
    "LF CR": b"\n\r",
    "delimiter, LF": b",\n",
    "delimiter, CR": b",\r",
    "3 delimiters, LF": b",,,\n",
    "quotes": b'"',
    "quote, LF": b'"\n',
    "quote, CR": b'"\r',
    "quote, CR LF": b'"\r\n',
    "quote, delimiter": b'",',
    "delimiter, quote": b',"',
    "2 quotes, LF": b'""\n',
    "2 quotes, CR": b'""\r',
    "2 quotes, delimiter": b'"",',
    "3 quotes, LF": b'"""\n',
    "3 quotes, delimiter": b'""",',
    "4 quotes, delimiter, LF": b'"""",\n',
    "quote, letter": b'"a',
    "letter, quote, LF": b'a"\n',
    "letter in quotes, LF": b'"a"\n',
    "LF in quotes, LF": b'"\n"\n',
    "LF in quotes, delimiter": b'"\n",',
    "CR in quotes, LF": b'"\r"\n',
    "blank, quote, LF": b' "\n',
    "text behind quotes": b'"a"b\n',
    "backslash, quote": b'\\"',
    "backslash, quote, LF": b'\\"a\n',
    "letters": b"a",
    "letter, LF": b"a\n",
    "letter, CR": b"a\r",
    "letter, LF, letter, CR": b"a\nb\r",
    "letter, LF, letter, CR LF": b"a\nb\r\n",
    "letter, delimiter": b"a,",
    "digit, delimiter, LF": b"1,\n",
    "blanks": b" ",
    "blank, LF": b" \n",
    "blank, delimiter": b" ,",
    "tab, LF": b"\t\n",
    "NUL": b"\0",
    "NUL, LF": b"\0\n",
    "BOM": b"\xef\xbb\xbf",
    "BOM, LF": b"\xef\xbb\xbf\n",
    "BOM, delimiter": b"\xef\xbb\xbf,",
    "BOM, quote, LF": b'\xef\xbb\xbf"\n',
    "Ctrl-Z": b"\x1a",
    "Ctrl-Z, LF": b"\x1a\n",
    "vertical tab, form feed": b"\x0b\x0c",
    "bad byte": b"\xff",
    "bad byte, LF": b"\xff\n",
    "lead byte, LF": b"\x81\n",
    "cut UTF-8, LF": b"\xe3\x81\n",
    "half-width kana": b"\xb1",
    "half-width kana, LF": b"\xb1\xb2\xb3\n",
    "CP932": b"\x82\xa0",
    "CP932, LF": b"\x82\xa0,\n",
    "EUC-JP, LF": b"\xa4\xa2,\n",
    "UTF-8, LF": b"\xe3\x81\x82,\n",
    "surrogates, LF": b"\xed\xa0\xbd\xed\xb8\x80\n",
    "ISO-2022-JP, LF": b'\x1b$B$"\x1b(B,\n',
    "UTF-7, LF": b"+MEIwQg-,\n",
    "plus signs": b"+",
    "UTF-7, cut": b"+AGE",
    "U+3000": b"\x81\x40",
    "HTML": b"<tr><td>1</td><td>a</td></tr>\n",
    "XML": b'<row id="1"><a>1</a></row>\n',
    "JSON": b'{"id": 1, "customer": "a", "amount": 1.5},\n',
    "SQL": b"INSERT INTO t (a, b) VALUES (1, 'x');\n",
    "log": b'127.0.0.1 - - [30/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5\n',
    "hyphens": b"-----,-----,-----,-----,-----\n",
    "semicolons": b"1;2,5;a\n",
}
"""Bytes and lines that a file repeats."""


def _letters(number: int, count: int = 12) -> bytes:
    chance = random.Random(number)
    return bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=count))


_ENCODED = tuple(
    text.encode(codec)
    for codec, text in (
        ("ascii", "plain"),
        ("utf-8", "日本語"),
        ("cp932", "日本語"),
        ("euc_jp", "日本語"),
        ("iso2022_jp", "日本語"),
        ("cp1252", "Äpfel „süß“"),
        ("koi8_r", "Привет"),
        ("gb18030", "中文"),
        ("utf-16-le", "ab"),
    )
)
_DATES = (
    b"2024-01-02",
    b"2024/01/02",
    b"20240102",
    b"02.01.2024",
    b"2024-01-02T10:00:00Z",
    b"Jan-24",
    b"R6.1.2",
)
_NUMBERS = (b"12-", b"'12", b'"1,234"', b"12%", b'"1,5"', b"(12)", b"$12", b"\xef\xbc\x91\xef\xbc\x92")
_MARKERS = (b"NULL", b"NA", b"-", b"N/A", b"NaN", b"\\N", b"?")
_NAMES = _HEADER.rstrip(b"\n").split(b",")


def _damaged(number: int) -> bytes:
    cells = _good(number)
    chance = random.Random(number)
    made = bytearray(_line(cells))
    made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def _all_bad(number: int) -> bytes:
    return _line([b"x%d" % number, b"\xff", b"NULL", b"1969-01-01", b"class %d" % number])


_ROW_KINDS: Mapping[str, Callable[[int], bytes]] = {
    "good rows": lambda n: _line(_good(n)),
    "good rows, CR LF": lambda n: _line(_good(n)).replace(b"\n", b"\r\n"),
    "good rows, CR": lambda n: _line(_good(n)).replace(b"\n", b"\r"),
    "good rows, CR CR LF": lambda n: _line(_good(n)).replace(b"\n", b"\r\r\n"),
    "good rows, each ends in another way": lambda n: (
        _line(_good(n)).rstrip(b"\n") + (b"\n", b"\r\n", b"\r")[n % 3]
    ),
    "each value in quotes": lambda n: _line(map(_quoted, _good(n))),
    "quotes in quotes": _with(1, lambda n: b'"a ""%d"" b"' % n),
    "line breaks in quotes": _with(1, lambda n: b'"a\n%d"' % n),
    "10 line breaks in quotes": _with(1, lambda n: b'"a%b%d"' % (b"\n" * 10, n)),
    "CR in quotes": _with(1, lambda n: b'"a\r%d"' % n),
    "delimiters in quotes": _with(1, lambda n: b'"a,%d,b"' % n),
    "quotes inside values": _with(1, lambda n: b'a "%d" b' % n),
    "one quote inside values": _with(1, lambda n: b'5" %d' % n),
    "quotes that open and do not close": _with(1, lambda n: b'"%d' % n),
    "text behind quotes": _with(1, lambda n: b'"a"b%d' % n),
    "backslashes before quotes": _with(1, lambda n: b'"a \\"%d\\" b"' % n),
    "rows inside values": _with(1, lambda n: _quoted(b"a\n" + _line(_good(n)) * 10)),
    "header": lambda _: _HEADER,
    "header, upper case": lambda _: _HEADER.upper(),
    "header, other order": lambda _: _line(_NAMES[::-1]),
    "header, other orders": lambda n: _line([*_NAMES[n % 5 :], *_NAMES[: n % 5]]),
    "header, in quotes": lambda _: _line(map(_quoted, _NAMES)),
    "header, blanks": lambda _: _line(b" %b " % name for name in _NAMES),
    "header behind BOM": lambda _: b"\xef\xbb\xbf" + _HEADER,
    "header behind Ctrl-Z": lambda _: b"\x1a" + _HEADER,
    "header behind a row": lambda n: _line(_good(n))[:-1] + _HEADER,
    "header, every other row": lambda n: _line(_good(n)) if n % 2 else _HEADER,
    "header, upper case, every other row": lambda n: _line(_good(n)) if n % 2 else _HEADER.upper(),
    "header, every 20th row": lambda n: _line(_good(n)) if n % 20 else _HEADER,
    "header without its last name": lambda _: _line(_NAMES[:-1]),
    "header but one name": lambda _: _line([*_NAMES[:-1], b"grade"]),
    "names as values": _with(1, lambda n: _NAMES[n % 5]),
    "first name in each value": lambda _: _line([_NAMES[0]] * 5),
    "short rows": lambda n: _line(_good(n)[:-1]),
    "long rows": lambda n: _line([*_good(n), b"x"]),
    "one value": lambda n: _line(_good(n)[:1]),
    "widths alternate": lambda n: _line(_good(n)[: 4 + n % 2]),
    "two other widths": lambda n: _line([*_good(n), *_good(n)][: (3, 6)[n % 2]]),
    "all widths": lambda n: _line(islice(cycle(_good(n)), n % 40 + 1)),
    "short rows in quotes": lambda n: _line(map(_quoted, _good(n)[:-1])),
    "widths alternate, line breaks in quotes": lambda n: _line([b'"a\n%d"' % n, *_good(n)[1 : 4 + n % 2]]),
    "empty lines between rows": lambda n: _line(_good(n)) if n % 2 else b"\n",
    "blank rows between rows": lambda n: _line(_good(n)) if n % 2 else b",,,,\n",
    "rows of blanks between rows": lambda n: _line(_good(n)) if n % 2 else b" , ,\t, ,  \n",
    "rows of blanks, in many ways": lambda n: _line(b" " * (n * each % 7) for each in range(1, 6)),
    "blank rows": lambda _: b",,,,\n",
    "blank rows in quotes": lambda _: b'"","","","",""\n',
    "rows behind BOM": lambda n: b"\xef\xbb\xbf" + _line(_good(n)),
    "BOM in values": _with(1, lambda n: b"\xef\xbb\xbf%d" % n),
    "rows behind Ctrl-Z": lambda n: b"\x1a" + _line(_good(n)),
    "NUL in values": _with(1, lambda n: b"a\0%d" % n),
    "lines of hyphens between rows": lambda n: _line(_good(n)) if n % 2 else b"--,--,--,--,--\n",
    "comments between rows": lambda n: _line(_good(n)) if n % 2 else b"# row %d\n" % n,
    "good and bad rows in turn": lambda n: _line(_good(n)) if n % 2 else _all_bad(n),
    "one wrong byte in each row": _damaged,
    "all values bad": _all_bad,
    "text for a number": _with(2, lambda n: b"n%d" % n),
    "no number": _with(2, lambda _: b""),
    "markers for a number": _with(2, lambda n: _MARKERS[n % 7]),
    "numbers with signs": _with(2, lambda n: _NUMBERS[n % 8]),
    "numbers with thousands": _with(2, lambda n: b'"%d,%03d"' % (n + 1, n % 1000)),
    "exponents": _with(2, lambda n: b"%d.5e%d" % (n, n % 300)),
    "huge exponents": _with(2, lambda n: b"%de%d" % (n + 1, 400 + n)),
    "underscores in numbers": _with(2, lambda n: b"1_%03d" % n),
    "numbers between blanks": _with(2, lambda n: b"  %d  " % n),
    "long digits": _with(2, lambda n: b"%d" % (n + 1) * 60),
    "dates out of range": _with(3, lambda n: b"%d-%02d-01" % (1000 + n % 900, n % 12 + 1)),
    "text for a date": _with(3, lambda n: b"d%d" % n),
    "no date": _with(3, lambda _: b""),
    "markers for a date": _with(3, lambda n: _MARKERS[n % 7]),
    "dates in many forms": _with(3, lambda n: _DATES[n % 7]),
    "dates the service does not read": _with(
        3, lambda n: b"2024-%02d-%02dT10:%02d:00Z" % (n % 12 + 1, n % 28 + 1, n % 60)
    ),
    "month names": _with(3, lambda n: b"%d Jan 2024" % (n % 28 + 1)),
    "eras": _with(3, lambda n: f"令和6年{n % 12 + 1}月{n % 28 + 1}日".encode("cp932")),
    "dates, NULL, line breaks": lambda n: _line(
        [*_good(n)[:1], b'"a\n%d"' % n, *_good(n)[2:3], b"NULL" if n % 3 else b"2024-01-02", b"gold"]
    ),
    "no class": _with(4, lambda _: b""),
    "new classes": _with(4, lambda n: b"class %d" % n),
    "100 classes": _with(4, lambda n: b"class %d" % (n % 100)),
    "long classes": _with(4, lambda n: b"class %d" % (n % 190) * 40),
    "numbers for a class": _with(4, lambda n: b"%d" % n),
    "NULL for a class": _with(4, lambda n: b"NULL" if n % 2 else b"gold"),
    "line breaks in classes": _with(4, lambda n: b'"gold\n%d"' % (n % 9)),
    "bad UTF-8": _with(1, lambda n: b"a\xff%d" % n),
    "CP932": _with(1, lambda n: f"顧客{n}".encode("cp932")),
    "UTF-8": _with(1, lambda n: f"顧客{n}".encode()),
    "half-width kana": _with(1, lambda n: b"\xba\xb7\xac\xb8%d" % n),
    "each row in another encoding": _with(1, lambda n: _ENCODED[n % len(_ENCODED)]),
    "UTF-7": _with(1, lambda n: b"+Xmd%c-" % (65 + n % 26)),
    "plus signs": _with(1, lambda n: b"+%b" % _letters(n)),
    "many plus signs": _with(1, lambda _: b"+" * 40),
    "escape sequences": _with(1, lambda n: b"\x1b$B8\\5R\x1b(B%d" % n),
    "all bytes": _with(1, lambda _: bytes(each for each in range(1, 256) if each not in b'\r\n,"')),
    "U+3000": _with(1, lambda _: b"\x81\x40"),
    "random letters": _with(1, lambda n: _letters(n, 40)),
    "long values": _with(1, lambda n: _letters(n) * 500),
    "long values in quotes": _with(1, lambda n: _quoted(_letters(n) * 500)),
    "values of 100 kB": _with(1, lambda n: _letters(n) * 8_000),
    "values of 100 kB in quotes": _with(1, lambda n: _quoted(_letters(n, 11) + b"\n") * 8_000),
}
"""Rows that follow a header, and good rows."""


def _wide(
    width: int, cell: Callable[[int, int], bytes], first: Callable[[int], bytes] | None = None
) -> Content:
    """Return a table of many columns; `first` is what the header and the first rows have instead."""
    header = _line(b"c%d" % each for each in range(width))
    good = first or (lambda column: b"%d" % column)
    start = header + _line(map(good, range(width))) * (1_100 if first else 0)
    return Content(start, _rows(lambda n: _line(cell(n, each) for each in range(width)), 40))


def _wide_contents() -> Iterator[tuple[str, Callable[[], Content]]]:
    for width in (_WIDE, _WIDEST):
        for name, cell in (
            ("numbers", lambda n, at: b"%d" % (n * at)),
            ("quotes", lambda n, at: b'"%d"' % (n * at)),
            ("empty", lambda _n, _at: b""),
            ("empty quotes", lambda _n, _at: b'""'),
            ("line breaks", lambda n, at: b'"%d\n"' % (n * at)),
            ("text", lambda n, at: _letters(n * at % 999, 4)),
            ("dates out of range", lambda n, at: b"1%03d-01-01" % (n * at % 900)),
            ("date forms", lambda n, at: _DATES[(n + at) % 7]),
            ("names", lambda n, at: b"c%d" % ((at + n) % _WIDE)),
            ("first name", lambda _n, _at: b"c0"),
            ("short rows", lambda _n, at: b"%d" % at if at else b"\n"),
        ):
            yield f"{width} columns, {name}", partial(_wide, width, cell)
    for name, cell in (
        ("text for numbers", lambda n, at: b"x%d" % (n + at)),
        ("markers for numbers", lambda _n, _at: b"NULL"),
        ("no numbers", lambda _n, _at: b""),
        ("signs at numbers", lambda _n, _at: b"12-"),
    ):
        yield f"{_WIDE} columns, {name} behind numbers", partial(_wide, _WIDE, cell, lambda at: b"%d" % at)
    for name, cell in (
        ("text for dates", lambda n, at: b"x%d" % (n + at)),
        ("NULL for dates", lambda _n, _at: b"NULL"),
        ("dates out of range", lambda n, at: b"1%03d-01-01" % ((n + at) % 900)),
    ):
        yield f"{_WIDE} columns, {name} behind dates", partial(_wide, _WIDE, cell, lambda _at: b"2024-01-02")


def _giants() -> Iterator[tuple[str, Callable[[], Content]]]:
    yield "one field", partial(Content, _HEADER, _letters(1, 9_999))
    yield "one field in quotes", partial(Content, _HEADER + b'"', _letters(1, 9_999))
    yield "one field of lines in quotes", partial(Content, _HEADER + b'"', _letters(1, 50) + b"\n")
    yield "one field of rows in quotes", partial(Content, _HEADER + b'"', _rows(_ROW_KINDS["good rows"]))
    yield "one field of two quotes", partial(Content, _HEADER + b'"', _letters(1, 50) + b'""')
    yield "one field of short lines in quotes", partial(Content, _HEADER + b'"', b"a\n")
    yield "one record", partial(Content, _HEADER, _letters(1, 5) + b",")
    yield "one record in quotes", partial(Content, _HEADER, _quoted(_letters(1, 5)) + b",")
    yield "one record of line breaks in quotes", partial(Content, _HEADER, b'"a\nb",')


def _behind(start: bytes, row: Callable[[int], bytes]) -> Content:
    return Content(start, _rows(row), "class")


def contents() -> Iterator[tuple[str, Callable[[], Content]]]:
    """Yield the names of all of them, and what makes each."""
    for name, atom in _ATOMS.items():
        body = atom * (4_096 // len(atom))
        yield f"{name} only", partial(Content, b"", body)
        yield f"{name} below a header", partial(Content, _HEADER, body)
        yield f"{name} behind rows", partial(Content, _FIRST_ROWS, body, "class")
    for name, row in _ROW_KINDS.items():
        yield f"rows: {name}", partial(_behind, _HEADER, row)
        yield f"rows: {name}, behind good ones", partial(_behind, _FIRST_ROWS, row)
    yield from chain(_wide_contents(), _giants())
