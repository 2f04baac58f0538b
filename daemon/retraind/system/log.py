"""Logging: structlog events with fields; coloured lines on a terminal, else JSON lines; secrets masked.

In systemd's journal each line begins with its priority, which journalctl shows and filters by: sd-daemon(3).
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from retraind.system.addresses import HIDDEN
from retraind.system.escape import display, is_unicode, json_escaped, printable

# structlog imports rich where there is one, for tracebacks that are not drawn here: a tenth of a start.
_IMPORTED = sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
import structlog  # noqa: E402
from structlog.typing import EventDict, Processor, WrappedLogger  # noqa: E402

if _IMPORTED is None:
    del sys.modules["rich"]

_WORD_WITH_QUERY = re.compile(r"(?<!\S)([^\s?]*+)\?(\S+)")
_WORD = re.compile(r"\S+")
_PATH = re.compile(r"""(?:^|['"(=:,])/""")
_CLOSING = "'\"<>)]},;:."
_SECRET_FIELDS = frozenset(
    {
        "api_key", "secret_key", "x_api_key", "upload_url", "download_url", "upload_ticket", "key_value",
        "authorization", "proxy_authorization", "password", "secret", "token",
    }
)  # fmt: skip
_LONG = frozenset({"exception", "stack"})
"""Fields of several lines."""
_PRIORITIES = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "INFO": 6, "DEBUG": 7}
"""The levels of syslog(3), by the names of Python's."""
_JSON = structlog.processors.JSONRenderer(ensure_ascii=False)
_ASCII_JSON = structlog.processors.JSONRenderer(ensure_ascii=True)


def mask(text: str) -> str:
    """Remove user, password and query from every web address in `text`; signatures are in queries."""
    if "@" in text:
        text = _WORD.sub(_without_user, text)
    return _WORD_WITH_QUERY.sub(_without_query, text) if "?" in text else text


def _without_user(word: re.Match[str]) -> str:
    """Remove everything up to the last @: a password may contain the characters that end it."""
    scheme, separator, rest = word[0].partition("://")
    _, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{HIDDEN}{at}{place}" if at else word[0]


def _without_query(word: re.Match[str]) -> str:
    before, query = word.groups()
    # urllib3 also shows an address as a path with its query.
    if "://" not in word[0] and not ("=" in query and _PATH.search(before)):
        return word[0]
    return f"{before}?{HIDDEN}{query[len(query.rstrip(_CLOSING)) :]}"


def _masked(value: Any) -> Any:
    """Return a field's value without secrets, at any depth; what is not JSON becomes text."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return mask(value)
        case Mapping():
            return {
                mask(str(name)): HIDDEN if _is_secret(name) else _masked(inner)
                for name, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_masked(inner) for inner in value]
        case BaseException():
            return mask(repr(value))
        case _:
            return mask(str(value))


def _is_secret(name: object) -> bool:
    return str(name).casefold().replace("-", "_") in _SECRET_FIELDS


def _worded(words: Callable[[Any, Mapping[str, Any]], Any]) -> Processor:
    def word(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        return {name: words(value, fields) for name, value in fields.items()}

    return word


def _mask_fields(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    for name, value in fields.items():
        if _is_secret(name):
            fields[name] = HIDDEN
        elif not name.startswith("_"):  # these are structlog's own and never shown
            fields[name] = _masked(value)
    return fields


def _for_terminal(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    """Make every field safe for a terminal, which would obey escape sequences in them."""
    return {
        display(name): value if name.startswith("_") else _harmless(value, long=name in _LONG)
        for name, value in fields.items()
    }


def _harmless(value: Any, *, long: bool = False) -> Any:
    match value:
        case str():
            return printable(value) if long else display(value)
        case dict():
            return {_harmless(name): _harmless(inner) for name, inner in value.items()}
        case list():
            return [_harmless(inner) for inner in value]
        case _:
            return value


def _as_json(logger: WrappedLogger, method: str, fields: EventDict) -> str:
    # What happened stands first: the journal's pagers cut long lines at their end.
    return json_escaped(str(_JSON(logger, method, {"event": fields.pop("event", None), **fields})))


def priority(level: str, stream: TextIO) -> str:
    """Return what a line of this level begins with: its priority in systemd's journal, nothing elsewhere."""
    return f"<{_PRIORITIES.get(level, _PRIORITIES['INFO'])}>" if _is_journal(stream) else ""


def _is_journal(stream: TextIO) -> bool:
    """Return whether a stream ends in systemd's journal, which says so with its device and inode.

    The variable alone proves nothing: whatever the service starts inherits it, with another standard error.
    """
    device, separator, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    if not separator:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False  # It is closed, or it is not a file.
    return (str(status.st_dev), str(status.st_ino)) == (device, inode)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Formats a line, with its priority where the journal reads it."""

    def __init__(self, stream: TextIO, renderer: Any, foreign: list[Any]) -> None:
        without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
        super().__init__(foreign_pre_chain=foreign, processors=[without_meta, renderer])
        self._renderer = renderer
        self._begins = {level: priority(level, stream) for level in _PRIORITIES}

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        begin, fields = self._begins.get(record.levelname, ""), record.msg
        if not isinstance(fields, dict) or not hasattr(record, "_logger"):
            return begin + super().format(record)  # a library's
        line: str = self._renderer(record._logger, record._name, {**fields})  # type: ignore[attr-defined]  # noqa: SLF001
        return begin + line


def set_up(
    *,
    stream: TextIO | None = None,
    level: str = "INFO",
    words: Callable[[Any, Mapping[str, Any]], Any] | None = None,
) -> None:
    """Send structlog's and the libraries' log records to `stream` (standard error by default).

    `words` makes text of a field's value, given all fields, where the value is more than plain data.
    """
    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        *([_worded(words)] if words else []),
        _mask_fields,
    ]
    terminal = stream.isatty()
    if terminal:
        shared[3] = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        shared.append(_for_terminal)
    colors = not os.environ.get("NO_COLOR")
    # In another encoding a line would not be JSON.
    as_json = _as_json if is_unicode(stream) else _ASCII_JSON
    renderer = structlog.dev.ConsoleRenderer(colors=colors) if terminal else as_json
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    # Nothing shows where in the code a record was made, and a start of a thousand models makes thousands.
    logging._srcfile = None  # noqa: SLF001 - as Python's documentation advises
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(stream, renderer, shared))
    logging.getLogger().handlers[:] = [handler]
    set_level(level)
    # These log at INFO what the daemon logs better; APScheduler warns each time a sweep still hangs, uvicorn
    # for each client that does not speak HTTP, and urllib3 shows addresses with their signatures.
    for noisy in ("alembic", "watchdog"):
        logging.getLogger(noisy).setLevel("WARNING")
    for noisier in ("apscheduler", "urllib3", "uvicorn"):
        logging.getLogger(noisier).setLevel("ERROR")
    # Its messages about a failure may show an address with its token.
    logging.getLogger("apprise").setLevel("CRITICAL")


def set_level(level: str) -> None:
    """Log what is at least as important as this level, a name of Python's in any case."""
    logging.getLogger().setLevel(level.upper())


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
