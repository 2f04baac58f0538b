"""The types of values in the configuration, such as durations, sizes, paths and budgets.

Validators look at nothing but the value; what is on the machine is compared with it in `checks`.
"""

import ipaddress
import re
import shlex
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr

from retraind.config.mistakes import Mistake
from retraind.config.patterns import Pattern
from retraind.domain.data_rules import FIXED, RULES, Overrule, likely
from retraind.system.addresses import WEB, UnreadableAddress, check_address

_SPAN_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BARE_NUMBER = re.compile(r"\s*\d+(\.\d+)?\s*")
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)\s*")
_LONGEST_SPAN = timedelta(days=36_500)
"""A calendar cannot represent moments that are much further from now."""


def _known_rule(name: str) -> str:
    if name not in RULES:
        raise Mistake("rule_unknown", rule=name, known=likely(name))
    return name


def _not_fixed(rules: dict[str, Overrule]) -> dict[str, Overrule]:
    for name, wanted in rules.items():
        if name in FIXED and wanted != "error":
            raise Mistake("rule_fixed", rule=name)
    return rules


RuleName = Annotated[str, AfterValidator(_known_rule)]
RuleTable = Annotated[dict[RuleName, Overrule], AfterValidator(_not_fixed)]
"""What becomes of findings, by rule of docs/data-rules.md."""


def to_span(value: object) -> object:
    """Read `90`, `"90s"`, `"1h 30m"` or `"30d"` as a duration; pydantic refuses anything else."""
    if not isinstance(value, str):
        return value
    if _BARE_NUMBER.fullmatch(value):
        seconds = float(value)
    elif re.fullmatch(f"({_SPAN.pattern})+", value):
        seconds = sum(float(count) * _SPAN_UNITS[unit] for count, unit in _SPAN.findall(value))
    else:
        raise Mistake("duration_unreadable")
    # More than the longest, which is refused, but not more than a timedelta can hold.
    return timedelta(seconds=min(seconds, 2 * _LONGEST_SPAN.total_seconds()))


def _with_unit(value: object) -> object:
    """Refuse a bare number, which is seconds: whoever means days would lose all but the last minutes."""
    if type(value) in {int, float} or (isinstance(value, str) and _BARE_NUMBER.fullmatch(value)):
        raise Mistake("duration_without_unit")
    return value


def _in_range(span: timedelta) -> timedelta:
    if not timedelta(0) <= span <= _LONGEST_SPAN:
        raise Mistake("duration_out_of_range", longest=_LONGEST_SPAN)
    return span


def _positive(span: timedelta) -> timedelta:
    if not span:
        raise Mistake("duration_zero")
    return span


Span = Annotated[timedelta, BeforeValidator(to_span), AfterValidator(_in_range)]
"""A duration; in the file a number of seconds or a text such as "10m"."""
PositiveSpan = Annotated[Span, AfterValidator(_positive)]
SpanWithUnit = Annotated[PositiveSpan, BeforeValidator(_with_unit)]
"""A duration whose unit must not be mistaken."""


def _readable(read: Callable[[str], object]) -> AfterValidator:
    """Refuse a text for which `read` raises Mistake."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


_SIZE_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"\s*(\d{1,6})\s*(KiB|MiB|GiB|TiB)\s*")


def _to_size(value: object) -> object:
    """Read `"20GiB"` as bytes; a number is bytes already, and pydantic refuses anything else."""
    if not isinstance(value, str) or value.isdecimal():
        return value
    found = _SIZE.fullmatch(value)
    if found is None:
        raise Mistake("size_unreadable")
    return int(found[1]) * _SIZE_UNITS[found[2]]


Size = Annotated[int, BeforeValidator(_to_size), Field(ge=0)]
"""Bytes; in the file a number or a text such as "20GiB"."""


_RATE_UNITS = {
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
    "kbit": 10**3 / 8, "Mbit": 10**6 / 8, "Gbit": 10**9 / 8,
}  # fmt: skip
_RATE = re.compile(rf"(\d{{1,6}}(?:\.\d{{1,3}})?)\s*({'|'.join(_RATE_UNITS)})/s", re.ASCII)
_LOWEST_RATE = 10_000
"""Bytes a second. Below that, a peer's time-outs end an upload sooner than its last byte."""


def rate_of(text: str) -> int:
    """Read "20 MB/s" or "50 Mbit/s" as bytes a second. Raises Mistake."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        number = re.match(r"\s*(\d{1,6}(?:\.\d{1,3})?)(?![\d.])", text, re.ASCII)
        raise Mistake("rate_unreadable", number=number and number[1])
    rate = round(float(found[1]) * _RATE_UNITS[found[2]])
    if rate < _LOWEST_RATE:
        raise Mistake("rate_too_low", lowest="10 kB/s")
    return rate


def _to_rate_text(value: object) -> object:
    """Return a number as a text, which is refused for having no unit."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


