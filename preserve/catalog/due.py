"""What is due: the oldest first, what was never read before all. There is no lower bound, so nothing falls out."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    bindparam,
    func,
    select,
    union_all,
)

from checks.evidence import Evidence
from preserve.catalog.bulk import among
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
        given = {"cutoff": cutoff, "now": now, "limit": limit}
        with self.reading() as connection:
            replicas = _in_use(connection, replica_ids)
            if not replicas:
                return []
            given |= {f"replica_{n}": replica_id for n, replica_id in enumerate(replicas)}
            return [_due_shard(row) for row in connection.execute(_oldest_first(required, len(replicas)), given)]

    def unsettled(
        self, required: Evidence, now: datetime, replica_ids: Sequence[int] | None = None, limit: int = 1000
    ) -> list[DueShard]:
        """Shards whose last check could not determine them and that have waited long enough, however lately read."""
        state, time = shard_state.c, LEVELS[required]
        columns = (state.copy_id, state.shard_id, state.replica_id, state.not_before, time.label("read_at"))
        query = (
            select(*columns, shard.c.bytes_to_read, shard.c.files)
            .join(shard, shard.c.id == state.shard_id)
            .where(state.failures > 0, state.not_before <= now)
            .order_by(state.not_before, state.copy_id, state.shard_id)
            .limit(limit)
        )
        with self.reading() as connection:
            in_use = _in_use(connection, replica_ids)
            return [_due_shard(row) for row in connection.execute(query.where(among(state.replica_id, in_use)))]

    def waiting(self, now: datetime, replica_ids: Sequence[int] | None = None) -> int:
        """How many shards could not be determined and wait out their back-off: nothing is known of them meanwhile."""
        state = shard_state.c
        query = select(func.count()).where(state.failures > 0, state.not_before > now)
        with self.reading() as connection:
            in_use = _in_use(connection, replica_ids)
            return connection.execute(query.where(among(state.replica_id, in_use))).scalar_one()

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
        query = query.where(among(replica.c.id, replica_ids))
    return connection.execute(query).scalars().all()


@cache
def _oldest_first(required: Evidence, replicas: int) -> Select[*tuple[Any, ...]]:
    """The first of that many replicas together, with their sizes. SQLite sorts NULL, which is never, before all."""
    chosen = [
        # Two queries for each: an OR over the same index would be sorted instead of read in order.
        _first_of_one(bindparam(f"replica_{n}", type_=Integer), LEVELS[required], part)
        for n in range(replicas)
        for part in (LEVELS[required].is_(None), LEVELS[required] < bindparam("cutoff"))
    ]
    several = union_all(*(select(some.subquery()) for some in chosen)).subquery("several").c
    order = several.read_at, several.copy_id, several.shard_id
    first = select(*several).order_by(*order).limit(bindparam("limit", type_=Integer)).subquery("first")
    return (
        select(*first.c, shard.c.bytes_to_read, shard.c.files)
        .join_from(first, shard, shard.c.id == first.c.shard_id)
        .order_by(first.c.read_at, first.c.copy_id, first.c.shard_id)
    )


def _first_of_one(
    replica_id: BindParameter[int], time: Column[datetime], part: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """The first of one replica, out of the index alone."""
    state = shard_state.c
    ready = state.not_before.is_(None) | (state.not_before <= bindparam("now"))
    query = select(state.copy_id, state.shard_id, state.replica_id, state.not_before, time.label("read_at"))
    return (
        query.where(state.replica_id == replica_id, part, ready)
        .order_by(time, state.copy_id, state.shard_id)
        .limit(bindparam("limit", type_=Integer))
    )


def _due_shard(row: Row[*tuple[Any, ...]]) -> DueShard:
    copy_id, shard_id, replica_id, not_before, read_at, bytes_to_read, files = row
    return DueShard(
        copy_id=copy_id,
        shard_id=shard_id,
        replica_id=replica_id,
        bytes_to_read=bytes_to_read,
        files=files,
        read_at=read_at,
        not_before=not_before,
    )
