"""Whoever delivers a file that retraind may not read is told the command that changes it."""

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from retraind.report.wording import Voice
from support.process import NOBODY, somebody

USER = pwd.getpwuid(os.geteuid() or NOBODY).pw_name
OTHER = 12_345


@pytest.fixture
def public(share):
    """Make a share that every user of the machine may look into."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield lambda **model: share(Path(place) / "drop", **model)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(
    ("owner", "group", "mode", "told"),
    [
        (
            OTHER,
            OTHER,
            0o640,
            ["It belongs to 12345.", "Its mode is 640.", "chmod o+r train_1.csv.", "umask 022"],
        ),
        (
            OTHER,
            None,
            0o600,
            ["It belongs to 12345.", "Its mode is 600.", "chmod g+r train_1.csv.", "umask 027"],
        ),
        (NOBODY, OTHER, 0o200, ["Its mode is 200.", "chmod u+r train_1.csv."]),
    ],
)
def test_the_user_the_owner_and_the_command_are_named(public, owner, group, mode, told):
    share = public(mode="train-only")
    share.drop.chmod(0o777)
    path = share.put("train_1.csv")
    path.chmod(mode)
    with somebody():
        mine = os.getegid()
    os.chown(path, owner, mine if group is None else group)
    with somebody():
        (wait,) = share.settled().waiting
    text = Voice().tell(wait.reasons[0])
    assert text.startswith(f"train_1.csv cannot be read by retraind's user {USER}: Permission denied.")
    for part in told:
        assert part in text
    os.chown(path, 0, 0)
    path.chmod(0o644)
    with somebody():
        assert share.settled().complete


def test_a_file_in_a_folder_that_cannot_be_entered_is_told_without_its_owner(public):
    share = public(mode="train-only", train="train/{key}", eval="eval/{key}")
    share.put("train/1.csv")
    (share.drop / "train").chmod(0o444)
    try:
        with somebody():
            view = share.settled()
    finally:
        (share.drop / "train").chmod(0o755)
    assert view.trouble or view.waiting or view.strangers, "nothing is passed over in silence"
    assert not view.complete
