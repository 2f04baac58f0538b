"""SQL statements that are compiled once for all journals of a process.

SQLAlchemy compiles each statement anew for each engine, and most tests open a journal of their own: without
this, a fifth of what a daemon does from its start to its end.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

_COMPILED: LRUCache[Any, Any] = LRUCache(2_000)


def share() -> None:
    """Let all engines of SQLite's have what each of them has compiled."""
    made = sa.Engine.__init__

    def make(self: sa.Engine, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        if type(self.dialect) is SQLiteDialect_pysqlite:
            self._compiled_cache = _COMPILED

    sa.Engine.__init__ = make
    # A dialect is part of what a compiled statement is found by.
    SQLiteDialect_pysqlite.__eq__ = lambda self, other: type(self) is type(other)
    SQLiteDialect_pysqlite.__hash__ = lambda self: hash(type(self))
