"""The kinds of values that the configuration is made of: durations, sizes, folders, budgets, and what can be wrong with each."""

import ipaddress
import os
import re
import shlex
import stat
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from retraind.config.patterns import Pattern
from retraind.domain.failures import OUT_OF_REACH
from retraind.system.addresses import WEB, UnreadableAddress, check_address

_SPAN_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_BARE_NUMBER = re.compile(r"\s*\d+(\.\d+)?\s*")
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)\s*")
_LONGEST_SPAN = timedelta(days=36_500)
"""Beyond it, moments so far from now would be out of what a calendar here can hold."""
_TOO_LONG = f"a duration can be {_LONGEST_SPAN.days}d at most"


def to_span(value: object) -> object:
    """Read `90`, `"90s"`, `"1h 30m"` or `"30d"` as a duration; anything else is left for pydantic to refuse."""
    if isinstance(value, str):
        if _BARE_NUMBER.fullmatch(value):
            seconds = float(value)
        elif re.fullmatch(f"({_SPAN.pattern})+", value):
            seconds = sum(float(count) * _SPAN_UNITS[unit] for count, unit in _SPAN.findall(value))
        else:
            raise ValueError('write a duration as a number and a unit, such as "30s", "10m", "24h" or "30d"')
        if seconds > _LONGEST_SPAN.total_seconds():
            raise ValueError(_TOO_LONG)
        return timedelta(seconds=seconds)
    return value


def _within_bounds(span: timedelta) -> timedelta:
    if span < timedelta(0):
        raise ValueError("a duration cannot be negative")
    if span > _LONGEST_SPAN:
        raise ValueError(_TOO_LONG)
    return span


def _positive(span: timedelta) -> timedelta:
    if not span:
        raise ValueError("this duration has to be longer than zero")
    return span


def _with_unit(value: object) -> object:
    """Refuse a bare number, which is seconds: somebody who means days would lose all that is older than minutes."""
    if isinstance(value, int | float) or (isinstance(value, str) and _BARE_NUMBER.fullmatch(value)):
        raise ValueError('write it with its unit, such as "400d"; a bare number would be seconds')
    return value


Span = Annotated[timedelta, BeforeValidator(to_span), AfterValidator(_within_bounds)]
"""A duration; in the file a number of seconds or a text such as "10m"."""
PositiveSpan = Annotated[Span, AfterValidator(_positive)]
SpanWithUnit = Annotated[PositiveSpan, BeforeValidator(_with_unit)]
"""A duration that is too dear to be mistaken."""


_SIZE_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"\s*(\d{1,6})\s*(KiB|MiB|GiB|TiB)\s*")


def _to_size(value: object) -> object:
    """Read `"20GiB"` as bytes; a number is bytes already, anything else is left for pydantic to refuse."""
    if isinstance(value, str) and not value.isdecimal():
        found = _SIZE.fullmatch(value)
        if found is None:
            raise ValueError('write a size as a number and a unit, such as "500MiB" or "20GiB"')
        return int(found[1]) * _SIZE_UNITS[found[2]]
    return value


Size = Annotated[int, BeforeValidator(_to_size), Field(ge=0)]
"""Bytes; in the file a number or a text such as "20GiB"."""


def _to_words(value: object) -> object:
    """Read a text as a list of its words: in a variable that is how one is written."""
    return value.split() if isinstance(value, str) else value


Words = BeforeValidator(_to_words)
"""For lists."""


def _is_variable(name: str) -> str:
    """Refuse what is not a variable's name, and retraind's own variables, which may hold keys."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is not the name of an environment variable")
    if name.casefold().startswith(("retraind_", "credentials_directory")):
        raise ValueError(f"{name} is retraind's own and may lead to keys; a gate does not get it")
    return name


VariableName = Annotated[str, AfterValidator(_is_variable)]
"""The name of an environment variable that is not retraind's own."""


