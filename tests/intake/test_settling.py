"""Sweeps pass over folders in which nothing has changed, and must see all that a look would.

The share's server tells times to two seconds only, which is the coarsest there is.
"""

import os
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st

from retraind.config.settings import ModelSettings, SweepSettings
from retraind.domain.problems import problem
from retraind.intake import listing, settling
from retraind.intake.drop_folder import DropFolder, Seen
from retraind.intake.share_identity import MARKER
from retraind.system.reading import glance
from support.clock import ManualClock
from support.variants import holds_for

SERVER_GRAIN = 2
SETTLE = 10
SECOND = timedelta(seconds=1)
HANDLES = Path("/proc/self/fd")


def coarse_stamp(status):
    """What a server without change times tells."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, 0


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(settling, "stamp_of", coarse_stamp)
    monkeypatch.setattr(listing, "stamp_of", coarse_stamp)


class Served:
    """A drop folder on a server, whose clock is the test's."""

    def __init__(self, drop, **model):
        self.drop = drop
        drop.mkdir()
        self.clock = ManualClock()
        self.model = ModelSettings.model_validate(
            {"drop": drop, "api_key": "k", "settle": SETTLE, "pair_timeout": 3600, **model}
        )
        self.folder = self.another_eye()
        self.stamp(drop)

    def another_eye(self, *, remote=False):
        return DropFolder(self.model, SweepSettings().ignore, self.clock, None, lambda: None, remote=remote)

    def stamp(self, path):
        now = int(self.clock.elapsed()) // SERVER_GRAIN * SERVER_GRAIN
        with suppress(FileNotFoundError):
            os.utime(path, (now, now), follow_symlinks=False)

    def put(self, name, content=b"a,b\n"):
        path = self.drop / name
        new = not path.exists()
        if new and path.parent != self.drop:
            path.parent.mkdir(exist_ok=True)
            self.stamp(self.drop)
        path.write_bytes(content)
        self.stamp(path)
        if new:
            self.stamp(path.parent)
        return path

    def remove(self, name):
        (self.drop / name).unlink(missing_ok=True)
        self.stamp((self.drop / name).parent)

    def passes(self, seconds):
        self.clock.pass_time(seconds * SECOND)

    def at_rest(self):
        """Look until nothing new comes to light."""
        for _ in range(3):
            self.folder.look()
            self.passes(SETTLE)
        assert self.folder.is_unchanged()


@pytest.fixture
def served(tmp_path):
    return lambda **model: Served(tmp_path / "drop", **model)


QUIET = [
    (),
    ("notes.txt",),
    (".train_1.csv.tmp", "train_2.csv.part"),
    ("train_1.csv",),
    ("train_1.csv", "eval_2.csv", "notes.txt"),
]


def test_what_a_glance_has_shown_counts_for_the_rest_that_it_was_asked_for(served):
    served = served()
    served.put("train_1.csv")
    served.at_rest()
    served.passes(4)
    assert served.folder.is_unchanged()
    rest = served.folder.rest
    before = Seen(rest, glance(*rest.asks))
    assert served.folder.is_unchanged(None, before)
    served.put("train_1.csv", b"a,b\n1,2\n3,4\n")
    assert served.folder.is_unchanged(None, before), "as it was at the glance"
    assert not served.folder.is_unchanged(None, Seen(rest, glance(*rest.asks)))
    served.folder.look()
    served.at_rest()
    assert served.folder.is_unchanged(None, before), "it was at an earlier rest: looked at again"


@pytest.mark.parametrize("names", QUIET, ids=str)
def test_a_folder_in_which_nothing_is_to_be_done_but_to_wait_is_passed_over(served, names):
    served = served()
    for name in names:
        served.put(name)
    assert not served.folder.is_unchanged(), "it was never looked at"
    view = served.folder.look()
    served.at_rest()
    assert served.folder.look().strangers == view.strangers


