"""Why a file is not a table as it should be: what is in it, which program writes it, and its setting."""

from retraind.report.wording.ja._parts import listing, quoted, shortened
from retraind.report.wording.ja.findings._parts import DELIMITED, again, also, delimiter_name, lines, located
from retraind.report.wording.words import Words

_WITHOUT_COUNT = "（sqlcmdではSET NOCOUNT ON、SQL*PlusではSET FEEDBACK OFF、psqlでは\\pset footer off）"
_FOREIGN = {
    "html": "Webページ（HTML）",
    "xml": "XML",
    "json": "JSON",
    "git-lfs": "Git LFSのポインターファイル（リポジトリでデータの代わりに置かれるもの）",
    "git-annex": "git-annexのポインターファイル（リポジトリでデータの代わりに置かれるもの）",
    "mail": "電子メール",
    "sql": "データベースのダンプなどのSQL文",
    "rtf": "リッチテキスト文書（RTF）",
    "pem": "暗号化または符号化されたファイル（PEM、base64）",
    "arff": "WekaのARFFファイル",
    "message": "プログラムのメッセージ",
    "shortcut": "Webページまたはファイルへのショートカット",
    "yaml": "YAML",
    "zengin": "改行のない固定長レコードのファイル（全銀形式）",
    "escaped": "改行が「\\n」と書かれた1行のテキスト",
}
_GET_TABLE = {
    "html": "プログラムでダウンロードしたファイルの場合は、セッションまたはリンクの有効期限が"
    "切れている可能性が"
    "あります。サインインし直すかリンクを更新して、表をCSV形式でダウンロードしてください。",
    "xml": "表をCSV形式でエクスポートしてください。プログラムでダウンロードしたファイルの場合は、"
    "サーバーの応答を"
    "ご確認ください。",
    "json": "表をCSV形式でエクスポートするか、pandas（read_json、to_csv）などでCSVに変換してください。",
    "git-lfs": "取得元で「git lfs pull」を実行してください。",
    "git-annex": "取得元で「git annex get」を実行してください。",
    "mail": "電子メールではなく、添付ファイルを保存してください。",
    "sql": "ダンプではなく、表をCSV形式でエクスポートしてください。",
    "pem": "先に復号またはデコードしてください。",
    "zengin": "データレコードだけを、1行目に項目名を付けたCSV形式で出力してください。",
    "escaped": "JSONやプログラムの文字列がそのまま書き出されています。デコードしてからファイルに書き出してください。",
    "shortcut": "ショートカットのリンク先の表をダウンロードしてください。",
    "message": "ファイルを書き出した、またはダウンロードしたプログラムをご確認ください。",
}
_ESCAPE_SETTINGS = (
    "エクスポートのエスケープ文字を二重引用符に設定してください（Sparkではescapeオプション、pandasでは"
    "doublequote=Trueを指定してescapecharを指定しない、MySQLではESCAPED BY '\"'、ClickHouseではCSV形式）。"
)
_LIST_SEPARATOR = (
    "Excelでは、Windowsの地域設定にある区切り記号が使われます。地域設定の区切り記号をカンマ、小数点の記号を"
    "ピリオドに変更するか、"
)
_FIRST_ROW = "サービスは最初の行を項目名として読み込みます。"


# Above and beside the table


def not_a_table(kind: str, title: str | None, extension: str, paired: bool) -> Words:
    """`title` is what the text says of itself."""
    name = _FOREIGN.get(kind, "別のテキスト")
    said = f"（内容：{quoted(title)}）" if title else ""
    expected = DELIMITED.get({".tsv": "\t"}.get(extension, ","), "区切り")
    return Words(
        f"ファイルの中身が、{expected}の表ではなく{name}{said}であるため、読み込めません。",
        f"{_GET_TABLE.get(kind, '表をCSV形式でエクスポートしてください。')}その後、{again(paired)}",
    )


def separator_line(paired: bool, delimiter: str = ",", other_delimiter: str | None = None) -> Words:
    """`other_delimiter` is what the line names and the rows below have, instead of `delimiter`."""
    what = f"最初の行は、Excelに区切り文字を伝えるための行です。{_FIRST_ROW}"
    if other_delimiter is None:
        return Words(what, f"この行を削除して、{again(paired)}")
    return Words(
        f"{what}また、2行目以降の区切り文字は{delimiter_name(other_delimiter)}です。",
        f"この行を削除し、区切り文字を{delimiter_name(delimiter)}にしてエクスポートして、{again(paired)}",
    )


