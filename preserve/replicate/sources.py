"""From where a copy is made: the order in which other copies are asked for each file."""

from collections.abc import Iterable, Mapping

from preserve.catalog.rows import CopyRow, PackageRow
from preserve.replicate.copying import Place
from preserve.stores.local import LocalStore
from preserve.stores.port import ReplicaStore


def sources(package: PackageRow, copies: Iterable[CopyRow], stores: Mapping[int, ReplicaStore]) -> list[Place]:
    """The copies, least damaged first, of those what is not far away, and last read; then the bag handed in.

    Args:
        copies: all of one version; what is on a replica without a store is passed over.
        stores: by the replica's id.
    """

    def standing(copy: CopyRow) -> tuple[int, int, bool, float]:
        read_at = copy.oldest_read_at
        afar = not isinstance(stores[copy.replica_id], LocalStore)  # slow, and reading it may cost money
        return copy.damage, copy.undetermined, afar, 0.0 if read_at is None else -read_at.timestamp()

    known = sorted((copy for copy in copies if copy.replica_id in stores), key=standing)
    places = [Place(copy.replica, stores[copy.replica_id], copy.location) for copy in known]
    if package.source is not None:
        places.append(Place("the bag that was taken in", LocalStore(package.source), b""))
    return places
