"""STATUS.txt: how a model, its jobs and the hosts are doing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from retraind.domain.job import Outcome, State
from retraind.report.wording.ja._parts import all_named, count, either, listing, moment, named
from retraind.report.wording.words import Host, Name, Said, Section, Words

_DOING: Mapping[State, str] = {
    State.SEALING: "取り込んでいます",
    State.SEALED: "取り込みました。検査しているか、ほかのモデルの処理が終わるのを待っています",
    State.CHECKED: "検査に合格し、送信用ファイルを作成しています",
    State.BUNDLED: "サービスに送信する準備ができました",
    State.REGISTERED: "サービスに送信しています",
    State.UPLOADED: "送信が完了し、サービスで学習しています",
    State.TRAINED: "学習が完了し、モデルを公開するかどうかを判定しています",
    State.SWITCHING: "学習が完了し、モデルを公開しています",
    State.FILING: "処理が終わり、ファイルを保管しています",
    State.RESTORING: "再試行のため、処理を再開しています",
    State.DONE: "完了しました",
    State.FAILED: "失敗しました",
    State.RETURNED: "投入フォルダーに戻しました",
}
_STOOD: Mapping[State, str] = {
    State.SEALING: "取り込みの途中です",
    State.SEALED: "取り込みが完了しています",
    State.CHECKED: "検査に合格しています",
    State.BUNDLED: "送信の準備ができていますが、まだ送信していません",
    State.REGISTERED: "サービスへの送信の途中です",
    State.UPLOADED: "送信が完了しています。サービスでの学習は、すでに終わっている可能性があります",
    State.TRAINED: "学習が完了していますが、モデルを公開するかどうかはまだ決まっていません",
    State.SWITCHING: "学習が完了し、モデルを公開する直前です",
    State.FILING: "処理が終わっていますが、ファイルをまだ保管していません",
    State.RESTORING: "再試行の準備の途中です",
}
"""The same while nothing runs."""
_UNDER_WAY = {
    "preflight": "データを検査しています",
    "bundle": "検査に合格し、送信用ファイルを作成しています",
    "upload": "サービスに送信しています",
    "results": "学習が完了し、結果ファイルを取得しています",
}
_SENDING = frozenset({State.BUNDLED, State.REGISTERED})
"""What waits there is not sent soon, and not being sent."""
_ENDED: Mapping[Outcome, str] = {
    Outcome.TRAINED: "学習済み、未公開",
    Outcome.SWITCHED: "学習済み、公開済み",
    Outcome.SUPERSEDED: "より新しい投入データがあるため不使用",
    Outcome.DUPLICATE: "以前と同じファイルのため不使用",
    Outcome.FAILED: "失敗",
}
_SECTIONS: Mapping[Section, str] = {
    Section.IN_WORK: "処理中：",
    Section.UNFINISHED: "未完了：",
    Section.NOT_WORKED_ON: "取り込み済み（処理していません）：",
    Section.INCOMPLETE: "ファイルがそろっていないもの：",
    Section.LEFT_ALONE: "取り込まないもの：",
}
_UNNAMED = "（名称なし）"

# The folder


def status_intro(model: str) -> str:
    return f"このフォルダーは、モデル{named(model)}のデータの投入フォルダーです。このファイルはretraindが更新します。"


def section(which: Section) -> str:
    return _SECTIONS[which]


def on_hold(why: Said) -> str:
    return f"【保留中】{why}"


def action_needed_soon(why: Said) -> str:
    return f"【近日中に対応が必要】{why}"


def drop_folder_trouble(why: Said) -> str:
    return f"【異常】{why}"


def waiting_for(outage: str) -> str:
    return f"【復旧待ち】{outage}"


def journal_trouble(why: str) -> str:
    return f"【ジャーナルの障害】ジャーナルに書き込めません。{why}"


def still_taken_in() -> str:
    return "新しいファイルの取り込みは続けており、データが失われることはありません。"


def nothing_to_do() -> str:
    return "待機中および処理中の投入データはありません。"


def and_more(number: int) -> str:
    return f"ほかに{number:,}件あります。"


def and_more_in_status_file(number: int) -> str:
    return f"ほかに{number:,}件あります。STATUS.txtで確認できます。"


def expected_files(
    names: tuple[Name, ...],
    folders: tuple[Name, ...],
    ready: Literal["settle", "marker", "manifest"],
    proofs: tuple[Name, ...],
) -> Words:
    """Which files the folder waits for. `proofs` are the names of the marker or the manifest, by `ready`."""
    proof = {
        "settle": "",
        "marker": f"ファイルを書き込んだ後に、完了マーカー{either(all_named(proofs))}も投入してください。",
        "manifest": f"マニフェスト{either(all_named(proofs))}も投入してください。",
    }[ready]
    made = f"{listing(all_named(folders))}フォルダーがあることをご確認ください。" if folders else ""
    return Words(f"{listing(all_named(names))}のような名前のファイルを待っています。{proof}{made}")


def published_model(key: Name, since: datetime, by_hand: bool, job: str) -> str:
    hand = "、担当者による公開" if by_hand else ""
    delivery = named(key) if key else _UNNAMED
    return f"公開済のモデル：投入データ{delivery}で学習したモデル（{moment(since)}から{hand}、{job}）"


def last_finished(
    *,
    key: Name,
    outcome: Outcome,
    unclear: bool,
    ended: datetime,
    job: str,
    times: int = 1,
    since: datetime | None = None,
) -> str:
    """`unclear`: it is not certain whether the model was published; `times`: so many duplicates in a row."""
    how = "学習済み、公開されたかどうかは未確認" if unclear else _ENDED[outcome]
    if times > 1:
        how += f"、{f'{moment(since)}以降、' if since else ''}{count(times, '回')}投入"
    folder = "failed" if outcome is Outcome.FAILED else "done"
    delivery = named(key) if key else _UNNAMED
    return f"最後に処理した投入データ：{delivery}（{how}）、{moment(ended)}。詳細：{folder}/{job}/"


def _with_offset(at: datetime) -> str:
    """For readers in another zone."""
    local = at.astimezone()
    return moment(at) + (f"（UTC{local.isoformat()[-6:]}）" if local.utcoffset() else "")


def last_changed(at: datetime) -> str:
    return f"最終更新：{_with_offset(at)}"


def last_checked(at: datetime) -> str:
    return (
        f"最終確認：{_with_offset(at)}。retraindはこの行を1時間ごとに更新します。2時間以上更新されていない場合は、retraindが"
        "停止しているか、このフォルダーに書き込めなくなっています。"
    )


# Nobody looks after the folder


def status_stopped(model: str, at: datetime, why: Said) -> str:
    return (
        f"このフォルダーは、モデル{named(model)}のデータの投入フォルダーです。\n\n"
        f"{why}そのため、{moment(at)}以降、データを取り込んでいません。\n\n"
        "ファイルは投入してかまいません。retraindがこのフォルダーの監視を再開すると、ファイルを取り込み、処理中の投入"
        "データの続きを処理します。"
    )


def deliveries_unfinished(number: int) -> str:
    return f"取り込み済みで処理が終わっていない投入データ：{number:,}件"


def status_moved(model: str, at: datetime) -> str:
    return (
        f"このフォルダーは、{moment(at)}まで、モデル{named(model)}のデータの投入フォルダーでした。\n\n"
        "モデルの投入フォルダーが変更されたため、ここに投入されたファイルは取り込みません。"
    )


def status_removed(model: str, at: datetime, machine: Name) -> str:
    return (
        f"このフォルダーは、モデル{named(model)}のデータの投入フォルダーでした。\n\n"
        f"{moment(at)}に、マシン{named(machine)}からretraindが削除されたため、ここに投入されたファイルは処理されません。\n\n"
        "このフォルダーのファイルは削除されていません。完了した投入データはdone/に、失敗した投入データはfailed/にあります。"
        f"新しいデータの投入先については、マシン{named(machine)}の運用担当者にご確認ください。このフォルダーのファイルを削除"
        "する場合も、事前にご確認ください。"
    )


def left_in_work(folder: str) -> str:
    """`folder` is the one for work in the drop folder."""
    return (
        f"次の投入データは処理の途中でした。ファイルは、このフォルダーの隠しフォルダー{folder}/にあります。retraindを状態フォ"
        "ルダーとともに同じマシンにインストールし直すと、続きを処理します。開始済みの学習はサービスで続きますが、結果ファイルは"
        "取得されません。"
    )


# Deliveries


def incomplete_line(key: Name, files: tuple[Name, ...], why: tuple[Said, ...]) -> str:
    names = f"（{'、'.join(all_named(files))}）" if files else ""
    return f"{named(key) if key else _UNNAMED}{names}：{''.join(map(str, why))}"


def complete_line(key: Name, running: bool) -> str:
    when = "一定時間変更がないことを確認した後に" if running else "retraindが起動すると"
    return f"{named(key) if key else _UNNAMED}：ファイルがそろっています。{when}取り込みます。"


def keys_out_of_order(first: Name, then: Name) -> Words:
    """`first` arrived before `then`, and comes after it by its key."""
    return Words(
        f"{named(first)}が{named(then)}より先に届いたため、投入データの名称の順序と届いた順序が一致していません。届いた"
        "順に、すべて処理します。",
        "2026-10-31のように、日付の順に並ぶ名称を使用してください。",
    )


# Jobs in work


def job_standing(
    *,
    key: Name,
    job: str,
    state: State,
    behind: Name | None,
    reported: Said | None,
    wait: Said | None,
    running: bool = True,
    doing: Literal["preflight", "bundle", "upload", "results"] | None = None,
) -> str:
    """`behind` is the delivery that it waits for, `reported` the service's status, `wait` what delays it.

    `running`: whether retraind works. If not, nothing is being done. `doing` is the step that is under way,
    where that is known.
    """
    delivery = named(key or job)
    if not running and behind is None:
        stood = _STOOD.get(state, _DOING[state])
        return f"{delivery}：{stood}。retraindが起動すると処理を再開します。{wait or ''}"
    does = _STOOD[state] if wait and state in _SENDING else _DOING[state]
    does = f"取り込みました。{named(behind)}の処理が終わるのを待っています" if behind else does
    does = _UNDER_WAY[doing] if doing else does
    return "".join([f"{delivery}：{does}。", *(str(each) for each in (reported, wait) if each)])


def service_reports(status: Name, since: datetime | None, message: Name | None) -> str:
    moments = f"{moment(since)}から" if since else ""
    says = f"（メッセージ：「{message}」）" if message else ""
    return f"サービスの再学習状況は、{moments}「{status}」です{says}。"


def waits_for_hold(model: str) -> str:
    return f"{named(model)}の保留が解除されると、処理を再開します。"


def waits_for_host(is_service: bool) -> str:
    return f"{'サービス' if is_service else 'オブジェクトストア'}の復旧を待っています。"


def last_try(met: Said, *, running: bool = True) -> str:
    return f"最後の試行：{met}{'retraindは自動的に再試行を続けます。' if running else ''}"


# Hosts


def host_outage(host: Host, is_service: bool, since: datetime, last: Said) -> str:
    whose = "サービス" if is_service else "オブジェクトストア"
    return (
        f"{moment(since)}から、{whose}（{host}）の障害が続いています。最後のエラー：{last}retraindは自動的に再試行を"
        "続け、復旧すると処理を再開します。"
    )


def next_try(at: datetime | None, jobs: int) -> str:
    """`at` is None while retraind does not run."""
    when = f"{moment(at)}" if at else "retraindが起動した後"
    return f"次回の試行：{when}。復旧を待っているジョブ：{jobs:,}件。"


def try_asked(by: Name, at: datetime) -> str:
    """A person wanted a host that is down to be tried at once."""
    return f"{moment(at)}に、{by}が再試行を指示しました。"
