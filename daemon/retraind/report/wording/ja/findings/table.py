"""A file as a table: its header and its rows."""

from retraind.report.wording.ja._parts import listing, quoted, shortened
from retraind.report.wording.ja.findings._parts import DELIMITED, again, also, at, column_name, delimiter_name
from retraind.report.wording.words import Words

DELETE_BLANK_ROWS = (
    "Excelでセルの内容だけを消去すると、このような行が出力されます。シート上で行ごと削除してください。"
)

# The header


def empty_file(size: int, paired: bool) -> Words:
    return Words(
        f"ファイル（{size:,}バイト）に改行またはBOMしか含まれていないため、読み込めません。"
        if size
        else "ファイルが空（0バイト）であるため、読み込めません。",
        f"エクスポートが最後まで完了しているかをご確認のうえ、{again(paired)}",
    )


def blank_header(paired: bool) -> Words:
    return Words(
        "最初の行が空です。サービスは最初の行を項目名として読み込みます。",
        f"項目名より上にある空行を削除して、{again(paired)}",
    )


def one_column(
    *,
    name: str,
    delimiter: str,
    other_delimiter: str | None,
    other_extension: str | None,
    paired: bool,
    fixed_width: bool = False,
    whole_lines: bool = False,
) -> Words:
    """`delimiter` is the expected one; `other_delimiter`, if any, is evidently used instead."""
    if whole_lines:
        return Words(
            f"行全体が二重引用符で囲まれ、1つの値（{quoted(name)}）になっているため、データを読み込めません。",
            "行全体ではなく値ごとに二重引用符で囲み（Excelでは、1つの列にまとめて入力された行がこのように保存されます）、"
            f"{again(paired)}",
        )
    if fixed_width:
        return Words(
            f"項目が1つ（{quoted(name)}）しかないため、データを読み込めません。すべての行が同じ長さで空白が埋められて"
            "いるため、固定長のファイルのようです。",
            f"固定長ではなく、区切り文字を{delimiter_name(delimiter)}にして出力し、{again(paired)}",
        )
    if other_delimiter is None:
        return Words(
            f"項目が1つ（{quoted(name)}）しかないため、データを読み込めません。"
            "少なくとも2つの項目が必要です。",
            f"エクスポートで項目が抜けていないかをご確認のうえ、{again(paired)}",
        )
    used, expected = delimiter_name(other_delimiter), delimiter_name(delimiter)
    rename = f"ファイルの拡張子を{shortened(other_extension)}に変更するか、" if other_extension else ""
    return Words(
        f"{DELIMITED.get(delimiter, 'テキスト')}として読むと項目が1つ（{quoted(name)}）しかないため、"
        f"データを読み込めません。実際の区切り文字は{used}のようです。",
        f"{rename}区切り文字を{expected}にしてエクスポートし、{again(paired)}",
    )


def too_many_columns(columns: int, limit: int, time_series: bool, paired: bool) -> Words:
    mode = "時系列予測モードの" if time_series else ""
    return Words(
        f"項目数が{columns:,}で{mode}上限の{limit:,}を超えているため、データを読み込めません。",
        f"モデルに不要な項目を取り除いて、{again(paired)}",
    )


def duplicate_columns(names: tuple[tuple[str, int], ...], total: int, paired: bool) -> Words:
    """`names` are the first of `total`, each with the number of its occurrences."""
    repeated = [f"{quoted(name)}（{times:,}回）" for name, times in names]
    return Words(
        f"同じ名前の項目が複数あるため、データを読み込めません：{listing(repeated, total)}。",
        f"項目名が重複しないように変更して、{again(paired)}",
    )


def empty_column_names(places: tuple[int, ...], total: int, paired: bool) -> Words:
    """`places` are those of the first of `total`, from 1."""
    columns = listing([f"{place:,}列目" for place in places], total)
    return Words(
        f"項目名のない列が{total:,}列あるため（{columns}）、データを読み込めません。"
        "項目名を空にできるのは1列までです。",
        "これらの列に項目名を付けるか、列を削除してください。各行の末尾に区切り文字があると、このような列が"
        f"できます。修正後、{again(paired)}",
    )


def empty_column_name(column: int) -> Words:
    return Words(
        f"{column:,}列目に項目名がありません。項目名を空にできるのは1列だけです。",
        "項目名を付けてください。行番号や行末の余分な区切り文字による列の場合は、削除してください。",
    )


# Rows


def unclosed_quote(paired: bool, delimiter: str = ",") -> Words:
    if delimiter == "\t":
        return Words(
            'この行で値の先頭の二重引用符（"）がファイルの末尾まで閉じられていないため、以降の内容がすべて1つの値として'
            "読み込まれます。",
            "タブ区切りの値では二重引用符を使用しないか、値を二重引用符で囲んで、中の二重引用符を2つ重ねて書いてください。"
            f"ファイルが行の途中で終わっている場合は、エクスポートし直してください。修正後、{again(paired)}",
        )
    return Words(
        'この行で始まる二重引用符（"）がファイルの末尾まで閉じられていないため、'
        "以降の内容がすべて1つの値として"
        "読み込まれます。",
        '二重引用符を閉じてください。値の中の二重引用符は、2つ重ねて（""）書きます。ファイルが行の途中で'
        f"終わっている場合は、エクスポートし直してください。修正後、{again(paired)}",
    )


def header_too_long(limit: int, quote_line: int | None, paired: bool) -> Words:
    """`limit` is in bytes; `quote_line` is where a quote opens, if that is the cause."""
    cause = (
        "改行のないファイルであるか、表ではない可能性があります。"
        if quote_line is None
        else f'{quote_line:,}行目で始まる二重引用符（"）が閉じられていません。'
    )
    fix = "1件のデータを1行にしてエクスポートし、" if quote_line is None else "二重引用符を閉じて、"
    return Words(
        f"項目名が書かれた最初の行が{limit / 2**20:,g} MiBを超えているため、残りの部分を読み込めませんで"
        "した。"
        f"{cause}",
        f"{fix}{again(paired)}",
    )


def reading_ended(size: int, errors: int, paired: bool) -> Words:
    """`size` is in bytes; `errors` is the number of rows that have one."""
    return Words(
        f"この行（{at(size)}）までに誤りのある行が{errors:,}行あったため、ここで読み込みを"
        "終了しました。残りの部分は検査していません。",
        f"ほかの指摘事項を修正し、{again(paired)}",
    )


def ragged_rows(
    *,
    columns: int,
    expected: int,
    others: tuple[tuple[int, int], ...],
    total: int,
    all_rows: bool,
    paired: bool,
    reason: str | None = None,
    text: str = "",
) -> Words:
    """`columns` is 0 for an empty line; else `text` is how the row begins.

    `others` are the next of `total` rows: the line, the columns.

    `reason`: the file is cut in this row; values have line-breaks or delimiters, without quotes; or
    rows are short of values at their end.
    """
    if all_rows and total > 1:
        return Words(
            f"ヘッダー行と項目数が異なるため、データを読み込めません。ヘッダー行の項目数は{expected:,}で"
            "すが、"
            f"{total:,}行すべての項目数が{columns:,}です。",
            "行末の区切り文字に過不足がないか、ヘッダー行の項目名が抜けていないかをご確認のうえ、"
            f"{again(paired)}",
        )
    this = (
        f"項目数が異なる行があるため、データを読み込めません。この行{f'（{quoted(text)}）' if text else ''}の項目数は{columns:,}"
        if columns
        else "空の行があるため、データを読み込めません。この行には値がありません"
    )
    others_found = (
        f"{line:,}行目（項目数{found:,}）" if found else f"{line:,}行目（空の行）" for line, found in others
    )
    what = (
        f"{this}{'です' if columns else ''}が、ヘッダー行の項目数は{expected:,}です"
        f"{also(others_found, total, '行')}。"
    )
    if reason == "cut":
        return Words(
            f"{what}ファイルがこの行の途中で、改行なしに終わっています。",
            f"エクスポートと転送が最後まで完了しているかをご確認のうえ、{again(paired)}",
        )
    if reason == "line-breaks":
        return Words(
            f"{what}値の中の改行によって、1つの行がこの行と次の行に分かれているようです。",
            f"改行を含む値を二重引用符で囲むか、改行を取り除いて、{again(paired)}",
        )
    rows = "これらの行" if total > 1 else "この行"
    if reason == "short":
        return Words(
            f"{what}行の末尾の値が不足しています。Excelなどが、末尾の空の値の区切り文字を省略したようです。",
            "空の値にも区切り文字を出力し（Excelでは、最後の列をすべて埋めるか、空にならない列を最後に追加します）、"
            f"{again(paired)}",
        )
    if reason == "quotes":
        what += (
            "二重引用符の前に空白があるか、値の中の二重引用符が2つ重ねられていないため、値の中の区切り文字で値が終わって"
            "しまうようです。"
        )
    how = {
        "quotes": "値を囲む二重引用符の前には空白を入れず、値の中の二重引用符は2つ重ねて書く必要があります。",
        "delimiters": "区切り文字を含む値（文章や桁区切りのある数値など）は、二重引用符で囲む必要があります。",
    }.get(reason or "")
    if how is None:
        fix = f"出力元で{rows}を修正して"
        if not columns and not any(found for _, found in others):
            fix = f"{'空の行をすべて' if total > 1 else 'この行を'}削除して"
        return Words(what, f"{fix}、{again(paired)}")
    return Words(what, f"出力元で{rows}を修正してください。{how}修正後、{again(paired)}")


