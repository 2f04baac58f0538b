"""Logging: structlog events with fields; coloured lines on a terminal, JSON lines otherwise; secrets masked."""

import logging
import re
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

_QUERY = re.compile(r"(https?://[^\s?'\"<>]*|\burl: /[^\s?'\"<>]*)\?[^\s'\"<>]*")
_SECRET_FIELDS = frozenset({"api_key", "secret_key", "x-api-key", "upload_url", "download_url", "key_value"})


def mask(text: str) -> str:
    """Cut the query off every web address in `text`: there the signatures of pre-signed addresses stand."""
    return _QUERY.sub(r"\1?(hidden)", text)


def _mask_fields(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    for name, value in fields.items():
        if name in _SECRET_FIELDS:
            fields[name] = "(hidden)"
        elif isinstance(value, str):
            fields[name] = mask(value)
    return fields


def set_up(*, stream: TextIO | None = None, level: str = "INFO") -> None:
    """Send structlog's and the libraries' log records to `stream` (standard error by default)."""
    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_fields,
    ]
    terminal = stream.isatty()
    if terminal:
        shared[3] = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    renderer = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell at INFO what the daemon tells better, and urllib3 words addresses with their signatures.
    for noisy in ("apscheduler", "alembic", "watchdog"):
        logging.getLogger(noisy).setLevel("WARNING")
    logging.getLogger("urllib3").setLevel("ERROR")


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
