"""What `watch` draws, of a journal with something of everything."""

from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace

import pytest

from retraind.bundle.progress import Doing, Noted
from retraind.cli.live.drawing import glyphs_of
from retraind.cli.live.frame import Size, choose, frame, trouble
from retraind.cli.live.pace import Pace
from retraind.cli.live.under_way import Step
from retraind.cli.live.watch import SceneReader
from retraind.config.load import load_without_keys
from retraind.domain.problems import problem
from retraind.domain.records import Outage
from retraind.page.reading import Reader
from retraind.page.standing import Judged
from retraind.report.daemon_condition import Condition
from retraind.report.wording import Health
from retraind.store.views.glances import Glance
from support.clock import ManualClock
from support.pages import NOW, as_if_running, configured, seed

GLYPHS = glyphs_of(SimpleNamespace(encoding="utf-8"))


def scene_of(root, model=None):
    with closing(Reader(load_without_keys(root / "config.toml"), ManualClock(NOW))) as reader:
        return SceneReader(reader, model).scene()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("frame")
    seed(root / "state" / "journal.db")
    configured(root)
    with as_if_running(root, waiting_since={"upsell": NOW - timedelta(hours=3)}):
        yield root


@pytest.fixture(scope="module")
def scene(root):
    return scene_of(root)


def lines(scene, columns=80, rows=24):
    return [line.plain.rstrip() for line in frame(scene, Size(columns, rows), GLYPHS)]


def test_the_models_are_seen_at_a_glance(scene):
    drawn = lines(scene, 100, 30)
    assert drawn[0].startswith("retraind ")
    assert " is running (process " in drawn[0]
    assert drawn[1] == "8 models: 4 need attention, 1 in work, 3 waiting for files"
    names = [line.split()[0] for line in drawn[3:11]]
    assert names == [
        "demand-north",
        "footfall",
        "leads",
        "staffing",
        "churn",
        "failures-line-3",
        "returns",
        "upsell",
    ]
    assert drawn[5].startswith("leads            On hold       On hold: The budget of 4 trainings")
    assert drawn[6].startswith("staffing         Late ")
    assert (
        drawn[7]
        == "churn            Training      2026-11-30 has been training for 2 h 2 min. 1 more delivery after it."
    )
    assert drawn[10].startswith("upsell           New           A file in the drop folder has waited since ")
    assert drawn[12] == "Last events"
    assert len(drawn) == 30
    assert sum(line.endswith("2026-11-30: Filed") for line in drawn[13:]) == 1


@pytest.mark.parametrize("model", [None, "churn", "demand-north"])
def test_it_fits_every_terminal(root, model):
    scene = scene_of(root, model)
    for columns in range(1, 130, 3):
        for rows in (1, 2, 3, 5, 8, 13, 24, 40):
            drawn = frame(scene, Size(columns, rows), GLYPHS)
            assert 0 < len(drawn) <= rows
            assert max(line.cell_len for line in drawn) <= columns
            assert not any("\n" in line.plain for line in drawn)


def test_what_there_is_no_room_for_is_counted(scene):
    drawn = lines(scene, 80, 9)
    assert [line.split()[0] for line in drawn[3:8]] == [
        "demand-north",
        "footfall",
        "leads",
        "staffing",
        "churn",
    ]
    assert drawn[8] == "and 3 waiting for files"
    assert lines(scene, 80, 6)[5] == "and 3 need attention, 3 waiting for files"


def test_one_model_alone_is_told_completely(root):
    drawn = lines(scene_of(root, "churn"), 60, 20)
    assert "churn  Training" in drawn
    assert "2026-11-30b waits for its turn." in drawn
    assert "8 models" not in " ".join(drawn)
    assert "2026-11-30: The service has every byte" in " ".join(drawn)
    assert not any("demand-north" in line or "leads" in line for line in drawn)
    told = " ".join(lines(scene_of(root, "footfall"), 72, 20))
    assert "models.footfall.api_key_file" in told
    assert "…" not in told


