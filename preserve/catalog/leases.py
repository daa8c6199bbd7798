"""Leases: who checks which shard of which copy, and who leads. The clock is the caller's."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, select, update

from preserve.catalog.bulk import as_pairs, matching
from preserve.catalog.database import Database
from preserve.catalog.moments import micros
from preserve.catalog.rows import AuditState, Lease
from preserve.catalog.schema import audit, audit_item, catalog, leader, lease
from preserve.errors import UsageError

_GIVE = (
    "INSERT OR REPLACE INTO lease (copy_id, shard_id, audit_id, token, holder, expires_at) VALUES (?, ?, ?, ?, ?, ?)"
)


class Leases(Database):
    """Leases of shards, and the lease of leading."""

    def lease(
        self,
        audit_id: int,
        pairs: Sequence[tuple[int, int]] | int,
        holder: str,
        now: datetime,
        *,
        ttl_seconds: float,
        limit: int = 100,
    ) -> list[Lease]:
        """Leases what is still to be done of an audit and under no live lease, not even one of this holder.

        Args:
            pairs: the (copy, shard) to choose from, or a copy's id for all of its shards.

        Raises:
            UsageError: the audit is not running.
        """
        with self.writing() as connection:
            state = connection.execute(select(audit.c.state).where(audit.c.id == audit_id)).scalar_one_or_none()
            if state != AuditState.RUNNING:
                raise UsageError(f"audit {audit_id} is not running")
            free = _free(connection, audit_id, now, pairs)[:limit]
            return _give(connection, audit_id, free, holder, now + timedelta(seconds=ttl_seconds))

    def renew(self, leases: Sequence[Lease], now: datetime, ttl_seconds: float) -> list[bool]:
        """Prolongs leases; False for one that has gone to somebody else or was released."""
        expires = now + timedelta(seconds=ttl_seconds)
        with self.writing() as connection:
            return [
                connection.execute(update(lease).where(_same(one)).values(expires_at=expires)).rowcount == 1
                for one in leases
            ]

    def release(self, leases: Sequence[Lease]) -> None:
        """Gives leases back undone. What is no longer held is left alone."""
        with self.writing() as connection:
            for one in leases:
                connection.execute(delete(lease).where(_same(one)))

    def claim_leadership(self, holder: str, now: datetime, ttl_seconds: float) -> bool:
        """Leads from now on, if nobody else does; claiming again prolongs it."""
        expires = now + timedelta(seconds=ttl_seconds)
        with self.writing() as connection:
            present = connection.execute(select(leader.c.holder, leader.c.expires_at)).one_or_none()
            if present is not None and present.holder == holder:
                connection.execute(update(leader).values(expires_at=expires))
                return True
            if present is not None and present.expires_at > now:
                return False
            connection.execute(delete(leader))
            connection.execute(leader.insert().values(id=1, holder=holder, claimed_at=now, expires_at=expires))
            return True

    def release_leadership(self, holder: str) -> None:
        """Leads no longer; nothing happens if somebody else does by now."""
        with self.writing() as connection:
            connection.execute(delete(leader).where(leader.c.holder == holder))


def _free(
    connection: Connection, audit_id: int, now: datetime, pairs: Sequence[tuple[int, int]] | int
) -> list[tuple[int, int]]:
    """What is not done and not held, in order."""
    item = audit_item.c
    undone = item.audit_id == audit_id, item.check_number.is_(None)
    held = (lease.c.copy_id == item.copy_id) & (lease.c.shard_id == item.shard_id) & (lease.c.expires_at > now)
    query = select(item.copy_id, item.shard_id, lease.c.token).order_by(item.copy_id, item.shard_id)
    if isinstance(pairs, int):
        chosen = query.select_from(audit_item.outerjoin(lease, held)).where(*undone, item.copy_id == pairs)
        rows = connection.execute(chosen)
    else:
        chosen = query.select_from(matching(audit_item, *undone).outerjoin(lease, held))
        rows = connection.execute(chosen, as_pairs(pairs))
    return [(copy_id, shard_id) for copy_id, shard_id, token in rows if copy_id is not None and token is None]


def _give(
    connection: Connection, audit_id: int, free: Sequence[tuple[int, int]], holder: str, expires: datetime
) -> list[Lease]:
    if not free:
        return []
    last = connection.execute(select(catalog.c.last_token)).scalar_one()
    connection.execute(update(catalog).values(last_token=last + len(free)))
    given = [
        Lease(audit_id=audit_id, copy_id=copy_id, shard_id=shard_id, token=token, expires_at=expires)
        for token, (copy_id, shard_id) in enumerate(free, last + 1)
    ]
    at = micros(expires)
    connection.exec_driver_sql(_GIVE, [(one.copy_id, one.shard_id, audit_id, one.token, holder, at) for one in given])
    return given


def _same(one: Lease) -> ColumnElement[bool]:
    return (lease.c.copy_id == one.copy_id) & (lease.c.shard_id == one.shard_id) & (lease.c.token == one.token)
