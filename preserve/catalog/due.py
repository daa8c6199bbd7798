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
    Subquery,
    bindparam,
    func,
    literal,
    not_,
    select,
    union_all,
)

from checks.evidence import Evidence
from checks.policy import LONGEST_WAIT, Wanted
from preserve.catalog.bulk import among, as_list
from preserve.catalog.database import Database
from preserve.catalog.rows import DueShard
from preserve.catalog.schema import collection, copy, package, replica, shard, shard_state
from preserve.catalog.states import LEVELS

_LIMIT: BindParameter[int] = bindparam("limit", type_=Integer)


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
        given = {"cutoff": cutoff, "limit": limit, **_clock(now)}
        with self.reading() as connection:
            replicas = _in_use(connection, replica_ids)
            if not replicas:
                return []
            given |= {f"replica_{n}": replica_id for n, replica_id in enumerate(replicas)}
            return [_due_shard(row) for row in connection.execute(_oldest_first(required, len(replicas)), given)]

    def candidates(
        self,
        replica_id: int,
        required: Evidence,
        cutoff: datetime,
        now: datetime,
        limit: int = 100_000,
        collections: Sequence[str] | None = None,
    ) -> list[DueShard]:
        """What may be due of a replica in use, the oldest first, never before all.

        That is: what last reached `required` before `cutoff`, never, or later than `now`, which a clock said that was
        set back since; what the last check could not determine, and has waited long enough; and what is wanted,
        waiting or not. Of more than `limit` the wanted and then the oldest are given. `collections`: of these alone.
        """
        given = {"replica": replica_id, "cutoff": cutoff, "limit": limit, **_clock(now)}
        with self.reading() as connection:
            if not _in_use(connection, [replica_id]):
                return []
            given |= {} if collections is None else {"collections": as_list(collections)}
            query = _candidates(required, of_collections=collections is not None)
            return [_due_shard(row) for row in connection.execute(query, given)]

    def unsettled(
        self, required: Evidence, now: datetime, replica_ids: Sequence[int] | None = None, limit: int = 1000
    ) -> list[DueShard]:
        """Shards whose last check could not determine them and that have waited long enough, however lately read."""
        state = shard_state.c
        first = select(state.copy_id, state.shard_id, LEVELS[required].label("read_at"), state.not_before).where(
            state.failures > 0, _ready()
        )
        with self.reading() as connection:
            first = first.where(among(state.replica_id, _in_use(connection, replica_ids)))
            some = first.order_by(state.not_before, state.copy_id, state.shard_id).limit(limit).subquery("first")
            query = _described(some).order_by(some.c.not_before, some.c.copy_id, some.c.shard_id)
            return [_due_shard(row) for row in connection.execute(query, _clock(now))]

    def waiting(self, now: datetime, replica_ids: Sequence[int] | None = None) -> int:
        """How many shards could not be determined and wait out their back-off: nothing is known of them meanwhile."""
        state = shard_state.c
        query = select(func.count()).where(state.failures > 0, not_(_ready()))
        with self.reading() as connection:
            here = query.where(among(state.replica_id, _in_use(connection, replica_ids)))
            return connection.execute(here, _clock(now)).scalar_one()

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

    def late(
        self, replica_id: int, required: Evidence, cutoff: datetime, collections: Sequence[str] | None = None
    ) -> tuple[int, int]:
        """Shards and bytes of a replica that last reached `required` before `cutoff`; those never read are left out.

        Args:
            collections: of these alone; None: of all.
        """
        state = shard_state.c
        query = (
            select(func.count(), func.coalesce(func.sum(shard.c.bytes_to_read), 0))
            .select_from(shard_state)
            .join(shard, shard.c.id == state.shard_id)
            .where(state.replica_id == replica_id, LEVELS[required] < cutoff)
        )
        if collections is not None:
            query = (
                query.join(copy, copy.c.id == state.copy_id)
                .join(package, package.c.id == copy.c.package_id)
                .join(collection, collection.c.id == package.c.collection_id)
                .where(among(collection.c.name, collections))
            )
        with self.reading() as connection:
            shards, size = connection.execute(query).one()
            return shards, size

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


def _clock(now: datetime) -> dict[str, datetime]:
    """The parameters that `_ready` expects."""
    return {"now": now, "ahead": now + LONGEST_WAIT}


def _ready() -> ColumnElement[bool]:
    """Not waiting. A wait that ends further ahead than any can was begun before the clock was set back: it is over."""
    not_before = shard_state.c.not_before
    return not_before.is_(None) | (not_before <= bindparam("now")) | (not_before > bindparam("ahead"))


