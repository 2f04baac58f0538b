"""Deliveries that are expected: when they are late, and mistakes in the rule that says so."""

from datetime import datetime

from retraind.report.wording.en._parts import command, listing, moment, quoted
from retraind.report.wording.words import Name, Notice, Place, Said, Words


def _there(halves: tuple[Name, ...]) -> str:
    return f" Only a part is there: {listing([quoted(each) for each in halves])}." if halves else ""


def delivery_late(due: datetime, halves: tuple[Name, ...] = (), zone: str | None = None) -> Words:
    """`halves` are files that are there and wait for the other one of their delivery, `zone` the rule's."""
    return Words(
        f"The delivery due by {moment(due, zone)} has not arrived.{_there(halves)}",
        "Check the job that writes it, and deliver the files.",
    )


def delivery_missing(due: datetime, halves: tuple[Name, ...] = (), zone: str | None = None) -> Words:
    return Words(
        f"Nothing has arrived since the delivery due by {moment(due, zone)} was missed.{_there(halves)}",
        "Check the job that writes the deliveries. If none are expected for a while, ask the operator of "
        "retraind to snooze this model.",
    )


def late(why: Said) -> str:
    return f"LATE: {why}"


def notice_late(model: str, what: Said, drop: Place | None) -> Notice:
    where = f" The folder is {drop}; its STATUS.txt says what is there." if drop else ""
    return Notice(f"{model}: a delivery is late", f"{what}{where}")


def notice_arrived(model: str) -> Notice:
    return Notice(
        f"{model}: the late delivery has arrived", "A delivery was taken in; nothing is late any more."
    )


# retraind snooze


def snooze_done(model: Name, until: datetime) -> str:
    return f"Nothing is expected of {model} until {moment(until)}. Due dates before then do not count."


def snooze_ended(model: Name, until: datetime) -> str:
    return f"Deliveries of {model} are expected again, from {moment(until)} on."


def snooze_how_long(model: Name) -> Words:
    return Words(
        "The command needs a period, or --end.",
        f"For example: {command('snooze', model, '30d')}",
        operator_only=True,
    )


def snooze_time_unreadable(text: Name) -> Words:
    return Words(f"{quoted(text)} is not a time.", "Write a number with a unit, such as 30d or 12h.")


def nothing_expected(name: Name) -> Words:
    return Words(
        f"No deliveries of {name} are expected: it has no [models.{name}.expect] in the configuration.",
        "Add that table to be notified of late deliveries.",
    )


# Mistakes in a rule


def every_unreadable() -> Words:
    return Words(
        "This does not say how often deliveries are due.",
        'Write "month", "week", "day", "auto", or the time from one delivery to the next, such as "35d".',
    )


_DUE = {
    "month": "a day of the month and a time",
    "week": "a day of the week and a time",
    "day": "a time",
}


def due_unreadable(every: str, example: str) -> Words:
    return Words(
        f'With every = "{every}", `by` is {_DUE.get(every, "a time")}.', f'For example: by = "{example}".'
    )


def due_missing(every: str, example: str) -> Words:
    return Words(
        f'With every = "{every}", `by` is required: {_DUE.get(every, "a time")}.',
        f'For example: by = "{example}".',
    )


def due_without_calendar() -> Words:
    return Words(
        '`by` goes with every = "month", "week" or "day".',
        "Remove `by`: the time counts from the last delivery.",
    )


def zone_unknown(name: Name, likely: str | None) -> Words:
    return Words(
        f"There is no time zone {quoted(name)}.",
        f'Write "{likely}".' if likely else 'Write its name in the tz database, such as "Asia/Tokyo".',
    )


def country_unknown(code: Name) -> Words:
    return Words(
        f"The holidays of {quoted(code)} are not known.",
        'Write a code of ISO 3166, such as "JP", with a region where its holidays differ: "DE-BY".',
    )


def business_days_unknown() -> Words:
    return Words(
        "`roll` and `closed` require `calendar`: it says which days are business days.",
        'Add the code of the country, such as calendar = "JP".',
    )


def closed_day_unreadable(line: int, text: Name) -> Words:
    return Words(
        f"Line {line:,} has {quoted(text)} where a date is expected.",
        "Write one date a line, such as 2026-12-29.",
    )
