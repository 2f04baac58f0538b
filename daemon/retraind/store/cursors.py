"""How far in the history each recipient of notifications has been notified."""

from collections.abc import Mapping

import sqlalchemy as sa

from retraind.store.database import Database
from retraind.store.schema import RECIPIENTS


class Cursors:
    """A place in the history for each recipient."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, int]:
        """Return up to which place of the history each recipient was notified."""
        return {row.name: row.told for row in self._database.rows(sa.select(RECIPIENTS))}

    def set(self, name: str, told: int | None) -> None:
        """Record up to where a recipient was notified; None forgets it."""
        self.set_each({name: told})

    def set_each(self, places: Mapping[str, int | None]) -> None:
        """Do the same for several at once."""
        if not places:
            return
        told = [{"name": name, "told": place} for name, place in places.items() if place is not None]
        with self._database.engine.begin() as connection:
            connection.execute(RECIPIENTS.delete().where(RECIPIENTS.c.name.in_(list(places))))
            if told:
                connection.execute(RECIPIENTS.insert(), told)
