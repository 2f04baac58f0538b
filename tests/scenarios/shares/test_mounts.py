"""Shares that the daemon's own machine mounts, by the kernel's own clients for SMB and NFS.

The daemon runs on a machine of its own, whose state is in memory; the file server and the service are at the
other end of its wire.
"""

import sys
import time

import pytest

from scenarios.shares.conftest import hashes
from support.ledger import history
from support.network import HERE
from support.process import filed, until
from support.world import KEY, an_account, table

pytestmark = pytest.mark.timeout(300)
NFS = "vers=4.2,softerr,timeo=50,retrans=2,actimeo=1"
CIFS = "guest,vers=3.1.1,uid=0,gid=0,file_mode=0660,dir_mode=0770,soft,nobrl,actimeo=1"
NOBODY_ELSE, READ_ONLY_ACCESS = 0, 0x00120089
TRAIN, EVAL = table(400), table(20, 1)


class Served:
    """An installation on the guest, whose drop folder `folder` on this machine is shared."""

    def __init__(self, root, guest, service):
        self.root = root
        self.guest = guest
        self.folder = root / "served" / "churn"
        self.folder.mkdir(parents=True)
        self.log = root / "retraind.log"
        self.config = root / "config.toml"
        self.settings = (
            f'[api]\nbase_url = "{service.url}"\n'
            '[state]\nurl = "sqlite:////run/state/journal.db"\nspool = "/run/state/spool"\nkeep_free = 0\n'
            '[poll]\ninterval = "200ms"\n[work]\nretry_first = "100ms"\nretry_longest = "2s"\n'
            '[sweep]\ninterval = "300ms"\n'
            f'[models.churn]\ndrop = "/run/share/churn"\napi_key_file = "{root}/key"\n'
        )
        (root / "key").touch(0o600)
        (root / "key").write_text(KEY)

    def retraind(self, *words):
        return f"exec {sys.executable} -m retraind {' '.join(words)} -c {self.config}"

    def start(self, more='settle = "2s"\n'):
        self.config.write_text(self.settings + more)
        before = len(self.log.read_text()) if self.log.exists() else 0
        self.guest.start(f"{self.retraind('run')} 2>>{self.log}")
        until(lambda: self.log.exists() and '"ready"' in self.log.read_text()[before:], "the daemon is ready")

    def is_trained(self, *contents):
        until(lambda: hashes(*contents) in self.trained(), "the delivery is trained", 40)
        until(lambda: not list(self.folder.glob(".retraind/*Z_*")), "the job is filed", 40)
        assert {path.parent.name for path in filed(self.folder)} == {"done"}

    def status(self):
        path = self.folder / "STATUS.txt"
        return path.read_text("utf-8-sig") if path.exists() else ""

    def trained(self):
        found = history(self.root / "service").started
        assert all(len(jobs) == 1 for jobs in found.values())
        return {content[1:] for content in found}


@pytest.fixture
def served(root, wire, guest):
    with wire.entered():
        service = an_account(root, host=HERE, any_address=True)
        service.start()
    yield Served(root, guest, service)
    service.stop()


@pytest.fixture
def share(served, samba):
    """The folder above the drop folder, shared by Samba and mounted by the guest."""
    made = samba(served.root / "served")
    served.guest.mount("cifs", "//{}/drop", CIFS)
    return made


def both(share):
    share.put("churn/train_1.csv", TRAIN)
    share.put("churn/eval_1.csv", EVAL)


def test_a_delivery_on_a_mounted_smb_share_is_trained_once_its_writer_lets_others_move_it(served, share):
    served.start()
    share.put("churn/eval_1.csv", EVAL)
    share.does("setmode churn/eval_1.csv +rsh")
    with share.holder() as writer:
        file = writer.open("churn/train_1.csv", ShareAccess=NOBODY_ELSE)
        writer.write(file, TRAIN)
        until(lambda: "train_1.csv: Device or resource busy" in served.status(), "it is told", 40)
        assert not served.trained()
        writer.close(file)
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_a_file_that_is_filled_after_its_time_was_set_back_is_trained_whole(served, share):
    served.start()
    share.put("churn/eval_1.csv", EVAL)
    with share.holder("1") as writer:
        file = writer.open("churn/train_1.csv")
        writer.set_size(file, len(TRAIN))
        share.does("utimes churn/train_1.csv -1 -1 2001:02:03-04:05:06 -1")
        for offset in range(0, len(TRAIN), 250):
            time.sleep(0.8)
            writer.write(file, TRAIN[offset : offset + 250], offset)
        writer.close(file)
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_a_viewer_of_status_txt_keeps_nothing_but_it_waiting(served, share):
    served.start()
    until(served.status, "there is a STATUS.txt")
    with share.holder() as viewer:
        viewer.open("churn/STATUS.txt", ShareAccess=NOBODY_ELSE, DesiredAccess=READ_ONLY_ACCESS)
        both(share)
        served.is_trained(TRAIN, EVAL)
    share.put("churn/train_2.csv", TRAIN)
    until(lambda: "train_2.csv" in served.status(), "it is up to date again", 40)


