import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from retraind.cli import main
from retraind.store.journal import Journal
from support.process import Site, deliver_pair, filed, until
from support.world import KEY, an_account


def test_a_backup_is_made_while_the_daemon_runs_verified_and_restored_after_it(tmp_path, capsys):
    with an_account(tmp_path) as service:
        site = Site(tmp_path, service.url)
        drop = site.add_model("churn", KEY)
        site.start()
        deliver_pair(drop)
        until(lambda: filed(drop), "the delivery is filed")
        options = ["-c", str(site.config)]
        assert main([*options, "journal", "backup", "--json", "--keep", "1"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert datetime.fromisoformat(made["made_at"]).isoformat() == made["made_at"], "ISO 8601"
        assert (made["jobs"], made["has_key"]) == (1, True)
        assert "key" not in made
        assert main([*options, "journal", "backup", "--keep", "1", str(tmp_path / "elsewhere")]) == 0
        assert "1 job" in capsys.readouterr().out
        assert main([*options, "journal", "restore", made["path"]]) == 1
        assert "Another retraind" in capsys.readouterr().err
        assert site.stop() == 0
    assert main([*options, "journal", "verify"]) == 0
    assert main([*options, "journal", "verify", made["path"]]) == 0
    assert main([*options, "journal", "restore", made["path"]]) == 0
    told = capsys.readouterr().out
    assert "is sound and can be restored" in told
    assert "journal.db.replaced-1" in told
    assert [job["key"] for job in site.jobs()] == ["1"]


def test_a_missing_or_wrong_file_is_refused_in_words(tmp_path, capsys):
    site = Site(tmp_path, "http://127.0.0.1:9")
    site.add_model("churn", KEY)
    options = ["-c", str(site.config)]
    (tmp_path / "notes.txt").write_text("This is not a backup. " * 300)
    assert main([*options, "journal", "backup"]) == 1
    assert main([*options, "journal", "verify", str(tmp_path / "missing.db")]) == 1
    assert main([*options, "journal", "restore", str(tmp_path / "notes.txt")]) == 1
    told = capsys.readouterr().err
    assert told.count("retraind: ") == 3
    assert "There is no journal" in told
    assert "missing.db" in told
    assert "notes.txt is damaged, or not a backup of a journal" in told
    with pytest.raises(SystemExit) as ended:
        main([*options, "journal", "backup", "--keep", "0"])
    assert ended.value.code == 2


@pytest.fixture
def small(tmp_path):
    """A disk with room for less than a journal."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "small", folder]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow the mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_leaves_no_part_of_a_backup_and_says_where_room_is_missing(tmp_path, small, capsys):
    site = Site(tmp_path, "http://127.0.0.1:9")
    site.add_model("churn", KEY)
    journal = tmp_path / "state" / "journal.db"
    Journal.open(journal).close()
    assert main(["-c", str(site.config), "journal", "backup", str(small)]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert f"{small} cannot be read or written: No space left on device. Free some space there." in told
    assert not [*small.iterdir()]


def test_a_damaged_backup_is_refused_and_the_journal_stays(tmp_path, capsys):
    site = Site(tmp_path, "http://127.0.0.1:9")
    site.add_model("churn", KEY)
    options = ["-c", str(site.config)]
    journal = tmp_path / "state" / "journal.db"
    Journal.open(journal).close()
    assert main([*options, "journal", "backup", "--json"]) == 0
    made = Path(json.loads(capsys.readouterr().out)["path"])
    whole = made.read_bytes()
    before = journal.read_bytes()
    for damaged in (whole[:20_000] + b"\xff" * 9_000 + whole[29_000:], whole[:30_000], b""):
        made.write_bytes(damaged)
        for action in ("verify", "restore"):
            assert main([*options, "journal", action, str(made)]) == 1
            told = " ".join(capsys.readouterr().err.split())
            assert f"{made} is damaged" in told if damaged else f"{made} is not a backup" in told
    assert journal.read_bytes() == before
