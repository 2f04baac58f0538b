"""A gate whose job's folder is on a FUSE file system: it sees what any gate sees, and nothing hangs with it."""

import json
import sys
import time

import pytest

from retraind.config.exposure import exposures
from retraind.domain.job import Outcome, State
from retraind.jobs.gate.program import flaw_of
from support.faulty import Rule
from support.gates import FLAWED
from support.world import a_world

HANGS = Rule(("getattr", "opendir", "readdir", "open", "read", "readlink", "access"), answer="hang")

SEES = """
import json, os, sys
told = json.load(sys.stdin)
train = open(told["files"]["train"], "rb").read()
seen = {"locale": "LC_CTYPE" in open("/proc/self/environ").read(), "argument": sys.argv[1], "here": sorted(os.listdir(".")), "bytes": len(train)}
open(sys.argv[2] if len(sys.argv) > 2 else os.environ["HOME"] + "/seen", "w").write(json.dumps(seen))
"""


def result(tmp_path, job):
    return (tmp_path / "disk" / "done" / job.id / "RESULT.txt").read_text("utf-8")


def test_the_gate_begins_in_the_jobs_folder_and_reads_its_data(tmp_path, faulty, monkeypatch):
    share = faulty(tmp_path / "disk", tmp_path / "share" / "churn")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in {"LANG": "C", "LC_ALL": None, "LC_CTYPE": None}.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    program = tmp_path / "gate.py"
    program.write_text(SEES)
    with a_world(tmp_path, switch="gate", gate=[sys.executable, str(program)]) as world:
        job = world.run(world.sealing("1"), until=State.DONE)
        assert job.outcome is Outcome.SWITCHED, job.gate
        seen = json.loads((tmp_path / "seen").read_text())
        assert "train_1.csv" in seen["here"]
        assert not seen["locale"], "Python sets it where LANG is C"
        assert seen["bytes"] == job.data_files[0].signature.size
        assert job.id in seen["argument"]
    assert (share.folder / "done" / job.id / "train_1.csv").exists()


def test_a_gate_that_hangs_on_its_share_is_no_verdict_and_is_not_waited_for(tmp_path, faulty, monkeypatch):
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 0.3)
    monkeypatch.setattr("retraind.jobs.gate.command._FAREWELL", 0.3)
    share = faulty(tmp_path / "disk", tmp_path / "share" / "churn")
    gate = ["sh", "-c", "cat train_*.csv"]
    with a_world(tmp_path, switch="gate", gate=gate, gate_timeout="1s") as world:
        job = world.run(world.sealing("1"), until=State.TRAINED)
        share.tell(Rule(("getattr", "open", "opendir", "readdir"), "*/train_*", answer="hang", after=2))
        began = time.monotonic()
        job = world.step(job)
        assert time.monotonic() - began < 15
        assert job.state is State.TRAINED, "it is asked again"
        share.tell()


@pytest.mark.parametrize("flawed", ["no interpreter", "nothing", "an empty first line"])
def test_a_gate_without_interpreter_is_no_shells_script_there_either(tmp_path, faulty, flawed):
    """A shell that begins it runs it as its own script: an empty file would publish every model."""
    faulty(tmp_path / "disk", tmp_path / "share" / "churn")
    content, _, words = FLAWED[flawed]
    gate = tmp_path / "gate"
    gate.write_bytes(content.replace(b"import sys\nsys.exit(0)", b"true"))
    gate.chmod(0o755)
    with a_world(tmp_path, switch="gate", gate=[str(gate)]) as world:
        job = world.run(world.sealing("1"), until=State.DONE)
        assert job.outcome is Outcome.TRAINED
        assert words in result(tmp_path, job)


def test_a_gate_that_is_not_there_is_told_as_elsewhere(tmp_path, faulty):
    faulty(tmp_path / "disk", tmp_path / "share" / "churn")
    with a_world(tmp_path, switch="gate", gate=[str(tmp_path / "gone")]) as world:
        job = world.run(world.sealing("1"), until=State.DONE)
        assert job.outcome is Outcome.TRAINED
        assert "(code: gate_not_started)" in result(tmp_path, job)


@pytest.mark.quick
def test_a_program_that_hangs_is_no_verdict_and_keeps_neither_the_job_nor_a_start(
    tmp_path, faulty, monkeypatch
):
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 0.3)
    share = faulty(tmp_path / "disk", tmp_path / "tools")
    gate = share.folder / "gate"
    gate.write_text("#!/bin/sh\n")
    gate.chmod(0o755)
    asked = [str(share.point / "gate")]
    with a_world(tmp_path, switch="gate", gate=asked, gate_timeout="1s") as world:
        job = world.run(world.sealing("1"), until=State.TRAINED)
        share.tell(HANGS)
        assert world.step(job).state is State.TRAINED
        assert flaw_of(asked).code == "file_error", "as `check` says it"
        assert exposures(world.settings).unknown == {"churn"}, "as a start asks"
        share.tell(Rule(("read",), answer="hang", after=1))
        job = world.step(job)
        assert job.state is State.TRAINED, "it hangs where the kernel reads it"
        share.tell()
