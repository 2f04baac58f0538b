import os
import zipfile
from pathlib import Path

import pytest

from support.world import HEADER, a_world

SECRET = (HEADER + "".join(f"{20 + n % 50},salary-{n},{n % 2}\n" for n in range(100))).encode()
"""What somebody else keeps beside the share, fit to be trained with.

No attack may bring it to the service.
"""


class Victim:
    """A folder of somebody else, with a file that has a delivery's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.file = folder / "train_2026-11.csv"
        self.file.write_bytes(SECRET)
        self.before = self._now()

    def _now(self) -> dict[str, tuple[bytes, int]]:
        return {
            str(path.relative_to(self.folder)): (path.read_bytes(), path.stat().st_mode)
            for path in self.folder.rglob("*")
        }

    def plant(self, kind: str, path: Path) -> None:
        """Put something under a name that leads to what is the victim's, or to nothing, or that nobody ever
        ends."""
        match kind:
            case "link to a folder":
                path.symlink_to(self.folder)
            case "link to a file":
                path.symlink_to(self.file)
            case "link to nothing":
                path.symlink_to(self.folder / "new")
            case "hard link":
                path.hardlink_to(self.file)
            case "fifo":
                os.mkfifo(path)
            case _:
                raise AssertionError(kind)

    def assert_unharmed(self) -> None:
        assert self._now() == self.before


@pytest.fixture
def victim(tmp_path):
    return Victim(tmp_path / "somebody else's")


@pytest.fixture
def sent(tmp_path):
    """Return all bytes that the service was sent, zips unpacked."""

    def bytes_sent() -> bytes:
        found = b""
        for upload in (tmp_path / "service" / "objects").glob("*/upload-*"):
            if zipfile.is_zipfile(upload):
                with zipfile.ZipFile(upload) as bundle:
                    found += b"".join(bundle.read(name) for name in bundle.namelist())
            else:
                found += upload.read_bytes()
        return found

    return bytes_sent


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made
