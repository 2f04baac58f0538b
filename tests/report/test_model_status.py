"""`retraind status` on an installation of many models with long backlogs."""

import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from retraind.config.settings import Settings
from retraind.domain.job import RESTING, Job, State
from retraind.report.model_status import overview
from retraind.report.standing import job_standing
from retraind.report.wording import Voice
from retraind.store.journal import Journal

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path / "state" / "journal.db")
    yield journal
    journal.close()


def settings_of(root, models: int) -> Settings:
    tables = {}
    for number in range(models):
        drop = root / f"m{number}"
        drop.mkdir(exist_ok=True)
        tables[drop.name] = {"drop": drop, "api_key": "key-of-a-model-0123456789"}
    return Settings(
        state={"url": f"sqlite:///{root}/state/journal.db", "spool": root / "spool"}, models=tables
    )


def deliver(journal: Journal, model: str, key: str) -> None:
    job = Job(
        id=f"{model}-{key}",
        model=model,
        key=key,
        state=State.SEALED,
        files=(),
        created_at=NOW,
        updated_at=NOW,
    )
    journal.jobs.add(job, "delivery_complete")


def test_a_hundred_models_ask_the_journal_no_more_often_than_one(tmp_path, journal):
    asked = []
    sa.event.listen(journal.database.engine, "before_cursor_execute", lambda *_: asked.append(1))
    counts = []
    for models in (1, 100):
        settings = settings_of(tmp_path, models)
        asked.clear()
        assert len(overview(settings, journal, Voice()).models) == models
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_long_backlog_is_told_in_a_screenful(tmp_path, journal):
    for number in range(1, 201):
        deliver(journal, "m0", str(number))
    (found,) = overview(settings_of(tmp_path, 1), journal, Voice()).models
    assert len(found.jobs) == 200
    assert found.sentences[1] == "2 has been taken in and waits for 1 to finish."
    assert found.sentences[-1] == "And 150 more."


@pytest.mark.parametrize("state", sorted(set(State) - RESTING))
def test_of_a_stopped_daemon_nothing_is_said_to_be_under_way(state):
    job = Job(id="a-job", model="m", key="1", state=state, files=(), created_at=NOW, updated_at=NOW)
    text = Voice().tell(job_standing(job, job, "service", running=False))
    assert text.endswith("It continues once retraind runs.")
    assert not re.search(r"\bis being\b|will be|is training|is deciding", text)
