"""The journal: one append-only chain of everything that happened, from which the rest can be computed again."""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from struct import Struct
from typing import Any

from sqlalchemy import Connection, insert, select, text, update

from preserve.catalog.bulk import among, insert_rows
from preserve.catalog.database import Database
from preserve.catalog.moments import text_of
from preserve.catalog.rows import JournalRow
from preserve.catalog.schema import copy as copies
from preserve.catalog.schema import event, journal, journal_head, replica, shard_check
from preserve.errors import LOOK_AT_CATALOG, UnreadableError

_NUMBER = Struct(">Q").pack
BEGINNING = bytes(32)  # what the first link has before it
_PAGE = 1000
_COLUMNS = ("number", "kind", "previous", "body", "hash")
_EVENT = ("number", "package_id", "kind")

_HEAD = select(journal_head.c.number, journal_head.c.hash)
_MOVE = update(journal_head)

_canonical = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def canonical(body: Mapping[str, object]) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8 with nothing escaped that need not be."""
    return _canonical(body).encode("utf-8")


def link_hash(number: int, previous: bytes, body: bytes) -> bytes:
    """SHA-256 over the number (8 bytes, big-endian), the previous hash and the body."""
    return sha256(_NUMBER(number) + previous + body).digest()


class Chain:
    """Links to be appended in one transaction. `write` puts them down; without it nothing has happened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._number, self._hash = _head(connection)
        self._links: list[tuple[int, str, bytes, bytes, bytes]] = []
        self._events: list[tuple[int, int, str]] = []

    def add(self, kind: str, at: datetime, body: Mapping[str, object], *, package_id: int | None = None) -> int:
        """Adds a link and gives its number. Kind and time are put into the body, so that the hash covers them.

        Args:
            package_id: the package that it is an event of; checks need none, for their copies tell.
        """
        self._number += 1
        if package_id is not None:
            self._events.append((self._number, package_id, kind))
        written = canonical({**body, "kind": kind, "at": text_of(at)})
        previous, self._hash = self._hash, link_hash(self._number, self._hash, written)
        self._links.append((self._number, kind, previous, written, self._hash))
        return self._number

    def write(self) -> None:
        """Appends the links and moves the head."""
        insert_rows(self._connection, journal, _COLUMNS, self._links)
        insert_rows(self._connection, event, _EVENT, self._events)
        self._connection.execute(_MOVE, {"number": self._number, "hash": self._hash})
        self._links.clear()
        self._events.clear()


def append(
    connection: Connection, kind: str, at: datetime, body: Mapping[str, object], *, package_id: int | None = None
) -> int:
    """Appends one link and gives its number."""
    chain = Chain(connection)
    number = chain.add(kind, at, body, package_id=package_id)
    chain.write()
    return number


def begin_journal(connection: Connection) -> None:
    """Puts down the head of a chain without links."""
    connection.execute(insert(journal_head).values(id=1, number=0, hash=BEGINNING))


def _head(connection: Connection) -> tuple[int, bytes]:
    number, hash_ = connection.execute(_HEAD).one()
    return number, hash_


