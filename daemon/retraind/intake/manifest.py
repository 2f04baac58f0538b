"""What a manifest claims of a delivery's files, and in words what is wrong with one that cannot be read. Pure."""

import codecs
import re
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

_EXAMPLE = '{"files": [{"name": "train_2026-11.csv", "size": 35975, "sha256": "…64 hexadecimal digits…"}]}'
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "name": "the file's name in quotes",
        "size": "its length in bytes, a number without quotes",
        "sha256": "its SHA-256, 64 hexadecimal digits in quotes",
    }
)


class ManifestFile(BaseModel):
    """What is claimed of a file."""

    model_config = ConfigDict(extra="ignore")
    name: str
    size: int = Field(ge=0, lt=1 << 63)
    """Bytes."""
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")


class Manifest(BaseModel):
    """A manifest."""

    model_config = ConfigDict(extra="ignore")
    files: list[ManifestFile] = Field(min_length=1, max_length=10)


def manifest_in(text: bytes, shown: str) -> Manifest | str:
    """Return the manifest in a file's content, or a sentence on what is wrong with it; `shown` is its name."""
    # Windows programs like to begin UTF-8 with a byte order mark.
    text = text.removeprefix(codecs.BOM_UTF8)
    if not text.strip():
        return f"{shown} is empty so far."
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        return f"{shown} {_flaw(error.errors()[0])} A right one is {_EXAMPLE}."


def _flaw(error: ErrorDetails) -> str:
    match error["loc"]:
        case () if error["type"] == "json_invalid":
            return _no_json(error["ctx"]["error"])
        case ("files",):
            what = "files has to be there, a list of one to ten files in [ and ]"
        case ("files", int(place)):
            what = f"its file {place + 1} has to be in {{ and }}, with name, size and sha256"
        case ("files", int(place), str(name)) if name in _FIELDS:
            found = "is missing, which is" if error["type"] == "missing" else "has to be"
            what = f"{name} of its file {place + 1} {found} {_FIELDS[name]}"
        case _:
            what = "it has to begin with { and to hold files"
    return f"is not a manifest: {what}."


def _no_json(told: str) -> str:
    """Say where JSON breaks off or makes no sense, from what the parser tells of it."""
    found = re.search(r"at line (\d+) column (\d+)$", told)
    where = f" at line {found[1]}, column {found[2]}" if found else ""
    if told.startswith("EOF"):
        return f"breaks off{where}; it may still be on its way."
    return f"is no JSON in UTF-8: what stands{where} makes no sense there."
