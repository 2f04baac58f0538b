"""When uploads begin, and how fast they are sent."""

from datetime import datetime

from retraind.report.wording.ja._parts import either, moment, quoted, run
from retraind.report.wording.words import Audience, Name, Words


def upload_waits_for_window(
    window: str, opens: datetime, zone: str | None = None, job: str = "", *, audience: Audience
) -> Words:
    """`zone` is that of the window, if it names one."""
    return Words(
        f"アップロードできる時間帯（{window}）になるまで待っています。{moment(opens, zone)}に開始します。",
        f"今すぐ送信するには、{run('release', job)}" if job and audience is Audience.OPERATOR else "",
    )


def upload_window_stays_closed(window: str) -> Words:
    return Words(
        f"アップロードできる時間帯（{window}）になるまで待っていますが、該当する時間帯が1年以内にありません。",
        "upload_holidaysで指定したファイルの日付をご確認ください。",
        operator_only=True,
    )


_DAYS = '曜日は、"mon"、"tue"、"wed"、"thu"、"fri"、"sat"、"sun"を使って、"mon-fri"や"mon,wed"のように書いてください。'


def window_unreadable(hours: Name) -> Words:
    return Words(
        f"{quoted(hours)}は、時間帯として読み取れません。",
        '"22:00-06:00"のように、開始と終了の時刻（現地時刻）を書いてください。',
    )


def window_never_open(hours: Name) -> Words:
    return Words(
        f"開始と終了が同じ時刻（{hours}）のため、アップロードできる時間帯がありません。",
        '"22:00-06:00"のように、異なる2つの時刻を書いてください。終日の場合は、"00:00-24:00"と書いてください。',
    )


def window_without_hours() -> Words:
    return Words(
        "アップロードできる時間帯が指定されていません。",
        "「22:00-06:00」「sat-sun」「mon-fri 22:00-05:00 Asia/Tokyo」のように、時刻と曜日の両方または一方を書いて"
        "ください。",
    )


def window_list_empty() -> Words:
    return Words(
        "時間帯が1つも指定されていないため、アップロードを開始できません。",
        "いつでもアップロードできるようにするには、このキーを削除してください。",
    )


def window_day_unknown(day: Name, likely: str | None) -> Words:
    instead = f'"{likely}"の間違いではないかをご確認ください。' if likely else ""
    return Words(
        f"{quoted(day)}は、曜日として読み取れません。",
        f"{instead}{_DAYS}国の営業日は「business-days JP」、休業日は「days-off JP」のように書いてください。",
    )


def window_days_unreadable(days: Name) -> Words:
    return Words(f"{quoted(days)}が、どの曜日を指すのか判断できません。", _DAYS)


def window_country_missing(word: str) -> Words:
    return Words(
        f"{word}に、週末と祝日を判断するための国が指定されていません。",
        f'"{word} JP"のように、ISO 3166のコードを書いてください。祝日が地域によって異なる場合は、'
        f'"{word} DE-BY"のように地域も指定してください。',
    )


def window_parts_misplaced(instead: tuple[Name, ...]) -> Words:
    """`instead` are the windows that are probably meant."""
    texts = [f'"{each}"' for each in instead]
    remedy = f"リスト[{', '.join(texts)}]" if len(texts) > 1 else either(texts)
    return Words(
        "1つの時間帯には、曜日、時刻、タイムゾーンをこの順に1つずつ書く必要があります。",
        f"{remedy}のように書いてください。",
    )


def rate_unreadable(number: Name | None) -> Words:
    """`number` is what stands where the unit is missing or unclear."""
    return Words(
        "速度の単位がないか、バイトとビットのどちらを指すのか判断できません。",
        f'1秒あたりのメガバイト数は"{number or 20} MB/s"（kB、GB、KiB、MiB、GiBも使用できます）、メガビット数は'
        f'"{number or 20} Mbit/s"（kbit、Gbitも使用できます）のように書いてください。',
    )


def rate_too_low(lowest: str) -> Words:
    return Words(
        "速度が低すぎるため、アップロードが完了する前に接続が切断されるおそれがあります。",
        f"{lowest}以上を指定してください。速度を制限しない場合は、このキーを削除してください。",
    )