def test_a_step_that_takes_long_has_a_bar(scene):
    churn = next(found for found in scene.models if found.glance.name == "churn")
    pace = Pace()
    for at in range(4):
        pace.see(at, at << 20)
    job = churn.glance.active[1]
    moving = scene._replace(steps={job.id: Step(Noted(Doing.PREFLIGHT, 3 << 20, 12 << 20), pace)})
    (row,) = (line for line in lines(moving, 114) if line.startswith("churn"))
    assert row.startswith("churn            Training      2026-11-30b: preflight  ━")
    assert row.endswith("  25 %  3.0 MiB of 12.0 MiB  1.0 MiB/s  0:09 left")
    held = next(found for found in scene.models if found.glance.name == "leads")
    stands = scene._replace(steps={held.glance.active[0].id: moving.steps[job.id]})
    (row,) = (line for line in lines(stands, 110) if line.startswith("leads"))
    assert "On hold: The budget" in row, "what needs attention is not covered by a bar"


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (Condition.STARTING, "is starting (process "),
        (Condition.NOT_RUNNING, "is NOT RUNNING"),
        (Condition.STOPPING, "retraind"),
        (Condition.SUSPENDED, "is STOPPED by a signal"),
        (Condition.ZOMBIE, "retraind"),
        (Condition.SILENT, "has NOT REPORTED since"),
        (Condition.LOOP_HANGS, "retraind"),
        (Condition.TIMETABLE_HANGS, "retraind"),
        (Condition.SCANS_HANG, "retraind"),
    ],
)
def test_a_daemon_in_trouble_stands_first_and_in_red(scene, condition, told):
    drawn = frame(scene._replace(snapshot=scene.snapshot._replace(condition=condition)), Size(80, 24), GLYPHS)
    assert told in drawn[0].plain
    assert (drawn[0].style == "bold red") is not condition.is_good
    assert any(line.plain.startswith("8 models") for line in drawn[:6])


def test_what_keeps_all_models_from_working_stands_above_them(scene):
    why = problem("connect_timed_out", party="service", host="developer-api.example.com:443")
    down = {f"host-{at}.example.com": Outage(f"host-{at}.example.com", NOW, 9, why, NOW) for at in range(9)}
    drawn = lines(scene._replace(snapshot=scene.snapshot._replace(outages=down)))
    assert [line.split()[0] for line in drawn[2:5]] == [f"host-{at}.example.com" for at in range(3)]
    assert drawn[5] == ""


def judged(name, health):
    return Judged(Glance(name, [], None, None, None, None), health, "page_is_new", {})


@pytest.mark.parametrize(
    ("attention", "work", "idle", "room", "chosen"),
    [
        (2, 2, 2, 6, "aawwii"),
        (2, 2, 2, 5, "aaww"),
        (1000, 0, 0, 10, "a" * 9),
        (0, 1000, 0, 10, "w" * 9),
        (500, 500, 0, 11, "aaaaawwwww"),
        (500, 2, 9, 11, "aaaaaaaaww"),
        (2, 500, 9, 11, "aawwwwwwww"),
        (1, 1, 998, 10, "aw" + "i" * 7),
        (3, 3, 3, 1, "w"),
        (3, 3, 3, 0, "w"),
        (0, 0, 0, 5, ""),
    ],
)
def test_those_in_trouble_and_those_in_work_share_the_room(attention, work, idle, room, chosen):
    kinds = ("a", attention, Health.HELD), ("w", work, Health.TRAINING), ("i", idle, Health.WAITING)
    models = [judged(f"{kind}{at}", health) for kind, number, health in kinds for at in range(number)]
    assert "".join(found.glance.name[0] for found in choose(models, room)) == chosen


def test_what_cannot_be_read_is_told_in_the_width_of_the_terminal():
    drawn = trouble("Nothing can be shown now: the journal is gone.", Size(20, 2), GLYPHS)
    assert [line.plain for line in drawn] == ["Nothing can be shown", "now: the journal is"]
