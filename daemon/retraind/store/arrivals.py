"""When each model's deliveries arrived, since when any are expected, and until when none are."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from retraind.domain.job import Outcome
from retraind.domain.people import Person
from retraind.store.database import Database
from retraind.store.events import Events
from retraind.store.rows import each_of, moment
from retraind.store.schema import JOBS


class Arrivals:
    """What the journal knows of times of arrival."""

    def __init__(self, database: Database, events: Events) -> None:
        self._database = database
        self._events = events

    def newest(self, models: Collection[str]) -> Mapping[str, tuple[str, int]]:
        """Return the id and the version of each model's newest job: what else is here changes with it."""
        model = each_of(models)
        latest = sa.select(JOBS.c.id).where(JOBS.c.model == model).order_by(JOBS.c.created_at.desc()).limit(1)
        these = sa.select(latest.scalar_subquery()).select_from(model.table)
        query = sa.select(JOBS.c.model, JOBS.c.id, JOBS.c.version).where(JOBS.c.id.in_(these))
        return {row.model: (row.id, row.version) for row in self._database.rows(query)}

    def of(self, model: str, limit: int) -> list[datetime]:
        """Return when the last deliveries of a model were taken in, oldest first; the same again is none."""
        outcome = sa.func.coalesce(sa.func.json_extract(JOBS.c.body, "$.end.outcome"), "")
        query = sa.select(JOBS.c.created_at).where(JOBS.c.model == model, outcome != Outcome.DUPLICATE.value)
        rows = self._database.rows(query.order_by(JOBS.c.created_at.desc()).limit(limit))
        return [moment(row.created_at) for row in reversed(rows)]

    def expected_since(
        self, models: Collection[str], rules: Mapping[str, str], now: datetime
    ) -> dict[str, datetime]:
        """Return since when each model's deliveries are expected by its rule, noting those that are new.

        `rules` are the rules as texts; another rule begins again.
        """
        known = self._events.last_details("expectation_began", models)
        found = {}
        for model in models:
            detail = known.get(model, {})
            if detail.get("rule") == rules[model]:
                found[model] = datetime.fromisoformat(detail["since"])
            else:
                self._events.note("expectation_began", model=model, rule=rules[model], since=now.isoformat())
                found[model] = now
        return found

    def snooze(self, model: str, until: datetime, by: Person | None = None) -> None:
        """Expect nothing of a model until then: no due date before that counts, not even an earlier one."""
        who = by.as_detail() if by else {}
        self._events.note("snoozed", None, model, until=until.isoformat(), **who)

    def snoozed(self, models: Collection[str]) -> Mapping[str, datetime]:
        """Return until when nothing is, or was, expected of each model that was ever snoozed."""
        known = self._events.last_details("snoozed", models)
        return {model: datetime.fromisoformat(detail["until"]) for model, detail in known.items()}
