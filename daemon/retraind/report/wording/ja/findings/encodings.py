"""The encoding of a file: what it is, or may be, instead of UTF-8 or Shift_JIS."""

from retraind.report.wording.ja._parts import quoted, shortened
from retraind.report.wording.ja.findings._parts import again, at
from retraind.report.wording.words import Words

LANGUAGES = {
    "Windows-1252": "西ヨーロッパ言語",
    "Mac Roman": "Macの西ヨーロッパ言語",
    "CP850": "DOSの西ヨーロッパ言語",
    "Windows-1250": "中央ヨーロッパ言語",
    "ISO-8859-2": "中央ヨーロッパ言語",
    "CP852": "DOSの中央ヨーロッパ言語",
    "Windows-1251": "キリル文字",
    "KOI8-R": "キリル文字",
    "CP866": "DOSのキリル文字",
    "ISO-8859-5": "キリル文字",
    "Mac Cyrillic": "Macのキリル文字",
    "Windows-1253": "ギリシャ語",
    "ISO-8859-7": "ギリシャ語",
    "Windows-1254": "トルコ語",
    "Windows-1255": "ヘブライ語",
    "Windows-1256": "アラビア語",
    "Windows-1257": "バルト言語",
    "Windows-874": "タイ語",
    "GBK": "簡体字中国語",
    "Big5": "繁体字中国語",
    "EUC-KR": "韓国語",
    "HZ": "簡体字中国語",
    "ISO-2022-CN": "中国語",
    "ISO-2022-KR": "韓国語",
}
_NEEDED = "サービスが対応している文字エンコードはUTF-8とShift_JISだけです。"


def _named(encoding: str) -> str:
    language = LANGUAGES.get(encoding)
    return f"{encoding}（{language}）" if language else shortened(encoding)


def _save(paired: bool) -> str:
    return f"UTF-8（BOMあり）で保存して、{again(paired)}"


def encoding(
    *,
    has_bom: bool,
    not_utf8: tuple[int, int, int] | None,
    not_shift_jis: tuple[int, int, int] | None,
    likely: str | None = None,
    escapes: bool = False,
    example: str = "",
    as_shift_jis: str = "",
    damage: str | None = None,
    cut: str = "",
    part: str | None = None,
    part_end: int | None = None,
    ends_early: bool = False,
    line: int | None = None,
    paired: bool,
) -> Words:
    """Of the first byte that is invalid in an encoding there are the line, the offset and the value.

    From this line on the text is in the encoding `part`, or "binary" up to line `part_end`, if that is known.
    `ends_early`: the file ends in the middle of a character.

    `likely` is the encoding that the text seems to be in, and `example` a word of this line in it. `damage`
    is what is wrong with UTF-8: cut (with the bytes that are left), surrogate or stray.
    """
    if likely == "EBCDIC":
        return Words(
            f"文字エンコードが、メインフレームで使われるEBCDICです（先頭は{quoted(example)}）。{_NEEDED}",
            "転送時に変換する（FTPではバイナリではなくASCIIモードを使う）か、UTF-8（BOMあり）に変換して、"
            f"{again(paired)}",
        )
    if escapes:
        shown = f"（{quoted(example)}を含みます）" if example else ""
        return Words(
            f"文字エンコードが{_named(likely or 'ISO-2022')}であるため、データを読み込めません。この行で、"
            f"エスケープシーケンスによって文字集合が切り替えられています{shown}。{_NEEDED}",
            _save(paired),
        )
    if part is not None and line is not None:
        words = _part(part, line, part_end, has_bom=has_bom, paired=paired)
    elif ends_early:
        words = Words(
            "ファイルが文字の途中で終わっており、末尾が欠けています。",
            f"エクスポートと転送が最後まで完了しているかをご確認のうえ、{again(paired)}",
        )
    elif damage is not None and not_utf8 is not None:
        words = _damaged(damage, not_utf8, cut, has_bom=has_bom, paired=paired)
    else:
        words = _unlike(likely, example, as_shift_jis, not_utf8, not_shift_jis, paired=paired)
    return words


