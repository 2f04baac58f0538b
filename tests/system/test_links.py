"""How many names a file has in its folder."""

import errno
import os
from pathlib import Path

import pytest

from retraind.system import links
from retraind.system.links import hidden_names, listed_names, names_beside
from retraind.system.mounts import type_of_device


@pytest.fixture
def ntfs(monkeypatch):
    """Let all file systems be NTFS by the kernel's driver, which shows no short names."""
    monkeypatch.setattr(links, "type_of_device", lambda _device: "ntfs3")


def put(folder, name, *others):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("x")
    for other in others:
        other.parent.mkdir(exist_ok=True)
        os.link(path, other)
    return path.stat()


def test_names_in_the_same_folder_are_counted_and_others_are_not(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    status = put(here, "train_1.csv", here / "train_1.bak", there / "other.csv")
    assert status.st_nlink == 3
    assert listed_names(here)[status.st_ino] == 2
    assert listed_names(tmp_path, "here")[status.st_ino] == 2
    assert names_beside(here, "train_1.csv", status) == 2
    assert names_beside(tmp_path, "here/train_1.csv", status) == 2
    assert names_beside(there, "other.csv", status) == 1


def test_a_folder_that_was_exchanged_for_a_link_is_not_read(tmp_path):
    put(tmp_path / "there", "x")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    with pytest.raises(OSError, match="Not a directory") as caught:
        listed_names(tmp_path, "here")
    assert caught.value.errno in {errno.ENOTDIR, errno.ELOOP}


@pytest.mark.usefixtures("ntfs")
@pytest.mark.parametrize(
    ("name", "hidden"),
    [("train_2026-11.csv", 1), ("job.json", 1), ("売上.csv", 1), ("a b.csv", 1), ("TRAIN.CSV", 0), ("train_1.csv", 0), ("12345678", 0)],
)  # fmt: skip
def test_on_ntfs_a_name_that_is_not_short_has_a_short_one(tmp_path, name, hidden):
    assert hidden_names(tmp_path, name, put(tmp_path, name)) == hidden


def test_on_other_file_systems_no_name_is_hidden(tmp_path):
    assert hidden_names(tmp_path, "train_2026-11.csv", put(tmp_path, "train_2026-11.csv")) == 0


def test_the_type_of_a_file_system_is_known_by_its_device(tmp_path):
    assert type_of_device(Path("/proc").stat().st_dev) == "proc"
    assert type_of_device(os.makedev(4_000, 4_000)) is None
