"""Completion as bash, fish and zsh themselves do it, by the files that the package brings."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import argcomplete
import pytest

from support.variants import system

CONFIG = '[models.churn]\ndrop = "{root}/churn"\napi_key = "k"\n[models."price"]\ndrop = "{root}/price"\napi_key = "k"\n'
_BASH = """
source "$0"
COMP_LINE="$1 " COMP_POINT=$((${#1} + 1)) COMP_WORDS=($1 "") COMP_TYPE=9 COMP_KEY=9
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p retraind | sed 's/.*-F \\([^ ]*\\).*/\\1/') retraind "" x
printf '%s\\n' "${COMPREPLY[@]}"
"""
_ZSH = "fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' list-choices; echo re''ady\n"


def by_bash(shell: str, script: Path, line: str) -> str:
    return _said([shell, "--norc", "-c", _BASH, str(script), line])


def by_fish(shell: str, script: Path, line: str) -> str:
    return _said([shell, "--no-config", "-c", f'source {script}; complete -C "{line} "'])


def by_zsh(shell: str, script: Path, line: str) -> str:
    """Press TAB in a terminal; zsh offers nothing elsewhere."""
    script.rename(script.with_name("_retraind"))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [shell, "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            os.write(ours, _ZSH.format(folder=script.parent).encode())
            _read_until(ours, lambda shown: "\nready" in shown)
            os.write(ours, f"{line} \t".encode())
            return _read_until(ours, lambda shown: {"churn", "price"} <= set(shown.split()))
        finally:
            process.kill()
            os.close(ours)


def _read_until(terminal: int, condition) -> str:
    shown = ""
    while not condition(shown):
        assert select.select([terminal], [], [], 60)[0], f"nothing more came after {shown!r}"
        shown += os.read(terminal, 4096).decode("utf-8", "replace").replace("\r", "")
    return shown


def _said(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("shell", "offered"), [("bash", by_bash), system("fish", by_fish), system("zsh", by_zsh)]
)
def test_a_shell_offers_the_names_that_a_nested_command_takes(shell, offered, tool, tmp_path, monkeypatch):
    path = tool(shell)
    config = tmp_path / "config.toml"
    config.touch(0o600)
    config.write_text(CONFIG.format(root=tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/retraind").symlink_to(Path(sys.executable).with_name("retraind"))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / f"retraind.{shell}"
    script.write_text(argcomplete.shellcode(["retraind"], shell=shell))
    words = set(offered(path, script, f"retraind -c {config} model remove").split())
    assert words >= {"churn", "price"}
    assert "config.toml" not in words
