"""Notifications. Their texts are complete sentences, for somebody who is elsewhere."""

from datetime import datetime, timedelta

from retraind.report.wording.ja._parts import command, moment, named, span
from retraind.report.wording.words import Host, Name, Notice, Place, Said, Words


def _delivery(model: str, key: str, job: str) -> str:
    return f"{model}の投入データ{named(key or job)}"


def _host(host: Host, is_service: bool) -> str:
    return f"{'サービス' if is_service else 'オブジェクトストア'}（{host}）"


def notice_subject(machine: Name, title: str) -> str:
    """The title where it is all that is seen at first."""
    return f"【retraind（{machine}）】{title}"


def notice_in_one(subject: str, text: str) -> str:
    return f"{subject}。{text}"


def notice_failed(model: str, key: Name, job: str, reason: Said, note: Place | None) -> Notice:
    see = f"詳細は{note}をご確認ください。" if note else ""
    return Notice(f"{_delivery(model, key, job)}の処理に失敗しました", f"{reason.what}{see}{reason.remedy}")


def notice_done(model: str, key: Name, job: str, headline: Said, folder: Place | None) -> Notice:
    see = f"詳細は{folder}をご確認ください。" if folder else ""
    return Notice(f"{_delivery(model, key, job)}の処理が完了しました", f"{headline}{see}")


def notice_model_held(model: str, what: Said) -> Notice:
    text = f"{what.what}新しいファイルの取り込みは続けており、データが失われることはありません。{what.remedy}"
    return Notice(f"{model}を保留しました", text)


def notice_model_released(model: str, why: Said) -> Notice:
    return Notice(f"{model}の保留が解除されました", f"{why}処理を再開します。")


def notice_job_held(model: str, key: Name, job: str, reason: Said) -> Notice:
    text = f"{reason.what}データが失われることはありません。{reason.remedy}"
    return Notice(f"{_delivery(model, key, job)}を保留しました", text)


def notice_job_released(model: str, key: Name, job: str) -> Notice:
    return Notice(f"{_delivery(model, key, job)}の保留が解除されました", "処理を再開します。")


def notice_stuck(model: str, key: Name, job: str, since: datetime, reason: Said) -> Notice:
    text = (
        f"{moment(since)}から失敗が続いています。最後の試行：{reason}retraindは自動的に再試行を続けます。データが"
        "失われることはありません。"
    )
    return Notice(f"{_delivery(model, key, job)}の処理を続行できません", text)


def notice_continues(model: str, key: Name, job: str, since: datetime) -> Notice:
    return Notice(
        f"{_delivery(model, key, job)}の処理が再び進み始めました",
        f"{moment(since)}から続いていた失敗が解消しました。",
    )


def notice_key_ends(model: str, what: Said) -> Notice:
    return Notice(f"{model}：APIキーの有効期限がまもなく切れます", str(what))


def notice_host_fails(host: Host, is_service: bool, since: datetime, reason: Said) -> Notice:
    text = (
        f"{moment(since)}から障害が続いています。最後のエラー：{reason}retraindは自動的に再試行を続け、復旧すると処理を"
        "再開します。データが失われることはありません。"
    )
    return Notice(f"{_host(host, is_service)}に障害が発生しています", text)


def notice_host_works(host: Host, is_service: bool, since: datetime) -> Notice:
    text = f"{moment(since)}から続いていた障害が解消しました。待っていた処理を再開します。"
    return Notice(f"{_host(host, is_service)}が復旧しました", text)


def notice_folder_away(model: str, what: Said) -> Notice:
    text = (
        f"{what}ほかのモデルの処理は続けます。このモデルの処理は、フォルダーが復旧すると自動的に再開します。"
    )
    return Notice(f"{model}の投入フォルダーに接続できません", text)


def notice_folder_back(model: str) -> Notice:
    return Notice(f"{model}の投入フォルダーが復旧しました", "ファイルの取り込みを再開します。")


def notice_folder_reassigned(model: str, what: Said) -> Notice:
    return Notice(f"{model}の投入フォルダーは、これまで別のモデルのものでした", str(what))


def not_taken_in(lines: tuple[Said, ...], number: int, waited: timedelta) -> str:
    """`lines` are the first of so many deliveries and files, each with what it lacks."""
    rest = f"ほかに{number - len(lines):,}件あります。" if number > len(lines) else ""
    return f"次の状態が{span(waited)}以上続いています。{''.join(map(str, lines))}{rest}"


def notice_not_taken_in(model: str, what: Said, number: int, drop: Place | None) -> Notice:
    where = f"現在の状況は、{drop}のSTATUS.txtで確認できます。" if drop else ""
    return Notice(f"{model}：取り込めない投入データまたはファイルが{number:,}件あります", f"{what}{where}")


