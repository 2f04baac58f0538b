"""The drop-in for the unit: each folder, mount and key of the configuration, as systemd reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from retraind.cli import main
from retraind.cli.output import BAD, GOOD, USAGE
from support.process import somebody

UNIT = Path(__file__).parents[3] / "systemd" / "retraind.service"


@pytest.fixture
def dropin(tmp_path, capsys):
    """Return what is printed for a configuration: the exit code, the lines, and what is on standard error."""

    def make(text, *arguments):
        config = tmp_path / "config.toml"
        config.write_text(text)
        code = main(["systemd-dropin", "-c", str(config), *arguments])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err

    return make


def model(name, more=""):
    return f'[models.{name}]\ndrop = "/srv/drop/{name}"\ncredential = "{name}"\n{more}\n'


def key(folder, name):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("secret")
    return folder / name


def values(lines, directive):
    return [line.partition("=")[2] for line in lines if line.startswith(f"{directive}=")]


def test_each_folder_is_needed_as_a_mount_and_writable_and_each_key_is_passed(dropin, tmp_path):
    key(tmp_path / "keys", "churn"), key(tmp_path / "keys", "price.cred")
    code, lines, wrong = dropin(
        model("churn") + model("price", 'done = "/mnt/archive/price"'), "--keys", str(tmp_path / "keys")
    )
    assert (code, wrong) == (GOOD, "")
    assert values(lines, "RequiresMountsFor") == ["/srv/drop/churn", "/srv/drop/price", "/mnt/archive/price"]
    assert values(lines, "ReadWritePaths") == ["-/srv/drop/churn", "-/srv/drop/price", "-/mnt/archive/price"]
    assert values(lines, "LoadCredential") == [f"churn:{tmp_path}/keys/churn"]
    assert values(lines, "LoadCredentialEncrypted") == [f"price:{tmp_path}/keys/price.cred"]
    assert lines.index("[Unit]") < lines.index(f"RequiresMountsFor={'/srv/drop/churn'}")
    assert lines.index("[Service]") < lines.index("ReadWritePaths=-/srv/drop/churn")


def test_folders_that_files_arrive_in_may_be_mounts_of_their_own(dropin, tmp_path):
    more = 'train = "train/{key}"\neval = "eval/{key}"'
    _, lines, _ = dropin(model("churn", more), "--key", f"churn={key(tmp_path / 'keys', 'churn')}")
    folders = ["/srv/drop/churn", "/srv/drop/churn/train", "/srv/drop/churn/eval"]
    assert values(lines, "RequiresMountsFor") == folders
    assert values(lines, "ReadWritePaths") == ["-/srv/drop/churn"]


def test_a_state_that_is_elsewhere_is_writable_too(dropin, tmp_path):
    state = '[state]\nurl = "sqlite:////data/retraind/journal.db"\nspool = "/scratch/spool"\n'
    key(tmp_path / "keys", "churn")
    _, lines, _ = dropin(state + model("churn"), "--keys", str(tmp_path / "keys"))
    assert values(lines, "ReadWritePaths") == ["-/srv/drop/churn", "-/data/retraind", "-/scratch/spool"]


def test_the_folder_of_the_metrics_is_writable_and_no_mount_that_the_start_waits_for(dropin, tmp_path):
    metrics = '[metrics]\ntextfile = "/var/lib/prometheus/node-exporter/retraind.prom"\n'
    key(tmp_path / "keys", "churn")
    _, lines, _ = dropin(metrics + model("churn"), "--keys", str(tmp_path / "keys"))
    assert values(lines, "ReadWritePaths") == ["-/srv/drop/churn", "-/var/lib/prometheus/node-exporter"]
    assert values(lines, "RequiresMountsFor") == ["/srv/drop/churn"]


@pytest.mark.parametrize(
    ("drop", "line"),
    [
        ("/home/etl/churn", "ProtectHome=read-only"),
        ("/root/churn", "ProtectHome=read-only"),
        ("/tmp/churn", "PrivateTmp=false"),
        ("/var/tmp/churn", "PrivateTmp=false"),
    ],
)
def test_what_the_unit_hides_is_opened_for_what_lies_there(dropin, drop, line):
    text = model("churn").replace("/srv/drop/churn", drop).replace("credential", "api_key")
    _, lines, _ = dropin(text)
    assert line in lines
    _, lines, _ = dropin(model("churn").replace("credential", "api_key"))
    assert not {"ProtectHome=read-only", "PrivateTmp=false"}.intersection(lines)


@pytest.mark.parametrize("arguments", [(), ("--keys", "/nowhere"), ("--key", "churn=/nowhere/churn")])
def test_a_key_that_is_not_there_is_left_out_and_said(dropin, arguments):
    """With its line in the unit, the service could not start for any model."""
    code, lines, wrong = dropin(model("churn"), *arguments)
    assert code == BAD
    assert not values(lines, "LoadCredential")
    assert "churn" in wrong
    assert "--key churn=FILE" in wrong
    assert values(lines, "ReadWritePaths") == ["-/srv/drop/churn"], "the rest is of use"


def test_a_key_that_only_root_may_see_is_passed(disk, capsys):
    """The keys' folder is closed to the service's user, who may run the command too."""
    disk.chmod(0o755)
    config, keys = disk / "config.toml", disk / "keys"
    config.write_text(model("churn"))
    key(keys, "churn")
    keys.chmod(0)
    try:
        with somebody():
            assert main(["systemd-dropin", "-c", str(config), "--keys", str(keys)]) == GOOD
    finally:
        keys.chmod(0o700)
    assert values(capsys.readouterr().out.splitlines(), "LoadCredential") == [f"churn:{keys}/churn"]


@pytest.mark.parametrize("told", ["churn", "churn=", "churn=keys/churn"])
def test_a_key_without_a_full_path_is_a_mistake(dropin, told):
    code, lines, wrong = dropin(model("churn"), "--key", told)
    assert (code, lines) == (USAGE, [])
    assert told in wrong


@pytest.mark.parametrize(
    "name", ["churn", "a-b", ".hidden", "with blank", "顧客", "a.b:c_d", "100%", "back\\slash"]
)
def test_a_share_can_be_wanted_instead_of_required(dropin, tool, name):
    text = model("churn").replace("/srv/drop/churn", f"/srv/{name}").replace("credential", "api_key")
    _, lines, _ = dropin(text.replace("\\", "\\\\"), "--optional-mounts")
    escaped = subprocess.run(
        [tool("systemd-escape"), "--path", "--suffix=mount", f"/srv/{name}"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert values(lines, "Wants") == values(lines, "After") == [f"srv.mount {escaped}"]
    assert not values(lines, "RequiresMountsFor")


NAMES = ["with blank", "100%", "it's", 'the "new" one', "back\\slash", "顧客", "a;b", "#c", "a=b:c"]


def test_systemd_reads_every_path_as_it_is(dropin, tmp_path, tool):
    analyze = tool("systemd-analyze")
    keys = tmp_path / "keys 100%"
    text = ""
    for number, name in enumerate(NAMES):
        key(keys, f"m{number}")
        quoted = f"'/srv/{name}'" if "'" not in name else f'"/srv/{name}"'
        text += f'[models.m{number}]\ndrop = {quoted}\ncredential = "m{number}"\n'
    code, lines, wrong = dropin(text, "--keys", str(keys))
    assert (code, wrong) == (GOOD, "")
    program = tmp_path / "program"
    shutil.copy("/bin/true", program)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/retraind/bin/retraind", str(program)))
    (tmp_path / f"{UNIT.name}.d").mkdir()
    (tmp_path / f"{UNIT.name}.d" / "folders.conf").write_text("\n".join(lines))
    done = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False
    )
    said = [line for line in done.stderr.splitlines() if re.search(r"folders\.conf|retraind\.service", line)]
    assert (said, done.returncode) == ([], 0)


def test_a_path_that_no_unit_can_name_is_refused(dropin):
    text = model("churn").replace("/srv/drop/churn", "/srv/drop\\n/churn").replace("credential", "api_key")
    code, lines, wrong = dropin(text)
    assert code == USAGE
    assert not values(lines, "ReadWritePaths")
    assert "\\n" in wrong
