"""What is wrong with manifests and lists of checksums, and with files that are not as these list them."""

from collections.abc import Mapping
from typing import Literal

from retraind.report.wording.en._parts import count
from retraind.report.wording.words import Name, Words

_MANIFEST = '{"files": [{"name": "train_2026-11.csv", "size": 35975, "sha256": "…64 hexadecimal digits…"}]}'
_Field = Literal["name", "size", "sha256"]
_FIELDS: Mapping[_Field, str] = {
    "name": "the file's name in quotes",
    "size": "its size in bytes, a number without quotes",
    "sha256": "its SHA-256, 64 hexadecimal digits in quotes",
}


def _flawed(what: str) -> Words:
    return Words(what, f"A valid manifest: {_MANIFEST}")


def _position(line: int | None, column: int | None) -> str:
    return "" if line is None else f" at line {line}, column {column}"


def manifest_empty(file: Name) -> str:
    return f"{file} is still empty."


def manifest_cut_off(file: Name, line: int | None, column: int | None) -> Words:
    return _flawed(f"{file} ends too early{_position(line, column)}; it may still be arriving.")


def manifest_not_json(file: Name, line: int | None, column: int | None) -> Words:
    return _flawed(f"{file} is not a manifest: it is not valid JSON in UTF-8{_position(line, column)}.")


def manifest_not_object(file: Name) -> Words:
    return _flawed(f"{file} is not a manifest: it must begin with {{ and list files.")


def manifest_without_files(file: Name) -> Words:
    return _flawed(f"{file} is not a manifest: it must have files, a list of one to ten files in [ and ].")


def manifest_entry_not_object(file: Name, number: int) -> Words:
    return _flawed(
        f"{file} is not a manifest: its file {number} must be in {{ and }}, with name, size and sha256."
    )


def manifest_entry_wrong(file: Name, number: int, field: _Field, missing: bool) -> Words:
    flaw = f"is missing ({_FIELDS[field]})" if missing else f"must be {_FIELDS[field]}"
    return _flawed(f"{file} is not a manifest: {field} of its file {number} {flaw}.")


def manifests_several() -> Words:
    return Words("There are two manifests for this delivery.", "Remove one.")


def manifest_queued(file: Name) -> str:
    return f"{file} is read once those before it have been taken in."


def manifest_too_long(file: Name, largest: int) -> str:
    return f"{file} is too long for a manifest (at most {largest:,} bytes)."


def checksums_not_utf8(file: Name) -> str:
    return f"{file} is not a list of checksums: it is not UTF-8."


def checksums_line_wrong(file: Name, line: int, last: bool) -> Words:
    """`last`: nothing follows that line, so it may be cut off."""
    arriving = "; it may still be arriving" if last else ""
    return Words(
        f"{file} is not a list of checksums: line {line:,} is not a SHA-256 checksum and a file's name"
        f"{arriving}.",
        "A valid list is what sha256sum writes.",
    )


def manifest_repeats_file(manifest: Name) -> str:
    return f"{manifest} lists a file twice."


def manifest_omits_file(manifest: Name, file: Name) -> str:
    return f"{manifest} does not list {file}."


def manifest_lists_missing_file(manifest: Name, file: Name) -> str:
    return f"{manifest} lists {file}, which has not arrived."


def manifest_lists_other_file(manifest: Name, file: Name, other: Name) -> str:
    """`other` is what that file's manifest is called."""
    return f"{manifest} lists {file}, whose manifest must be called {other}."


def size_not_as_listed(file: Name, size: int, manifest: Name, listed: int) -> str:
    return f"{file} has {count(size, 'byte')} so far; {manifest} lists it with {listed:,}."


def comparing_with_manifest(file: Name, manifest: Name) -> str:
    return f"{file} is being compared with {manifest}."


def compared_by_daemon(file: Name, manifest: Name) -> str:
    """For commands, which do not read data files."""
    return f"STATUS.txt says whether {file} matches {manifest}."


def content_not_as_listed(file: Name, manifest: Name, sha256: str, listed: str) -> Words:
    """`sha256` and `listed` are the beginnings of what was found and of what the manifest says."""
    return Words(
        f"The content of {file} is not what {manifest} lists (SHA-256 {sha256}… instead of {listed}…). "
        "It may still be arriving.",
        "If it has arrived, deliver it again.",
    )
