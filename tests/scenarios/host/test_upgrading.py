"""From one package to the next with jobs in work, and back to the earlier one by what is printed."""

import json
import re

from scenarios.host import readme
from scenarios.host.image import NEXT, NEXT_SCHEMA
from scenarios.host.people import DROP, deliver, wait_for_job
from scenarios.host.service import Service
from scenarios.host.test_power import large
from support.world import table

_PRICE = "/srv/drop/price"
_FOLDERS = {"churn": DROP, "price": _PRICE, "late": "/srv/drop/late"}


def states(host):
    """Return the state of each job, by its model and its key."""
    jobs = json.loads(host.run("sudo -u retraind retraind jobs --json"))
    return {(job["model"], job["key"]): job["state"] for job in jobs}


def held(host, model):
    models = json.loads(host.attempt("sudo -u retraind retraind status --json").out)["models"]
    return next(each["hold"] for each in models if each["name"] == model)


def give(host, model, key, rows=30, content=None):
    folder = _FOLDERS[model]
    host.drop("anna", f"train_{key}.csv", content or table(rows), folder=folder)
    host.drop("anna", f"eval_{key}.csv", table(20), folder=folder)


def install(host, package, folder, more=""):
    """Install a package by the README's command, as if it were the only one in a folder."""
    host.write(f"{folder}/retraind_{package.stem}.deb", package.read_bytes())
    (command,) = [
        each for each in readme.commands("README.md", "## Install as a service") if "apt install" in each
    ]
    return host.run(f"cd {folder} && {command} {more}")


def trained(service):
    """Return how many trainings have been started, all in all."""
    return len(service.records("training_started"))


def leave_jobs_in_work(host, service):
    """Deliver until there is a job in each of several states, and return these."""
    deliver(host, "1")
    host.drop("anna", "train_bad.csv", b"only one column\n1\n")
    host.drop("anna", "eval_bad.csv", table(20))
    wait_for_job(host, "1")
    wait_for_job(host, "bad", "failed")
    give(host, "late", "1")
    host.until(lambda: held(host, "late"), "the service does not know the key")
    service.restart(train_time="25s")
    give(host, "price", "1")
    host.until(lambda: states(host).get(("price", "1")) == "uploaded", "it is in training")
    service.restart(train_time="25s", fault="upload_stall=1")
    give(host, "churn", "2", content=large(2))
    host.until(lambda: states(host).get(("churn", "2")) == "registered", "it is being uploaded")
    deliver(host, "3", 3)
    host.until(lambda: states(host).get(("churn", "3")) == "sealed", "it waits for its turn")
    return states(host)


def go_back_as_printed(host):
    """Do what the older version asks for in its log."""
    said = host.run("journalctl -u retraind -o cat -n 20")
    assert f"{NEXT}, schema {NEXT_SCHEMA}" in said
    (way_back,) = set(re.findall(r"retraind journal restore [^\s\"']+\.db", said))
    host.run("sudo systemctl stop retraind")
    host.run(f"sudo {way_back}")
    host.run("sudo systemctl start retraind")


def test_jobs_go_on_after_an_upgrade_and_after_the_printed_way_back(host, package, next_package, tmp_path):
    for model in ("price", "late"):
        readme.add_model(host, model)
    readme.configure(host, readme.configuration("churn", "price", "late"))
    host.run("systemctl daemon-reload && systemctl restart retraind")
    with Service(host, tmp_path / "service", "churn", "price") as service:
        before = leave_jobs_in_work(host, service)
        assert set(before.values()) == {"done", "failed", "sealed", "bundled", "registered", "uploaded"}
        process = host.property("MainPID")

        install(host, next_package, "/root/next")
        assert NEXT in host.run("retraind --version")
        assert host.property("ActiveState") == "active"
        assert host.property("MainPID") != process
        (upgraded,) = host.events("journal_upgraded")
        assert upgraded["after"] == NEXT_SCHEMA
        service.restart()
        for key in ("2", "3"):
            wait_for_job(host, key, patience=120)
        host.until(lambda: states(host)[("price", "1")] == "done", "its training has ended")
        assert held(host, "late")
        assert states(host)[("late", "1")] == "bundled"
        assert trained(service) == 4
        assert states(host).keys() == before.keys()

        service.restart(train_time="25s")
        give(host, "price", "2", 31)
        host.until(lambda: states(host).get(("price", "2")) == "uploaded", "it is in training")
        install(host, package, "/root/before", "--allow-downgrades -y")
        host.until(lambda: "newer retraind" in host.run("journalctl -u retraind -o cat -n 20"), "it refuses")
        assert host.property("ActiveState") != "active"
        assert "retraind could not start" in " ".join(host.run(f"cat {DROP}/STATUS.txt").split())
        go_back_as_printed(host)
        host.until(lambda: host.finds(f"{_PRICE}/done/*_2_*"), "the training that was in work has ended", 120)
        deliver(host, "4", 4)
        wait_for_job(host, "4")
        assert trained(service) == 6
        assert not host.run("find /var/lib/retraind ! -user retraind")
        for folder, number in ((DROP, 4), (_PRICE, 2)):
            assert len(host.finds(f"{folder}/done/*")) == number
            assert not host.finds(f"{folder}/*.csv {folder}/.retraind/*")
        assert len(host.finds(f"{DROP}/failed/*")) == 1
