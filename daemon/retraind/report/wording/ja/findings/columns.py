"""The values of columns: what is empty, dates, numbers."""

from retraind.report.wording.ja._parts import listing, quoted
from retraind.report.wording.ja.findings._parts import (
    also,
    also_lines,
    as_plain_numbers,
    column_name,
    column_names,
    located,
    other_columns,
)
from retraind.report.wording.words import Words


def empty_column(columns: tuple[str | int, ...], total: int) -> Words:
    """`columns` are the names, or else the places, of the first of `total`."""
    return Words(
        f"{column_names(columns, total)}は、すべての行で値が空です。",
        f"出力元で{'この項目' if total == 1 else 'これらの項目'}に値が入力されているかをご確認ください。",
    )


def date_range(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    total: int,
    first_year: int,
    last_year: int,
    at_least: bool = False,
) -> Words:
    """`others` are the next of `total` rows, or of `at_least` so many: the line, the value."""
    rows = "行以上" if at_least else "行"
    return Words(
        f"{column_name(column)}に、対応期間外の日付{quoted(value)}が含まれています"
        f"{also(located(others), total, rows)}。サービスが対応しているのは{first_year}-01-01から"
        f"{last_year}-12-31までです。",
        "日付が不明な場合は、空欄にしてください。",
    )


def date_form(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    has_time: bool,
    out_of_range: tuple[tuple[int, str], ...],
    columns: tuple[str | int, ...],
    total: int,
    first_year: int,
    last_year: int,
) -> Words:
    """`others` are the first dates in further forms; the first of `total` columns are named."""
    forms = [quoted(value), *(f"{quoted(text)}（{line:,}行目）" for line, text in others)]
    found = (
        f"に複数の書式の日付（{listing(forms)}）が混在しているため、日時として読み込まれないおそれが"
        "あります。"
        "サービスでは、1つの項目の日付は1つの書式にそろえる必要があります。"
        if others
        else f"の日付{quoted(value)}はサービスが対応していない書式であるため、日時として読み込まれない"
        "おそれがあります。"
    )
    never = "、".join(f"{line:,}行目の{quoted(text)}" for line, text in out_of_range)
    never = f"対応期間外の日付（{never}）も含まれています。" if never else ""
    form = "YYYY-MM-DD（時刻を含む場合はYYYY-MM-DD hh:mm:ss）" if has_time else "YYYY-MM-DD"
    empty = f"、{first_year}年より前または{last_year}年より後の日付は空欄に" if out_of_range else ""
    return Words(
        f"{column_name(column)}{found}{never}{other_columns(columns, total)}",
        f"すべての日付の書式を{form}に{'し' if empty else ''}{empty}してください。"
        "日付ではない項目の場合、対応は不要です。",
    )


def number_notation(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    notations: tuple[str, ...],
    columns: tuple[str | int, ...],
    total: int,
) -> Words:
    """`others` are the next values; the first of `total` columns are named."""
    return Words(
        f"{column_name(column)}に{quoted(value)}{also_lines(others)}が含まれているため、数値ではなく"
        f"文字列として読み込まれるおそれがあります。{other_columns(columns, total)}",
        f"{as_plain_numbers(notations)}数値だけを出力してください。",
    )


def late_text(
    *,
    column: str | int,
    value: str,
    among: str,
    columns: tuple[str | int, ...],
    total: int,
    first_rows: int,
) -> Words:
    """The column has numbers or dates only in the `first_rows`; the first of `total` columns are named."""
    kind = "日時" if among == "dates" else "数値"
    return Words(
        f"{column_name(column)}は、サービスがデータタイプを判定する先頭の{first_rows:,}行では{kind}だけですが、この行に"
        f"{quoted(value)}があります。{other_columns(columns, total)}",
        "出力元でこの値をご確認ください。文字列を含む項目であれば、対応は不要です。",
    )


def rare_text(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    among: str,
    columns: tuple[str | int, ...],
    total: int,
) -> Words:
    """`others` are the next texts among numbers or dates; the first of `total` columns are named."""
    return Words(
        f"{column_name(column)}は、多くの値が{'日時' if among == 'dates' else '数値'}ですが、この行に"
        f"{quoted(value)}があります{also_lines(others)}。このため、項目全体が文字列として読み込まれるおそれが"
        f"あります。{other_columns(columns, total)}",
        "出力元でこのような値を修正し、欠損値は空欄にしてください。文字列を含む項目であれば、対応は不要です。",
    )


def missing_value_marker(
    *,
    column: str | int,
    value: str,
    others: tuple[tuple[int, str], ...],
    columns: tuple[str | int, ...],
    total: int,
    among: str,
) -> Words:
    """`others` are the next values, `among` numbers, dates or classes; `total` columns have any."""
    if among == "classes":
        return Words(
            f"{column_name(column)}に、分類ラベルとして{quoted(value)}{also_lines(others)}が含まれています。"
            "サービスは空文字だけを欠損値として扱うため、この値も予測する分類ラベルの1つとして学習されます。",
            "欠損値は空欄にしてください。予測したい項目が空欄の行は、サービスで学習に使用されません。",
        )
    kind = "日時" if among == "dates" else "数値"
    return Words(
        f"{column_name(column)}に、{kind}のほかに{quoted(value)}{also_lines(others)}が含まれています。"
        "サービスは空文字だけを欠損値として扱うため、この項目が文字列として読み込まれるおそれがあります。"
        f"{other_columns(columns, total)}",
        "欠損値は空欄にしてください。",
    )
