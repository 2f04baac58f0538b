"""What is wrong with a configuration, as problems: of a value alone, and of the setting that has it."""

from pathlib import Path
from typing import Any

from retraind.domain.problems import Problem, problem


class Mistake(ValueError):
    """A value that cannot be used. Validators raise it; pydantic collects it as it does any ValueError."""

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code)
        self.problem = problem(code, **facts)


def refused(
    setting: str,
    mistake: Problem,
    *,
    file: Path | None = None,
    variable: str | None = None,
    value: str | None = None,
) -> Problem:
    """Return that a setting cannot be used.

    It is in `file`, or in an environment variable. `value` is written as in the file, without secrets.
    """
    return problem(
        "setting_refused", file=file, variable=variable, setting=setting, value=value, mistake=mistake
    )
