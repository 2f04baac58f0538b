"""The column that the model predicts, and its classes."""

from collections.abc import Iterable

from retraind.report.wording.ja._parts import listing, named, quoted
from retraind.report.wording.ja.findings._parts import again, also, also_lines, as_plain_numbers, located
from retraind.report.wording.words import Name, Words

_DIFFERENCES = {
    "invisible": "目に見えない文字",
    "line-break": "改行",
    "no-break-space": "ノーブレークスペース",
    "space": "空白",
    "composition": "文字の合成方法",
    "width": "全角と半角",
    "case": "大文字と小文字",
}
_CHECK_SOURCE = "出力元でこの項目に値が入力されているかをご確認"


def target_missing(
    column: str,
    paired: bool,
    similar: tuple[tuple[str, tuple[str, ...]], ...] = (),
    delivery: Name | None = None,
) -> Words:
    """`similar` are the columns that look alike, each with what makes the difference.

    `delivery` is the last trained one, if it had the column.
    """
    if similar:
        names = listing([f"{quoted(name)}（{_differences(how)}の違い）" for name, how in similar])
        return Words(
            f"予測したい項目{quoted(column)}と完全に一致する名前の項目が、ファイルにありません。"
            "よく似た項目として"
            f"{names}があります。",
            f"項目名を設定どおりに修正して、{again(paired)}ファイルの項目名が正しい場合は、retraindの設定にある予測したい項目の"
            "名前（target）の修正が必要です。",
        )
    if delivery is not None:
        return Words(
            f"予測したい項目{quoted(column)}がファイルにありません。前回学習したデータ（{delivery}）には"
            "ありました。",
            f"出力元でこの項目が引き続き出力されているかをご確認のうえ、{again(paired)}",
        )
    return Words(
        f"予測したい項目{quoted(column)}がファイルにありません。",
        f"ファイルに項目を追加して、{again(paired)}項目の名前が異なる場合は、retraindの設定にある予測したい項目の名前"
        "（target）の修正が必要です。",
    )


def _differences(how: tuple[str, ...]) -> str:
    return listing([_DIFFERENCES.get(each, "表記") for each in how])


def target_empty(column: str, rows: int, paired: bool) -> Words:
    return Words(
        f"予測したい項目{quoted(column)}の値が{rows:,}行すべてで空であるため、学習できません。",
        f"{_CHECK_SOURCE}のうえ、{again(paired)}",
    )


def evaluation_without_answers(column: str, rows: int, value: str | None = None) -> Words:
    """All rows have the same `value`, which stands for a missing one, or none."""
    found = "空" if value is None else f"欠損を表す{quoted(value)}"
    return Words(
        f"評価用データの予測したい項目{quoted(column)}の値が{rows:,}行すべてで{found}です。正解値がないため、"
        "評価できません。",
        "評価用データのこの項目に正解値を入力して、両方のファイルを投入し直してください。",
    )


def too_few_answers(column: str, filled: int, rows: int, minimum: int, paired: bool) -> Words:
    return Words(
        f"予測したい項目{quoted(column)}に値がある行が、{rows:,}行のうち{filled:,}行しかないため、"
        "予測モデルを"
        f"作成できません。値が空の行は学習に使用されず、学習には少なくとも{minimum:,}行が必要です。",
        f"{_CHECK_SOURCE}のうえ、{again(paired)}",
    )


def few_answers(column: str, filled: int, rows: int, low: int) -> Words:
    return Words(
        f"予測したい項目{quoted(column)}に値がある行が、{rows:,}行のうち{filled:,}行しかありません。"
        "値が空の行は"
        f"学習に使用されず、サービスの推奨は{low:,}行以上です。",
        f"{_CHECK_SOURCE}ください。",
    )


def target_one_value(column: str, value: str, paired: bool) -> Words:
    return Words(
        f"予測したい項目{quoted(column)}の値がすべての行で同じ（{quoted(value)}）であるため、"
        "学習できません。",
        f"エクスポートでほかの値の行が抜けていないかをご確認のうえ、{again(paired)}",
    )


