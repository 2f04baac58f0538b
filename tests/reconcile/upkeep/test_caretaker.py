"""What is looked after every few seconds, for a thousand models on one thread: none may keep the others from
it."""

from dataclasses import replace
from datetime import timedelta

from retraind.config.load import load
from retraind.daemon import Daemon
from retraind.domain.job import JobHold
from retraind.reconcile.upkeep.caretaker import Caretaker
from support.process import Site
from support.words import legacy
from support.world import a_world, table

USED_UP = legacy("The budget is used up.", "Wait.")


def test_a_hold_that_a_command_ends_in_the_same_moment_keeps_no_other_from_ending(tmp_path, monkeypatch):
    with a_world(tmp_path) as world:
        hold = JobHold(problem=USED_UP, until=world.clock.now())
        made = [world.sealing(key=key, train=table(40, int(key))) for key in "12"]
        jobs = [world.journal.jobs.write(job, replace(job, hold=hold), "held") for job in made]
        monkeypatch.setattr(world.journal.jobs, "active", lambda: jobs)
        world.journal.jobs.write(jobs[0], replace(jobs[0], hold=None), "released")
        changed = []
        caretaker = Caretaker(
            world.pipeline, world.journal, world.credentials,
            clock=world.clock, stopping=world.stopping, changed=changed.append,
        )  # fmt: skip
        world.clock.pass_time(timedelta(seconds=1))
        caretaker.mind()
        assert [world.journal.jobs.get(job.id).hold for job in jobs] == [None, None]


def test_a_stop_does_not_wait_for_the_keys_of_all_models(tmp_path, monkeypatch):
    site = Site(tmp_path, "http://127.0.0.1:9")
    for number in range(5):
        site.add_model(f"m{number}", f"key-of-m{number}-0123456789")
    settings, file = load(site.config)
    with Daemon(settings, file) as daemon:
        asked = []

        def renew(name, _model):
            asked.append(name)
            daemon._stopping.set()
            return False

        monkeypatch.setattr(daemon.credentials, "renew", renew)
        daemon.caretaker.mind()
        assert asked == ["m0"]


def test_the_history_of_all_keys_is_read_at_once_and_a_key_is_noted_when_it_is_first_seen(
    daemon, monkeypatch
):
    asked = []
    for name in ("last_problems", "keys_seen"):
        plain = getattr(daemon.journal.events, name)
        monkeypatch.setattr(
            daemon.journal.events,
            name,
            lambda *given, plain=plain: asked.append(sorted(given[-1])) or plain(*given),
        )
    daemon.caretaker.mind()
    assert asked == [["churn", "price"]] * 2
    noted = daemon.journal.events.keys_seen(["churn", "price"])
    assert sorted(model for model, _ in noted) == ["churn", "price"]
    daemon._clock.pass_time(timedelta(days=1))
    daemon.caretaker.mind()
    assert daemon.journal.events.keys_seen(["churn", "price"]) == noted
    assert len([each for each in daemon.journal.events.history() if each.event == "key_seen"]) == 2
