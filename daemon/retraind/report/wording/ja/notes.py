"""RESULT.txt and ERROR.txt: how a delivery ended, with what, and what to do next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from retraind.domain.job import Outcome, Role, State
from retraind.report.wording.ja._parts import by_operator, command, count, moment, named, span
from retraind.report.wording.words import Audience, Line, Name, Said, Words

_HEADLINES: Mapping[Outcome, str] = {
    Outcome.SWITCHED: "このデータでモデルを再学習し、新しいモデルを公開しました。",
    Outcome.TRAINED: "このデータでモデルを再学習しました。公開済のモデルは変更していません。",
    Outcome.SUPERSEDED: "同じモデルに、より新しい投入データが届いていたため、このデータは使用しませんでした。",
    Outcome.DUPLICATE: "同じファイルで学習済みのため、このデータは使用しませんでした。",
    Outcome.FAILED: "このデータではモデルを再学習できませんでした。",
}
_LINES: Mapping[Line, str] = {
    Line.MODEL: "モデル",
    Line.DELIVERY: "投入データ",
    Line.JOB: "ジョブ",
    Line.FILE: "ファイル",
    Line.TAKEN_IN: "取り込み",
    Line.UPLOADED: "アップロード",
    Line.TRAINED: "学習の完了",
    Line.PUBLISHED: "公開",
    Line.PUBLISHED_AGAIN: "再公開",
    Line.CLOSED: "終了",
    Line.TRAINING: "学習時間",
    Line.RETRAIN_JOB: "再学習ジョブ",
    Line.MODEL_ID: "モデルID",
    Line.SERVICE_SAYS: "サービス",
    Line.UPLOAD: "送信状況",
    Line.PROGRESS: "進行状況",
    Line.FOLDER: "フォルダー",
    Line.RETRY: "再試行",
}
_ROLES: Mapping[Role, str] = {
    Role.TRAIN: "学習用データ",
    Role.EVAL: "評価用データ",
    Role.MARKER: "完了マーカー",
    Role.MANIFEST: "マニフェスト",
}
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
    State.RESTORING: "再開処理中",
    State.DONE: "完了",
    State.FAILED: "失敗",
    State.RETURNED: "差し戻し",
}
_NOTHING = "対応は不要です。"

# How it ended


def headline(outcome: Outcome) -> str:
    return _HEADLINES[outcome]


def headline_unfinished(state: State) -> str:
    return f"ジョブはまだ終了していません（{_STATES[state]}）。"


def headline_continued(continued_in: str) -> str:
    return (
        "同じファイルがもう一度投入されたため、この投入データで始まった学習の完了は、新しいジョブ"
        f"{named(continued_in)}で待っています。"
    )


def headline_failed_later() -> str:
    return "このデータでモデルを再学習しましたが、その後の処理に失敗しました。"


def headline_by_hand(again: bool) -> str:
    how = "再び公開しました" if again else "公開しました"
    return f"このデータでモデルを再学習し、担当者の操作で新しいモデルを{how}。"


def headline_unclear() -> str:
    return "このデータでモデルを再学習しました。新しいモデルが公開されたかどうかは確認できていません。"


def what_happened(why: Said) -> str:
    return f"原因：{why.what}{why.named}"


def training_continued(continues: str) -> str:
    return (
        f"同じファイルを先に投入したジョブ{named(continues)}が、学習の完了を待たずに終了していたため、その学習を"
        "引き継いで完了を待ちました。データは再送していません。"
    )


def file_grown(file: Name, sealed: int, size: int, settle: timedelta, trained: bool) -> Words:
    """`sealed` are its bytes when it was taken in; `trained`: the service has got these."""
    used = "モデルは、取り込んだ時点の内容で学習しています。" if trained else ""
    return Words(
        f"{named(file)}は、取り込んだ後もプログラムが書き込みを続けていたため、サイズが{sealed:,}バイトから"
        f"{size:,}バイトに増えています。{used}",
        "書き込みが完了してから、ファイルを投入し直してください。今後は、一時的な名前で書き込みを終えてから"
        f"ファイル名を変更するか、settleの値（現在は{span(settle)}）を大きくしてください。",
    )


# What to do next


def what_to_do(remedy: str) -> str:
    return f"対処方法：{remedy}"


def result_is_elsewhere(continued_in: str) -> str:
    return f"{_NOTHING}学習の結果は、{named(continued_in)}のフォルダーに保存されます。"


def next_after_training(results: Name, there: bool, unclear: bool, job: str, audience: Audience) -> str:
    """`there`: the results file still is; `unclear`: it is not certain whether the model was published."""
    begin = (
        f"対処方法：結果ファイル{named(results)}の内容をご確認ください。"
        if there
        else f"結果ファイル{named(results)}は、すでにありません。対処方法："
    )
    purpose = "新しいモデルを確実に公開するには" if unclear else "新しいモデルを公開するには"
    if audience is Audience.SHARE:
        return f"{begin}{purpose}、{by_operator(audience, 'switch', job)}"
    return f"{begin}{purpose}、次のコマンドを実行してください：\n    {command('switch', job)}"


def next_after_switch(audience: Audience) -> str:
    begin = f"{_NOTHING}現在どのモデルが公開されているかは、投入フォルダーのSTATUS.txtで確認できます。"
    if audience is Audience.SHARE:
        return (
            f"{begin}以前のモデルに戻すには、done/にあるそのモデルのフォルダーの名前を伝えて、retraindの運用担当者に"
            "依頼してください。"
        )
    return (
        f"{begin}\n以前のモデルに戻すには、done/にあるそのモデルのフォルダーの名前をJOBに指定して、次のコマンドを"
        f"実行してください：\n    {command('switch', 'JOB')}"
    )


def next_after_superseded(newer: str) -> str:
    return f"新しい投入データのジョブは{named(newer)}です。{_NOTHING}"


def next_after_duplicate(earlier: str) -> str:
    return (
        f"先に投入されたデータのジョブは{named(earlier)}です。{_NOTHING}新しいデータを投入したはずであれば、"
        "エクスポートの処理をご確認ください。"
    )


def delivered_again(times: int, since: datetime | None) -> str:
    """For deliveries of the same bytes after the first."""
    first = f"{moment(since)}以降、" if since else ""
    return f"{first}同じファイルがさらに{count(times, '回')}投入されています。最後に投入されたものだけを保管しています。"


def next_delivery_publishes(policy: Literal["always", "gate"], model: str, audience: Audience) -> str:
    """For whoever publishes a model by hand though the policy of the model publishes others."""
    how = {
        "always": "自動的に公開され",
        "gate": "判定プログラムが承認すると公開され",
    }[policy]
    prevent = (
        f'設定ファイルで{named(model)}をswitch = "manual"に変更し、設定を再読み込みしてください。'
        if audience is Audience.OPERATOR
        else f"モデル{named(model)}について、retraindの運用担当者に依頼してください。"
    )
    return (
        f'注意：次の投入データで学習したモデルは、{how}、このモデルと置き換わります（switch = "{policy}"）。'
        f"置き換えないようにするには、{prevent}"
    )


def files_of_no_more_use() -> str:
    return (
        "投入されたファイルは、このフォルダーにそのまま保管しています。このフォルダーは削除してかまいません。"
    )


def files_to_deliver_again() -> str:
    return (
        "投入されたファイルは、このフォルダーにそのまま保管しています。データを修正し、元のファイル名で投入"
        "フォルダーに投入し直してください。その後、このフォルダーは削除してかまいません。"
    )


def files_to_retry() -> str:
    return (
        "投入されたファイルは、このフォルダーにそのまま保管しています。再試行する可能性がある間は、この"
        "フォルダーを削除しないでください。"
    )


# The data of the job


def line_of(line: Line) -> str:
    return _LINES[line]


def line_begins(name: str) -> str:
    return f"{name}："


def moment_of_line(at: datetime) -> str:
    return moment(at)


def without_key() -> str:
    return "（名称なし）"


def file_line(name: Name, role: Role, size: int, rows: int | None) -> str:
    counted = f"、{count(rows, '行')}" if rows is not None else ""
    return f"{name}（{_ROLES[role]}、{size:,}バイト{counted}）"


def upload_line(sent: int | None, total: int | None) -> str:
    """`sent` is None where that is not known."""
    if sent is None or total is None:
        return f"{total or 0:,}バイトを送信予定"
    share = f"（{100 * sent // total}％）" if total else ""
    return f"{total:,}バイト中{sent:,}バイトを送信済み{share}"


def progress_line(doing: Literal["preflight", "bundle", "upload"], done: int, total: int) -> str:
    """How much of the delivery's files was read, or of the bundle was sent."""
    read = {"preflight": "検査済み", "bundle": "送信用ファイルに追加済み", "upload": "送信済み"}[doing]
    return f"{total:,}バイト中{done:,}バイトを{read}（{min(100, 100 * done // (total or 1))}％）"


def retry_line(job: str) -> str:
    return command("retry", job)


def upload_in_doubt(since: datetime) -> str:
    return (
        f"{moment(since)}に開始したアップロードが、サービスに届いたかどうかを確認できていません。retraindが"
        "再学習状況を確認してから、必要な場合に限りデータを再送します。"
    )


def training_took(time: timedelta) -> str:
    return span(time)


def gate_said() -> str:
    return "判定プログラムの出力："


def about_the_data() -> str:
    return "データについての注意点："


def rules_ignored(rules: tuple[str, ...]) -> str:
    return f"このほか、設定により無視されるルールにも違反しています：{'、'.join(rules)}"
