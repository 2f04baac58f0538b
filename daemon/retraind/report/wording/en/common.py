"""What several places say, and what a file system answers."""

import errno as numbers
from collections.abc import Mapping

from retraind.domain.problems import Overruled
from retraind.report.wording.words import Name, Place, Words

# What several places say


def left_to_operator() -> str:
    return "Ask the operator of retraind to fix this."


def legacy_hidden() -> str:
    return "An earlier version of retraind noted a problem here."


def of_a_newer_version(code: Name) -> str:
    return f"A newer version of retraind noted a problem here: {code}."


_OVERRULED: Mapping[tuple[Overruled, bool], str] = {
    (Overruled.CONFIGURATION, False): " (The configuration makes this error a warning.)",
    (Overruled.CONFIGURATION, True): " (The configuration makes this warning an error.)",
    (Overruled.PERSON, False): " (The operator has accepted this error for this delivery.)",
    (Overruled.PERSON, True): "",
}


def finding_line(
    *,
    file: Name,
    line: int | None,
    what: str,
    service: Name | None,
    remedy: str,
    overruled: Overruled | None,
    error: bool,
) -> str:
    """One finding: where, what, the service's words for it, and what to do.

    `overruled` says who made it an `error`, or a warning, against the rule.
    """
    at = "" if line is None else f", line {line}"
    place = f"{file}{at}: " if file else ""
    calls = f' The service calls this "{service.rstrip(".")}".' if service else ""
    todo = f" What to do: {remedy}" if remedy else ""
    changed = _OVERRULED[overruled, error] if overruled else ""
    return f"{place}{what}{calls}{todo}{changed}"


def code_named(codes: tuple[Name, ...]) -> str:
    """How a paragraph ends that names what the documents explain it under."""
    return f" (code{'s' if len(codes) > 1 else ''}: {', '.join(codes)})"


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


def unreadable_address() -> str:
    """In place of a host."""
    return "unreadable address"


def on_the_machine(name: Name) -> str:
    return f"{name or 'a folder'} on retraind's machine"


# What a file system answers, and what helps

_SILENT = "The share does not respond; check its server and the network, or mount it again."
_IN_USE = "Another program has it open and locks it; close it there."
_REMEDIES: Mapping[int, str] = {
    numbers.ENOSPC: "Free some space there.",
    numbers.EDQUOT: "Free some space there, or raise the quota.",
    numbers.EACCES: "Allow the service's user to read and write there.",
    numbers.EPERM: "Remove the attribute that protects it (immutable or append-only; see lsattr). In a "
    "folder with the sticky bit, make the service's user the owner of the folder.",
    **dict.fromkeys(
        (numbers.EMFILE, numbers.ENFILE),
        "Raise the limit of open files: LimitNOFILE of the service, or fs.file-max of the machine.",
    ),
    numbers.EROFS: "The file system is read-only; mount it writable.",
    numbers.EEXIST: "Another file has a name that retraind needs; move it away.",
    numbers.ENOTDIR: "A link or a file is where retraind keeps a folder; move it away.",
    numbers.ELOOP: "A link is where retraind keeps a file; remove it.",
    numbers.EIO: "The disk or the share is failing; see the system log.",
    numbers.EBUSY: _IN_USE,
    numbers.ETXTBSY: _IN_USE,
    numbers.ESTALE: "The share was exported again; mount it again.",
    **dict.fromkeys(
        (
            *(numbers.ENOTCONN, numbers.ECONNABORTED, numbers.ECONNREFUSED, numbers.ECONNRESET),
            *(numbers.ESHUTDOWN, numbers.EHOSTDOWN, numbers.EHOSTUNREACH, numbers.ENETDOWN),
            *(numbers.ENETUNREACH, numbers.ETIMEDOUT, numbers.ENODEV, numbers.ENXIO, numbers.EREMOTEIO),
        ),
        _SILENT,
    ),
}


def file_error(path: Place | None, errno: int, reason: Name) -> Words:
    """`errno` is 0 where the system gave none."""
    where = f"{path}: " if path else ""
    return Words(f"{where}{reason}.", _REMEDIES.get(errno, ""))


def not_a_regular_file(path: Place | None) -> str:
    """`path` is None where the file is named already."""
    return f"{path or 'It'} is not a regular file."


def too_many_files_there(path: Place, most: int) -> Words:
    return Words(f"{path} has more than {most:,} files and folders.", "Move some of them away.")


def folders_too_deep(path: Place, most: int) -> Words:
    return Words(f"{path} is more than {most} folders deep.", "Move it away.")


def folder_changes_while_copied(path: Place) -> str:
    return f"{path} appeared while its folder was being copied."


def folder_changes_while_deleted(path: Place) -> str:
    return f"Folders in {path} were moved while it was being deleted."


def copy_differs(path: Place) -> Words:
    return Words(f"The copy {path} differs from its source.", "Check the disk; see the system log.")


def file_reads_differently(path: Place) -> Words:
    """The source of a copy."""
    return Words(
        f"The source of {path} returns different data each time it is read.",
        "Check the disk; see the system log.",
    )
