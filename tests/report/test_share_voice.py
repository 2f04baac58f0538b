import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retraind.config.settings import ModelSettings, StateSettings
from retraind.daemon import Daemon
from retraind.domain.job import State
from retraind.domain.problems import file_problem
from retraind.report.share_voice import share_voice
from retraind.report.status_file import STATUS
from retraind.report.wording import Audience, Voice
from support.jobs import job_of
from support.lanes import by_hand, settle
from support.world import table

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
STATE = StateSettings(url="sqlite:////var/lib/retraind/journal.db", spool=Path("/var/lib/retraind/spool"))


def called(path: str, drop: Path, **more: object) -> str:
    model = ModelSettings.model_validate({"drop": drop, "api_key": "k", **more})
    job = job_of(
        id="a-job", model="churn", key="1", state=State.SEALED, files=(), created_at=NOW, updated_at=NOW,
        drop="/mnt/old", moved_to=(str(drop),),
    )  # fmt: skip
    return share_voice(model, STATE, (job,), language="en").place(Path(path))


PLACES = [
    ("DROP", "this folder"),
    ("DROP/train", "train"),
    ("DROP/.retraind/id/train_1.csv", ".retraind/id/train_1.csv"),
    ("DROP/done/id", "done/id"),
    ("ARCHIVE", "done/"),
    ("ARCHIVE/id", "done/id"),
    ("DROP/failed", "failed/"),
    ("/var/lib/retraind/spool/id.zip", "the spool on retraind's machine"),
    ("/var/lib/retraind/shares/churn.json", "the state folder on retraind's machine"),
    ("/mnt/old/.retraind/id", "the earlier drop folder"),
    ("DROP2", "my drop2 on retraind's machine"),
    ("/etc/key\x1b", "key\\x1b on retraind's machine"),
    ("/", "a folder on retraind's machine"),
    ("eval/1.csv", "eval/1.csv"),
]


@pytest.mark.parametrize(("path", "told"), PLACES)
def test_places_are_called_what_they_are_on_the_share(tmp_path, path, told):
    drop, archive = tmp_path / "my drop", tmp_path / "archive"
    drop.mkdir()
    archive.mkdir()
    path = path.replace("DROP", str(drop)).replace("ARCHIVE", str(archive))
    assert called(path, drop, done=archive) == told


@pytest.mark.parametrize(("language", "words"), [("en", "LimitNOFILE"), ("ja", "引き上げてください")])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_told_with_what_helps(language, words, number):
    """The file that could not be opened is any: often a part of Python, of which nobody would think."""
    problem = file_problem(OSError(number, os.strerror(number), "/opt/retraind/__init__.py"))
    assert words in Voice(Audience.SHARE, language).tell(problem)


def test_in_a_note_the_drop_folder_is_not_the_folder_of_the_note(tmp_path):
    model = ModelSettings.model_validate({"drop": tmp_path, "api_key": "k"})
    assert share_voice(model, STATE, in_a_note=True, language="en").place(tmp_path) == "the drop folder"


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
    assert (job.state, job.wait.attempts) == (State.SEALED, 1)
    assert job.wait.trouble.facts["path"].startswith(str(spool))
    assert "Last try: the spool on retraind's machine: " in told(daemon)
    assert str(tmp_path) not in told(daemon)
