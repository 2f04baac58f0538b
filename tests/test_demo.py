import csv
import io
import signal
import subprocess
import sys

import pytest
from rich.console import Console

from retraind.demo.data import bad_delivery, good_delivery
from retraind.demo.show import _leave_running
from support.variants import variants


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def test_the_data_is_split_by_time_and_nothing_is_lost():
    train, evaluation = (rows(content) for content in good_delivery())
    assert train[0] == evaluation[0] == ["date", "precipitation", "temp_max", "temp_min", "wind", "weather"]
    assert max(day[0] for day in train[1:]) < min(day[0] for day in evaluation[1:])
    assert len(train) + len(evaluation) - 2 == 1461


def test_the_bad_delivery_has_the_mistakes_it_is_shown_for():
    train, evaluation = (rows(content) for content in bad_delivery())
    assert {len(row) for row in train} == {6, 7}
    assert train[0] != evaluation[0]


@pytest.mark.parametrize("installed", [True, False])
def test_the_command_it_names_while_it_runs_on_can_be_pasted(tmp_path, monkeypatch, installed):
    program = tmp_path / "bin" / "retraind"
    program.parent.mkdir()
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(program.parent) if installed else "/nowhere")
    root = tmp_path / "a-long-name-for-a-folder-in-which-something-temporary-is-kept"
    shown = io.StringIO()
    with subprocess.Popen([sys.executable, "-c", ""]) as daemon:
        _leave_running(Console(file=shown, width=60), root, daemon)
    command = "retraind" if installed else f"{sys.executable} -m retraind"
    assert f"   $ {command} status -c {root}/config.toml\n" in shown.getvalue()


@pytest.mark.parametrize(
    "number", variants([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], default=[signal.SIGINT])
)
def test_a_demo_that_is_broken_off_leaves_nothing_behind(tmp_path, number):
    demo = subprocess.Popen(
        [sys.executable, "-m", "retraind", "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        # A suite that runs in the background inherits an ignored SIGINT, and the demo would from it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )  # fmt: skip
    for line in demo.stdout:
        if "mv .train" in line:
            break
    demo.send_signal(number)
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.system
def test_the_demo_tells_its_whole_story_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "retraind", "demo"], capture_output=True, text=True, timeout=110, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "COLUMNS": "120"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "RESULT.txt",
        "ERROR.txt",
        "new model was published",
        "NOT retrained",
        "accuracy",
        "failed/",
    ):
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == []
