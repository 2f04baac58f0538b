"""`watch` on real terminals: what it shows, and what it leaves behind."""

import os
import re
import signal
from datetime import UTC, datetime

import pytest
from rich.text import Text

from retraind.cli.live.terminal import Screen
from support.pages import as_if_running, configured, seed
from support.process import deliver, until
from support.terminals import ALTERNATE, BACK, HIDDEN, VISIBLE, terminal
from support.world import KEY, table


def large() -> bytes:
    """Return a table that does not fit into the buffers on its way to the service."""
    rows = b"".join(b"%d,%s,%d\n" % (at, os.urandom(64).hex().encode(), at % 2) for at in range(40_000))
    return b"age,plan,churned\n" + rows


def test_an_upload_is_seen_moving_and_a_daemon_that_was_killed_is_seen_at_once(site, service):
    service.set_faults({"upload_stall": 1.0})
    drop = site.add_model("churn", KEY, 'settle = "0s"')
    deliver(drop, "train_large.csv", large())
    deliver(drop, "eval_large.csv", table(20))
    with terminal(100, 30) as shell, terminal() as watching:
        shell.run("run", "--once", "-c", site.config)
        until(
            lambda: re.search(r"churn large: upload  [━─]+ +\d+ %", shell.plain),
            "run --once shows the upload",
        )
        assert re.search(r"\[info +\] delivery_sealed", shell.plain), "the log is written as ever"
        assert HIDDEN not in shell.text, "whatever ends it, the cursor is there"
        modes = watching.modes()
        watching.run("watch", "-c", site.config)
        watching.wait_for("is running (process ")
        watching.wait_for("large: upload  ")
        assert watching.shows("1 model: 0 need attention, 1 in work, 0 waiting for files")
        assert watching.shows("large: The upload begins")
        shell.process.kill()
        watching.wait_for("is NOT RUNNING")
        watching.wait_for("large was being sent; it continues once retraind runs.")
        watching.resize(40, 12)
        until(lambda: max(map(len, watching.screen)) <= 40 and len(watching.screen) <= 12, "it fits")
        assert watching.shows("NOT RUNNING")
        assert watching.modes() != modes, "what is typed does not show"
        watching.type("\x03")
        assert watching.end() == 0
        assert watching.modes() == modes
        assert (watching.text.count(ALTERNATE), watching.text.count(BACK)) == (1, 1)
        assert watching.text.rindex(VISIBLE) > watching.text.rindex(HIDDEN)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), ("q", 0)])
def test_however_it_ends_the_terminal_is_as_before(tmp_path, number, code):
    config = configured(tmp_path)
    with terminal() as watching:
        modes = watching.modes()
        watching.run("watch", "-c", config)
        watching.wait_for("Nothing can be shown now: ")
        if isinstance(number, str):
            watching.type(number)
        else:
            watching.process.send_signal(number)
        assert watching.end() == code
        assert watching.modes() == modes
        assert watching.text.rindex(BACK) > watching.text.rindex(ALTERNATE)
        assert watching.text.rindex(VISIBLE) > watching.text.rindex(HIDDEN)


def test_nothing_is_written_while_nothing_changes_and_ctrl_z_gives_the_terminal_back(tmp_path):
    now = datetime.now(UTC)
    seed(tmp_path / "state" / "journal.db", now)
    config = configured(tmp_path)
    with as_if_running(tmp_path, now), terminal(60, 14) as watching:
        modes = watching.modes()
        watching.run("watch", "-c", config, "--model", "leads", shell=True, NO_COLOR="1")
        watching.wait_for("The budget of 4 trainings a month is used up")
        assert not re.search(r"\x1b\[(?:\d+;)*3\dm", watching.text), "no colour"
        drawn = len(watching.text)
        os.kill(watching.child(), signal.SIGWINCH)
        watching.type("?")
        watching.type("\x1a")
        until(lambda: BACK in watching.text and watching.modes() == modes, "the terminal is the shell's")
        assert "\x1b[H" not in watching.text[drawn:], "what was there already is not drawn again"
        os.kill(watching.child(), signal.SIGCONT)
        until(lambda: watching.text.count(ALTERNATE) == 2, "it continues")
        watching.wait_for("The budget of 4 trainings a month is used up")
        watching.type("q")
        assert watching.end() == 0
        assert watching.modes() == modes


@pytest.mark.parametrize("dumb", ["a pipe", "TERM=dumb"])
def test_without_a_terminal_it_says_what_to_use_instead(tmp_path, dumb, site):
    if dumb == "a pipe":
        done = site.command("watch")
        code, text = done.returncode, done.stdout + done.stderr
    else:
        with terminal() as watching:
            watching.run("watch", "-c", site.config, TERM="dumb")
            code, text = watching.end(), watching.text
    assert code == 2
    assert (
        "retraind watch requires a terminal, and its output is not one. "
        "In a pipe or a file (for programs, with --json), run:" in " ".join(text.split())
    )
    assert "\x1b" not in text


def test_a_model_that_there_is_not_is_refused(tmp_path):
    config = configured(tmp_path)
    with terminal() as watching:
        watching.run("watch", "-c", config, "--model", "nix")
        assert watching.end() == 2
        assert 'There is no model "nix"' in watching.text
        assert ALTERNATE not in watching.text


def test_ctrl_z_in_the_middle_of_drawing_leaves_no_empty_screen(monkeypatch):
    drawn, stopped = [], []
    with Screen() as screen:

        def update(*_, **__):
            drawn.append(len(stopped))
            if len(drawn) == 1:
                signal.raise_signal(signal.SIGTSTP)

        monkeypatch.setattr(screen._live, "update", update)
        monkeypatch.setattr(os, "kill", lambda *_: stopped.append(len(drawn)))
        for _ in range(3):
            screen.draw([Text("the same")])
            screen.key(0)
    assert stopped == [1], "once, when it was drawn"
    assert drawn == [0, 1], "and once more afterwards"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_python_only_prints_ends_it_all_the_same():
    class Freed:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with Screen() as screen:
        Freed()
        with pytest.raises(KeyboardInterrupt):
            screen.key(0)