def columns_shifted(
    *, column: str | int, columns: tuple[str | int, ...], values: tuple[str, ...], total: int, paired: bool
) -> Words:
    """`columns` are the first of `total`, with their `values` in this row."""
    names = listing([column_name(each) for each in columns or (column,)], total)
    return Words(
        f"この行から下では、{names}の値の種類が上の行と異なります（{'、'.join(map(quoted, values[:2]))}など）。項目の"
        "位置がずれているか、順序が異なるようです。サービスは1行目の項目名のとおりに読み込みます。",
        "ファイルを連結する場合は項目とその順序をそろえ、区切り文字に過不足がないかをご確認のうえ、"
        f"{again(paired)}",
    )


def evaluation_empty(blank_rows: int = 0) -> Words:
    """`blank_rows` have no values and do not count; the first one is in this line."""
    if blank_rows:
        return Words(
            f"{_only_delimiters(blank_rows)}ほかに行がないため、モデルを評価できません。",
            "評価用データに値の入った行を含めて、両方のファイルを投入し直してください。",
        )
    return Words(
        "ファイルにヘッダー行しかなく、データの行がないため、モデルを評価できません。",
        "評価用データにデータの行を含めて、両方のファイルを投入し直してください。",
    )


def too_few_rows(rows: int, minimum: int, paired: bool, blank_rows: int = 0) -> Words:
    """`blank_rows` have no values and do not count; the first one is in this line."""
    if blank_rows:
        left = f"残りは{rows:,}行しかないため" if rows else "ほかに行がないため"
        return Words(
            f"{_only_delimiters(blank_rows)}{left}、予測モデルを作成できません。"
            f"学習には少なくとも{minimum:,}行が"
            "必要です。",
            f"{DELETE_BLANK_ROWS}すべての行がエクスポートされているかをご確認のうえ、{again(paired)}",
        )
    found = f"データが{rows:,}行しかないため" if rows else "ヘッダー行しかなく、データの行がないため"
    return Words(
        f"{found}、予測モデルを作成できません。学習には少なくとも{minimum:,}行が必要です。",
        f"エクスポートが最後まで完了しているかをご確認のうえ、{again(paired)}",
    )


def blank_rows(blank_rows: int, rows: int) -> Words:
    """`rows` have values."""
    return Words(
        f"{_only_delimiters(blank_rows)}値のある行は{rows:,}行です。",
        DELETE_BLANK_ROWS,
    )


def _only_delimiters(blank_rows: int) -> str:
    if blank_rows == 1:
        return "この行は区切り文字だけで値がないため、データとして数えません。"
    return f"この行以降に、区切り文字だけで値のない行が{blank_rows:,}行あり、データとして数えません。"


def row_count(rows: int, low: int, high: int) -> Words:
    return Words(
        f"データが{rows:,}行あります。サービスの推奨は{low:,}行から{high:,}行までです。"
        if rows >= low
        else f"データが{rows:,}行しかありません。サービスの推奨は{low:,}行から{high:,}行までです。",
        "ほかにもデータがあれば、行を増やしてください。"
        if rows < low
        else "新しいデータに絞るなどして、行を減らしてください。",
    )