def target_not_numeric(column: str, value: str, paired: bool) -> Words:
    return Words(
        f"モデルは数値を予測しますが、この行の予測したい項目{quoted(column)}に数値ではない{quoted(value)}が"
        "含まれています。",
        f"数値だけを出力し、値が不明な場合は空欄にして、{again(paired)}モデルが分類を予測する場合は、retraindの設定の"
        "prediction_typeの修正が必要です。",
    )


def target_notation(
    column: str, value: str, others: tuple[tuple[int, str], ...], notations: tuple[str, ...], paired: bool
) -> Words:
    """`others` are the next values."""
    names = listing([_NOTATIONS[each] for each in notations if each in _NOTATIONS])
    written = f"{names}を使った数値" if names else "対応していない表記の数値"
    return Words(
        f"予測したい項目{quoted(column)}に、{written}{quoted(value)}{also_lines(others)}が含まれているため、"
        "文字列として読み込まれます。",
        f"{as_plain_numbers(notations)}数値だけを出力し、{again(paired)}",
    )


_NOTATIONS = {
    "trailing-minus": "数値の後ろのマイナス記号",
    "other-minus": "半角の「-」以外のマイナス記号",
    "parentheses": "かっこ",
    "apostrophe": "アポストロフィ",
    "thousands": "桁区切り",
    "currency": "通貨記号",
    "percent": "パーセント記号",
    "decimal-comma": "小数点のカンマ",
    "full-width": "全角文字",
    "multiplier": "「万」などの単位",
    "flag": "数値の後ろの記号",
    "blank": "全角などの空白",
}


def too_many_classes(
    *,
    column: str,
    value: str,
    limit: int,
    paired: bool,
    binary: bool = False,
    numeric: bool = False,
) -> Words:
    """`binary`: the model distinguishes two classes."""
    if binary:
        return Words(
            f"モデルの予測タイプは二値分類ですが、予測したい項目{quoted(column)}に3種類目の値（この行の"
            f"{quoted(value)}）が含まれています。",
            f"余分な値の行を修正するか取り除いて、{again(paired)}3種類以上の値が正しい場合は、retraindの設定の"
            "prediction_typeの修正が必要です。",
        )
    if numeric:
        return Words(
            f"予測したい項目{quoted(column)}に含まれる値のユニーク数が、多値分類で扱える上限の{limit:,}を"
            f"超えています（この行の{quoted(value)}で超えました）。",
            f"行数の少ない値をまとめて、{again(paired)}数値を予測する場合は、retraindの設定のprediction_typeをregressionに"
            "変更する必要があります。",
        )
    return Words(
        f"予測したい項目{quoted(column)}に文字列（この行の{quoted(value)}）が含まれるため、"
        "値は分類ラベルとして"
        f"扱われますが、そのユニーク数が上限の{limit:,}を超えています。",
        "数値の項目の場合は、不明な値を空欄にしてください。それ以外の場合は、"
        "行数の少ない値をまとめてください。"
        f"修正後、{again(paired)}",
    )


def late_class(
    column: str, value: str, others: tuple[tuple[int, str], ...], total: int, first_rows: int
) -> Words:
    """`others` are the next of `total` classes: the line, the name."""
    return Words(
        f"予測したい項目{quoted(column)}の分類ラベル{quoted(value)}が、この行で初めて現れます"
        f"{also(located(others), total, '種類')}。サービスでは、先頭の{first_rows:,}行にすべての分類ラベルが"
        "含まれている必要があります。",
        "行の順序を無作為に並べ替えてからエクスポートしてください。",
    )


def rare_class(column: str, value: str, rows: int, others: tuple[tuple[int, str], ...], total: int) -> Words:
    """`others` are the next of `total` classes: the rows, the name."""
    return Words(
        f"予測したい項目{quoted(column)}の分類ラベル{quoted(value)}の行が{rows:,}行しかないため"
        f"{also(_rows(others), total, '種類')}、評価用データに1行も含まれないおそれがあります。",
        "この分類ラベルの行を増やすか、ほかの分類ラベルとまとめてください。"
        if total == 1
        else "これらの分類ラベルの行を増やすか、ほかの分類ラベルとまとめてください。",
    )


