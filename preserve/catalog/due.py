"""What is due: the oldest first, what was never read before all. There is no lower bound, so nothing falls out."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from checks.evidence import Evidence
from preserve.catalog.database import Database
from preserve.catalog.rows import DueShard
from preserve.catalog.schema import replica, shard, shard_state
from preserve.catalog.states import LEVELS


class Due(Database):
    """Queries over the times of shards. READ and READ_MEDIUM are answered from an index."""

    def due(
        self,
        required: Evidence,
        cutoff: datetime,
        now: datetime,
        replica_ids: Sequence[int] | None = None,
        limit: int = 1000,
    ) -> list[DueShard]:
        """Shards of copies on replicas in use that last reached `required` before `cutoff`, or never.

        The oldest come first, never before all. Shards that wait out a back-off at `now` are left out; they are
        still counted by `overdue_counts`.
        """
        time = LEVELS[required]
        found: list[DueShard] = []
        with self.reading() as connection:
            for replica_id in _in_use(connection, replica_ids):
                # Two queries: an OR over the same index would be sorted instead of read in order.
                never = _due(connection, replica_id, time, time.is_(None), now, limit)
                found += never
                if len(never) < limit:
                    found += _due(connection, replica_id, time, time < cutoff, now, limit - len(never))
        found.sort(key=lambda one: (one.read_at is not None, one.read_at or now, one.copy_id, one.shard_id))
        return found[:limit]

    def overdue_counts(self, required: Evidence, cutoff: datetime) -> dict[int, int]:
        """How many shards each replica in use has that did not reach `required` since `cutoff`, waiting or not."""
        time = LEVELS[required]
        with self.reading() as connection:
            return {
                replica_id: sum(
                    connection.execute(
                        select(func.count()).where(shard_state.c.replica_id == replica_id, part)
                    ).scalar_one()
                    for part in (time.is_(None), time < cutoff)
                )
                for replica_id in _in_use(connection, None)
            }

    def oldest(self, required: Evidence) -> dict[int, datetime | None]:
        """When each replica in use last reached `required` as a whole: its oldest shard's time, None for never.

        A replica without copies is left out.
        """
        time = LEVELS[required]
        oldest: dict[int, datetime | None] = {}
        with self.reading() as connection:
            for replica_id in _in_use(connection, None):
                first = select(time).where(shard_state.c.replica_id == replica_id).order_by(time).limit(1)
                row = connection.execute(first).one_or_none()
                if row is not None:
                    oldest[replica_id] = row[0]
        return oldest


def _in_use(connection: Connection, replica_ids: Sequence[int] | None) -> Sequence[int]:
    query = select(replica.c.id).where(replica.c.removed_at.is_(None)).order_by(replica.c.id)
    if replica_ids is not None:
        query = query.where(replica.c.id.in_(replica_ids))
    return connection.execute(query).scalars().all()


def _due(
    connection: Connection,
    replica_id: int,
    time: ColumnElement[datetime],
    part: ColumnElement[bool],
    now: datetime,
    limit: int,
) -> list[DueShard]:
    state = shard_state.c
    query = (
        select(
            state.copy_id,
            state.shard_id,
            state.replica_id,
            shard.c.bytes_to_read,
            shard.c.files,
            time.label("read_at"),
            state.not_before,
        )
        .join(shard, shard.c.id == state.shard_id)
        .where(state.replica_id == replica_id, part, state.not_before.is_(None) | (state.not_before <= now))
        .order_by(time, state.copy_id, state.shard_id)
        .limit(limit)
    )
    return [DueShard(**row) for row in connection.execute(query).mappings()]
