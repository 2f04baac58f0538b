"""The file of `api.ca_bundle`, on a share that hangs."""

from pathlib import Path

import pytest

from retraind.api.certificates import Certificates, CertificatesUnreadable
from retraind.domain.failures import Retry
from retraind.system.remote.helpers import HELPERS
from support.faulty import Rule, mounting

HANGS = Rule(("getattr", "open", "read"), answer="hang")


@pytest.fixture
def share(tmp_path, monkeypatch):
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 0.5)
    monkeypatch.setattr("retraind.api.certificates._FRESH_FOR", 0.0)
    HELPERS.end_all()
    with mounting() as mounted:
        yield mounted(tmp_path / "disk", tmp_path / "share")
    HELPERS.end_all()


def test_what_was_read_once_is_used_while_its_share_hangs(emulate, connect, certificates, share):
    url = emulate(certificate=certificates[0]).url
    (share.folder / "ca.pem").write_bytes(certificates[1].read_bytes())
    share.tell(HANGS)
    file = share.point / "ca.pem"
    with pytest.raises(Retry) as raised:
        connect(url, ca_bundle=file).register("train.csv", "key-of-churn")
    assert raised.value.problem.code == "certificates_unreadable"
    assert raised.value.problem.facts["file"] == str(file)
    share.tell()
    HELPERS.end_all()
    assert connect(url, ca_bundle=file).register("train.csv", "key-of-churn")
    share.tell(HANGS)
    assert connect(url, ca_bundle=file).register("train.csv", "key-of-churn"), "over a connection of its own"
    assert share.struck()


def test_other_certificates_count_soon_and_connections_with_the_earlier_ones_go_on(share):
    (share.folder / "ca.pem").write_bytes(b"first")
    certificates = Certificates(share.point / "ca.pem")
    first = certificates.path()
    assert certificates.path() == first
    (share.folder / "ca.pem").write_bytes(b"second")
    second = certificates.path()
    assert [Path(path).read_bytes() for path in (first, second)] == [b"first", b"second"]
    (share.folder / "ca.pem").unlink()
    assert certificates.path() == second
    with pytest.raises(CertificatesUnreadable):
        Certificates(share.point / "ca.pem").path()


def test_a_local_file_is_named_itself(tmp_path):
    (tmp_path / "ca.pem").touch()
    assert Certificates(tmp_path / "ca.pem").path() == str(tmp_path / "ca.pem")
