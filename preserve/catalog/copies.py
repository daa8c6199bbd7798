"""Replicas, and the copies that were recorded on them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from checks.names import path_fields
from preserve.catalog.bulk import insert_rows, new_id
from preserve.catalog.committing import Committing
from preserve.catalog.database import Database
from preserve.catalog.journal import append
from preserve.catalog.rows import CopyRow, NewCopy, ReplicaRow
from preserve.catalog.schema import copy, inventory, package, replica, shard, shard_state
from preserve.catalog.verdicts import renew_verdicts
from preserve.errors import UsageError

_STATE = ("copy_id", "shard_id", "replica_id", "failures")


def copy_query() -> Select[*tuple[object, ...]]:
    """All copies, with the names of their packages and replicas."""
    columns = [column for column in copy.c if column.name not in ("inventory_id", "package_id", "replica_id")]
    return (
        select(
            *columns,
            copy.c.package_id,
            copy.c.inventory_id,
            copy.c.replica_id,
            replica.c.name.label("replica"),
            package.c.identifier.label("package"),
            (package.c.inventory_id == copy.c.inventory_id).label("current"),
        )
        .join_from(copy, package, package.c.id == copy.c.package_id)
        .join(replica, replica.c.id == copy.c.replica_id)
    )


def read_copies(connection: Connection, query: Select[*tuple[object, ...]]) -> list[CopyRow]:
    """The rows of a `copy_query`, narrowed and ordered as the caller did."""
    return [CopyRow(**row) for row in connection.execute(query).mappings()]


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
        """Takes a replica out of use: its copies no longer count and are no longer due; history stays."""
        with self.writing() as connection:
            found = connection.execute(
                select(replica).where(replica.c.name == name, replica.c.removed_at.is_(None))
            ).one_or_none()
            if found is None:
                raise UsageError(f"no replica is called {name}")
            connection.execute(update(replica).where(replica.c.id == found.id).values(removed_at=at))
            _renew_all_on(connection, found.id)
            append(connection, "replica-removed", at, {"replica": str(found.uuid), "name": name})
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
            ids = [_insert_copy(connection, one, at) for one in new]
            results = [replace(check, copy_id=id_) for id_, one in zip(ids, new, strict=True) for check in one.checks]
            committing = Committing(connection, results)
            for result in results:
                committing.commit(result, None)
            committing.write()
            renew_verdicts(connection, _packages_of(connection, ids))
            rows: dict[int, CopyRow] = {}
            for at_row in range(0, len(ids), 500):
                some = copy_query().where(copy.c.id.in_(ids[at_row : at_row + 500]))
                rows |= {row.id: row for row in read_copies(connection, some)}
            return [rows[id_] for id_ in ids]

    def copies(
        self,
        package_ids: Sequence[int] | None = None,
        replica_ids: Sequence[int] | None = None,
        current_only: bool = False,
    ) -> list[CopyRow]:
        """Copies on replicas in use, by package and replica."""
        query = copy_query().where(replica.c.removed_at.is_(None)).order_by(package.c.identifier, replica.c.name)
        if package_ids is not None:
            query = query.where(copy.c.package_id.in_(package_ids))
        if replica_ids is not None:
            query = query.where(copy.c.replica_id.in_(replica_ids))
        if current_only:
            query = query.where(package.c.inventory_id == copy.c.inventory_id)
        with self.reading() as connection:
            return read_copies(connection, query.order_by(copy.c.id))


def _insert_copy(connection: Connection, new: NewCopy, at: datetime) -> int:
    version = connection.execute(
        select(inventory.c.package_id, inventory.c.version, inventory.c.root, inventory.c.shards, package.c.uuid)
        .join(package, package.c.id == inventory.c.package_id)
        .where(inventory.c.id == new.inventory_id)
    ).one_or_none()
    place = connection.execute(
        select(replica.c.uuid, replica.c.name).where(replica.c.id == new.replica_id, replica.c.removed_at.is_(None))
    ).one_or_none()
    if version is None or place is None:
        raise UsageError("a copy can only be recorded of a version in the catalog, on a replica in use")
    same = (copy.c.inventory_id == new.inventory_id) & (copy.c.replica_id == new.replica_id)
    if connection.execute(select(func.count()).select_from(copy).where(same)).scalar_one():
        raise UsageError(f"this version has a copy on {place.name} already")
    numbers = dict.fromkeys(("shards_read", "damage", "undetermined", "warnings"), 0)
    columns = {name: getattr(new, name) for name in ("inventory_id", "replica_id", "location")}
    copy_id = new_id(
        connection,
        insert(copy).values(**columns, **numbers, package_id=version.package_id, shards=version.shards, recorded_at=at),
    )
    shards = connection.execute(select(shard.c.id).where(shard.c.inventory_id == new.inventory_id)).scalars()
    insert_rows(connection, shard_state, _STATE, [(copy_id, id_, new.replica_id, 0) for id_ in shards])
    body = {
        "package": str(version.uuid),
        "version": version.version,
        "root": version.root.hex(),
        "replica": str(place.uuid),
        "location": path_fields(new.location),
        "checks": len(new.checks),
    }
    append(connection, "copy-recorded", at, body)
    return copy_id


def _packages_of(connection: Connection, copy_ids: Sequence[int]) -> Iterable[int]:
    return connection.execute(select(copy.c.package_id).where(copy.c.id.in_(copy_ids)).distinct()).scalars().all()


def _renew_all_on(connection: Connection, replica_id: int) -> None:
    here = select(copy.c.package_id).where(copy.c.replica_id == replica_id).distinct()
    renew_verdicts(connection, connection.execute(here).scalars().all())


def _replica(row: Row[*tuple[object, ...]]) -> ReplicaRow:
    return ReplicaRow(**row._mapping)
