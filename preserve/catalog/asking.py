"""Shards that are to be read soon, whatever their age: because somebody asked, or because something was put right."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, exists, func, select, text, update

from checks.policy import LONGEST_WAIT, Wanted
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

# The strongest reason stays, the later reading serves all: what is not believed, what a person asked for, a repair.
# Nothing is known of a shard whose last reading is not believed.
_WANT = (
    "UPDATE shard_state SET wanted_at = :at, wanted = CASE"
    " WHEN wanted = 'disbelieved' OR (wanted = 'asked' AND :why <> 'disbelieved') THEN wanted ELSE :why END,"
    " outcome = CASE WHEN :why = 'disbelieved' THEN 'inconclusive' ELSE outcome END"
    " WHERE copy_id = :copy"
)
_WANT_ONE = f"{_WANT} AND shard_id = :shard"
_SETTLING = "SELECT number, body FROM journal WHERE kind = ? AND kind <> 'check' ORDER BY number"
_TESTS_SINCE = text("""
SELECT body FROM journal
WHERE kind = :kind AND kind <> 'check'
    AND number > (SELECT min(check_number) FROM audit_item WHERE audit_id = :audit)
ORDER BY number
""")
# Of each shard the last that an audit said of it: what was said before is over.
_LAST_READ = text("""
SELECT c.audit_id, c.copy_id, c.shard_id, max(c.number)
FROM copy
CROSS JOIN shard_check AS c ON c.copy_id = copy.id AND c.audit_id IS NOT NULL
WHERE copy.replica_id = :replica AND copy.removed_at IS NULL
GROUP BY c.copy_id, c.shard_id
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """A shard that was read, and the audit in which."""

    audit_id: int
    copy_id: int
    shard_id: int


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
        Of the shards nothing is known until they are read again.

        Args:
            pairs: the (copy, shard) that they read.
            why: what was wrong with the auditor.

        Returns:
            how many shards are to be read again.
        """
        over = audit.c.state != AuditState.RUNNING.value
        stopped = {"state": AuditState.STOPPED.value, "reason": SELF_TEST}
        with self.writing() as connection:
            connection.execute(update(audit).where(among(audit.c.id, audit_ids), over).values(stopped))
            append(connection, "audit-disbelieved", at, {"audits": list(audit_ids), "why": why})
            return _ask(connection, pairs, Wanted.DISBELIEVED, "the auditor's test of itself", at)

    def unproven(self, replica_id: int) -> list[Unproven]:
        """The shards on a replica whose last reading in an audit was followed there by no test that passed.

        Its process was killed, or the replica was away then. What was disbelieved before is left out.
        """
        with self.reading() as connection:
            uuid = connection.execute(select(replica.c.uuid).where(replica.c.id == replica_id)).scalar_one()
            settled = _settled(connection, str(uuid))
            read = connection.execute(_LAST_READ, {"replica": replica_id})
            return [
                Unproven(audit_id=audit_id, copy_id=copy_id, shard_id=shard_id)
                for audit_id, copy_id, shard_id, number in read
                if settled.get(audit_id, 0) < number
            ]

    def away_at_last_test(self, audit_id: int) -> dict[str, str]:
        """The replicas, by name, that were not there when the auditor was to be tested after this audit, and why."""
        last: dict[UUID, Mapping[str, Any]] = {}
        with self.reading() as connection:
            for (body,) in connection.execute(_TESTS_SINCE, {"kind": SELF_TEST, "audit": audit_id}):
                said = json.loads(body)
                if audit_id in said.get("audits", ()):
                    last[UUID(said["replica"])] = said
            names = dict(connection.execute(select(replica.c.uuid, replica.c.name)).all())
        return {names[uuid]: said["why"] for uuid, said in last.items() if said["outcome"] == "away"}

    def wanted_counts(self) -> dict[int, dict[Wanted, tuple[int, datetime]]]:
        """How many shards are wanted on each replica in use, by why, and since when the first of them is."""
        state = shard_state.c
        query = (
            select(state.replica_id, state.wanted, func.count(), func.min(state.wanted_at))
            .join(replica, replica.c.id == state.replica_id)
            .where(state.wanted.is_not(None), replica.c.removed_at.is_(None))
            .group_by(state.replica_id, state.wanted)
        )
        counts: dict[int, dict[Wanted, tuple[int, datetime]]] = {}
        with self.reading() as connection:
            for replica_id, why, count, since in connection.execute(query):
                counts.setdefault(replica_id, {})[Wanted(why)] = count, since
        return counts

    def asked_on(self, now: datetime) -> frozenset[int]:
        """The replicas in use with something that was asked to be read, by a person or because it is not believed.

        What was tried in vain and waits is none: it would have a run begun for it again and again.
        """
        state = shard_state.c
        ready = state.not_before.is_(None) | ~state.not_before.between(now, now + LONGEST_WAIT)
        urgent = (Wanted.ASKED.value, Wanted.DISBELIEVED.value)
        # The last condition is that of the index.
        asked = exists().where(
            state.replica_id == replica.c.id, state.wanted.in_(urgent), state.wanted.is_not(None), ready
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


def _settled(connection: Connection, replica_uuid: str) -> dict[int, int]:
    """By audit the last link that says whether what was read on a replica before it is to be believed."""
    settled: dict[int, int] = {}
    for kind in (SELF_TEST, "audit-disbelieved"):
        for number, body in connection.exec_driver_sql(_SETTLING, (kind,)):
            said = json.loads(body)
            there = said.get("outcome") == "pass" and said.get("replica") == replica_uuid
            if kind != SELF_TEST or there:
                settled |= {id_: max(number, settled.get(id_, 0)) for id_ in said.get("audits", ())}
    return settled


def want(connection: Connection, copy_id: int, shard_ids: Iterable[int] | None, why: Wanted, at: datetime) -> int:
    """Marks these shards of a copy, or all of them, as wanted; how many there are."""
    if shard_ids is None:
        return connection.exec_driver_sql(_WANT, {"at": micros(at), "why": why.value, "copy": copy_id}).rowcount
    rows = [{"at": micros(at), "why": why.value, "copy": copy_id, "shard": shard_id} for shard_id in shard_ids]
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
