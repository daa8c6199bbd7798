"""Backups of the catalog: a copy of the whole file while it is in use, and the proof that such a copy is a catalog."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import select, text

from checks.digesting import Digester, Wanted
from checks.names import show
from preserve.catalog.database import APPLICATION_ID, BUSY_SECONDS, Database, translated
from preserve.catalog.journal import append, first_broken
from preserve.catalog.rows import JournalRow
from preserve.catalog.schema import catalog as itself
from preserve.catalog.schema import copy, journal
from preserve.errors import CatalogError, UndeterminedError
from preserve.stores.durable import writing
from preserve.stores.local import LocalStore

BESIDE = (b"-wal", b"-shm", b"-journal")  # what SQLite may keep beside a database, by what it adds to the name
BACKED_UP = "catalog-backed-up"
REBUILT = "catalog-rebuilt"

_OF_BACKUPS = journal.c.kind == BACKED_UP, text("kind <> 'check'")  # the second is the condition of the index

_LINKS = "SELECT number, kind, previous, body, hash FROM journal ORDER BY number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A verified copy of a catalog, closed and at rest. Number and hash are of its journal's head."""

    path: bytes
    catalog: UUID
    number: int
    hash: bytes
    revision: str
    sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BackedUp:
    """The last placing of a backup, out of the journal."""

    at: datetime
    journal_grew: bool  # whether anything but backups was recorded since the snapshot was taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBackup:
    """A backup as the journal knows it. `head` is the number of the last link in it."""

    file: bytes
    sha256: bytes
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """That the catalog was made again, out of the journal: from a backup whose last link was `head`."""

    at: datetime
    head: int


def take_snapshot(source: bytes, target: bytes) -> Snapshot:
    """Copies a catalog, which may be in use, to a path of ours; flushed and verified when this returns.

    What an earlier, killed run left at `target` goes first; what this one cannot finish goes too. The copy is made
    page by page, so that the verification of it also judges the original.

    Raises:
        CatalogError: the original is damaged, or in use for too long.
        UndeterminedError: it cannot be written; a full disk is said.
    """
    clear_away(target)
    try:
        with translated(source), _said_when_full(target):
            _copy(source, target)
        with writing(target):
            _flush(target)
        return verified(target)
    except BaseException:
        clear_away(target)
        raise


def verified(path: bytes) -> Snapshot:
    """Looks through a catalog at rest, whoever wrote it: read-only, and nothing that stands in it is run.

    Raises:
        CatalogError: it is not a whole catalog, with a sentence that says why.
    """
    with translated(path), closing(_at_rest(path)) as connection:
        _refuse_foreign(connection, path)
        broken = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if broken != "ok":
            raise CatalogError(f"{show(path)} is damaged: {show(os.fsencode(str(broken)))}")
        uuid, revision, number, hash_ = _said_of_itself(connection, path)
        at = _first_broken(connection, number, hash_)
        if at is not None:
            raise CatalogError(f"{show(path)}: its journal does not hold at link {at}")
    folder, _, name = os.path.abspath(path).rpartition(b"/")
    store = LocalStore(folder or b"/")
    opening = Wanted(path=name, open=lambda: store.open(name, past_cache=False), expected_bytes=None)
    reading = Digester(("sha256",)).read(opening)
    if not reading.sound:
        raise CatalogError(f"{show(path)} could not be read again: {reading.problem or 'it changed'}")
    return Snapshot(
        path=path,
        catalog=uuid,
        number=number,
        hash=hash_,
        revision=revision,
        sha256=reading.digests["sha256"],
        size_bytes=reading.size_bytes,
    )


def hash_at(path: bytes, number: int) -> bytes | None:
    """The hash of one link of a verified catalog at rest; None if it has no such link."""
    if number == 0:
        return bytes(32)
    with translated(path), closing(_at_rest(path)) as connection:
        found = connection.execute("SELECT hash FROM journal WHERE number = ?", (number,)).fetchone()
    return None if found is None else found[0]


def clear_away(path: bytes) -> None:
    """Takes away a staged database of ours, and what SQLite put beside it."""
    with writing(path):
        for name in (path, *(path + ending for ending in BESIDE)):
            try:
                os.unlink(name)
            except FileNotFoundError:
                continue


