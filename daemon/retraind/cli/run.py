"""`run`: the daemon in the foreground."""

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TextIO

from pydantic import TypeAdapter, ValidationError

from retraind.cli.live.onlooker import is_watched
from retraind.cli.ownership import act_as_owner_for_long
from retraind.config.mistakes import Mistake, refused
from retraind.config.settings import Settings
from retraind.config.types import PositiveSpan
from retraind.daemon import Daemon
from retraind.daemon.admission import admitted
from retraind.domain.failures import ConfigError
from retraind.report.wording import in_words
from retraind.system import log
from retraind.system.service import process

_SPAN = TypeAdapter[timedelta](PositiveSpan)


def run(options: argparse.Namespace) -> int:
    """Watch the drop folders and do the job."""
    longest = None if options.longest is None else _span_of(options.longest)
    process.prepare()
    settings, file, left_out = admitted(options.config)
    act_as_owner_for_long(settings)
    with _steps_shown(settings, unless=not options.once) as stream:
        log.set_up(stream=stream, level=settings.log_level, words=in_words)
        with Daemon(settings, file, refused=left_out) as daemon:
            daemon.signals.install()
            return daemon.run(once=options.once, longest=longest)


def _steps_shown(settings: Settings, *, unless: bool) -> AbstractContextManager[TextIO]:
    """Show long steps to a person who looks on; yields the stream for the log."""
    if unless or not is_watched(sys.stderr):
        return nullcontext(sys.stderr)
    from retraind.cli.live.steps import steps_shown  # noqa: PLC0415 - with rich, which draws

    return steps_shown(settings)


def _span_of(text: str) -> timedelta:
    """Return the duration that --for names. Raises ConfigError."""
    try:
        return _SPAN.validate_python(text)
    except ValidationError as error:
        mistake = error.errors()[0].get("ctx", {}).get("error")
        assert isinstance(mistake, Mistake), "texts meet no other mistake"
        raise ConfigError([refused("--for", mistake.problem, value=text)]) from None
