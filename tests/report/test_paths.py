import shutil
from pathlib import Path

import pytest

from retraind.config.settings import ModelSettings, StateSettings
from retraind.daemon import Daemon
from retraind.domain.job import State
from retraind.report.paths import for_the_share
from retraind.report.status_file import STATUS
from support.lanes import by_hand, settle
from support.world import table

STATE = StateSettings(url="sqlite:////var/lib/retraind/journal.db", spool=Path("/var/lib/retraind/spool"))


def plain(text: str, drop: Path, **more: object) -> str:
    model = ModelSettings.model_validate({"drop": drop, "api_key": "k", **more})
    return for_the_share(model, STATE, (str(drop), "/mnt/old"))(text)


SENTENCES = [
    ("DROP cannot be read: Permission denied.", "this folder cannot be read: Permission denied."),
    ("DROP/train cannot be read: Input/output error.", "train cannot be read: Input/output error."),
    ("DROP/.retraind/id/train_1.csv: Disk quota exceeded.", ".retraind/id/train_1.csv: Disk quota exceeded."),
    ("See DROP.", "See this folder."),
    ("See DROP/done/id, and go on.", "See done/id, and go on."),
    ("ARCHIVE is another folder than before.", "done/ is another folder than before."),
    ("ARCHIVE/id: No space left on device.", "done/id: No space left on device."),
    (
        "/var/lib/retraind/spool/id.zip: No space left on device. Free some space there.",
        "the spool on retraind's machine: No space left on device. Free some space there.",
    ),
    (
        "/var/lib/retraind/shares/churn.json: Read-only file system.",
        "the state folder on retraind's machine: Read-only file system.",
    ),
    ("/mnt/old/.retraind/id: Stale file handle.", "the earlier drop folder: Stale file handle."),
    ("DROP2 and DROP-2 and DROP.old and /mnt DROP", "DROP2 and DROP-2 and DROP.old and /mnt this folder"),
    ("/mntDROP is no place of this model's.", "/mntDROP is no place of this model's."),
    ("eval_1.csv has not arrived.", "eval_1.csv has not arrived."),
]


@pytest.mark.parametrize(("text", "told"), SENTENCES)
def test_places_are_called_what_they_are_on_the_share(tmp_path, text, told):
    drop, archive = tmp_path / "my drop", tmp_path / "archive"
    drop.mkdir()
    archive.mkdir()

    def written(words: str) -> str:
        return words.replace("DROP", str(drop)).replace("ARCHIVE", str(archive))

    assert plain(written(text), drop, done=archive) == written(told)


@pytest.fixture
def daemon(tmp_path):
    (tmp_path / "churn").mkdir()
    (tmp_path / "key").write_text("key-of-churn")
    (tmp_path / "key").chmod(0o600)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/spool"\n'
        f'[models.churn]\ndrop = "{tmp_path}/churn"\napi_key_file = "{tmp_path}/key"\nsettle = 0'
    )
    with by_hand(config) as made:
        yield made


def told(daemon: Daemon) -> str:
    daemon.queue.ask("churn")
    settle(daemon)
    text = (daemon.pipeline.settings.models["churn"].drop / STATUS).read_text("utf-8-sig")
    return " ".join(text.split())


def test_trouble_with_a_disk_names_no_path_of_the_machine_on_the_share(daemon, tmp_path):
    spool, drop = tmp_path / "spool", tmp_path / "churn"
    shutil.rmtree(spool, ignore_errors=True)
    spool.write_text("a file in the folder's place")
    for role in ("train", "eval"):
        (drop / f"{role}_1.csv").write_bytes(table())
    daemon.queue.ask("churn", scan=True)
    settle(daemon)
    (job,) = daemon.journal.jobs.active("churn")
    assert (job.state, job.attempts) == (State.SEALED, 1)
    assert str(spool) in job.trouble
    assert "Last try: the spool on retraind's machine: " in told(daemon)
    assert str(tmp_path) not in told(daemon)
