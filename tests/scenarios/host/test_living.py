"""retraind on a booted Debian: installed by the README, with systemd as process 1, and several users."""

import json
import re

import pytest

from scenarios.host.people import DROP, deliver, wait_for_job
from scenarios.host.readme import configuration
from scenarios.host.service import Service
from support.world import key_of, table


def test_people_deliver_and_read_what_became_of_it(host, service):
    assert host.property("ActiveState") == "active"
    assert host.property("StatusText").startswith("Models watched: 1")
    deliver(host, "1", 0, "anna")
    folder = wait_for_job(host, "1")
    deliver(host, "2", 7, "ben")
    wait_for_job(host, "2")
    assert [len(service.records(event)) for event in ("training_started", "model_switched")] == [2, 2]
    for user in ("anna", "ben"):
        assert "Published" in host.run(f"cat {folder}/RESULT.txt", user=user)
        assert "2026" in host.run(f"cat {DROP}/STATUS.txt", user=user)
    assert host.attempt(f"echo x > {DROP}/train_9.csv", user="mallory").code, "not in the group"
    assert host.attempt(f"rm {DROP}/STATUS.txt", user="anna").code, "the folder is sticky"
    assert host.attempt(f"ls {DROP}/.retraind", user="anna").code, "out of reach of its writers"


def test_what_is_logged_has_its_priority(host, service):
    host.drop("anna", "train_1.csv", b"only one column\n1\n")
    host.drop("anna", "eval_1.csv", table(20))
    wait_for_job(host, "1", "failed")
    (failed,) = host.events("job_failed")
    assert failed["PRIORITY"] == "3"
    (ready,) = host.events("ready")[-1:]
    assert ready["PRIORITY"] == "6"
    assert str(ready["MESSAGE"]).startswith('{"event": "ready"')
    shown = host.run("journalctl -u retraind -p err -o cat")
    assert {json.loads(line)["level"] for line in shown.splitlines()} == {"error"}


def test_a_reload_takes_over_what_is_new_and_a_refused_one_fails(host, service):
    process = host.property("MainPID")
    host.write("/etc/retraind/config.toml", "[models]\nchurn = 1\n")
    refused = host.attempt("systemctl reload retraind")
    assert refused.code != 0
    host.until(lambda: "Reload refused" in host.property("StatusText"), "the status says so", 10)
    assert "models.churn" in host.property("StatusText")
    assert "models.churn" in host.run("systemctl status retraind --no-pager"), "where people look"
    assert (host.property("ActiveState"), host.property("MainPID")) == ("active", process)
    deliver(host, "1")
    wait_for_job(host, "1")  # The previous configuration applies.

    host.write("/etc/retraind/config.toml", configuration("churn", more='target = "churned"\n'))
    host.run("systemctl reload retraind")
    host.until(lambda: host.property("StatusText").startswith("Models watched: 1"), "the status is well", 10)
    assert host.events("reloaded")
    assert host.property("MainPID") == process


def test_a_second_model_is_added_and_removed_by_one_command(host, tmp_path):
    before, status = host.read("/etc/retraind/config.toml"), "/srv/drop/price/STATUS.txt"
    shown = host.run("retraind model add price --key-stdin --yes", given=f"{key_of('price')}\n")
    assert key_of("price") not in shown
    units = host.run("systemctl show -p RequiresMountsFor -p ReadWritePaths retraind")
    assert {"/srv/drop/price", "-/srv/drop/price"} <= set(re.split(r"[=\s]", units))
    assert host.run("stat -c '%U %G %a' /srv/drop/price").strip() == "retraind etl 3770"
    assert host.run("stat -c '%U %G %a' /etc/retraind/keys/price").strip() == "root root 600"
    with Service(host, tmp_path / "service", "churn", "price"):
        for role, rows in (("train", 30), ("eval", 20)):
            host.drop("ben", f"{role}_1.csv", table(rows), folder="/srv/drop/price")
        host.until(lambda: host.finds("/srv/drop/price/done/*_1_*"), "it is trained")
        process = host.property("MainPID")
        assert "nothing to do" in host.run("retraind model add price --yes")
        assert host.property("MainPID") == process
        assert "/srv/drop/price" in host.run("retraind model remove price --yes")
        assert host.property("MainPID") == process, "the other models go on"
        host.until(
            lambda: "was removed from retraind's configuration" in " ".join(host.read(status).split()),
            "the folder says so",
        )
    assert host.read("/etc/retraind/config.toml") == before
    assert "/srv/drop/price" not in host.run("systemctl show -p RequiresMountsFor retraind")
    assert host.property("ActiveState") == "active"
    assert host.finds("/srv/drop/price/done/*_1_*/train_1.csv")


