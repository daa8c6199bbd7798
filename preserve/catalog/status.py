"""Packages and replicas at a glance, out of projections only."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Select, case, func, select

from checks.evidence import Evidence
from checks.verdicts import Verdict
from preserve.catalog.copies import copy_query, read_copies
from preserve.catalog.database import Database
from preserve.catalog.packages import package_query, read_packages
from preserve.catalog.rows import CopyRow, PackageRow, ReplicaStatus, ShardTimes, StatusCounts
from preserve.catalog.schema import copy, package, replica, shard_state
from preserve.catalog.states import LEVELS


class Status(Database):
    """What `status` shows."""

    def status_counts(self, minimum_copies: int = 1) -> StatusCounts:
        """Packages by verdict, and a line for each replica in use.

        A whole package with fewer copies than `minimum_copies` is counted as under-replicated.
        """
        verdicts = select(package.c.verdict, func.count()).group_by(package.c.verdict)
        with self.reading() as connection:
            counts: dict[str, int] = dict(connection.execute(verdicts).all())
            replicas = [ReplicaStatus(**row) for row in connection.execute(_REPLICAS).mappings()]
            few = connection.execute(_too_few(minimum_copies)).scalar_one() if minimum_copies > 1 else 0
        by_verdict = {verdict: counts.get(verdict.value, 0) for verdict in Verdict}
        by_verdict[Verdict.INTACT] -= few
        by_verdict[Verdict.UNDER_REPLICATED] += few
        return StatusCounts(packages=by_verdict, replicas=tuple(replicas))

    def shard_times(self, copy_id: int, shard_id: int) -> ShardTimes:
        """When a shard of a copy last reached each level of evidence."""
        state = shard_state.c
        query = select(*LEVELS.values()).where(state.copy_id == copy_id, state.shard_id == shard_id)
        with self.reading() as connection:
            row = connection.execute(query).one()
        return ShardTimes(at={level: at for level, at in zip(LEVELS, row, strict=True) if at is not None})

    def evidence_of(self, copy_ids: Sequence[int]) -> dict[int, Evidence]:
        """By what evidence each copy was last read, its weakest shard deciding; copies never read are left out."""
        state = shard_state.c
        level = case(
            (state.read_at.is_(None), int(Evidence.LISTED)),
            (state.read_medium_at >= state.read_at, int(Evidence.READ_MEDIUM)),
            else_=int(Evidence.READ),
        )
        query = select(state.copy_id, func.min(level)).where(state.copy_id.in_(copy_ids)).group_by(state.copy_id)
        with self.reading() as connection:
            found = {copy_id: Evidence(weakest) for copy_id, weakest in connection.execute(query)}
        return {copy_id: weakest for copy_id, weakest in found.items() if weakest >= Evidence.READ}

    def status_page(self, limit: int, only_bad_first: bool = True) -> list[tuple[PackageRow, list[CopyRow]]]:
        """Up to `limit` packages with their copies, the worst verdicts first or by identifier."""
        with self.reading() as connection:
            query = package_query().order_by(package.c.identifier)
            rows: list[PackageRow] = []
            for verdict in reversed(Verdict) if only_bad_first else ():
                if len(rows) < limit:
                    worst = query.where(package.c.verdict == verdict.value).limit(limit - len(rows))
                    rows += read_packages(connection, worst)
            if not only_bad_first:
                rows = read_packages(connection, query.limit(limit))
            copies: Mapping[int, list[CopyRow]] = {row.id: [] for row in rows}
            of_these = copy_query().where(copy.c.package_id.in_(copies), replica.c.removed_at.is_(None))
            for one in read_copies(connection, of_these.order_by(replica.c.name, copy.c.id)):
                copies[one.package_id].append(one)
            return [(row, copies[row.id]) for row in rows]


def _too_few(minimum: int) -> Select[int]:
    """How many intact packages have fewer copies of their current version than that."""
    in_use = (copy.c.inventory_id == package.c.inventory_id) & copy.c.replica_id.in_(
        select(replica.c.id).where(replica.c.removed_at.is_(None))
    )
    few = (
        select(package.c.id)
        .select_from(package.outerjoin(copy, in_use))
        .where(package.c.verdict == Verdict.INTACT.value)
        .group_by(package.c.id)
        .having(func.count(copy.c.id) < minimum)
    )
    return select(func.count()).select_from(few.subquery())


_REPLICAS = (
    select(
        replica.c.id.label("replica_id"),
        replica.c.name.label("replica"),
        func.count(copy.c.id).label("copies"),
        func.coalesce(func.sum(copy.c.shards), 0).label("shards"),
        func.coalesce(func.sum(copy.c.shards_read), 0).label("shards_read"),
        func.min(copy.c.oldest_read_at).label("oldest_read_at"),
        func.coalesce(func.sum(copy.c.damage), 0).label("damage"),
        func.coalesce(func.sum(copy.c.undetermined), 0).label("undetermined"),
        func.coalesce(func.sum(copy.c.warnings), 0).label("warnings"),
    )
    .select_from(replica.outerjoin(copy, copy.c.replica_id == replica.c.id))
    .where(replica.c.removed_at.is_(None))
    .group_by(replica.c.id)
    .order_by(replica.c.name)
)
