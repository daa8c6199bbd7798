"""Shards that are to be read soon, whatever their age: because somebody asked, or because something was put right."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, exists, select, update

from checks.policy import Wanted
from preserve.catalog.bulk import among
from preserve.catalog.database import Database
from preserve.catalog.entries import shards_around
from preserve.catalog.journal import Chain, append
from preserve.catalog.moments import micros
from preserve.catalog.places import ended_copies, places_of
from preserve.catalog.rows import AuditState
from preserve.catalog.schema import audit, replica, shard, shard_state

REPAIRED = "file-repaired"
SELF_TEST = "self-test"  # why an audit stands as stopped

# What a person asked for is not made less by a repair; the later reading serves both.
_WANT = (
    "UPDATE shard_state SET wanted_at = ?, wanted = CASE WHEN wanted = 'asked' THEN wanted ELSE ? END WHERE copy_id = ?"
)
_WANT_ONE = f"{_WANT} AND shard_id = ?"


class Asking(Database):
    """Asking for a reading."""

    def ask_reading(self, what: Sequence[tuple[int, int]] | Sequence[int], why: Wanted, by: str, at: datetime) -> int:
        """Asks that shards be read soon, by (copy, shard), or all shards of copies by the copies' numbers.

        A check of the whole shard that began after `at` and read it through settles it. What is looked after no
        longer, or is not there, is left out.

        Returns:
            how many shards were asked for.
        """
        with self.writing() as connection:
            return _ask(connection, what, why, by, at)

    def disbelieve(self, audit_ids: Sequence[int], pairs: Sequence[tuple[int, int]], why: str, at: datetime) -> int:
        """Takes down that what these audits said is not to be believed, and asks for all of it to be read again.

        They stand as stopped from then on, because of the auditor's test of itself, however they came to their end.

        Args:
            pairs: the (copy, shard) that they set out to read.
            why: what was wrong with the auditor.

        Returns:
            how many shards are to be read again.
        """
        over = audit.c.state != AuditState.RUNNING.value
        stopped = {"state": AuditState.STOPPED.value, "reason": SELF_TEST}
        with self.writing() as connection:
            connection.execute(update(audit).where(among(audit.c.id, audit_ids), over).values(stopped))
            append(connection, "audit-disbelieved", at, {"audits": list(audit_ids), "why": why})
            return _ask(connection, pairs, Wanted.ASKED, "the auditor's test of itself", at)

    def asked_on(self) -> frozenset[int]:
        """The replicas in use with something that a person asked to be read, and that was not read since."""
        state = shard_state.c
        # The second condition is that of the index.
        asked = exists().where(
            state.replica_id == replica.c.id, state.wanted == Wanted.ASKED, state.wanted.is_not(None)
        )
        with self.reading() as connection:
            query = select(replica.c.id).where(replica.c.removed_at.is_(None), asked)
            return frozenset(connection.execute(query).scalars())


def _ask(
    connection: Connection, what: Sequence[tuple[int, int]] | Sequence[int], why: Wanted, by: str, at: datetime
) -> int:
    whole = sorted({one for one in what if isinstance(one, int)})
    pairs = sorted({one for one in what if not isinstance(one, int)})
    copy_ids = {*whole, *(copy_id for copy_id, _ in pairs)}
    places = places_of(connection, copy_ids - ended_copies(connection, copy_ids))
    chain, asked = Chain(connection), 0
    for copy_id, shards in (*((copy_id, None) for copy_id in whole), *_by_copy(connection, pairs)):
        place = places.get(copy_id)
        if place is None or shards == {}:
            continue
        asked += want(connection, copy_id, shards, why, at)
        starts = {} if shards is None else {"starts": [start.hex() for start in shards.values()]}
        body = {**place.named(), "why": why.value, "by": by, **starts}
        chain.add("reading-asked", at, body, package_id=place.package_id)
    chain.write()
    return asked


def want(connection: Connection, copy_id: int, shard_ids: Iterable[int] | None, why: Wanted, at: datetime) -> int:
    """Marks these shards of a copy, or all of them, as wanted; how many there are."""
    if shard_ids is None:
        return connection.exec_driver_sql(_WANT, (micros(at), why.value, copy_id)).rowcount
    rows = [(micros(at), why.value, copy_id, shard_id) for shard_id in shard_ids]
    return connection.exec_driver_sql(_WANT_ONE, rows).rowcount if rows else 0


def want_repaired(connection: Connection, copy_id: int, inventory_id: int, path: bytes, at: datetime) -> None:
    """Marks the shards that a repaired file lies in."""
    want(connection, copy_id, shards_around(connection, inventory_id, path), Wanted.REPAIRED, at)


def _by_copy(connection: Connection, pairs: Iterable[tuple[int, int]]) -> Iterable[tuple[int, Mapping[int, bytes]]]:
    """The shards of each copy that are its own, with where they start."""
    for copy_id, group in groupby(pairs, key=lambda pair: pair[0]):
        state = shard_state.c
        own = (
            select(state.shard_id, shard.c.start)
            .join(shard, shard.c.id == state.shard_id)
            .where(state.copy_id == copy_id, among(state.shard_id, [shard_id for _, shard_id in group]))
            .order_by(shard.c.start)
        )
        yield copy_id, dict(connection.execute(own).all())
