"""The list of jobs, and one job."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import Role, State
from retraind.domain.problems import Severity
from retraind.report.wording.ja._parts import moment, span
from retraind.report.wording.ja.page._parts import when
from retraind.report.wording.words import Name

_STATES: Mapping[State, str] = {
    State.SEALING: "取り込み中",
    State.SEALED: "取り込み済み",
    State.CHECKED: "検査済み",
    State.BUNDLED: "送信準備済み",
    State.REGISTERED: "アップロード中",
    State.UPLOADED: "学習中",
    State.TRAINED: "学習済み",
    State.SWITCHING: "公開処理中",
    State.FILING: "保管中",
    State.DONE: "完了",
    State.FAILED: "失敗",
    State.RESTORING: "再開処理中",
    State.RETURNED: "差し戻し",
}
_STEPS = {
    "sealed": "取り込み",
    "checked": "検査",
    "bundled": "送信準備",
    "uploaded": "アップロード",
    "trained": "学習",
    "published": "公開",
    "filed": "保管",
}
_ROLES: Mapping[Role, str] = {
    Role.TRAIN: "学習用データ",
    Role.EVAL: "評価用データ",
    Role.MARKER: "完了マーカー",
    Role.MANIFEST: "マニフェスト",
}
_KINDS = {"all": "すべて", "active": "処理中", "done": "完了", "failed": "失敗"}


def page_state(state: State) -> str:
    return _STATES[state]


def page_held() -> str:
    return "保留中"


# The list


def page_search_jobs() -> str:
    return "投入データ、日付、IDで検索"


def page_of_model() -> str:
    return "モデル"


def page_all_models() -> str:
    return "すべてのモデル"


def page_jobs_kind(kind: Literal["all", "active", "done", "failed"]) -> str:
    return _KINDS[kind]


def page_jobs_kinds() -> str:
    return "表示するジョブ"


def page_no_jobs(text: Name) -> str:
    """`text` is what was searched for; empty where nothing was."""
    return f"「{text}」に一致するジョブはありません。" if text else "ジョブはありません。"


def page_without_key() -> str:
    return "名称なし"


# One job


def page_job_title(key: Name, model: str) -> str:
    return f"{key or '名称のない投入データ'}（{model}）"


def page_progress() -> str:
    return "進行状況"


def page_step(
    step: Literal["sealed", "checked", "bundled", "uploaded", "trained", "published", "filed"],
) -> str:
    return _STEPS[step]


def page_step_took(lasted: timedelta) -> str:
    return f"+ {span(lasted)}"


def page_step_now() -> str:
    return "実行中"


def page_doing(doing: Literal["preflight", "bundle", "upload"]) -> str:
    """The step under way that takes long."""
    return {"preflight": "検査中", "bundle": "送信準備中", "upload": "アップロード中"}[doing]


def page_percent(percent: int) -> str:
    return f"{percent}％"


def page_step_open() -> str:
    return "未実行"


def page_what_to_do() -> str:
    return "対処方法"


def page_facts() -> str:
    return "詳細"


def page_files() -> str:
    return "ファイル"


def page_file_column(name: Literal["name", "role", "size", "rows", "sha256"]) -> str:
    return {"name": "名前", "role": "用途", "size": "サイズ", "rows": "行数", "sha256": "SHA-256"}[name]


def page_role(role: Role) -> str:
    return _ROLES[role]


def page_findings() -> str:
    return "検査結果"


def page_no_findings() -> str:
    return "検査で問題は見つかりませんでした。"


def page_severity(severity: Severity) -> str:
    return {Severity.ERROR: "エラー", Severity.WARNING: "警告"}[severity]


def page_finding_place(file: Name, line: int | None) -> str:
    return file if line is None else f"{file}、{line:,}行目"


def page_history() -> str:
    return "履歴"


def page_history_cut(shown: int) -> str:
    return f"最新の{shown:,}件を表示しています。"


def page_note() -> str:
    return "フォルダーに保存した説明"


def page_downloads() -> str:
    return "プログラム向けのデータ："


def page_scores() -> str:
    return "モデルの評価指標"


def page_gate() -> str:
    return "判定プログラム"


def page_when(at: datetime) -> str:
    return when(at)


def page_moment(at: datetime) -> str:
    return moment(at)