def test_a_stop_is_short_and_orderly(host, service):
    host.run("systemctl stop retraind", patience=25)
    assert (host.property("ActiveState"), host.property("Result")) == ("inactive", "success")
    assert "retraind was stopped." in " ".join(host.read(f"{DROP}/STATUS.txt").split())
    assert not host.attempt("pgrep -u retraind").out
    deliver(host, "1")
    host.run("systemctl start retraind")
    wait_for_job(host, "1")


def test_a_daemon_that_hangs_is_killed_by_the_watchdog_and_starts_again(host, service):
    host.write(
        "/etc/systemd/system/retraind.service.d/soon.conf", "[Service]\nWatchdogSec=4s\nRestartSec=1s\n"
    )
    host.run("systemctl daemon-reload && systemctl restart retraind")
    process = host.property("MainPID")
    host.run(f"kill -STOP {process}")
    host.until(lambda: host.property("NRestarts") == "1", "the watchdog has restarted it", 60)
    host.until(lambda: host.property("ActiveState") == "active", "it runs again")
    deliver(host, "1")
    wait_for_job(host, "1")


def test_commands_of_root_leave_the_service_what_is_its_own(host, service):
    deliver(host, "1")
    folder = wait_for_job(host, "1")
    host.run("systemctl stop retraind")
    host.run("rm /var/lib/retraind/journal.db*")
    assert "1." in host.run("retraind rebuild")
    assert not host.run("find /var/lib/retraind ! -user retraind")
    job = folder.rpartition("/")[2]
    host.run(f"retraind switch {job}")
    deliver(host, "2", 5)
    host.attempt("retraind run --once -c /etc/retraind/config.toml")
    assert not host.run("find /var/lib/retraind ! -user retraind")
    assert not host.run(f"find {DROP} -path '*/.retraind*' ! -user retraind ! -name '*.csv'")
    host.run("systemctl start retraind")
    assert host.property("ActiveState") == "active"
    denied = host.attempt("retraind rebuild", user="mallory")
    assert denied.code
    assert "Traceback" not in denied.text


@pytest.mark.parametrize("directive", ["RequiresMountsFor", "ReadWritePaths"])
def test_systemd_reads_each_path_of_the_dropin_as_it_is(host, directive):
    names = ["with blank", "100%", "it's", "back\\slash", "\\x41", "顧客", "a;b", "a=b:c", 'the "new" one']
    text = configuration("churn")
    for number, name in enumerate(names):
        quoted = f"'/srv/{name}'" if "'" not in name else f'"/srv/{name}"'
        text += f'[models.m{number}]\ndrop = {quoted}\napi_key = "x"\n'
    host.write("/etc/retraind/config.toml", text, "0600")
    host.run(
        "retraind systemd-dropin --keys /etc/retraind/keys >/etc/systemd/system/retraind.service.d/config.conf"
    )
    host.run("systemctl daemon-reload")
    shown = host.run(f"systemctl show --property {directive} --value retraind")
    for name in names:
        assert f"/srv/{name}" in shown.replace("\\\\", "\\").replace('\\"', '"'), shown
