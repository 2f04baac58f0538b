"""Reboots and power cuts: what was promised before them holds after them. A power cut loses whatever the
machine had not synced to its disk."""

import hashlib
import json
import random
import time

import pytest

from scenarios.host.machine import Host
from scenarios.host.people import DROP, deliver, wait_for_job
from scenarios.host.service import Service
from support.world import HEADER, table

_ROWS = 300_000


def large(seed: int) -> bytes:
    """Return data whose bundle takes several reads to receive."""
    noise = random.Random(seed).randbytes(_ROWS).hex()
    lines = (f"{20 + row % 50},{noise[2 * row : 2 * row + 8]},{row % 2}\n" for row in range(_ROWS))
    return (HEADER + "".join(lines)).encode()


def is_uploading(host: Host) -> bool:
    jobs = json.loads(host.run("sudo -u retraind retraind jobs --json"))
    return [job["state"] for job in jobs] == ["registered"]


@pytest.mark.parametrize("end", ["reboot", "power_cut"])
def test_an_upload_that_is_cut_off_is_repeated_for_the_same_training(host, tmp_path, end):
    with Service(host, tmp_path / "service", fault="upload_stall=1") as service:
        data = {"train_1.csv": large(1), "eval_1.csv": table(20)}
        for name, content in data.items():
            host.drop("anna", name, content)
            host.run(f"sync {DROP}/{name} || true")
        host.until(lambda: is_uploading(host), "the upload has begun")
        time.sleep(3)
        assert is_uploading(host)
        getattr(host, end)()
        service.restart()
        if end == "power_cut":
            host.boot()
        folder = wait_for_job(host, "1", patience=90)
        assert len(service.records("registered")) == 1
        assert len(service.records("training_started")) == 1
        assert len(service.records("model_switched")) == 1
        sums = host.run(f"cd {folder} && sha256sum {' '.join(data)}").split()[::2]
        assert sums == [hashlib.sha256(content).hexdigest() for content in data.values()]
        assert not host.finds(f"{DROP}/.retraind/*")
        assert not host.finds("/var/lib/retraind/spool/*")


def test_power_cuts_at_any_moment_lose_nothing_and_train_nothing_twice(host, tmp_path):
    """The files are synced when they are dropped; from then on they are retraind's to keep."""
    chance = random.Random(20261130)
    with Service(host, tmp_path / "service", queue_time="200ms", train_time="300ms") as service:
        for number in range(8):
            deliver(host, str(number), 100 * number)
            host.run(f"sync {DROP}/*_{number}.csv || true")
            time.sleep(chance.uniform(0, 3))
            host.power_cut()
            host.boot()
        for number in range(8):
            folder = wait_for_job(host, str(number), patience=120)
            for role, rows in (("train", 30), ("eval", 20)):
                expected = hashlib.sha256(table(rows, 100 * number)).hexdigest()
                assert expected in host.run(f"sha256sum {folder}/{role}_{number}.csv")
        assert len(host.finds(f"{DROP}/done/*")) == 8
        assert len(service.records("training_started")) == 8
        assert len(service.records("model_switched")) == 8
        assert not host.finds(f"{DROP}/failed/* {DROP}/.retraind/* {DROP}/*.csv")
        assert not host.events("journal_damaged")


def test_the_service_comes_up_with_the_machine(host, service):
    host.reboot()
    assert host.property("ActiveState") == "active"
    deliver(host, "1")
    wait_for_job(host, "1")
