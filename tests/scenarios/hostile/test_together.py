"""Everything at once, against the daemon as users run it: one folder is attacked, and its neighbour never
notices."""

import os
import socket

import pytest

from retraind.emulator import read_records
from support.process import deliver, filed, until
from support.world import an_account, key_of, table

NAMES = ("attacked", "other")


@pytest.fixture
def service(tmp_path):
    with an_account(tmp_path, *NAMES) as emulator:
        yield emulator


@pytest.fixture
def site(site):
    for name in NAMES:
        site.add_model(name, key_of(name), 'settle = "0s"')
    return site


def haunt(drop, victim):
    """Plant what somebody who may write to a folder can plant."""
    (drop / "train_link.csv").symlink_to(victim.file)
    (drop / "train_hard.csv").hardlink_to(victim.file)
    (drop / "train_loop.csv").symlink_to("train_loop.csv")
    (drop / "train_folder.csv").mkdir()
    os.mkfifo(drop / "train_fifo.csv")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(drop / "s.csv"))
    (drop / "s.csv").rename(drop / "train_socket.csv")
    (drop / "train_huge.csv").touch()
    os.truncate(drop / "train_huge.csv", 1 << 42)
    for name in (b"train_\xff\xfe.csv", b"train_\x1b]0;x\x07\xe2\x80\xae.csv", b"train_$(reboot);`id`.csv"):
        with open(os.fsencode(drop) + b"/" + name, "wb") as file:  # noqa: PTH123 - the names are bytes
            file.write(b"one\n1\n")
    for place in ("done", "failed"):
        (drop / place).symlink_to(victim.folder)
    (drop / "STATUS.txt").symlink_to(victim.file)
    (drop / ".STATUS.txt.tmp").mkdir()
    for number, text in enumerate(("[" * 200_000, '{"seal": "\u00e9", "job": "{}"}', "\0")):
        folder = drop / ".retraind" / f"2026-01-01T00000{number}Z_x_abcdef"
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(text)
    (drop / ".retraind" / "2026-01-01T000009Z_x_abcdef").symlink_to(victim.folder)
    os.mkfifo(drop / ".retraind" / "fifo")


def puts(root):
    return [record for record in read_records(root / "service") if record["event"] == "put_received"]


@pytest.mark.timeout(90)
def test_a_haunted_folder_costs_its_neighbour_nothing(site, tmp_path, victim, monkeypatch):
    monkeypatch.chdir(tmp_path)
    attacked, other = (tmp_path / "share" / name for name in NAMES)
    haunt(attacked, victim)
    for role, content in (("train", table()), ("eval", table(20))):
        deliver(attacked, f"{role}_real.csv", content)
        deliver(other, f"{role}_1.csv", content)
    site.start(wait=False)
    try:
        until(lambda: filed(other), "the neighbour's delivery is filed")
        until(lambda: len(puts(tmp_path)) == 2, "the real delivery among the others is sent as well")
        status = (attacked / "STATUS.txt").read_text("utf-8-sig").replace("\n    ", " ")
    finally:
        assert site.stop() == 0
    victim.assert_unharmed()
    (folder,) = filed(other)
    assert folder.parent.name == "done"
    sent = b"".join(path.read_bytes() for path in (tmp_path / "service" / "objects").glob("*/upload-*"))
    assert b"salary" not in sent
    for name in (
        "train_link.csv",
        "train_hard.csv",
        "train_fifo.csv",
        "train_socket.csv",
        "train_folder.csv",
    ):
        assert f"{name}: It " in status
    assert not (attacked / "STATUS.txt").is_symlink()
