"""The head of `status`: the daemon, as it sees itself."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from retraind import __version__
from retraind.cli.output import fitted
from retraind.report.daemon_overview import DaemonOverview
from retraind.report.wording import Voice
from retraind.system.escape import display

_BAD = "bold red"
_DIGEST_SHOWN = 12
"""Characters of a hash that are shown to people."""


def print_daemon(
    out: Console, process: int | None, daemon: DaemonOverview, journal: Path, voice: Voice
) -> None:
    """Print whether the daemon runs, what it wrote of itself, and what it cannot reach."""
    head = daemon.trouble or voice.label(
        "status_process", version=__version__, process=process, journal=journal
    )
    _say(out, [head], None if process is not None and daemon.trouble is None else _BAD)
    if process is not None:
        _say(out, _facts(daemon, voice))
        _say(out, _wrong(daemon, voice), _BAD)
    elif daemon.written_at is not None:
        _say(out, [voice.label("daemon_ended", stopped=daemon.stopped_at, seen=daemon.written_at)])


def _say(out: Console, lines: Iterable[str], style: str | None = None) -> None:
    for line in lines:
        out.print(fitted(display(line), sys.stdout), style=style, soft_wrap=True)


def _facts(daemon: DaemonOverview, voice: Voice) -> Iterator[str]:
    if daemon.started_at is not None:
        yield voice.label(
            "daemon_since",
            version=daemon.version,
            started=daemon.started_at,
            ready=daemon.ready_at is not None,
            swept=daemon.last_sweep_at,
        )
    if (known := daemon.configuration) is not None:
        yield voice.label(
            "daemon_configuration",
            path=known.path,
            digest=known.sha256 and known.sha256[:_DIGEST_SHOWN],
            at=known.read_at,
            changed=bool(known.changed),
        )
    if daemon.upload_rate is not None:
        yield voice.label("daemon_upload_rate", rate=daemon.upload_rate)
    if daemon.sandbox:
        directives = [f"{name}={value}" for name, value in daemon.sandbox.items()]
        yield voice.label("daemon_sandbox", directives=directives)


def _wrong(daemon: DaemonOverview, voice: Voice) -> Iterator[str]:
    if daemon.refused_reload_at is not None:
        yield voice.label("daemon_reload_refused", at=daemon.refused_reload_at)
        yield from (f"  {mistake}" for mistake in daemon.refused_reload)
    for each in daemon.unreachable:
        yield voice.label("daemon_cannot_reach", what=each.sentence)
    if daemon.unreachable_more:
        yield voice.label("and_more", number=daemon.unreachable_more)
