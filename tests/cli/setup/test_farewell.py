"""What is left on the shares says in words that retraind was removed, and a removal never waits for a share."""

import platform
import shutil
import sqlite3

import pytest

from retraind.cli import main
from retraind.domain.job import State
from retraind.report.status_file import STATUS
from retraind.store.instance import sole_instance
from support.world import KEY, a_world, table

BOM = "utf-8-sig"


def configuration(world, *models):
    """Write the world's configuration, with further models, into a file."""
    lines = [f'[state]\nurl = "sqlite:///{world.root}/state/journal.db"\nspool = "{world.root}/state/spool"']
    for name, drop in (("churn", world.share), *models):
        lines.append(f'[models.{name}]\ndrop = "{drop}"\napi_key = "{KEY}"')
    file = world.root / "config.toml"
    file.touch(0o600)
    file.write_text("\n".join(lines) + "\n")
    return file


def say_farewell(world, *models, only=()):
    return main(["farewell", "-c", str(configuration(world, *models)), *only])


def told(folder):
    return (folder / STATUS).read_text(BOM).replace("\r\n", "\n")


def plain(folder):
    return " ".join(told(folder).split())


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        (made.share / STATUS).write_text("old", BOM)
        yield made


def test_the_drop_folder_says_since_when_from_where_and_what_becomes_of_files(world, capsys):
    done = world.run(world.sealing(key="1"))
    in_work = world.run(world.sealing(key="2", train=table(40, 2)), until=State.REGISTERED)
    before = {path for path in world.share.rglob("*") if path.is_file()}
    assert say_farewell(world) == 0
    assert "1" in capsys.readouterr().out
    text = plain(world.share)
    assert f"retraind was removed from {platform.node()} on " in text
    assert "Files that are dropped here are not processed." in text
    assert "Their files are in .retraind/" in text
    assert in_work.id in text or in_work.key in text
    assert done.id in text, "how the last delivery ended stays known"
    assert str(world.root) not in text
    assert {path for path in world.share.rglob("*") if path.is_file()} == before
    assert world.journal.jobs.get(in_work.id) == in_work


def test_a_model_alone_can_be_bidden_farewell(world, tmp_path, capsys):
    in_work = world.run(world.sealing(key="2", train=table(40, 2)), until=State.REGISTERED)
    other = tmp_path / "other"
    other.mkdir()
    (other / STATUS).write_text("old", BOM)
    assert say_farewell(world, ("price", other), only=["nosuch"]) == 2
    assert "churn, price" in capsys.readouterr().err
    assert say_farewell(world, ("price", other), only=["churn"]) == 0
    text = plain(world.share)
    assert "The model was removed from retraind's configuration." in text
    assert in_work.key in text
    assert told(other) == "old"


def test_without_work_it_does_not_speak_of_any(world):
    assert say_farewell(world) == 0
    assert ".retraind" not in told(world.share)


def test_a_folder_that_retraind_never_watched_or_that_is_not_the_known_share_is_left_alone(world, tmp_path):
    world.run(world.sealing(key="1"))
    new, other = tmp_path / "new", tmp_path / "unmounted"
    new.mkdir()
    world.share.rename(other)
    world.share.mkdir()
    (world.share / STATUS).write_text("somebody's", BOM)
    assert say_farewell(world, ("price", new)) == 1
    assert list(new.iterdir()) == []
    assert told(world.share) == "somebody's"
    assert told(other) == "old"


def test_a_folder_that_is_gone_keeps_no_other_from_being_told(world, tmp_path, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    configured = configuration(world, ("price", gone))
    shutil.rmtree(gone)
    assert main(["farewell", "-c", str(configured)]) == 1
    assert "price" in capsys.readouterr().err
    assert "was removed from" in told(world.share)


@pytest.mark.parametrize("how", ["gone", "damaged", "of a newer version"])
def test_a_journal_that_cannot_be_read_keeps_no_folder_from_being_told(world, how):
    file = world.root / "state" / "journal.db"
    world.journal.close()
    match how:
        case "gone":
            file.unlink()
        case "damaged":
            file.write_bytes(b"nothing" * 1000)
        case _:
            with sqlite3.connect(file) as journal:
                journal.execute("UPDATE alembic_version SET version_num = '9999'")
            journal.close()
    before = file.read_bytes() if file.exists() else None
    assert say_farewell(world) == 0
    assert "was removed from" in told(world.share)
    assert (file.read_bytes() if file.exists() else None) == before


def test_while_the_daemon_runs_it_says_nothing(world, capsys):
    with sole_instance(world.root / "state" / "journal.db"):
        assert say_farewell(world) == 1
    assert told(world.share) == "old"
    assert "Another retraind" in capsys.readouterr().err