ONLY_LOOKING: ContextVar[bool] = ContextVar("only_looking", default=False)
"""True while a configuration is read whose folders and files may be missing. Validators get no other word from outside."""

KNOWN: ContextVar[Mapping[Path, os.stat_result | OSError]] = ContextVar("known")
"""What was found out about paths before: a validator that asks a share itself may wait for ever."""


def _status_of(path: Path) -> os.stat_result:
    known = KNOWN.get({}).get(path)
    if isinstance(known, OSError):
        raise known
    return known or path.stat()


def _kind_of(path: Path) -> int:
    """Return the file type bits of what is at `path`; ValueError in words where that cannot be told."""
    try:
        return stat.S_IFMT(_status_of(path).st_mode)
    except FileNotFoundError:
        raise ValueError(
            "this does not exist; create it, or mount the share, and let the service's user have access"
        ) from None
    except OSError as error:
        raise ValueError(
            f"this cannot be looked at ({error.strerror}); let the service's user have access, or mend the mount"
        ) from None


def _is_out_of_reach(path: Path) -> bool:
    """Tell whether something is there that does not work now: no mistake of the configuration, and waited for."""
    try:
        _status_of(path)
    except OSError as error:
        return error.errno in OUT_OF_REACH
    return False


def expanded(path: Path) -> Path:
    """Return a path with the home folder in place of `~`; as it is where nobody's home is meant."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _whole(path: Path) -> Path:
    path = expanded(path)
    if not path.is_absolute():
        raise ValueError("write the whole path, beginning with /")
    return path


WholePath = Annotated[Path, AfterValidator(_whole)]
"""A path that means the same wherever retraind is started."""


def _existing_folder(path: Path) -> Path:
    path = _whole(path)
    if not ONLY_LOOKING.get() and not _is_out_of_reach(path) and _kind_of(path) != stat.S_IFDIR:
        raise ValueError("this is not a folder")
    return path


def _existing_file(path: Path) -> Path:
    path = expanded(path)
    if not ONLY_LOOKING.get() and _kind_of(path) != stat.S_IFREG:
        raise ValueError("this is not an ordinary file")
    return path


Folder = Annotated[Path, AfterValidator(_existing_folder)]
"""An absolute path to a folder that exists."""
ReadableFile = Annotated[Path, AfterValidator(_existing_file)]


def _private_file(path: Path) -> Path:
    path = _existing_file(path)
    if ONLY_LOOKING.get():
        return path
    mode = _status_of(path).st_mode
    if mode & 0o007:
        raise ValueError(
            f"other users of this machine can read or change this file (mode {mode & 0o777:04o}); "
            f"run: chmod o= {shlex.quote(str(path))}"
        )
    return path


PrivateFile = Annotated[Path, AfterValidator(_private_file)]
"""A file with a secret in it, refused if others can read it."""


def _address(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text, re.IGNORECASE):
        raise ValueError('write an address such as "https://hooks.example.com/…" or "mailto://…"')
    if text.partition("://")[0].lower() in WEB:
        try:
            check_address(text)
        except UnreadableAddress as mistake:
            raise ValueError(f"this address cannot be used: {mistake}") from None
    return url


Address = Annotated[SecretStr, AfterValidator(_address)]
"""Where to send messages. It may hold a password or a token."""


PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def _proxy(text: str) -> str:
    begun = text.lower().startswith(tuple(f"{scheme}:" for scheme in PROXY_SCHEMES))
    address = text if "://" in text or begun else f"http://{text}"
    try:
        check_address(address, PROXY_SCHEMES)
    except UnreadableAddress as mistake:
        raise ValueError(
            f'{mistake}; write the address of a proxy, such as "http://proxy.example.com:3128"'
        ) from None
    if address.lower().startswith("socks") and find_spec("socks") is None:
        raise ValueError(
            "SOCKS needs PySocks, which is not installed: pip install PySocks; or use an http:// proxy"
        )
    return text


ProxyText = Annotated[str, AfterValidator(_proxy)]
"""Where a proxy is. It may hold a password."""


class Allowed(NamedTuple):
    """Whom one entry of allow_hosts lets through."""

    name: str | None
    """A host in small letters; with a dot in front, all hosts that end so."""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    plain: bool
    """True where http will do."""

    def lets(self, host: str, peer: str | None) -> bool:
        """Tell whether a host, or its address `peer`, is meant."""
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
    """Read an entry of allow_hosts. Raises ValueError."""
    name = text.lower()
    plain = name.startswith("http://")
    name = name.removeprefix("http://").removeprefix("https://").removesuffix("/").strip("[]")
    try:
        return Allowed(None, ipaddress.ip_network(name, strict=False), plain)
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(name) or name.replace(".", "").isdecimal():
        raise ValueError(
            'write a host, such as "store.example.com" or "*.store.example.com", or addresses, such as "10.1.2.0/24"; '
            "without a port"
        )
    return Allowed(name.removeprefix("*"), None, plain)


def _allowed_host(text: str) -> str:
    allowed_of(text)
    return text


AllowedHost = Annotated[str, AfterValidator(_allowed_host)]
"""A host, or addresses, that the service may name although base_url does not lead there."""

_BUDGET = re.compile(r"(\d+)\s*/\s*(day|week|month|year)")


def clocks_show(day: date, moment: time) -> datetime:
    """Return when it is `moment` on `day`, local time: the first time, should clocks be put back.

    That day may have another distance to UTC than the present one. Where clocks are put forward past `moment`, which some
    zones do at midnight, it comes by as much later.
    """
    wanted = datetime.combine(day, moment)
    found = wanted.astimezone()
    # Else Python takes it for an earlier moment, perhaps of the day before.
    return found if found.replace(tzinfo=None) == wanted else wanted.replace(fold=1).astimezone()


class Budget(NamedTuple):
    """How many trainings a model may start in a period of the local calendar."""

    trainings: int
    period: str

    def begins(self, now: datetime) -> datetime:
        """Return when the period that `now` is in began, local time."""
        day = now.astimezone().date()
        match self.period:
            case "day":
                pass
            case "week":
                day -= timedelta(days=day.weekday())
            case "month":
                day = day.replace(day=1)
            case _:
                day = day.replace(month=1, day=1)
        return clocks_show(day, time())

    def ends(self, now: datetime) -> datetime:
        """Return when the next period begins."""
        # A day more than the longest period lies in the next one; two hours more if a clock change shortens a day.
        return self.begins(self.begins(now) + self.longest + timedelta(hours=2))

    @property
    def longest(self) -> timedelta:
        """The length of the longest of these periods."""
        return timedelta(days={"day": 1, "week": 7, "month": 31, "year": 366}[self.period])


def budget_of(text: object) -> Budget | None:
    """Read "4/month"; None for anything else."""
    found = _BUDGET.fullmatch(text) if isinstance(text, str) else None
    return Budget(int(found[1]), found[2]) if found else None


def _budget(text: str) -> str:
    if budget_of(text) is None:
        raise ValueError('write a budget as "4/month" (day, week, month or year)')
    return text


BudgetText = Annotated[str, AfterValidator(_budget)]


def _pattern(text: str) -> str:
    Pattern(text)
    return text


PatternText = Annotated[str, AfterValidator(_pattern)]


_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def _window(text: str) -> str:
    found = _WINDOW.fullmatch(text)
    if not found or found[1] + found[2] == found[3] + found[4]:
        raise ValueError('write a window in local time as "22:00-06:00"')
    return text


WindowText = Annotated[str, AfterValidator(_window)]


def window_of(text: str) -> tuple[time, time]:
    """Return when a window begins and ends, local times of day."""
    begin, end = text.split("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _model_name(name: str) -> str:
    if not _MODEL_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be a model's name; use small letters, digits, - and _ (63 at most)"
        )
    return name


ModelName = Annotated[str, AfterValidator(_model_name)]
