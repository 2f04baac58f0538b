"""The few files that every page uses, served by the page itself: nothing comes from elsewhere."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOLDER = Path(__file__).parent / "static"


class Asset(NamedTuple):
    """One file."""

    content: bytes
    kind: str
    digest: str
    """A part of its address: a browser may keep it forever."""


def _read(file: Path) -> Asset:
    content = file.read_bytes()
    return Asset(content, _KINDS[file.suffix], hashlib.sha256(content).hexdigest()[:12])


@lru_cache
def assets() -> Mapping[str, Asset]:
    """Return all of them, by name."""
    return MappingProxyType({file.name: _read(file) for file in sorted(_FOLDER.iterdir())})


async def asset(request: Request) -> Response:
    """Return a file; its address without the right digest leads to nothing."""
    found = assets().get(request.path_params["name"])
    if found is None or request.path_params["digest"] != found.digest:
        return Response(status_code=404)
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(found.content, media_type=f"{found.kind}; charset=utf-8", headers=headers)
