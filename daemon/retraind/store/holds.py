"""The journal's holds of models."""

import sqlalchemy as sa

from retraind.domain.people import Person
from retraind.domain.problems import Problem, problem
from retraind.domain.records import ACCOUNT_LIMITS, ModelHold
from retraind.store.database import Database
from retraind.store.events import Events
from retraind.store.rows import HELD, read_holds, read_problem
from retraind.store.schema import MODELS
from retraind.system.clock import Clock


class Holds:
    """Why no job of a model talks to the service."""

    def __init__(self, database: Database, events: Events, clock: Clock) -> None:
        self._database = database
        self._events = events
        self._clock = clock

    def hold(self, model: str, problem: Problem, *, credential: bool) -> bool:
        """Hold a model; returns False when it was already held for the same reason."""
        with self._database.engine.begin() as connection:
            return self.hold_with(connection, model, problem, credential=credential)

    def hold_with(self, connection: sa.Connection, model: str, problem: Problem, *, credential: bool) -> bool:
        """Hold a model as part of a transaction; returns False when it was held for the same reason."""
        known = connection.execute(
            sa.select(MODELS.c.hold, MODELS.c.trial).where(MODELS.c.name == model)
        ).first()
        hold = problem.as_json()
        if known is not None and known.hold is not None and problem.is_same(read_problem(known.hold)):
            return False
        on_trial = known is not None and known.trial is not None and read_problem(known.trial)
        goes_on = problem.is_same(on_trial or None)
        values = {
            "held_since": self._clock.now().timestamp(),
            "hold": hold,
            "credential": credential,
            "trial": None,
        }
        if known is None:
            connection.execute(MODELS.insert().values(name=model, **values))
        else:
            connection.execute(MODELS.update().where(MODELS.c.name == model).values(values))
        self._events.append(
            connection,
            "hold_goes_on" if goes_on else "model_held",
            None,
            {"what": problem},
            model,
        )
        return True

    def release(self, model: str, why: Problem, *, trial: bool = False, by: Person | None = None) -> bool:
        """End a model's hold, if somebody asked for that `by` whom; returns False when there was none.

        With `trial`, only for a try: `end_trial` records that its reason is gone, a new hold that it is not.
        """
        with self._database.engine.begin() as connection:
            done = connection.execute(
                MODELS.update()
                .where(MODELS.c.name == model, MODELS.c.hold.is_not(None))
                .values(hold=None, held_since=None, trial=MODELS.c.hold if trial else None)
            )
            if not done.rowcount:
                return False
            detail = {"why": why, **(by.as_detail() if by else {})}
            self._events.append(connection, "hold_tried" if trial else "model_released", None, detail, model)
        return True

    def end_trial(self, model: str, *, trained: bool = True) -> None:
        """Record that the reason of a hold is gone, if one was on trial.

        A limit of the account is known to be gone only once the service has `trained`.
        """
        on_trial = sa.select(MODELS.c.credential, MODELS.c.trial).where(
            MODELS.c.name == model, MODELS.c.trial.is_not(None)
        )
        tried = next(iter(self._database.rows(on_trial)), None)
        if tried is None or (not trained and read_problem(tried.trial).code in ACCOUNT_LIMITS):
            return
        with self._database.engine.begin() as connection:
            connection.execute(MODELS.update().where(MODELS.c.name == model).values(trial=None))
            why = problem("key_accepted_again" if tried.credential else "hold_reason_gone")
            self._events.append(connection, "model_released", None, {"why": why}, model)

    def all(self) -> dict[str, ModelHold]:
        """Return the held models by name."""
        return read_holds(self._database.rows(HELD))

    def is_held(self, model: str) -> bool:
        """Return whether a model is held."""
        query = sa.select(MODELS.c.name).where(MODELS.c.name == model, MODELS.c.hold.is_not(None))
        return bool(self._database.rows(query))
