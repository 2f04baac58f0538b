"""A gate whose job's folder is on a FUSE file system: it sees what any gate sees, and nothing hangs with it."""

import json
import sys
import time

from retraind.domain.job import Outcome, State
from support.faulty import Rule
from support.world import a_world

SEES = """
import json, os, sys
told = json.load(sys.stdin)
train = open(told["files"]["train"], "rb").read()
seen = {"argument": sys.argv[1], "here": sorted(os.listdir(".")), "bytes": len(train)}
open(sys.argv[2] if len(sys.argv) > 2 else os.environ["HOME"] + "/seen", "w").write(json.dumps(seen))
"""


def test_the_gate_begins_in_the_jobs_folder_and_reads_its_data(tmp_path, faulty, monkeypatch):
    share = faulty(tmp_path / "disk", tmp_path / "share" / "churn")
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / "gate.py"
    program.write_text(SEES)
    with a_world(tmp_path, switch="gate", gate=[sys.executable, str(program)]) as world:
        job = world.run(world.sealing("1"), until=State.DONE)
        assert job.outcome is Outcome.SWITCHED, job.gate
        seen = json.loads((tmp_path / "seen").read_text())
        assert "train_1.csv" in seen["here"]
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
        job = world.pipeline.advance_one(job)
        assert time.monotonic() - began < 15
        assert job.state is State.TRAINED, "it is asked again"
        share.tell()
