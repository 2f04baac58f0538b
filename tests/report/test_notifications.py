"""Notifications over real HTTP: told once, later when they cannot be told now, and never with a secret."""

import json
import random
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import apprise
import pytest
import structlog

from retraind.config.settings import Settings
from retraind.domain.failures import ConfigError
from retraind.domain.job import Data, End, Job, JobHold, Outcome, Role, SealedFile, Signature, State
from retraind.domain.problems import Finding, file_problem, problem
from retraind.domain.records import Outage
from retraind.report.messages import KINDS, journal_message
from retraind.report.notifications import Notifier, recipients_of
from retraind.report.wording import Voice
from retraind.store.journal import Journal
from retraind.system.clock import for_people
from support.clock import ManualClock
from support.peers import Peer, answer, dripping
from support.process import until
from support.variants import variants
from support.words import legacy

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = "token-0123456789abcdef"
REMEDY = "Fetch another, then run: retraind release MODEL"
FULL = file_problem(OSError(28, "No space left on device"), "/spool/x")
SINCE = "2026-11-25T10:00:00+00:00"


class Place:
    """A journal, somebody who listens, and a notifier that works when it is told to."""

    def __init__(self, root):
        self.root = root
        self.clock = ManualClock(NOW)
        self.peers = []
        (root / "drop").mkdir()
        (root / "key").touch(0o600)
        self.journal = Journal.open(root / "journal.db", self.clock)

    def listener(self, *plays):
        self.peers.append(Peer(list(plays) or [answer(204)]))
        return self.peers[-1]

    def settings(self, *urls, **more):
        return Settings(
            models={"churn": {"drop": self.root / "drop", "api_key_file": self.root / "key"}},
            notify={"urls": urls, **more},
        )

    def notifier(self, *urls, **more):
        settings = self.settings(*urls, **more)
        recipients = recipients_of(settings, self.clock)
        return Notifier(settings, self.journal, recipients, self.clock, random.Random(1))

    def job(self, **more):
        signature = Signature(size=1, mtime_ns=1, inode=1)
        file = SealedFile(role=Role.TRAIN, name="train_1.csv", signature=signature)
        job = Job(
            id="2026-11-25T120000Z_1_abcdef", model="churn", key="1", state=State.FILING, files=(file,),
            created_at=NOW, updated_at=NOW, **more,
        )  # fmt: skip
        return self.journal.jobs.add(job, "delivery_complete")

    def hold(self, what="The key ended."):
        self.journal.holds.hold("churn", legacy(what, REMEDY), credential=True)


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    made = Place(tmp_path)
    yield made
    made.journal.close()
    for peer in made.peers:
        peer.stop()


def heard(peer):
    """Return what a peer was told."""
    return [json.loads(visit.body) for visit in peer.visits]


def test_a_recipient_whose_answer_never_ends_is_called_again(place, monkeypatch):
    drips = threading.Event()
    drips.set()

    def play(visit):
        visit.take()
        if drips.is_set():
            dripping()(visit)
        visit.connection.sendall(answer(204))

    listener = place.listener(play)
    notifier = place.notifier(listener.url)
    place.hold()
    with monkeypatch.context() as soon:
        soon.setattr("retraind.report.notifications._LONGEST_CALL", timedelta(milliseconds=300))
        while not listener.visits:  # On a busy machine a call may end before it has got there.
            assert notifier.deliver() > 0
            until(lambda: not calls(), "the call has ended")
            place.clock.pass_time(timedelta(hours=1))
    drips.clear()
    before = len(listener.visits)
    assert notifier.deliver() is None
    assert len(listener.visits) > before


def calls():
    return [each for each in threading.enumerate() if each.name == "notify-call"]


def titles(peer):
    return [told["title"] for told in heard(peer)]


