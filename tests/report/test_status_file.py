import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from retraind.config.settings import ModelSettings
from retraind.domain.failures import Party
from retraind.domain.job import Job, Outcome, Role, SealedFile, Signature, State
from retraind.domain.job import Waiting as Wait
from retraind.domain.problems import Problem, problem
from retraind.domain.records import ModelHold, Outage
from retraind.intake.drop_folder import View
from retraind.intake.pairing import Sighting, Waiting
from retraind.report.layout import as_bytes
from retraind.report.status_file import expected_files, status_text, stopped_text, write_status
from retraind.report.wording import Audience, Voice
from retraind.store.journal import Standing
from support.jobs import job_of
from support.words import legacy

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SIGNATURE = Signature(size=1, mtime_ns=1, inode=1)
SHARE = Voice(Audience.SHARE)


def job(key: str, state: State, **more) -> Job:
    file = SealedFile(role=Role.TRAIN, name=f"train_{key}.csv", signature=SIGNATURE)
    return job_of(
        id=f"id-{key}",
        model="churn",
        key=key,
        state=state,
        files=(file,),
        created_at=NOW,
        updated_at=NOW,
        **more,
    )


def held(why: Problem) -> ModelHold:
    return ModelHold("churn", NOW, why, credential=False)


def text_of(
    *jobs: Job, view: View | None = None, hold=None, last=None, warning=None, published=None, **more
) -> str:
    """Return STATUS.txt's text with all its lines on one."""
    standing = Standing([*jobs], hold, last, published, warning)
    return " ".join(status_text("churn", view or View(), standing, SHARE, **more).split())


def test_where_a_key_is_on_its_machine_is_not_shown_on_the_share():
    """These are sentences of an earlier retraind; see test_audiences.py for problems."""
    ends = legacy("The API key ends soon.", "Put another into /etc/secret.")
    for text in (text_of(hold=held(ends)), text_of(warning=ends)):
        assert "The API key ends soon. Ask the operator of retraind to fix this" in text
        assert "/etc" not in text


def test_of_a_hold_and_a_key_that_ends_only_the_hold_is_shown():
    text = text_of(hold=held(legacy("It is held.")), warning=legacy("It ends."))
    assert "ON HOLD: It is held. New files are still taken in; nothing is lost." in text
    assert "ACTION NEEDED" not in text
    assert "ACTION NEEDED SOON: It ends." in text_of(warning=legacy("It ends."))


def test_it_says_what_is_seen_and_what_is_waited_for():
    sighting = Sighting("train_12.csv", Role.TRAIN, "12", SIGNATURE, 0.0)
    waiting = Waiting("12", (sighting,), (legacy("Something is missing."),), None)
    view = View(
        waiting=(waiting,),
        strangers=(legacy("notes.docx is left alone."),),
        trouble=legacy("The share is slow."),
    )
    jobs = [
        job("10", State.UPLOADED, status="training", status_message="epoch 3"),
        job("11", State.SEALED),
        job("9", State.CHECKED, trouble=legacy("Disk full."), attempts=1),
        job("8", State.BUNDLED, trouble=legacy("The window is closed.")),
    ]
    text = text_of(*jobs, view=view, hold=held(legacy("The model is gone.", "retraind release MODEL")))
    for words in (
        "the model churn", "ON HOLD: The model is gone. retraind release churn", "TROUBLE: The share is "
        "slow.",
        "10 has been sent; the service is training.", 'The service reports "training", with the message "epoch 3".',
        "11 has been taken in and waits for 8 to finish.", "8 is bundled and will be sent to the service. It "
        "continues",
        "Last try: Disk full. retraind tries again automatically.", "12 (train_12.csv): Something is "
        "missing.",
        "Left alone: - notes.docx",
    ):  # fmt: skip
        assert words in text
    assert "The window is closed. -" in text_of(*jobs, view=view)


def test_of_many_deliveries_the_one_that_all_wait_for_comes_first_and_the_others_as_they_get_their_turn():
    jobs = [job(str(number), State.SEALED) for number in reversed(range(1, 201))]
    text = text_of(*jobs)
    first = "1 has been taken in and is checked now, or once deliveries of other models are done."
    second = "2 has been taken in and waits for 1 to finish."
    assert -1 < text.index(first) < text.index(second) < text.index("50 has been")
    assert "And 150 more." in text
    assert "51 has been" not in text


def test_a_training_that_has_finished_is_not_said_to_be_under_way_while_its_results_stay_away():
    refused = legacy("The results are a web page.")
    text = text_of(job("1", State.UPLOADED, status="job_finished", trouble=refused, attempts=3))
    assert '1 has been trained; the results are being fetched. The service reports "job_finished"' in text
    assert "Last try: The results are a web page." in text
    assert "is training" not in text


def test_hosts_are_named_without_their_ports():
    service, store = "service.test:8443", "store.test:9000"
    refused = problem("host_failing", host=service, since=NOW, last=legacy("It was refused."))
    outages = [Outage(service, NOW, 9, refused, NOW), Outage(store, NOW, 9, legacy("HTTP 500."), NOW)]
    jobs = [
        job("1", State.UPLOADED, trouble=refused, attempts=3, waits_for=service),
        job("2", State.REGISTERED, trouble=legacy("It is down."), attempts=3, waits_for=store),
    ]
    text = text_of(*jobs, outages=outages, service=service) + text_of(*jobs, service=service)
    for words in (
        "WAITING: The service (service.test) has been failing since",
        "WAITING: The object store (store.test) has been",
        "the service is training. It waits for the service.",
        "It waits for the object store.",
        "Last try: service.test has been failing since",
    ):
        assert words in text
    assert "8443" not in text
    assert "9000" not in text


