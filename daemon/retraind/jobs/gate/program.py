"""Why the file of a gate cannot be run: the kernel says no more than "No such file" or "Exec format error".

Reads the beginning of the file as execve(2) does, and runs nothing. A share that does not answer is given up.
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from retraind.domain.problems import Problem, file_problem, problem
from retraind.system.files import exists, is_allowed, is_file, real_path
from retraind.system.reading import read_start
from retraind.system.remote.errors import NoAnswer
from retraind.system.rights import program_named

_READ = 512
"""Bytes that are read; the kernel looks at 256."""
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-8 and UTF-16."""
MISREAD_BY_SHELLS = frozenset({"gate_with_carriage_returns", "gate_begins_with_mark"})
"""What makes a shell run other commands than those that somebody wrote, and perhaps succeed with the last."""
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
"""Interpreters that take a carriage return or a mark for a part of a command. Python, for one, does not."""


def flaw_of(command: Sequence[str], path: str | None = None) -> Problem | None:
    """Return why a gate's command cannot be run, as far as that shows; None where nothing does.

    `path` is the gate's PATH, by default this process's own. The file may have changed when it is run.
    """
    try:
        return _flaw_of(command, path)
    except NoAnswer as error:
        return file_problem(error)


def require_answers(command: Sequence[str], path: str | None) -> None:
    """Raise NoAnswer where a gate, or what is to run it, is on a file system that does not answer."""
    _flaw_of(command, path)


def _flaw_of(command: Sequence[str], path: str | None) -> Problem | None:
    program = program_named(command[0], path)
    if program is None:
        # With a slash and relative, it depends on where the gate is run.
        file = Path(command[0])
        if file.is_absolute() and is_file(file, follow=True):
            return problem("gate_not_executable", path=file)
        return problem("gate_program_missing", program=command[0])
    found = _flaw_of_program(program, path)
    if found is None and program.name in _SHELLS and len(command) > 1 and command[1][:1] == "/":
        found = _flaw_for_shell(Path(command[1]))
    return found


def _start_of(file: Path) -> bytes | OSError:
    try:
        return read_start(real_path(file), _READ)
    except NoAnswer:
        raise
    except OSError as error:
        return error


def _flaw_of_program(file: Path, path: str | None) -> Problem | None:
    start = _start_of(file)
    if isinstance(start, PermissionError):
        return None  # A program may be there to be run, and not to be read.
    if isinstance(start, OSError):
        return file_problem(start, file)
    line = start.partition(b"\n")[0]
    if start.startswith(_MARKS):
        return problem("gate_begins_with_mark", path=file)
    if not start.startswith(b"#!"):
        # What is no text may be a program of a kind that the kernel knows.
        return None if b"\0" in start else problem("gate_without_interpreter", path=file)
    if line.endswith(b"\r"):
        return problem("gate_with_carriage_returns", path=file)
    return _flaw_of_interpreter(file, os.fsdecode(line[2:]).strip(" \t"), path)


def _flaw_of_interpreter(file: Path, line: str, path: str | None) -> Problem | None:
    """Return what is wrong with what is to run a script; `line` is what follows its #!."""
    interpreter, *more = line.split(maxsplit=1)[:2] or [""]
    if not interpreter:
        return problem("gate_without_interpreter", path=file)
    if not (is_file(Path(interpreter), follow=True) and is_allowed(Path(interpreter), os.X_OK)):
        return problem("gate_interpreter_missing", path=file, interpreter=interpreter)
    name = _name_for_env(more[0]) if more and Path(interpreter).name == "env" else None
    if name is not None and program_named(name, path) is None:
        return problem("gate_interpreter_missing", path=file, interpreter=name)
    return None


def _name_for_env(argument: str) -> str | None:
    """Return the program that env(1) searches for; None where that cannot be told."""
    words = [argument]
    if argument.startswith("-S"):
        try:
            words = shlex.split(argument.removeprefix("-S"))
        except ValueError:
            return None
    names = [word for word in words if "=" not in word]
    return names[0] if names and not names[0].startswith("-") else None


def _flaw_for_shell(script: Path) -> Problem | None:
    """Return why a shell that is given a script stumbles over it."""
    if not exists(script, follow=True):
        return problem("gate_script_missing", path=script)
    start = _start_of(script)
    if isinstance(start, OSError):
        return file_problem(start, script)
    if start.startswith(_MARKS):
        return problem("gate_begins_with_mark", path=script)
    if start.partition(b"\n")[0].endswith(b"\r"):
        return problem("gate_with_carriage_returns", path=script)
    return None
