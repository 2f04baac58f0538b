"""Time series: their columns, and the order and distances of their times."""

from retraind.report.wording.ja._parts import quoted
from retraind.report.wording.ja.findings._parts import also, located
from retraind.report.wording.words import Words


def evaluation_in_time_series() -> Words:
    return Words(
        "サービスの時系列予測モードでは評価用データを指定できません。このファイルが受け付けられるかどうかは、"
        "サービスのマニュアルに記載がありません。",
        '学習用データと評価用データの組がサービスに受け付けられない場合は、retraindの設定をmode = "train-only"に'
        "変更し、学習用データだけを投入する必要があります。",
    )


def most_columns_in_time_series(columns: int) -> Words:
    return Words(
        f"項目数が{columns:,}です。時系列予測モードでこの項目数を読み込めるかどうかは、サービスのマニュアルの"
        "記載が一致していません。",
        "モデルに不要な項目を取り除いてください。",
    )


def series_column_missing(column: str) -> Words:
    return Words(
        f"時系列予測用に設定されている項目{quoted(column)}が、ファイルにありません。",
        "ファイルの項目名を修正してください。項目名が正しい場合は、retraindの設定のtime_columnまたはseries_columnの修正が"
        "必要です。",
    )


def series_target_not_numeric(column: str, value: str) -> Words:
    return Words(
        f"この行の予測したい項目{quoted(column)}に{quoted(value)}が含まれています。時系列予測モードで"
        "予測できるのは数値だけです。",
        "予測したい項目には数値だけを出力してください。",
    )


def series_value_empty(column: str) -> Words:
    return Words(
        f"この行の項目{quoted(column)}の値が空です。時刻または予測したい項目が空の行があると、その系列の"
        "モデルを作成できません。",
        "値を補うか、この行を取り除いてください。",
    )


def too_many_series(column: str, value: str, limit: int) -> Words:
    return Words(
        f"項目{quoted(column)}の系列数が{limit:,}を超えているため、データを読み込めません"
        f"（この行の{quoted(value)}で上限を超えました）。",
        "データを複数のモデルに分けてください。",
    )


def duplicate_times(
    *, column: str, value: str, others: tuple[tuple[int, str], ...], total: int, by_series: bool
) -> Words:
    """`others` are the next of `total` rows: the line, the time."""
    within = "、同じ系列の中で" if by_series else ""
    return Words(
        f"項目{quoted(column)}の時刻{quoted(value)}が{within}重複しています"
        f"{also(located(others), total, '行')}。",
        "1つの時刻につき1行だけを残してください。"
        if by_series
        else "1つの時刻につき1行だけを残してください。系列が複数ある場合は、retraindの設定のseries_columnに系列項目を"
        "指定する必要があります。",
    )


def unsorted_times(column: str, value: str) -> Words:
    return Words(
        f"行が時刻の順に並んでいません。この行の項目{quoted(column)}の{quoted(value)}で順序が乱れています。",
        "ファイル全体を時刻の昇順または降順に並べ替えてください。",
    )


def series_gap(*, column: str, value: str, before: str, before_line: int, missing: int) -> Words:
    return Words(
        f"項目{quoted(column)}の{quoted(before)}（{before_line:,}行目）と{quoted(value)}の間に、"
        f"データが存在しない時刻が{missing:,}件あります。",
        "欠けている期間のデータを補うか、それより前の行を取り除いてください。",
    )


def irregular_times(*, column: str, value: str, before: str, before_line: int, percent: int) -> Words:
    return Words(
        f"項目{quoted(column)}の時刻の{percent:,}％で、直前の時刻との間隔が一定ではありません"
        f"（最初の箇所は{quoted(before)}（{before_line:,}行目）の次の{quoted(value)}）。",
        "すべての行の時間間隔を一定にしてください。",
    )


def time_column_not_dates(*, column: str, value: str, is_serial: bool) -> Words:
    """`is_serial`: the value is a day as Excel counts them."""
    if is_serial:
        return Words(
            f"時間情報項目に設定された項目{quoted(column)}の値が、日時ではなく数値（{quoted(value)}）です。Excelの日付の"
            "シリアル値のようです。",
            "Excelで列の表示形式を日付（YYYY-MM-DD）にしてから、CSV形式で保存し直してください。",
        )
    return Words(
        f"時間情報項目に設定された項目{quoted(column)}に、日時がありません（この行の値：{quoted(value)}）。",
        "日時をYYYY-MM-DD（時刻を含む場合はYYYY-MM-DD hh:mm:ss）の書式で出力してください。時刻が別の項目にある場合は、retraindの"
        "設定のtime_columnの修正が必要です。",
    )


def interval_below_minute(*, column: str, value: str, before: str, before_line: int) -> Words:
    return Words(
        f"項目{quoted(column)}の{quoted(before)}（{before_line:,}行目）と{quoted(value)}の間隔が1分未満です。"
        "サービスが対応している時間間隔は1分以上です。",
        "1分以上の間隔になるように行を集計してください。",
    )


def interval_not_supported(*, column: str, value: str, before: str, before_line: int) -> Words:
    return Words(
        f"項目{quoted(column)}の時刻の間隔のほとんどが、{quoted(before)}（{before_line:,}行目）と{quoted(value)}の間隔と"
        "同じで、サービスが対応していない間隔です。対応している時間間隔は、1～59分、1～23時間、1～28日、1～11か月、1～10年です。",
        "対応している時間間隔のいずれかになるように、行を集計してください。",
    )
