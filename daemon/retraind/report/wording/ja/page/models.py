"""The list of models, and one model."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import Outcome, State
from retraind.report.wording.ja._parts import named, span
from retraind.report.wording.ja.page._parts import when
from retraind.report.wording.words import Health, Name, Place, Said

_HEALTH: Mapping[Health, str] = {
    Health.REFUSED: "設定エラー",
    Health.HELD: "保留中",
    Health.UNREACHABLE: "接続不可",
    Health.STUCK: "処理停滞",
    Health.LATE: "遅延",
    Health.FAILED: "失敗",
    Health.TRAINING: "学習中",
    Health.WORKING: "処理中",
    Health.WAITING: "待機中",
    Health.NEW: "新規",
    Health.REMOVED: "削除済み",
}
_STEPS: Mapping[State, str] = {
    State.SEALING: "を取り込んでいます",
    State.SEALED: "は順番を待っています",
    State.CHECKED: "の送信用ファイルを作成しています",
    State.BUNDLED: "はアップロードを待っています",
    State.REGISTERED: "をアップロードしています",
    State.UPLOADED: "で学習しています",
    State.TRAINED: "で学習したモデルを判定しています",
    State.SWITCHING: "で学習したモデルを公開しています",
    State.FILING: "を保管しています",
    State.RESTORING: "の処理を再開しています",
    State.DONE: "は完了しました",
    State.FAILED: "の処理に失敗しました",
    State.RETURNED: "は差し戻されました",
}
_UNDER_WAY = {
    "preflight": "のデータを検査しています",
    "bundle": "の送信用ファイルを作成しています",
    "upload": "をアップロードしています",
}
_OUTCOMES: Mapping[Outcome, str] = {
    Outcome.TRAINED: "学習済み",
    Outcome.SWITCHED: "公開済み",
    Outcome.SUPERSEDED: "不使用",
    Outcome.DUPLICATE: "重複",
    Outcome.FAILED: "失敗",
}
_KIB = 1_024
_UNITS = ("KiB", "MiB", "GiB")
_WHOLE = 100
"""From here on, sizes have no decimals."""
_KINDS = {"all": "すべて", "attention": "要対応", "work": "処理中", "waiting": "待機中"}


def _named(key: str) -> str:
    return named(key) if key else "名称のない投入データ"


def page_health(health: Health) -> str:
    return _HEALTH[health]


def page_outcome(outcome: Outcome) -> str:
    return _OUTCOMES[outcome]


# What a model does


def page_is_waiting(since: datetime, lasted: timedelta) -> str:
    return f"{when(since)}からファイルを待っています（{span(lasted)}）。"


def page_is_new() -> str:
    return "最初のファイルを待っています。"


def page_is_training(key: Name, lasted: timedelta) -> str:
    return f"{_named(key)}で学習しています（開始から{span(lasted)}）。"


def page_is_working(
    key: Name, state: State, doing: Literal["preflight", "bundle", "upload"] | None = None
) -> str:
    """`doing` is the step that is under way, where that is known."""
    return f"{_named(key)}{_UNDER_WAY[doing] if doing else _STEPS[state]}。"


def page_waits(key: Name, why: Said) -> str:
    """It waits in the ordinary course of things."""
    return f"{_named(key)}：{why}"


def page_is_held(since: datetime | None, why: Said) -> str:
    begun = f"{when(since)}から保留しています" if since else "保留しています"
    return f"{begun}。{why.what}"


def page_is_stuck(key: Name, why: Said | None) -> str:
    return f"{_named(key)}の処理を続行できません。{why.what if why else ''}"


def page_has_failed(key: Name, at: datetime, why: Said | None) -> str:
    """`key` is the job's name where the key is not known."""
    return f"{named(key)}の処理に失敗しました（{when(at)}）。{why.what if why else ''}"


def page_is_late(why: Said) -> str:
    return why.what


def page_is_unreachable(why: Said) -> str:
    return f"データを取り込めません。{why.what}"


def page_is_refused() -> str:
    return "設定に誤りがあります。retraindの運用担当者が設定を修正する必要があります。"


def page_is_removed() -> str:
    return "設定から削除されていますが、処理中の投入データがあります。"


