"""The pictures of the architecture, drawn from the code where it has what they show.

The files in docs/pictures/ are for readers of the repository. Run as a program, this module writes them again.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from retraind.domain.job import LIFE, State
from website.drawing import Kind, Look, Picture

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "pictures"


def pictures() -> Mapping[str, str]:
    """Return each picture as SVG, by its name."""
    return {each.name: each.svg() for each in (_overview(), _loop(), _life(), _house())}


# The process and what is around it

_LANES = (
    ("each share: 4 threads", "scan, seal, STATUS.txt"),
    ("send: N threads", "preflight, bundle, upload"),
    ("talk: 4 threads", "poll, results, switch"),
    ("gate: N threads", "the owner's program"),
    ("close: N threads", "file, restore"),
    ("upkeep, retention", "1 thread each"),
)


def _overview() -> Picture:
    made = Picture("overview", "retraind run, its threads, and what they touch", 960, 560)
    made.box(20, 30, 180, 48, ("people, ETL jobs", "write and rename"))
    names = ("train_… eval_…", "STATUS.txt", ".retraind/JOB/", "done/JOB/", "failed/JOB/")
    made.box(20, 130, 180, 150, ("drop folder", *names))
    made.box(20, 390, 180, 60, ("spool (local disk)", "JOB.zip"))
    made.box(300, 480, 360, 60, ("journal (SQLite)", "jobs, events, holds"), "strong")
    made.box(760, 480, 180, 60, ("operator's commands", "status, retry, switch …"))
    made.box(260, 20, 440, 420, ("retraind run",), "room")
    made.box(280, 56, 195, 44, ("watcher", "1 thread: events"))
    made.box(485, 56, 195, 44, ("timetable", "1 thread: sweeps, upkeep"))
    made.box(280, 130, 400, 48, ("the loop", "1 thread: decides, touches no share and no network"), "strong")
    made.arrow((377, 100), (377, 130))
    made.arrow((582, 100), (582, 130))
    for number, (name, does) in enumerate(_LANES):
        made.box(280 + 205 * (number % 2), 214 + 72 * (number // 2), 195, 56, (name, does))
    made.arrow((480, 178), (480, 210), kind="main")
    made.text(492, 200, "gives work to lanes", anchor="start", soft=True)
    made.box(760, 214, 180, 60, ("service", "4 calls, with the API key"))
    made.box(760, 330, 180, 60, ("object store", "no key"))
    made.arrow((110, 78), (110, 130), kind="main")
    made.arrow((200, 150), (240, 150), (240, 78), (280, 78))
    made.text(206, 142, "inotify", anchor="start", soft=True)
    made.arrow((280, 242), (200, 242), both=True)
    made.arrow((260, 420), (200, 420), both=True)
    made.arrow((700, 244), (760, 244), both=True)
    made.arrow((700, 360), (760, 360), both=True)
    made.arrow((480, 440), (480, 480), kind="main", both=True)
    made.text(492, 465, "before and after each step", anchor="start", soft=True)
    made.arrow((760, 510), (660, 510))
    return made


# The loop

_HINTS = ("events of folders", "sweeps", "finished steps", "commands", "timers", "reloads")
_PHASES = (
    ("observe", "the last scan,", "the model's jobs"),
    ("decide", "a pure function:", "situation to decision"),
    ("act", "record deliveries,", "give steps to lanes"),
    ("publish", "bring STATUS.txt", "up to date"),
)


def _loop() -> Picture:
    made = Picture("loop", "The loop: whatever happens asks for a pass of a model", 1060, 320)
    for number, hint in enumerate(_HINTS):
        y = 16 + 46 * number
        made.box(20, y, 150, 34, (hint,))
        made.arrow((170, y + 17), (200, y + 17), (200, 148), (236, 148))
    made.box(238, 108, 140, 80, ("queue of models", "asking twice", "is asking once"), "strong")
    made.box(410, 60, 632, 160, ("a pass of one model, on one thread",), "room")
    for number, lines in enumerate(_PHASES):
        x = 424 + 154 * number
        made.box(x, 104, 142, 88, lines)
        if number:
            made.arrow((x - 12, 148), (x, 148), kind="main")
    made.arrow((378, 148), (424, 148), kind="main")
    made.arrow((726, 220), (726, 290), (308, 290), (308, 188), kind="again")
    made.text(517, 282, "each finished step asks again", soft=True)
    return made


# The life of a job

_ROW, _TOP, _WIDE, _HIGH = 66, 24, 150, 40
_COLUMN = 300
_SIDE: Mapping[State, tuple[float, float]] = {
    State.RETURNED: (30, _TOP + _ROW),
    State.RESTORING: (650, _TOP + 4.5 * _ROW),
    State.FAILED: (650, _TOP + 9 * _ROW),
}
"""What is beside the way from sealed to done."""


def _life() -> Picture:
    way = [state for state in LIFE if state not in _SIDE]
    made = Picture("life", "The life of a job: its states, and where each may go next", 900, _TOP + 10 * _ROW)
    at = dict(_SIDE)
    at |= {state: (float(_COLUMN), float(_TOP + _ROW * row)) for row, state in enumerate(way)}
    for state, stage in LIFE.items():
        for after in sorted(stage.next):  # a set has no order of its own
            _transition(made, at, way, state, after)
    for state, (x, y) in at.items():
        step = LIFE[state].step
        look: Look = "strong" if state in {State.DONE, State.FAILED} else "box"
        made.box(x, y, _WIDE, _HIGH, (state.value, *([f"step: {step}"] if step else [])), look)
    return made


def _transition(
    made: Picture, at: Mapping[State, tuple[float, float]], way: list[State], state: State, after: State
) -> None:
    (x, y), (to_x, to_y) = at[state], at[after]
    middle, to_middle = y + _HIGH / 2, to_y + _HIGH / 2
    if state in _SIDE or after in _SIDE:
        kind: Kind = "again" if state is State.RESTORING or after is State.RESTORING else ""
        if x == to_x:
            shift = 20 if state is State.RESTORING else -20
            begin, end = (y + _HIGH, to_y) if to_y > y else (y, to_y + _HIGH)
            made.arrow((x + _WIDE / 2 + shift, begin), (x + _WIDE / 2 + shift, end), kind=kind)
        elif to_x > x:
            made.arrow((x + _WIDE, middle + 8), (to_x, to_middle), kind=kind)
        else:
            made.arrow((x, middle), (to_x + _WIDE, to_middle - 8), kind=kind)
        return
    distance = way.index(after) - way.index(state)
    if distance == 1:
        made.arrow((x + _WIDE / 2, y + _HIGH), (to_x + _WIDE / 2, to_y), kind="main")
    elif distance > 0:
        made.curve((x + _WIDE, middle), (to_x + _WIDE, to_middle), 30 + 26 * distance)
    else:
        made.curve((x, middle), (to_x, to_middle), -(40 - 40 * distance), kind="again")


# The packages

_FLOOR = 46


def _house() -> Picture:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    contract = next(each for each in config["contracts"] if each["type"] == "layers")
    floors = [[room.strip() for room in floor.split("|")] for floor in contract["layers"]]
    made = Picture("house", "The packages: imports point down only", 900, 30 + _FLOOR * len(floors))
    width, gap = 640, 10
    for number, rooms in enumerate(floors):
        y, each = 16 + _FLOOR * number, (width - gap * (len(rooms) - 1)) / len(rooms)
        for place, room in enumerate(rooms):
            made.box(20 + place * (each + gap), y, each, _FLOOR - 10, (room,))
    bottom = 16 + _FLOOR * len(floors) - 10
    made.arrow((680, 16), (680, bottom), kind="main")
    made.text(692, 34, "imports", anchor="start", soft=True)
    for number, name in enumerate(contract["exhaustive_ignores"]):
        made.box(760, 16 + _FLOOR * number, 120, _FLOOR - 10, (name,))
        made.text(820, 30 + _FLOOR * (number + 1), "knows none of them", soft=True)
    return made


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")