def type_line(name: str, paired: bool) -> Words:
    """`name` is the type's."""
    return Words(
        f"最初の行が、項目名ではなく型の名前（{quoted(name)}）です。Windows PowerShellが項目名の上に"
        "書き出した"
        f"ものです。{_FIRST_ROW}",
        f"Export-Csv（またはConvertTo-Csv）に-NoTypeInformationを付けてエクスポートし、{again(paired)}",
    )


def split_header(name: str, last: int, columns: int, paired: bool) -> Words:
    """`name` has a line break, which splits the header into the lines up to `last`."""
    return Words(
        f"項目名（{quoted(name)}）の中の改行によって、ヘッダー行が{last:,}行目までに分かれています。その下の行の項目数は"
        f"{columns:,}です。{_FIRST_ROW}",
        f"項目名から改行を取り除くか、改行を含む項目名を二重引用符で囲んで、{again(paired)}",
    )


def lines_above_header(
    *,
    text: str,
    text_line: int,
    header: str,
    header_line: int,
    delimiter: str,
    other_delimiter: str | None,
    padding: tuple[int, ...],
    paired: bool,
) -> Words:
    """The header stands in `header_line`; above it there is, for example, `text`.

    Without a `header`, the rows begin in that line.
    `padding` are the places of columns without a name or a value; `other_delimiter` separates the columns.
    """
    last = header_line - 1
    where = f"{last:,}行目" if last == 1 else f"1～{last:,}行目"
    line = f"{text_line:,}行目の" if text_line > 1 else ""
    above = f"表ではない内容（{line}{quoted(text)}）" if text else "空行"
    header_found = (
        f"項目名は{header_line:,}行目（{quoted(header)}）のようですが、"
        if header
        else f"{header_line:,}行目からはデータですが、項目名の行がありません。"
    )
    what = f"表より上の{where}に{above}があります。{header_found}{_FIRST_ROW}"
    steps = ["この行" if last == 1 else "これらの行"]
    if padding:
        places = listing([f"{place:,}列目" for place in padding])
        what += f"また、表の横の{places}に値がありません。"
        steps.append("空の列")
    export = ""
    if other_delimiter is not None:
        what += f"{'さらに' if padding else 'また'}、区切り文字が{delimiter_name(other_delimiter)}になっています。"
        export = f"区切り文字を{delimiter_name(delimiter)}に変更してから、"
    return Words(
        what,
        f"{'と'.join(steps)}を取り除いて項目名から始まるファイルにし、{export}{again(paired)}"
        if header
        else f"{'と'.join(steps)}を取り除き、{export}ヘッダー行を付けてエクスポートし、{again(paired)}",
    )


def padding_columns(places: tuple[int, ...], total: int, at_end: bool, paired: bool) -> Words:
    """`places` are those of the first of `total` columns, from 1."""
    columns = listing([f"{place:,}列目" for place in places], total, "列")
    return Words(
        f"{'表の末尾' if at_end else '表の横'}に、項目名も値もない空の列があります（{columns}）。"
        "項目名を空にできるのは1列までです。",
        "空の列を削除してください。Excelでは、セルの内容を消去するのではなく、列ごと削除してください。"
        "修正後、"
        f"{again(paired)}",
    )


def header_missing(values: tuple[str, ...], total: int, paired: bool) -> Words:
    """`values` are the first of `total` in the first row."""
    row = listing([quoted(value) for value in values], total)
    return Words(
        f"最初の行が項目名ではなくデータのようです。{row}は、2行目以降の値に似ています。{_FIRST_ROW}"
        "このままでは、この行のデータが失われます。",
        f"ヘッダー行を付けてエクスポートし、{again(paired)}",
    )


# Another reading


def other_delimiter(
    *,
    delimiter: str,
    other_delimiter: str,
    other_extension: str | None,
    columns: int,
    header: str,
    decimal_commas: bool,
    paired: bool,
) -> Words:
    """Read with `other_delimiter`, all rows have the same `columns`; `header` is the first line."""
    used, expected = delimiter_name(other_delimiter), delimiter_name(delimiter)
    commas = "また、数値の小数点にカンマが使われています。" if decimal_commas else ""
    what = (
        f"区切り文字が{expected}ではなく{used}になっています。{used}で区切ると、"
        f"ヘッダー行（{quoted(header)}）と"
        f"すべての行の項目数が{columns:,}になります。{commas}"
    )
    points = "、小数点をピリオド" if decimal_commas else ""
    export = f"区切り文字を{expected}{points}にしてエクスポートし、{again(paired)}"
    if other_delimiter == ";":
        return Words(what, f"{_LIST_SEPARATOR}{export}")
    if other_extension is not None:
        return Words(what, f"ファイルの拡張子を{shortened(other_extension)}に変更するか、{export}")
    return Words(what, export)