def test_a_change_that_leaves_the_folders_time_as_it_was_is_not_missed(served):
    served = served()
    served.folder.look()
    served.passes(1)
    served.put("train_1.csv")
    for _ in range(5):
        if not served.folder.is_unchanged():
            seen = served.folder.look()
        served.passes(1)
    assert [wait.key for wait in seen.waiting] == ["1"]


def into_a_folder(served):
    served.remove("notes.txt")
    (served.drop / "notes.txt").mkdir()


def another_of_the_same_names(served):
    served.drop.rename(served.drop.with_name("away"))
    served.drop.mkdir()
    for path in served.drop.with_name("away").iterdir():
        os.link(path, served.drop / path.name)
        path.unlink()


NAME_CHANGES = {
    "a new one": lambda served: served.put("more.txt"),
    "one gone": lambda served: served.remove("notes.txt"),
    "one for another": lambda served: (served.drop / ".part").rename(served.drop / "train_1.csv"),
    "a file that became a folder": into_a_folder,
    "another folder with the same names": another_of_the_same_names,
}


@pytest.mark.parametrize("touched", [False, True], ids=["time as it was", "another time"])
@pytest.mark.parametrize("change", NAME_CHANGES.values(), ids=NAME_CHANGES)
def test_names_are_compared_until_the_folders_times_count(served, change, touched):
    served = served()
    served.put("notes.txt")
    served.put(".part")
    served.folder.look()
    assert served.folder.is_unchanged()
    change(served)
    if touched:
        served.passes(SETTLE)
        served.stamp(served.drop)
    assert not served.folder.is_unchanged()


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
@pytest.mark.parametrize("names", [(), ("notes.txt", ".part"), ("train_1.csv",), ("train/1.csv",)], ids=str)
def test_a_folder_whose_times_alone_have_changed_is_passed_over_and_its_new_times_count(
    served, names, remote
):
    served = served(train="train/{key}" if "train/1.csv" in names else "train_{key}")
    served.folder = served.another_eye(remote=remote)
    for name in names:
        served.put(name)
    served.at_rest()
    for folder in {served.drop, *((served.drop / name).parent for name in names)}:
        served.stamp(folder)
    for _ in range(4):
        assert served.folder.is_unchanged()
        served.passes(1)
    served.put("train/2.csv" if "train/1.csv" in names else "train_2.csv")
    assert not served.folder.is_unchanged()


def test_what_is_ignored_comes_and_goes_without_a_look_and_all_else_is_still_compared(served):
    served = served()
    served.put("notes.txt")
    served.put("train_1.csv")
    served.at_rest()
    for number in range(3):
        served.put(f".{number}.tmp")
        assert served.folder.is_unchanged()
    served.remove(".1.tmp")
    assert served.folder.is_unchanged()
    into_a_folder(served)
    assert not served.folder.is_unchanged()


def test_the_marker_of_a_share_does_not_go_without_a_look(served):
    served = served()
    served.put(MARKER)
    served.at_rest()
    served.remove(MARKER)
    assert not served.folder.is_unchanged()


@pytest.mark.parametrize("name", [MARKER, "STATUS.txt"])
def test_what_retraind_writes_comes_without_a_look_and_does_not_go_without_one(served, name):
    served = served()
    served.put("notes.txt")
    served.at_rest()
    served.put(name)
    assert served.folder.is_unchanged()
    served.passes(4)
    assert served.folder.is_unchanged()
    served.remove(name)
    assert not served.folder.is_unchanged()


def test_a_name_like_retrainds_own_in_a_folder_of_the_drop_folder_does_not_come_without_a_look(served):
    served = served(train="train/{key}", eval="eval/{key}")
    served.put("train/1.csv")
    served.at_rest()
    served.put("train/STATUS.txt")
    assert not served.folder.is_unchanged()


