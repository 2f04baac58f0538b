"""Names, data and messages that hold escape sequences: wherever retraind shows them, they are only signs."""

import pty
import sys
from dataclasses import replace

import pytest

from retraind.report.layout import as_bytes
from retraind.report.notes import note
from retraind.report.wording import Voice
from support.process import deliver, filed
from support.words import legacy
from support.world import KEY, a_world, table

NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egpj\u2066\u2028\r\n\tx\x7f"
"""Sets a terminal's title, empties it, colours it (also by a single C1 sign), turns the direction of writing,
and
begins new lines."""


def harmless(text):
    return all(char.isprintable() or char in "\n\u3000" for char in text)


@pytest.fixture
def site(site):
    site.drop = site.add_model(
        "churn", KEY, 'settle = "0s"\nswitch = "gate"\ngate = ["/bin/cat"]\npair_timeout = "1h"'
    )
    return site


@pytest.mark.quick
def test_nothing_that_a_delivery_holds_reaches_a_screen_a_note_or_the_log_as_it_is(site):
    header = f'"{NASTY}",plan,churned,"{NASTY}"\r\n'.encode("utf-8-sig")
    bad = header + f'"{NASTY}",1\r\n'.encode() * 20
    for role, content in (("train", bad), ("eval", table(20))):
        deliver(site.drop, f"{role}_{NASTY}1.csv", content)
    for role, content in (("train", table()), ("eval", table(20))):
        deliver(site.drop, f"{role}_{NASTY}2.csv", content)
    deliver(site.drop, f"train_{NASTY}3.csv", table())
    deliver(site.drop, f"stranger{NASTY}.csv", table())
    site.start("--once", wait=False)
    assert site.process.wait(60) == 1
    assert {folder.parent.name for folder in filed(site.drop)} == {"done", "failed"}

    shown = {
        name: site.command(*name.split()).stdout
        for name in ("status", "status --json", "jobs", "jobs --json", "check")
    }
    for job in site.jobs():
        for command in (("show", job["id"]), ("show", job["id"], "--json")):
            done = site.command(*command)
            shown[" ".join(command)] = done.stdout
        assert harmless(job["id"])
    complaint = site.command("show", NASTY)
    assert complaint.returncode == 1
    shown["complaint"] = complaint.stderr
    for path in (*site.drop.glob("*/*/*.txt"), *site.drop.glob("*/*/*.json"), site.drop / "STATUS.txt"):
        shown[path.name] = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    shown["the log"] = site.log.read_text()
    assert [name for name, text in shown.items() if not harmless(text)] == []
    assert "\\x1b]0;owned" in shown["status"], "it is told as it is, escaped"
    assert "\\x1b]0;owned" in shown["ERROR.txt"]
    assert all(len(line) < 2_000 for line in shown["ERROR.txt"].splitlines())


def test_the_log_on_a_terminal_obeys_no_sequence_that_came_with_a_name(tmp_path):
    """A pseudo-terminal in the place of the operator's."""
    drop = tmp_path / "drop"
    drop.mkdir()
    deliver(drop, f"train_{NASTY}.csv", b"only one column\n1\n")
    (tmp_path / "key").touch(0o600)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[state]\nurl = "sqlite:///{tmp_path}/state/journal.db"\nspool = "{tmp_path}/spool"\n'
        f'[models.churn]\ndrop = "{drop}"\napi_key_file = "{tmp_path}/key"\nsettle = 0\nmode = "train-only"\n'
    )
    printed = b""

    def read(handle):
        nonlocal printed
        import os  # noqa: PLC0415

        data = os.read(handle, 65536)
        printed += data
        return data

    pty.spawn([sys.executable, "-m", "retraind", "run", "--once", "-c", str(config)], read)
    text = printed.decode()
    assert "delivery_sealed" in text
    for sequence in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\u2028", "\x7f"):
        assert sequence not in text


@pytest.mark.quick
def test_what_the_gate_and_the_service_say_is_shown_harmlessly(tmp_path):
    with a_world(tmp_path, switch="gate", gate=["/usr/bin/printf", NASTY.replace("\x1b", "\\033")]) as world:
        job = world.run(world.sealing())
        assert "\\x1b]0;owned" in world.read(job, "RESULT.txt")
        assert harmless(world.read(job, "RESULT.txt"))
        job = replace(
            job,
            training=replace(job.training, status=NASTY, message=NASTY),
            registration=replace(job.registration, retrain_job_id=NASTY),
            publication=replace(job.publication, note=legacy(NASTY)),
        )
        assert harmless(as_bytes(note(job, Voice())).decode("utf-8-sig").replace("\r\n", "\n"))
