"""What the files of a systemd unit say, read without asking systemd: any user can, with or without it.

And whether this process is such a unit.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

UNIT = "retraind.service"
_PLACES = tuple(
    map(Path, ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
               "/usr/lib/systemd/system", "/lib/systemd/system"))
)  # fmt: skip
"""Where units are, the one that counts first."""
_LONGEST = 1 << 18
_DIRECTIVE = re.compile(r"[ \t]*([A-Za-z]+)[ \t]*=[ \t]*(.*?)[ \t]*")


class Unit(NamedTuple):
    """What of the service's unit matters outside it."""

    there: bool = False
    """Whether it is installed."""
    user: str | None = None
    credentials: tuple[tuple[str, Path], ...] = ()
    """The name of each credential that systemd passes, and the file that it reads."""
    encrypted: frozenset[str] = frozenset()
    """The names of those whose file is encrypted."""

    def source(self, credential: str) -> Path | None:
        """Return the file that systemd reads for a credential."""
        return dict(self.credentials).get(credential)


def read_unit(places: Sequence[Path] = _PLACES) -> Unit:
    """Read the unit with its drop-ins. What cannot be read counts as absent: systemd decides, not this."""
    user: str | None = None
    sources: dict[str, Path] = {}
    encrypted: set[str] = set()
    files = _files(places)
    for file in files:
        for directive, value in _directives(file):
            if directive == "User":
                user = value or None
            elif directive in {"LoadCredential", "LoadCredentialEncrypted"}:
                secret = directive == "LoadCredentialEncrypted"
                if not value:
                    gone = {each for each in sources if (each in encrypted) == secret}
                    sources = {each: path for each, path in sources.items() if each not in gone}
                    encrypted -= gone
                    continue
                credential, _, path = value.partition(":")
                if path.startswith("/"):
                    sources[credential] = Path(path)
                    (encrypted.add if secret else encrypted.discard)(credential)
    return Unit(bool(files), user, tuple(sources.items()), frozenset(encrypted))


def _files(places: Sequence[Path]) -> list[Path]:
    """Return the unit's file and then its drop-ins by name; of two with one name, the first place's."""
    dropins: dict[str, Path] = {}
    for place in places:
        try:
            found = [*(place / f"{UNIT}.d").glob("*.conf")]
        except OSError:
            continue
        for path in found:
            dropins.setdefault(path.name, path)
    unit = next((place / UNIT for place in places if _text(place / UNIT) is not None), None)
    return [*([unit] if unit else []), *(dropins[each] for each in sorted(dropins))]


def _directives(file: Path) -> Iterator[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", _text(file) or "")
    for line in text.splitlines():
        if found := _DIRECTIVE.fullmatch(line):
            yield found[1], found[2]


def _text(file: Path) -> str | None:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(_LONGEST)
    except OSError:
        return None


def is_unit() -> bool:
    """Return whether systemd started this process, with what its unit allows."""
    return "INVOCATION_ID" in os.environ
