"""What the journal remembers of files that wait in drop folders, or were taken in from them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from retraind.domain.job import Signature
from retraind.domain.sightings import Remembered
from retraind.store.database import Database
from retraind.store.rows import each_of
from retraind.store.schema import JOBS, SIGHTINGS

_SIGNATURE = ("size", "mtime_ns", "inode")


@dataclass(frozen=True)
class JournalMemory:
    """The memory in the journal, of one drop folder; with `read_only`, nothing is written to it."""

    database: Database
    drop: Path
    model: str
    read_only: bool = False

    def recall(self) -> Mapping[str, Remembered]:
        """Return what was noted of the files that wait, by name."""
        query = sa.select(SIGHTINGS.c.name, SIGHTINGS.c.body).where(SIGHTINGS.c.folder == str(self.drop))
        found = {}
        for row in self.database.rows(query):
            *signature, look, came = json.loads(row.body)
            known = Signature(**dict(zip(_SIGNATURE, signature, strict=True)))
            found[row.name] = Remembered(row.name, known, look, came)
        return found

    def was_delivered(self, name: str) -> bool:
        """Return whether the model has a job with a file of this name, which may have ended."""
        files = sa.func.json_each(JOBS.c.body, "$.files").table_valued("value")
        query = (
            sa.select(sa.literal(1))
            .select_from(JOBS)
            .join(files, sa.true())
            .where(JOBS.c.model == self.model, sa.func.json_extract(files.c.value, "$.name") == name)
            .limit(1)
        )
        return bool(self.database.rows(query))

    def note(self, fresh: Sequence[Remembered], gone: Collection[str]) -> None:
        """Note files that are new or changed, and forget the names that are gone."""
        if self.read_only:
            return
        folder = str(self.drop)
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
        old = sa.select(each_of([*gone, *(row["name"] for row in rows)]))
        # Whoever reads an older memory sees files that changed since, which first settle.
        with self.database.relaxed.begin() as connection:
            connection.execute(
                SIGHTINGS.delete().where(SIGHTINGS.c.folder == folder, SIGHTINGS.c.name.in_(old))
            )
            if rows:
                connection.execute(SIGHTINGS.insert(), rows)
