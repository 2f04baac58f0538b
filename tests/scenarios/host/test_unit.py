"""What the unit allows a gate, and what it takes from everybody."""

import re

from scenarios.host import readme
from scenarios.host.people import deliver, wait_for_job
from scenarios.host.readme import configuration

GATE = """#!/usr/bin/python3
import resource, threading, time

data = bytearray(2 << 30)
data[::4096] = b"x" * len(data[::4096])
threads = [threading.Thread(target=time.sleep, args=(1,)) for _ in range(500)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("peak KiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print("core", resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_there_is_room_for_a_gate_of_two_gigabytes(host, service):
    host.write("/etc/retraind/gate.py", GATE, "0755")
    more = 'gate = "/etc/retraind/gate.py"\n'
    text = configuration("churn", more=more).replace('switch = "always"', 'switch = "gate"')
    host.write("/etc/retraind/config.toml", text)
    host.run("systemctl reload retraind")
    deliver(host, "1")
    folder = wait_for_job(host, "1", patience=120)
    told = host.read(f"{folder}/RESULT.txt")
    assert len(service.records("model_switched")) == 1, told
    gate = int(re.search(r"peak KiB (\d+)", told)[1]) << 10
    daemon = int(re.search(r"VmHWM:\s+(\d+)", host.read(f"/proc/{host.property('MainPID')}/status"))[1]) << 10
    assert gate > 2 << 30
    # As many gates as work.parallel says run at a time.
    assert 2 * gate + daemon < int(host.property("MemoryHigh")), "the kernel would slow them down"
    assert 500 < int(host.property("TasksMax")) < 100_000
    assert "core (0, 0)" in told


def test_a_gate_that_the_kernel_kills_ends_its_job_and_not_the_service(host, service):
    host.write("/etc/retraind/gate.py", "#!/bin/sh\nkill -KILL $$\n", "0755")
    more = 'gate = "/etc/retraind/gate.py"\n'
    text = configuration("churn", more=more).replace('switch = "always"', 'switch = "gate"')
    host.write("/etc/retraind/config.toml", text)
    process = host.property("MainPID")
    host.run("systemctl reload retraind")
    assert host.property("OOMPolicy") == "continue"
    deliver(host, "1")
    folder = wait_for_job(host, "1")
    assert "SIGKILL" in host.read(f"{folder}/RESULT.txt")
    assert not service.records("model_switched")
    assert host.property("MainPID") == process


def test_the_documented_unit_tells_the_operator_of_a_backup_that_fails_and_of_a_service_that_ends(host):
    unit = readme.block("docs/install.md", "## Backups", "ini")
    host.write("/etc/systemd/system/retraind-alert@.service", unit)
    host.write("/usr/bin/mail", '#!/bin/sh\n{ echo "$@"; cat; } >>/var/lib/mail-sent\n', "0755")
    for name in ("retraind", "retraind-backup"):
        wish = "[Unit]\nOnFailure=retraind-alert@%n.service\n"
        host.write(f"/etc/systemd/system/{name}.service.d/alert.conf", wish)
    host.run("systemctl daemon-reload")
    host.run("systemctl start retraind-backup")
    assert not host.finds("/var/lib/mail-sent")
    host.run("systemctl stop retraind && echo this is no journal >/var/lib/retraind/journal.db")
    assert host.attempt("systemctl start retraind-backup").code
    host.write("/etc/retraind/config.toml", "models = 1\n")
    assert host.attempt("systemctl start retraind").code
    for name in ("retraind", "retraind-backup"):
        sent = f"-s {name}.service has failed operator@example.com"
        host.until(
            lambda sent=sent: sent in host.read("/var/lib/mail-sent"), f"the operator is told of {name}"
        )
    assert "Main PID" in host.read("/var/lib/mail-sent")


def test_this_systemd_knows_every_directive(host):
    """Debian 12 has systemd 252; the unit uses nothing newer."""
    said = host.attempt("systemd-analyze verify --man=no retraind.service")
    assert (said.code, said.text) == (0, "")
    assert not host.attempt("journalctl -b -o cat _PID=1 | grep -E 'Unknown|ignoring.*retraind'").out


def test_an_error_before_the_log_is_set_up_counts_as_one_in_the_journal(host):
    host.run("systemctl stop retraind")
    host.write("/etc/retraind/config.toml", "models = 1\n")
    host.attempt("systemctl start retraind")
    assert host.property("ExecMainStatus") == "2"
    assert host.property("NRestarts") == "0", "starting again would not help"
    assert "models" in host.run("journalctl -u retraind -p err -o cat _COMM=retraind || true")