def backslash_escapes(sequence: str, paired: bool) -> Words:
    """`sequence` is the backslash with what it escapes."""
    if not sequence.endswith('"'):
        return Words(
            f"この行のように、値の中の区切り文字が円記号（バックスラッシュ）でエスケープされています"
            f"（{sequence}）。サービスはこれを値の終わりとして読み込みます。",
            f"区切り文字を含む値を二重引用符で囲んでエクスポートし、{again(paired)}",
        )
    return Words(
        "この行のように、値の中の二重引用符が円記号（バックスラッシュ）でエスケープされています（"
        f"{sequence}）。"
        'CSVでは値の中の二重引用符を2つ重ねて（""）書く必要があり、'
        "このままでは値が途中で終わってしまいます。",
        f"{_ESCAPE_SETTINGS}修正後、{again(paired)}",
    )


def space_before_quote(paired: bool) -> Words:
    return Words(
        "この行のように、区切り文字と値の始まりの二重引用符の間に空白があります。"
        "二重引用符が値の一部とみなされる"
        "ため、その中の区切り文字で行が分割されます。",
        f"区切り文字の後に空白を入れずにエクスポートし、{again(paired)}",
    )


def single_quotes(text: str, paired: bool) -> Words:
    """`text` is a value with its apostrophes."""
    return Words(
        f"この行のように、値がアポストロフィで囲まれています（{quoted(text)}）。CSVで値を囲むのは二重引用符"
        "だけであるため、アポストロフィが値の一部とみなされ、その中の区切り文字で行が分割されます。",
        f"値を二重引用符で囲むか、何も囲まずにエクスポートし、{again(paired)}",
    )


def doubled_line_breaks(ending: str, paired: bool) -> Words:
    """`ending` is what each row ends with."""
    return Words(
        f"各行の末尾に改行が2つ（{ending}）あるため、1行ごとに空行が入っています。",
        "プログラムがCR LFを書き出している場合は、その改行が重ねて変換されないように"
        "してください（Pythonでは、"
        f'ファイルを開くときにnewline=""を指定します）。修正後、{again(paired)}',
    )


# Inside the table


def second_mark(
    *,
    in_header: bool,
    has_bom: bool,
    others: tuple[int, ...],
    total: int,
    header_too: bool,
    paired: bool,
) -> Words:
    """The rows that begin with the mark are in this line and in `others`, `total` in all."""
    more = also(lines(others), total, "か所")
    if in_header:
        place = "ファイルの先頭に2つあります" if has_bom else "最初の項目名の中にあります"
        return Words(
            f"BOM（U+FEFF）が{place}{more}。このため、最初の項目名に目に見えない文字が含まれます。",
            f"BOMのあるテキストに重ねてBOMを付けないようにして、{again(paired)}",
        )
    header = "とヘッダー行" if header_too else ""
    return Words(
        f"この行の先頭にBOM（U+FEFF）{header}があります{more}。ここに別のファイルの先頭が"
        "つながっているようです。",
        f"ファイルを連結するときは、2つ目以降のBOMとヘッダー行を取り除いてください。修正後、{again(paired)}",
    )


def mark_inside(others: tuple[int, ...], total: int) -> Words:
    return Words(
        "この行の文字列の途中に、目に見えない文字（BOM、U+FEFF）が含まれています"
        f"{also(lines(others), total, 'か所')}。この文字がない値とは、別の値として扱われます。",
        "出力元でこの文字を取り除いてください。",
    )


def repeated_header(
    *, others: tuple[int, ...], total: int, reordered: bool, paired: bool, ruled: bool = False
) -> Words:
    """`reordered`: one of these rows has the names in another order; `ruled`: hyphens stand below it."""
    rule = "とその下の罫線（ハイフンなどの記号）" if ruled else ""
    what = (
        f"この行{rule}は、ヘッダー行の繰り返しです{also(lines(others), total, '行')}。"
        f"サービスは{'これらの行' if ruled else 'この行'}をデータとして読み込みます。"
    )
    fix = (
        "ファイルを連結するときは2つ目以降のヘッダー行を取り除くか、ページごとにヘッダー行を付けない設定で"
        "エクスポートしてください。"
    )
    if reordered:
        what += "項目の順序が先頭のヘッダー行と異なるため、以降の行も項目の順序が異なるおそれがあります。"
        fix = "項目の順序が同じファイルだけを連結し、2つ目以降のヘッダー行を取り除いてください。"
    return Words(what, f"{fix}修正後、{again(paired)}")


