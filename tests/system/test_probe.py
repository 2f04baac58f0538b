"""Questions that block in the kernel: whoever opens a pipe waits until somebody opens its other end."""

import os
import threading
from pathlib import Path

import pytest

from retraind.system.probe import NoAnswer, ask_each


@pytest.fixture(autouse=True)
def _soon_out_of_patience(monkeypatch):
    monkeypatch.setattr("retraind.system.probe.PATIENCE", 0.5)
    # Where /tmp is a mount of its own, nothing else in it would be asked either.
    monkeypatch.setattr("retraind.system.probe.present_mounts", list)


@pytest.fixture
def pipes(tmp_path):
    """Make pipes, and let go whoever hangs at them in the end."""
    made = []

    def make(name):
        os.mkfifo(tmp_path / name)
        made.append(tmp_path / name)
        return tmp_path / name

    yield make
    for path in made:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def opened(path):
    with path.open("rb"):
        return path.name


def asked(*paths, what=opened):
    return ask_each([(path, what) for path in paths])


def test_answers_come_in_order_and_errors_in_their_place(tmp_path):
    (tmp_path / "a").touch()
    first, second, third = asked(tmp_path / "a", tmp_path / "b", tmp_path / "a")
    assert (first, third) == ("a", "a")
    assert isinstance(second, FileNotFoundError)
    assert ask_each([]) == []


def test_one_thread_asks_for_all(tmp_path):
    assert len(set(asked(*[tmp_path] * 50, what=lambda _: threading.get_ident()))) == 1


def test_what_hangs_keeps_nothing_else_from_being_asked(tmp_path, pipes):
    (tmp_path / "after").touch()
    first, second, after = asked(pipes("first"), pipes("second"), tmp_path / "after")
    assert after == "after"
    for error, name in ((first, "first"), (second, "second")):
        assert isinstance(error, NoAnswer)
        assert (error.filename, error.mount) == (str(tmp_path / name), tmp_path / name)
        assert error.strerror == "Connection timed out"


def test_the_same_place_is_waited_for_once_whatever_it_is_called(tmp_path, pipes):
    pipe = pipes("pipe")
    (tmp_path / "link").symlink_to("pipe")
    visits = []

    def visit(path):
        visits.append(path)
        return opened(path)

    assert {type(answer) for answer in asked(pipe, tmp_path / "link", pipe, what=visit)} == {NoAnswer}
    assert visits == [pipe]


def test_whoever_is_left_behind_asks_nothing_more_once_it_goes_on(tmp_path, pipes):
    pipe = pipes("pipe")
    visits = []

    def visit(path):
        visits.append((path.name, threading.current_thread()))
        return opened(path)

    (tmp_path / "after").touch()
    asked(pipe, tmp_path / "after", what=visit)
    (_, left), (_, other) = visits
    assert left is not other
    os.close(os.open(pipe, os.O_RDWR | os.O_NONBLOCK))
    left.join(10)
    assert not left.is_alive()
    assert len(visits) == 2


def test_whoever_takes_long_without_hanging_is_waited_for(tmp_path):
    """A look at a hundred thousand files on a slow share."""

    def walk(path):
        for _ in range(15):
            threading.Event().wait(0.1)
        return path

    assert asked(tmp_path, what=walk) == [tmp_path]


LINKS = {
    "none": ".",
    "a relative one": "relative/inner",
    "an absolute one": "absolute/inner",
    "one in another": "twice/inner",
    "one with dots in it": "dotted/inner",
    "dots after a link": "relative/inner/../inner",
    "one that leads nowhere": "lost/inner",
    "one that leads to itself": "loop",
    "nothing": "no/such/place",
}


@pytest.mark.parametrize("path", LINKS.values(), ids=LINKS)
def test_links_are_followed_as_the_kernel_does(tmp_path, path):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    for link, target in (
        ("relative", "real"), ("absolute", tmp_path / "real"), ("twice", "relative"), ("lost", "nowhere"),
        ("loop", "loop"), ("dotted", ".//relative/./inner/.."),
    ):  # fmt: skip
        (tmp_path / link).symlink_to(target)
    expected = Path(os.path.realpath(tmp_path / path))
    assert asked(tmp_path / path, what=lambda place: place) == [expected]


def test_a_bug_in_an_answer_is_not_swallowed(tmp_path):
    with pytest.raises(ZeroDivisionError):
        asked(tmp_path, what=lambda _: 1 / 0)
