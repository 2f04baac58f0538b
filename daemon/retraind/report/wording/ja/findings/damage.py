"""What programs have damaged or left behind before the file came: lost characters, formulas, errors."""

from retraind.report.wording.ja._parts import listing, quoted
from retraind.report.wording.ja.findings._parts import (
    again,
    also,
    also_lines,
    column_name,
    lines,
    other_columns,
)
from retraind.report.wording.words import Words

_EXPORT_AGAIN = "出力元から、途中で文字コードを変換せずにUTF-8（BOMあり）で出力し直して、"
_LEFT = {
    "formula": "計算結果ではなく数式",
    "error": "値ではなく表計算ソフトのエラー",
    "narrow": "列幅が足りないときにExcelが値の代わりに表示する文字",
    "rounded": "Excelが桁数の多い数値を指数で表示したもの",
    "dated": "Excelが日付とみなして変換したコードとみられる値",
}
_EFFECT = {
    "narrow": "値そのものは失われています。",
    "rounded": "下の桁は失われています。",
    "dated": "元のコードは失われています。",
}
_CURE = {
    "formula": "数式ではなく値を出力してください（Excelでは、セルをコピーして「値」として貼り付けてからCSV形式で保存"
    "します）。先頭に0が付くコードも、CSVでは数式にする必要はありません。",
    "error": "数式を修正するか、そのセルを空欄にしてください。",
    "narrow": "すべての値が表示されるまで列の幅を広げてから、CSV形式で保存し直してください。",
    "rounded": "列の表示形式を小数点以下のない「数値」（コードの場合は「文字列」）にしてから、CSV形式で保存してください。",
    "dated": "列の表示形式を「文字列」にしてから、コードを入力または取り込んでください。",
}


def damaged_names(
    *, kind: str, names: tuple[str, ...], total: int, meant: str, encoding: str, was: str, paired: bool
) -> Words:
    """`names` are the first of `total`; the first was read in `encoding`, and is `meant` otherwise."""
    shown = f"項目名{listing([quoted(name) for name in names], total)}"
    if kind == "spreadsheet":
        return Words(
            f"{shown}は、表計算ソフトのエラーや数式で、本来の項目名ではありません。",
            f"表計算ソフトで1行目を修正して、{again(paired)}",
        )
    if kind == "misread":
        return Words(
            f"{shown}は文字化けしています。{was}のファイルが{encoding}として開かれ、そのまま保存されたようです"
            f"（正しくは{quoted(meant)}）。",
            f"そのプログラムで文字コードに{was}を指定して開くか、出力元から出力し直して、{again(paired)}",
        )
    sign = "「?」" if kind == "question-marks" else "置換文字"
    return Words(
        f"{shown}の文字が失われています。文字コードの変換に失敗し、{sign}に置き換えられたようです。",
        f"{_EXPORT_AGAIN}{again(paired)}",
    )


def damaged_values(
    *,
    kind: str,
    value: str,
    meant: str,
    encoding: str,
    was: str,
    others: tuple[int, ...],
    total: int,
    paired: bool,
    column: str | int | None = None,
) -> Words:
    """`value` was read in `encoding` and is `meant` otherwise; `others` are lines of `total` places."""
    if kind == "misread":
        return Words(
            f"値{quoted(value)}は文字化けしています。{was}のファイルが{encoding}として開かれ、そのまま保存された"
            f"ようです（正しくは{quoted(meant)}）。",
            f"そのプログラムで文字コードに{was}を指定して開くか、出力元から出力し直して、{again(paired)}",
        )
    if kind == "question-marks":
        name = column_name(column) if column is not None else "ある項目"
        return Words(
            f"{name}の値の多くが、{quoted(value)}のように「?」だけになっています。文字コードの変換に失敗し、文字が"
            "失われたようです。",
            f"{_EXPORT_AGAIN}{again(paired)}",
        )
    return Words(
        "この行に、読み取れない文字の代わりに書き込まれる置換文字があります"
        f"{also(lines(others), total, 'か所')}。元の文字は失われています。",
        f"{_EXPORT_AGAIN}{again(paired)}",
    )


def spreadsheet_remains(
    *,
    column: str | int,
    kind: str,
    value: str,
    others: tuple[tuple[int, str], ...],
    columns: tuple[str | int, ...],
    total: int,
    paired: bool,
) -> Words:
    """`others` are the next values; the first of `total` columns are named."""
    return Words(
        f"{column_name(column)}に{quoted(value)}{also_lines(others)}が含まれています。これは"
        f"{_LEFT.get(kind, _LEFT['error'])}です。{_EFFECT.get(kind, 'サービスは文字列として読み込みます。')}"
        f"{other_columns(columns, total)}",
        f"{_CURE.get(kind, _CURE['error'])}修正後、{again(paired)}",
    )
