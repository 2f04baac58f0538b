"""Asking many file systems at once."""

import pytest

from retraind.system import probe
from retraind.system.files import names_in
from retraind.system.remote.errors import NoAnswer
from retraind.system.remote.helpers import HELPERS
from support.faulty import Rule, mounting

pytestmark = pytest.mark.usefixtures("impatient_helpers")

HANGS = Rule(("getattr", "opendir", "readdir"), answer="hang")


def test_file_systems_that_hang_are_waited_for_all_at_once(tmp_path, monkeypatch):
    """A server with fifteen exports that hung kept a start for five minutes: ten seconds for each, and more."""
    asked, ended = [], []
    plain = probe.kind_of

    def watched(path, **how):
        asked.append(path)
        if len(asked) == len(shares):
            assert ended == [], "nobody was waited for alone"
            HELPERS.hurry()
        try:
            return plain(path, **how)
        finally:
            ended.append(path)

    monkeypatch.setattr("retraind.system.remote.helper.PATIENCE", 5.0)
    monkeypatch.setattr(probe, "kind_of", watched)
    with mounting() as mounted:
        shares = [mounted(tmp_path / f"disk{number}", tmp_path / f"share{number}") for number in range(3)]
        for share in shares:
            share.tell(HANGS)
        (tmp_path / "near").mkdir()
        paths = [*(share.point for share in shares), tmp_path / "near"]
        *far, near = probe.ask_each([(path, names_in) for path in paths])
        assert [type(each) for each in far] == [NoAnswer] * 3
        assert near == []


def test_an_answer_that_does_not_come_stands_in_its_place(tmp_path):
    with mounting() as mounted:
        hung, well = (mounted(tmp_path / f"{name}-disk", tmp_path / name) for name in ("hung", "well"))
        (well.folder / "x").touch()
        hung.tell(HANGS)
        answers = probe.ask_each(
            [(hung.point, names_in), (well.point, names_in), (tmp_path / "gone", names_in)]
        )
        assert [type(answers[0]), answers[1], type(answers[2])] == [NoAnswer, ["x"], FileNotFoundError]
