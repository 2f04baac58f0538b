"""Parts of Japanese sentences: counts, lists, quotes, moments."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from retraind.domain.failures import Party
from retraind.report.wording import neutral
from retraind.report.wording.words import Audience
from retraind.system.clock import largest_units

_PARTIES: Mapping[Party, str] = {
    Party.SERVICE: "サービス",
    Party.STORE: "オブジェクトストア",
    Party.RECIPIENT: "通知先",
}
_UNITS: Mapping[str, str] = {"d": "日", "h": "時間", "min": "分", "s": "秒"}

shortened = neutral.shortened
command = neutral.command


def moment(at: datetime, zone: str | None = None) -> str:
    """Return a moment with its zone, to the second: 2026年11月30日 9:05:00 JST.

    It is by this machine's clock, or that of a `zone`.
    """
    local = at.astimezone(neutral.zone(zone))
    return f"{local.year}年{local.month}月{local.day}日 {local.hour}:{local:%M:%S %Z}"


def span(length: timedelta) -> str:
    """Return a duration in its two largest units: 2時間5分."""
    return "".join(f"{number}{_UNITS[unit]}" for number, unit in largest_units(length))


def count(number: int, counter: str = "件") -> str:
    """Return a number with its counter: 1行, 1,000行."""
    return f"{number:,}{counter}"


def listing(parts: Sequence[str], total: int | None = None, counter: str = "件") -> str:
    """Join a few parts into one phrase; with `total`, say how many more there are: A、B、ほか3件."""
    more = (total or len(parts)) - len(parts)
    return "、".join([*parts, f"ほか{count(more, counter)}"] if more > 0 else parts)


def either(parts: Sequence[str]) -> str:
    """Join alternatives into one phrase: AまたはB."""
    return "または".join(parts)


def named(name: str) -> str:
    """Return a name, which is safe to show, in the brackets that set it off: 「train.csv」."""
    return f"「{name}」"


def all_named(names: Sequence[str]) -> list[str]:
    """Return each name in its brackets."""
    return [named(name) for name in names]


def quoted(text: str) -> str:
    """Return a value from a file in brackets, safe to show."""
    return named(shortened(text))


def run(name: str, *arguments: str) -> str:
    """Ask for a command to be run. Nothing may follow it, so that it can be copied."""
    return shell(command(name, *arguments))


def shell(line: str) -> str:
    """Ask for a command of other programs to be run. Nothing may follow it."""
    return f"次のコマンドを実行してください：{line}"


def by_operator(audience: Audience, name: str, of: str, *options: str, noun: str = "ジョブ") -> str:
    """Ask an operator for a command, and others to ask the operator. Nothing may follow it.

    `of` is what the command is about, a `noun`.
    """
    if audience is Audience.OPERATOR:
        return run(name, of, *options)
    return f"{noun}{named(of)}について、retraindの運用担当者に依頼してください。"


def whom(party: Party, host: str) -> str:
    """Return whom a request is for, as a part of a sentence."""
    return f"{_PARTIES[party]}（{host}）"


def in_its_place(party: Party) -> str:
    """Say what to check when an answer is not that of whom it should be."""
    setting = "api.base_urlの設定と、" if party is Party.SERVICE else ""
    return (
        f"この状態が続く場合は、{setting}{_PARTIES[party]}の代わりにプロキシやサインイン画面が応答して"
        "いないかをご確認ください。"
    )


def saying(text: str | None) -> str:
    """Return, in parentheses, the message that came with what a sentence says."""
    return f"（メッセージ：「{text}」）" if text else ""


def http_status(status: int, error_code: str | None = None) -> str:
    """Return a status with the code that came with it."""
    return f"HTTP {status}（{error_code}）" if error_code else f"HTTP {status}"
