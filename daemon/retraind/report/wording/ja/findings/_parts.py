"""Parts of sentences about findings."""

from collections.abc import Iterable, Sequence

from retraind.report.wording.ja._parts import listing, quoted

KINDS = {
    "office": "Excelブックなどのオフィス文書",
    "old-office": "Excelブック（旧形式）などのオフィス文書",
    "zip": "ZIPファイル",
    "empty-zip": "空のZIPファイル",
    "gzip": "gzipで圧縮されたファイル",
    "bzip2": "bzip2で圧縮されたファイル",
    "xz": "xzで圧縮されたファイル",
    "zstd": "zstdで圧縮されたファイル",
    "7z": "7-Zipの圧縮ファイル",
    "parquet": "Parquetファイル",
    "arrow": "Arrowファイル",
    "sqlite": "SQLiteのデータベース",
    "pdf": "PDF文書",
}
FORMATS = {".csv": "カンマ区切り", ".tsv": "タブ区切り"}
DELIMITED = {",": "カンマ区切り", "\t": "タブ区切り"}
DELIMITERS = {",": "カンマ", "\t": "タブ", ";": "セミコロン", "|": "縦棒（|）", " ": "スペース"}


def delimiter_name(delimiter: str) -> str:
    return DELIMITERS.get(delimiter) or quoted(delimiter)


def again(paired: bool) -> str:
    """Ask for the files once more, as the end of a remedy."""
    return f"{'両方のファイル' if paired else 'ファイル'}を投入し直してください。"


def at(offset: int) -> str:
    """Say where a byte is."""
    return f"先頭から{offset:,}バイトの位置"


def column_name(column: str | int) -> str:
    return f"{column}列目の項目" if isinstance(column, int) else f"項目{quoted(column)}"


def also(others: Iterable[str], total: int, counter: str) -> str:
    """Return the parenthesis with further places, and how many there are with the first one."""
    found = "、".join(others)
    return f"（ほかに{found}。全部で{total:,}{counter}）" if found else ""


def lines(numbers: Iterable[int]) -> Iterable[str]:
    return (f"{line:,}行目" for line in numbers)


def located(values: Iterable[tuple[int, str]]) -> Iterable[str]:
    return (f"{line:,}行目の{quoted(value)}" for line, value in values)


def also_lines(others: Iterable[tuple[int, str]]) -> str:
    """Return the parenthesis with further values."""
    found = "、".join(located(others))
    return f"（ほかに{found}）" if found else ""


def column_names(columns: Sequence[str | int], total: int) -> str:
    """Return the first of `total` columns, by name or else by place."""
    named = [isinstance(column, str) for column in columns]
    names = [
        f"{'項目' * (is_named and not before)}{quoted(column)}"
        if isinstance(column, str)
        else f"{column:,}列目"
        for column, is_named, before in zip(columns, named, [False, *named], strict=False)
    ]
    return listing(names, total)


def other_columns(columns: tuple[str | int, ...], total: int) -> str:
    """Return the sentence about the columns beside the first one."""
    return f"{column_names(columns[1:], total - 1)}も同様です。" if len(columns) > 1 else ""


_WRITTEN = {
    "trailing-minus": "マイナス記号を数値の前に付け（例：-12.5）",
    "other-minus": "マイナス記号には半角の「-」を使用し",
    "parentheses": "負の数はかっこではなくマイナス記号で表し（例：-12.5）",
    "decimal-comma": "小数点には「.」を使用し（例：1.5）",
    "multiplier": "「万」などを使わずに書き（例：12000）",
    "full-width": "数字を半角にし（例：12）",
}
_LEFT_OUT = {
    "apostrophe": "先頭のアポストロフィ",
    "thousands": "桁区切り",
    "currency": "通貨記号",
    "percent": "パーセント記号",
    "flag": "数値の後ろの記号",
    "blank": "空白（全角スペースなど）",
}


def as_plain_numbers(notations: tuple[str, ...]) -> str:
    """Return what to do so that values become plain numbers, before what follows."""
    steps = [_WRITTEN[each] for each in notations if each in _WRITTEN]
    left_out = [_LEFT_OUT[each] for each in notations if each in _LEFT_OUT]
    if left_out:
        example = "（例：1234）" if "thousands" in notations else ""
        steps.append(f"{'と'.join(left_out)}を取り除き{example}")
    return "、".join([*steps, ""]) if steps else ""
