"""What several places say."""


def left_to_operator() -> str:
    return "The operator of retraind has to fix this; retraind status says how."


def finding_line(file: str, line: int | None, what: str, service: str | None, remedy: str) -> str:
    """One finding: where, what, the service's words for it, and what to do."""
    place = file if line is None else f"{file}, line {line}"
    service = f' The service calls this "{service}".' if service else ""
    return f"{place}: {what}{service} What to do: {remedy}"
