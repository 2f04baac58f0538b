"""Where retraind can be killed: functions wrapped from outside, their passes counted, one of them deadly.

Runs in the process that is killed, before it starts to work; nothing in retraind knows of it. A point has a
kind, such as `after commit`, and a name, which is the kind and what it was about: `after commit
sealed->checked`.
"""

import contextlib
import json
import os
import re
import signal
import threading
from collections import Counter
from pathlib import Path

import sqlalchemy.engine.default
import urllib3.connection

from retraind import cli, daemon
from retraind.api import http, object_store, rate_limit
from retraind.bundle import deflate, zip_writer
from retraind.domain.failures import JobFailed
from retraind.domain.problems import problem
from retraind.jobs import folders
from retraind.jobs.gate import judging
from retraind.jobs.steps import DataSteps, ServiceSteps
from retraind.reconcile import folders as drop_folders
from retraind.store.events import Events
from retraind.store.holds import Holds
from retraind.store.jobs import Jobs
from retraind.system import files, reading

STRUCK, PASSES = "struck", "passes.json"
"""Where a run leaves the point at which it was killed, and how often each was passed."""
PIECE = 256
"""Bytes: the files of the harness are small, so they are read and sent in small pieces."""


def _both(what: str) -> tuple[str, str]:
    return f"before {what}", f"after {what}"


_FILE_OPERATIONS = ("fsync", "replace", "unlink", "rmdir", "mkdir")
KINDS = {
    **dict.fromkeys(_both("commit"), 30), **dict.fromkeys(_both("move"), 6), **dict.fromkeys(_both("fsync"), 90),
    **dict.fromkeys(_both("replace"), 50), **dict.fromkeys(_both("unlink"), 50), **dict.fromkeys(_both("rmdir"), 2),
    **dict.fromkeys(_both("mkdir"), 8), **dict.fromkeys(_both("request"), 12), "after response": 12,
    **dict.fromkeys(_both("gate"), 1), "in upload": 2, "in download": 4, "in bundle": 3, "in copy": 50,
    "before fchmod": 6,
}  # fmt: skip
"""All kinds of points, and about how often each is passed in a run with two deliveries."""

_JOB = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z_.*")
_PLACES = {".retraind": "work"}
_HANDLES = "/proc/self/fd"


class Points:
    """Counts passes, and ends the process at the one that `plan` names:

    `point` (a kind or a name) and `pass`.

    Without `point`, passes of all points are counted together. `tamper` lists what somebody else does to the
    share when a point is passed for the first time.
    """

    def __init__(self, plan: dict, struck: Path) -> None:
        self._point = plan.get("point")
        self._pass = plan.get("pass", 0)
        self._tamper = {each["at"]: each for each in plan.get("tamper", ())}
        self._fail = dict(plan.get("fail", {}))
        self._struck = struck
        self._lock = threading.Lock()
        self._here = threading.local()
        self.counts: Counter[str] = Counter()

    def passed(self, kind: str, about: str = "") -> None:
        if getattr(self._here, "somebody_else", False):
            return
        name = f"{kind} {about}".strip()
        with self._lock:
            tamper = self._tamper.pop(name, None)
        if tamper:
            self._here.somebody_else = True
            _tamper(tamper)
            self._here.somebody_else = False
        with self._lock:
            self.counts["all"] += 1
            self.counts[kind] += 1
            if name != kind:
                self.counts[name] += 1
            point = self._point or "all"
            if point in {"all", kind, name} and self.counts[point] == self._pass:
                self._struck.write_text(name)
                os.kill(os.getpid(), signal.SIGKILL)

    @contextlib.contextmanager
    def around(self, kind: str, about: str = ""):
        self.passed(f"before {kind}", about)
        yield
        self.passed(f"after {kind}", about)

    # ------------------------------------------------------------------ what is wrapped

    def install(self) -> None:
        self._files()
        self._journal()
        self._network()
        self._steps()
        # A run lasts a fraction of a second; these would be most of it.
        daemon._ONCE_STEP = 0.04
        drop_folders.HINT_DELAY = 0.005

    def _files(self) -> None:
        for operation in _FILE_OPERATIONS:
            setattr(os, operation, self._file_operation(operation, getattr(os, operation)))
        move = files._rename_no_replace

        def moved(source, target):
            with self.around("move", label(target)):
                move(source, target)

        files._rename_no_replace = moved
        fchmod = os.fchmod

        def told(handle, mode):
            self.passed("before fchmod", label(handle))
            fchmod(handle, mode)

        os.fchmod = told
        for module in (reading, zip_writer, rate_limit):
            module.READ_SIZE = PIECE
        object_store._PIECE = deflate.PIECE = PIECE

    def _file_operation(self, name, plain):
        def operation(path, *more, **named):
            with self.around(name, label(more[0] if name == "replace" else path, named.get("dir_fd"))):
                return plain(path, *more, **named)

        return operation

    def _journal(self) -> None:
        commit = sqlalchemy.engine.default.DefaultDialect.do_commit

        def committed(dialect, connection):
            with self.around("commit", getattr(self._here, "writing", None) or "schema"):
                commit(dialect, connection)

        sqlalchemy.engine.default.DefaultDialect.do_commit = committed

        def named(part, name, describe):
            plain = getattr(part, name)

            def write(journal, *arguments, **changes):
                self._here.writing = describe(*arguments, **changes)
                try:
                    return plain(journal, *arguments, **changes)
                finally:
                    self._here.writing = None

            setattr(part, name, write)

        named(Jobs, "add", lambda job, *_, **_more: f"new->{job.state}")
        named(Jobs, "write", _transition)
        named(Events, "note", lambda event, *_, **_more: event)
        named(Holds, "hold", lambda *_, **_more: "model_held")
        named(Holds, "release", lambda *_, **_more: "model_released")

    def _network(self) -> None:
        request = urllib3.connection.HTTPConnection.request
        answer = urllib3.connection.HTTPConnection.getresponse
        send = http._Connection.send

        def requested(connection, method, url, *more, **named):
            connection.crash_kind = kind = _kind_of(method, url)
            with self.around("request", kind):
                connection.crash_pieces = 0
                request(connection, method, url, *more, **named)

        def sent(connection, data):
            connection.crash_pieces += 1
            if connection.crash_kind == "upload" and connection.crash_pieces > 2:
                self.passed("in upload")
            send(connection, data)

        def answered(connection):
            response = answer(connection)
            self.passed("after response", connection.crash_kind)
            return response

        urllib3.connection.HTTPConnection.request = requested
        urllib3.connection.HTTPConnection.getresponse = answered
        http._Connection.send = sent
        get = object_store.ObjectStore.get

        def got(store, address, target, pause, *more, **named):
            return get(store, address, target, self._counting("in download", pause), *more, **named)

        object_store.ObjectStore.get = got

    def _steps(self) -> None:
        add = zip_writer.Archive.add

        def added(zip_file, piece):
            self.passed("in bundle")
            add(zip_file, piece)

        zip_writer.Archive.add = added
        copy = folders.copy_folder_verified
        folders.copy_folder_verified = lambda source, target, pause, *more: copy(
            source, target, self._counting("in copy", pause), *more
        )
        ask = judging.ask_gate

        def asked(*arguments):
            with self.around("gate"):
                return ask(*arguments)

        judging.ask_gate = asked
        for step, restart in self._fail.items():
            part = DataSteps if hasattr(DataSteps, step) else ServiceSteps
            setattr(part, step, self._failing(step, getattr(part, step), restart))

    def _counting(self, kind, pause):
        def counted():
            self.passed(kind)
            pause()

        return counted

    def _failing(self, step, plain, restart):
        def fails_once(line, job):
            if self._fail.pop(step, None) is None:
                return plain(line, job)
            raise JobFailed(problem("internal_error", kind="harness"), restart=restart)

        return fails_once