def rule_line(
    *,
    end_line: int | None,
    delimiter: str,
    separated: bool,
    under_names: bool,
    pages: int,
    paired: bool,
    others: tuple[int, ...] = (),
    total: int = 1,
) -> Words:
    """`end_line` counts the rows; `separated`: the columns are separated as they should be.

    The names and this line appear again on so many `pages`; or it is not `under_names`, but among the rows,
    as are `others`, `total` in all.
    """
    end = "" if end_line is None else f"また、{end_line:,}行目は行数の表示で、データではありません。"
    also_end = "" if end_line is None else "行数の表示は、SET NOCOUNT ONで省略できます。"
    if not under_names:
        return Words(
            "この行は、ハイフンなどの記号で引かれた罫線で、データではありません"
            f"{also(lines(others), total, '行')}。{end}",
            f"行の間に罫線を入れずにエクスポートしてください。{also_end}修正後、{again(paired)}",
        )
    if pages:
        return Words(
            "この行は、項目名の下の罫線（ハイフンなどの記号）です。以降にも項目名と罫線が"
            f"{pages:,}回繰り返されており、SQL*Plusなどがページごとに出力した帳票のようです。"
            f"サービスはこれらの行をデータとして読み込みます。{end}",
            "ページに分けずにエクスポートし（SQL*PlusではSET MARKUP CSV ONまたはSET PAGESIZE 0）、"
            f"{again(paired)}",
        )
    if separated:
        return Words(
            "この行は、sqlcmdやSQL*Plusなどが項目名の下に書き出した罫線（ハイフンなどの記号）です。サービスは"
            f"この行をデータとして読み込みます。{end}",
            "この行を削除するか、sqlcmdの代わりにInvoke-SqlcmdとExport-Csv -NoTypeInformationで"
            f"（SQL*PlusではSET MARKUP CSV ONで）エクスポートしてください。{also_end}修正後、{again(paired)}",
        )
    return Words(
        "この行は、表の罫線（ハイフンなどの記号）です。sqlcmd、psql、mysqlなどの画面表示用の表が出力されて"
        f"おり、項目が{delimiter_name(delimiter)}で区切られていません。{end}",
        "表をCSV形式でエクスポートし（psqlでは\\copy … CSV HEADER、SQL*PlusではSET MARKUP CSV ON）、"
        f"{again(paired)}",
    )


def second_table(names: tuple[str, ...], columns: int, expected: int, paired: bool) -> Words:
    """`names` are the first of its columns, if it has any; it has so many `columns`."""
    if not names:
        return Words(
            f"ヘッダー行の項目数は{expected:,}ですが、この行以降はすべて{columns:,}です。別の表またはエクスポート"
            "結果の行が続いているようです。",
            f"1つのファイルには1つの表だけを入れ、連結するのは項目が同じファイルだけにして、{again(paired)}",
        )
    total = len(names) if columns == expected else columns
    width = "" if columns == expected else f"項目数は{columns:,}で、ヘッダー行の{expected:,}と異なります。"
    return Words(
        f"この行から2つ目の表が始まっているようです（項目名：{listing([quoted(name) for name in names], total)}）。{width}サービスは"
        "これを1つ目の表の行として読み込みます。",
        f"シート、クエリ、帳票ごとに別のファイルにエクスポートし、1つのファイルには1つの表だけを入れて、{again(paired)}",
    )


def row_below_header(values: tuple[str, ...], total: int, paired: bool, *, completes: bool = False) -> Words:
    """`values` are the first of `total` in this row; it `completes` names that are not unique without it."""
    if completes:
        return Words(
            "項目名が2行に分かれています。1行目の項目名は、この行"
            f"（{listing([quoted(value) for value in values], total)}）と合わせて初めて区別できます。サービスは1行目だけを"
            "項目名として読み込み、この行をデータとして扱います。",
            "両方を1行目にまとめて（例：「売上」の下に「平均」があれば「売上_平均」）この行を削除し、"
            f"{again(paired)}",
        )
    return Words(
        f"この行（{listing([quoted(value) for value in values], total)}）は、ほかの行が数値や日時である項目に文字列があり、"
        "単位、データタイプ、または2行目の項目名のようです。サービスはこの行をデータとして読み込み、"
        "これらの項目を文字列として扱うおそれがあります。",
        f"この行を削除するか、その内容を項目名に含めて、{again(paired)}",
    )


