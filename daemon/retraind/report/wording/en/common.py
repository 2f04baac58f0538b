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


# What folders are called on the share


def drop_folder(inside: bool) -> str:
    """`inside`: for a text that lies in it."""
    return "this folder" if inside else "the drop folder"


def earlier_drop_folder() -> str:
    return "the earlier drop folder"


def state_folder() -> str:
    return "the state folder on retraind's machine"


def spool_folder() -> str:
    return "the spool on retraind's machine"


def on_the_machine(name: Name) -> str:
    return f"{name or 'a folder'} on retraind's machine"