@pytest.mark.parametrize("name", ["train_1.csv", "train/1.csv"])
def test_what_goes_while_it_is_looked_at_is_seen_when_it_is_back(served, monkeypatch, name):
    served = served(train=name.replace("1.csv", "{key}"))
    path = served.put(name)
    top = served.drop / name.partition("/")[0]
    elsewhere = served.drop.with_name("elsewhere")

    def read_and_lose(entry):
        kind = settling.kind_of(entry)
        if top.exists():
            top.rename(elsewhere)
        return kind

    with monkeypatch.context() as patch:
        patch.setattr(listing, "kind_of", read_and_lose)
        assert not served.folder.look().waiting
    elsewhere.rename(top)
    assert path.exists()
    assert not served.folder.is_unchanged()


def test_more_names_than_are_kept_are_looked_at_when_the_times_have_changed(served, monkeypatch):
    monkeypatch.setattr(settling, "_MOST_NAMES", 2)
    served = served()
    for number in range(3):
        served.put(f"notes_{number}.txt")
    served.at_rest()
    served.stamp(served.drop)
    assert not served.folder.is_unchanged()


def test_a_sweep_does_not_wait_for_a_look_that_begins_just_then(served, monkeypatch):
    """A share may hang in it."""
    served = served()
    served.at_rest()
    monkeypatch.setattr(served.folder.rest, "lasts", lambda: not served.folder._lock.acquire())
    assert not served.folder.is_unchanged()


