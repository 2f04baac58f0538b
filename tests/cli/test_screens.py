"""What commands look like on terminals of several widths, and in pipes."""

import io
import json
import os
import re
from contextlib import closing
from datetime import UTC, datetime

import pytest

from retraind.bundle.progress import Doing, Progress
from retraind.cli import main
from retraind.cli.live.frame import Size
from retraind.cli.live.watch import SceneReader
from retraind.cli.output import wrapped
from retraind.config.load import load_without_keys
from retraind.domain.job import State, Waiting
from retraind.domain.problems import problem
from retraind.page.reading import Reader
from retraind.report.standing import job_lines
from retraind.report.wording import Audience, Voice
from retraind.system.clock import Clock
from support.pages import NOW, Seeder, as_if_running, configured
from support.process import deliver, until
from support.words import told
from support.world import KEY, table


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def site(site):
    site.drop = site.add_model("churn", KEY, 'settle = "0s"')
    site.other = site.add_model("demand-forecast-of-the-north", KEY, 'settle = "0s"')
    deliver(site.drop, "train_2026-11.csv", table())
    deliver(site.drop, "eval_2026-11.csv", table(20))
    deliver(site.drop, "train_a-key-with-some-forty-letters-in-it-or-so.csv", b"a\n1\n")
    deliver(site.drop, "eval_a-key-with-some-forty-letters-in-it-or-so.csv", b"a\n1\n")
    deliver(site.other, "train_half.csv", table())
    site.once()
    return site


@pytest.fixture
def screen(site, monkeypatch):
    """Run a command on a terminal of so many columns."""

    def show(columns, *arguments):
        with monkeypatch.context() as patched:
            patched.setattr("support.process.io.StringIO", Terminal)
            patched.setenv("COLUMNS", str(columns))
            done = site.command(*arguments)
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)

    return show


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_jobs_have_their_short_ids_where_there_is_no_room_for_more(site, screen, columns):
    lines = screen(columns, "jobs").splitlines()
    narrow = columns < 100
    below = [] if narrow else ["taken", "in"]
    delivery = [] if narrow else ["delivery"]
    assert lines[0].split() == ["job", *delivery, "model", "state", "outcome", *below]
    assert max(map(len, lines)) <= columns
    for job in site.jobs():
        assert [line for line in lines if line.startswith(f"{job['id'][-6:]}  ")]


@pytest.mark.parametrize("columns", [20, 40])
def test_on_a_narrow_terminal_no_name_of_a_job_is_broken(site, screen, columns):
    words = screen(columns, "jobs").split()
    assert {"a-key-with-some-forty-letters-in-it-or-so", "2026-11", "churn", "trained", "failed"} <= set(
        words
    )


def test_jobs_have_their_ids_where_there_is_room_and_in_pipes(site, screen):
    for text in (screen(200, "jobs"), site.command("jobs").stdout):
        rows = text.splitlines()[1:]
        assert [row.split()[0] for row in rows] == [job["id"] for job in site.jobs()]


@pytest.mark.parametrize("columns", [80, 120])
def test_what_is_to_be_known_of_a_model_stands_below_its_row(site, screen, columns):
    lines = screen(columns, "status").splitlines()
    row = next(place for place, line in enumerate(lines) if line.startswith("demand-forecast-of-the-north  "))
    below = " ".join(line.strip() for line in lines[row + 1 :])
    assert "half (train_half.csv): The evaluation file has not arrived" in below
    assert all(line.startswith("  ") for line in lines[row + 1 :])
    words = " ".join(lines).split()
    assert str(site.drop) in words, "a name is not broken"
    assert str(site.other) in words
    assert [line for line in lines if len(line) > columns and " " in line.strip()] == []


def test_in_a_pipe_each_sentence_is_one_line(site):
    lines = site.command("status").stdout.splitlines()
    assert [
        line
        for line in lines
        if line.startswith("  half (train_half.csv): ") and line.endswith("eval_half.csv).")
    ]
    assert [line for line in lines if line.startswith("churn ") and line.endswith(str(site.drop))]


@pytest.mark.parametrize("columns", [60, 80])
def test_a_job_is_laid_out_for_the_terminal_once(site, screen, columns):
    failed = next(job for job in site.jobs() if job["state"] == "failed")
    lines = screen(columns, "show", failed["id"]).splitlines()
    others = (line for line in lines if "retraind retry" not in line)
    assert [line for line in others if len(line) > columns and len(line.split()) > 2] == []
    folder = next(line for line in lines if line.startswith("Folder: "))
    assert folder.split() == ["Folder:", f"{site.drop}/failed/{failed['id']}"]
    again = next(line for line in lines if line.startswith("To retry: "))
    assert again.split(maxsplit=2)[2] == f"retraind retry {failed['id']} -c {site.config}"
    wide = screen(100, "show", failed["id"])
    assert "".join(" ".join(lines).split()) == "".join(wide.split())


def test_commands_that_are_suggested_name_the_configuration_that_was_named(site, screen):
    failed = next(job for job in site.jobs() if job["state"] == "failed")
    assert f"retraind jobs -c {site.config}" in site.command("show", "nix").stderr
    assert f"retraind retry {failed['id']} -c {site.config}" in site.command("show", failed["id"]).stdout
    assert "-c " not in (site.drop / "failed" / failed["id"] / "ERROR.txt").read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("line", "columns", "lines"),
    [
        ("short", 10, ["short"]),
        ("two words", 5, ["two", "words"]),
        ("  two words", 7, ["  two", "      words"]),
        ("ok     two words", 11, ["ok     two", "       words"]),
        ("run: retraind retry J -c a/b", 24, ["run:", "retraind retry J -c a/b"]),
        ("a-name-that-is-long", 5, ["a-name-that-is-long"]),
        ("売上 予測 顧客", 9, ["売上 予測", "顧客"]),
        ("売上 予測 顧客", 14, ["売上 予測 顧客"]),
    ],
)
def test_lines_are_broken_between_words_alone(line, columns, lines):
    assert wrapped(line, columns).split("\n") == lines


