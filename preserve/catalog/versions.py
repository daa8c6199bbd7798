"""Writing packages and their versions: one batch, one transaction."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Table, func, insert, select, update

from checks.inventory import whole_root
from checks.names import path_fields
from checks.verdicts import Verdict
from preserve.catalog.bulk import Value, among, insert_rows, new_id
from preserve.catalog.columns import Columns, encode_entries
from preserve.catalog.journal import Chain
from preserve.catalog.moments import micros
from preserve.catalog.packages import packages_named
from preserve.catalog.rows import NewPackage, PackageRow
from preserve.catalog.schema import collection, inventory, package, record, shard
from preserve.errors import UsageError

_ALGORITHM = "sha256"

_SHARD = ("id", "inventory_id", "start", "files", "bytes_to_read", "root")
_RECORD = ("shard_id", "paths", "sizes", "digests", "segments")
_PACKAGE = ("id", "uuid", "identifier", "collection_id", "inventory_id", "source", "added_at", "verdict", "copies")
_INVENTORY = (
    *("id", "package_id", "version", "parent_id", "root", "files", "size_bytes", "shards", "algorithm"),
    *("large_files", "large_root"),
)


@dataclass(slots=True)
class PreparedShard:
    start: bytes
    files: int
    bytes_to_read: int
    root: bytes
    columns: Future[Columns]


@dataclass(slots=True)
class Prepared:
    """A package whose records were hashed, so that the write lock is held for writing only."""

    new: NewPackage
    shards: list[PreparedShard]
    root: bytes
    files: int
    size_bytes: int


@dataclass(slots=True)
class _Known:
    """A package as it stands in this transaction."""

    id: int
    uuid: str
    inventory_id: int
    version: int
    root: bytes
    source: bytes | None = None
    removed_at: datetime | None = None


class VersionWriter:
    """Writes one batch in one transaction. Numbers are given here: nobody else can write meanwhile."""

    def __init__(self, connection: Connection, at: datetime) -> None:
        self._connection = connection
        self._at = at
        self._chain = Chain(connection)
        self._known: dict[str, _Known] = {}
        self._owners: dict[str, str] = {}  # UUID -> identifier
        self._next_package = _highest(connection, package) + 1
        self._next_inventory = _highest(connection, inventory) + 1
        self._next_shard = _highest(connection, shard) + 1
        self._packages: list[tuple[Value, ...]] = []
        self._inventories: list[tuple[Value, ...]] = []
        self._shards: list[tuple[Value, ...]] = []
        self._records: list[tuple[Value, ...]] = []
        self._renewed: set[str] = set()
        self._sources: dict[int, bytes] = {}

    def write(self, batch: Sequence[Prepared]) -> tuple[list[PackageRow], UsageError | None]:
        """The packages that are now there, and what stopped the rest of the batch, if anything did."""
        self._look_up(batch)
        collections = _collection_ids(self._connection, {prepared.new.collection for prepared in batch})
        added: list[str] = []
        problem = None
        for prepared in batch:
            try:
                self._add(prepared, collections[prepared.new.collection])
            except UsageError as error:
                problem = error
                break
            added.append(prepared.new.identifier)
        self._put_down()
        rows = {row.identifier: row for row in packages_named(self._connection, added)}
        return [rows[identifier] for identifier in added], problem

    def _look_up(self, batch: Sequence[Prepared]) -> None:
        query = select(
            *(package.c.identifier, package.c.id, package.c.uuid),
            *(inventory.c.id, inventory.c.version, inventory.c.root, package.c.source, package.c.removed_at),
        ).join(inventory, inventory.c.id == package.c.inventory_id)
        named = among(package.c.identifier, [prepared.new.identifier for prepared in batch])
        same = among(package.c.uuid, [prepared.new.uuid.hex for prepared in batch])
        for identifier, id_, uuid, *rest in self._connection.execute(query.where(named | same)):
            self._known[identifier] = _Known(id_, uuid.hex, *rest)
            self._owners[uuid.hex] = identifier

    def _add(self, prepared: Prepared, collection_id: int) -> None:
        new = prepared.new
        known = self._known.get(new.identifier)
        if known is None:
            owner = self._owners.setdefault(new.uuid.hex, new.identifier)
            if owner != new.identifier:
                raise UsageError(
                    f"the UUID {new.uuid} of {new.identifier} belongs to {owner}",
                    remedy="Give it a UUID of its own, or add it under the identifier that it has.",
                )
            version, parent, uuid, id_ = 1, None, new.uuid.hex, self._next_package
            self._next_package += 1
            row = (id_, uuid, new.identifier, collection_id, self._next_inventory, new.source, micros(self._at))
            self._packages.append((*row, Verdict.UNDER_REPLICATED.value, 0))
        elif known.removed_at is not None:
            raise UsageError(
                f"a package {new.identifier} was removed on {known.removed_at:%d %B %Y}",
                remedy="What was deaccessioned does not come back under its old name; give it another --id.",
            )
        elif known.root == prepared.root:
            self._move_source(known, new.source)  # the same content, maybe in another place than before
            return
        else:
            version, parent, uuid, id_ = known.version + 1, known.inventory_id, known.uuid, known.id
            self._renewed.add(new.identifier)
            if new.source is not None:
                self._sources[id_] = new.source
        self._known[new.identifier] = _Known(id_, uuid, self._next_inventory, version, prepared.root, new.source)
        self._add_inventory(prepared, id_, version, parent)
        self._journalise(prepared, id_, uuid, version)

    def _move_source(self, known: _Known, source: bytes | None) -> None:
        if source is not None and source != known.source:
            self._sources[known.id] = source
            body = {"package": str(UUID(known.uuid)), "source": path_fields(source)}
            self._chain.add("source-moved", self._at, body, package_id=known.id)

    def _add_inventory(self, prepared: Prepared, package_id: int, version: int, parent: int | None) -> None:
        large = prepared.new.large_files
        counted = (prepared.root, prepared.files, prepared.size_bytes, len(prepared.shards), _ALGORITHM)
        large_root = whole_root(large) if large else None
        self._inventories.append(
            (self._next_inventory, package_id, version, parent, *counted, encode_entries(large), large_root)
        )
        for made in prepared.shards:
            stored = made.columns.result()
            row = (self._next_shard, self._next_inventory, made.start, made.files, made.bytes_to_read, made.root)
            self._shards.append(row)
            self._records.append((self._next_shard, stored.paths, stored.sizes, stored.digests, stored.segments))
            self._next_shard += 1
        self._next_inventory += 1

    def _journalise(self, prepared: Prepared, package_id: int, uuid: str, version: int) -> None:
        new = prepared.new
        body = {
            "package": str(UUID(uuid)),
            "identifier": new.identifier,
            "collection": new.collection,
            "version": version,
            "root": prepared.root.hex(),
            "shards": len(prepared.shards),
            "files": prepared.files,
            "bytes": prepared.size_bytes,
            "source": None if new.source is None else path_fields(new.source),
            "facts": dict(new.facts),
        }
        self._chain.add("package-added", self._at, body, package_id=package_id)

    def _put_down(self) -> None:
        insert_rows(self._connection, package, _PACKAGE, self._packages)
        insert_rows(self._connection, inventory, _INVENTORY, self._inventories)
        insert_rows(self._connection, shard, _SHARD, self._shards)
        insert_rows(self._connection, record, _RECORD, self._records)
        for identifier in self._renewed:
            known = self._known[identifier]
            current = {"inventory_id": known.inventory_id, "verdict": Verdict.UNDER_REPLICATED.value, "copies": 0}
            self._connection.execute(update(package).where(package.c.id == known.id).values(current))
        for package_id, source in self._sources.items():
            self._connection.execute(update(package).where(package.c.id == package_id).values(source=source))
        self._chain.write()


def _highest(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())


def _collection_ids(connection: Connection, names: set[str]) -> dict[str, int]:
    known = dict(connection.execute(select(collection.c.name, collection.c.id)).all())
    for name in sorted(names - known.keys()):
        known[name] = new_id(connection, insert(collection).values(name=name))
    return known