def rare_class_in_evaluation(
    column: str, value: str, rows: int, others: tuple[tuple[int, str], ...], total: int
) -> Words:
    """`others` are the next of `total` classes: the rows, the name."""
    return Words(
        f"評価用データで、予測したい項目{quoted(column)}の分類ラベル{quoted(value)}の行が"
        f"{rows:,}行しかないため"
        f"{also(_rows(others), total, '種類')}、サービスで正解値を含むデータが少なすぎると判断されるおそれが"
        "あります。",
        f"評価用データで{'この' if total == 1 else 'これらの'}分類ラベルの行を増やしてください。",
    )


def _rows(others: Iterable[tuple[int, str]]) -> list[str]:
    return [f"{quoted(name)}が{rows:,}行" for rows, name in others]


def positive_value_missing(column: str, positive: str, classes: tuple[str, ...], total: int) -> Words:
    """`classes` are the first of `total`."""
    return Words(
        f"予測値（positive_value）に設定された{quoted(positive)}が、予測したい項目{quoted(column)}に"
        "ありません。この項目の値は"
        f"{listing(list(map(quoted, classes)), total)}です。",
        "出力元の値を修正してください。値が正しい場合は、retraindの設定のpositive_valueの修正が必要です。",
    )


def classes_spelled_otherwise(
    *, column: str, value: str, expected: str, others: tuple[tuple[str, str], ...], total: int, other: Name
) -> Words:
    """`others` are the next of `total` classes: as they are here, as they are in the `other` file."""
    further = (f"{quoted(theirs)}が{quoted(ours)}" for ours, theirs in others)
    return Words(
        f"予測したい項目{quoted(column)}の分類ラベルの表記が、{named(other)}では{quoted(expected)}、"
        "このファイルでは"
        f"{quoted(value)}になっています{also(further, total, '種類')}。サービスはこれらを別の分類ラベルとして"
        "扱います。",
        "両方のファイルで分類ラベルの表記をそろえてください。",
    )


def unknown_classes(column: str, classes: tuple[str, ...], total: int, other: Name) -> Words:
    """`classes` are the first of `total`."""
    names = listing(list(map(quoted, classes)), total)
    return Words(
        f"予測したい項目{quoted(column)}の分類ラベル{names}が{named(other)}にないため、モデルは"
        f"{'この' if total == 1 else 'これらの'}分類ラベルを予測できません。",
        "両方のファイルが同じ出力元のものかをご確認ください。",
    )


def evaluation_one_class(column: str, value: str, absent: tuple[str, ...], total: int) -> Words:
    """`absent` are the first of the `total` classes that only the training file has."""
    lacks = f"なく、{listing(list(map(quoted, absent)), total)}の行があり" if absent else "あり"
    return Words(
        f"評価用データの予測したい項目{quoted(column)}に、"
        f"分類ラベルが{quoted(value)}の1種類しか{lacks}ません。",
        "すべての分類ラベルの行を評価用データに含めて、両方のファイルを投入し直してください。",
    )


def evaluation_lacks_classes(column: str, classes: tuple[str, ...], total: int) -> Words:
    """`classes` are the first of `total`."""
    return Words(
        f"評価用データの予測したい項目{quoted(column)}に、{listing(list(map(quoted, classes)), total)}の行が"
        "ありません。サービスでは、学習用データに含まれるすべての分類ラベルが評価用データにも必要です。",
        "すべての分類ラベルの行を評価用データに含めてください。",
    )


def similar_classes(
    *, column: str, value: str, similar: str, others: tuple[tuple[str, str], ...], total: int
) -> Words:
    """`others` are the next of `total` classes, each with the one that it is like."""
    further = (f"{quoted(one)}と{quoted(other)}" for one, other in others)
    return Words(
        f"予測したい項目{quoted(column)}に、よく似た分類ラベル{quoted(similar)}とこの行の{quoted(value)}が含まれています"
        f"{also(further, total, '種類')}。サービスはこれらを別の分類ラベルとして扱います。",
        "同じ分類ラベルの表記をそろえてください。",
    )
