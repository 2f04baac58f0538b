"""The unit file as systemd reads it, and the daemon as systemd hears it: sd_notify(3) over a real socket."""

import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from retraind import daemon
from retraind.cli.output import BAD, USAGE
from support.process import Site
from support.zygote import Forked, zygote

UNIT = Path(__file__).parents[3] / "systemd" / "retraind.service"
WORST_EXPOSURE = 1.5
"""systemd's own score: 0 is locked in, 10 is wide open. What is left is the network, which the job needs."""
PATIENCE_SECONDS = 15.0


def directives(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


# The unit file


@pytest.fixture
def analyze() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run systemd-analyze."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        if os.environ.get("RETRAIND_TESTS_NEED_TOOLS") == "1":
            pytest.fail("systemd-analyze is needed here and missing")
        pytest.skip("systemd-analyze is not installed")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tool, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def installed(tmp_path) -> Callable[[str], Path]:
    """Write a unit whose program exists, so that systemd-analyze has nothing else to complain about."""
    program = tmp_path / "retraind"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    def write(text: str) -> Path:
        unit = tmp_path / UNIT.name
        unit.write_text(text.replace("/opt/retraind/bin/retraind", str(program)), encoding="utf-8")
        return unit

    return write


def complaints(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what was said of our unit; systemd also checks units of this machine that ours names."""
    lines = (result.stdout + result.stderr).splitlines()
    return [line for line in lines if UNIT.name in line]


def test_systemd_has_nothing_to_say_about_the_unit(analyze, installed):
    result = analyze("verify", "--man=no", installed(UNIT.read_text("utf-8")))
    assert complaints(result) == []
    assert result.returncode == 0


def test_systemd_has_nothing_to_say_about_the_commented_examples(analyze, installed):
    text, count = re.subn(r"^#(\w+=)", r"\1", UNIT.read_text("utf-8"), flags=re.MULTILINE)
    assert count > 5
    assert complaints(analyze("verify", "--man=no", installed(text))) == []


def test_a_mistake_in_the_unit_would_be_told(analyze, installed):
    broken = UNIT.read_text("utf-8").replace("ProtectSystem=", "ProtectSystm=")
    assert "ProtectSystm" in " ".join(complaints(analyze("verify", "--man=no", installed(broken))))


def test_the_unit_stays_locked_in(analyze, installed):
    unit = installed(UNIT.read_text("utf-8"))
    result = analyze(
        "security", "--offline=true", f"--threshold={WORST_EXPOSURE * 10:.0f}", "--no-pager", unit
    )
    if "unrecognized option" in result.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert result.returncode == 0, result.stdout[-200:] + result.stderr
    loosened = installed(UNIT.read_text("utf-8").replace("CapabilityBoundingSet=\n", ""))
    result = analyze(
        "security", "--offline=true", f"--threshold={WORST_EXPOSURE * 10:.0f}", "--no-pager", loosened
    )
    assert result.returncode != 0, "the threshold should notice what is taken away"


PAGE = UNIT.with_name("retraind-page.service")
LESS_THAN_THE_DAEMON_S = 1.2


@pytest.mark.parametrize("uncommented", [False, True])
def test_systemd_has_nothing_to_say_about_the_unit_of_the_status_page(
    analyze, installed, tmp_path, uncommented
):
    text = PAGE.read_text("utf-8")
    text = re.sub(r"^#(\w+=)", r"\1", text, flags=re.MULTILINE) if uncommented else text
    unit = installed(text).rename(tmp_path / PAGE.name)
    result = analyze("verify", "--man=no", unit)
    assert [line for line in (result.stdout + result.stderr).splitlines() if PAGE.name in line] == []
    threshold = f"--threshold={LESS_THAN_THE_DAEMON_S * 10:.0f}"
    judged = analyze("security", "--offline=true", threshold, "--no-pager", unit)
    if "unrecognized option" not in judged.stderr and not uncommented:
        assert judged.returncode == 0, judged.stdout[-200:] + judged.stderr


def test_the_unit_of_the_status_page_has_no_keys_and_may_not_write():
    unit = directives(PAGE.read_text("utf-8"))
    assert unit["Type"] == ["notify"]
    assert unit["ProtectSystem"] == ["strict"]
    assert not unit.keys() & {"ReadWritePaths", "LoadCredential", "LoadCredentialEncrypted", "StateDirectory"}
    assert "-/etc/retraind/keys" in unit["InaccessiblePaths"][0].split()
    assert unit["User"] == directives(UNIT.read_text("utf-8"))["User"], "the journal is for this user alone"
    assert unit["RestartPreventExitStatus"] == [str(USAGE)]


def test_the_unit_agrees_with_the_code():
    unit = directives(UNIT.read_text("utf-8"))
    assert unit["Type"] == ["notify"]
    assert unit["RestartPreventExitStatus"] == [str(USAGE)], "a mistake in the configuration stays one"
    (stop,) = unit["TimeoutStopSec"]
    assert int(stop.removesuffix("s")) > daemon._STOP_PATIENCE
    assert unit["KillMode"] == ["mixed"], "SIGTERM at a gate would be read as its verdict"
    assert unit["LimitCORE"] == ["0"], "a core dump would contain the keys"
    assert unit["OOMPolicy"] == ["continue"], "the end of a gate is its job's, not the service's"
    (reload,), (start,) = unit["ExecReload"], unit["ExecStart"]
    assert start.partition(" -c ")[2] in reload, "what is checked is what is taken over"


# The daemon


@dataclass
class Running:
    process: Forked
    ear: socket.socket
    config: Path

    def hear(self, wanted: str) -> list[str]:
        """Wait for an assignment that begins with `wanted`; return all that came up to it."""
        heard: list[str] = []
        until = time.monotonic() + PATIENCE_SECONDS
        while not any(each.startswith(wanted) for each in heard):
            self.ear.settimeout(max(0.01, until - time.monotonic()))
            try:
                heard += self.ear.recv(4096).decode().splitlines()
            except TimeoutError:
                pytest.fail(f"{wanted} did not come, only {set(heard)}. The log:\n{self.log}")
        return heard

    @property
    def log(self) -> str:
        return self.config.with_name("log").read_text("utf-8")

    def wait_for(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < until, self.log
            time.sleep(0.02)


def write_config(folder: Path, models: tuple[str, ...]) -> Path:
    text = (
        f'[api]\nbase_url = "http://127.0.0.1:9"\n'
        f'[state]\nurl = "sqlite:///{folder}/journal.db"\nspool = "{folder}/spool"\n'
    )
    for name in models:
        (folder / name).mkdir(exist_ok=True)
        key = folder / f"{name}.key"
        key.touch(0o600)
        key.write_text("a-key")
        text += f'[models.{name}]\ndrop = "{folder / name}"\napi_key_file = "{key}"\n'
    config = folder / "config.toml"
    config.write_text(text)
    return config


@contextmanager
def as_systemd_runs_it(folder: Path, address: str, *models: str) -> Iterator[Running]:
    config = write_config(folder, models)
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, (folder / "log").open("wb") as log:
        ear.bind("\0" + address[1:] if address.startswith("@") else address)
        out = err = log.fileno()
        process = zygote().start("run", "-c", config, out=out, err=err, environment=environment)
        try:
            yield Running(process, ear, config)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(params=["file", "abstract"])
def address(request, tmp_path):
    return (
        str(tmp_path / "n")
        if request.param == "file"
        else f"@retraind-test-{os.getpid()}-{time.monotonic_ns()}"
    )


def test_systemd_hears_when_it_is_ready_that_it_lives_and_that_it_ends(tmp_path, address):
    with as_systemd_runs_it(tmp_path, address, "churn", "price") as running:
        running.hear("READY=1")
        heard = running.hear("STATUS=")
        assert heard[-1] == "STATUS=Models watched: 2, on hold: 0; jobs in work: 0"
        running.wait_for((tmp_path / "churn" / "STATUS.txt").exists)
        for _ in range(3):
            running.hear("WATCHDOG=1")
        running.process.send_signal(signal.SIGTERM)
        running.hear("STOPPING=1")
        assert running.process.wait(10) == 0


def test_a_reload_is_told_and_takes_over_the_new_models(tmp_path):
    with as_systemd_runs_it(tmp_path, str(tmp_path / "n"), "churn") as running:
        running.hear("READY=1")
        write_config(tmp_path, ("churn", "price"))
        running.process.send_signal(signal.SIGHUP)
        running.hear("RELOADING=1")
        running.hear("READY=1")
        running.wait_for((tmp_path / "price" / "STATUS.txt").exists)


def test_a_reload_with_a_mistake_changes_nothing(tmp_path):
    with as_systemd_runs_it(tmp_path, str(tmp_path / "n"), "churn") as running:
        running.hear("READY=1")
        running.config.write_text("models = 1")
        running.process.send_signal(signal.SIGHUP)
        status = running.hear("STATUS=Reload refused")[-1]
        assert '"reload_refused"' in running.log
        assert "Models watched: 1" in status
        assert "\n" not in status
        heard = [line for _ in range(4) for line in running.hear("WATCHDOG=1")]
        assert "RELOADING=1" not in heard
        assert running.process.poll() is None


def test_a_good_reload_ends_what_the_status_says_of_a_refused_one(tmp_path):
    with as_systemd_runs_it(tmp_path, str(tmp_path / "n"), "churn") as running:
        running.hear("READY=1")
        good = running.config.read_text()
        running.config.write_text(good + 'settle = "soon"\n[models.churn.x]\n')
        running.process.send_signal(signal.SIGHUP)
        assert "more mistake" in running.hear("STATUS=Reload refused")[-1]
        running.config.write_text(good)
        running.process.send_signal(signal.SIGHUP)
        running.hear("READY=1")
        assert running.hear("STATUS=")[-1] == "STATUS=Models watched: 1, on hold: 0; jobs in work: 0"


def test_a_reload_changes_what_is_logged(tmp_path):
    with as_systemd_runs_it(tmp_path, str(tmp_path / "n"), "churn") as running:
        running.hear("READY=1")
        running.config.write_text('log_level = "error"\n' + running.config.read_text())
        running.process.send_signal(signal.SIGHUP)
        running.hear("RELOADING=1")
        running.hear("READY=1")
        assert '"reloaded"' not in running.log


_PR_SET_MDWE = 65


@pytest.mark.system
def test_it_lives_with_memory_deny_write_execute(tmp_path):
    """cffi or a callback through ctypes may come to need memory that is both writable and executable."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_MDWE + 1, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3)")
    config = write_config(tmp_path, ("churn",))
    (tmp_path / "churn" / "train_1.csv").write_text("a,b\n")
    (tmp_path / "churn" / "eval_1.csv").write_text("a,b\n")
    with config.open("a") as more:
        more.write("settle = 0\n")
    locked = (
        "import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; "
        "from retraind.api.credentials import lock_address; lock_address('address', 'key'); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    result = subprocess.run(
        [sys.executable, "-c", locked, sys.executable, "-m", "retraind", "run", "--once", "-c", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == BAD, result.stderr
    assert '"job_failed"' in result.stderr, "the delivery has no rows; it got as far as the check"


def test_a_socket_that_nobody_listens_to_ends_nothing_and_is_told_once(tmp_path):
    """A shell inside another service hands on that service's socket."""
    site = Site(tmp_path, "http://127.0.0.1:9")
    site.add_model("churn", "key-of-churn-0123456789")
    site.start(NOTIFY_SOCKET=str(tmp_path / "gone"))
    assert site.stop() == 0
    told = [event for event in site.events() if event["event"] == "systemd_not_told"]
    assert [event["reason"] for event in told] == ["No such file or directory"]
