"""An empty catalog in a nameless temporary file, with the real one attached beside it, to be read only.

What is written by its bare name (`copy`) goes into the empty one; what only the real one has (`journal`, `shard`,
`record`) is found there; `kept.copy` is what really stands there. So the code that once wrote a table can write it
again, and cannot touch the catalog.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast
from urllib.parse import quote

from sqlalchemy import Connection

from preserve.catalog import schema
from preserve.catalog.database import Database

Statement = Callable[..., sqlite3.Cursor]  # SQLite's own `execute`

WRITTEN_AGAIN = (
    *(schema.catalog, schema.collection, schema.package, schema.inventory, schema.replica, schema.copy),
    *(schema.shard_state, schema.audit, schema.audit_item, schema.finding, schema.event),
)


class Scratch(Database):
    """The empty catalog. `path` is the real one's."""

    def __init__(self, path: bytes) -> None:
        super().__init__(b"", create=True)  # without a name SQLite makes a temporary file, and deletes it
        self.path = path

    @contextmanager
    def beside(self) -> Iterator[Connection]:
        """One transaction that sees one state of the real catalog, as `kept`; at its end all is forgotten."""
        with self.bare() as connection:
            driver(connection).text_factory = _text
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")  # the journal may say what cannot be
            connection.exec_driver_sql("ATTACH ? AS kept", (f"file:{quote(self.path)}?mode=ro",))
            schema.metadata.create_all(connection, tables=WRITTEN_AGAIN, checkfirst=False)
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")


def driver(connection: Connection) -> sqlite3.Connection:
    """SQLite's own connection: for walking over millions of rows, as they are stored."""
    return cast(sqlite3.Connection, connection.connection.driver_connection)


def _text(stored: bytes) -> str:
    """Whatever somebody put into a column of text can be read."""
    return stored.decode("utf-8", "surrogateescape")


_OF_THE_CONTENT = frozenset(
    {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CORRUPT}
)


def blames_content(error: Exception) -> bool:
    """Whether an error of SQLite speaks of what stands in a file, and not of what the system could not do."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.IntegrityError | OverflowError):
        return True
    return getattr(cause, "sqlite_errorcode", -1) & 0xFF in _OF_THE_CONTENT
