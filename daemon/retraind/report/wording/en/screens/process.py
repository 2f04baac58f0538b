"""The daemon's process, as `retraind status` shows it: whether it works, and what it cannot reach."""

import shlex
from datetime import datetime

from retraind.report.wording.en._parts import listing, moment
from retraind.report.wording.words import Name, Place, Said, Words

# Whether it works

_RESTART = "If this lasts, run: sudo systemctl restart retraind"


def daemon_suspended(process: int) -> Words:
    return Words(
        f"retraind (process {process}) is STOPPED by a signal and does nothing.",
        f"To let it continue, run: sudo kill -CONT {process}",
    )


def daemon_stopping(process: int, since: datetime | None) -> Words:
    when = f" since {moment(since)}" if since else ""
    return Words(
        f"retraind (process {process}) {'has been' if since else 'is'} STOPPING{when}.",
        "If this lasts, a share hangs.",
    )


def daemon_ended(stopped: datetime | None, seen: datetime) -> str:
    """Nothing runs. `stopped` is None where retraind did not stop by itself; it was last `seen` then."""
    if stopped is not None:
        return f"It was stopped on {moment(stopped)}."
    return f"It was last seen on {moment(seen)}, and ended without being stopped: see its log."


def daemon_silent(process: int, since: datetime | None) -> Words:
    when = f" since {moment(since)}" if since else ""
    return Words(
        f"retraind (process {process}) has NOT REPORTED{when}: it hangs, or cannot write its state.",
        _RESTART,
    )


def daemon_loop_hangs(process: int, since: datetime | None) -> Words:
    when = f" since {moment(since)}" if since else ""
    return Words(f"retraind (process {process}) HANGS: it has made no progress{when}.", _RESTART)


def daemon_timetable_hangs(process: int, since: datetime | None) -> Words:
    when = f" since {moment(since)}" if since else ""
    return Words(
        f"retraind (process {process}) HANGS: no scheduled work has been run{when}.",
        _RESTART,
    )


def daemon_scans_hang(process: int, since: datetime | None) -> Words:
    when = f" since {moment(since)}" if since else ""
    return Words(
        f"retraind (process {process}) HANGS: no scan of a drop folder has finished{when}.",
        f"Check that the shares respond. {_RESTART}",
    )


def daemon_zombie(process: int) -> Words:
    return Words(
        f"retraind (process {process}) has ENDED, but one of its threads hangs in the kernel and blocks the "
        "journal.",
        "Unmount the share that hangs (umount -f -l), then start retraind again.",
    )


def daemon_since(version: Name, started: datetime, ready: bool, swept: datetime | None) -> str:
    begun = f"Version {version}, started on {moment(started)}"
    if not ready:
        return f"{begun}; it is still starting."
    return f"{begun}; last sweep: {moment(swept) if swept else 'none yet'}."


def daemon_configuration(path: Place, digest: str | None, at: datetime, changed: bool) -> str:
    """`changed`: the file is another by now."""
    known = f" (SHA-256 {digest}…)" if digest else ""
    again = " The file has changed since: to apply it, run: sudo systemctl reload retraind" if changed else ""
    return f"Configuration: {path}{known}, read on {moment(at)}.{again}"


def daemon_upload_rate(rate: Name) -> str:
    return f"All uploads together send at most {rate}."


def daemon_sandbox(directives: tuple[Name, ...]) -> str:
    return f"Sandbox: {listing(directives)}."


def daemon_reload_refused(at: datetime) -> str:
    return f"RELOAD REFUSED on {moment(at)}; the previous configuration still applies:"


def daemon_cannot_reach(what: str) -> str:
    return f"OUT OF REACH: {what}"


def out_of_reach_above() -> str:
    return "The service cannot reach everything that it needs: see OUT OF REACH above."


# For monitoring, on one line


def daemon_not_running(stopped: datetime | None, seen: datetime | None) -> str:
    """`stopped` is None where retraind did not stop by itself; it was last `seen` then, if ever."""
    if stopped is not None:
        return f"retraind is NOT RUNNING: it was stopped on {moment(stopped)}."
    if seen is not None:
        return f"retraind is NOT RUNNING: it was last seen on {moment(seen)}."
    return "retraind is NOT RUNNING."


def daemon_cannot_write(why: Said) -> str:
    return f"retraind CANNOT WRITE its journal: {why}"


def daemon_starting(since: datetime | None) -> str:
    return f"retraind is starting{f', since {moment(since)}' if since else ''}."


def daemon_healthy(swept: datetime | None) -> str:
    return f"retraind works; last sweep: {moment(swept) if swept else 'none yet'}."


def metrics_address_taken(listen: str, why: Said) -> Words:
    return Words(f"The metrics cannot listen on {listen}: {why}", "Choose another address in metrics.listen.")


def heartbeat_refused(status: int) -> str:
    return f"The heartbeat URL returned HTTP {status}."


# What it cannot reach


def _before(setting: Name) -> str:
    return f"{setting}: " if setting else ""


_EDIT = "run: sudo systemctl edit retraind, add under [Service]:"


def path_read_only(setting: Name, path: Place, directive: str | None) -> Words:
    """`directive` is of the unit; None where the file system itself is read-only."""
    if directive is None:
        return Words(f"{_before(setting)}{path} is on a read-only file system.", "Mount it read-write.")
    line = f"{directive}={shlex.quote(path)}"
    return Words(
        f"{_before(setting)}{path} is read-only for the service, because {directive}= of its unit does not "
        "list it.",
        f"To allow it, {_EDIT} {line} and restart the service.",
    )


def path_hidden(setting: Name, path: Place, directive: str | None) -> Words:
    """`directive` is of the unit."""
    lines = {
        "ProtectHome": f"ProtectHome=read-only (and, to write there, ReadWritePaths={shlex.quote(path)})",
        "PrivateTmp": "PrivateTmp=false",
    }
    line = lines.get(directive or "", f"{directive}= without this path")
    return Words(
        f"{_before(setting)}{path} is hidden from the service by {directive}= of its unit.",
        f"Use a path elsewhere. Or {_EDIT} {line} and restart the service.",
    )


def path_denied(setting: Name, path: Place) -> Words:
    return Words(
        f"{_before(setting)}The service's user has no access to {path} (permission denied).",
        "Give that user, or one of its groups, access.",
    )