RateText = Annotated[str, _readable(rate_of), BeforeValidator(_to_rate_text)]
"""Bytes or bits a second, with the unit."""

Words = BeforeValidator(lambda value: value.split() if isinstance(value, str) else value)
"""For lists: an environment variable holds one as words separated by spaces."""


def _matching(code: str, pattern: str) -> AfterValidator:
    """Refuse, as the problem `code`, a text that a pattern does not match."""

    def read(text: str) -> None:
        if not re.fullmatch(pattern, text):
            raise Mistake(code)

    return _readable(read)


VariableName = Annotated[
    str,
    _matching("variable_name_unreadable", r"[A-Za-z_][A-Za-z0-9_]*"),
    _matching("variable_reserved", r"(?i)(?!retraind_|credentials_directory).*"),
]
"""The name of an environment variable, except retraind's own, which may hold keys."""
ModelName = Annotated[str, _matching("model_name_unreadable", r"[a-z0-9][a-z0-9_-]{0,62}")]


def expanded(path: Path) -> Path:
    """Return a path with `~` replaced by the home directory, or as it is if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _usable(path: Path) -> Path:
    if "\0" in str(path):
        raise Mistake("path_with_nul")
    return expanded(path)


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise Mistake("path_relative")
    return path


AnyPath = Annotated[Path, AfterValidator(_usable)]
AbsolutePath = Annotated[AnyPath, AfterValidator(_absolute)]
"""A path that means the same wherever retraind is started."""


JournalUrl = Annotated[str, _matching("journal_url_unsupported", r"(?s)sqlite:////.*[^/]")]


def _check_address(text: str, example: str, schemes: Collection[str] = WEB) -> None:
    try:
        check_address(text, schemes)
    except UnreadableAddress as error:
        raise Mistake("address_unreadable", flaw=str(error), schemes=schemes, example=example) from None


def _base_url(url: object) -> object:
    if isinstance(url, str):
        _check_address(url, "https://developer-api.easy-predictive-analytics.sony.com")
    return url


BaseUrl = Annotated[HttpUrl, BeforeValidator(_base_url)]


def _recipient(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text, re.IGNORECASE):
        raise Mistake("recipient_unreadable")
    if text.partition("://")[0].lower() in WEB:
        _check_address(text, "https://hooks.example.com/…")
    return url


RecipientAddress = Annotated[SecretStr, AfterValidator(_recipient)]
"""Where notifications are sent. It may contain a password or a token."""


def _web_address(url: SecretStr) -> SecretStr:
    _check_address(url.get_secret_value(), "https://hc-ping.com/…")
    return url


SecretWebAddress = Annotated[SecretStr, AfterValidator(_web_address)]
"""An address of http or https that may contain a password or a token."""


PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def _proxy(text: str) -> None:
    begun = text.lower().startswith(tuple(f"{scheme}:" for scheme in PROXY_SCHEMES))
    address = text if "://" in text or begun else f"http://{text}"
    _check_address(address, "http://proxy.example.com:3128", PROXY_SCHEMES)


ProxyText = Annotated[str, _readable(_proxy)]
"""The address of a proxy. It may contain a password."""


class Allowed(NamedTuple):
    """The hosts that one entry of allow_hosts allows."""

    name: str | None
    """A host in lower case; with a leading dot, all hosts that end so."""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    plain: bool
    """True if http is allowed."""

    def lets(self, host: str, peer: str | None) -> bool:
        """Return whether a host, or its address `peer`, is allowed."""
        if self.name is not None:
            name = host.removesuffix(".")
            return name == self.name or (self.name.startswith(".") and name.endswith(self.name))
        try:
            found = ipaddress.ip_address((peer or host).partition("%")[0])
        except ValueError:
            return False
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return self.network is not None and (mapped or found) in self.network


_HOST_NAME = re.compile(r"(\*\.)?[\w-]{1,63}(\.[\w-]{1,63})*")


def allowed_of(text: str) -> Allowed:
    """Read an entry of allow_hosts. Raises Mistake."""
    name = text.lower()
    plain = name.startswith("http://")
    name = name.removeprefix("http://").removeprefix("https://").removesuffix("/").strip("[]")
    try:
        return Allowed(None, ipaddress.ip_network(name, strict=False), plain)
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(name) or name.replace(".", "").isdecimal():
        raise Mistake("allowed_host_unreadable")
    return Allowed(name.removeprefix("*"), None, plain)


AllowedHost = Annotated[str, _readable(allowed_of)]
"""A host, or addresses, that the service may name although base_url does not lead there."""

_BUDGET = re.compile(r"(\d+)\s*/\s*(day|week|month|year)")


def clocks_show(day: date, moment: time) -> datetime:
    """Return when local clocks show `moment` on `day`; the first time, if clocks are set back.

    The UTC offset of that day may differ from the present one. Where clocks are set forward past `moment`,
    which some zones do at midnight, the result is later by the same amount.
    """
    wanted = datetime.combine(day, moment)
    found = wanted.astimezone()
    if found.replace(tzinfo=None) == wanted:
        return found
    # Which of the two is the later depends on the version of Python; the other may be of the day before.
    return max(found, wanted.replace(fold=1).astimezone())


class Budget(NamedTuple):
    """How many trainings a model may start in a period of the local calendar."""

    trainings: int
    period: str

    def begins(self, now: datetime) -> datetime:
        """Return when the period that contains `now` began, local time."""
        day = now.astimezone().date()
        first = {
            "day": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "year": day.replace(month=1, day=1),
        }
        return clocks_show(first[self.period], time())

    def ends(self, now: datetime) -> datetime:
        """Return when the next period begins."""
        # The longest period and two hours later is in the next one, even if a clock change shortens a day.
        return self.begins(self.begins(now) + self.longest + timedelta(hours=2))

    @property
    def longest(self) -> timedelta:
        """The length of the longest of these periods."""
        return timedelta(days={"day": 1, "week": 7, "month": 31, "year": 366}[self.period])


def budget_of(text: object) -> Budget | None:
    """Read "4/month"; None for anything else."""
    found = _BUDGET.fullmatch(text) if isinstance(text, str) else None
    return Budget(int(found[1]), found[2]) if found else None


BudgetText = Annotated[str, _matching("budget_unreadable", _BUDGET.pattern)]
PatternText = Annotated[str, _readable(Pattern)]


def _command(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


def _found_anywhere(command: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a relative path: it would lead into the job's folder, where the gate is run."""
    if command and "/" in command[0] and not command[0].startswith("/"):
        raise Mistake("program_path_relative", program=command[0])
    return command


