"""retraind started with standard streams that are closed."""

import itertools
import json
import subprocess
import sys

import pytest

from support.process import Site, deliver
from support.variants import variants
from support.world import KEY, table

ALL = ("0<&-", "1>&-", "2>&-")
CLOSED = [
    ("2>&-",), ALL,
    *(pytest.param(closed, marks=pytest.mark.long) for count in (1, 2) for closed in itertools.combinations(ALL, count)),
]  # fmt: skip


def _run(site: Site, closed: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "retraind", *arguments, "-c", str(site.config)]
    script = f'exec "$@" {" ".join(closed)}'
    return subprocess.run(
        ["/bin/sh", "-c", script, "sh", *command], capture_output=True, check=False, timeout=60
    )


@pytest.mark.parametrize("closed", CLOSED, ids="".join)
def test_the_daemon_works_whatever_standard_stream_is_closed(site, tmp_path, closed):
    drop = site.add_model("churn", KEY, 'settle = "100ms"')
    deliver(drop, "train_1.csv", table())
    deliver(drop, "eval_1.csv", table(offset=1))
    done = _run(site, closed, "run", "--once")
    assert done.returncode == 0, done.stderr
    (folder,) = (drop / "done").iterdir()
    assert (folder / "RESULT.txt").exists()
    if "2>&-" not in closed:
        assert all(json.loads(line) for line in done.stderr.splitlines())
    # What was written to a closed stream is in none of retraind's own files.
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert b'"event"' not in path.read_bytes()[:64]


COMMANDS = {"check": 0, "jobs": 0, "status": 1}


@pytest.mark.parametrize(
    ("closed", "command"), variants(ALL, COMMANDS, default=zip(ALL, COMMANDS, strict=True))
)
def test_commands_return_their_exit_code_whatever_standard_stream_is_closed(site, closed, command):
    site.add_model("churn", KEY)
    site.once()
    done = _run(site, (closed,), command)
    assert done.returncode == COMMANDS[command], done.stderr
    assert b"Traceback" not in done.stderr
