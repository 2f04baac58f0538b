from dataclasses import dataclass

from retraind.daemon.status_line import StatusLine
from retraind.domain.problems import Problem, problem


@dataclass
class Folder:
    name: str
    trouble: Problem | None = None


AWAY = problem("folder_silent", path="/srv/drop/churn")
FULL = problem("database_error", reason="database or disk is full")


def test_all_is_well():
    line = StatusLine().line([Folder("churn"), Folder("price")], {}, None)
    assert line == "Models watched: 2, on hold: 0; jobs in work: 0"


def test_what_is_wrong_comes_first():
    mistakes = [problem("config_missing", file="/etc/retraind/config.toml")]
    line = StatusLine().line([Folder("churn", AWAY), Folder("price")], {"stock"}, FULL, mistakes)
    assert line == (
        "JOURNAL: database or disk is full; NOT RUNNING: stock; OUT OF REACH: churn; "
        "Reload refused, the previous configuration applies: /etc/retraind/config.toml does not exist; "
        "Models watched: 2, on hold: 0; jobs in work: 0"
    )


def test_of_many_models_the_first_are_named_and_the_others_counted():
    folders = [Folder(f"model-{number}", AWAY) for number in range(9)]
    line = StatusLine().line(folders, {}, None)
    assert line.startswith("OUT OF REACH: model-0, model-1, model-2, model-3, model-4, +4; ")