EXPECTED = [
    # the model's settings, what is told of the names that are waited for
    ({}, "such as train_2026-11.csv and eval_2026-11.csv."),
    ({"ready": "marker"}, "eval_2026-11.csv, and after them the marker 2026-11.done or _SUCCESS."),
    (
        {"ready": "marker", "train": "a.csv", "eval": "b.csv"},
        "a.csv and b.csv, and after them the marker _SUCCESS.",
    ),
    ({"ready": "manifest"}, "eval_2026-11.csv, and their manifest 2026-11.manifest.json."),
    (
        {"ready": "manifest", "mode": "train-only", "train": "a.csv"},
        "such as a.csv, and their manifest manifest.json.",
    ),
]


@pytest.mark.parametrize(("settings", "words"), EXPECTED)
def test_it_names_all_that_a_delivery_needs_also_beside_files_of_wrong_names(settings, words):
    model = ModelSettings.model_validate({"drop": "/tmp", "api_key": "k", **settings})
    expected = expected_files(model)
    assert words in SHARE.tell(expected)
    view = View(strangers=(legacy("tarin_1.csv is left alone."),))
    for jobs in ([], [job("1", State.UPLOADED)]):
        assert words in text_of(*jobs, view=view, expected=expected)
    assert "Expected" not in text_of(job("1", State.UPLOADED), expected=expected)


@pytest.mark.parametrize("outcome", Outcome)
def test_it_says_in_words_how_the_last_delivery_ended(outcome):
    text = text_of(last=job("1", State.DONE, outcome=outcome))
    assert ("published" in text) == (outcome in {Outcome.TRAINED, Outcome.SWITCHED})
    assert "Last finished: 1 (" in text


def test_it_says_that_there_is_nothing_to_say_and_what_came_last():
    text = text_of(last=job("10", State.FAILED, outcome="failed"))
    assert "Nothing is waiting and nothing is in work." in text
    assert "failed/id-10/" in text


@pytest.fixture
def tokyo():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_it_is_written_only_when_it_changes_and_says_when_that_was(tmp_path):
    assert write_status(tmp_path, "one\n", NOW, SHARE)
    before = (tmp_path / "STATUS.txt").stat()
    assert not write_status(tmp_path, "one\n", NOW + timedelta(days=1), SHARE)
    assert (tmp_path / "STATUS.txt").stat().st_ino == before.st_ino
    assert write_status(tmp_path, "two\n", NOW + timedelta(days=2), SHARE)
    assert (tmp_path / "STATUS.txt").read_bytes() == (
        b"\xef\xbb\xbftwo\r\n\r\nLast changed: 2026-11-25 09:00:00 JST (UTC+09:00)\r\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["STATUS.txt"]


@pytest.mark.usefixtures("tokyo")
def test_a_watched_folder_also_says_when_it_was_checked_and_keeps_when_it_last_changed(tmp_path):
    """A forged end is kept at most as the line of the last change, which says nothing else."""
    assert write_status(tmp_path, "one\n", NOW, SHARE, watched=True)
    assert not write_status(tmp_path, "one\n", NOW + timedelta(minutes=1), SHARE, watched=True)
    assert write_status(tmp_path, "one\n", NOW + timedelta(hours=1), SHARE, watched=True, renew=True)
    lines = (tmp_path / "STATUS.txt").read_bytes().decode("utf-8-sig").split("\r\n")
    assert lines[:3] == ["one", "", "Last changed: 2026-11-23 09:00:00 JST (UTC+09:00)"]
    assert lines[3].startswith("Last checked: 2026-11-23 10:00:00 JST (UTC+09:00). retraind renews this line")
    assert lines[4].endswith("is not running, or cannot write to this folder.")
    assert write_status(tmp_path, "one\n", NOW, SHARE)
    assert b"Last checked" not in (tmp_path / "STATUS.txt").read_bytes()


@pytest.mark.parametrize(
    "more", ["", "\nLast changed: now\nand more\n", "\nLast changed: " + "x" * 5_000 + "\n"]
)
def test_what_somebody_else_made_of_it_is_written_anew(tmp_path, more):
    (tmp_path / "STATUS.txt").write_bytes(as_bytes("one\n" + more))
    assert write_status(tmp_path, "one\n", NOW, SHARE)
    assert not write_status(tmp_path, "one\n", NOW, SHARE)


def test_nobody_waits_for_the_disk_to_have_it(tmp_path, monkeypatch):
    """A start with a thousand models would spend most of its time on that."""
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    assert write_status(tmp_path, "one\n", NOW, SHARE)
    assert not synced


@pytest.mark.parametrize(
    ("language", "stands"), [("en", "has not been sent"), ("ja", "まだ送信していません")]
)
def test_once_retraind_is_stopped_nothing_is_said_to_be_tried_again(language, stands):
    wait = Wait(
        trouble=problem("connection_refused", party=Party.SERVICE, host="service.test:443"), attempts=2
    )
    standing = Standing([job("1", State.BUNDLED, wait=wait)], None, None, None, None)
    why, voice = problem("retraind_stopped"), Voice(Audience.SHARE, language)
    text = "".join(stopped_text("churn", NOW, why, voice, standing=standing).split())
    assert "".join(stands.split()) in text
    assert "triesagain" not in text
    assert "再試行" not in text
