"""What a manifest says of a delivery's files, and what is wrong with one that cannot be read. Pure."""

import codecs
import re
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from retraind.domain.problems import Problem, problem


class ManifestFile(BaseModel):
    """What is said of a file."""

    model_config = ConfigDict(extra="ignore")
    name: str
    size: int = Field(ge=0, lt=1 << 63)
    """Bytes."""
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")


class Listed(NamedTuple):
    """What a manifest, or a list of checksums, says of a file."""

    name: str
    size: int | None
    """Bytes; a list of checksums does not say how many."""
    sha256: str
    """In lower case."""


class Manifest(BaseModel):
    """A manifest."""

    model_config = ConfigDict(extra="ignore")
    files: list[ManifestFile] = Field(min_length=1, max_length=10)

    def listed(self) -> list[Listed]:
        """Return what it says of each file."""
        return [Listed(file.name, file.size, file.sha256.lower()) for file in self.files]


def manifest_in(text: bytes, file: str) -> Manifest | Problem:
    """Return the manifest in the content of `file`, or what is wrong with it."""
    # Windows programs like to begin UTF-8 with a byte order mark.
    text = text.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        return problem("manifest_empty", file=file)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        return _flaw(error.errors()[0], file)


def path_in(entry: str) -> str:
    r"""Return the path below the drop folder that an entry names: `./name` and `.\name` are `name`.

    A path that begins at a root stays as it is: it is somewhere else.
    """
    plain = entry.replace("\\", "/")
    path = "/".join(part for part in plain.split("/") if part not in {"", "."})
    return f"/{path}" if plain.startswith("/") else path


def _flaw(error: ErrorDetails, file: str) -> Problem:
    match error["loc"]:
        case () if error["type"] == "json_invalid":
            return _not_json(error["ctx"]["error"], file)
        case ("files",):
            return problem("manifest_without_files", file=file)
        case ("files", int(place)):
            return problem("manifest_entry_not_object", file=file, number=place + 1)
        case ("files", int(place), str(name)):
            missing = error["type"] == "missing"
            return problem("manifest_entry_wrong", file=file, number=place + 1, field=name, missing=missing)
        case _:
            return problem("manifest_not_object", file=file)


def _not_json(answer: str, file: str) -> Problem:
    """Return where JSON ends too early or makes no sense, from the parser's answer."""
    found = re.search(r"at line (\d+) column (\d+)$", answer)
    line, column = map(int, found.groups()) if found else (None, None)
    if answer.startswith("EOF"):
        return problem("manifest_cut_off", file=file, line=line, column=column)
    return problem("manifest_not_json", file=file, line=line, column=column)
