"""File servers as they are: Samba, sshd with sshfs, and NFS-Ganesha, each with a network or keys of its own."""

import hashlib
from contextlib import ExitStack

import pytest

from support import ganesha as nfs
from support import guest as machine
from support import network
from support import samba as smb
from support import sshfs as ssh
from support.ledger import history
from support.process import Site, free_port
from support.world import KEY, an_account


class Drop:
    """An installation with one model, churn, whose drop folder is shared."""

    def __init__(self, root, service, more):
        self.site = Site(root, service.url, sweep='[sweep]\ninterval = "200ms"')
        self.service = service
        self.folder = self.site.add_model("churn", KEY, more)

    def trained(self):
        """Return what the service has trained with: the hashes of training and evaluation data, each once."""
        found = history(self.site.root / "service").started
        assert all(len(jobs) == 1 for jobs in found.values())
        return {content[1:] for content in found}

    def in_work(self):
        """Return what lies in the folders of jobs that are not filed."""
        return list((self.folder / ".retraind").glob("*Z_*"))

    def status(self):
        path = self.folder / "STATUS.txt"
        return path.read_text("utf-8-sig") if path.exists() else ""


def hashes(*contents):
    """Return what `trained` holds for these contents."""
    return tuple(hashlib.sha256(content).hexdigest() for content in contents)


@pytest.fixture
def root(disk):
    """A folder whose file system has attributes with names, and leases, as those that are shared have."""
    return disk


@pytest.fixture
def dropped(root):
    """Make an installation whose model has these further settings."""
    with ExitStack() as ending:
        service = ending.enter_context(an_account(root, port=free_port()))

        def made(more='settle = "500ms"'):
            drop = Drop(root, service, more)
            ending.callback(drop.site.kill)
            return drop

        yield made


@pytest.fixture
def wire(tool):
    """A network of the test's own."""
    for name in network.NEEDED:
        tool(name)
    made = network.Network()
    yield made
    made.close()


@pytest.fixture
def samba(tool, wire):
    """Export a folder by Samba, with further options of the share."""
    for name in smb.NEEDED:
        tool(name)
    if not smb.has_client():
        tool("python3-samba")
    with ExitStack() as ending:

        def exported(folder, *options):
            made = smb.Samba(wire, folder, *options)
            ending.callback(made.close)
            return made.on()

        yield exported


@pytest.fixture
def ganesha(tool, wire):
    """Export a folder by NFS."""
    for name in nfs.NEEDED:
        tool(name)
    with ExitStack() as ending:

        def exported(folder):
            made = nfs.Ganesha(wire, folder)
            ending.callback(made.close)
            return made.on()

        yield exported


@pytest.fixture
def sshfs(tool):
    """Mount a folder by sshfs, with further options of the mount."""
    for name in ssh.NEEDED:
        tool(name)
    with ExitStack() as ending:

        def mounted(folder, point, *options):
            made = ssh.Sshfs(folder, point, *options)
            ending.callback(made.close)
            return made.on()

        yield mounted


@pytest.fixture
def guest(tool, wire):
    """A machine of its own at the other end of the wire."""
    for name in machine.NEEDED:
        tool(name)
    made = machine.Guest(wire)
    yield made
    made.close()
