"""The results file: a zip whose bytes depend on nothing but its contents."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NO_MOMENT = (1980, 1, 1, 0, 0, 0)


def as_document(value: Any) -> bytes:
    """Return `value` as JSON for people."""
    return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"


def write_results(path: Path, documents: Mapping[str, bytes]) -> None:
    """Write a zip with `documents` (name to contents) to `path`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, contents in documents.items():
            info = zipfile.ZipInfo(name, _NO_MOMENT)
            info.external_attr = 0o644 << 16
            archive.writestr(info, contents, zipfile.ZIP_DEFLATED)
