"""Replicas, and the copies that were recorded on them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from checks.names import path_fields, show
from preserve.catalog.audits import give_up_checks
from preserve.catalog.bulk import among, as_list, insert_rows, rows_as
from preserve.catalog.committing import Committing
from preserve.catalog.database import Database
from preserve.catalog.journal import Chain, append
from preserve.catalog.moments import micros
from preserve.catalog.rows import CopyRow, NewCopy, ReplicaRow
from preserve.catalog.schema import copy, inventory, package, replica, shard, shard_state
from preserve.catalog.verdicts import renew_verdicts
from preserve.errors import UsageError

_VERSIONS = (
    select(
        *(inventory.c.id, inventory.c.package_id, inventory.c.version, inventory.c.root, inventory.c.shards),
        *(package.c.uuid, package.c.identifier, package.c.removed_at),
    )
    .join(package, package.c.id == inventory.c.package_id)
    .where(among(inventory.c.id, bindparam("ids")))
)
_PLACES = select(replica.c.id, replica.c.uuid, replica.c.name).where(
    among(replica.c.id, bindparam("ids")), replica.c.removed_at.is_(None)
)
_COPY = (
    *("id", "inventory_id", "replica_id", "package_id", "location", "recorded_at"),
    *("shards", "shards_read", "damage", "undetermined", "warnings"),
)
_STATE = ("copy_id", "shard_id", "replica_id", "failures")
_READ = (
    *("id", "location", "recorded_at", "shards", "shards_read", "oldest_read_at"),
    *("damage", "undetermined", "warnings"),
)


def copy_query() -> Select[*tuple[object, ...]]:
    """All copies, with the names of their packages and replicas."""
    columns = [copy.c[name] for name in _READ]
    return (
        select(
            *columns,
            copy.c.package_id,
            copy.c.inventory_id,
            copy.c.replica_id,
            replica.c.name.label("replica"),
            package.c.identifier.label("package"),
            inventory.c.version,
            (package.c.inventory_id == copy.c.inventory_id).label("current"),
        )
        .join_from(copy, package, package.c.id == copy.c.package_id)
        .outerjoin(inventory, inventory.c.id == copy.c.inventory_id)
        .outerjoin(replica, replica.c.id == copy.c.replica_id)  # outer, or SQLite begins with all copies of a replica
    )


def read_copies(connection: Connection, query: Select[*tuple[object, ...]]) -> list[CopyRow]:
    """The rows of a `copy_query`, narrowed and ordered as the caller did."""
    return rows_as(CopyRow, connection.execute(query))


class Copies(Database):
    """Replicas and copies."""

    def add_replica(self, uuid: UUID, name: str, at: datetime) -> ReplicaRow:
        """Takes a replica in. One that was removed comes back with its copies, under this name.

        UsageError if a replica in use has that name or that identity.
        """
        with self.writing() as connection:
            for other in connection.execute(select(replica).where(replica.c.removed_at.is_(None))):
                if uuid == other.uuid:
                    raise UsageError(f"this replica is known already, as {other.name}")
                if name == other.name:
                    raise UsageError(f"there is another replica called {name}", remedy="Choose another name.")
            known = connection.execute(select(replica.c.id).where(replica.c.uuid == uuid)).scalar_one_or_none()
            if known is None:
                connection.execute(insert(replica).values(uuid=uuid, name=name, added_at=at))
            else:
                connection.execute(update(replica).where(replica.c.id == known).values(name=name, removed_at=None))
                _renew_all_on(connection, known)
            append(connection, "replica-added", at, {"replica": str(uuid), "name": name})
            return _replica(connection.execute(select(replica).where(replica.c.uuid == uuid)).one())

    def remove_replica(self, name: str, at: datetime) -> ReplicaRow:
        """Takes a replica out of use: its copies no longer count and are no longer due; history stays.

        An audit that is going on, or was stopped, no longer sets out to check them; what comes in late does not count.
        """
        with self.writing() as connection:
            found = connection.execute(
                select(replica).where(replica.c.name == name, replica.c.removed_at.is_(None))
            ).one_or_none()
            if found is None:
                raise UsageError(f"no replica is called {name}")
            connection.execute(update(replica).where(replica.c.id == found.id).values(removed_at=at))
            here = connection.execute(select(copy.c.id).where(copy.c.replica_id == found.id)).scalars().all()
            given_up = give_up_checks(connection, here)
            _renew_all_on(connection, found.id)
            append(connection, "replica-removed", at, {"replica": str(found.uuid), "name": name, **given_up})
            return replace(_replica(found), removed_at=at)

    def replicas(self, include_removed: bool = False) -> list[ReplicaRow]:
        """The replicas, by name."""
        query = select(replica).order_by(replica.c.name, replica.c.id)
        if not include_removed:
            query = query.where(replica.c.removed_at.is_(None))
        with self.reading() as connection:
            return [_replica(row) for row in connection.execute(query)]

    def record_copy(self, new: NewCopy, at: datetime) -> CopyRow:
        """Records one copy with the checks that read it back; see `record_copies`."""
        return self.record_copies([new], at)[0]

    def record_copies(self, new: Sequence[NewCopy], at: datetime) -> list[CopyRow]:
        """Records copies with the checks that read them back, in one transaction.

        A shard without a check was never read. UsageError, and nothing recorded, if one of them is there already,
        or its replica or version is not known.
        """
        with self.writing() as connection:
            ids = _insert_copies(connection, new, at)
            results = [replace(check, copy_id=id_) for id_, one in zip(ids, new, strict=True) for check in one.checks]
            committing = Committing(connection, results)
            for result in results:
                committing.commit(result, None)
            committing.write()
            renew_verdicts(connection, _packages_of(connection, ids))
            return read_copies(connection, copy_query().where(among(copy.c.id, ids)).order_by(copy.c.id))

    def copies(
        self,
        package_ids: Sequence[int] | None = None,
        replica_ids: Sequence[int] | None = None,
        current_only: bool = False,
    ) -> list[CopyRow]:
        """Copies on replicas in use, by package and replica."""
        query = copy_query().where(replica.c.removed_at.is_(None), copy.c.removed_at.is_(None))
        query = query.order_by(package.c.identifier, replica.c.name)
        if package_ids is not None:
            query = query.where(among(copy.c.package_id, package_ids))
        if replica_ids is not None:
            query = query.where(among(copy.c.replica_id, replica_ids))
        if current_only:
            query = query.where(package.c.inventory_id == copy.c.inventory_id)
        with self.reading() as connection:
            return read_copies(connection, query.order_by(copy.c.id))


def _insert_copies(connection: Connection, new: Sequence[NewCopy], at: datetime) -> list[int]:
    """Copies and the states of their shards, none read yet; gives the copies' numbers."""
    versions = _by_id(connection, _VERSIONS, {one.inventory_id for one in new})
    places = _by_id(connection, _PLACES, {one.replica_id for one in new})
    taken = {(inventory_id, replica_id) for inventory_id, replica_id in _taken(connection, new)}
    first = connection.execute(select(func.coalesce(func.max(copy.c.id), 0))).scalar_one() + 1
    chain, rows = Chain(connection), []
    for id_, one in enumerate(new, first):
        version, place = versions.get(one.inventory_id), places.get(one.replica_id)
        if version is None or place is None:
            raise UsageError("a copy can only be recorded of a version in the catalog, on a replica in use")
        if version.removed_at is not None:
            raise UsageError(
                f"the package {show(version.identifier.encode())} was removed meanwhile",
                remedy=f"What was just copied to {place.name} is in no catalog; look at {show(one.location)} there.",
            )
        if (one.inventory_id, one.replica_id) in taken:
            raise UsageError(f"version {version.version} of {version.identifier} has a copy on {place.name} already")
        taken.add((one.inventory_id, one.replica_id))
        where = one.inventory_id, one.replica_id, version.package_id, one.location, micros(at)
        rows.append((id_, *where, version.shards, 0, 0, 0, 0))
        chain.add("copy-recorded", at, _body(one, version, place), package_id=version.package_id)
    insert_rows(connection, copy, _COPY, rows)
    chain.write()
    _insert_states(connection, new, first)
    return list(range(first, first + len(new)))


