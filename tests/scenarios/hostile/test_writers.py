"""What a writer of a drop folder can do while retraind runs, in the set-up that the README describes.

retraind is a process of its own here, and so is the writer where rights matter: another user, in the group of
the drop folder.
"""

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from retraind.emulator import read_records
from support.places import in_memory
from support.process import NOBODY, Site, deliver, filed, until
from support.world import KEY, table

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two users")

GATE = """
import json, os, pathlib, sys, time, zipfile
here = pathlib.Path(__file__).parent
job = json.load(sys.stdin)
(here / "asked").write_text(json.dumps({"argv": sys.argv[1:], "cwd": os.getcwd(), "job": job, "env": dict(os.environ)}))
for _ in range(1200):
    if (here / "go").exists():
        break
    time.sleep(0.05)
pathlib.Path("by-cwd.txt").write_text("x")
pathlib.Path(sys.argv[-1], "by-argument.txt").write_text("x")
with zipfile.ZipFile(job["results"]) as results:
    accuracy = json.loads(results.read("metrics.json"))["baseline"]["accuracy"]
data = {role: open(path, "rb").read(1000).decode("latin-1") for role, path in job["files"].items()}
(here / "seen").write_text(json.dumps({"accuracy": accuracy, "files": data}))
print("accuracy", accuracy)
sys.exit(0 if accuracy > 0.99 else 1)
"""


def results_of(accuracy):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("metrics.json", json.dumps({"baseline": {"accuracy": accuracy}}))
    return made.getvalue()


@pytest.fixture
def tmp_path():
    """A folder that other users can get to: pytest keeps its own from them, and restores that at any moment."""
    made = in_memory("retraind-writers-")
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def site(tmp_path, service):
    before = os.umask(0o007)
    made = Site(tmp_path, service.url, sweep='[sweep]\ninterval = "500ms"')
    yield made
    made.kill()
    os.umask(before)


@pytest.fixture
def gate(tmp_path):
    path = tmp_path / "gate" / "gate.py"
    path.parent.mkdir()
    path.write_text(GATE)
    return path


def with_gate(gate, *more):
    lines = ['settle = "0s"', 'switch = "gate"', f'gate = ["{sys.executable}", "{gate}"]', *more]
    return "\n".join(lines)


def shared(drop, mode=0o2770):
    """Make a drop folder one of the service's in which a group writes, as the README says."""
    if not os.geteuid():
        os.chown(drop, 0, NOBODY)
    drop.chmod(mode)
    drop.parent.chmod(0o755)
    return drop


AS_WRITER = """
import os, pathlib, shutil, sys
user, group = map(int, sys.argv[1:3])
del sys.argv[1:3]
if not os.geteuid():  # what it needs is imported: another user may not even see this Python
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
os.umask(0o007)
"""


