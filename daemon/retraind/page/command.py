"""`retraind page`: serves the status page in the foreground."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from retraind.config.load import load_without_keys
from retraind.domain.failures import ConfigError
from retraind.domain.problems import problem
from retraind.report.wording import in_words
from retraind.system import log
from retraind.system.service.process import become

_GOOD = 0
_NEEDED = frozenset({"starlette", "uvicorn", "jinja2"})


def page(options: argparse.Namespace) -> int:
    """Serve the status page until SIGTERM or SIGINT. Raises ConfigError for what keeps it from beginning."""
    try:
        from retraind.page.server import serve  # noqa: PLC0415 - it needs what is an optional extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        raise ConfigError([problem("page_missing", python=sys.executable)]) from None
    loaded = load_without_keys(options.config)
    log.set_up(level=loaded.settings.log_level, words=in_words)
    _act_as_owner(loaded.settings.state.journal_file)
    serve(loaded)
    return _GOOD


def _act_as_owner(journal: Path) -> None:
    """Continue as the journal's owner, for good, if root runs this process: what serves needs no more."""
    if os.geteuid():
        return
    for place in (journal, journal.parent):
        with suppress(FileNotFoundError):
            owner = place.stat()
            if owner.st_uid:
                become(owner.st_uid, owner.st_gid)
            return
