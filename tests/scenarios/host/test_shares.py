"""Shares on a booted Debian: mounted before the service, after it, never, and one that hangs."""

import time

import pytest

from scenarios.host.machine import Host
from scenarios.host.people import DROP, deliver, wait_for_job
from scenarios.host.readme import add_model, configuration
from scenarios.host.service import Service
from scenarios.host.share import Share
from support.world import table

DROPIN = "/etc/systemd/system/retraind.service.d/config.conf"
SLOW = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 4\n"
"""What a mount waits for, as a share waits for the network."""
AFTER_RETRAIND = SLOW.replace(
    "/bin/sleep 4",
    "/bin/sh -c 'until journalctl -b -u retraind -o cat | grep -q waits.for; do sleep 0.3; done'",
)
"""The same, until retraind has seen that the share is not there."""


@pytest.fixture
def late_share(host: Host) -> Host:
    """A host whose drop folder is a mount, four seconds after the boot; nothing is known of it yet."""
    host.run(
        f"systemctl stop retraind; rm -r {DROP}/* {DROP}/.retraind* /var/lib/retraind/shares; "
        "install -d -o retraind -g etl -m 3770 /srv/server/churn"
    )
    host.write("/etc/systemd/system/slow.service", SLOW)
    host.write(
        "/etc/fstab", f"/srv/server/churn {DROP} none bind,nofail,x-systemd.requires=slow.service 0 0\n"
    )
    return host


def is_marked(host: Host, folder: str) -> bool:
    return bool(host.finds(f"{folder}/.retraind-id"))


def test_the_service_starts_after_the_share_at_the_drop_folder(late_share):
    late_share.reboot()
    assert late_share.property("ActiveState") == "active"
    late_share.until(lambda: is_marked(late_share, "/srv/server/churn"), "the share is known")
    late_share.run(f"systemctl stop retraind && umount {DROP}")
    assert not is_marked(late_share, DROP), "the empty folder under it was never taken for it"


def test_a_share_that_comes_after_the_service_is_waited_for(late_share, tmp_path):
    """With the folder above it alone, systemd orders nothing."""
    late_share.write("/etc/systemd/system/slow.service", AFTER_RETRAIND)
    text = late_share.read(DROPIN)
    assert f"RequiresMountsFor={DROP}\n" in text
    late_share.write(DROPIN, text.replace(f"RequiresMountsFor={DROP}\n", "RequiresMountsFor=/srv/drop\n"))
    with Service(late_share, tmp_path / "service"):
        late_share.reboot()
        late_share.until(lambda: late_share.events("folder_known"), "the share is known", 30)
        before = [entry["reason"] for entry in late_share.events("folder_unreadable")]
        assert any("waits for its share" in str(reason) for reason in before)
        deliver(late_share, "1")
        wait_for_job(late_share, "1")
        assert late_share.finds("/srv/server/churn/done/*_1_*")
        late_share.run(f"systemctl stop retraind && umount {DROP}")
        assert not is_marked(late_share, DROP)


def test_without_its_share_a_model_waits_and_the_others_do_not_if_so_asked(late_share, tmp_path):
    add_model(late_share, "price")
    late_share.write("/etc/retraind/config.toml", configuration("churn", "price"))
    late_share.write("/etc/fstab", f"none {DROP} gone nofail 0 0\n")
    late_share.run(f"retraind systemd-dropin --keys /etc/retraind/keys >{DROPIN}")
    late_share.reboot()
    assert late_share.property("ActiveState") == "inactive", "RequiresMountsFor= means what it says"
    late_share.run(f"retraind systemd-dropin --optional-mounts --keys /etc/retraind/keys >{DROPIN}")
    with Service(late_share, tmp_path / "service", "churn", "price"):
        late_share.reboot()
        late_share.until(lambda: late_share.property("ActiveState") == "active", "it runs", 30)
        for role, rows in (("train", 30), ("eval", 20)):
            late_share.drop("ben", f"{role}_1.csv", table(rows), folder="/srv/drop/price")
        late_share.until(lambda: late_share.finds("/srv/drop/price/done/*_1_*"), "the other model works")
        assert "waits for its share" in " ".join(late_share.attempt("retraind status").text.split())
        assert not is_marked(late_share, DROP)


def test_a_share_that_hangs_keeps_no_other_model_waiting(host, tmp_path):
    add_model(host, "price")
    host.run("rm -rf /srv/drop/price; mkdir /srv/drop/price")
    share = Share(host, "/srv/drop/price").mount()
    host.write("/etc/retraind/config.toml", configuration("churn", "price"))
    host.run(f"retraind systemd-dropin --keys /etc/retraind/keys >{DROPIN}")
    host.run("systemctl daemon-reload && systemctl restart retraind")
    with Service(host, tmp_path / "service", "churn", "price"):
        for role, rows in (("train", 30), ("eval", 20)):
            host.drop("root", f"{role}_1.csv", table(rows), folder=share.behind)
        host.until(lambda: host.finds(f"{share.behind}/done/*_1_*"), "the share works")
        share.hang()
        try:
            time.sleep(6)
            deliver(host, "1")
            wait_for_job(host, "1")
            deliver(host, "2", 7)
            wait_for_job(host, "2")
            assert host.property("NRestarts") == "0", "the watchdog has killed nothing"
        finally:
            share.answer()
        for role, rows in (("train", 30), ("eval", 20)):
            host.drop("root", f"{role}_2.csv", table(rows, 9), folder=share.behind)
        host.until(lambda: host.finds(f"{share.behind}/done/*_2_*"), "the share works again")


def test_a_stop_and_a_start_end_while_a_share_hangs(host, tmp_path):
    add_model(host, "price")
    host.run("rm -rf /srv/drop/price; mkdir /srv/drop/price")
    share = Share(host, "/srv/drop/price").mount()
    host.write("/etc/retraind/config.toml", configuration("churn", "price"))
    host.run(f"retraind systemd-dropin --keys /etc/retraind/keys >{DROPIN}")
    host.run("systemctl daemon-reload && systemctl restart retraind")
    with Service(host, tmp_path / "service", "churn", "price"):
        share.hang()
        try:
            time.sleep(6)
            for command, patience in (("stop", 45), ("start", 60), ("reload", 60), ("restart", 90)):
                host.attempt(f"systemctl {command} retraind", patience=patience)
                host.attempt("sudo -u retraind retraind status", patience=60)
            host.until(lambda: host.property("ActiveState") == "active", "it runs")
            deliver(host, "1")
            wait_for_job(host, "1")
        finally:
            share.answer()