def as_writer(code, *arguments, cwd=None, user=NOBODY):
    """Run Python code as another user, a member of the drop folder's group; as this one where that cannot be."""
    return subprocess.Popen(
        [sys.executable, "-c", AS_WRITER + code, *map(str, (user, NOBODY, *arguments))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd,
    )  # fmt: skip


def writer_does(code, *arguments, cwd=None, user=NOBODY):
    process = as_writer(code, *arguments, cwd=cwd, user=user)
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 0, out
    return out


def deliver_all(drop, key="2026-11", offset=0):
    deliver(drop, f"eval_{key}.csv", table(20, offset))
    deliver(drop, f"train_{key}.csv", table(40, offset))


def status_in(drop):
    path = drop / "STATUS.txt"
    return path.read_text("utf-8-sig") if path.exists() else ""


def told_by_status(site):
    return " ".join(json.loads(site.command("status", "--json").stdout)["models"][0]["sentences"])


def switched(tmp_path):
    return [record for record in read_records(tmp_path / "service") if record["event"] == "switched"]


EXCHANGE = """
import os, pathlib, shutil, sys
drop, job, results = map(pathlib.Path, sys.argv[1:])
os.rename(drop / ".retraind", drop / ".moved")
folder = drop / ".retraind" / job.name
folder.mkdir(parents=True)
shutil.copy(results, folder / "results.zip")
(folder / "train_2026-11.csv").write_text("a writer's")
(folder / "eval_2026-11.csv").write_text("a writer's")
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("data", [(), ("gate_data = true",)], ids=["by handle", "copied"])
def test_a_writer_who_exchanges_the_work_folder_while_the_gate_runs_decides_nothing(
    site, tmp_path, gate, data
):
    drop = shared(site.add_model("churn", KEY, with_gate(gate, *data)))
    forged = tmp_path / "share" / "forged.zip"
    forged.write_bytes(results_of(0.999))
    forged.chmod(0o644)
    deliver_all(drop)
    site.start()
    until((gate.parent / "asked").exists, "the gate is asked")
    (work,) = (drop / ".retraind").iterdir()
    writer_does(EXCHANGE, drop, work.name, forged)
    (gate.parent / "go").touch()
    until((gate.parent / "seen").exists, "the gate has read")
    seen = json.loads((gate.parent / "seen").read_text())
    assert seen["accuracy"] < 0.99
    assert seen["files"] == {
        "train": table(40).decode("latin-1"),
        "eval": table(20).decode("latin-1"),
    }
    if os.geteuid() == 0:
        until(lambda: "belongs to another user" in told_by_status(site), "the model waits")
        until(
            lambda: "belongs to another user" in status_in(drop),
            "people on the share are told",
        )
    # A folder for work that is missing meanwhile would be one that somebody has deleted.
    (drop / ".retraind").rename(drop / ".forged")
    (drop / ".moved").rename(drop / ".retraind")
    until(lambda: filed(drop), "the job is filed")
    (folder,) = filed(drop)
    report = json.loads((folder / "report.json").read_text())
    assert report["outcome"] == "trained"
    assert [(each["name"], each["bytes"], len(each["sha256"])) for each in report["gate_shown"]] == [
        ("results.zip", (folder / "results.zip").stat().st_size, 64),
        ("train_2026-11.csv", len(table(40)), 64),
        ("eval_2026-11.csv", len(table(20)), 64),
    ]
    assert (folder / "by-cwd.txt").exists(), "what the gate wrote is filed"
    assert (folder / "by-argument.txt").exists()
    assert switched(tmp_path) == []
    until(lambda: not list((tmp_path / "state" / "gate").iterdir()), "the private copies are removed")


@needs_root
@pytest.mark.timeout(60)
@pytest.mark.parametrize("how", ["another user's", "writable by a group"])
def test_a_model_whose_work_folder_is_not_the_services_alone_waits_and_goes_on_by_itself(site, tmp_path, how):
    drop = shared(site.add_model("churn", KEY, 'settle = "0s"'))
    work = drop / ".retraind"
    if how == "another user's":
        writer_does("import os, sys; os.mkdir(sys.argv[1], 0o700)", work)
    else:
        work.mkdir()
        work.chmod(0o2770)
    deliver_all(drop)
    site.start()
    words = "belongs to another user" if how == "another user's" else "Other users can write to"
    until(lambda: words in status_in(drop), "STATUS.txt tells")
    assert words in told_by_status(site)
    checked = site.command("check", "--json")
    (wrong,) = [found for found in json.loads(checked.stdout)["findings"] if not found["good"]]
    assert (checked.returncode, wrong["subject"], words in wrong["text"]) == (1, "models.churn.drop", True)
    assert sorted(path.name for path in drop.glob("*.csv")) == ["eval_2026-11.csv", "train_2026-11.csv"]
    if how == "another user's":
        work.rmdir()
    else:
        work.chmod(0o700)
    until(lambda: filed(drop), "the job is filed")
    assert filed(drop)[0].parent.name == "done"


HOLDER = """
import os, sys
print("here", flush=True)
sys.stdin.readline()
try:
    with open("new.zip", "wb") as file:
        file.write(open(sys.argv[1], "rb").read())
    os.replace("new.zip", "results.zip")
except OSError as error:
    print(error.strerror)
else:
    print("exchanged")
"""


@needs_root
@pytest.mark.timeout(90)
@pytest.mark.quick
def test_a_process_in_the_folder_of_a_failed_job_keeps_no_access_when_that_is_retried(site, tmp_path, gate):
    drop = shared(site.add_model("churn", KEY, with_gate(gate)))
    forged = tmp_path / "share" / "forged.zip"
    forged.write_bytes(results_of(0.999))
    forged.chmod(0o644)
    deliver(drop, "eval_2026-11.csv", table(20))
    deliver(drop, "train_2026-11.csv", b"one\n1\n")
    site.start()
    until(lambda: filed(drop), "it is filed as failed")
    (folder,) = filed(drop)
    assert (folder.parent.name, stat.S_IMODE(folder.stat().st_mode)) == ("failed", 0o2770)
    (folder / "train_2026-11.csv").write_bytes(table(40))
    holder = as_writer(HOLDER, forged, cwd=folder)
    assert holder.stdout.readline() == "here\n"
    assert site.command("retry", folder.name).returncode == 0
    until((gate.parent / "asked").exists, "the gate is asked")
    told = holder.communicate("now\n", timeout=30)[0]
    (gate.parent / "go").touch()
    until(lambda: filed(drop), "it is filed")
    assert told in {"No such file or directory\n", "Permission denied\n"}
    (folder,) = filed(drop)
    assert json.loads((gate.parent / "seen").read_text())["accuracy"] < 0.99
    assert folder.parent.name == "done"
    assert switched(tmp_path) == []
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2770, "people can look into it again"
    assert not list((drop / "failed").iterdir())


@pytest.mark.timeout(60)
def test_variables_of_whatever_case_do_not_reach_the_gate_unless_they_are_named(site, tmp_path, gate):
    drop = site.add_model("churn", KEY, with_gate(gate, 'gate_environment = ["MY_GATE", "HOST_TOKEN"]'))
    (gate.parent / "go").touch()
    deliver_all(drop)
    site.start(
        retraind_models__churn__budget="9/day",
        Retraind_Models__churn__retention="900d",
        AWS_SECRET_ACCESS_KEY="s3cret",
        DATABASE_URL="s3cret",
        MY_GATE="mine",
        LC_TIME="C",
        TZ="UTC",
        no_proxy="localhost",
    )
    until(lambda: filed(drop), "the job is filed")
    environment = json.loads((gate.parent / "asked").read_text())["env"]
    assert "s3cret" not in environment.values()
    assert not {name for name in environment if name.casefold().startswith("retraind")}
    assert {"MY_GATE": "mine", "LC_TIME": "C", "TZ": "UTC", "no_proxy": "localhost"}.items() <= (
        environment.items()
    )
    assert "PATH" in environment
    (withheld,) = [event for event in site.events() if event["event"] == "gate_environment_withheld"]
    assert {"AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "retraind_models__churn__budget"} <= {*withheld["names"]}
    assert "s3cret" not in site.log.read_text()


@pytest.mark.timeout(60)
def test_private_copies_that_a_kill_left_are_removed_at_the_next_start(site, tmp_path, gate):
    drop = site.add_model("churn", KEY, with_gate(gate, "gate_data = true"))
    deliver_all(drop)
    site.start()
    until((gate.parent / "asked").exists, "the gate is asked")
    place = tmp_path / "state" / "gate"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place, *place.iterdir())] == [0o700, 0o700]
    site.kill()
    assert list(place.iterdir())
    (gate.parent / "go").touch()
    manual = [line for line in site.config.read_text().split("\n") if "gate" not in line]
    site.config.write_text("\n".join(manual))
    site.start()
    until(lambda: filed(drop), "the job is filed")
    assert not list(place.iterdir())


GROW = """
import os, sys
handle = os.open(sys.argv[1], os.O_RDWR)
print("here", flush=True)
sys.stdin.readline()
os.ftruncate(handle, 300 << 20)
print("grown", flush=True)
"""


@pytest.mark.timeout(90)
def test_a_file_that_grows_on_its_way_to_another_file_system_fills_no_disk(site, tmp_path, gate, archive):
    """Its writer still has it open. What is filed is what was sealed, and no more."""
    done = archive(64 << 10)
    drop = shared(site.add_model("churn", KEY, with_gate(gate, f'done = "{done}"')))
    hidden = drop / ".train.tmp"
    hidden.write_bytes(table(40))
    hidden.chmod(0o666)
    deliver(drop, "eval_2026-11.csv", table(20))
    holder = as_writer(GROW, hidden)
    assert holder.stdout.readline() == "here\n"
    hidden.rename(drop / "train_2026-11.csv")
    site.start(RETRAIND_STATE__KEEP_FREE="0")
    until((gate.parent / "asked").exists, "the gate is asked")
    least = os.statvfs(done).f_bavail
    assert holder.communicate("now\n", timeout=30)[0] == "grown\n"
    (gate.parent / "go").touch()

    def is_filed():
        nonlocal least
        least = min(least, os.statvfs(done).f_bavail)
        return [path for path in done.iterdir() if not path.name.startswith(".")]

    until(is_filed, "the job is filed")
    (folder,) = is_filed()
    assert (folder / "train_2026-11.csv").read_bytes() == table(40)
    assert [path.name for path in done.iterdir() if path.name.startswith(".")] == [".retraind-id"]
    assert least * os.statvfs(done).f_frsize > 60 << 20, "the disk was never filled"


@pytest.fixture
def archive(tmp_path):
    """Mount a small file system of its own."""
    point = tmp_path / "archive"

    def made(kib):
        point.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=755", "retraind-tests", point],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"this machine does not let the tests mount anything: {done.stderr.strip()}")
        return point

    yield made
    if point.is_mount():
        subprocess.run(["umount", "--lazy", point], check=True)


@pytest.mark.timeout(60)
@pytest.mark.quick
def test_part_of_a_copy_that_a_kill_left_in_an_archive_is_removed_by_the_next_start(site, tmp_path):
    done = tmp_path / "archive"
    done.mkdir()
    drop = site.add_model("churn", KEY, f'settle = "0s"\ndone = "{done}"')
    job = "2026-11-23T224005Z_2026-11_c8c212"
    (drop / "failed").mkdir()
    for place in (done, drop / "failed"):
        (place / f".{job}.partial" / "train").mkdir(parents=True)
        (place / f".{job}.partial" / "train" / "x.csv").write_bytes(b"x" * 1000)
        (place / ".somebody's.partial").mkdir()
    (done / f".{job}2.partial").symlink_to(drop)
    site.start()
    until(lambda: not list(done.glob("*c8c212*")), "the archive is cleared")
    until(lambda: not list((drop / "failed").glob("*c8c212*")), "failed/ is cleared")
    assert (done / ".somebody's.partial").is_dir()
    assert site.stop(signal.SIGTERM) == 0


ANOTHER = NOBODY - 1
"""A second writer of the same group."""
AS_FIRST = """
here = pathlib.Path(sys.argv[1])
for content in (b"first", pathlib.Path(sys.argv[2]).read_bytes()):
    with open(here / "train_1.csv", "wb") as file:  # with O_CREAT, over their own file
        file.write(content)
(here / ".eval_1.tmp").write_bytes(b"hidden")
(here / ".eval_1.tmp").replace(here / "eval_1.csv")
shutil.copy(sys.argv[3], here / ".eval_1.tmp")
(here / ".eval_1.tmp").replace(here / "eval_1.csv")  # in the place of their own file
with open(here / "wrong.txt", "a") as file:
    file.write("x")
os.rename(here / "wrong.txt", here / "wrong2.txt")
os.unlink(here / "wrong2.txt")
"""
AS_SECOND = """
here = pathlib.Path(sys.argv[1])
told = []
def attempt(what, *arguments):
    try:
        what(*map(str, arguments))
    except OSError as error:
        told.append(error.errno)
    else:
        told.append(0)
attempt(os.rename, here / ".retraind", here / ".moved")
attempt(os.rename, here / "STATUS.txt", here / "x")
attempt(os.rename, here / "train_1.csv", here / "x")
attempt(os.unlink, here / "eval_1.csv")
attempt(os.unlink, here / ".retraind-id")
pathlib.Path(here / "1.done").touch()
print(told)
"""


@pytest.fixture
def protected():
    """Let the kernel guard files in sticky folders as strictly as it can; where it lets nobody set that, as
    it is."""
    path = Path("/proc/sys/fs/protected_regular")
    before = path.read_text()
    try:
        path.write_text("2")
    except OSError as error:
        pytest.skip(f"this machine does not let the tests set fs.protected_regular: {error.strerror}")
    yield
    path.write_text(before)


@needs_root
@pytest.mark.timeout(90)
def test_with_the_sticky_bit_writers_can_do_all_that_they_are_promised_and_nothing_else(
    site, tmp_path, protected
):
    drop = shared(site.add_model("churn", KEY, 'settle = "0s"\nready = "marker"'), 0o3770)
    files = {"train_1.csv": table(40), "eval_1.csv": table(20)}
    for name, content in files.items():
        (tmp_path / "share" / name).write_bytes(content)
        (tmp_path / "share" / name).chmod(0o644)
    site.start()
    until((drop / "STATUS.txt").exists, "it has looked")
    (drop / ".retraind").mkdir(0o700)
    writer_does(AS_FIRST, drop, *(tmp_path / "share" / name for name in files))
    told = json.loads(writer_does(AS_SECOND, drop, user=ANOTHER))
    assert told == [1, 1, 1, 1, 1], "nobody else may rename or delete them"
    until(lambda: filed(drop), "the delivery of one writer with the marker of another is filed")
    (folder,) = filed(drop)
    assert folder.parent.name == "done"
    assert {path.name: path.read_bytes() for path in folder.glob("*.csv")} == files
    # A broken delivery is corrected where it is filed, by another writer of the group.
    correct = "pathlib.Path(sys.argv[1]).write_bytes(pathlib.Path(sys.argv[2]).read_bytes())"
    broken = "here = pathlib.Path(sys.argv[1])\nfor name in ('train_2.csv', 'eval_2.csv', '2.done'): (here / name).write_text('one')"
    writer_does(broken, drop, user=ANOTHER)
    until(lambda: list(drop.glob("failed/*")), "it is filed as failed")
    (failed,) = drop.glob("failed/*")
    for number, role in enumerate(("train", "eval")):
        source = tmp_path / "share" / f"{role}_2.csv"
        source.write_bytes(table(40 - 10 * number, 5))
        source.chmod(0o644)
        writer_does(correct, failed / source.name, source)
    assert site.command("retry", failed.name).returncode == 0
    until(lambda: len(list(drop.glob("done/*"))) == 2, "it is trained")
    assert site.stop() == 0
    assert "rights_made_up" not in site.log.read_text()
    checked = json.loads(site.command("check", "--json").stdout)["findings"]
    assert [found["text"] for found in checked if found["subject"] == "models.churn.drop"] == [
        f"{drop} is readable and writable."
    ]