def notice_not_taken_in_anywhere(number: int, titles: tuple[Name, ...]) -> Notice:
    """For several models; `titles` are those of some."""
    more = f"、ほか{number - len(titles):,}件" if number > len(titles) else ""
    return Notice(
        f"{number:,}件のモデルで、届いたファイルを取り込めません",
        f"{'、'.join(titles)}{more}。次のコマンドで確認できます：{command('status')}",
    )


def notice_gate(model: str, key: Name, job: str, why: Said, folder: Place | None) -> Notice:
    filed = f"結果ファイルは{folder}に保管しています。" if folder else ""
    title = f"{_delivery(model, key, job)}：判定プログラムが新しいモデルを承認しませんでした"
    return Notice(title, f"{why}公開済のモデルは変更していません。{filed}")


def notice_warnings(model: str, key: Name, job: str, warnings: int, rules: tuple[str, ...]) -> Notice:
    """`rules` are the first of those that the warnings are about."""
    found = f"該当するルール：{'、'.join(rules)}。" if rules else ""
    text = f"データは受け付けました。{found}詳細は「{command(f'show {job}')}」で確認できます。"
    return Notice(f"{_delivery(model, key, job)}の検査で、警告が{warnings:,}件見つかりました", text)


def digest_line(model: Name, trained: int, published: int, failed: int, late: int) -> Words:
    parts = {"学習完了": trained, "公開": published, "失敗": failed, "到着遅れ": late}
    told = "、".join(f"{what}{number:,}件" for what, number in parts.items() if number)
    return Words(f"{model}：{told or 'なし'}。")


def notice_digest(
    *, since: datetime, lines: tuple[Said, ...], more: int, quiet: int, trained: int, failed: int
) -> Notice:
    """`lines` are of the first models, `more` are further ones, `quiet` those without anything."""
    told = "".join(map(str, lines))
    told += f"ほかに{more:,}件のモデルがあります。" if more else ""
    told += f"動きのなかったモデルは{quiet:,}件です。" if quiet else ""
    return Notice(
        f"まとめ通知：学習完了{trained:,}件、失敗{failed:,}件",
        f"{moment(since)}以降の状況です。{told}詳細は「{command('jobs')}」で確認できます。",
    )


def notice_journal_repaired(jobs: int) -> Notice:
    text = (
        f"ジャーナルが破損または消失していたか、古くなっていたため、フォルダーから{jobs:,}件のジョブを復元しました。"
        "同じデータを再び学習することはありません。ジャーナルのあるディスクに異常がないかをご確認ください。"
    )
    return Notice("ジャーナルを修復しました", text)


def notice_journal_fails(why: Said, since: datetime) -> Notice:
    text = (
        f"{moment(since)}から書き込みに失敗しています。{why.what}その間は取り込みも送信も行いませんが、データが失われる"
        f"ことはありません。{why.remedy}"
    )
    return Notice("ジャーナルに書き込めません", text)


def notice_journal_works() -> Notice:
    return Notice("ジャーナルに再び書き込めるようになりました", "retraindは処理を再開します。")


def notice_model_refused(model: str, what: Said) -> Notice:
    text = f"{what.what}{what.remedy}修正後、retraindの設定を再読み込みしてください。ほかのモデルの処理は続けます。"
    return Notice(f"{model}は、設定に誤りがあるため停止しています", text)


def notice_model_runs(model: str) -> Notice:
    return Notice(f"{model}の処理を再開しました", "設定の誤りが修正されました。")


def notice_summary(number: int, titles: tuple[Name, ...]) -> Notice:
    """`titles` are some of the messages that it sums up."""
    more = f"、ほか{number - len(titles):,}件" if number > len(titles) else ""
    return Notice(
        f"{number:,}件の通知があります",
        f"{'、'.join(titles)}{more}。「{command('status')}」と「{command('jobs')}」で確認できます。",
    )


def notice_test() -> Notice:
    return Notice("テスト", "retraindの通知のテストです。問題は発生していません。")


# Why a message has not arrived


def message_refused(status: int) -> Words:
    return Words(f"通知先が、通知の受け取りを拒否しました（HTTP {status}）。")


def recipient_fails(status: int) -> Words:
    return Words(f"通知先がエラー（HTTP {status}）を返しました。")


def recipient_silent(limit: timedelta) -> Words:
    return Words(f"通知先が{span(limit)}以内に応答しなかったため、通知を送信できませんでした。")


def message_not_accepted() -> Words:
    return Words("通知先が、通知を受け取りませんでした。")


def notifier_broken(kind: Name) -> Words:
    return Words(f"エラーが発生したため（{kind}）、通知を送信できませんでした。")


def no_more_threads() -> Words:
    return Words("スレッド数が上限に達しているため、通知を送信できませんでした。")
