"""What other users of the machine, and other writers of the share, get to see of what retraind makes."""

import os
import stat

import pytest

from retraind.domain.job import State
from support.world import a_world

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def _no_umask():
    """A service without UMask= in its unit may have any."""
    before = os.umask(0)
    yield
    os.umask(before)


def for_others(folder):
    """Return what the group or others may read or write below a folder, and in what they can get to it."""
    return {
        str(path.relative_to(folder)): stat.filemode(path.lstat().st_mode)
        for path in (folder, *folder.rglob("*"))
        if path.lstat().st_mode & 0o077 and not path.is_symlink()
    }


def test_state_and_spool_are_for_the_services_user_alone(tmp_path):
    with a_world(tmp_path) as world:
        world.run(world.sealing(), until=State.BUNDLED)
        names = {path.name for path in (tmp_path / "state").rglob("*")}
        assert {"journal.db", "journal.db-wal", "seal.key", "spool", "shares"} <= names
        files = {
            path: mode for path, mode in for_others(tmp_path / "state").items() if path != "journal.db.lock"
        }
        assert files == {}


def test_what_is_in_work_is_out_of_reach_and_what_is_filed_can_be_read(tmp_path):
    """Nobody else may put a file beside sealed ones, read them, or exchange them; filed, they are for people."""
    with a_world(tmp_path) as world:
        job = world.run(world.sealing(), until=State.SEALED)
        assert stat.S_IMODE((world.share / ".retraind").stat().st_mode) == 0o700
        job = world.run(job)
        for path in (world.folder(job).parent, world.folder(job)):
            assert stat.S_IMODE(path.stat().st_mode) & 0o555 == 0o555
        assert all(
            stat.S_IMODE(path.stat().st_mode) & 0o133 == 0
            for path in world.folder(job).iterdir()
            if path.suffix != ".csv"
        ), "notes are for their writer to change"


@pytest.mark.parametrize("exposed", ["gate.sh", "."])
def test_a_gate_that_others_can_change_does_not_run_until_they_cannot(tmp_path, exposed):
    """The job is trained by then: the hold of its model alone would not keep its gate from running."""
    gates = tmp_path / "gates"
    gates.mkdir(mode=0o755)
    gate, ran = gates / "gate.sh", tmp_path / "ran"
    gate.write_text(f"#!/bin/sh\ntouch {ran}\n")
    gate.chmod(0o755)
    (gates / exposed).chmod(0o777)
    with a_world(tmp_path, switch="gate", gate=str(gate)) as world:
        job = world.run(world.sealing(), until=State.TRAINED)
        job = world.step(job)
        assert (job.state, job.wait.trouble.code) == (State.TRAINED, "file_changeable")
        assert not ran.exists()
        (gates / exposed).chmod(0o755)
        assert world.run(job).state is State.DONE
        assert ran.exists()
