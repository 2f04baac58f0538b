"""The same bytes, delivered again and again."""

import json
from itertools import count

import pytest

from retraind.domain.job import Outcome, State
from retraind.intake.drop_folder import View
from retraind.report.status_file import status_text
from retraind.report.wording import Audience, Voice
from support.killing import Killed, killed_at
from support.world import a_world, table


@pytest.fixture
def world(tmp_path):
    with a_world(tmp_path) as made:
        yield made


def kept(world):
    return sorted(path.name for path in (world.share / "done").iterdir())


def test_only_the_last_of_many_is_kept_and_counts_them(world):
    first = world.run(world.sealing(key="1"))
    for number in range(2, 8):
        last = world.run(world.sealing(key=str(number)))
        assert last.outcome is Outcome.DUPLICATE
    assert kept(world) == [first.id, last.id]
    assert [job.id for job in world.journal.jobs.newest("churn")] == [last.id, first.id]
    note = " ".join(world.read(last, "RESULT.txt").split())
    assert "The same files have been delivered again 6 times since " in note
    assert f"The earlier delivery is {first.id}." in note
    assert json.loads(world.read(last, "report.json"))["duplicate_times"] == 6
    standing = world.journal.standings(["churn"])["churn"]
    status = status_text("churn", View(), standing, Voice(Audience.SHARE))
    assert "the same files as before, delivered again 6 times since " in " ".join(status.split())
    folder = world.share / "done" / last.id
    assert (folder / last.data_files[0].name).read_bytes() == table()


def test_the_first_duplicate_says_nothing_of_others(world):
    world.run(world.sealing(key="1"))
    second = world.run(world.sealing(key="2"))
    assert "delivered again" not in world.read(second, "RESULT.txt")
    assert len(kept(world)) == 2


def test_other_bytes_in_between_change_nothing(world):
    world.run(world.sealing(key="1"))
    other = world.run(world.sealing(key="2", train=table(offset=7)))
    assert other.outcome is Outcome.TRAINED
    for number in range(3, 6):
        last = world.run(world.sealing(key=str(number)))
    again = world.run(world.sealing(key="6", train=table(offset=7)))
    assert (last.end.times, again.end.times) == (3, 1)
    assert len(kept(world)) == 4


@pytest.mark.parametrize("change", ["a file of a person's", "a changed file"])
def test_what_a_person_has_put_there_or_changed_stays(world, change):
    world.run(world.sealing(key="1"))
    second = world.run(world.sealing(key="2"))
    folder = world.share / "done" / second.id
    path = folder / ("notes.txt" if change == "a file of a person's" else second.data_files[0].name)
    path.write_bytes(b"mine")
    third = world.run(world.sealing(key="3"))
    assert {second.id, third.id} <= set(kept(world))
    assert path.read_bytes() == b"mine"
    assert third.end.times == 2


def test_one_whose_folder_is_gone_is_forgotten_and_counted(world):
    world.run(world.sealing(key="1"))
    second = world.run(world.sealing(key="2"))
    for path in (world.share / "done" / second.id).iterdir():
        path.unlink()
    (world.share / "done" / second.id).rmdir()
    third = world.run(world.sealing(key="3"))
    assert third.end.times == 2
    assert world.journal.jobs.get(second.id) is None


@pytest.mark.parametrize("after", [pytest.param(False, marks=pytest.mark.long), True])
def test_killed_at_any_operation_of_its_filing_a_copy_is_always_left_and_the_count_is_right(tmp_path, after):
    with a_world(tmp_path / "world") as world:
        world.run(world.sealing(key="1"))
        world.run(world.sealing(key="2"))
        third = world.run(world.sealing(key="3"), until=State.FILING)
        world.save(tmp_path / "kept")
        for number in count():
            world.restore(tmp_path / "kept")
            try:
                with killed_at(number, after=after, commits=True):
                    filed = world.run(third)
                done = True
            except Killed:
                done = False
                contents = [path.read_bytes() for path in world.share.rglob("train_*.csv")]
                assert contents.count(table()) >= 2, "that of the first, and one of the duplicates"
                filed = world.run(world.journal.jobs.get(third.id))
            assert (filed.state, filed.end.times) == (State.DONE, 2)
            assert len(kept(world)) == 2
            if done:
                assert number > 5
                return