def run(root: str, arguments: list[str], plan: dict) -> int:
    """Be retraind with a plan of its death; what becomes of that is written below `root`."""
    points = Points(plan, Path(root, STRUCK))
    points.install()
    code = cli.main(arguments)
    Path(root, PASSES).write_text(json.dumps(points.counts))
    return code


def label(path, folder: int | None = None) -> str:
    """Say what kind of file or folder a path, or an open handle, is: the same in every run."""
    if isinstance(path, int):
        path = f"{_HANDLES}/{path}"
    elif folder is not None:
        path = f"{_HANDLES}/{folder}/{os.fsdecode(path)}"
    plain = os.fsdecode(path)
    if plain.startswith(_HANDLES):
        number, _, rest = plain.removeprefix(f"{_HANDLES}/").partition("/")
        plain = f"{Path(_HANDLES, number).readlink()}/{rest}"
    path = Path(plain)
    name = path.name.removeprefix(".")
    if path.name in _PLACES or _JOB.fullmatch(name.removesuffix(".partial")):
        place = _PLACES.get(path.name) or f"{_PLACES.get(path.parent.name, path.parent.name)}/JOB"
        return f"{place}.partial" if name.endswith(".partial") else place
    name = re.sub(r"^(train|eval)\w*-*\w*", r"\1", name)
    return re.sub(r"\d{4}-\d\d-\d\dT\d{6}Z_\w+", "JOB", name)


def _transition(job, after, event=None, *_, **_more) -> str:
    if after.state != job.state:
        return f"{job.state}->{after.state}"
    changed = {part for part, value in vars(after).items() if value != vars(job)[part]}
    return event or "+".join(sorted(changed - {"wait"})) or "waiting"


def _kind_of(method: str, url: str) -> str:
    if "/store/" in url:
        return "upload" if method == "PUT" else "download"
    if "upload_url" in url:
        return "register"
    return "switch" if "update_model" in url else "status"


def _tamper(what: dict) -> None:
    """Do to the share, or to the spool, what somebody else might do at the worst moment."""
    for path in sorted(Path(what["in"]).glob(what["files"])):
        match what["do"]:
            case "append":
                with path.open("ab") as file:
                    file.write(what["text"].encode())
            case "remove":
                path.unlink()
    for path, text in what.get("create", {}).items():
        Path(path).write_text(text)
