"""Leases: who checks which shard of which copy, and who leads. The clock is the caller's."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, select, update

from preserve.catalog.bulk import as_pairs, matching
from preserve.catalog.database import Database
from preserve.catalog.moments import micros
from preserve.catalog.rows import AuditState, Lease
from preserve.catalog.schema import audit, audit_item, catalog, leader, lease
from preserve.errors import UsageError

_GIVE = (
    "INSERT OR REPLACE INTO lease (copy_id, shard_id, audit_id, token, holder, expires_at, given_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
# Callers read the clock before they wait for each other's transactions: up to so far ahead a time is no wonder.
_AHEAD = timedelta(minutes=1)


def _nobody(holder: str) -> bool:
    return False


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

        A lease that was given later than `now` was given before the clock was set back: it is void.

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
            return _give(connection, audit_id, free, holder, now, now + timedelta(seconds=ttl_seconds))

    def renew(self, leases: Sequence[Lease], now: datetime, ttl_seconds: float) -> list[bool]:
        """Prolongs leases; False for one that has gone to somebody else or was released."""
        times = {"given_at": now, "expires_at": now + timedelta(seconds=ttl_seconds)}
        with self.writing() as connection:
            return [connection.execute(update(lease).where(_same(one)).values(times)).rowcount == 1 for one in leases]

    def release(self, leases: Sequence[Lease]) -> None:
        """Gives leases back undone. What is no longer held is left alone."""
        with self.writing() as connection:
            for one in leases:
                connection.execute(delete(lease).where(_same(one)))

    def claim_leadership(
        self, holder: str, now: datetime, ttl_seconds: float, *, is_dead: Callable[[str], bool] = _nobody
    ) -> bool:
        """Leads from now on, if nobody else does; claiming again prolongs it.

        Whoever claimed it later than `now`, before the clock was set back, leads no longer.

        Args:
            is_dead: whether another holder is known to run no more; then it leads no longer, whatever the time.
        """
        columns = leader.c.holder, leader.c.claimed_at, leader.c.expires_at
        with self.writing() as connection:
            present = connection.execute(select(*columns)).one_or_none()
            if present is not None and present.holder != holder:
                live = now < present.expires_at and present.claimed_at <= now + _AHEAD
                if live and not is_dead(present.holder):
                    return False
            connection.execute(delete(leader))
            expires = now + timedelta(seconds=ttl_seconds)
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
    live = (lease.c.expires_at > now) & (lease.c.given_at.is_(None) | (lease.c.given_at <= now + _AHEAD))
    held = (lease.c.copy_id == item.copy_id) & (lease.c.shard_id == item.shard_id) & live
    query = select(item.copy_id, item.shard_id, lease.c.token).order_by(item.copy_id, item.shard_id)
    if isinstance(pairs, int):
        chosen = query.select_from(audit_item.outerjoin(lease, held)).where(*undone, item.copy_id == pairs)
        rows = connection.execute(chosen)
    else:
        chosen = query.select_from(matching(audit_item, *undone).outerjoin(lease, held))
        rows = connection.execute(chosen, as_pairs(pairs))
    return [(copy_id, shard_id) for copy_id, shard_id, token in rows if copy_id is not None and token is None]


def _give(
    connection: Connection,
    audit_id: int,
    free: Sequence[tuple[int, int]],
    holder: str,
    now: datetime,
    expires: datetime,
) -> list[Lease]:
    if not free:
        return []
    last = connection.execute(select(catalog.c.last_token)).scalar_one()
    connection.execute(update(catalog).values(last_token=last + len(free)))
    given = [
        Lease(audit_id=audit_id, copy_id=copy_id, shard_id=shard_id, token=token, expires_at=expires)
        for token, (copy_id, shard_id) in enumerate(free, last + 1)
    ]
    times = micros(expires), micros(now)
    rows = [(one.copy_id, one.shard_id, audit_id, one.token, holder, *times) for one in given]
    connection.exec_driver_sql(_GIVE, rows)
    return given


def _same(one: Lease) -> ColumnElement[bool]:
    return (lease.c.copy_id == one.copy_id) & (lease.c.shard_id == one.shard_id) & (lease.c.token == one.token)
