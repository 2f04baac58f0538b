import json
import os
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest

from retraind.domain.job import Job, Role, SealedFile, Signature, State
from retraind.domain.names import job_id
from retraind.domain.problems import problem
from retraind.jobs.gate.command import Environment, ask_gate
from retraind.jobs.gate.evidence import clear, evidence
from retraind.jobs.gate.program import flaw_of
from retraind.report.wording import Audience, Voice
from support.gates import FLAWED

TELL = """
import json, os, sys
print(json.dumps([sys.argv[1:], json.load(sys.stdin), os.getcwd(), dict(os.environ)]))
"""
NAMES = [
    "train_$(pwn).csv",
    "train_`pwn`.csv",
    "train_;pwn;.csv",
    "train_&& pwn #.csv",
    "train_'\"\n|pwn.csv",
    "train_--help.csv",
    "train_${IFS}*?[a].csv",
]


@pytest.fixture(autouse=True)
def pwn(tmp_path, monkeypatch):
    """A program that every shell finds, and that leaves a trace."""
    program = tmp_path / "bin" / "pwn"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n: > {tmp_path}/pwned\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def a_job(name):
    now = datetime.now(UTC)
    key = name.removeprefix("train_").removesuffix(".csv")
    file = SealedFile(role=Role.TRAIN, name=name, signature=Signature(size=1, mtime_ns=1, inode=1))
    return Job(
        id=job_id(now, key, "abcdef"), model="churn", key=key, state=State.TRAINED, files=(file,),
        created_at=now, updated_at=now,
    )  # fmt: skip


def ask(command, folder, job, more=()):
    place = folder.parent / "private"
    with evidence(place, job, folder, 0, lambda: None) as shown:
        shown.describe(job)
        environment = Environment().of_gate(more)
        return ask_gate(command, shown, timedelta(seconds=30), threading.Event(), environment)


@pytest.mark.parametrize("remote", [False, True])
def test_a_gate_whose_folder_is_out_of_reach_has_not_said_no(tmp_path, monkeypatch, remote):
    """Also where a share is mounted, so that another process begins it."""
    monkeypatch.setattr("retraind.system.mounts.Table.has_remote", remote)
    with pytest.raises(OSError, match="No such file"):
        ask(["true"], tmp_path / "gone", a_job("train_1.csv"))


def test_a_gate_that_is_not_there_has_not_said_yes(tmp_path):
    verdict = ask([str(tmp_path / "no-such-gate")], tmp_path, a_job("train_1.csv"))
    assert verdict.problem == problem(
        "gate_not_started", command="no-such-gate", reason="No such file or directory"
    )


@pytest.mark.parametrize("flawed", FLAWED)
def test_a_gate_whose_file_cannot_be_run_is_told_with_its_cause_and_no_path(tmp_path, flawed):
    content, code, words = FLAWED[flawed]
    gate = tmp_path / "gate"
    gate.write_bytes(content)
    gate.chmod(0o755)
    verdict = ask([str(gate)], tmp_path, a_job("train_1.csv"))
    assert verdict.exit_code != 0
    assert verdict.problem.code == "gate_unusable"
    assert verdict.problem.facts["why"].code == code
    told = Voice(Audience.SHARE).tell(verdict.problem)
    assert words in told
    assert str(tmp_path) not in told
    assert "/usr/" not in told


def test_a_script_with_carriage_returns_that_a_shell_is_given_is_told_when_it_fails(tmp_path):
    gate = tmp_path / "gate.sh"
    gate.write_bytes(b"#!/bin/sh\r\ntrue\r\n")
    verdict = ask(["sh", str(gate)], tmp_path, a_job("train_1.csv"))
    assert verdict.problem.code == "gate_unusable"
    assert "CR LF" in Voice(Audience.SHARE).tell(verdict.problem)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"#!/bin/sh\r\nfalse\r\necho checked\r\n", "CR LF"),
        (b"\xef\xbb\xbffalse\necho checked\n", "byte order mark"),
    ],
)
def test_a_script_that_a_shell_reads_as_something_else_has_not_said_yes_with_exit_code_0(
    tmp_path, content, said
):
    gate = tmp_path / "gate.sh"
    gate.write_bytes(content)
    verdict = ask(["sh", str(gate)], tmp_path, a_job("train_1.csv"))
    assert verdict.problem is not None
    assert verdict.problem.code == "gate_unusable"
    assert said in Voice(Audience.SHARE).tell(verdict.problem)


@pytest.mark.parametrize(
    "content",
    [
        b"#!/bin/sh\nexit 1\n", b"#!/usr/bin/env sh\nexit 1\n", b"#!/usr/bin/env -S A=1 sh -e\nexit 1\n",
        b"#! /bin/sh -e\nexit 1\n", b"#!/bin/sh\nexit 127\n",
    ],
)  # fmt: skip
def test_a_gate_that_can_be_run_has_no_flaw_and_its_verdict_counts(tmp_path, content):
    gate = tmp_path / "gate"
    gate.write_bytes(content)
    gate.chmod(0o755)
    assert flaw_of([str(gate)]) is None
    assert ask([str(gate)], tmp_path, a_job("train_1.csv")).problem.code == "gate_refused"