def _insert_states(connection: Connection, new: Sequence[NewCopy], first: int) -> None:
    shards: dict[int, list[int]] = {}
    query = select(shard.c.inventory_id, shard.c.id).where(
        among(shard.c.inventory_id, {one.inventory_id for one in new})
    )
    for inventory_id, shard_id in connection.execute(query):
        shards.setdefault(inventory_id, []).append(shard_id)
    states = [
        (id_, shard_id, one.replica_id, 0)
        for id_, one in enumerate(new, first)
        for shard_id in shards[one.inventory_id]
    ]
    insert_rows(connection, shard_state, _STATE, states)


def _taken(connection: Connection, new: Sequence[NewCopy]) -> Sequence[Row[int, int]]:
    some = {one.inventory_id for one in new}
    return connection.execute(
        select(copy.c.inventory_id, copy.c.replica_id).where(among(copy.c.inventory_id, some))
    ).all()


def _by_id(connection: Connection, query: Select[*tuple[Any, ...]], ids: Iterable[int]) -> dict[int, Any]:
    return {row.id: row for row in connection.execute(query, {"ids": as_list(ids)})}


def _body(new: NewCopy, version: Any, place: Any) -> dict[str, object]:
    return {
        "package": str(version.uuid),
        "version": version.version,
        "root": version.root.hex(),
        "replica": str(place.uuid),
        "location": path_fields(new.location),
        "checks": len(new.checks),
        **({"adopted": True, "by": new.adopted_by} if new.adopted_by else {}),
    }


def _packages_of(connection: Connection, copy_ids: Sequence[int]) -> Iterable[int]:
    return connection.execute(select(copy.c.package_id).where(among(copy.c.id, copy_ids)).distinct()).scalars().all()


def _renew_all_on(connection: Connection, replica_id: int) -> None:
    here = select(copy.c.package_id).where(copy.c.replica_id == replica_id).distinct()
    renew_verdicts(connection, connection.execute(here).scalars().all())


def _replica(row: Row[*tuple[object, ...]]) -> ReplicaRow:
    return ReplicaRow(**row._mapping)
