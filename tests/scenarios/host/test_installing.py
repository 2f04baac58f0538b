"""How retraind comes to a booted Debian and leaves it: by the package, and by hand from a checkout."""

import re

from scenarios.host import readme
from scenarios.host.people import DROP, deliver, wait_for_job
from scenarios.host.service import Service
from support.world import table

STATE = "/etc/retraind /var/lib/retraind /etc/systemd/system/retraind.service.d"


def test_after_the_commands_of_the_readme_a_delivery_goes_through_at_once(fresh_host, package, tmp_path):
    host = fresh_host
    readme.install(host, package)
    host.user("anna", "etl")
    checked = host.attempt("retraind check")
    assert checked.code == 0, checked.text
    assert host.property("ActiveState", "retraind-backup.timer") == "active"
    assert host.property("UnitFileState") == "enabled"
    with Service(host, tmp_path / "service"):
        deliver(host, "1", user="anna")
        folder = wait_for_job(host, "1")
        assert "To publish the new model" in host.run(f"cat {folder}/RESULT.txt", user="anna")
    assert host.run(f"stat -c '%U %G %a' {DROP}").strip() == "retraind etl 3770"
    assert host.run("stat -c '%U %G %a' /etc/retraind/keys/churn").strip() == "root root 600"
    assert host.run("stat -c '%U %G %a' /etc/retraind/config.toml").strip() == "root retraind 640"
    process = host.property("MainPID")
    assert "nothing to do" in host.run("retraind init --model churn --yes")
    assert host.property("MainPID") == process
    host.run("systemctl start retraind-backup.service")
    assert host.finds("/var/lib/retraind/backups/*")


def test_purging_the_package_leaves_the_deliveries_and_nothing_else(host, service):
    readme.add_model(host, "price")
    text = readme.configuration("churn", "price")
    readme.configure(host, text.replace("[models.price]\n", '[models.price]\nlanguage = "ja"\n'))
    host.run("systemctl daemon-reload && systemctl restart retraind")
    deliver(host, "1")
    wait_for_job(host, "1")
    for role, rows in (("train", 30), ("eval", 20)):
        # The service does not know this model's key, so this one is in work until the end.
        host.drop("ben", f"{role}_1.csv", table(rows), folder="/srv/drop/price")
    host.until(lambda: host.finds("/srv/drop/price/.retraind/*_1_*"), "it is in work")
    removal, purge = readme.commands("docs/install.md", "## Uninstall")[:2]
    host.run(f"{removal} -y")
    told = " ".join(host.run(f"cat {DROP}/STATUS.txt", user="anna").split())
    assert "retraind was removed from retraind-host" in told
    assert "_1_" in told
    told = host.run("cat /srv/drop/price/STATUS.txt", user="anna")
    assert "retraindが削除されたため、ここに投入されたファイルは処理されません" in told.replace("\r\n", "")
    assert ".retraind/" in told
    assert host.finds("/srv/drop/price/.retraind/*_1_*/train_1.csv")
    assert "could not be found" in host.attempt("systemctl status retraind").text
    assert len(host.finds(STATE)) == 3, "what was made here stays until the purge"
    assert not host.finds("/usr/lib/retraind /usr/bin/retraind")
    host.run(f"{purge} -y")
    assert not host.finds(STATE)
    assert host.finds(f"{DROP}/done/*_1_*/train_1.csv")
    assert host.attempt("systemctl is-system-running").out.strip() == "running"


def test_from_a_checkout_by_hand_and_away_again(fresh_host, tmp_path):
    host = fresh_host
    readme.install_by_hand(host)
    host.user("anna", "etl")
    with Service(host, tmp_path / "service"):
        deliver(host, "1", user="anna")
        wait_for_job(host, "1")
    for command in readme.commands("docs/install.md", "## Uninstall")[2:]:
        host.run(command)
    assert not host.finds(f"/opt/retraind /usr/local/bin/retraind {STATE}")
    assert "could not be found" in host.attempt("systemctl status retraind").text
    assert host.attempt("id retraind").code
    assert host.finds(f"{DROP}/done/*_1_*/train_1.csv")


def test_what_a_dry_run_prints_is_what_a_shell_can_do(host, tmp_path):
    key = readme.key_of("price")
    command = "retraind model add price --key-stdin --dry-run"
    shown = host.run(command, given=f"{key}\n")
    assert key not in shown
    assert "price" not in host.read("/etc/retraind/config.toml")
    lines = re.sub(r"^(install .*/keys/price)$", rf"printf '%s\\n' {key} | \1", shown, flags=re.MULTILINE)
    lines = re.sub(r"^patch (\S+) <<'END'\n.*?^END$", "", lines, flags=re.MULTILINE | re.DOTALL)
    host.run(f"set -e\n{lines}")
    there = host.attempt("retraind model add price --yes --no-start").out
    assert "[models.price]" in there, "only the configuration is left to be written"
    assert "install -d" not in there
