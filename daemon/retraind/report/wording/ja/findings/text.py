"""A file as text: its kind, its encoding, characters that do not belong in it."""

from retraind.report.wording.ja._parts import quoted
from retraind.report.wording.ja.findings._parts import FORMATS, KINDS, again, at
from retraind.report.wording.neutral import COMPRESSED, OFFICE
from retraind.report.wording.words import Words

_IN_EXCEL = "（Excelでは、ファイルの種類に「CSV UTF-8（コンマ区切り）」を選択します）"


def not_text(kind: str, extension: str, paired: bool) -> Words:
    expected = FORMATS.get(extension, "カンマ区切りまたはタブ区切り")
    save = "表をCSV（UTF-8）形式で保存またはエクスポートして"
    if kind in COMPRESSED:
        save = "ファイルを展開（解凍）し、中の表をCSV（UTF-8）形式のファイルにして"
    elif kind in OFFICE:
        save = f"表をCSV（UTF-8）形式で保存して{_IN_EXCEL}"
    return Words(
        f"ファイルの中身が、{expected}のテキストではなく{KINDS.get(kind, 'バイナリデータ')}であるため、"
        "読み込めません。",
        f"{save}、{again(paired)}",
    )


def unsupported_extension(extension: str, paired: bool) -> Words:
    found = f"ファイルの拡張子が{quoted(extension)}である" if extension else "ファイルに拡張子がない"
    return Words(
        f"{found}ため、読み込めません。サービスで使用できるのは.csv（カンマ区切り）と.tsv（タブ区切り）"
        "です。",
        f"区切り文字に合わせて拡張子を.csvまたは.tsvに変更し、{again(paired)}",
    )


def utf_16(paired: bool) -> Words:
    return Words(
        "文字エンコードがUTF-16（「Unicodeテキスト」と表示するソフトもあります）であるため、読み込めません。",
        f"UTF-8（BOMあり）で保存して{_IN_EXCEL}、{again(paired)}",
    )


def utf_8_without_mark(added: bool) -> Words:
    """`added`: the service gets the text with the mark."""
    if added:
        return Words(
            "文字エンコードがUTF-8（BOMなし）であるため、BOMを付けてサービスに送信します。"
            "元のファイルは変更しません。"
        )
    return Words(
        "文字エンコードがUTF-8（BOMなし）で、半角英数字以外の文字が含まれています。サービスのマニュアルに"
        "記載されているのはUTF-8（BOMあり）だけのため、正しく読み込まれないおそれがあります。",
        "UTF-8（BOMあり）で出力してください（Pythonの場合は文字コードにutf-8-sigを指定します）。",
    )


def shift_jis_shows_late(first_bytes: int) -> Words:
    return Words(
        f"文字エンコードはShift_JISですが、先頭の{first_bytes:,}バイトに半角英数字しか含まれていません。"
        "サービスはこの範囲だけで文字エンコードを判定するため、以降の文字が正しく読み込まれないおそれが"
        "あります。",
        "UTF-8（BOMあり）で出力するか、いずれかの項目名を日本語にしてください。",
    )


def nul_bytes(offset: int, total: int, paired: bool, *, is_utf16: bool = False) -> Words:
    """`is_utf16`: the text behind is in that encoding, in which every other byte is NUL."""
    if is_utf16:
        return Words(
            f"この行以降の文字エンコードが、上の行と異なりUTF-16になっているため、データを読み込めません（{at(offset)}）。"
            "別のプログラムがUTF-16で追記したようです。",
            "元のファイルと同じ文字エンコードで追記して（Windows PowerShellの>>はUTF-16で追記するため、Add-Contentを"
            f"使用します）、{again(paired)}",
        )
    return Words(
        f"この行（{at(offset)}）に、NUL文字（値が0のバイト）が含まれています。"
        f"ファイル全体では{total:,}個あります。"
        "通常のテキストには含まれない文字のため、ファイルが壊れているか、書き込みが途中で終わった可能性が"
        "あります。",
        f"UTF-8（BOMあり）でもう一度エクスポートして、{again(paired)}",
    )