CHANGES = {
    "a new file": lambda served: served.put("train_2.csv"),
    "a file gone": lambda served: served.remove("train_1.csv"),
    "a file that grows": lambda served: served.put("train_1.csv", b"a,b\n1,2\n"),
    "a file written anew with the same size": lambda served: served.put("train_1.csv", b"c,d\n"),
    "a second name elsewhere": lambda served: os.link(
        served.drop / "train_1.csv", served.drop.with_name("elsewhere")
    ),
    "the status of retraind": lambda served: served.remove("STATUS.txt"),
    "another folder in its place": lambda served: (
        served.drop.rename(served.drop.with_name("away")), served.drop.mkdir(),
    ),
    "no folder in its place": lambda served: served.drop.rename(served.drop.with_name("away")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_is_looked_at(served, change):
    served = served()
    served.put("STATUS.txt")
    served.put("train_1.csv")
    served.at_rest()
    change(served)
    assert not served.folder.is_unchanged()


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
def test_sub_folders_count_like_the_folder_itself(served, tmp_path, remote):
    served = served(train="train/{key}", eval="eval/{key}")
    served.folder = served.another_eye(remote=remote)
    served.at_rest()
    served.put("train/1.csv")
    assert not served.folder.is_unchanged()
    served.at_rest()
    served.put("train/2.csv")
    assert not served.folder.is_unchanged()
    served.at_rest()
    served.put("train/2.csv", b"longer\n")
    assert not served.folder.is_unchanged()
    served.at_rest()
    (served.drop / "train").rename(tmp_path / "elsewhere")
    (served.drop / "train").symlink_to(tmp_path / "elsewhere")
    assert not served.folder.is_unchanged()


def test_what_time_alone_brings_is_looked_at(served):
    served = served(pair_timeout=60)
    served.put("train_1.csv")
    served.at_rest()
    served.passes(60)
    assert not served.folder.is_unchanged()
    assert served.folder.look().waiting[0].reasons[-1] == problem("waits_for_long", waited=60)


def test_a_complete_delivery_is_looked_at_until_it_is_taken(served):
    served = served()
    served.put("train_1.csv")
    served.put("eval_1.csv")
    for _ in range(4):
        served.passes(SETTLE)
        assert not served.folder.is_unchanged()
        view = served.folder.look()
    assert view.complete


def test_a_file_with_a_second_name_elsewhere_is_looked_at_until_it_has_one(served):
    """Its folder does not tell when the other name goes."""
    served = served()
    path = served.put("train_1.csv")
    os.link(path, served.drop.with_name("elsewhere"))
    for _ in range(4):
        assert served.folder.look().strangers
        served.passes(SETTLE)
    assert not served.folder.is_unchanged()


def test_a_delivery_that_may_not_be_read_is_looked_at_until_it_may(somebody):
    """A file's rights change without any time of it or its folder that is compared."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        served = Served(Path(place) / "drop")
        served.put("train_1.csv").chmod(0)
        served.put("eval_1.csv")
        with somebody():
            for _ in range(4):
                view = served.folder.look()
                served.passes(SETTLE)
            assert view.waiting[0].reasons[0].code == "file_unreadable"
            assert not served.folder.is_unchanged()


def test_a_delivery_with_a_manifest_is_looked_at_always(served):
    """It is compared in the background."""
    served = served(ready="manifest")
    served.put("train_1.csv")
    served.at_rest()
    served.put("1.manifest.json", b"{")
    for _ in range(4):
        served.folder.look()
        served.passes(SETTLE)
    assert not served.folder.is_unchanged()


def test_files_that_changed_while_they_were_taken_are_looked_at(served):
    served = served()
    served.put("train_1.csv")
    served.at_rest()
    served.folder.distrust({"train_1.csv"})
    assert not served.folder.is_unchanged()


def test_a_folder_is_looked_at_now_and_then_whatever_it_tells_and_not_all_at_once(tmp_path):
    rests = set()
    for number in range(20):
        served = Served(tmp_path / str(number))
        served.at_rest()
        served.folder.look()
        settling = 0
        while served.folder.is_unchanged():
            served.passes(1)
            settling += 1
        rests.add(settling)
    assert max(rests) <= 300
    assert min(rests) >= 240
    assert len(rests) > 10


def test_no_handle_is_left_open(served):
    served = served(train="train/{key}", eval="eval/{key}")
    served.put("train/1.csv")
    served.at_rest()
    before = len(list(HANDLES.iterdir()))
    for _ in range(5):
        served.folder.is_unchanged()
    (served.drop / "train" / "1.csv").unlink()
    served.folder.is_unchanged()
    assert len(list(HANDLES.iterdir())) == before


# Whatever happens

NAMES = st.sampled_from(
    ["train_1.csv", "eval_1.csv", "train_2.csv", "EVAL_2.csv", "notes.txt", ".hidden", "1.done", "_SUCCESS"]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, st.sampled_from([b"", b"a,b\n", b"c,d\n", b"longer\n"])),
        st.tuples(st.just("remove"), NAMES),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("link"), NAMES),
        st.tuples(st.sampled_from(["unlink elsewhere", "touch"])),
        st.tuples(st.just("wait"), st.sampled_from([1, 2, 3, 10, 60, 400])),
    ),
    max_size=25,
)


def do(served, step):
    match step:
        case "put", name, content:
            served.put(name, content)
        case "remove", name:
            served.remove(name)
        case "rename", old, new:
            if old != new and (served.drop / old).exists():
                (served.drop / old).replace(served.drop / new)
                served.stamp(served.drop)
        case "link", name:
            elsewhere = served.drop.with_name("elsewhere")
            if (served.drop / name).exists() and not elsewhere.exists():
                os.link(served.drop / name, elsewhere)
        case ("unlink elsewhere",):
            served.drop.with_name("elsewhere").unlink(missing_ok=True)
        case ("touch",):
            served.stamp(served.drop)
        case "wait", seconds:
            served.passes(seconds)


@holds_for(33, 100, STEPS, st.sampled_from(["settle", "marker"]), st.booleans())
def test_sweeps_that_pass_over_folders_see_what_sweeps_of_all_would(steps, ready, remote):
    with tempfile.TemporaryDirectory() as place:
        served = Served(Path(place) / "drop", ready=ready, pair_timeout=60)
        always, quick = served.another_eye(), served.another_eye(remote=remote)
        seen = None
        for step in [*steps, ("wait", 3), ("wait", 3)]:
            do(served, step)
            expected = always.look()
            if not quick.is_unchanged():
                seen = quick.look()
            # A stranger's second name changes only what is told of it.
            assert [each.facts["file"] for each in seen.strangers] == [
                each.facts["file"] for each in expected.strangers
            ]
            assert (seen.complete, seen.waiting, seen.due) == (
                expected.complete, expected.waiting, expected.due,
            )  # fmt: skip
