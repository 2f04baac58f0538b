"""A share that hangs, as a `hard` mount does whose server is gone: each call blocks in the kernel, for ever."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from retraind.domain.job import State
from retraind.intake.share_identity import Shares
from retraind.report.monitoring.health import health_of
from retraind.system.clock import Clock
from retraind.system.remote.helpers import HELPERS
from support.faulty import Rule
from support.process import Site, deliver, filed, until
from support.running import running
from support.variants import variants
from support.words import legacy, told
from support.world import a_world, an_account, key_of, table

pytestmark = pytest.mark.usefixtures("impatient_helpers")

HANGS = Rule(("getattr", "opendir", "readdir", "open", "readlink", "statfs"), answer="hang")
SILENT = (
    "Connection timed out. The share does not respond; check its server and the network, or mount it again."
)


@pytest.fixture
def site(tmp_path, faulty):
    """An installation with two models on a share that is to hang, by links, and one beside it that is well."""
    made = Site(tmp_path, "http://127.0.0.1:1")
    made.share = faulty(tmp_path / "disk", tmp_path / "hung")
    made.add_model("well", "k")
    for name in ("first", "second"):
        (made.share.point / name).mkdir()
        (tmp_path / "share" / name).symlink_to(made.share.point / name)
        made.add_model(name, "k")
    return made


@pytest.fixture
def jobs(tmp_path, site):
    """A job that is done and one that has failed."""
    with a_world(tmp_path) as world:
        found = (
            world.run(world.sealing("1")), world.run(world.sealing("2", train=b"broken\n1\n")),
        )  # fmt: skip
        world.journal.holds.hold("well", legacy("It is held."), credential=False)
    assert [job.state for job in found] == [State.DONE, State.FAILED]
    return [job.id for job in found]


@contextmanager
def hanging(share):
    """Let the share hang while the block runs, in which a command is run."""
    share.tell(HANGS)
    try:
        yield
        assert share.struck()
    finally:
        share.tell()


@pytest.mark.quick
def test_status_tells_of_it_and_shows_all_else(site, jobs):
    deliver(site.root / "share" / "well", "train_1.csv", table(20))
    with hanging(site.share):
        done = site.command("status", "--json")
    assert done.returncode == 1
    models = {model["name"]: model for model in json.loads(done.stdout)["models"]}
    for name in ("first", "second"):
        assert models[name]["trouble"] == f"{models[name]['drop']}: {SILENT}"
        assert f"TROUBLE: {models[name]['trouble']}" in models[name]["sentences"]
    assert models["well"]["trouble"] is None
    assert models["well"]["waiting"] == ["1"]


@pytest.mark.quick
def test_check_finds_it_wrong_and_checks_all_else(site):
    with hanging(site.share):
        done = site.command("check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    drops = {name: site.root / "share" / name for name in ("well", "first", "second")}
    assert f"ok     models.well.drop: {drops['well']} is readable and writable." in lines
    for name in ("first", "second"):
        assert f"WRONG  models.{name}.drop: {drops[name]}: {SILENT}" in lines
        assert f"ok     models.{name} credential: The API key is there." in done.stdout


@pytest.mark.quick
def test_a_removal_waits_for_it_for_a_while_and_tells_all_else(site):
    for name in ("well", "first"):
        (site.root / "share" / name / "STATUS.txt").write_text("before")
    with hanging(site.share):
        done = site.command("farewell")
    assert done.returncode == 1
    assert "was removed from" in (site.root / "share" / "well" / "STATUS.txt").read_text("utf-8-sig")
    assert (site.root / "share" / "first" / "STATUS.txt").read_text() == "before"
    for name in ("first", "second"):
        assert f"STATUS.txt of {name} does not say that retraind was removed" in " ".join(done.stderr.split())


COMMANDS = {
    "jobs": (["jobs"], "done"),
    "show": (["show", "DONE"], "History:"),
    "switch": (["switch", "DONE"], "retraind is not running; it does this when it starts."),
    "retry": (["retry", "FAILED"], "retraind is not running; it does this when it starts."),
    "release": (["release", "well"], "well is released."),
}


def test_commands_about_other_models_do_not_wait_for_it(site, jobs):
    named = dict(zip(("DONE", "FAILED"), jobs, strict=True))
    for name, (words, said) in COMMANDS.items():
        HELPERS.end_all()  # as each command has its own
        with hanging(site.share):
            done = site.command(*(named.get(word, word) for word in words))
        assert (name, done.returncode, done.stderr) == (name, 0, "")
        assert said in done.stdout


def test_a_folder_that_hangs_is_not_taken_for_another_one(site, jobs):
    """Nobody can tell now whether it is the folder that is known."""
    shares = Shares.beside(site.root / "state" / "journal.db")
    drop = site.root / "share" / "first"
    with shares.held("first", drop):
        pass
    with hanging(site.share):
        done = site.command("release", "first")
    assert done.returncode == 1
    assert f"{drop}: {SILENT}" in done.stderr
    assert shares.forget("first"), "it is still known"


# The daemon


SWEPT = '[sweep]\ninterval = "1s"\n'
"""Often enough for tests that wait for a sweep."""


@pytest.fixture
def served(tmp_path, site):
    """The installation with a service."""
    names = ("well", "first", "second", "third", "fourth")
    with an_account(tmp_path, *names) as emulator:
        site._text = site._text.replace("http://127.0.0.1:1", emulator.url) + SWEPT
        site.write()
        for name in names:
            (tmp_path / f"{name}.key").write_text(key_of(name))
            (tmp_path / f"{name}.key").chmod(0o600)
        yield site


@contextmanager
def hung(share):
    share.tell(HANGS)
    try:
        yield
    finally:
        share.tell()


def drop_of(site, name):
    return site.root / "share" / name


def watched(run):
    return {folder.name: folder for folder in run.daemon.folders.all()}


def is_ready(run):
    return len(watched(run)) == len(run.daemon.settings.models) and run.daemon.folders.may_write


def test_a_start_while_it_hangs_keeps_no_other_model_waiting(served):
    """Jobs of its models would take both threads for checks and uploads, and never give them back."""
    with running(served) as run:
        for name in ("first", "second"):
            run.daemon.journal.holds.hold(name, legacy("It is held."), credential=False)
            run.deliver(name)
        until(lambda: len(run.daemon.journal.jobs.newest()) == 2, "both deliveries are taken in")
    for name in ("first", "second"):
        assert served.command("release", name).returncode == 0
    with running_while_hung(served) as run:
        until(lambda: is_ready(run), "it is ready")
        for name in ("first", "second"):
            trouble = f"{drop_of(served, name)}: {SILENT}"
            assert told(watched(run)[name].view.trouble).startswith(trouble)
            assert watched(run)[name].file_system != watched(run)["well"].file_system
            assert not watched(run)[name].reachable
        run.deliver("well")
        until(lambda: filed(drop_of(served, "well")), "the other model's delivery is filed")
        served.share.tell()
        for name in ("first", "second"):
            until(lambda name=name: filed(drop_of(served, name)), f"{name} is taken up once it answers")
            assert watched(run)[name].view.trouble is None


@contextmanager
def running_while_hung(site):
    with hung(site.share), running(site) as run:
        try:
            yield run
        finally:
            site.share.tell()


def test_a_share_that_hangs_in_the_first_sweep_delays_ready_for_a_while_and_no_other_model(
    served, monkeypatch
):
    """It has answered when it was asked what it is."""
    monkeypatch.setattr("retraind.reconcile.hints._FIRST_SWEEP_PATIENCE", 1.0)
    for file in ("train_1.csv", "eval_1.csv"):
        deliver(drop_of(served, "first"), file, table(40, 1))
    served.share.tell(Rule(("getattr",), "*/train_*", answer="hang"))
    try:
        with running(served) as run:
            until(lambda: is_ready(run), "it is ready", patience=20)
            assert watched(run)["first"].reachable
            for _ in range(3):
                run.daemon.sweeps.sweep_soon()
                for name in ("first", "second"):
                    run.daemon.queue.ask(name, scan=True)
                    run.daemon.queue.ask(name)
            run.deliver("well")
            until(lambda: filed(drop_of(served, "well")), "the other model's delivery is filed")
            assert run.daemon.journal.jobs.newest("first") == []
            served.share.tell()
            until(lambda: filed(drop_of(served, "first")), "its own is once it answers")
    finally:
        served.share.tell()


def test_shares_that_all_hang_in_the_first_sweep_delay_ready_for_a_while(served, monkeypatch):
    """The one sweep there is does not end, and nothing else has."""
    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 60.0)
    monkeypatch.setattr("retraind.reconcile.hints._FIRST_SWEEP_PATIENCE", 1.0)
    monkeypatch.setattr("retraind.daemon._READ_PATIENCE", 1.0)
    served._text = re.sub(r"\[models.well\][^\[]*", "", served._text)
    served.write()
    deliver(drop_of(served, "first"), "train_1.csv", table(40, 1))
    served.share.tell(Rule(("getattr",), "*/train_*", answer="hang"))
    with running(served) as run:
        until(served.share.struck, "it hangs")
        until(lambda: run.daemon.view.state().ready_at, "it is ready", patience=20)
        assert run.daemon.sweeps.last_ended == 0
        run.stop()


def test_a_reload_while_it_hangs_takes_over_all_that_answers(served):
    (served.share.point / "fourth").mkdir()
    (drop_of(served, "fourth")).symlink_to(served.share.point / "fourth")
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        served._text = re.sub(r"\[models.second\][^\[]*", "", served._text)
        served.add_model("third", key_of("third"))
        served.add_model("fourth", key_of("fourth"))
        with hung(served.share):
            run.daemon.signals.reload()
            until(lambda: "fourth" in watched(run), "the configuration is taken over")
            assert watched(run).keys() == {"well", "first", "third", "fourth"}
            assert SILENT in told(watched(run)["fourth"].view.trouble)
            run.deliver("third")
            until(lambda: filed(drop_of(served, "third")), "what is new and answers is worked on")
        run.deliver("fourth")
        until(lambda: filed(drop_of(served, "fourth")), "the other one is once it answers")


def test_a_hang_is_told_in_time_and_so_is_its_end(served, monkeypatch):
    """Nothing was logged in three and a half minutes of it."""
    served._text += '[notify]\npatience = "2s"\n'
    served.write()
    lines = []
    monkeypatch.setattr(
        "retraind.reconcile.folders._LOG.error", lambda event, **more: lines.append((event, more["model"]))
    )
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        with hung(served.share):
            began = time.monotonic()
            until(lambda: {name for _, name in lines} >= {"first", "second"}, "it is logged", patience=10)
            assert run.daemon._status.line(run.daemon.folders.all(), run.daemon.refused, None).startswith(
                "OUT OF REACH: first, second"
            )
            assert served.command("status").returncode == 1

            def away():
                return run.daemon.journal.events.last_problems("folder_away", ("first", "second"))

            until(lambda: all(away().values()), "somebody is notified", patience=10)
            assert time.monotonic() - began < 15
            assert {each.code for each in away().values()} == {"folder_unreadable"}
            run.deliver("well")
            until(lambda: filed(drop_of(served, "well")), "the other model works on")
        until(lambda: not any(away().values()), "its end is told as well")
        assert not any(folder.trouble for folder in run.daemon.folders.all())


def test_a_hang_ends_complete_sweeps_and_is_no_reason_to_start_again(served):
    """Its sweeps end, for its helper is given up; the heartbeat must not take that for a success."""
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        sweeps, view = run.daemon.sweeps, run.daemon.view
        began = sweeps.last_ended
        until(lambda: sweeps.all_ended > began, "all shares are swept")
        with hung(served.share):
            until(lambda: watched(run)["first"].view.silent, "it is seen")
            last = sweeps.last_ended
            until(lambda: sweeps.last_ended > last + 1, "others are swept, so that theirs is not the oldest")
            before = sweeps.all_ended
            until(lambda: sweeps.last_ended > last + 2.5, "others are swept again")
            assert sweeps.all_ended == before
            assert health_of(os.getpid(), view.state(), Clock().now()).trouble is None
        until(lambda: sweeps.all_ended > before, "it is swept again")


def test_reloads_during_a_hang_leave_no_threads_behind(served):
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        with hung(served.share):
            until(lambda: watched(run)["first"].view.silent, "it is seen to hang")
            before = threading.active_count()
            for number in range(5):
                served._text = re.sub(r"settle = .*", f'settle = "{number + 1}ms"', served._text)
                served.write()
                run.daemon.signals.reload()
                until(
                    lambda number=number: all(
                        model.settle.total_seconds() == (number + 1) / 1000
                        for model in run.daemon.settings.models.values()
                    ),
                    "it is reloaded",
                    patience=10,
                )
            until(lambda: threading.active_count() <= before + 1, "no thread is left", patience=15)
        until(lambda: not watched(run)["first"].trouble, "it answers again")
        run.deliver("first")
        until(lambda: filed(drop_of(served, "first")), "its models work again")


def test_a_daemon_ends_though_nothing_wakes_what_hangs(served):
    """A process with a thread in such a file system cannot even be killed, so the daemon has none there."""
    program = (
        "from retraind import cli\nfrom retraind.system.remote import helper\n"
        "helper.PATIENCE = 0.5\n"
        "raise SystemExit(cli.main())"
    )
    command = [sys.executable, "-c", program, "run", "-c", served.config]
    with served.log.open("wb") as log:
        served.process = subprocess.Popen(command, stderr=log)
    try:
        until(lambda: b'"ready"' in served.log.read_bytes(), "it is ready")
        with hung(served.share):
            for name in ("first", "second"):
                deliver(served.share.folder / name, "train_1.csv", table(20))
            until(lambda: b'"folder_unreadable"' in served.log.read_bytes(), "the hang is told")
            served.process.terminate()
            assert served.process.wait(8) == 0, "while the share still hangs"
            assert b'"stopped"' in served.log.read_bytes()
            again = subprocess.run([*command, "--once"], stderr=subprocess.DEVNULL, check=False)
            assert again.returncode == 1, "its lock is free"
    finally:
        served.kill()


def test_a_share_that_is_mounted_after_the_start_hangs_itself_alone(served, tmp_path, faulty):
    """It must not stay in the lane, and on the threads, of the local disk that it was mounted over."""
    served.add_model("third", key_of("third"))
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        local = watched(run)["well"].file_system
        assert watched(run)["third"].file_system == local
        late = faulty(tmp_path / "late", drop_of(served, "third"))
        until(lambda: watched(run)["third"].file_system != local, "it has a lane of its own")
        late.tell(HANGS)
        for number in range(3):
            deliver(late.folder, f"train_{number}.csv", table(20, number))
        until(lambda: watched(run)["third"].view.silent, "it is seen to hang")
        run.deliver("well")
        until(lambda: filed(drop_of(served, "well")), "the local model's delivery is filed")
        until(lambda: not run.daemon.sweeps._under_way, "no sweep waits")
        late.tell()


NESTED = 'settle = "300ms"\ntrain = "train/{key}.csv"\neval = "eval/{key}.csv"'


@pytest.mark.parametrize(
    "name",
    variants(["train", "eval", "done", "failed", ".retraind"], default=["train", "failed", ".retraind"]),
)
def test_no_link_in_a_drop_folder_leads_to_a_share_that_hangs(served, tmp_path, faulty, name):
    """Whoever can write to one share could otherwise stop every model."""
    trap = faulty(tmp_path / "trap", tmp_path / "trapped")
    drop = served.add_model("third", key_of("third"), NESTED)
    for folder in {"train", "eval"} - {name}:
        (drop / folder).mkdir()
    (drop / name).symlink_to(trap.point)
    trap.tell(HANGS)
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        for folder, content in (("train", table(40)), ("eval", table(20))):
            if folder != name:
                deliver(drop / folder, "1.csv", content)
        run.deliver("well")
        until(lambda: filed(drop_of(served, "well")), "the other model's delivery is filed")
        if name in {"done", "failed"}:
            until(lambda: run.daemon.journal.jobs.newest("third"), "its own is taken in")
            job = run.daemon.journal.jobs.newest("third")[0].id
            want = State.FILING if name == "done" else State.DONE
            until(lambda: run.daemon.journal.jobs.get(job).state is want, "its job is worked on")
        run.daemon.sweeps.sweep_soon()
    assert trap.struck() == []


@pytest.mark.parametrize("name", variants(["train", "failed", "done"], default=["train", "done"]))
def test_what_is_mounted_in_a_drop_folder_hangs_itself_alone(served, tmp_path, faulty, name):
    drop = served.add_model("third", key_of("third"), NESTED)
    for folder in ("train", "eval", name):
        (drop / folder).mkdir(exist_ok=True)
    inner = faulty(tmp_path / "inner", drop / name)
    with running(served) as run:
        until(lambda: is_ready(run), "it is ready")
        inner.tell(HANGS)
        for folder in ("train", "eval"):
            content = b"broken\n1\n" if name == "failed" else table(40)
            deliver(inner.folder if folder == name else drop / folder, "1.csv", content)
        run.deliver("well")
        until(lambda: filed(drop_of(served, "well")), "the other model's delivery is filed")
        until(inner.struck, "it was asked, and hung")
        inner.tell()
        if name != "train":
            until(lambda: any(inner.folder.iterdir()), "it is filed once it answers")