def test_a_webhook_gets_json_that_says_what_happened_where_and_what_to_do(place):
    peer = place.listener()
    notifier = place.notifier(f"{peer.url}/hook/{TOKEN}")
    place.hold()
    assert notifier.deliver() is None
    (told,) = heard(peer)
    assert peer.visits[0].target == f"/hook/{TOKEN}"
    assert peer.visits[0].headers["content-type"] == "application/json"
    assert (told["event"], told["model"], told["job"], told["good"]) == ("model_held", "churn", None, False)
    assert told["at"] == NOW.isoformat()
    assert told["title"] == "churn is on hold"
    assert told["what"] == (
        "The key ended. New files are still taken in; nothing is lost. Fetch another, then run: retraind "
        "release churn"
    )
    assert told["text"].endswith(f": churn is on hold. {told['what']}")


def test_nothing_that_came_with_a_name_rings_a_bell_or_calls_everybody(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    job = place.job()
    job = place.journal.jobs.write(job, replace(job, key="<!channel>@everyone\x1b[2J\n\u202e"))
    place.journal.jobs.write(job, replace(job, state=State.FAILED, end=End(outcome=Outcome.FAILED, problem=legacy("x"))), "job_filed", detail={"outcome": "failed", "reason": "train_<!here>\x07.csv is bad."})  # fmt: skip
    notifier.deliver()
    (told,) = heard(peer)
    assert "delivery \u2039!channel\u203a\uff20everyone\\x1b[2J\\n\\u202e failed" in told["title"]
    assert "train_\u2039!here\u203a\\x07.csv is bad." in told["text"]


EVENTS = {
    # what happens: what it says, in order
    "a delivery that failed": (
        lambda journal, job: journal.jobs.write(
            job,
            replace(
                job, state=State.FAILED, end=End(outcome=Outcome.FAILED, problem=problem("data_breaks_rules"))
            ),
            "job_filed",
            detail={"outcome": "failed", "reason": problem("data_breaks_rules")},
        ),
        "churn, delivery 1 failed",
        "The data violates the service's rules, so nothing was sent. See {root}/drop/failed/"
        "2026-11-25T120000Z_1_abcdef/ERROR.txt. Correct the data at its source and deliver both files again. "
        "(code: data_breaks_rules)",
    ),
    "a delivery that is done": (
        lambda journal, job: journal.jobs.write(
            job,
            replace(job, state=State.DONE, end=End(outcome=Outcome.TRAINED)),
            "job_filed",
            detail={"outcome": "trained"},
        ),
        "churn, delivery 1 is done",
        "The model was retrained with this data. The published model has not been changed. See "
        "{root}/drop/done/2026-11-25T120000Z_1_abcdef.",
    ),
    "a job on hold": (
        lambda journal, job: journal.jobs.write(
            job,
            replace(job, hold=JobHold(problem=FULL)),
            "held",
            detail={"reason": legacy("The budget is used up.", "It continues in May.")},
        ),
        "churn, delivery 1 is on hold",
        "The budget is used up. Nothing is lost. It continues in May.",
    ),
    "a job that was released": (
        lambda journal, job: journal.jobs.write(job, job, "released"),
        "churn, delivery 1 is no longer on hold",
        "It continues.",
    ),
    "a job that cannot continue": (
        lambda journal, job: journal.jobs.write(job, job, "job_stuck", {"reason": FULL, "since": SINCE}),
        "churn, delivery 1 cannot continue",
        "It has been failing since {since}. Last try: /spool/x: No space left on device. Free some space "
        "there. retraind tries again automatically; nothing is lost. (code: file_error)",
    ),
    "a job that continues": (
        lambda journal, job: journal.events.note("job_moves", job, since=SINCE),
        "churn, delivery 1 continues",
        "It had been failing since {since}.",
    ),
    "a key that ends": (
        lambda journal, _: journal.events.note_change(
            "key_warning", "churn", legacy("The API key ends on Monday.", "Fetch.")
        ),
        "churn: its API key expires soon",
        "The API key ends on Monday. Fetch.",
    ),
    "a gate that said no": (
        lambda journal, job: journal.events.note("gate_refused", job, why=legacy("It ended with 1.")),
        "churn, delivery 1: the gate refused the new model",
        "It ended with 1. The published model was not changed. The results are filed in {root}/drop/done/"
        "2026-11-25T120000Z_1_abcdef.",
    ),
    "a folder that is gone": (
        lambda journal, _: journal.events.note_change(
            "folder_away", "churn", legacy("The share is not mounted.")
        ),
        "churn: its drop folder cannot be reached",
        "The share is not mounted. The other models continue; this one does so automatically when the folder "
        "is back.",
    ),
    "what cannot be taken in": (
        lambda journal, _: journal.events.note(
            "not_taken_in",
            model="churn",
            what=problem(
                "not_taken_in",
                lines=[problem("left_alone", file="train_1.xlsx", why=problem("ending_not_expected"))],
                number=3,
                waited=timedelta(minutes=15),
            ),
            number=3,
            items=[],
        ),
        "churn: 3 deliveries or files cannot be taken in",
        "This has not changed for more than 15 min: train_1.xlsx: Only files that end in .csv or "
        ".tsv are taken in. And 2 more. The folder is {root}/drop; its STATUS.txt says what is there now. "
        "(code: ending_not_expected)",
    ),
    "a journal that was repaired": (
        lambda journal, _: journal.events.note("journal_mended", jobs=7),
        "The journal was repaired",
        "It was damaged, lost or out of date. Jobs restored from their folders: 7. Nothing is trained again. "
        "Check the disk that it is on.",
    ),
}


@pytest.mark.parametrize("case", EVENTS)
def test_each_event_is_worded_for_somebody_who_is_elsewhere(place, case):
    happen, title, what = EVENTS[case]
    peer = place.listener()
    notifier = place.notifier(peer.url, on=[kind for kinds in KINDS.values() for kind in kinds])
    happen(place.journal, place.job())
    notifier.deliver()
    (told,) = heard(peer)
    assert told["title"] == title
    assert told["what"] == what.format(root=place.root, since=for_people(NOW.replace(hour=10)))


def test_what_begins_and_ends_is_told_at_both_ends(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    outage = Outage("api.example", NOW, 5, legacy("It was refused."), NOW)
    place.hold()
    place.journal.holds.release("churn", problem("key_replaced"))
    place.journal.hosts.replace([outage])
    place.journal.hosts.replace([outage], {"api.example"})
    place.journal.hosts.replace([])
    place.journal.events.note_change("folder_away", "churn", legacy("The share is not mounted."))
    place.journal.events.note_change("folder_away", "churn", None)
    place.journal.events.note_change("key_warning", "churn", legacy("It ends.", "Fetch."))
    place.journal.events.note_change("key_warning", "churn", None)
    notifier.deliver()
    assert titles(peer) == [
        "churn is on hold", "churn is no longer on hold",
        "The object store (api.example) is failing", "The object store (api.example) works again",
        "churn: its drop folder cannot be reached", "churn: its drop folder is back",
        "churn: its API key expires soon",
    ]  # fmt: skip
    assert [told["good"] for told in heard(peer)] == [False, True, False, True, False, True, False]


def test_an_outage_that_was_short_is_not_told_at_all(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    place.journal.hosts.replace([Outage("api.example", NOW, 5, legacy("It was refused."), NOW)])
    place.journal.hosts.replace([])
    notifier.deliver()
    assert not peer.visits


def test_nobody_is_told_what_was_not_asked_for(place):
    peer = place.listener()
    notifier = place.notifier(peer.url, on=["failed", "outage"])
    place.hold()
    job = place.job()
    place.journal.jobs.write(
        job,
        replace(job, state=State.DONE, end=End(outcome=Outcome.TRAINED)),
        "job_filed",
        {"outcome": "trained"},
    )
    notifier.deliver()
    assert not peer.visits


def test_each_change_is_told_once_also_across_a_restart(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    place.hold()
    place.hold()
    for _ in range(3):
        notifier.deliver()
    notifier = place.notifier(peer.url)
    place.hold()
    notifier.deliver()
    assert titles(peer) == ["churn is on hold"]


def test_a_hold_that_is_tried_at_each_start_and_goes_on_is_told_once_and_its_end_too(place):
    peer = place.listener()
    for _ in range(3):
        notifier = place.notifier(peer.url)
        place.journal.holds.release("churn", problem("retraind_started"), trial=True)
        assert not place.journal.holds.all()
        place.hold()
        notifier.deliver()
    assert titles(peer) == ["churn is on hold"]
    place.journal.holds.release("churn", problem("retraind_started"), trial=True)
    for _ in range(2):
        place.journal.holds.end_trial("churn")
    place.hold()
    notifier.deliver()
    assert titles(peer) == ["churn is on hold", "churn is no longer on hold", "churn is on hold"]


def test_another_reason_for_a_hold_that_is_tried_is_told(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    place.hold()
    place.journal.holds.release("churn", problem("retraind_started"), trial=True)
    place.hold("The account is gone.")
    notifier.deliver()
    assert [told["what"].split(".")[0] for told in heard(peer)] == ["The key ended", "The account is gone"]


def test_somebody_new_is_told_of_nothing_old(place):
    peer, other = place.listener(), place.listener()
    place.notifier(peer.url).deliver()
    place.hold()
    notifier = place.notifier(peer.url, other.url)
    place.journal.holds.release("churn", problem("released_by_person"))
    notifier.deliver()
    assert titles(peer) == ["churn is on hold", "churn is no longer on hold"]
    assert titles(other) == ["churn is no longer on hold"]


def test_somebody_who_cannot_be_reached_keeps_nobody_else_from_hearing_and_hears_it_later(place):
    deaf, peer = place.listener(answer(503, Retry_After="60"), answer(200)), place.listener()
    notifier = place.notifier(deaf.url, peer.url)
    place.hold()
    place.journal.holds.release("churn", problem("released_by_person"))
    wait = notifier.deliver()
    assert 60 <= wait <= 65
    assert len(peer.visits) == 2
    assert notifier.deliver() == pytest.approx(wait)
    assert len(deaf.visits) == 1
    place.clock.pass_time(timedelta(seconds=wait))
    assert notifier.deliver() is None
    assert titles(deaf) == ["churn is on hold", "churn is on hold", "churn is no longer on hold"]
    assert len(peer.visits) == 2


def test_what_could_not_be_told_before_a_restart_is_told_after_it(place):
    place.notifier("http://127.0.0.1:1/").deliver()
    place.hold()
    assert place.notifier("http://127.0.0.1:1/").deliver()
    peer = place.listener()
    # The same address, now with somebody behind it.
    notifier = place.notifier("http://127.0.0.1:1/")
    (line,) = notifier._lines.values()
    line.recipient._url = peer.url
    notifier.deliver()
    assert titles(peer) == ["churn is on hold"]


def test_it_is_tried_ever_more_rarely_and_given_up_after_a_day_with_a_line_in_the_log(place):
    peer = place.listener(answer(500))
    notifier = place.notifier(peer.url)
    place.hold()
    with structlog.testing.capture_logs() as logged:
        while (wait := notifier.deliver()) is not None:
            place.clock.pass_time(timedelta(seconds=wait))
    assert timedelta(days=1) <= place.clock.now() - NOW < timedelta(days=1, minutes=10)
    assert 140 < len(peer.visits) < 600
    told = [(line["event"], line["log_level"]) for line in logged if line["log_level"] != "debug"]
    assert told == [("notification_retried", "warning"), ("notification_given_up", "error")]
    assert notifier.deliver() is None


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410])
def test_a_refusal_is_final_and_is_not_followed_anywhere(place, status):
    other = place.listener()
    peer = place.listener(answer(status, Location=other.url))
    notifier = place.notifier(peer.url)
    place.hold()
    with structlog.testing.capture_logs() as logged:
        assert notifier.deliver() is None
    assert logged[-1]["reason"] == problem("message_refused", status=status)
    assert len(peer.visits) == 1
    assert not other.visits


def test_of_very_many_messages_the_latest_are_told_one_by_one_and_the_others_in_one(place):
    peer = place.listener(answer(503), answer(200))
    notifier = place.notifier(peer.url)
    for number in range(80):
        place.journal.events.note_change("folder_away", f"m{number}", legacy("The share is not mounted."))
    wait = notifier.deliver()
    place.clock.pass_time(timedelta(seconds=wait))
    assert notifier.deliver() is None
    failed, summary, *others = heard(peer)
    assert failed == summary
    assert (summary["event"], summary["good"], summary["title"]) == ("summary", False, "60 notifications")
    assert summary["what"].startswith(
        "m59: its drop folder cannot be reached; m58: its drop folder cannot be reached;"
    )
    assert summary["what"].endswith("; and 50 more. See: retraind status, and retraind jobs")
    assert [told["model"] for told in others] == [f"m{number}" for number in range(60, 80)]
    assert notifier.deliver() is None
    assert len(peer.visits) == 22


def strand(place, model, number=1):
    lines = [problem("left_alone", file="train_1.xlsx", why=problem("ending_not_expected"))]
    what = problem("not_taken_in", lines=lines, number=number, waited=timedelta(minutes=15))
    place.journal.events.note("not_taken_in", model=model, what=what, number=number, items=[])


def test_what_cannot_be_taken_in_for_several_models_is_one_message_and_none_at_its_end(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    strand(place, "churn", 2)
    place.hold()
    for number in range(12):
        strand(place, f"m{number}")
    place.journal.events.note("not_taken_in", model="churn", what=None, items=[])
    assert notifier.deliver() is None
    together, hold = heard(peer)
    assert together["title"] == "Files for 13 models cannot be taken in"
    assert together["what"].startswith(
        "churn: 2 deliveries or files cannot be taken in; m0: 1 delivery or file"
    )
    assert together["what"].endswith("; and 3 more. See: retraind status")
    assert (together["good"], together["model"]) == (False, None)
    assert hold["event"] == "model_held"
    assert notifier.deliver() is None
    assert len(peer.visits) == 2


def test_what_was_joined_is_not_lost_when_its_message_cannot_be_sent(place):
    peer = place.listener(answer(503), answer(204))
    notifier = place.notifier(peer.url)
    strand(place, "churn")
    place.hold()
    strand(place, "price")
    assert notifier.deliver() is not None
    again = place.notifier(peer.url)
    assert again.deliver() is None
    assert [told["title"] for told in heard(peer)[1:]] == [
        "Files for 2 models cannot be taken in",
        "churn is on hold",
    ]


def test_no_message_log_line_or_setting_shows_an_address(place):
    peer = place.listener(answer(500), answer(403), answer(200))
    url = f"{peer.url.replace('//', f'//user:{TOKEN}@')}/{TOKEN}?key={TOKEN}"
    notifier = place.notifier(url)
    with structlog.testing.capture_logs() as logged:
        for number in range(3):
            place.journal.events.note("journal_mended", jobs=number)
            notifier.deliver()
            place.clock.pass_time(timedelta(minutes=1))
        place.notifier("http://127.0.0.1:1/" + TOKEN).deliver()
    assert len(peer.visits) == 4
    assert peer.visits[0].headers["authorization"].startswith("Basic ")
    shown = repr(logged) + repr(place.settings(url)) + repr(heard(peer)) + repr(place.journal.cursors.all())
    assert TOKEN not in shown
    assert TOKEN.encode() not in (place.root / "journal.db").read_bytes()


def test_signatures_in_a_text_are_cut_off(place):
    peer = place.listener()
    notifier = place.notifier(peer.url)
    place.hold(f"The store says no to https://store.example/x?X-Amz-Signature={TOKEN}")
    notifier.deliver()
    assert TOKEN not in repr(heard(peer))
    assert "https://store.example/x?(hidden)" in heard(peer)[0]["what"]


def test_apprise_takes_everything_that_is_no_plain_webhook(place):
    """Its json:// sends to a web server what its mail:// would send by mail."""
    peer = place.listener(answer(200), answer(500), answer(200))
    notifier = place.notifier(f"json://user:{TOKEN}@127.0.0.1:{peer.port}/x")
    place.hold()
    assert notifier.deliver() is None
    (told,) = heard(peer)
    assert told["title"].startswith("retraind on ")
    assert told["title"].endswith(": churn is on hold")
    assert "The key ended." in told["message"]
    assert told["type"] == "warning"
    place.journal.holds.release("churn", problem("released_by_person"))
    with structlog.testing.capture_logs() as logged:
        wait = notifier.deliver()
        place.clock.pass_time(timedelta(seconds=wait))
        assert notifier.deliver() is None
    assert heard(peer)[-1]["type"] == "success"
    assert [line["to"] for line in logged] == ["notify.urls[0] (json)"] * 2


def test_a_plugin_that_breaks_is_trouble_that_passes_and_its_words_are_not_shown(place, monkeypatch):
    def broken(*_args, **_named):
        raise RuntimeError(TOKEN)

    notifier = place.notifier(f"json://127.0.0.1/{TOKEN}")
    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    place.hold()
    with structlog.testing.capture_logs() as logged:
        assert notifier.deliver() > 0
    assert logged[0]["reason"] == problem("notifier_broken", kind="RuntimeError")
    assert TOKEN not in repr(logged)


def test_addresses_that_nobody_understands_are_all_told_at_once_without_what_they_hold(place):
    with pytest.raises(ConfigError) as caught:
        recipients_of(place.settings(f"bogus://{TOKEN}", "http://127.0.0.1/", f"slack://{TOKEN}"))
    found = [(each.facts["setting"], each.facts["mistake"].code) for each in caught.value.problems]
    assert found == [
        ("notify.urls[0] (bogus)", "recipient_unknown"),
        ("notify.urls[2] (slack)", "recipient_unknown"),
    ]
    told = "".join(map(Voice().tell, caught.value.problems))
    assert told.startswith("notify.urls[0] (bogus): Apprise does not")
    assert TOKEN not in told + repr(caught.value.problems)


def test_without_apprise_it_says_what_to_install(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match="apprise_missing") as caught:
        recipients_of(place.settings("mailto://user:pass@example.com"))
    (problem,) = caught.value.problems
    assert f"Run: {sys.executable} -m pip install apprise" in Voice().tell(problem)
    assert recipients_of(place.settings("http://127.0.0.1/"))


def test_its_thread_tells_what_happens_while_it_runs_and_ends_when_it_is_told_to(place):
    came = threading.Event()

    def take(visit):
        visit.take()
        visit.connection.sendall(answer(200))
        came.set()

    notifier = place.notifier(place.listener(take).url)
    notifier.start()
    place.hold()
    notifier.nudge()
    assert came.wait(30)
    notifier.stop()
    assert not notifier._thread.is_alive()


def test_a_recipient_that_never_answers_does_not_keep_it_from_ending(place, monkeypatch):
    monkeypatch.setattr("retraind.report.notifications._SILENCE", timedelta(milliseconds=300))
    came, leave = threading.Event(), threading.Event()

    def hang(visit):
        came.set()
        leave.wait(30)

    notifier = place.notifier(place.listener(hang).url)
    notifier.start()
    place.hold()
    notifier.nudge()
    assert came.wait(30)
    notifier.stop()
    leave.set()
    assert not notifier._thread.is_alive()
    assert place.journal.cursors.all()[next(iter(notifier._lines))] == 0, "it is told after the next start"


def test_a_recipient_that_never_answers_keeps_nobody_from_reading_the_configuration_again(place):
    came, leave = threading.Event(), threading.Event()

    def hang(visit):
        came.set()
        leave.wait(30)

    peer = place.listener(hang)
    notifier = place.notifier(peer.url)
    notifier.start()
    place.hold()
    notifier.nudge()
    assert came.wait(30)
    settings = place.settings(peer.url)
    reading = threading.Thread(
        target=notifier.configure, args=(settings, recipients_of(settings, place.clock)), daemon=True
    )
    reading.start()
    reading.join(2)
    assert not reading.is_alive()
    leave.set()
    notifier.stop()


def test_whom_to_tell_of_what_can_be_changed_while_it_runs(place):
    peer, other = place.listener(), place.listener()
    notifier = place.notifier(peer.url)
    settings = place.settings(other.url, on=["journal"])
    notifier.configure(settings, recipients_of(settings, place.clock))
    notifier.deliver()
    place.hold()
    place.journal.events.note("journal_mended", jobs=1)
    notifier.deliver()
    assert not peer.visits
    assert titles(other) == ["The journal was repaired"]
    assert len(place.journal.cursors.all()) == 1


# For each model


def two_models(place, notify, **own):
    """Return settings of two models; `own` are their own tables."""
    models = {
        name: {
            "drop": place.root / "drop", "api_key_file": place.root / "key",
            **({"notify": own[name]} if name in own else {}),
        }
        for name in ("churn", "price")
    }  # fmt: skip
    return Settings(models=models, notify=notify)


def notifier_of(place, settings):
    recipients = recipients_of(settings, place.clock)
    return Notifier(settings, place.journal, recipients, place.clock, random.Random(1))


def test_a_recipient_of_one_model_gets_the_messages_of_that_model_alone(place):
    everybody, owner = place.listener(), place.listener()
    settings = two_models(place, {"urls": [everybody.url]}, churn={"urls": [owner.url]})
    notifier = notifier_of(place, settings)
    for name in ("churn", "price"):
        place.journal.holds.hold(name, legacy("The key ended."), credential=True)
    outage = Outage("store.test", NOW, 9, legacy("It is down."), NOW)
    place.journal.hosts.replace([outage], lasting={"store.test"})
    notifier.announce(journal_message(NOW, FULL, Voice()))
    notifier.deliver()
    assert titles(owner) == ["churn is on hold"]
    assert [title.partition(" ")[0] for title in titles(everybody)] == ["The", "price", "The"]


def test_what_a_model_does_not_set_is_as_for_all_and_an_address_that_is_named_twice_is_told_once(place):
    peer = place.listener()
    settings = two_models(
        place, {"urls": [peer.url], "on": ["held"]}, churn={"on": ["done"]}, price={"urls": [peer.url]}
    )
    assert len(recipients_of(settings)) == 1
    notifier = notifier_of(place, settings)
    for name in ("churn", "price"):
        place.journal.holds.hold(name, legacy("The key ended."), credential=True)
    notifier.deliver()
    assert titles(peer) == ["price is on hold"]


def test_a_delivery_that_is_accepted_with_warnings_is_reported_without_its_data(place):
    peer = place.listener()
    notifier = place.notifier(peer.url, on=["files"])
    warning = Finding(rule="separator-line", file="train_1.csv", line=1, facts={"paired": False})
    job = place.job(data=Data(warnings=(warning, warning)))
    place.journal.events.note("data_checked", job)
    place.journal.events.note("data_checked", job, warnings=2)
    notifier.deliver()
    (told,) = heard(peer)
    assert told["title"] == "churn, delivery 1: 2 warnings about its data"
    assert told["what"].startswith("The data was accepted. Rules: separator-line. See: retraind show")


# Digests

WEEKLY = "weekly mon 08:00 UTC"


def happened(place, model, event, job="a", **detail):
    place.journal.events.note(event, replace(job_of_model(model), id=job), **detail)


def job_of_model(model):
    return Job(
        id="a", model=model, key="1", state=State.FILING, files=(), created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def a_week(place):
    for number in "123":
        happened(place, "churn", "training_finished", number)
        happened(place, "churn", "job_filed", number, outcome="trained")
    happened(place, "churn", "model_switched", "3")
    happened(place, "churn", "job_filed", "4", outcome="failed", reason=problem("data_breaks_rules"))
    happened(place, "churn", "job_filed", "5", outcome="failed", reason=problem("data_breaks_rules"))
    happened(place, "churn", "job_filed", "5", outcome="trained")  # It was retried.
    place.journal.events.note_change("expectation", "churn", problem("delivery_late", due=NOW))


def test_a_digest_says_once_and_at_its_time_what_has_happened_also_over_restarts(place):
    peer = place.listener()
    made = {"on": [], "digest": WEEKLY}
    notifier = place.notifier(peer.url, **made)
    a_week(place)
    left = notifier.deliver()
    assert heard(peer) == []
    monday = datetime(2026, 11, 30, 8, tzinfo=UTC)
    assert left == (monday - NOW).total_seconds()
    place.clock.pass_time(monday - NOW)
    notifier = place.notifier(peer.url, **made)
    assert notifier.deliver() == timedelta(days=7).total_seconds()
    (told,) = heard(peer)
    assert (told["event"], told["model"], told["good"]) == ("digest", "churn", False)
    assert told["title"] == "Digest: 3 trained, 1 failed"
    assert "churn: 3 trained, 1 published, 1 failed, 1 late." in told["what"]
    for again in (notifier, place.notifier(peer.url, **made)):
        again.deliver()
        assert len(heard(peer)) == 1
    place.clock.pass_time(timedelta(days=7))
    notifier.deliver()
    assert heard(peer)[1]["what"].startswith(f"Since {for_people(monday)}: Nothing happened for 1 model.")


def test_a_digest_that_was_missed_is_sent_late_and_once(place):
    peer = place.listener()
    made = {"on": [], "digest": "daily 08:00 UTC"}
    place.notifier(peer.url, **made)
    a_week(place)
    place.clock.pass_time(timedelta(days=20, hours=3))
    notifier = place.notifier(peer.url, **made)
    notifier.deliver()
    notifier.deliver()
    assert titles(peer) == ["Digest: 3 trained, 1 failed"]


def test_a_digest_that_cannot_be_sent_is_tried_again_and_what_happens_meanwhile_is_in_the_next(place):
    peer = place.listener(answer(503), answer(204))
    notifier = place.notifier(peer.url, on=[], digest="daily 08:00 UTC")
    a_week(place)
    place.clock.pass_time(timedelta(days=1))
    wait = notifier.deliver()
    assert 0 < wait <= 10
    happened(place, "churn", "training_finished", "9")
    place.clock.pass_time(timedelta(seconds=wait))
    notifier.deliver()
    place.clock.pass_time(timedelta(days=1))
    notifier.deliver()
    assert titles(peer) == ["Digest: 3 trained, 1 failed"] * 2 + ["Digest: 1 trained, 0 failed"]


def test_each_recipient_has_one_digest_of_its_models_and_other_times_lose_nothing(place):
    everybody, owner = place.listener(), place.listener()
    own = {"urls": [owner.url], "digest": "daily 07:00 UTC"}
    settings = two_models(place, {"urls": [everybody.url], "digest": WEEKLY, "on": []}, churn=own)
    notifier_of(place, settings)
    a_week(place)
    happened(place, "price", "training_finished", "6")
    daily = two_models(place, {"urls": [everybody.url], "digest": "daily 08:00 UTC", "on": []}, churn=own)
    notifier = notifier_of(place, daily)
    place.clock.pass_time(timedelta(days=1))
    notifier.deliver()
    assert titles(owner) == ["Digest: 3 trained, 1 failed"]
    assert titles(everybody) == ["Digest: 1 trained, 0 failed"]
    assert "churn" not in heard(everybody)[0]["what"]


def test_a_clock_that_was_wrong_for_a_while_does_not_silence_digests(place):
    peer = place.listener()
    notifier = place.notifier(peer.url, on=[], digest="daily 08:00 UTC")
    place.clock.jump(timedelta(days=1_000))
    notifier.deliver()
    place.clock.jump(timedelta(days=-1_000))
    for _ in range(3):
        place.clock.pass_time(timedelta(days=1))
        notifier.deliver()
    assert len(heard(peer)) >= 3


@pytest.mark.parametrize("seed", variants(range(3), default=[0]))
def test_over_a_year_with_restarts_and_outages_each_training_is_in_just_one_digest(place, seed):
    chance, peer = random.Random(seed), place.listener()
    made = {"on": [], "digest": "weekly sun 02:30 Europe/Berlin"}
    notifier, trained = place.notifier(peer.url, **made), 0
    for _ in range(120):
        place.clock.pass_time(timedelta(hours=chance.uniform(1, 140)))
        for _ in range(chance.randrange(3)):
            trained += 1
            happened(place, "churn", "training_finished", str(trained))
        if chance.random() < 0.3:
            notifier = place.notifier(peer.url, **made)
        if chance.random() < 0.7:
            notifier.deliver()
    place.clock.pass_time(timedelta(days=8))
    notifier.deliver()
    assert sum(int(title.split()[1]) for title in titles(peer)) == trained