def test_a_job_in_work_is_shown_with_its_files_its_folder_and_what_was_sent(site):
    job = next(job for job in site.jobs() if job["key"] == "2026-11")
    document = json.loads(site.command("show", job["id"], "--json").stdout)
    assert document["folder"] == f"{site.drop}/done/{job['id']}"
    assert (document["sent_bytes"], document["in_doubt"]) == (None, False)


def test_an_upload_that_is_under_way_is_shown_with_what_was_sent_of_it(site, service):
    service.set_faults({"upload_stall": 1.0})
    rows = b"".join(
        b"%d,%s,%d\n" % (number, os.urandom(64).hex().encode(), number % 2) for number in range(40_000)
    )
    deliver(site.drop, "train_large.csv", b"\xef\xbb\xbfage,plan,churned\n" + rows)
    deliver(site.drop, "eval_large.csv", table(20))
    site.start()

    def document():
        done = site.command("show", "large", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    until(lambda: document().get("sent_bytes"), "some of it was sent")
    job = document()
    assert job["state"] == "registered"
    assert 0 < job["sent_bytes"] <= job["bundle_bytes"]
    text = " ".join(site.command("show", "large").stdout.split())
    assert f" of {job['bundle_bytes']:,} bytes sent (" in text
    assert "40,000 rows)" in text
    assert f"Folder: {site.drop}/.retraind/{job['id']}" in text
    assert "not certain" not in text
    site.kill()
    doubtful = " ".join(site.command("show", "large").stdout.split())
    assert "It is not certain whether the service has received the upload that began on" in doubtful
    assert "sent (" not in doubtful
    assert f"{job['bundle_bytes']:,} bytes to send" in doubtful
    assert document()["in_doubt"]


@pytest.mark.parametrize(
    ("doing", "state", "told", "line"),
    [
        ("preflight", State.SEALED, "2026-11 is being checked.", "Progress: 47,185,920 of 104,857,600 bytes checked (45 %)"),
        ("bundle", State.CHECKED, "2026-11 has passed the check and is being bundled.",
         "Progress: 47,185,920 of 104,857,600 bytes bundled (45 %)"),
    ],
)  # fmt: skip
def test_a_step_that_takes_long_is_shown_with_how_far_it_is(tmp_path, capsys, *, doing, state, told, line):
    made = Seeder(tmp_path / "state" / "journal.db")
    job = made.job("churn", "2026-11", NOW, state)
    made.journal.close()
    config = ["-c", str(configured(tmp_path, models=("churn",)))]

    def said(*command):
        main([*command, *config])
        return " ".join(capsys.readouterr().out.split())

    with as_if_running(tmp_path, datetime.now(UTC)):
        assert line not in said("show", job.id)
        with Progress(tmp_path / "state" / "spool", job.id, Doing(doing), 100 << 20) as read:
            read(45 << 20)
            text = said("show", job.id)
            assert told in text
            assert line in text
            assert told in said("status")
            shown = json.loads(said("show", job.id, "--json"))
            assert shown["progress"] == {"doing": doing, "done": 45 << 20, "total": 100 << 20}
            assert shown["sent_bytes"] is None
        assert json.loads(said("show", job.id, "--json"))["progress"] is None


def test_how_to_send_a_job_before_its_window_is_named_on_the_machine_and_not_on_the_share(tmp_path, capsys):
    made = Seeder(tmp_path / "state" / "journal.db")
    why = problem("upload_waits_for_window", window="22:00-06:00", opens=NOW)
    job = made.job("churn", "2026-11", NOW, State.BUNDLED, wait=Waiting(trouble=why))
    made.journal.close()
    config = configured(tmp_path, models=("churn",))
    with as_if_running(tmp_path, datetime.now(UTC)):
        for command in (("show", job.id), ("status",)):
            main([*command, "-c", str(config)])
            told = " ".join(capsys.readouterr().out.split())
            assert f"To send it now, run: retraind release {job.id} -c {config}" in told
        with closing(Reader(load_without_keys(config), Clock())) as reader:
            drawn = SceneReader(reader, "churn").lines(Size(240, 30))
        assert any("To send it now, run: retraind release" in str(line) for line in drawn)
    for language in ("en", "ja"):
        (line,) = job_lines([job], Voice(Audience.SHARE, language), "service")
        assert "22:00-06:00" in line
        assert not {"release", "operator", "運用担当者"} & set(re.findall(r"[a-z]+|運用担当者", line))


def test_of_many_models_an_unknown_one_is_told_those_with_similar_names():
    many = [f"model-{number:02}" for number in range(50)]

    def of(name, code="model_unknown"):
        return told(problem(code, name=name, known=many))

    assert of("modle-07").startswith('There is no model "modle-07". Similar names: model-07, ')
    assert len(of("modle-07")) < 100
    assert of("churn") == 'There is no model "churn". To list the models, run: retraind status'
    assert "Similar names: model-07" in of("modle-07", "model_or_job_unknown")
    assert of("churn", "model_or_job_unknown").endswith('"churn". To list the jobs, run: retraind jobs')
