"""A real file system that answers with errors, dies and comes back, comes back empty, or does not answer at
all."""

import os
import threading
import zipfile
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy.exc import SQLAlchemyError

from retraind.cli.setup.checkup import checkup
from retraind.config.load import load
from retraind.config.settings import ModelSettings, Settings, SweepSettings
from retraind.daemon import Daemon
from retraind.domain.job import Outcome, State
from retraind.intake.drop_folder import DropFolder
from retraind.intake.share_identity import MARKER
from retraind.jobs.expiry import expire
from retraind.report.share_voice import share_voice
from retraind.report.status_file import STATUS, status_text
from retraind.store.journal import Standing
from support.clock import ManualClock
from support.faulty import Faulty, Rule
from support.process import until
from support.words import legacy, told
from support.world import a_world, table

SMALL = table(20)
LARGE = table() + b"".join(b"30,%s,%d\n" % (os.urandom(400).hex().encode(), n % 2) for n in range(600))
"""More than the kernel reads at once."""
REMEDIES = {
    "EIO": "Input/output error. The disk or the share is failing; see the system log.",
    "ESTALE": "Stale file handle. The share was exported again; mount it again.",
    "EDQUOT": "Disk quota exceeded. Free some space there, or raise the quota.",
    "ENOSPC": "No space left on device. Free some space there.",
    "EACCES": "Permission denied. Allow the service's user to read and write there.",
    "ENOTCONN": "Transport endpoint is not connected. The share does not respond; check its server and the network, or mount it again.",
    "EHOSTDOWN": "Host is down. The share does not respond; check its server and the network, or mount it again.",
    "ETIMEDOUT": "Connection timed out. The share does not respond; check its server and the network, or mount it again.",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Share and state folder of one world, both on faulty file systems, for all deliveries of this module."""
    root = tmp_path_factory.mktemp("world")
    share, state = Faulty(root / "disk", root / "share"), Faulty(root / "local", root / "state")
    try:
        share.on()
        state.on()
        with a_world(root) as world:
            yield world, share, state
    finally:
        share.off()
        state.off()


def delivered(world, key, until=None, **options):
    """Drop a delivery whose content is its own, and run its job up to a state."""
    options = {"train": table(40) + f"30,{key},1\n".encode(), "evaluation": SMALL} | options
    job = world.run(world.sealing(key, **options), until=until)
    if until in {State.UPLOADED, State.FILING}:
        world.wait_for_trainings()
    return job, options


def stuck(world, job, state, words, tries=2):
    """The job stays where it is and says why, in words that people know."""
    for attempt in range(1, 1 + tries):
        job = world.step(job)
        assert (job.state, job.wait.attempts) == (state, attempt)
    assert told(job.wait.trouble).endswith(words)
    assert told(job.wait.trouble).startswith(str(world.root)), "which file or folder it is about"
    return job


def ends_well(world, job, delivery):
    """All goes on by itself: one upload with these bytes, one training, every file once and unchanged."""
    job = world.run(job)
    assert (job.state, job.outcome, job.wait.trouble) == (State.DONE, Outcome.TRAINED, None)
    expected = {f"done/{job.id}/train_{job.key}.csv": delivery["train"]}
    if delivery["evaluation"] is not None:
        expected[f"done/{job.id}/eval_{job.key}.csv"] = delivery["evaluation"]
    there = {path: content for path, content in world.files().items() if f"_{job.key}.csv" in path}
    assert there == expected
    names = {path.name for path in world.folder(job).iterdir()}
    assert {"RESULT.txt", "report.json", "results.zip"} <= names
    own = [
        entry for entry in world.records("training_started") if entry["retrain_job_id"] == job.retrain_job_id
    ]
    assert len(own) == 1
    (upload,) = (world.root / "service" / "objects").glob(f"{job.retrain_job_id}/upload-*")
    if delivery["evaluation"] is None:
        assert upload.read_bytes() == delivery["train"]
    else:
        with zipfile.ZipFile(upload) as bundle:
            assert bundle.read(f"train_src/train_{job.key}.csv") == delivery["train"]


FAULTS = {
    "the files cannot be synced": (State.SEALING, "fsync", "*/train_*", "EIO"),
    "the last file cannot be moved": (State.SEALING, "rename", "*/eval_*", "ESTALE"),
    "the job's folder cannot be made": (State.SEALING, "mkdir", "*/.retraind/*", "EDQUOT"),
    "the copy of the job fails only when it is closed": (State.SEALING, "flush", "*/.job.json.tmp", "EDQUOT"),
    "the marker cannot be read": (State.SEALING, "read", f"*/{MARKER}", "EIO"),
    "the share does not know the job's folder any more": (State.SEALED, "getattr", "*/.retraind/*_*", "ESTALE"),
    "a file may not be opened": (State.SEALED, "open", "*/train_*", "EACCES"),
    "the server is down": (State.SEALED, "getattr", "*", "EHOSTDOWN"),
    "the server does not answer in time": (State.CHECKED, "getattr", "*", "ETIMEDOUT"),
    "the results cannot be begun": (State.UPLOADED, "create", "*results*", "EDQUOT"),
    "the results do not fit": (State.UPLOADED, "write", "*results*", "ENOSPC"),
    "the results turn out not to fit when they are closed": (State.UPLOADED, "flush", "*results*", "EDQUOT"),
    "the note cannot be synced": (State.FILING, "fsync", "*RESULT.txt*", "EIO"),
    "the report cannot be put in place": (State.FILING, "rename", "*report.json*", "EACCES"),
    "the results cannot be looked at": (State.FILING, "getattr", "*/results.zip", "EIO"),
    "the folder cannot be moved": (State.FILING, "rename", "*/.retraind/*_*", "ESTALE"),
    "the move cannot be synced": (State.FILING, "fsyncdir", "*/done", "EIO"),
}  # fmt: skip
"""By what happens: the state whose step meets it, the call, the path, the answer."""


@pytest.mark.parametrize("what", FAULTS)
def test_whatever_the_share_answers_the_step_is_tried_again_and_says_what_helps(place, what):
    world, share, _ = place
    state, call, path, answer = FAULTS[what]
    job, delivery = delivered(world, str(list(FAULTS).index(what)), until=state)
    with share.failing(Rule((call,), path, answer)):
        job = stuck(world, job, state, REMEDIES[answer])
    ends_well(world, job, delivery)


@pytest.mark.parametrize("call", ["create", "write", "fsync", "flush", "rename", "statfs"])
def test_a_spool_that_does_not_work_is_waited_for(place, call):
    world, _, local = place
    job, delivery = delivered(world, f"spool-{call}", until=State.SEALED)
    answer = "EDQUOT" if call == "write" else "EIO"
    with local.failing(Rule((call,), "/spool/*", answer)):
        job = stuck(world, job, State.SEALED, REMEDIES[answer])
    ends_well(world, job, delivery)


MID_READS = [
    (SMALL, State.SEALED),
    (SMALL, State.CHECKED),
    (SMALL, State.REGISTERED),
    (None, State.SEALED),
    (None, State.REGISTERED),
]
"""With or without an evaluation file, and the state whose step reads; a training file alone is not read for a
bundle."""


@pytest.mark.parametrize(
    ("evaluation", "state"), MID_READS, ids=lambda value: "pair" if value == SMALL else value
)
def test_a_file_that_breaks_off_in_mid_read_is_never_taken_for_a_shorter_one(place, evaluation, state):
    """Once the zip is there, nothing of the share is read; a training file alone is read again when it is
    sent."""
    world, share, local = place
    world.configure(mode="train-only" if evaluation is None else "pair")
    key = f"half-{state}-{'alone' if evaluation is None else 'pair'}"
    job, delivery = delivered(
        world, key, until=state, train=LARGE + f"30,{key},1\n".encode(), evaluation=evaluation
    )
    bundled = evaluation is not None
    if bundled and state is State.CHECKED:
        (world.settings.state.spool / f"{job.id}.zip").unlink()
    disk, name = (local, "*.zip") if bundled and state is State.REGISTERED else (share, "*/train_*")
    with disk.failing(Rule(("read",), name, beyond=len(LARGE) // 2)):
        # A PUT that was cut off is in doubt; then the service is asked first.
        job = stuck(world, job, state, REMEDIES["EIO"], tries=1 if state is State.REGISTERED else 2)
    ends_well(world, job, delivery)
    world.configure()


# Two faults, one after the other: what cannot be looked at must not pass for gone


def test_a_file_that_was_moved_and_cannot_be_looked_at_is_not_left_behind(place):
    """The delivery would go back to the drop folder without it."""
    world, share, _ = place
    job, delivery = delivered(world, "moved", until=State.SEALING)
    with share.failing(Rule(("rename",), "*/eval_*")):
        job = stuck(world, job, State.SEALING, REMEDIES["EIO"])
    assert not (world.share / "train_moved.csv").exists()
    with share.failing(Rule(("getattr",), "*/.retraind/*/train_*", times=2)):
        job = world.step(job)
        assert (job.state, job.wait.attempts) == (State.SEALING, 3)
    ends_well(world, job, delivery)


@pytest.mark.parametrize("outcome", [Outcome.TRAINED, Outcome.FAILED])
def test_a_filed_folder_that_cannot_be_looked_at_is_not_forgotten(place, outcome):
    world, share, _ = place
    train = {"train": b"broken\n1\n"} if outcome is Outcome.FAILED else {}
    job, _ = delivered(world, f"kept-{outcome}", **train)
    assert job.outcome is outcome
    with share.failing(Rule(("getattr",), f"*/{job.id}")), pytest.raises(OSError, match="Input/output error"):
        expire(job, world.pipeline.places, world.journal)
    assert world.journal.jobs.get(job.id) == job
    assert world.folder(job).is_dir()


# Looks


LOOKS = {
    "the folder cannot be opened": ("opendir", "/churn", "ESTALE"),
    "the folder cannot be read": ("readdir", "/churn", "EIO"),
    "a file in it cannot be asked after": ("getattr", "*/eval_*", "EIO"),
    "the server is down": ("getattr", "*", "EHOSTDOWN"),
    "the connection is gone": ("getattr", "*", "ENOTCONN"),
}


@pytest.mark.parametrize("what", LOOKS)
@pytest.mark.quick
def test_a_look_that_fails_takes_nothing_says_what_helps_and_forgets_nothing(place, what):
    world, share, _ = place
    call, path, answer = LOOKS[what]
    clock = ManualClock()
    model = ModelSettings.model_validate({"drop": world.share, "api_key": "k"})
    look = DropFolder(model, SweepSettings().ignore, clock, None, lambda: None).look
    files = [world.drop(f"{role}_look.csv", SMALL) for role in ("train", "eval")]
    assert not look().trouble
    clock.pass_time(timedelta(seconds=10))
    with share.failing(Rule((call,), path, answer)):
        view = look()
        assert REMEDIES[answer] in told(view.trouble)
        voice = share_voice(model, world.settings.state, language="en")
        text = status_text("churn", view, Standing([], None, None, None, None), voice)
        assert str(world.share) not in text
        assert not view.complete
        assert not view.waiting
    assert "look" in [delivery.key for delivery in look().complete], (
        "they have not changed since they were seen"
    )
    for file in files:
        file.unlink()


# A share whose server dies


@pytest.mark.quick
def test_a_share_that_dies_in_mid_read_is_waited_for_whatever_is_there_meanwhile(tmp_path, faulty):
    """First its dead mount, then the empty folder below it, then another, empty share, at last itself."""
    share = faulty(tmp_path / "disk", tmp_path / "share")
    with a_world(tmp_path) as world:
        job, delivery = delivered(world, "dies", until=State.SEALED, train=LARGE)
        share.tell(Rule(("read",), "*/train_*", "die", beyond=len(LARGE) // 2))
        job = world.step(job)
        assert share.dead()
        job = world.step(job)
        assert (job.state, job.wait.attempts) == (State.SEALED, 2)
        assert told(job.wait.trouble).endswith(REMEDIES["ENOTCONN"])
        assert told(world.pipeline.shares.trouble("churn", world.share)).endswith(REMEDIES["ENOTCONN"])
        share.off()
        for empty in (tmp_path / "share", tmp_path / "empty"):
            (empty / "churn").mkdir(parents=True)
            if empty != share.point:
                share.on(empty)
            job = world.step(job)
            assert job.state is State.SEALED
            assert job.wait.trouble.code == "folder_marker_missing"
            assert list(world.share.iterdir()) == []
        share.off()
        share.on()
        ends_well(world, job, delivery)


def test_a_share_that_does_not_answer_at_the_start_is_no_mistake_of_the_configuration(tmp_path, faulty):
    """Exit code 2 would be the end of all models until a person comes."""
    share = faulty(tmp_path / "disk", tmp_path / "share")
    share.die()
    config = tmp_path / "config.toml"
    config.touch(0o600)
    config.write_text(
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/spool"\n'
        f'[models.churn]\ndrop = "{share.point}"\napi_key = "k"\n'
    )
    settings, _ = load(config)
    found = next(
        finding for finding in checkup(settings, online=False) if finding.subject == "models.churn.drop"
    )
    assert not found.good
    assert REMEDIES["ENOTCONN"] in found.text
    with Daemon(settings, tmp_path) as daemon:
        assert daemon.run(once=True) == 1
        assert REMEDIES["ENOTCONN"] in told(daemon.folders.get("churn").view.trouble)


def test_telling_of_a_hold_on_a_share_that_hangs_keeps_neither_the_main_thread_nor_another_share(
    tmp_path, faulty
):
    """The main thread heeds commands, signals and systemd's watchdog."""
    share = faulty(tmp_path / "disk", tmp_path / "hung")
    (tmp_path / "well").mkdir()
    models = {name: {"drop": tmp_path / name, "api_key": "k"} for name in ("hung", "well")}
    state = {"url": f"sqlite:///{tmp_path}/state/journal.db", "spool": tmp_path / "spool"}
    with Daemon(Settings(state=state, models=models), tmp_path) as daemon:
        daemon.folders.allow_writing()
        daemon.begin()
        for folder in daemon.folders.all():
            daemon.loop.scan(folder)
            daemon.publisher.publish([folder])
            daemon.journal.holds.hold(folder.name, legacy("It is held."), credential=False)
        share.tell(Rule(("getattr",), answer="hang"))
        daemon.loop.start()
        main = threading.Thread(target=daemon._heed_journal, daemon=True)
        main.start()
        try:
            main.join(20)
            assert not main.is_alive()
            until(share.struck, "the share hangs")
            until(
                lambda: b"It is held." in (tmp_path / "well" / STATUS).read_bytes(), "the other share is told"
            )
        finally:
            share.tell()
        until(
            lambda: b"It is held." in (share.point / STATUS).read_bytes(), "this one is told once it answers"
        )


# The journal


@pytest.mark.parametrize("file", ["journal.db-wal", "journal.db"])
@pytest.mark.parametrize("answer", ["EIO", "ENOSPC"])
def test_a_journal_whose_disk_fails_loses_no_job_and_trains_nothing_twice(place, file, answer):
    """Again and again it fails for a while, at another place each time, until the job is done."""
    world, _, local = place
    job, delivery = delivered(world, f"{file}-{answer}", until=State.SEALING)
    failures = []
    for spared in range(0, 60, 3):
        local.tell(Rule(("write", "fsync"), f"/{file}", answer, after=spared, times=2))
        try:
            job = world.run(job, until=State.DONE)
        except SQLAlchemyError as error:
            failures.append(str(error.orig))
        local.tell()
        job = world.journal.jobs.get(job.id)
        if job.state is State.DONE:
            break
    assert set(failures) <= {"disk I/O error", "database or disk is full"}
    assert len(failures) > 3 or file == "journal.db", "a checkpoint that fails stops nobody"
    ends_well(world, job, delivery)
    assert world.journal.database.examine() is None


def test_a_sound_journal_of_which_the_disk_does_not_tell_is_not_set_aside(tmp_path, faulty):
    """To SQLite it looks damaged then. The histories, the holds and the wishes are in it alone."""
    state = faulty(tmp_path / "local", tmp_path / "state")
    (tmp_path / "drop").mkdir()
    settings = Settings(
        state={"url": f"sqlite:///{state.point}/journal.db", "spool": tmp_path / "spool"},
        models={"churn": {"drop": tmp_path / "drop", "api_key": "k"}},
    )
    with Daemon(settings, tmp_path) as daemon:
        daemon.journal.holds.hold("churn", legacy("The key was refused.", "Renew it."), credential=True)
        with state.failing(
            Rule(("write",), "/journal.db-wal", times=2), Rule(("getattr",), "/journal.db-wal")
        ):
            for number in range(8):
                with suppress(SQLAlchemyError):
                    daemon.journal.events.note("key_warning", number=number)
        assert "malformed" in daemon.journal.database.damage
    with Daemon(settings, tmp_path) as daemon:
        assert "churn" in daemon.journal.holds.all()
    assert not list(state.point.glob("*.bad-*"))
