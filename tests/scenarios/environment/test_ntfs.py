"""Drop folders on NTFS, whose files have a second, short name that counts as a hard link."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from support.process import Site, deliver
from support.world import KEY, table


@pytest.fixture
def ntfs(tmp_path, tool):
    """A mounted file system."""
    make, mount, unmount = tool("mkntfs"), tool("ntfs-3g"), tool("fusermount3")
    if os.geteuid() or not Path("/dev/fuse").exists():
        pytest.skip("mounting requires root and FUSE")
    image, point = tmp_path / "image", tmp_path / "share"
    image.touch()
    os.truncate(image, 16 << 20)
    subprocess.run([make, "-F", "-Q", image], check=True, capture_output=True)
    point.mkdir()
    subprocess.run([mount, image, point], check=True, capture_output=True)
    yield point
    for _ in range(50):
        if not subprocess.run([unmount, "-u", point], check=False, capture_output=True).returncode:
            break
        time.sleep(0.1)


def short(path, name):
    """Give a file the short name that Windows gives it."""
    os.setxattr(path, "system.ntfs_dos_name", name.encode(), follow_symlinks=False)
    assert path.stat().st_nlink > 1


def test_a_delivery_whose_files_have_short_names_is_taken_and_filed(site: Site, ntfs):
    drop = site.add_model("churn", KEY, 'settle = "100ms"')
    assert drop.is_relative_to(ntfs)
    for number, name in enumerate(("train_2026-11.csv", "eval_2026-11.csv")):
        deliver(drop, name, table(offset=number))
        short(drop / name, f"{name[:5].upper().strip('_')}~1.CSV")
    assert site.once() == 0
    (folder,) = (drop / "done").iterdir()
    assert {"train_2026-11.csv", "eval_2026-11.csv", "RESULT.txt"} <= {path.name for path in folder.iterdir()}
    assert not list(drop.glob("*.csv"))


@pytest.mark.quick
def test_a_file_with_a_name_elsewhere_is_left_alone_there_too(site: Site, ntfs):
    drop = site.add_model("churn", KEY, 'settle = "100ms"\nmode = "train-only"')
    (ntfs / "salaries_2026.csv").write_bytes(table())
    short(ntfs / "salaries_2026.csv", "SALARI~1.CSV")
    os.link(ntfs / "salaries_2026.csv", drop / "train_2026-11.csv")
    assert site.once() == 0
    assert (drop / "train_2026-11.csv").exists()
    assert "hard link" in site.command("status").stdout