@pytest.mark.long
def test_a_server_that_hangs_is_told_and_forgotten(served, share):
    served.start()
    share.put("churn/train_1.csv", TRAIN)
    until(lambda: "train_1.csv" in served.status(), "it is seen")
    share.freeze()
    time.sleep(3)
    code, said = served.guest.run(served.retraind("status"))
    assert code == 1
    assert "The share does not answer" in said
    share.freeze(False)
    share.put("churn/eval_1.csv", EVAL)
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_a_server_that_is_started_again_costs_a_try(served, share):
    served.start()
    both(share)
    time.sleep(1.5)
    share.off()
    time.sleep(5)
    share.on()
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_inode_numbers_that_the_client_invents_let_files_settle(served, samba):
    share = samba(served.root / "served")
    served.guest.mount("cifs", "//{}/drop", CIFS + ",noserverino")
    served.start()
    both(share)
    served.is_trained(TRAIN, EVAL)


@pytest.fixture
def export(served, ganesha):
    """The folder above the drop folder, exported by NFS and mounted by the guest."""
    made = ganesha(served.root / "served")
    served.guest.mount("nfs", "{}:/drop", NFS)
    return made


def test_a_delivery_on_a_mounted_nfs_export_is_trained(served, export):
    served.start()
    both(export)
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_a_file_that_grows_on_the_nfs_server_is_trained_whole(served, export):
    """The client asks for its size once in `actimeo`, which is shorter than `settle`."""
    served.start()
    export.put("churn/eval_1.csv", EVAL)
    with (served.folder / "train_1.csv").open("wb") as file:
        for offset in range(0, len(TRAIN), 500):
            file.write(TRAIN[offset : offset + 500])
            file.flush()
            time.sleep(0.8)
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_an_nfs_server_that_hangs_is_told_and_forgotten(served, export):
    served.start()
    export.put("churn/train_1.csv", TRAIN)
    until(lambda: "train_1.csv" in served.status(), "it is seen")
    export.freeze()
    time.sleep(3)
    code, said = served.guest.run(served.retraind("status"))
    assert code == 1
    assert "The share does not answer" in said
    export.freeze(False)
    export.put("churn/eval_1.csv", EVAL)
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
def test_an_nfs_server_that_is_started_again_costs_a_try(served, export):
    served.start()
    both(export)
    time.sleep(1.5)
    export.off()
    time.sleep(5)
    export.on()
    served.is_trained(TRAIN, EVAL)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cifs", "nfs"])
def test_a_stop_ends_in_time_though_a_hard_mount_hangs(served, samba, ganesha, kind):
    """Unlike with FUSE, a kill does end threads that wait for these."""
    server = (samba if kind == "cifs" else ganesha)(served.root / "served")
    hard = {"cifs": CIFS.replace("soft", "hard"), "nfs": "vers=4.2,hard,actimeo=1"}[kind]
    served.guest.mount(kind, "//{}/drop" if kind == "cifs" else "{}:/drop", hard)
    served.start()
    server.put("churn/train_1.csv", TRAIN)
    until(lambda: "train_1.csv" in served.status(), "it is seen")
    server.freeze()
    time.sleep(3)
    code, said = served.guest.run(
        "pid=$(pgrep -f 'retraind run'); kill $pid; timeout 60 tail --pid=$pid -f /dev/null", 80
    )
    assert code == 0, said
    server.freeze(False)
    server.put("churn/eval_1.csv", EVAL)
    served.start()
    served.is_trained(TRAIN, EVAL)
