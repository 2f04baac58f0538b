"""Deliveries that are expected: when they are late, and mistakes in the rule that says so."""

from datetime import datetime

from retraind.report.wording.ja._parts import all_named, command, listing, moment, named, quoted
from retraind.report.wording.words import Name, Notice, Place, Said, Words


def _there(halves: tuple[Name, ...]) -> str:
    return f"届いているのは{listing(all_named(halves))}だけです。" if halves else ""


def delivery_late(due: datetime, halves: tuple[Name, ...] = (), zone: str | None = None) -> Words:
    """`halves` are files that are there and wait for the other one of their delivery, `zone` the rule's."""
    return Words(
        f"{moment(due, zone)}までに届く予定の投入データが、まだ届いていません。{_there(halves)}",
        "データを出力する処理をご確認のうえ、ファイルを投入してください。",
    )


def delivery_missing(due: datetime, halves: tuple[Name, ...] = (), zone: str | None = None) -> Words:
    return Words(
        f"{moment(due, zone)}までに届く予定だった投入データが、その後も届いていません。{_there(halves)}",
        "データを出力する処理をご確認ください。当面データを投入する予定がない場合は、retraindの運用担当者に、この"
        "モデルの遅延の確認を休止（snooze）するようご依頼ください。",
    )


def late(why: Said) -> str:
    return f"【遅延】{why}"


def notice_late(model: str, what: Said, drop: Place | None) -> Notice:
    where = f"現在の状況は、{drop}のSTATUS.txtで確認できます。" if drop else ""
    return Notice(f"{model}：投入データの到着が遅れています", f"{what}{where}")


def notice_arrived(model: str) -> Notice:
    return Notice(
        f"{model}：遅れていた投入データが届きました",
        "投入データを取り込みました。ほかに遅れているものはありません。",
    )


# retraind snooze


def snooze_done(model: Name, until: datetime) -> str:
    return f"{moment(until)}まで、{named(model)}の遅延の確認を休止します。それまでの期限は確認しません。"


def snooze_ended(model: Name, until: datetime) -> str:
    return f"{moment(until)}から、{named(model)}の遅延の確認を再開します。"


def snooze_how_long(model: Name) -> Words:
    return Words(
        "休止する期間が指定されていません。",
        f"期間または--endを指定してください。例：{command('snooze', model, '30d')}",
        operator_only=True,
    )


def snooze_time_unreadable(text: Name) -> Words:
    return Words(
        f"{quoted(text)}は、期間として読み取れません。", "30dや12hのように、数値と単位で指定してください。"
    )


def nothing_expected(name: Name) -> Words:
    return Words(
        f"設定に[models.{name}.expect]がないため、{named(name)}の投入データの期限は決まっていません。",
        "遅延の通知を受け取るには、このテーブルを追加してください。",
    )


# Mistakes in a rule


def every_unreadable() -> Words:
    return Words(
        "投入データが届く間隔として読み取れません。",
        '"month"、"week"、"day"、"auto"のいずれか、または"35d"のような期間を指定してください。',
    )


_DUE = {"month": "日と時刻", "week": "曜日と時刻", "day": "時刻"}


def due_unreadable(every: str, example: str) -> Words:
    return Words(
        f'every = "{every}"の場合、byには{_DUE.get(every, "時刻")}を指定する必要があります。',
        f'例：by = "{example}"',
    )


def due_missing(every: str, example: str) -> Words:
    return Words(
        f'every = "{every}"の場合に必要なby（{_DUE.get(every, "時刻")}）が指定されていません。',
        f'例：by = "{example}"',
    )


def due_without_calendar() -> Words:
    return Words(
        'byは、everyが"month"、"week"、"day"の場合にだけ指定できます。',
        "byを削除してください。期限は、前回の投入データが届いた時点から計算します。",
    )


def zone_unknown(name: Name, likely: str | None) -> Words:
    return Words(
        f"{quoted(name)}というタイムゾーンはありません。",
        f'"{likely}"ではないかをご確認ください。'
        if likely
        else 'tzデータベースの名前（"Asia/Tokyo"など）を指定してください。',
    )


def country_unknown(code: Name) -> Words:
    return Words(
        f"{quoted(code)}の祝日の情報がありません。",
        '国のISO 3166のコード（"JP"など）を指定してください。祝日が地域によって異なる場合は、"DE-BY"のように地域も'
        "指定してください。",
    )


def business_days_unknown() -> Words:
    return Words(
        "calendarの指定がなく、営業日を判断できないため、rollとclosedを使用できません。",
        'calendar = "JP"のように、国のコードを指定してください。',
    )


def closed_day_unreadable(line: int, text: Name) -> Words:
    return Words(
        f"{line:,}行目の{quoted(text)}は、日付として読み取れません。",
        "2026-12-29のような形式で、1行に1日ずつ書いてください。",
    )
