"""Drop folders as containers get them: a bind mount of the host's folder, and a layer over an image's folder."""

import os
import subprocess

import pytest

from scenarios.shares.conftest import hashes
from support.process import until
from support.world import table

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount"),
]
TRAIN, EVAL = table(400), table(20, 1)


def bind(folder, outside):
    subprocess.run(["mount", "--bind", outside, folder], check=True)


def layer(folder, outside):
    """What is in `outside` belongs to the image: it is read from there, and copied once it is changed."""
    above = outside.parent / "above"
    (above / "files").mkdir(parents=True)
    (above / "work").mkdir()
    options = f"lowerdir={outside},upperdir={above}/files,workdir={above}/work"
    subprocess.run(["mount", "--types", "overlay", "overlay", "--options", options, folder], check=True)


@pytest.fixture(params=[bind, layer], ids=lambda kind: kind.__name__)
def volume(request, dropped, root):
    drop = dropped()
    outside = root / "outside"
    outside.mkdir()
    (outside / "train_1.csv").write_bytes(TRAIN)
    try:
        request.param(drop.folder, outside)
    except subprocess.CalledProcessError:
        pytest.skip("this machine does not allow the mount")
    yield drop
    drop.site.kill()
    subprocess.run(["umount", drop.folder], check=True)


def test_files_of_the_volume_and_files_that_come_later_are_one_delivery(volume):
    volume.site.start()
    until(lambda: "eval_1.csv" in volume.status(), "STATUS.txt says what is missing")
    (volume.folder / ".eval").write_bytes(EVAL)
    (volume.folder / ".eval").rename(volume.folder / "eval_1.csv")
    until(lambda: hashes(TRAIN, EVAL) in volume.trained(), "the delivery is trained")
    until(lambda: list(volume.folder.glob("done/*/RESULT.txt")), "the job is filed")
    assert not list(volume.folder.glob("*_1.csv"))


@pytest.mark.quick
def test_a_folder_of_the_volume_serves_as_a_folder_for_each_role(dropped, root):
    drop = dropped('settle = "500ms"\ntrain = "train/{key}"\neval = "eval/{key}"')
    for role, content in (("train", TRAIN), ("eval", EVAL)):
        (root / "outside" / role).mkdir(parents=True)
        (root / "outside" / role / "1.csv").write_bytes(content)
    try:
        layer(drop.folder, root / "outside")
    except subprocess.CalledProcessError:
        pytest.skip("this machine does not allow the mount")
    try:
        drop.site.start()
        until(lambda: hashes(TRAIN, EVAL) in drop.trained(), "the delivery is trained")
        until(lambda: list(drop.folder.glob("done/*/RESULT.txt")), "the job is filed")
    finally:
        drop.site.kill()
        subprocess.run(["umount", drop.folder], check=True)


def test_what_the_host_puts_behind_the_volume_is_found_by_the_sweep(dropped, root):
    """A layer's files that change behind it send no events to whoever watches the folder."""
    drop = dropped()
    outside, behind = root / "outside", root / "above" / "files"
    outside.mkdir()
    try:
        layer(drop.folder, outside)
    except subprocess.CalledProcessError:
        pytest.skip("this machine does not allow the mount")
    try:
        drop.site.start()
        until(drop.status, "the folder is watched")
        for name, content in (("train_1.csv", TRAIN), ("eval_1.csv", EVAL)):
            (behind / f".{name}").write_bytes(content)
            (behind / f".{name}").rename(behind / name)
        until(lambda: hashes(TRAIN, EVAL) in drop.trained(), "the delivery is trained")
        until(lambda: list(drop.folder.glob("done/*/RESULT.txt")), "the job is filed")
    finally:
        drop.site.kill()
        subprocess.run(["umount", drop.folder], check=True)
