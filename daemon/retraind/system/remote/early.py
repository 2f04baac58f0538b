"""The first questions about a folder, sent together with its pinning, and the answers until they are needed.

So a scan is one request: what it needs to know about its folder comes with the handle.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from retraind.system.remote.wire import Message

Kind = Literal["look", "read", "sync"]
"""What a call may have to wait for: an answer about names, bytes that are fetched from somewhere, or a disk
that writes down what may be gigabytes."""


class Ahead(NamedTuple):
    """A request about a folder that comes first once it is pinned."""

    verb: str
    at: str
    """The parameter for the path."""
    below: str
    """The path in the folder; empty for the folder itself."""
    given: Mapping[str, int | None]
    """The other parameters."""
    kind: Kind = "look"


class _Answer(NamedTuple):
    given: Mapping[str, Any]
    message: Message
    handle: int


class EarlyAnswers:
    """Answers of one helper, each of which counts once, while its folder is pinned."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Path | None], _Answer] = {}
        """By verb and path."""

    def __len__(self) -> int:
        return len(self._known)

    def put(self, request: Ahead, folder: Path, handle: int, message: Message) -> None:
        """Keep the answer to a request about `folder`, which is pinned as `handle`."""
        path = folder / request.below
        given = {request.at: path, **request.given}
        self._known[request.verb, path] = _Answer(given, message, handle)

    def take(self, verb: str, given: Mapping[str, Any]) -> Message | None:
        """Return the answer to a request, if it is there."""
        if not self._known:
            return None
        key = verb, given.get("path", given.get("folder"))
        found = self._known.get(key)
        if found is None or found.given != given:
            return None
        del self._known[key]
        return found.message

    def forget(self, handle: int) -> None:
        """Drop what nobody has asked for while a folder was pinned."""
        for key, answer in list(self._known.items()):
            if answer.handle == handle:
                self._known.pop(key, None)