Command = Annotated[tuple[str, ...], BeforeValidator(_command), AfterValidator(_found_anywhere)]
"""A program and its arguments; in the file a list, or a text as a shell would read it."""


UNIX = "unix:"
"""What the address of a Unix socket begins with."""
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9.-]+):(\d{1,5})")
_HIGHEST_PORT = 65_535


def listen_of(text: str) -> tuple[str, int] | Path:
    """Read an address to listen on: host and port, or the path of a Unix socket. Raises Mistake."""
    if text.startswith(UNIX):
        path = Path(text.removeprefix(UNIX))
        if not path.is_absolute() or "\0" in text:
            raise Mistake("listen_unreadable")
        return path
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or int(found[2]) > _HIGHEST_PORT:
        raise Mistake("listen_unreadable")
    return found[1].strip("[]"), int(found[2])


def host_and_port_of(text: str) -> tuple[str, int]:
    """Read a host and a port to listen on. Raises Mistake."""
    place = listen_of(text)
    if isinstance(place, Path):
        raise Mistake("listen_unreadable")
    return place


def is_open_to_others(text: str) -> bool:
    """Return whether other machines may reach an address to listen on. Raises Mistake."""
    place = listen_of(text)
    if isinstance(place, Path) or place[0] == "localhost":
        return False
    try:
        return not ipaddress.ip_address(place[0]).is_loopback
    except ValueError:
        return True  # A name of the machine may lead to any of its addresses.


ListenText = Annotated[str, _readable(listen_of)]
"""Where a process listens: "127.0.0.1:8087", "[::1]:8087" or "unix:/run/retraind/page.sock"."""
PortText = Annotated[str, _readable(host_and_port_of)]
"""The same, but no Unix socket."""
PathPrefix = Annotated[str, _matching("prefix_unreadable", r"(/[A-Za-z0-9._~-]+)*")]
"""The path under which a reverse proxy shows something; empty for the root."""
HeaderName = Annotated[str, _matching("header_unreadable", r"[A-Za-z0-9-]+")]


def trusted_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Read who may name a user: addresses, or with `unix` whoever may use the socket. Raises Mistake."""
    if text == "unix":
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Mistake("trusted_unreadable") from None


TrustedText = Annotated[str, _readable(trusted_of)]


def _page_host(text: str) -> None:
    if not re.fullmatch(r"\[[0-9a-fA-F:.]+\]|[\w-]+(\.[\w-]+)*", text):
        raise Mistake("page_host_unreadable")


PageHost = Annotated[str, _readable(_page_host)]
"""A host that a browser may name, without a port."""
