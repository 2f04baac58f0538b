"""What a list of SHA-256 checksums says of files, in the forms in which `sha256sum` writes it. Pure.

The forms are those of `sha256sum`, `sha256sum --binary` and `sha256sum --tag`, and the checksum alone in a
list that is named after one file.
"""

import codecs
import re
from collections.abc import Iterator

from retraind.domain.problems import Problem, problem
from retraind.intake.manifests.manifest import Listed

_DIGITS = r"(?P<sha256>[0-9a-fA-F]{64})"
_LINE = re.compile(rf"(?P<escaped>\\?){_DIGITS}[ \t]+\*?(?P<name>\S.*)", re.DOTALL)
_TAG = re.compile(rf"(?P<escaped>\\?)SHA256 ?\((?P<name>.+)\) ?= ?{_DIGITS}", re.DOTALL)
_ALONE = re.compile(_DIGITS)
_ESCAPES = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}


def checksums_in(text: bytes, file: str, of: str | None = None) -> list[Listed] | Problem:
    """Return what the content of the list `file` says, or what is wrong with it.

    `of` is the file that the list is named after, if it is named after one.
    """
    try:
        # PowerShell's `>` writes UTF-16; Windows programs like to begin UTF-8 with a byte order mark.
        wide = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        lines = text.decode("utf-16" if wide else "utf-8-sig").split("\n")
    except UnicodeDecodeError:
        return problem("checksums_not_utf8", file=file)
    if not any(line.strip() for line in lines):
        return problem("manifest_empty", file=file)
    listed: list[Listed] = []
    for number, line in enumerate((each.rstrip("\r") for each in lines), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _entry(line, of)
        if found is None:
            return problem("checksums_line_wrong", file=file, line=number, last=number == len(lines))
        listed.append(found)
    return listed or problem("manifest_empty", file=file)


def _entry(line: str, of: str | None) -> Listed | None:
    alone = _ALONE.fullmatch(line.strip())
    if alone:
        return Listed(of, None, alone["sha256"].lower()) if of else None
    found = _TAG.fullmatch(line) or _LINE.fullmatch(line)
    if found is None:
        return None
    name = found["name"]
    if found["escaped"]:
        name = "".join(_unescaped(name))
    return Listed(name, None, found["sha256"].lower())


def _unescaped(name: str) -> Iterator[str]:
    for part in re.findall(r"\\.|[^\\]+|\\", name, re.DOTALL):
        yield _ESCAPES.get(part, part)
