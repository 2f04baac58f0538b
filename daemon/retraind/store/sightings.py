"""What the journal remembers of files that wait in drop folders, or were taken in from them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from retraind.domain.job import Signature
from retraind.domain.sightings import Remembered
from retraind.store.database import Database
from retraind.store.rows import each_of
from retraind.store.schema import JOBS, SIGHTINGS

_SIGNATURE = ("size", "mtime_ns", "inode")


class Sightings:
    """The memories of all drop folders."""

    def __init__(self, database: Database) -> None:
        # Whoever reads an older memory sees files that changed since, which first settle.
        self._engine = database.relaxed
        self._database = database

    def of(self, folder: str) -> dict[str, Remembered]:
        """Return what was noted of the files that wait in a drop folder, by name."""
        query = sa.select(SIGHTINGS.c.name, SIGHTINGS.c.body).where(SIGHTINGS.c.folder == folder)
        found = {}
        for row in self._database.rows(query):
            *signature, look, came = json.loads(row.body)
            known = Signature(**dict(zip(_SIGNATURE, signature, strict=True)))
            found[row.name] = Remembered(row.name, known, look, came)
        return found

    def were_taken(self, model: str, name: str) -> bool:
        """Return whether a model has a job with a file of this name, which may have ended."""
        files = sa.func.json_each(JOBS.c.body, "$.files").table_valued("value")
        query = (
            sa.select(sa.literal(1))
            .select_from(JOBS)
            .join(files, sa.true())
            .where(JOBS.c.model == model, sa.func.json_extract(files.c.value, "$.name") == name)
            .limit(1)
        )
        return bool(self._database.rows(query))

    def note(self, folder: str, fresh: Iterable[Remembered], gone: Iterable[str]) -> None:
        """Note files that are new in a drop folder, or changed, and forget the names that are gone."""
        rows = [
            {
                "folder": folder,
                "name": each.name,
                "body": json.dumps(
                    [*(getattr(each.signature, part) for part in _SIGNATURE), each.look, each.came]
                ),
            }
            for each in fresh
        ]
        old = each_of([*gone, *(row["name"] for row in rows)])
        with self._engine.begin() as connection:
            connection.execute(
                SIGHTINGS.delete().where(SIGHTINGS.c.folder == folder, SIGHTINGS.c.name.in_(sa.select(old)))
            )
            if rows:
                connection.execute(SIGHTINGS.insert(), rows)


@dataclass(frozen=True)
class JournalMemory:
    """The memory in the journal, of one drop folder; with `read_only`, nothing is written to it."""

    sightings: Sightings
    drop: Path
    model: str
    read_only: bool = False

    def recall(self) -> Mapping[str, Remembered]:
        """Return what was noted, by name."""
        return self.sightings.of(str(self.drop))

    def note(self, fresh: Sequence[Remembered], gone: Collection[str]) -> None:
        """Note files that are new or changed, and forget the names that are gone."""
        if not self.read_only:
            self.sightings.note(str(self.drop), fresh, gone)

    def was_delivered(self, name: str) -> bool:
        """Return whether the model has a job with a file of this name."""
        return self.sightings.were_taken(self.model, name)
