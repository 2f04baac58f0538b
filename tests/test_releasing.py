"""No release is made of what is not one: `.ci/release` refuses before it makes anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

from retraind import __version__

REPOSITORY = Path(__file__).parents[1]
SHIPPED = (".ci/release", "daemon/retraind/__init__.py", "CHANGELOG.md", ".packaging/constraints.txt")


@pytest.fixture
def clone(tmp_path, tool):
    tool("git")
    for name in SHIPPED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder, *words):
    identity = ["-c", "user.name=anna", "-c", "user.email=anna@example.com", "-c", "tag.gpgSign=false"]
    subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)


def commit(folder, text=None):
    if text is not None:
        (folder / "CHANGELOG.md").write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")


def refusal(folder):
    done = subprocess.run([folder / ".ci/release"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert not (folder / "dist").exists()
    return done.stderr


def test_what_is_no_release_is_refused_in_words(clone):
    assert f"this commit has no tag v{__version__}" in refusal(clone)
    commit(clone, f"## [{__version__}] - unreleased\n")
    git(clone, "tag", f"v{__version__}")
    assert f"CHANGELOG.md has no date for {__version__}" in refusal(clone)
    (clone / "new").touch()
    assert "changes that are not committed" in refusal(clone)
    with (clone / ".packaging/constraints.txt").open("a") as file:
        file.write("--index-url https://pypi.example.com/simple\n")
    commit(clone, f"## [{__version__}] - 2026-12-01\n")
    git(clone, "tag", "--force", f"v{__version__}")
    assert "names an index" in refusal(clone)


def test_every_package_that_is_shipped_is_pinned_by_its_hashes():
    pinned = (REPOSITORY / ".packaging/constraints.txt").read_text("utf-8").replace("\\\n", " ").splitlines()
    assert pinned
    for line in pinned:
        name, _, rest = line.partition("==")
        assert name
        assert "--hash=sha256:" in rest, line
