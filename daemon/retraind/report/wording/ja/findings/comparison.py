"""Files compared with each other and with an earlier delivery."""

from collections.abc import Sequence

from retraind.report.wording.ja._parts import listing, named, quoted
from retraind.report.wording.words import Name, Words


def _difference(
    missing: tuple[Sequence[str], int],
    extra: tuple[Sequence[str], int],
    columns: int,
    expected_columns: int,
    *,
    before: bool,
) -> str:
    """Of `missing` and `extra` columns there are the first names and the total.

    `before`: compared with an earlier delivery.
    """
    lacks, has = (
        [quoted(name) if name else "（名前なし）" for name in names] for names, _ in (missing, extra)
    )
    lacking, added = listing(lacks, missing[1]), listing(has, extra[1])
    more = "増えています" if before else "余分にあります"
    if lacks and has:
        text = f"このファイルには項目{lacking}がなく、項目{added}が{more}。"
    elif lacks:
        text = f"このファイルには項目{lacking}がありません。"
    elif has:
        text = f"このファイルには項目{added}が{more}。"
    else:
        text = f"このファイルの項目数は{expected_columns:,}ではなく{columns:,}です。"
    if set(lacks) & set(has):
        text += "ここで同じに見える項目名は、文字の合成方法が異なるか、表示を省略した部分が異なります。"
    return text


def columns_differ(
    *,
    other: Name,
    missing: tuple[str, ...],
    missing_total: int,
    extra: tuple[str, ...],
    extra_total: int,
    columns: int,
    expected_columns: int,
) -> Words:
    difference = _difference(
        (missing, missing_total), (extra, extra_total), columns, expected_columns, before=False
    )
    return Words(
        f"{named(other)}と項目が一致していません。{difference}",
        "両方のファイルの項目を完全に一致させて、両方のファイルを投入し直してください。",
    )


def column_order(other: Name, place: int, name: str, expected: str) -> Words:
    return Words(
        f"項目は{named(other)}と同じですが、順序が異なります。{place:,}列目が{quoted(expected)}ではなく"
        f"{quoted(name)}になっています。",
        "両方のファイルの項目を同じ順序にして、両方のファイルを投入し直してください。",
    )


def columns_changed(
    *,
    delivery: Name,
    missing: tuple[str, ...] = (),
    missing_total: int = 0,
    extra: tuple[str, ...] = (),
    extra_total: int = 0,
    columns: int = 0,
    expected_columns: int = 0,
) -> Words:
    """Without further facts, only the order of the columns differs."""
    difference = (
        _difference((missing, missing_total), (extra, extra_total), columns, expected_columns, before=True)
        if columns or expected_columns
        else "項目の順序が異なります。"
    )
    return Words(
        f"前回の正常なデータ（{delivery}）と比べて項目が変わっています。{difference}このまま再学習すると、"
        "モデルを"
        "利用する側のシステムが、これまでと異なる項目を送る必要が生じるおそれがあります。",
        "意図した変更かどうかをご確認ください。",
    )


def rows_halved(delivery: Name, rows: int, previous_rows: int) -> Words:
    return Words(
        f"行数が、前回の正常なデータ（{delivery}）の{previous_rows:,}行から{rows:,}行に減っています。",
        "エクスポートが最後まで完了しているかをご確認ください。",
    )


_KINDS = {"number": "数値", "date": "日時", "text": "文字列"}


def column_types_differ(column: str, other: Name, columns: tuple[tuple[str, str], ...], total: int) -> Words:
    """`columns` are the first of `total`: the name, what it has in the `other` file."""
    first, *others = columns or ((column, ""),)
    names = listing([f"項目{quoted(name)}" for name, _ in others], total - 1) if total > 1 else ""
    return Words(
        f"項目{quoted(first[0])}に文字列が含まれていますが、{named(other)}では{_KINDS.get(first[1], '別の型')}だけです。"
        f"{f'{names}も異なります。' if names else ''}",
        "両方のファイルの出力元が同じで、項目の位置が揃っているかをご確認ください。",
    )


def column_types_changed(
    column: str, delivery: Name, changed: tuple[tuple[str, str, str], ...], total: int
) -> Words:
    """`changed` are the first of `total` columns: the name, what it had before, what it has now."""
    first, *others = changed or ((column, "", ""),)
    names = listing([f"項目{quoted(name)}" for name, _, _ in others], total - 1) if total > 1 else ""
    before, now = _KINDS.get(first[1], "別の型"), _KINDS.get(first[2], "別の型")
    also = f"{names}も変わっています。" if names else ""
    return Words(
        f"項目{quoted(first[0])}のデータタイプが、前回学習したデータ（{delivery}）の{before}から{now}に"
        f"変わっています。{also}データタイプが変わった項目があると、サービスで予測モデルを作成で"
        "きないおそれが"
        "あります。",
        "出力元で誤って変更されていないかをご確認ください。",
    )


def classes_changed(
    *,
    column: str,
    delivery: Name,
    missing: tuple[str, ...],
    missing_total: int,
    extra: tuple[str, ...],
    extra_total: int,
) -> Words:
    lacks, has = (list(map(quoted, names)) for names in (missing, extra))
    lacking, added = listing(lacks, missing_total), listing(has, extra_total)
    if lacks and has:
        change = f"{lacking}がなくなり、{added}が増えています"
    elif lacks:
        change = f"{lacking}がなくなっています"
    else:
        change = f"{added}が増えています" if has else "種類が異なっています"
    return Words(
        f"予測したい項目{quoted(column)}の分類ラベルは、前回学習したデータ（{delivery}）"
        f"と比べて{change}。分類"
        "ラベルの種類が異なると、サービスでモデルの更新に失敗するおそれがあります。",
        "意図した変更かどうかをご確認ください。",
    )
