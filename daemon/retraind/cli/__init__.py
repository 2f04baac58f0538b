"""The commands. A thin shell: reads arguments, calls the library, phrases the result, returns an exit code.

Each command's module is imported when the command runs, which keeps `retraind --help` and `retraind
preflight` fast. Nothing else is imported before the process is set up, because Python may have to start again
for that.
"""

# ruff: noqa: PLC0415

import argparse
import contextvars
import importlib
import os
import shlex
import sys
from collections.abc import Sequence

from retraind.system.service import startup

_INTERRUPTED = 130
_COMPLETES = "_ARGCOMPLETE"
"""Set by a shell that asks what may follow on a command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if arguments is None:
        _prepare()
        if _COMPLETES in os.environ:
            importlib.import_module("retraind.cli.completion").complete()
    from retraind.cli.arguments import parse
    from retraind.report.wording.words import OPTIONS

    options = parse(sys.argv[1:] if arguments is None else arguments)
    if options.config is not None and not options.keeps_running:
        given = contextvars.copy_context()
        given.run(OPTIONS.set, ("-c", shlex.quote(str(options.config))))
        return given.run(_main, options)
    return _main(options)


def _main(options: argparse.Namespace) -> int:
    from retraind.cli.output import BAD, GOOD, USAGE, Refused, print_problem
    from retraind.domain.failures import ConfigError, ConfigOutOfReach, JournalError

    module, function = options.command.split(":")
    try:
        command = getattr(importlib.import_module(module), function)
        startup.start_collecting()
        code: int = command(options)
    except ConfigError as error:
        for problem in error.problems:
            print_problem(problem)
        return BAD if isinstance(error, ConfigOutOfReach) else USAGE
    except JournalError as error:
        print_problem(error.problem)
        return BAD
    except Refused as refused:
        print_problem(refused.problem, refused.voice)
        return refused.code
    except BrokenPipeError:
        # The reader of the output (head, less) has seen enough.
        sys.stderr.close()
        return GOOD
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _prepare() -> None:
    """Make the process fit for use, whatever it was started with."""
    startup.stop_collecting()
    startup.open_streams()
    startup.require_utf8()
    startup.soften_output()
