"""What people read of problems."""

from collections.abc import Iterable

from retraind.domain.problems import LEGACY, Problem
from retraind.report.wording import Voice


def told(problems: Problem | Iterable[Problem]) -> str:
    """Word one or several problems, for an operator, in one paragraph."""
    return " ".join(map(Voice().tell, [problems] if isinstance(problems, Problem) else problems))


def legacy(what: str, remedy: str = "") -> Problem:
    """Return finished sentences as what a problem becomes that a retraind before facts wrote."""
    return Problem(LEGACY, {"what": what, "remedy": remedy})
