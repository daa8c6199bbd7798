"""The one SQLite file behind the catalog: connections, transactions, and its errors in our words."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fsencode
from threading import Lock
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from checks.names import show
from preserve.errors import CatalogError, UnreadableError

BUSY_SECONDS = 30.0
APPLICATION_ID = 0x70727376  # "prsv", where file(1) and people look for it

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",  # nobody is told before it is durable
    "PRAGMA cache_size = -65536",  # KiB
    "PRAGMA wal_autocheckpoint = 4000",  # pages
)

# No catalog that could be meant; all else is one that gives no answer.
_ABSENT = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN}

# Primary result codes of SQLite: what happened, and what the person can do.
_SAID = {
    sqlite3.SQLITE_BUSY: ("is in use by another program", "Wait for it to end, then try again."),
    sqlite3.SQLITE_LOCKED: ("is in use by another program", "Wait for it to end, then try again."),
    sqlite3.SQLITE_NOTADB: (
        "is not a catalog",
        "Give the catalog's own file, or make it again with `preserve catalog rebuild`.",
    ),
    # SQLite says this too where the disk gives no answer for a page.
    sqlite3.SQLITE_CORRUPT: (
        "is damaged, or the disk that it lies on cannot be read",
        "Look at the disk first. If the file is damaged: `preserve catalog rebuild`, see docs/disaster.md.",
    ),
    sqlite3.SQLITE_FULL: ("cannot be written: the disk is full", "Make room, then try again."),
    sqlite3.SQLITE_READONLY: ("cannot be written", "Check who may write to the file and its folder."),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Check the path, the room on its disk, and who may write to the file and its folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        "could not be read or written by the system",
        "Check the disk that it lies on: whether it answers, and whether it is full.",
    ),
    sqlite3.SQLITE_PROTOCOL: ("could not be locked", "Wait for other programs to end, then try again."),
}


class Database:
    """Connections to one catalog file, one for each thread that is in a transaction.

    `reading` sees one state throughout; `writing` takes SQLite's write lock at once, so that no transaction has to
    be given up half-way, and commits at its end or changes nothing.
    """

    def __init__(self, path: str | bytes | PathLike[str], *, create: bool = False) -> None:
        self.path = fsencode(path)
        self._file: tuple[int, int] | None = None  # device and inode of what was opened first
        self._engine = _engine(self.path, "rwc" if create else "rw")
        self._turn = Lock()  # SQLite makes waiting writers poll; threads of one program can queue

    def close(self) -> None:
        """Closes all connections. The catalog cannot be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the catalog."""
        with self._connected() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it, durably, or nothing."""
        with self._turn, self._connected() as connection:
            connection.execution_options(preserve_writes=True)
            with connection.begin():
                yield connection

    @contextmanager
    def bare(self) -> Iterator[Connection]:
        """A connection for what cannot be done inside a transaction, such as PRAGMA journal_mode."""
        with self._connected() as connection:
            yield connection.execution_options(preserve_bare=True)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Of a file that was moved away or replaced SQLite goes on to read and write what nobody finds any more."""
        with translated(self.path), self._engine.connect() as connection:
            found = _file_at(self.path)
            self._file = self._file or found
            if found is None or found != self._file:
                raise UnreadableError(
                    f"the catalog {show(self.path)} was moved away or replaced while it was open",
                    remedy="Put it back where it was, or end what runs and start it again with the catalog meant.",
                )
            yield connection


def _engine(path: bytes, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        # `rw` never makes a file where there is none; isolation_level None leaves BEGIN to us.
        return sqlite3.connect(
            f"file:{quote(path)}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=8, max_overflow=64)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("preserve_bare"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("preserve_writes") else "BEGIN")


@contextmanager
def translated(path: bytes) -> Iterator[None]:
    """Turns what SQLite says of a catalog into a CatalogError in our words."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        said, remedy = _SAID.get(code, (f"cannot serve: {cause}", ""))
        if code == sqlite3.SQLITE_CANTOPEN and (locked := _read_only(path)):
            said = f"cannot be opened: {locked} is read-only, and SQLite writes even to read"
            remedy = "Allow writing there, or copy the catalog to a disk that can be written and work with the copy."
        kind = CatalogError if code in _ABSENT else UnreadableError
        raise kind(f"the catalog {show(path)} {said}", remedy=remedy) from error


def _file_at(path: bytes) -> tuple[int, int] | None:
    """Device and inode."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read_only(path: bytes) -> str:
    """Which of what SQLite has to write to cannot be written: the file, or the folder for others beside it."""
    if not os.path.exists(path):
        return ""
    folder = os.path.dirname(os.path.abspath(path))
    return "its file" if not os.access(path, os.W_OK) else "" if os.access(folder, os.W_OK) else "its folder"
