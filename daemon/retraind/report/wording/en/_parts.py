"""Parts of English sentences: counts, lists, quotes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus

from retraind.domain.failures import Party
from retraind.report.wording import neutral
from retraind.report.wording.words import Audience
from retraind.system.clock import for_people, span_for_people

_PARTIES: Mapping[Party, str] = {
    Party.SERVICE: "the service",
    Party.STORE: "the object store",
    Party.RECIPIENT: "the recipient",
}

span = span_for_people
shortened = neutral.shortened
command = neutral.command


def moment(at: datetime, zone: str | None = None) -> str:
    """Return a moment with its zone, to the second: by this machine's clock, or that of a `zone`."""
    return for_people(at, neutral.zone(zone))


def count(number: int, noun: str, nouns: str | None = None) -> str:
    """Return a number with its noun: 1 row, 2 rows, 1,000 rows."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def listing(parts: Sequence[str], total: int | None = None) -> str:
    """Join a few parts into one phrase; with `total`, say how many more there are."""
    more = (total or len(parts)) - len(parts)
    if more > 0:
        return f"{', '.join(parts)} and {more:,} more"
    if len(parts) > 1:
        return f"{', '.join(parts[:-1])} and {parts[-1]}"
    return "".join(parts)


def by_operator(audience: Audience, to: str, name: str, of: str, *options: str, noun: str = "job") -> str:
    """Say what to do to reach something (`to`): an operator runs a command, others ask the operator.

    `of` is what the command is about, a `noun`. Nothing may follow, so that the command can be copied.
    """
    if audience is Audience.OPERATOR:
        return f"{to}, run: {command(name, of, *options)}"
    return f"{to}, ask the operator of retraind; the {noun} is {of}."


def quoted(text: str) -> str:
    """Return a value from a file in quotes, safe to show."""
    return f'"{shortened(text)}"'


def sentence(text: str) -> str:
    """Begin a sentence with what may also stand inside one."""
    return text[:1].upper() + text[1:]


def whom(party: Party, host: str) -> str:
    """Return whom a request is for, as a part of a sentence."""
    return f"{_PARTIES[party]} ({host})"


def in_its_place(party: Party) -> str:
    """Say what to check when an answer is not that of whom it should be."""
    setting = "check api.base_url, and whether" if party is Party.SERVICE else "check whether"
    return f"If this continues, {setting} a proxy or a sign-in page answers in place of {_PARTIES[party]}."


def saying(text: str | None) -> str:
    """End a sentence, with a message that came with what it says."""
    if not text:
        return "."
    return f': "{text}"' if text.endswith((".", "!", "?")) else f': "{text}".'


def http_status(status: int, error_code: str | None = None) -> str:
    """Return a status with the code that came with it, or with its usual name."""
    known = status in set(HTTPStatus)
    name = error_code or (HTTPStatus(status).phrase if known else "")
    return f"HTTP {status} ({name})" if name else f"HTTP {status}"
