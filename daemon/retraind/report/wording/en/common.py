"""What several places say."""

from retraind.report.wording.words import Name


def left_to_operator() -> str:
    return "The operator of retraind has to fix this; retraind status says how."


def legacy_hidden() -> str:
    return "An earlier version of retraind noted a problem here."


def finding_line(file: Name, line: int | None, what: str, service: Name | None, remedy: str) -> str:
    """One finding: where, what, the service's words for it, and what to do."""
    at = "" if line is None else f", line {line}"
    place = f"{file}{at}: " if file else ""
    calls = f' The service calls this "{service}".' if service else ""
    todo = f" What to do: {remedy}" if remedy else ""
    return f"{place}{what}{calls}{todo}"