class Backing(Database):
    """What the journal and the tables say that backups and rebuilding ask for."""

    def uuid(self) -> UUID:
        """The catalog's own."""
        with self.reading() as connection:
            found: UUID = connection.execute(select(itself.c.uuid)).scalar_one()
            return found

    def locations(self, replica_id: int) -> set[bytes]:
        """The folders that were ever recorded as copies on a replica, those of removed packages too."""
        with self.reading() as connection:
            return set(connection.execute(select(copy.c.location).where(copy.c.replica_id == replica_id)).scalars())

    def last_backed_up(self) -> BackedUp | None:
        """The last placing of a backup; None if there was none."""
        last = select(journal.c.body).where(*_OF_BACKUPS).order_by(journal.c.number.desc()).limit(1)
        with self.reading() as connection:
            body = connection.execute(last).scalar()
            if body is None:
                return None
            said = json.loads(body)
            further = select(journal.c.number).where(journal.c.number > said["head"], journal.c.kind != BACKED_UP)
            grew = connection.execute(further.limit(1)).scalar() is not None
        return BackedUp(datetime.fromisoformat(said["at"]), grew)

    def placed_backups(self, replica: UUID) -> list[PlacedBackup]:
        """What was placed on a replica, in that order, by the journal; the replica may have lost it since."""
        placings = select(journal.c.body).where(*_OF_BACKUPS).order_by(journal.c.number)
        with self.reading() as connection:
            said = [json.loads(body) for body in connection.execute(placings).scalars()]
        return [
            PlacedBackup(file=one["file"].encode(), sha256=bytes.fromhex(one["sha256"]), head=one["head"])
            for one in said
            if one.get("replica") == str(replica)
        ]

    def rebuilds(self) -> list[Rebuilt]:
        """When the catalog was made again from backups, in that order; of links that do not tell it so, nothing."""
        made = select(journal.c.body).where(journal.c.kind == REBUILT).order_by(journal.c.number)
        with self.reading() as connection:
            return [one for body in connection.execute(made).scalars() if (one := _rebuilt(body)) is not None]

    def record_of_itself(self, kind: str, body: Mapping[str, object], at: datetime) -> int:
        """Appends a link that speaks of the catalog itself, such as `catalog-backed-up`; its number."""
        with self.writing() as connection:
            return append(connection, kind, at, body)


def _rebuilt(body: bytes) -> Rebuilt | None:
    try:
        said = json.loads(body)
        at, head = datetime.fromisoformat(said["at"]), said["from"]["head"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return Rebuilt(at=at, head=head) if at.tzinfo is not None and isinstance(head, int) else None


def _copy(source: bytes, target: bytes) -> None:
    uri = f"file:{quote(source)}?mode=ro"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as original,
        closing(sqlite3.connect(target, isolation_level=None)) as made,
    ):
        # Nobody sees the staged file before it was flushed whole.
        made.execute("PRAGMA journal_mode = OFF")
        made.execute("PRAGMA synchronous = OFF")
        original.backup(made, pages=-1)  # in one step: writers go on in the log, and it never has to begin again


def _flush(path: bytes) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _at_rest(path: bytes) -> sqlite3.Connection:
    """Opens a file that nobody writes to: no log is looked for, and none is made."""
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro&immutable=1", uri=True, isolation_level=None)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _refuse_foreign(connection: sqlite3.Connection, path: bytes) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise CatalogError(f"{show(path)} is not a catalog")
    # A catalog has neither; in a file that somebody else wrote they would run when we write.
    odd = "SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view') OR sql LIKE 'CREATE VIRTUAL%' LIMIT 1"
    found = connection.execute(odd).fetchone()
    if found is not None:
        raise CatalogError(f"{show(path)} is not ours: it has a trigger, a view or a virtual table in it")


def _said_of_itself(connection: sqlite3.Connection, path: bytes) -> tuple[UUID, str, int, bytes]:
    """(uuid, revision, head's number and hash); CatalogError where these are not what they should be."""
    try:
        (uuid,) = connection.execute("SELECT uuid FROM catalog").fetchone()
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        number, hash_ = connection.execute("SELECT number, hash FROM journal_head").fetchone()
        if isinstance(revision, str) and isinstance(number, int) and isinstance(hash_, bytes):
            return UUID(uuid), revision, number, hash_
    except (sqlite3.OperationalError, ValueError, TypeError, AttributeError):
        pass
    raise CatalogError(f"{show(path)} is not a whole catalog: it does not say what it is")


def _first_broken(connection: sqlite3.Connection, number: int, hash_: bytes) -> int | None:
    reached = 0

    def links() -> Iterator[JournalRow]:
        nonlocal reached
        for reached, kind, previous, body, link in connection.execute(_LINKS):
            yield JournalRow(number=reached, kind=kind, previous=previous, body=body, hash=link)

    try:
        return first_broken(links(), number, hash_)
    except (ValueError, TypeError, AttributeError, RecursionError):  # a body that is no JSON object
        return reached


@contextmanager
def _said_when_full(path: bytes) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_FULL:
            raise
        remedy = "Make room and run the same command again."
        raise UndeterminedError(f"{show(path)}: the disk is full", remedy=remedy) from error
