"""Which package, version and replica a copy is of, as the journal names them."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from preserve.catalog.bulk import among, as_list
from preserve.catalog.schema import copy, inventory, package, replica

_COPIES = (
    select(copy.c.id, copy.c.package_id, copy.c.inventory_id, package.c.uuid, inventory.c.version, replica.c.uuid)
    .join_from(copy, inventory, inventory.c.id == copy.c.inventory_id)
    .join(package, package.c.id == copy.c.package_id)
    .join(replica, replica.c.id == copy.c.replica_id)
    .where(among(copy.c.id, bindparam("ids")))
)
_ENDED = (
    select(copy.c.id)
    .join_from(copy, replica, replica.c.id == copy.c.replica_id)
    .where(among(copy.c.id, bindparam("ids")), copy.c.removed_at.is_not(None) | replica.c.removed_at.is_not(None))
)


@dataclass(frozen=True, slots=True)
class CopyPlace:
    """Numbers as this catalog gave them; `package` and `replica` are UUIDs, which hold everywhere."""

    package_id: int
    inventory_id: int
    package: str
    version: int
    replica: str

    def named(self) -> dict[str, object]:
        """As the journal names the copy."""
        return {"package": self.package, "version": self.version, "replica": self.replica}


def places_of(connection: Connection, copy_ids: Iterable[int]) -> dict[int, CopyPlace]:
    """The places of these copies."""
    rows = connection.execute(_COPIES, {"ids": as_list(copy_ids)})
    return {
        id_: CopyPlace(package_id, inventory_id, str(uuid), version, str(at))
        for id_, package_id, inventory_id, uuid, version, at in rows
    }


def ended_copies(connection: Connection, copy_ids: Iterable[int]) -> frozenset[int]:
    """Those of these copies that are looked after no longer: their package or their replica was removed."""
    return frozenset(connection.execute(_ENDED, {"ids": as_list(set(copy_ids))}).scalars())
