"""What survives a power loss is what was synced before; so the order of the system calls is looked at, by
strace.

Each call is known with its begin and its end, so that "before" means: had ended before the other began.
"""

import itertools
import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from scenarios.crash.installation import Installation, Model, table
from scenarios.crash.invariants import violations_at_rest
from support.places import another_file_system

_CALLS = (
    "openat,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,pwrite64,sendto"
)
_LINE = re.compile(
    r"(?P<at>\d+\.\d+) (?P<name>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+)(<(?P<opened>[^>]*)>)?.*<(?P<took>\d+\.\d+)>$"
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_HANDLE = re.compile(r"\d+<([^>]*)>")
_BY_HANDLE = re.compile(r"/proc/self/fd/(\d+)(/.*)?")
_RENAMES = {"rename", "renameat", "renameat2"}
_SYNCS = {"fsync", "fdatasync"}
_TOLD_ANEW = {"STATUS.txt", "journal.db.daemon.json"}
"""Brought up to date at each start, and never relied on; so they need not survive."""
_SLACK = 1e-6
"""strace tells microseconds."""


@dataclass(frozen=True)
class Call:
    """A system call that did what it was asked."""

    begin: float
    end: float
    name: str
    thread: str
    paths: tuple[Path, ...]
    text: str

    @property
    def syncs(self) -> Path | None:
        return self.paths[0] if self.name in _SYNCS else None

    @property
    def renames(self) -> bool:
        return self.name in _RENAMES and self.paths[1].name not in _TOLD_ANEW

    def before(self, other: "Call") -> bool:
        return self.end <= other.begin + _SLACK


def _read(trace: Path) -> list[Call]:
    lines = [
        (file.name, found)
        for file in trace.parent.glob(f"{trace.name}.*")
        for line in file.read_text(errors="replace").splitlines()
        if (found := _LINE.match(line)) is not None and not found["result"].startswith("-")
    ]
    calls = []
    opened: dict[str, str] = {}
    for thread, found in sorted(lines, key=_moment):
        if found["name"] == "openat":
            # A path may begin with an open handle; all threads have the same ones.
            opened[found["result"]] = found["opened"] or ""
            continue
        handle = _HANDLE.match(found["rest"])
        names = quoted = _QUOTED.findall(found["rest"])
        if handle:
            below = quoted[0] if found["name"] == "unlinkat" else ""
            names = [os.path.join(handle[1], below)]  # noqa: PTH118 - an absolute second part counts alone
        begin, paths = (
            float(found["at"]),
            tuple(Path(_plain(name, opened)) for name in names if name.startswith("/")),
        )
        text = " ".join(quoted) if found["name"] in {"pwrite64", "sendto"} else ""
        calls.append(Call(begin, begin + float(found["took"]), found["name"], thread, paths, text))
    return calls


def _moment(line: tuple[str, re.Match[str]]) -> float:
    """A handle is known from the end of the call that gave it; all others count from their begin."""
    _, found = line
    return float(found["at"]) + (float(found["took"]) if found["name"] == "openat" else 0)


def _plain(name: str, opened: dict[str, str]) -> str:
    found = _BY_HANDLE.fullmatch(name)
    return f"{opened[found[1]]}{found[2] or ''}" if found else name


class Trace:
    """The calls of one run, and how to find one."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def first(self, wanted) -> Call:
        return next(call for call in self.calls if wanted(call))

    def synced(self, path: Path, *, after: Call, thread: str | None = None) -> Call:
        """Return the sync of `path` that follows a call, on the same thread if that is named."""
        return self.first(
            lambda call: call.syncs == path and thread in {None, call.thread} and after.before(call)
        )

    def commit(self, event: str) -> tuple[Call, Call]:
        """Return the writing of `event` into the journal's log, and the sync that makes it durable."""
        written = self.first(
            lambda call: (
                call.name == "pwrite64" and call.paths[0].name.endswith("-wal") and event in call.text
            )
        )
        return written, self.synced(written.paths[0], after=written, thread=written.thread)

    def sent(self, words: str) -> Call:
        return self.first(lambda call: call.name == "sendto" and words in call.text)

    def renamed(self, source: str, target: str) -> Call:
        return self.first(
            lambda call: (
                call.renames
                and re.search(source, str(call.paths[0]))
                and re.search(target, str(call.paths[1]))
            )
        )

    def made(self, path: str) -> Call:
        return self.first(lambda call: call.name.startswith("mkdir") and re.search(path, str(call.paths[0])))

    def removed(self, path: str) -> Call:
        return self.first(
            lambda call: call.name in {"unlink", "unlinkat", "rmdir"} and re.search(path, str(call.paths[0]))
        )


@pytest.fixture(scope="module")
def run_under_strace(tmp_path_factory):
    def run(tool, model: Model, other: Path | None) -> Trace:
        root = tmp_path_factory.mktemp("power")
        with Installation(root, (model,), other) as here:
            chance = random.Random(1)
            here.deliver("churn", "1", table(chance), table(chance))
            subprocess.run(
                [
                    tool("strace"), "-ff", "-y", "-ttt", "-T", "-s", "5000", "-e", f"trace={_CALLS}",
                    "-o", root / "trace", sys.executable, "-m", "retraind", "run", "--once", "-c", here.config,
                ],
                stdin=subprocess.DEVNULL, stderr=here.log.open("wb"), check=True, timeout=100,
                env=os.environ | {
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    "PYTHONDONTWRITEBYTECODE": "1",  # Python renames these files, too, and syncs none.
                },
            )  # fmt: skip
            assert not violations_at_rest(here)
        return Trace(_read(root / "trace"))

    return run


@pytest.fixture(scope="module")
def here_made():
    return {}


@pytest.fixture
def trace(here_made, run_under_strace, tool, other):
    """A delivery's whole way, on one file system."""
    if "here" not in here_made:
        here_made["here"] = run_under_strace(tool, Model("churn", switch="always"), None)
    return here_made["here"]


@pytest.fixture
def trace_across(here_made, run_under_strace, tool, tmp_path_factory):
    """The same with done/ on another file system."""
    if "across" not in here_made:
        elsewhere = another_file_system(tmp_path_factory.getbasetemp())
        if elsewhere is None:
            pytest.skip("this machine has no second file system at hand")
        here_made["across"] = run_under_strace(
            tool, Model("churn", switch="always", elsewhere=True), elsewhere
        )
    return here_made["across"]


def in_order(*calls: Call) -> None:
    for sooner, later in itertools.pairwise(calls):
        assert sooner.before(later), f"{sooner}\n  had not ended before\n{later}"


@pytest.fixture(params=["one file system", "another file system for done/"])
def either(request):
    return request.getfixturevalue("trace" if request.param == "one file system" else "trace_across")


def test_every_file_is_synced_before_it_gets_its_name(either):
    renamed = [call for call in either.calls if call.renames and call.paths[1].suffix]
    assert len(renamed) > 10
    for call in renamed:
        assert any(sync.syncs == call.paths[0] and sync.before(call) for sync in either.calls), call


def test_both_folders_of_a_rename_are_synced_before_anything_is_told_of_it(either):
    """Told: to the journal, or to the service, by the thread that renamed."""
    for call in either.calls:
        if not call.renames:
            continue
        told = next(
            (
                later
                for later in either.calls
                if later.thread == call.thread
                and call.before(later)
                and (
                    later.name == "sendto"
                    or (later.name == "pwrite64" and later.paths[0].name.endswith("-wal"))
                )
            ),
            None,
        )
        for folder in {path.parent for path in call.paths}:
            sync = either.synced(folder, after=call, thread=call.thread)
            assert told is None or sync.before(told), f"{folder} was not synced between {call} and {told}"


def test_every_new_folder_is_synced_before_a_file_is_moved_into_it(either):
    """A copy of the job may be lost with its folder: until a file is moved, there is nothing to rebuild."""
    for call in either.calls:
        if call.name.startswith("mkdir"):
            (folder,) = call.paths
            into = (
                other
                for other in either.calls
                if other.renames
                and other.paths[1].is_relative_to(folder)
                and other.paths[1].name != "job.json"
            )
            filled = next(into, None)
            sync = either.synced(folder.parent, after=call)
            assert filled is None or sync.before(filled), call


def test_every_commit_is_synced(either):
    """Each of a job's events is on the disk before the same thread does anything else that this test can see."""
    for event in (
        "delivery_complete", "delivery_sealed", "data_checked", "bundle_built", "retrain_job_registered",
        "upload_started", "upload_complete", "training_finished", "switch_decided", "model_switched", "job_filed",
    ):  # fmt: skip
        written, synced = either.commit(event)
        between = [
            call
            for call in either.calls
            if call.thread == written.thread and written.before(call) and call.before(synced)
        ]
        assert all(call.name == "pwrite64" for call in between), (event, between)


def test_the_journal_knows_of_a_delivery_before_its_first_file_is_moved_and_of_the_seal_after_the_last(
    either,
):
    moves = [
        either.renamed(rf"/churn/{role}_1.csv$", rf"\.retraind/.*/{role}_1.csv$")
        for role in ("train", "eval")
    ]
    for move in moves:
        in_order(either.commit("delivery_complete")[1], move, either.commit("delivery_sealed")[0])
        folder = move.paths[1].parent
        in_order(
            either.synced(move.paths[0], after=either.commit("delivery_complete")[1]),
            move,
            either.synced(folder, after=move, thread=move.thread),
            either.synced(move.paths[0].parent, after=move, thread=move.thread),
            either.commit("delivery_sealed")[0],
        )


def test_the_bundle_is_durable_before_it_is_claimed_and_claimed_before_a_retrain_job_is_asked_for(either):
    rename = either.renamed(r"spool/\..*\.part$", r"spool/.*\.zip$")
    in_order(
        either.synced(rename.paths[0], after=either.commit("delivery_sealed")[1], thread=rename.thread),
        rename,
        either.synced(rename.paths[1].parent, after=rename, thread=rename.thread),
        either.commit("data_checked")[0],
        either.commit("data_checked")[1],
        either.commit("bundle_built")[0],
        either.commit("bundle_built")[1],
        either.sent("GET /v1/external/retrain_jobs/upload_url"),
    )


def test_the_retrain_job_and_the_beginning_of_the_upload_are_durable_before_its_first_byte_is_sent(either):
    in_order(
        either.commit("retrain_job_registered")[1],
        either.commit("upload_started")[0],
        either.commit("upload_started")[1],
        either.sent("PUT /store/"),
        either.commit("upload_complete")[0],
    )


def test_the_jobs_folder_knows_of_the_upload_before_its_first_byte_is_sent(either):
    """Should the journal be lost during the upload, it is not sent once more."""
    begun = either.commit("upload_started")[1]
    copy = either.first(lambda call: call.renames and call.paths[1].name == "job.json" and begun.before(call))
    in_order(
        begun,
        copy,
        either.synced(copy.paths[1].parent, after=copy, thread=copy.thread),
        either.sent("PUT /store/"),
    )


def test_the_results_are_durable_before_they_are_claimed(either):
    rename = either.renamed(r"\.results\.zip\.part$", r"results\.zip$")
    in_order(
        either.sent("GET /store/"),
        either.synced(rename.paths[0], after=either.sent("GET /store/"), thread=rename.thread),
        rename,
        either.synced(rename.paths[1].parent, after=rename, thread=rename.thread),
        either.commit("training_finished")[0],
    )


def test_the_wish_to_switch_is_durable_before_the_switch(either):
    in_order(
        either.commit("switch_decided")[1], either.sent("/update_model"), either.commit("model_switched")[0]
    )


def test_the_notes_are_durable_before_the_folder_is_filed_and_the_folder_before_that_is_claimed(trace):
    note = trace.renamed(r"\.RESULT\.txt\.tmp$", r"RESULT\.txt$")
    report = trace.renamed(r"\.report\.json\.tmp$", r"report\.json$")
    filed = trace.renamed(r"\.retraind/[^/]*$", r"done/[^/]*$")
    in_order(
        trace.commit("model_switched")[1],
        note,
        trace.synced(note.paths[1].parent, after=note, thread=note.thread),
        report,
        trace.synced(report.paths[1].parent, after=report, thread=report.thread),
        filed,
        trace.synced(filed.paths[1].parent, after=filed, thread=filed.thread),
        trace.synced(filed.paths[0].parent, after=filed, thread=filed.thread),
        trace.commit("job_filed")[0],
    )


def test_the_bundle_is_deleted_only_once_the_journal_has_it_that_it_was_sent(trace):
    in_order(trace.commit("upload_complete")[1], trace.removed(r"spool/.*\.zip$"))


def test_a_copy_to_another_file_system_is_whole_and_durable_before_the_original_is_touched(trace_across):
    trace = trace_across
    filed = trace.renamed(r"done/\..*\.partial$", r"done/[^/]*$")
    copies = [call for call in trace.calls if call.renames and call.paths[0].name.endswith(".copy")]
    assert len(copies) == 6  # two data files, results, two notes, job.json
    first_gone = trace.removed(r"\.retraind/.*/[^/.]*\.[^/]*$")
    last_gone = trace.removed(r"\.retraind/[^/]*$")
    for copy in copies:
        in_order(
            copy,
            trace.synced(filed.paths[0], after=copy, thread=copy.thread),
            filed,
        )
    in_order(
        filed,
        trace.synced(filed.paths[1].parent, after=filed, thread=filed.thread),
        first_gone,
        last_gone,
        trace.synced(last_gone.paths[0].parent, after=last_gone, thread=last_gone.thread),
        trace.commit("job_filed")[0],
    )
