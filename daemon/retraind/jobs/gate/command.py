"""Asking the owner's gate: a command that decides whether the model of a trained job is published."""

import errno
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from retraind.domain.failures import Stopped
from retraind.domain.problems import Problem, problem
from retraind.jobs.gate.evidence import Evidence
from retraind.jobs.gate.program import MISREAD_BY_SHELLS, flaw_of, require_answers
from retraind.system import log
from retraind.system.escape import display
from retraind.system.mounts import TABLE
from retraind.system.rights import program_named

_LOG = log.get(__name__)

_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_ORDINARY = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", *_PROXIES, *map(str.upper, _PROXIES)})
"""Variables that every gate gets. All others may be secrets."""
_LOCALE = "LC_"
_LONGEST_OUTPUT = 16_384
"""Bytes of the gate's output that are kept: its end, where the verdict usually stands."""
_TICK = 0.1
_FAREWELL = 2.0
"""Seconds for a gate that was killed to end."""
_NOT_FOUND = 127
"""What a shell would return for a command that cannot be run."""
_NOT_RUN = frozenset({2, 126, _NOT_FOUND})
"""What env, shells and interpreters return where they cannot run a script, or do not know an option of it."""

_BEGIN = f"""
import os, signal, sys
for each in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(each, signal.SIG_DFL)
away, added, folder, *command = sys.argv[1:]
os.environ.pop(added, None)
try:
    os.chdir(folder)
except OSError as error:
    sys.exit(away + str(error.errno))
try:
    os.execvp(command[0], [*command, folder])
except OSError as error:
    sys.exit(print(error.strerror, file=sys.stderr) or {_NOT_FOUND})
"""
"""What begins a gate in another process. Python itself has changed how these signals are treated, and perhaps
set LC_CTYPE."""


@dataclass(frozen=True)
class Verdict:
    """What the gate decided."""

    exit_code: int | None
    """None when it ran out of time."""
    output: str
    problem: Problem | None
    """Why the model is not switched; None when it is."""


def ask_gate(
    command: Sequence[str],
    shown: Evidence,
    timeout: timedelta,
    stopping: threading.Event,
    environment: Mapping[str, str],
) -> Verdict:
    """Run the gate in the job's folder; its argument is the folder, its standard input the description.

    Exit code 0 lets the model be switched; everything else, a time-out included, does not. Nor does 0 of a
    script that a shell has read as something else: it may be that of its last line alone. Raises Stopped
    when the daemon stops first; the gate is then asked again after the next start. Raises OSError when the
    folder is out of reach, and NoAnswer when the program is on a file system that does not answer.
    """
    folder = str(shown.folder)
    far = shown.is_far or TABLE.lately().has_remote
    away = f"{secrets.token_hex(16)} "
    """What the other process says first where it cannot enter the folder; no gate can know it."""
    if far:
        require_answers(command, environment.get("PATH"))
    with shown.description.open("rb") as question, tempfile.TemporaryFile() as answer:
        try:
            process = subprocess.Popen(  # noqa: S603 - the owner's own command, from the configuration
                _beginning_in(away, folder, command, environment) if far else [*command, folder],
                stdin=question,
                stdout=answer,
                stderr=subprocess.STDOUT,
                cwd="/" if far else folder,
                start_new_session=True,
                env=environment,
            )
        except OSError as error:
            if error.filename == folder:
                raise  # The share went away; the gate was not asked.
            why = _not_started(command, error.strerror or str(error))
            return Verdict(_NOT_FOUND, "", _flaw(command, environment) or why)
        code = _wait(process, timeout, stopping)
        if far and code is None:
            require_answers(command, environment.get("PATH"))
        answer.seek(max(0, answer.seek(0, os.SEEK_END) - _LONGEST_OUTPUT))
        output = answer.read().decode(errors="replace")
    if output.startswith(away):
        number = int(output.removeprefix(away))
        raise OSError(number, os.strerror(number), folder)  # As above.
    flaw = _flaw(command, environment, code) if code in _NOT_RUN or code == 0 else None
    if far and code == _NOT_FOUND and program_named(command[0], environment.get("PATH")) is None:
        flaw = _not_started(command, os.strerror(errno.ENOENT))
    return Verdict(code, output, flaw or _why_not(code, timeout))


def _not_started(command: Sequence[str], reason: str) -> Problem:
    """Return that the system did not start a gate; without its path, which is of no use on the share."""
    return problem("gate_not_started", command=Path(command[0]).name, reason=reason)


def _flaw(command: Sequence[str], environment: Mapping[str, str], code: int = _NOT_FOUND) -> Problem | None:
    """Return that a gate that could not be run, or was not run as it is meant, has a file that shows why."""
    flaw = flaw_of(command, environment.get("PATH"))
    if flaw is None or flaw.code == "gate_program_missing":
        return None  # The system has said so.
    if code == 0 and flaw.code not in MISREAD_BY_SHELLS:
        return None  # It was run; its file has been replaced since.
    return problem("gate_unusable", command=Path(command[0]).name, why=flaw)


def _beginning_in(
    away: str, folder: str, command: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    """Return a command that enters the folder and then starts the gate.

    The child of a fork has retraind's lock until it has become the gate, and this process waits for that. On
    a share that hangs, be it the gate's or its interpreter's, both would take forever. A shell or env(1)
    would run what the kernel refuses as a shell's script: an empty file would publish every model.
    """
    added = "" if "LC_CTYPE" in environment else "LC_CTYPE"
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BEGIN, away, added, folder, *command]


def _why_not(code: int | None, timeout: timedelta) -> Problem | None:
    """Return why the model is not switched; None when it is."""
    if code == 0:
        return None
    if code is None:
        return problem("gate_timed_out", timeout=timeout)
    if code < 0:
        return problem("gate_killed", signal=_signal_name(-code))
    return problem("gate_refused", exit_code=code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


class Environment:
    """The part of the daemon's environment that gates get: what is no secret, and what their owners name."""

    def __init__(self) -> None:
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def of_gate(self, more: Collection[str]) -> dict[str, str]:
        """Return the variables of a gate, those in `more` included. Names of all others are logged once."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _ORDINARY or name.startswith(_LOCALE) or name in more
        }
        with self._lock:
            withheld = sorted(os.environ.keys() - kept.keys() - self._logged)
            self._logged.update(withheld)
        if withheld:
            _LOG.info("gate_environment_withheld", names=[display(name) for name in withheld])
        # A gate such as "python3 -m mygate" would import modules out of the folder that people put data into.
        return kept | {"PYTHONSAFEPATH": "1"}


def _wait(process: subprocess.Popen[bytes], timeout: timedelta, stopping: threading.Event) -> int | None:
    deadline = time.monotonic() + timeout.total_seconds()
    while time.monotonic() < deadline:
        try:
            code = process.wait(_TICK)
        except subprocess.TimeoutExpired:
            if stopping.is_set():
                _end(process)
                raise Stopped from None
        else:
            if code < 0 and stopping.is_set():
                # Whoever stops the daemon may have sent the gate the same signal; that is no verdict.
                raise Stopped
            return code
    _end(process)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the gate and everything it started."""
    os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):  # It hangs on a share, and ends when the kernel lets it.
        process.wait(_FAREWELL)