def record_types(types: tuple[tuple[str, int], ...], total: int, data: str, paired: bool) -> Words:
    """`types` are the first of `total` codes, each with its number of columns; `data` is one of them."""
    found = listing([f"{quoted(code)}（{width:,}列）" for code, width in types], total)
    return Words(
        f"行ごとに種類の異なるレコードが混在しています。1列目のレコード区分は{found}です。サービスが読み込めるのは、"
        "1行目に項目名があり、どの行も同じ項目からなる1つの表だけです。",
        f"区分{quoted(data)}のレコードだけを、1行目に項目名を付けて出力し、{again(paired)}",
    )


def subtotal_rows(text: str, others: tuple[tuple[int, str], ...], total: int, paired: bool) -> Words:
    """`others` are the next of `total` such rows: the line, the text."""
    return Words(
        f"この行（{quoted(text)}）は、ほかの行の小計または合計のようです{also(located(others), total, '行')}。"
        "サービスはこの行もデータとして読み込みます。",
        "小計や合計の行を含めずに出力し（Excelでは「データ」タブの「小計」→「すべて削除」）、"
        f"{again(paired)}",
    )


def rows_line(
    *, text: str, is_row: bool, paired: bool, failed: bool = False, among: bool = False, counts: bool = True
) -> Words:
    """`is_row`: it has the columns of a row; `failed`: it reports an error; `among`: rows follow.

    It `counts` rows, or else is a total or a note.
    """
    where = "データの行の間にある" if among else "表の下の"
    if failed:
        return Words(
            f"{where}この行（{quoted(text)}）は、ファイルを出力したプログラムのメッセージです。"
            "エクスポートが途中で失敗し、行が欠けているおそれがあります。",
            f"メッセージの原因を取り除き、エクスポートし直して、{again(paired)}",
        )
    if is_row:
        return Words(
            f"最後の行（{quoted(text)}）は、合計、注記、または帳票の終わりを示す行で、データではない"
            "ようです。サービスはこの行をデータとして読み込みます。",
            f"この行を出力しない設定でエクスポートし、{again(paired)}",
        )
    return Words(
        f"この行（{quoted(text)}）は{'データの行の間' if among else '表の下'}に書かれた行で、データではありません。",
        f"この行を出力しない設定で{_WITHOUT_COUNT if counts else ''}エクスポートし、{again(paired)}",
    )


def ctrl_z(at_end: bool, others: tuple[int, ...], total: int, paired: bool) -> Words:
    """The byte is in this line and in `others`, `total` times in all; or at the end only."""
    if at_end:
        return Words(
            "ファイルの末尾に、古いプログラムがテキストの終わりとして書き出すバイト0x1A（Ctrl-Z）があります。"
            "サービスはこれを値として読み込みます。",
            "このバイトを取り除いてください。Windowsのcopyコマンドでテキストファイルを連結すると付くため、"
            f"バイナリモードで連結してください。修正後、{again(paired)}",
        )
    return Words(
        "この行に、古いプログラムがテキストの終わりとして書き出すバイト0x1A（Ctrl-Z）があります"
        f"{also(lines(others), total, 'か所')}。ここに別のファイルの先頭がつながっているおそれがあり、"
        "ここで読み込みを終えるプログラムもあります。",
        "ファイルを連結するときは、このバイトと、2つ目以降のヘッダー行を取り除いてください。修正後、"
        f"{again(paired)}",
    )


def stray_quotes(text: str, paired: bool, *, line: int | None = None, quote_line: int | None = None) -> Words:
    """`text` is the line in which the value's row begins; the quote is in line `quote_line`."""
    where = f"（{quote_line:,}行目）" if quote_line not in {None, line} else ""
    return Words(
        f"この行の二重引用符で囲まれた値の中{where}に、2つ重ねていない二重引用符があります"
        f"（{quoted(text)}）。値がそこで終わるとみなされ、残りの読み取り方はプログラムによって異なります。",
        "値の中の二重引用符を2つ重ねて出力し（CSVライブラリを使用すると自動的に重ねられます）、"
        f"{again(paired)}",
    )


def swallowed_rows(
    last: int, others: tuple[tuple[int, int], ...], total: int, delimiter: str, paired: bool
) -> Words:
    """The value reaches from this line to line `last`; `others` are the next of `total` such values."""
    more = also((f"{first:,}～{end:,}行目" for first, end in others), total, "か所")
    fix = (
        "タブ区切りの値には二重引用符を付けないか、値を二重引用符で囲んで中の二重引用符を2つ重ねて"
        if delimiter == "\t"
        else "二重引用符を閉じるか、値を二重引用符で囲んで中の二重引用符を2つ重ねて"
    )
    return Words(
        f'この行で始まる二重引用符（"）が{last:,}行目で閉じられています{more}。その間の行が1つの値として'
        "読み込まれ、失われます。",
        f"{fix}出力し、{again(paired)}",
    )
