"""An earlier retraind, out of the history of this repository, that is run and killed as today's is.

Its own harness is taken out with it: what can be killed is its business, and only its own tests know where.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from scenarios.crash.installation import PATIENCE, Ended, Installation

REPOSITORY = Path(__file__).parents[3]
FIRST = "6ef0304c63d7d3734969306109aaadb7e1b10b36"
"""The last commit of the first version: its jobs are flat, and its problems are sentences."""
_STRUCK = "struck"
_RUN = """
import json, sys
from pathlib import Path
from crash.points import Points
from retraind.cli import main
root, plan, *arguments = sys.argv[1:]
Points(json.loads(plan), Path(root, "struck")).install()
sys.exit(main(arguments))
"""


class Earlier:
    """The code of a commit in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, here: Installation, *arguments: str, plan: dict | None = None) -> Ended:
        """Run its daemon until all is at rest, or a command, or until `plan` kills it."""
        command, *others = arguments or ("run", "--once")
        struck = here.root / _STRUCK
        struck.unlink(missing_ok=True)
        with here.log.open("ab") as log:
            ended = subprocess.run(
                [sys.executable, "-c", _RUN, here.root, json.dumps(plan or {}), command,
                 "-c", here.config, *others],
                env=os.environ | {"PYTHONPATH": f"{self._folder / 'daemon'}:{self._folder / 'tests'}"},
                stdout=log, stderr=log, timeout=PATIENCE, check=False,
            )  # fmt: skip
        return Ended(ended.returncode, struck.read_text() if struck.exists() else None)

    def ask(self, program: str, *arguments: object) -> str:
        """Run a program with its modules and return what it prints."""
        ended = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(self._folder / "daemon")},
            capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        return ended.stdout


def earlier(commit: str, folder: Path) -> Earlier:
    """Take the code of `commit` out of the history; the test is skipped where there is none.

    What is in `folder` already is used, with what Python has compiled there: once for all workers.
    """
    place = folder / f"earlier-{commit[:7]}"
    with (folder / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _take_out(commit, place)
    return Earlier(place)


def _take_out(commit: str, place: Path) -> None:
    git = shutil.which("git")
    if not git:
        pytest.skip("git is not installed, so no earlier version can be run")
    found = subprocess.run(
        [git, "-C", REPOSITORY, "archive", "--format=tar", commit, "daemon", "tests"],
        capture_output=True, check=False,
    )  # fmt: skip
    if found.returncode:
        pytest.skip(f"{commit[:7]} is not in the history here (a shallow clone, or no clone)")
    place.mkdir()
    with tarfile.open(fileobj=BytesIO(found.stdout)) as archive:
        archive.extractall(place, filter="data")
