"""Writes what shells and `man` read, from the parser and config.example.toml: shell_files.py ROOT."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import argcomplete
from argparse_manpage.manpage import Manpage

from retraind import __version__
from retraind.cli.arguments import complete_parser

_HOME = Path(__file__).parents[1]
_COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/retraind",
    "zsh": "usr/share/zsh/vendor-completions/_retraind",
    "fish": "usr/share/fish/vendor_completions.d/retraind.fish",
}


def main(root: Path) -> None:
    """Write all files below `root`."""
    for shell, place in _COMPLETIONS.items():
        _write(root / place, argcomplete.shellcode(["retraind"], shell=shell))
    _write(root / "usr/share/man/man1/retraind.1", commands_page())
    _write(root / "usr/share/man/man5/retraind.toml.5", configuration_page())
    for page in (root / "usr/share/man").rglob("*.[15]"):
        subprocess.run(["gzip", "--best", "--no-name", page], check=True)  # noqa: S603, S607 - our own file


def commands_page() -> str:
    """Return retraind(1): every command with its options, as `--help` shows them."""
    parser = complete_parser()
    parser.formatter_class = type(parser._get_formatter())  # noqa: SLF001 - argparse-manpage asks for it
    page = Manpage(parser)
    page.source, page.manual = f"retraind {__version__}", "retraind"
    page.description = "delivers new data to a retraining service and switches the retrained model"
    page.add_section("FILES", ">", r"\fI/etc/retraind/config.toml\fR, explained in \fBretraind.toml\fR(5)")
    return str(page)


def configuration_page() -> str:
    """Return retraind.toml(5): the example configuration, which explains every key."""
    example = (_HOME / "config.example.toml").read_text("utf-8")
    plain = example.replace("\\", r"\e").replace("-", r"\-")
    escaped = re.sub(r"^([.'])", r"\\&\1", plain, flags=re.MULTILINE)
    return "\n".join([
        f'.TH RETRAIND.TOML 5 "{datetime.now(UTC):%Y\\-%m\\-%d}" "retraind {__version__}" "retraind"',
        ".SH NAME", r"retraind.toml \- the configuration of retraind",
        ".SH SYNOPSIS", ".I /etc/retraind/config.toml",
        ".SH KEYS", ".nf", escaped.rstrip(), ".fi",
        ".SH SEE ALSO", ".BR retraind (1)", "",
    ])  # fmt: skip


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