class Journal(Database):
    """Reading the journal."""

    def journal(self, after: int = 0) -> Iterator[JournalRow]:
        """The links with numbers above `after`, in order. Each thousand is read in a transaction of its own."""
        page = select(journal).where(journal.c.number > after).order_by(journal.c.number).limit(_PAGE)
        while True:
            with self.reading() as connection:
                rows = [JournalRow(**row) for row in connection.execute(page).mappings()]
            yield from rows
            if len(rows) < _PAGE:
                return
            page = page.with_only_columns(*journal.c).where(journal.c.number > rows[-1].number)

    def journal_of(self, package_id: int, kind: str | None = None) -> Iterator[JournalRow]:
        """The links that speak of a package, checks of its copies among them, in order; or those of one kind."""
        own = select(event.c.number).where(event.c.package_id == package_id)
        checked = (
            select(shard_check.c.number)
            .join(copies, copies.c.id == shard_check.c.copy_id)
            .where(copies.c.package_id == package_id)
        )
        numbers = own.union(checked) if kind is None else own.where(event.c.kind == kind)
        with self.reading() as connection:
            rising = numbers.order_by("number").execution_options(yield_per=_PAGE)
            wanted = array("Q", connection.execute(rising).scalars())  # eight bytes a link, however many
        for at in range(0, len(wanted), _PAGE):
            page = select(journal).where(among(journal.c.number, wanted[at : at + _PAGE])).order_by(journal.c.number)
            with self.reading() as connection:
                rows = [JournalRow(**row) for row in connection.execute(page).mappings()]
            yield from rows

    def journal_of_kind(self, kind: str) -> Iterator[JournalRow]:
        """The links of one kind that are events of packages, in order."""
        query = select(journal).join(event, event.c.number == journal.c.number).where(event.c.kind == kind)
        with self.reading() as connection:
            rows = [JournalRow(**row) for row in connection.execute(query.order_by(journal.c.number)).mappings()]
        yield from rows

    def latest_by_replica(self, kind: str) -> dict[str, tuple[datetime, Mapping[str, Any]]]:
        """The last link of a kind for each replica in use, by its UUID: when it was written, and its body.

        The last is that with the highest number, whatever the clock said. Of checks there are too many for this.
        """
        in_use = select(replica.c.uuid).where(replica.c.removed_at.is_(None))
        # The second condition is that of the index.
        of_kind = select(journal.c.body).where(journal.c.kind == kind, text("kind <> 'check'"))
        newest = of_kind.order_by(journal.c.number.desc()).execution_options(yield_per=50)
        found: dict[str, tuple[datetime, Mapping[str, Any]]] = {}
        with self.reading() as connection:
            missing = {str(uuid) for uuid in connection.execute(in_use).scalars()}
            for body in connection.execute(newest).scalars():
                said = json.loads(body)
                uuid = said.get("replica")
                if uuid in missing:
                    missing.discard(uuid)
                    found[uuid] = datetime.fromisoformat(said["at"]), said
                if not missing:
                    break
        return found

    def latest(self, kind: str) -> Mapping[str, Any]:
        """The body of the last link of a kind, that with the highest number; empty if there is none. Not of checks."""
        of_kind = select(journal.c.body).where(journal.c.kind == kind, text("kind <> 'check'"))
        with self.reading() as connection:
            body = connection.execute(of_kind.order_by(journal.c.number.desc()).limit(1)).scalar()
        said: Mapping[str, Any] = {} if body is None else json.loads(body)
        return said

    def head(self) -> tuple[int, bytes]:
        """The number and the hash of the last link; (0, 32 zero bytes) before the first."""
        with self.reading() as connection:
            return _head(connection)

    def newest_at(self) -> datetime | None:
        """When the last link was written, by the clock of then; None before the first.

        UnreadableError if it does not say.
        """
        newest = select(journal.c.body).order_by(journal.c.number.desc()).limit(1)
        with self.reading() as connection:
            body = connection.execute(newest).scalar_one_or_none()
        if body is None:
            return None
        try:
            at = datetime.fromisoformat(json.loads(body)["at"])
        except (ValueError, TypeError, LookupError) as error:
            raise UnreadableError(
                "the journal's last link does not say when it was written", remedy=LOOK_AT_CATALOG
            ) from error
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    def verify_journal(self) -> int | None:
        """The first number at which the chain does not hold, or None. A chain cut short does not reach its head."""
        links = select(journal).order_by(journal.c.number).execution_options(yield_per=_PAGE)
        with self.reading() as connection:
            head = _head(connection)
            return first_broken((JournalRow(**row) for row in connection.execute(links).mappings()), *head)


def first_broken(links: Iterable[JournalRow], head_number: int, head_hash: bytes) -> int | None:
    """The first number at which these links, which should be all, are not one chain up to that head; or None."""
    number, previous = 0, BEGINNING
    for link in links:
        number += 1
        if number > head_number or not _holds(link, number, previous):
            return number
        previous = link.hash
    if number < head_number:
        return number + 1
    return None if previous == head_hash else number


def _holds(link: JournalRow, number: int, previous: bytes) -> bool:
    return (
        isinstance(link.body, bytes)  # SQLite keeps what it is given, text too
        and link.number == number
        and link.previous == previous
        and link.hash == link_hash(number, previous, link.body)
        and _kind_of(link.body) == link.kind
    )


def _kind_of(body: bytes) -> object:
    """What a body calls itself; None for one that is no body."""
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return read.get("kind") if isinstance(read, dict) else None
