"""What is around each page: names of places, the daemon, messages in place of a page."""

from datetime import datetime, timedelta

from retraind.report.daemon_condition import Condition
from retraind.report.wording.ja._parts import moment, run, shell, span
from retraind.report.wording.words import Place, Said, Words

_CONDITIONS = {
    Condition.RUNNING: "retraindは動作中です",
    Condition.STARTING: "retraindを起動しています",
    Condition.NOT_RUNNING: "retraindは停止しています",
    Condition.STOPPING: "retraindを停止しています",
    Condition.SUSPENDED: "retraindはシグナルで一時停止しています",
    Condition.ZOMBIE: "retraindは終了しましたが、プロセスが残っています",
    Condition.SILENT: "retraindから状態の報告がありません",
    Condition.LOOP_HANGS: "retraindが応答していません",
    Condition.TIMETABLE_HANGS: "定期処理が実行されていません",
    Condition.SCANS_HANG: "投入フォルダーの確認が終わりません",
}


def page_language() -> str:
    """The language's name in itself."""
    return "日本語"


def page_title(name: str) -> str:
    """A browser's tab; `name` is empty for the first page."""
    return f"{name} · retraind" if name else "retraind"


def page_skip() -> str:
    return "本文へ移動"


def page_navigation() -> str:
    return "ページの一覧"


def page_models() -> str:
    return "モデル"


def page_jobs() -> str:
    return "ジョブ"


def page_languages() -> str:
    return "表示言語"


def page_live() -> str:
    return "自動更新中"


def page_not_live() -> str:
    return "自動更新停止"


def page_as_of(at: datetime) -> str:
    return f"{moment(at)}現在"


def page_version(version: str) -> str:
    return f"retraind {version}"


def page_condition(condition: Condition) -> str:
    return _CONDITIONS[condition]


def page_condition_headline(condition: Condition) -> str:
    """The same as a sentence."""
    return f"{_CONDITIONS[condition]}。"


def page_condition_explained(condition: Condition, stopped: datetime | None) -> str:
    """For a daemon that does not work; empty for one that does."""
    if condition.is_good:
        return ""
    since = f"{moment(stopped)}に停止しました。" if stopped and condition is Condition.NOT_RUNNING else ""
    return (
        f"{since}復旧するまで、データの取り込みと送信は行われません。以下は、最後に確認できた時点の内容です。"
    )


def page_swept(lasted: timedelta) -> str:
    """How long ago a sweep of the drop folders ended."""
    return f"投入フォルダーの確認：{span(lasted)}前"


# In place of a page


def page_not_found() -> Words:
    return Words("このアドレスにはページがありません。", "モデルの一覧に戻ってください。")


def page_model_not_found(name: str) -> Words:
    return Words(f"モデル「{name}」はありません。", "モデルの一覧に戻ってください。")


def page_job_not_found(name: str) -> Words:
    return Words(
        f"ジョブ「{name}」はありません。",
        "終了したジョブは、モデルに設定された保存期間（retention）が過ぎると削除されます。",
    )


def page_access_needed(token: bool) -> Words:
    """`token`: whether a token gives access; otherwise a reverse proxy names the user."""
    if token:
        return Words(
            "このページを開くには、トークンが必要です。",
            "ページを再読み込みし、ユーザー名は空欄のまま、パスワードにトークンを入力してください。トークンは"
            "retraindの運用担当者にご確認ください。",
        )
    return Words(
        "このページを開くには、サインインが必要です。",
        "ユーザーのサインインを行うリバースプロキシのアドレスから開いてください。",
    )


def page_host_refused() -> Words:
    return Words(
        "このホスト名では、ページを開けません。",
        "retraindの運用担当者が案内したアドレスを使用するか、page.allowed_hostsにホスト名を"
        "追加してください。",
        operator_only=True,
    )


def page_read_only() -> Words:
    return Words("このページは閲覧専用です。操作はできません。", "")


def page_busy() -> Words:
    return Words("閲覧者が多いため、ページを表示できません。", "しばらくしてから再読み込みしてください。")


def page_crashed() -> Words:
    return Words(
        "retraindの状況ページで内部エラーが発生しました。", "ログを添えて、開発元に報告してください。"
    )


def page_journal_missing(path: Place) -> Words:
    return Words(
        f"この設定のretraindがまだ一度も起動していないため、{path}にジャーナルがありません。",
        "retraindを起動すると、ページが表示されます。",
    )


def page_journal_unreadable(path: Place, why: Said) -> Words:
    return Words(
        f"現在、ジャーナル{path}を読み取れません。{why}", "読み取れるようになると、ページが表示されます。"
    )


def page_journal_too_old(path: Place, schema: str) -> Words:
    return Words(
        f"ジャーナル{path}は、古いバージョンのretraindで作成されています（スキーマ{schema}）。",
        "このバージョンのretraindを一度起動すると、ページが表示されます。",
    )


# The process


def page_missing(python: Place) -> Words:
    """`python` runs retraind."""
    return Words(
        "状況ページに必要なStarlette、uvicorn、Jinja2がインストールされていません。",
        "ソースのコピーを使用している場合は、コマンドの'retraind[page]'を'.[page]'に置き換えます。"
        + shell(f"{python} -m pip install 'retraind[page]'"),
    )


def page_address_taken(listen: str, why: Said) -> Words:
    return Words(
        f"状況ページが{listen}で待ち受けることができません。{why}",
        "page.listenに別のアドレスを指定してください。",
    )


def page_token_unusable(path: Place, why: Said) -> Words:
    return Words(
        f"状況ページのトークンを{path}から読み取れません。{why}",
        "20文字以上のトークンを書き、retraindだけが読み取れるようにしてください。設定の内容を確認するには、"
        f"{run('check')}",
        operator_only=True,
    )


def page_token_short(least: int) -> str:
    return f"{least}文字より短いトークンです。"


def page_token_exposed() -> str:
    return "所有者以外も読み取れるようになっています。"
