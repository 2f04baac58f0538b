"""When uploads begin, and how fast they are sent."""

from datetime import datetime

from retraind.report.wording.en._parts import command, listing, moment, quoted
from retraind.report.wording.words import Audience, Name, Words


def upload_waits_for_window(
    window: str, opens: datetime, zone: str | None = None, job: str = "", *, audience: Audience
) -> Words:
    """`zone` is that of the window, if it names one."""
    return Words(
        f"The upload waits for its window ({window}), which opens on {moment(opens, zone)}.",
        f"To send it now, run: {command('release', job)}" if job and audience is Audience.OPERATOR else "",
    )


def upload_window_stays_closed(window: str) -> Words:
    return Words(
        f"The upload waits for its window ({window}), which does not open within a year.",
        "Check the dates in the file that upload_holidays names.",
        operator_only=True,
    )


_DAYS = 'mon, tue, wed, thu, fri, sat and sun, as in "mon-fri" or "mon,wed"'


def window_unreadable(hours: Name) -> Words:
    return Words(
        f"{quoted(hours)} is not a range of times.",
        'Write two local times of day, such as "22:00-06:00".',
    )


def window_never_open(hours: Name) -> Words:
    return Words(
        f"A window that closes when it opens ({hours}) is never open.",
        'Write two different times, such as "22:00-06:00"; for the whole day, write "00:00-24:00".',
    )


def window_without_hours() -> Words:
    return Words(
        "This does not say when the window is open.",
        'Write hours, days or both, such as "22:00-06:00", "sat-sun" or "mon-fri 22:00-05:00 Asia/Tokyo".',
    )


def window_list_empty() -> Words:
    return Words(
        "Without any window, no upload would ever begin.", "Remove the key if uploads may begin at any time."
    )


def window_day_unknown(day: Name, likely: str | None) -> Words:
    instead = f'Write "{likely}" if that is meant. ' if likely else ""
    return Words(
        f"{quoted(day)} is not a day.",
        f'{instead}Days are {_DAYS}; "business-days JP" and "days-off JP" are those of a country.',
    )


def window_days_unreadable(days: Name) -> Words:
    return Words(
        f"{quoted(days)} does not say which days are meant.",
        f"Write one day, or two different ones: {_DAYS}.",
    )


def window_country_missing(word: str) -> Words:
    return Words(
        f"{word} requires the country whose weekends and holidays count.",
        f'Write its code of ISO 3166, such as "{word} JP", with a region where its holidays differ: '
        f'"{word} DE-BY".',
    )


def window_parts_misplaced(instead: tuple[Name, ...]) -> Words:
    """`instead` are the windows that are probably meant."""
    texts = [f'"{each}"' for each in instead]
    remedy = f"a list: [{', '.join(texts)}]" if len(texts) > 1 else listing(texts)
    return Words(
        "A window has days, hours and a time zone, each at most once, in this order.", f"Write {remedy}."
    )


def rate_unreadable(number: Name | None) -> Words:
    """`number` is what stands where the unit is missing or unclear."""
    return Words(
        "This is not a rate with a clear unit.",
        f'Write "{number or 20} MB/s" for megabytes a second (also kB, GB, KiB, MiB and GiB), or '
        f'"{number or 20} Mbit/s" for megabits a second (also kbit and Gbit).',
    )


def rate_too_low(lowest: str) -> Words:
    return Words(
        "Uploads this slow would be cut off before they end.",
        f"Write at least {lowest}. Remove the key if uploads may be as fast as the line allows.",
    )
