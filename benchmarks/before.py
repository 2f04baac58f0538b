"""The work tree of an earlier commit, beside which the present one is measured in the same run."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMIT = "6ef0304"
"""The commit that figures are compared with unless another one is named."""


def tree_of(commit: str, folder: Path) -> Path:
    """Return where a commit is checked out below `folder`; it is done the first time."""
    tree = folder / f"before-{commit}"
    if not tree.exists():
        subprocess.run(
            ["git", "-C", ROOT, "worktree", "add", "--quiet", "--force", "--detach", tree, commit], check=True
        )
    return tree


def python(tree: Path, program: str, *arguments: object) -> tuple[str, ...]:
    """Return the command for a program of a work tree's own benchmarks, which measures its own retraind."""
    place = ("env", "-C", str(tree), f"PYTHONPATH={tree / 'daemon'}")
    return (*place, sys.executable, "-m", f"benchmarks.{program}", *map(str, arguments))