def page_behind(jobs: int) -> str:
    """Deliveries that wait behind the one that is named."""
    return f"ほかに{jobs:,}件の投入データが待っています。"


def page_last_delivery(outcome: Outcome | None, lasted: timedelta) -> str:
    """How the last delivery ended, and how long ago."""
    how = _OUTCOMES[outcome] if outcome else "終了"
    return f"{how}（{span(lasted)}前）"


def page_no_delivery() -> str:
    return "投入データなし"


# The list


def page_kind(kind: Literal["all", "attention", "work", "waiting"]) -> str:
    return _KINDS[kind]


def page_kinds() -> str:
    return "表示するモデル"


def page_search() -> str:
    return "検索"


def page_search_models() -> str:
    return "名前で検索"


def page_no_models(text: Name) -> str:
    """`text` is what was searched for; empty where nothing was."""
    return f"「{text}」に一致するモデルはありません。" if text else "現在、該当するモデルはありません。"


def page_range(first: int, last: int, total: int) -> str:
    return f"{total:,}件中{first:,}～{last:,}件目"


def page_pages() -> str:
    return "一覧の続き"


def page_previous() -> str:
    return "前へ"


def page_next() -> str:
    return "次へ"


def page_outage_heading() -> str:
    return "障害が発生している接続先"


def page_common_history() -> str:
    """What happened to all models at once."""
    return "接続先とジャーナルの履歴"


# One model


def page_now() -> str:
    return "現在の状況"


def page_deliveries() -> str:
    return "投入データ"


def page_no_deliveries() -> str:
    return "まだ投入データを取り込んでいません。"


def page_runs() -> str:
    return "実行履歴"


def page_drop_folder(path: Place) -> str:
    return f"投入フォルダー：{path}"


def page_key_warning(why: Said) -> str:
    return f"近いうちに対応が必要です。{why}"


def page_published() -> str:
    return "公開済のモデル"


def page_published_job(key: Name, at: datetime | None) -> str:
    return f"{key}（{when(at)}に公開）" if at else key


def page_older() -> str:
    return "以前のもの"


def page_newest() -> str:
    return "最新のもの"


def page_counted(done: int, failed: int) -> str:
    return f"完了{done:,}件、失敗{failed:,}件"


# Charts

_CHARTS = {"duration": "所要時間", "rows": "行数", "size": "サイズ"}


def page_chart(name: Literal["duration", "rows", "size"]) -> str:
    return _CHARTS[name]


def page_chart_hint(name: Literal["duration", "rows", "size"]) -> str:
    return {
        "duration": "取り込みから学習の完了まで",
        "rows": "学習用データ",
        "size": "データファイルの合計",
    }[name]


def page_score_hint() -> str:
    """Below the service's own name of a figure."""
    return "学習したモデルの評価指標"


def page_score(value: float) -> str:
    return f"{value:.3f}" if abs(value) < _WHOLE else f"{value:,.0f}"


def page_chart_least(least: str) -> str:
    return f"最小値 {least}"


def page_chart_most(most: str) -> str:
    return f"最大値 {most}"


def page_chart_told(name: str, runs: int, last: str, least: str, most: str) -> str:
    """A chart in words."""
    if runs == 1:
        return f"1回だけ実行されています。{name}は{last}です。"
    return f"直近{runs:,}回の{name}。最新は{last}、最小値は{least}、最大値は{most}です。"


def page_point(key: Name, at: datetime, value: str, failed: bool) -> str:
    return f"{key}（{when(at)}）：{value}{'、失敗' if failed else ''}"


def page_duration(lasted: timedelta) -> str:
    return span(lasted)


def page_rows(rows: int) -> str:
    return f"{rows:,}行"


def page_number(number: int) -> str:
    return f"{number:,}"


def page_size(bytes: int) -> str:  # noqa: A002 - a fact
    if bytes < _KIB:
        return f"{bytes:,}バイト"
    power = min(len(_UNITS), (bytes.bit_length() - 1) // 10)
    size = bytes / _KIB**power
    return f"{size:,.1f} {_UNITS[power - 1]}" if size < _WHOLE else f"{size:,.0f} {_UNITS[power - 1]}"