def _unlike(
    likely: str | None,
    example: str,
    as_shift_jis: str,
    not_utf8: tuple[int, int, int] | None,
    not_shift_jis: tuple[int, int, int] | None,
    *,
    paired: bool,
) -> Words:
    if likely is not None and not_shift_jis is None:
        return Words(
            f"文字エンコードは{_named(likely)}の可能性が高いため、データを正しく読み込めません。この行の"
            f"{quoted(example)}は、Shift_JISとして読むと{quoted(as_shift_jis)}になります。{_NEEDED}",
            _save(paired),
        )
    places = [
        f"{name}では{bad[0]:,}行目（{at(bad[1])}の0x{bad[2]:02X}）"
        for name, bad in (("UTF-8", not_utf8), ("Shift_JIS", not_shift_jis))
        if bad is not None
    ]
    unlike = "UTF-8でもShift_JISでもない" if len(places) > 1 else "対象外である"
    where = f"無効なバイトの位置は、{'、'.join(places)}です。" if places else ""
    text = f"文字エンコードが{unlike}ため、データを読み込めません。{where}"
    if likely is not None:
        return Words(
            f"{text}この行の{quoted(example)}から、{_named(likely)}である可能性が高いと判断されます。",
            _save(paired),
        )
    return Words(text, f"一部の行だけが壊れている場合は、出力元で修正してください。{_save(paired)}")


def _part(part: str, line: int, end: int | None, *, has_bom: bool, paired: bool) -> Words:
    where = "この行以降" if end is None else "この行" if end == line else f"この行から{end:,}行目まで"
    if part == "binary" and line == 1:
        return Words(
            "ファイルの中身がテキストではないか、先頭の行から壊れているため、データを読み込めません。",
            f"表をCSV（UTF-8）形式で保存またはエクスポートして、{again(paired)}",
        )
    if part == "binary":
        return Words(
            f"{where}に、テキストではないバイトが含まれているため、データを読み込めません。ファイルが壊れているか、"
            "別のファイルの一部が書き込まれています。",
            f"エクスポートと転送に問題がないかをご確認のうえ、エクスポートし直して、{again(paired)}",
        )
    if line == 1 and has_bom:
        return Words(
            f"ファイルの先頭にUTF-8のBOMがありますが、文字エンコードは{_named(part)}であるため、データを読み込めません。",
            f"BOMだけを付けるのではなく、UTF-8（BOMあり）で保存して、{again(paired)}",
        )
    append = (
        "（Windows PowerShellの>>はUTF-16で追記するため、Add-Content -Encoding UTF8を使用します）"
        if part == "UTF-16"
        else ""
    )
    return Words(
        f"{where}の文字エンコードが、上の行と異なり{_named(part)}になっているため、データを読み込めません。文字エンコードの"
        "異なるファイルが連結されたか、別の文字エンコードで追記されたようです。",
        f"連結や追記をする前に、すべてをUTF-8にそろえ{append}、UTF-8（BOMあり）で保存して、{again(paired)}",
    )


def _damaged(damage: str, bad: tuple[int, int, int], cut: str, *, has_bom: bool, paired: bool) -> Words:
    _, offset, value = bad
    start = "ファイルの先頭にUTF-8のBOMがありますが" if has_bom else "文字エンコードはUTF-8ですが"
    correct = f"出力元でこの行を修正し、UTF-8（BOMあり）で保存して、{again(paired)}"
    if damage == "surrogate":
        return Words(
            "文字エンコードがCESU-8であるため、データを読み込めません。UTF-8に似ていますが、この行の絵文字や"
            f"特殊な漢字などが、3バイトずつの2つに分かれています（{at(offset)}）。",
            "UTF-8（BOMあり）でエクスポートしてください。Oracleデータベースでは、文字セットUTF8がCESU-8、"
            f"AL32UTF8がUTF-8にあたります。修正後、{again(paired)}",
        )
    if damage == "cut":
        return Words(
            f"{start}、この行に途中で切れた文字があるため、データを読み込めません（{at(offset)}に、"
            f"先頭の{shortened(cut)}だけが残っています）。",
            f"値の長さをバイト数で制限するプログラムでは、文字が途中で切れることがあります。{correct}",
        )
    return Words(
        f"{start}、この行に無効なバイトがあるため、データを読み込めません（{at(offset)}の0x{value:02X}）。",
        correct,
    )


def encoding_doubtful(likely: str, example: str, as_shift_jis: str, is_ascii: bool) -> Words:
    """`example` is a word of this line in the encoding `likely`; `as_shift_jis` is it as it stands."""
    if is_ascii:
        return Words(
            f"文字エンコードはASCII（半角英数字のみ）ですが、{_named(likely)}の可能性もあります。この行の"
            f"{quoted(as_shift_jis)}は、{_named(likely)}では{quoted(example)}と読めます。",
            "どちらが正しいかをご確認ください。UTF-8（BOMあり）で保存すれば、確実に判別できます。",
        )
    return Words(
        f"文字エンコードはShift_JISとして有効ですが、{_named(likely)}の可能性もあります。この行には、"
        "Shift_JISでは"
        f"{quoted(as_shift_jis)}、{_named(likely)}では{quoted(example)}と読める文字列があります。",
        "どちらが正しいかをご確認ください。UTF-8（BOMあり）で保存すれば、確実に判別できます。",
    )