def test_a_program_that_is_no_script_has_no_flaw():
    assert flaw_of([sys.executable]) is None
    assert flaw_of(["true"]) is None


@pytest.mark.parametrize(("number", "told"), [(9, "SIGKILL"), (11, "SIGSEGV"), (40, "40")])
def test_a_gate_that_was_killed_has_said_neither_yes_nor_no(tmp_path, number, told):
    verdict = ask(["sh", "-c", f"kill -{number} $$"], tmp_path, a_job("train_1.csv"))
    assert (verdict.problem, verdict.exit_code) == (problem("gate_killed", signal=told), -number)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_a_command_to_the_gate(tmp_path, name):
    job = a_job(name)
    folder = tmp_path / job.id
    folder.mkdir()
    verdict = ask([sys.executable, "-c", TELL], folder, job)
    assert verdict.problem is None, verdict.output
    arguments, told, directory, _ = json.loads(verdict.output)
    (argument,) = arguments
    assert argument == told["folder"]
    assert argument.endswith(f"/{job.id}"), "a gate may take the job's name from it"
    assert directory == str(folder)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("name", NAMES)
def test_not_even_a_gate_that_is_a_careless_shell_script_runs_what_is_in_a_name(tmp_path, name):
    job = a_job(name)
    folder = tmp_path / job.id
    folder.mkdir()
    script = tmp_path / "gate.sh"
    script.write_text('eval "echo $1"\nls $1\ncat > /dev/null\n')
    assert ask(["/bin/sh", str(script)], folder, job).problem is None
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("how", [["-c", "import json"], ["-m", "json"]])
def test_a_python_gate_takes_no_module_out_of_the_folder_of_the_data(tmp_path, how):
    """Whoever may write to the share could put one there."""
    job = a_job("train_1.csv")
    (tmp_path / "json.py").write_text("import pathlib\npathlib.Path('pwned').touch()\n")
    ask([sys.executable, *how], tmp_path, job)
    assert not (tmp_path / "pwned").exists()


def test_the_gate_gets_no_secret_and_no_open_file_of_the_daemons(tmp_path, monkeypatch):
    for name in ("RETRAIND_MODELS__CHURN__API_KEY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS"):
        monkeypatch.setenv(name, "s3cret")
    with (tmp_path / "key").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        handles = "import os; print(sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')))"
        verdict = ask([sys.executable, "-c", handles], tmp_path, a_job("train_1.csv"))
        assert str(tmp_path / "key") not in verdict.output
    verdict = ask([sys.executable, "-c", TELL], tmp_path, a_job("train_1.csv"))
    assert "s3cret" not in verdict.output


def test_the_gate_gets_ordinary_variables_and_those_that_are_named(tmp_path, monkeypatch):
    kept = {
        "PATH": os.environ["PATH"], "HOME": "/h", "LANG": "C", "LC_ALL": "C", "LC_NEW": "x", "TZ": "UTC", "TMPDIR": "/tmp",
        "http_proxy": "1", "HTTPS_PROXY": "2", "No_Proxy": "not this case", "all_proxy": "4", "MINE": "5",
    }  # fmt: skip
    for name, value in kept.items():
        monkeypatch.setenv(name, value)
    for name in ("USER", "mine", "LCX", "retraind_models__churn__api_key", "Retraind_X", "PASSWORD"):
        monkeypatch.setenv(name, "s3cret")
    environment = Environment().of_gate(("MINE", "NOT_THERE"))
    del kept["No_Proxy"]
    assert {name: value for name, value in environment.items() if name in kept} == kept
    assert "s3cret" not in environment.values()
    assert "No_Proxy" not in environment


def test_what_is_withheld_is_told_once_and_by_name_only(monkeypatch, capsys):
    monkeypatch.setenv("TOKEN", "s3cret")
    gates = Environment()
    for _ in range(3):
        gates.of_gate(())
    told = capsys.readouterr().out
    assert told.count("gate_environment_withheld") == 1
    assert ("TOKEN" in told, "s3cret" in told) == (True, False)


def test_of_the_folder_for_private_copies_only_those_of_jobs_are_removed_at_a_start(tmp_path):
    """It may also be somebody's drop folder, where the journal is beside that."""
    place = tmp_path / "gate"
    left, theirs = place / a_job("train_11.csv").id, place / "done"
    left.mkdir(parents=True)
    theirs.mkdir()
    (place / "train_1.csv").touch()
    assert clear(place) == [left]
    assert sorted(place.iterdir()) == [theirs, place / "train_1.csv"]
