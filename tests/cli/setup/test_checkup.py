"""What `retraind check` finds wrong before anything goes wrong."""

import json
import os
import pwd
import sys
from datetime import UTC, datetime, timedelta

import pytest

from retraind.cli.setup.checkup import checkup
from retraind.config.exposure import exposures
from retraind.config.settings import Settings
from retraind.domain.problems import problem
from retraind.jobs.expiry import size_of
from retraind.system.mounts import mounts
from retraind.system.service.units import read_unit
from support.gates import FLAWED
from support.peers import Peer, answer
from support.process import Site
from support.world import a_world, table


@pytest.fixture
def told_of_the_gate(tmp_path):
    """Return what is said of a gate."""
    (tmp_path / "drop").mkdir()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("k")

    def check(gate):
        model = {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key", "switch": "gate", "gate": gate}
        state = {"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"}
        findings = checkup(Settings(models={"churn": model}, state=state), online=False)
        (found,) = (finding for finding in findings if finding.subject == "models.churn.gate")
        return found

    return check


def test_windows_the_rate_and_companies_holidays_are_checked(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("k")
    holidays = tmp_path / "holidays.txt"

    def told(**more):
        settings = Settings(
            state={"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"},
            work={"upload_rate": "20 MB/s"},
            models={"churn": {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key", **more}},
        )
        return {each.subject: each for each in checkup(settings, online=False)}

    found = told(upload_window=["mon-wed UTC", "thu-sun UTC"])
    assert found["work.upload_rate"].text == "All uploads together send at most 20 MB/s."
    assert found["models.churn.upload_window"].text == "The window is open now."
    now = datetime.now(UTC)
    opens = (now + timedelta(days=2)).replace(hour=0, minute=0, second=0)
    found = told(upload_window=f"{opens:%a}".lower() + " UTC")
    assert found["models.churn.upload_window"].text == f"The window opens on {opens:%Y-%m-%d} 00:00:00 UTC."
    window = {"upload_window": "business-days JP", "upload_holidays": holidays}
    expect = {"every": "day", "by": "09:00", "calendar": "JP", "closed": holidays}
    found = told(**window, expect=expect)
    for key in ("upload_holidays", "expect.closed"):
        assert not found[f"models.churn.{key}"].good
        assert str(holidays) in found[f"models.churn.{key}"].text
    holidays.write_text("29.12.2026\n")
    assert 'Line 1 has "29.12.2026"' in told(**window)["models.churn.upload_holidays"].text
    holidays.write_text("".join(f"{now.date() + timedelta(days=each)}\n" for each in range(-2, 500)))
    never = told(**window)["models.churn.upload_window"]
    assert not never.good
    assert "does not open within a year" in never.text


def test_models_that_have_the_same_key_are_told_since_they_retrain_the_same_model(tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name, content in {"one": "key-1", "copy": "key-1", "account": "secret-1"}.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(content)
    keys = {
        "a": {"api_key_file": tmp_path / "one"},
        "b": {"api_key_file": tmp_path / "copy"},
        "c": {"secret_key_file": tmp_path / "account", "model_id": 1},
        "d": {"secret_key_file": tmp_path / "account", "model_id": 2},
        "e": {"secret_key_file": tmp_path / "account", "model_id": 1},
        "f": {"credential": "f"},
        "g": {"credential": "f"},
        "h": {"api_key_file": tmp_path / "none"},
        "i": {"api_key_file": tmp_path / "none"},
    }
    for name in keys:
        (tmp_path / f"drop-{name}").mkdir()
    settings = Settings(
        state={"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"},
        models={name: {"drop": tmp_path / f"drop-{name}", **key} for name, key in keys.items()},
    )
    told = [each for each in checkup(settings, online=False) if each.problem.code == "key_shared"]
    assert [(each.problem.facts["model"], each.problem.facts["other"]) for each in told] == [
        ("b", "a"),
        ("e", "c"),
        ("g", "f"),
    ]
    assert all(each.warning and each.good for each in told)


def test_what_helps_against_an_answer_that_makes_no_sense_is_told_with_the_models_name(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("a-key")
    peer = Peer([answer(400, '{"message": "This model may be deleted."}')])
    try:
        settings = Settings(
            api={"base_url": peer.url},
            state={"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"},
            models={"churn": {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key"}},
        )
        found = checkup(settings, online=True)[-1]
    finally:
        peer.stop()
    assert not found.good
    assert "model may have been deleted" in found.text
    assert found.text.endswith("retraind release churn")


def told_of(tmp_path, word, **model):
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("k")
    state = {"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"}
    models = {"churn": {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key", **model}}
    findings = checkup(Settings(models=models, state=state), online=False)
    return [finding for finding in findings if finding.subject == f"models.churn.{word}"]


def test_a_variable_that_sets_nothing_is_a_warning(tmp_path, monkeypatch):
    (tmp_path / "drop").mkdir()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("k")
    monkeypatch.setenv("RETRAIND_PORT", "tcp://10.0.0.1:80")
    settings = Settings(
        state={"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"},
        models={"churn": {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key"}},
    )
    (found,) = (each for each in checkup(settings, online=False) if each.subject == "RETRAIND_PORT")
    assert found.good
    assert found.warning
    assert "Kubernetes" in found.text


@pytest.mark.parametrize("missing", [False, True])
def test_a_missing_package_that_makes_checks_fast_is_a_warning(tmp_path, monkeypatch, missing):
    (tmp_path / "drop").mkdir()
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("k")
    if missing:
        monkeypatch.setitem(sys.modules, "re2", None)
    settings = Settings(
        state={"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"},
        models={"churn": {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key"}},
    )
    found = [each for each in checkup(settings, online=False) if each.subject == "google-re2"]
    assert [(each.good, each.warning) for each in found] == [(True, True)] * missing


def test_a_link_that_is_not_followed_when_a_job_is_filed_is_told(tmp_path):
    (tmp_path / "drop").mkdir()
    assert told_of(tmp_path, "done") == []
    (tmp_path / "archive").mkdir()
    (tmp_path / "drop" / "done").symlink_to(tmp_path / "archive")
    (found,) = told_of(tmp_path, "done")
    assert not found.good
    assert f'write done = "{tmp_path}/archive"' in found.text
    (tmp_path / "link").symlink_to(tmp_path / "archive")
    for elsewhere in ("link", "drop/../archive"):
        assert told_of(tmp_path, "done", done=tmp_path / elsewhere) == []


def test_a_gate_that_is_not_there_is_told(told_of_the_gate):
    found = told_of_the_gate("/opt/no-such-gate --strict")
    assert not found.good
    assert found.problem == problem("gate_program_missing", program="/opt/no-such-gate")


def test_a_gate_that_is_there_is_fine(told_of_the_gate):
    assert told_of_the_gate("true").good


@pytest.mark.parametrize("flawed", FLAWED)
def test_a_gate_whose_file_cannot_be_run_is_told_with_its_cause(told_of_the_gate, tmp_path, flawed):
    content, code, words = FLAWED[flawed]
    gate = tmp_path / "gate"
    gate.write_bytes(content)
    gate.chmod(0o755)
    found = told_of_the_gate(str(gate))
    assert not found.good
    assert found.problem.code == code
    assert words in found.text
    assert str(gate) in found.text


def test_a_gate_that_is_not_executable_is_told_as_that(told_of_the_gate, tmp_path):
    gate = tmp_path / "gate"
    gate.write_text("#!/bin/sh\n")
    gate.chmod(0o644)
    assert f"chmod +x {gate}" in told_of_the_gate(str(gate)).text


@pytest.mark.parametrize("by", ["itself", "an interpreter"])
def test_a_gate_that_everybody_may_change_is_told(told_of_the_gate, tmp_path, by):
    """It is run with the service's rights, so whoever may change it has these."""
    gate = tmp_path / "gate.py"
    gate.write_text("#!/bin/sh\n")
    gate.chmod(0o777)
    command = str(gate) if by == "itself" else f"sh {gate}"
    found = told_of_the_gate(command)
    assert not found.good
    assert f"chmod o-w {gate}, or" in found.text
    gate.chmod(0o755)
    assert told_of_the_gate(command).good


def test_a_drop_folder_of_the_services_without_the_sticky_bit_is_told(tmp_path):
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop").chmod(0o2770)
    _, found = told_of(tmp_path, "drop")
    assert found.good
    assert found.warning
    assert found.text.endswith(f"Run: chmod +t {tmp_path}/drop")
    (tmp_path / "drop").chmod(0o3770)
    assert len(told_of(tmp_path, "drop")) == 1


def test_a_work_folder_that_others_may_write_in_is_told(tmp_path):
    (tmp_path / "drop" / ".retraind").mkdir(parents=True)
    (tmp_path / "drop" / ".retraind").chmod(0o770)
    _, found = told_of(tmp_path, "drop")
    assert not found.good
    assert f"chmod go-w {tmp_path}/drop/.retraind" in found.text


def test_where_the_mount_makes_rights_up_there_is_a_warning(tmp_path, monkeypatch):
    table = mounts("1 1 0:1 / / rw - cifs //server/share rw")
    monkeypatch.setattr("retraind.cli.setup.checkup.present_mounts", lambda: table)
    monkeypatch.setattr("retraind.intake.share_identity.present_mounts", lambda: table)
    (tmp_path / "drop" / ".retraind").mkdir(parents=True)
    for path in (tmp_path / "drop", tmp_path / "drop" / ".retraind"):
        path.chmod(0o770)
    _, found = told_of(tmp_path, "drop")
    assert found.good
    assert found.warning
    facts = {"path": tmp_path / "drop", "file_system": "cifs", "work": ".retraind"}
    assert found.problem == problem("drop_folder_unguarded", **facts)


@pytest.mark.parametrize(
    ("proxy", "good"),
    [
        ("http://me:s3/cret@proxy.example:3128", False),
        ("proxy.example:99999", False),
        ("http://me:pw@proxy.example", True),
    ],
)
def test_a_proxy_of_the_environment_that_cannot_be_used_is_told_without_its_password(
    tmp_path, monkeypatch, proxy, good
):
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    site = Site(tmp_path, "https://api.example")
    site.add_model("churn", "key-of-churn-0123456789")
    checked = site.command("check")
    assert checked.returncode == (0 if good else 1)
    assert ("HTTPS_PROXY" in checked.stdout) != good
    assert ("WRONG  api.proxy" in checked.stdout) != good
    assert "s3" not in checked.stdout.replace(str(tmp_path), "")


def test_check_names_paths_to_programs_as_status_does(tmp_path):
    """A name with an escape sequence is escaped in a fact as it is in the sentence beside it."""
    site = Site(tmp_path, "http://127.0.0.1:9")
    site.add_model("churn", "key-of-churn-0123456789")
    moved = tmp_path / "state\x1b[31m"
    site.config.write_text(
        site.config.read_text().replace(f"{tmp_path}/state/spool", f"{tmp_path}/state\\u001b[31m/spool")
    )
    moved.mkdir()
    document = json.loads(site.command("check", "--json").stdout)
    found = next(each for each in document["findings"] if each["subject"] == "state.spool")
    assert found["facts"]["path"] == f"{tmp_path}/state\\x1b[31m/spool"
    assert found["facts"]["path"] in found["text"]


UNIT = "[Service]\nUser=retraind\nLoadCredential=churn:KEYS/churn\n"


@pytest.fixture
def from_outside(tmp_path, monkeypatch):
    """Return what is said of a key that systemd passes, to somebody outside the service."""
    (tmp_path / "drop").mkdir()

    def check(unit):
        units = tmp_path / "units"
        units.mkdir(exist_ok=True)
        if unit:
            (units / "retraind.service").write_text(unit.replace("KEYS", str(tmp_path)))
        monkeypatch.setattr("retraind.cli.setup.checkup.read_unit", lambda: read_unit(places=(units,)))
        state = {"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"}
        models = {"churn": {"drop": tmp_path / "drop", "credential": "churn"}}
        found = checkup(Settings(models=models, state=state), online=False, config=tmp_path / "config.toml")
        return {each.subject: each for each in found}

    return check


def test_a_key_that_systemd_passes_is_out_of_sight_and_the_command_that_shows_it_is_told(
    from_outside, tmp_path
):
    (tmp_path / "churn").touch(0o600)
    found = from_outside(UNIT)
    assert (found["models.churn credential"].good, found["models.churn credential"].warning) == (True, True)
    command = found["credentials"].problem.facts["command"]
    assert command.startswith(
        f"sudo systemd-run --pipe --wait -p User=retraind -p LoadCredential=churn:{tmp_path}/churn "
    )
    assert command.endswith(f" check --online -c {tmp_path}/config.toml")


def test_without_a_unit_the_command_names_the_readmes_place(from_outside):
    assert (
        "LoadCredential=churn:/etc/retraind/keys/churn"
        in from_outside(None)["credentials"].problem.facts["command"]
    )


def test_a_key_that_the_unit_does_not_pass_is_wrong(from_outside):
    found = from_outside("[Service]\nUser=retraind\n")["models.churn credential"]
    assert not found.good
    assert "LoadCredential=churn:" in found.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the file that systemd reads")
@pytest.mark.parametrize(
    ("mode", "code"),
    [
        (0o600, "credential_inside"),
        (0o644, "key_file_exposed"),
        (None, "credential_file_missing"),
        (0o640, "key_file_exposed"),
    ],
)
def test_root_sees_the_rights_of_what_systemd_passes(from_outside, tmp_path, mode, code):
    if mode is not None:
        (tmp_path / "churn").touch()
        os.chown(tmp_path / "churn", 0, 12_345)
        (tmp_path / "churn").chmod(mode)
    assert from_outside(UNIT)["models.churn credential"].problem.code == code


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_judges_by_the_services_user_not_by_its_own(tmp_path):
    """The README's configuration and keys: root's, for the service's group."""
    service = pwd.getpwnam("daemon")
    (tmp_path / "drop").mkdir()
    os.chown(tmp_path, service.pw_uid, service.pw_gid)
    (tmp_path / "key").write_text("k")
    os.chown(tmp_path / "key", 0, service.pw_gid)
    (tmp_path / "key").chmod(0o640)
    state = {"url": f"sqlite:///{tmp_path}/journal.db", "spool": tmp_path / "spool"}
    settings = Settings(
        models={"churn": {"drop": tmp_path / "drop", "api_key_file": tmp_path / "key"}}, state=state
    )
    assert exposures(settings).found == ()
    assert next(each for each in checkup(settings, online=False) if "credential" in each.subject).good
    os.chown(tmp_path / "key", 0, 12_345)
    (found,) = exposures(settings).problems
    assert found.facts["group"] == "12345"


def test_what_would_be_deleted_is_shown_and_nothing_is(tmp_path):
    with a_world(tmp_path, retention_count=1, retention_failed="4000d") as world:
        jobs = [world.run(world.sealing(key=str(key), train=table(40, key))) for key in range(3)]
        found = {each.subject: each for each in checkup(world.settings, online=False)}
        told = found["models.churn.retention"]
        assert told.good
        assert told.problem.facts["jobs"] == 2
        assert jobs[0].id in told.text
        assert jobs[1].id in told.text
        assert f"{sum(map(size_of, jobs[:2])):,} bytes" in told.text
        assert "Nothing in failed/" in found["models.churn.retention_failed"].text
        assert len(list((world.share / "done").iterdir())) == 3


def test_without_a_journal_what_would_be_deleted_is_not_shown(tmp_path):
    (tmp_path / "drop").mkdir()
    assert told_of(tmp_path, "retention", retention_count=1) == []
    assert not (tmp_path / "journal.db").exists()
