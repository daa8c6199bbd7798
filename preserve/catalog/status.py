"""Packages and replicas at a glance, out of projections only."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BindParameter, Column, ColumnElement, Connection, bindparam, case, func, select, text

from checks.evidence import Evidence, Outcome
from checks.policy import Wanted
from checks.verdicts import Verdict
from preserve.catalog.bulk import among
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
        verdicts = select(package.c.verdict, func.count()).where(package.c.removed_at.is_(None))
        with self.reading() as connection:
            counts: dict[str, int] = dict(connection.execute(verdicts.group_by(package.c.verdict)).all())
            in_use = select(replica.c.id, replica.c.name).where(replica.c.removed_at.is_(None))
            named = connection.execute(in_use.order_by(replica.c.name)).all()
            replicas = [_replica_status(connection, replica_id, name) for replica_id, name in named]
            few = connection.execute(_FEW, {"minimum": minimum_copies}).scalar_one()
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
        query = select(state.copy_id, func.min(level)).where(among(state.copy_id, copy_ids)).group_by(state.copy_id)
        with self.reading() as connection:
            found = {copy_id: Evidence(weakest) for copy_id, weakest in connection.execute(query)}
        return {copy_id: weakest for copy_id, weakest in found.items() if weakest >= Evidence.READ}

    def undecided(self, copy_ids: Sequence[int]) -> dict[int, int]:
        """How many shards of these copies had no answer from their last check, or none that is believed.

        Copies without such are left out.
        """
        state = shard_state.c
        unclear = (state.failures > 0) & (state.outcome == Outcome.INCONCLUSIVE.value)
        query = select(state.copy_id, func.count()).where(
            among(state.copy_id, copy_ids), unclear | (state.wanted == Wanted.DISBELIEVED.value)
        )
        with self.reading() as connection:
            return dict(connection.execute(query.group_by(state.copy_id)).all())

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
            of_these = copy_query().where(among(copy.c.package_id, copies), replica.c.removed_at.is_(None))
            for one in read_copies(connection, of_these.order_by(replica.c.name, copy.c.id)):
                copies[one.package_id].append(one)
            return [(row, copies[row.id]) for row in rows]


def _replica_status(connection: Connection, replica_id: int, name: str) -> ReplicaStatus:
    """Each figure out of an index that has little else: a sum over the copies themselves would read all of them."""
    here = {"replica": replica_id}
    copies, shards = connection.execute(_HELD, here).one()
    damage, undetermined, warnings = connection.execute(_TROUBLE, here).one()
    never = connection.execute(_NEVER_READ, here).scalar_one()
    oldest = connection.execute(_OLDEST, here).scalar_one() if shards and not never else None
    return ReplicaStatus(
        replica_id=replica_id,
        replica=name,
        copies=copies,
        shards=shards,
        shards_read=shards - never,
        oldest_read_at=oldest,
        damage=damage,
        undetermined=undetermined,
        warnings=warnings,
    )


def _sum(column: Column[int]) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0)


_FEW = select(func.count()).where(
    package.c.removed_at.is_(None),
    package.c.verdict == Verdict.INTACT.value,
    package.c.copies < bindparam("minimum"),
)
_here: BindParameter[int] = bindparam("replica")
_HELD = select(func.count(), _sum(copy.c.shards)).where(copy.c.replica_id == _here, copy.c.removed_at.is_(None))
_TROUBLE = select(_sum(copy.c.damage), _sum(copy.c.undetermined), _sum(copy.c.warnings)).where(
    copy.c.replica_id == _here, text("damage + undetermined + warnings > 0")
)
_NEVER_READ = select(func.count()).where(shard_state.c.replica_id == _here, shard_state.c.read_at.is_(None))
_OLDEST = select(func.min(shard_state.c.read_at)).where(shard_state.c.replica_id == _here)
