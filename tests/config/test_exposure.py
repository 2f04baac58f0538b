"""What of a configuration others can reach: the README's own set-ups, and what resembles them."""

import grp
import os
import pwd
from pathlib import Path

import pytest

from retraind.config.exposure import exposures
from retraind.config.load import load_to_look
from support.namespaces import as_private_users, reachable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

SERVICE, SOMEBODY, GROUP = "daemon", "bin", "games"
"""Accounts that each Debian has: the service's user and group, another user with a group of theirs, a group."""


def give(path: Path, owner: str, group: str, mode: int) -> Path:
    os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
    path.chmod(mode)
    return path


@pytest.fixture
def site(tmp_path):
    """An installation as the README makes it, with a proxy's password in the configuration."""
    reachable(tmp_path)
    for name, mode in (("drop", 0o3770), ("state", 0o700), ("gates", 0o755)):
        (tmp_path / name).mkdir()
        give(tmp_path / name, *(("root", "root") if name == "gates" else (SERVICE, SERVICE)), mode)
    (tmp_path / "key").write_text("key-of-churn-0123456789")
    give(tmp_path / "key", "root", SERVICE, 0o640)
    (tmp_path / "gates" / "gate.py").write_text("#!/usr/bin/python3\n")
    give(tmp_path / "gates" / "gate.py", "root", "root", 0o755)
    (tmp_path / "ca.pem").touch()
    give(tmp_path / "ca.pem", "root", "root", 0o644)
    (tmp_path / "config.toml").write_text(
        f'[api]\nproxy = "http://me:s3cret-word@proxy:3128"\nca_bundle = "{tmp_path}/ca.pem"\n'
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/state/spool"\n'
        f'[models.churn]\ndrop = "{tmp_path}/drop"\napi_key_file = "{tmp_path}/key"\n'
        f'switch = "gate"\ngate = "python3 {tmp_path}/gates/gate.py /etc/passwd"\n'
    )
    give(tmp_path / "config.toml", "root", SERVICE, 0o640)
    return tmp_path


CASES = [
    # what, its owner, group and mode; what the service sees under PrivateUsers=, and what root sees
    ("the README's set-up", "key", "root", SERVICE, 0o640, [], []),
    ("a key for the service alone", "key", SERVICE, SERVICE, 0o600, [], []),
    ("a key for everybody", "key", "root", SERVICE, 0o644, ["key_file_exposed"], ["key_file_exposed"]),
    ("a key for a group", "key", "root", GROUP, 0o640, ["key_file_exposed"], ["key_file_exposed"]),
    ("a configuration for a group", "config.toml", "root", GROUP, 0o640, ["secrets_exposed"], ["secrets_exposed"]),
    ("a configuration for everybody", "config.toml", "root", "root", 0o644, ["secrets_exposed"], ["secrets_exposed"]),
    ("a configuration that a group changes", "config.toml", "root", GROUP, 0o660,
     ["file_changeable", "secrets_exposed"], ["file_changeable", "secrets_exposed"]),
    ("certificates that everybody changes", "ca.pem", "root", "root", 0o666, ["file_changeable"], ["file_changeable"]),
    ("a gate that everybody changes", "gates/gate.py", SOMEBODY, SOMEBODY, 0o777, ["file_changeable"], ["file_changeable"]),
    ("somebody's gate, whose umask is 002", "gates/gate.py", SOMEBODY, SOMEBODY, 0o775, [], []),
    ("somebody's gate, for a group: root alone sees it", "gates/gate.py", SOMEBODY, GROUP, 0o775, [], ["file_changeable"]),
    ("a gate of the service's, for a group", "gates/gate.py", SERVICE, GROUP, 0o775, ["file_changeable"], ["file_changeable"]),
    ("a gate in everybody's folder", "gates", "root", "root", 0o777, ["file_changeable"], ["file_changeable"]),
    ("a gate in everybody's folder with the sticky bit", "gates", "root", "root", 0o1777, [], []),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=[row[0] for row in CASES])
def test_what_the_service_and_root_see(site, row):
    _, name, owner, group, mode, service_sees, root_sees = row
    give(site / name, owner, group, mode)
    settings, config, *_ = load_to_look(site / "config.toml")

    def codes():
        return sorted(each.code for each in exposures(settings, config).problems)

    assert codes() == root_sees
    service = pwd.getpwnam(SERVICE).pw_uid
    groups = [grp.getgrnam(GROUP).gr_gid]
    assert as_private_users(service, codes, groups) == repr(service_sees)


def test_kubernetes_gives_keys_to_a_group_without_a_name(site):
    """A volume of a secret with defaultMode 0400 and fsGroup: the container's user is in that group."""
    settings, config, *_ = load_to_look(site / "config.toml")
    for path in (site / "key", site / "config.toml"):
        os.chown(path, 0, 54_321)
        path.chmod(0o440)
    service = pwd.getpwnam(SERVICE).pw_uid

    def codes():
        return [each.code for each in exposures(settings, config).problems]

    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([54_321])
            os.setresgid(service, service, service)
            os.setresuid(service, service, service)
            os._exit(len(codes()))
        except BaseException:  # noqa: BLE001 - the exit code tells
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(codes()) == 2, "root's service is in no such group"