@cache
def _oldest_first(required: Evidence, replicas: int) -> Select[*tuple[Any, ...]]:
    """The first of that many replicas together. SQLite sorts NULL, which is never, before all."""
    chosen = [
        # Two queries for each: an OR over the same index would be sorted instead of read in order.
        _first_of_one(bindparam(f"replica_{n}", type_=Integer), LEVELS[required], part)
        for n in range(replicas)
        for part in (LEVELS[required].is_(None), LEVELS[required] < bindparam("cutoff"))
    ]
    several = union_all(*(select(some.subquery()) for some in chosen)).subquery("several").c
    order = several.read_at, several.copy_id, several.shard_id
    first = select(*several).order_by(*order).limit(_LIMIT).subquery("first")
    return _described(first).order_by(first.c.read_at, first.c.copy_id, first.c.shard_id)


@cache
def _candidates(required: Evidence, *, of_collections: bool) -> Select[*tuple[Any, ...]]:
    """Each part out of an index, in its order; only what is chosen is looked up."""
    state, time, here = shard_state.c, LEVELS[required], bindparam("replica", type_=Integer)
    parts = [
        _first_of_one(here, time, part)
        for part in (time.is_(None), time < bindparam("cutoff"), time > bindparam("now"))
    ]
    columns = state.copy_id, state.shard_id, time.label("read_at")
    undecided = select(*columns).where(state.replica_id == here, state.failures > 0, _ready())
    parts.append(undecided.order_by(state.not_before, state.copy_id, state.shard_id).limit(_LIMIT))
    wanted = select(*columns).where(state.replica_id == here, state.wanted.is_not(None))
    parts.append(wanted.order_by(state.wanted_at, state.copy_id, state.shard_id).limit(_LIMIT))
    if of_collections:
        parts = [part.where(_of_collections()) for part in parts]
    ranked = [
        select(*part.subquery().c, literal(rank).label("rank"))
        for part, rank in zip(parts, (*(1,) * (len(parts) - 1), 0), strict=True)
    ]
    several = union_all(*ranked).subquery("several").c
    once = (
        select(several.copy_id, several.shard_id, several.read_at)
        .group_by(several.copy_id, several.shard_id)
        .order_by(func.min(several.rank), several.read_at, several.copy_id, several.shard_id)
    )
    first = once.limit(_LIMIT).subquery("first")
    return _described(first).order_by(first.c.read_at, first.c.copy_id, first.c.shard_id)


def _of_collections() -> ColumnElement[bool]:
    named = among(collection.c.name, bindparam("collections"))
    copies = select(copy.c.id).join(package, package.c.id == copy.c.package_id).join(collection).where(named)
    return shard_state.c.copy_id.in_(copies)


def _first_of_one(
    replica_id: BindParameter[int], time: Column[datetime], part: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """The first of one replica, out of the index alone."""
    state = shard_state.c
    query = select(state.copy_id, state.shard_id, time.label("read_at"))
    return (
        query.where(state.replica_id == replica_id, part, _ready())
        .order_by(time, state.copy_id, state.shard_id)
        .limit(_LIMIT)
    )


def _described(first: Subquery) -> Select[*tuple[Any, ...]]:
    """Those shards, with all that a DueShard has. Outer joins: else SQLite may begin at the wrong end."""
    state = shard_state.c
    return (
        select(
            *(first.c.copy_id, first.c.shard_id, state.replica_id, collection.c.name, shard.c.bytes_to_read),
            *(shard.c.files, first.c.read_at, state.not_before, state.failures, state.wanted),
        )
        .select_from(first)
        .outerjoin(shard_state, (state.copy_id == first.c.copy_id) & (state.shard_id == first.c.shard_id))
        .outerjoin(shard, shard.c.id == first.c.shard_id)
        .outerjoin(copy, copy.c.id == first.c.copy_id)
        .outerjoin(package, package.c.id == copy.c.package_id)
        .outerjoin(collection, collection.c.id == package.c.collection_id)
    )


def _due_shard(row: Row[*tuple[Any, ...]]) -> DueShard:
    copy_id, shard_id, replica_id, named, bytes_to_read, files, read_at, not_before, failures, wanted = row
    return DueShard(
        copy_id=copy_id,
        shard_id=shard_id,
        replica_id=replica_id,
        collection=named,
        bytes_to_read=bytes_to_read,
        files=files,
        read_at=read_at,
        not_before=not_before,
        failures=failures,
        wanted=None if wanted is None else Wanted(wanted),
    )
