"""Bars are for people at a terminal, and for nobody else."""

import re
import shutil

import pytest

from support.process import deliver_pair
from support.terminals import HIDDEN, terminal
from support.world import KEY, table
from support.zygote import run


def on(arguments, **environment):
    with terminal() as shell:
        shell.run(*arguments, **environment)
        assert shell.end() == 0, shell.text
        assert HIDDEN not in shell.text
        return shell.text, shell.plain


@pytest.fixture
def site(site):
    drop = site.add_model("churn", KEY, 'settle = "0s"')
    deliver_pair(drop)
    assert site.once() == 0
    return site


def test_commands_that_take_long_show_how_far_they_are(site, tmp_path):
    data = tmp_path / "train.csv"
    data.write_bytes(table(50_000))
    config = ["-c", site.config]
    _, told = on(["preflight", data])
    assert re.search(r"Checking the data  .*\d+ %", told)
    assert told.count("50,001 rows") == 1
    _, told = on(["journal", "backup", *config])
    assert re.search(r"(Copying the journal  |Reading the journal back)", told)
    (backup,) = (tmp_path / "state" / "backups").iterdir()
    assert "Reading the journal back" in on(["journal", "verify", backup, *config])[1]
    assert "100 %" in on(["journal", "restore", backup, *config])[1]
    shutil.rmtree(tmp_path / "state")
    _, told = on(["rebuild", *config])
    assert re.search(r"Reading job folders  .*  0 of 1", told)


@pytest.mark.parametrize(
    ("more", "environment"), [(["--json"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": ""})]
)
def test_programs_and_dumb_terminals_get_no_bar(tmp_path, more, environment):
    data = tmp_path / "train.csv"
    data.write_bytes(table(5_000))
    told, _ = on(["preflight", data, *more], **environment)
    assert "Checking" not in told
    assert "\x1b" not in told


def test_a_bar_without_colours_is_a_bar(tmp_path):
    data = tmp_path / "train.csv"
    data.write_bytes(table(5_000))
    told, _ = on(["preflight", data], NO_COLOR="1")
    assert "Checking the data  " in told
    assert not re.search(r"\x1b\[(?:\d+;)*3\dm", told)


def test_nothing_of_it_is_in_a_log(site, tmp_path):
    data = tmp_path / "train.csv"
    data.write_bytes(table(5_000))
    for arguments in (
        ["preflight", data],
        ["journal", "verify", "-c", site.config],
        ["run", "--once", "-c", site.config],
    ):
        done = run(*arguments)
        assert done.returncode == 0
        assert "\x1b" not in done.stderr + done.stdout
        assert "━" not in done.stderr + done.stdout
