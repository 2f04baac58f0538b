"""The drill: the disk with the state is lost, and the documented commands bring everything back."""

import json
import re

from scenarios.host import readme
from scenarios.host.people import deliver, wait_for_job


def test_the_documented_drill_brings_every_job_back_and_trains_none_again(host, service):
    deliver(host, "1")
    wait_for_job(host, "1")
    documented = readme.commands("docs/operations.md", "## Backups of the journal")
    backup, verify, verify_one, stop, restore, start = documented[:6]
    for command in (backup, "systemctl start retraind-backup", verify):
        host.run(command)
    deliver(host, "2", 7)
    wait_for_job(host, "2")
    made = host.finds("/var/lib/retraind/backups/journal-*Z.db")
    host.run(f"install -m 0600 {made[-1]} /root/kept.db")

    host.run(stop)
    host.run("rm -r /var/lib/retraind/*")
    for command in (verify_one, restore, start):
        host.run(re.sub(r"/var/lib/retraind/backups/\S+\.db", "/root/kept.db", command))
    jobs = json.loads(host.run("sudo -u retraind retraind jobs --json"))
    assert {job["key"]: job["state"] for job in jobs} == {"1": "done", "2": "done"}, (
        "2 is newer than the backup"
    )
    deliver(host, "3", 9)
    wait_for_job(host, "3")
    assert len(service.records("training_started")) == 3
    assert not host.run("find /var/lib/retraind ! -user retraind")
