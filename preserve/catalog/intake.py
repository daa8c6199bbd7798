"""Taking packages into the catalog: a record a thousand files, compressed in a thread, written in batches."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from uuid import UUID

from sqlalchemy import Connection, Table, func, insert, select, update
from zstandard import ZstdCompressor

from checks.inventory import inventory_root, whole_root
from checks.verdicts import Verdict
from preserve.catalog.bulk import Value, insert_rows, new_id
from preserve.catalog.columns import Columns, encode, encode_entries, new_compressor
from preserve.catalog.database import Database
from preserve.catalog.journal import Chain
from preserve.catalog.moments import micros
from preserve.catalog.packages import packages_named
from preserve.catalog.rows import NewPackage, PackageRow
from preserve.catalog.schema import collection, inventory, package, record, shard
from preserve.errors import UsageError

ALGORITHM = "sha256"

# A batch is one transaction. The time keeps a package that took long to read from waiting for the next one.
_BATCH_SHARDS = 200
_BATCH_PACKAGES = 1000
_BATCH_SECONDS = 0.5

_SHARD = ("id", "inventory_id", "start", "files", "bytes_to_read", "root")
_RECORD = ("shard_id", "paths", "sizes", "digests", "segments")
_PACKAGE = ("id", "uuid", "identifier", "collection_id", "inventory_id", "source", "added_at", "verdict", "copies")
_INVENTORY = (
    *("id", "package_id", "version", "parent_id", "root", "files", "size_bytes", "shards", "algorithm"),
    *("large_files", "large_root"),
)


@dataclass(slots=True)
class _Shard:
    start: bytes
    files: int
    bytes_to_read: int
    root: bytes
    columns: Future[Columns]


@dataclass(slots=True)
class _Prepared:
    """A package whose records were hashed, so that the write lock is held for writing only."""

    new: NewPackage
    shards: list[_Shard]
    root: bytes
    files: int
    size_bytes: int


@dataclass(slots=True)
class _Batch:
    began: float = field(default_factory=monotonic)
    packages: list[_Prepared] = field(default_factory=list)
    shards: int = 0

    def add(self, prepared: _Prepared) -> None:
        self.packages.append(prepared)
        self.shards += len(prepared.shards)

    @property
    def full(self) -> bool:
        return (
            self.shards >= _BATCH_SHARDS
            or len(self.packages) >= _BATCH_PACKAGES
            or monotonic() - self.began > _BATCH_SECONDS
        )


class Intake(Database):
    """Taking packages in."""

    def add_packages(self, packages: Iterable[NewPackage], *, at: datetime) -> list[PackageRow]:
        """Takes packages in and gives their rows, in the same order.

        Each is committed whole, with its journal link; quick ones share a transaction. An identifier that is there
        with the same root changes nothing; with another root this becomes its next version. The shards of one
        package are held in memory, about 45 bytes a file.

        Raises:
            UsageError: a UUID that belongs to another identifier. The packages before it are taken in.
        """
        rows: list[PackageRow] = []
        # One thread compresses and one writes while this one hashes: neither of them needs the interpreter for long.
        with ThreadPoolExecutor(1, "compress") as compressing, ThreadPoolExecutor(1, "write") as writing:
            written: Future[list[PackageRow]] | None = None
            for batch in _batches(packages, compressing):
                rows += written.result() if written is not None else ()
                written = writing.submit(self._write, batch, at)
            rows += written.result() if written is not None else ()
        return rows

    def _write(self, batch: Sequence[_Prepared], at: datetime) -> list[PackageRow]:
        with self.writing() as connection:
            added, problem = _Writer(connection, at).write(batch)
        if problem is not None:
            raise problem
        return added


def _batches(packages: Iterable[NewPackage], compressing: ThreadPoolExecutor) -> Iterator[list[_Prepared]]:
    compressor = new_compressor()  # only ever used by the one thread
    batch = _Batch()
    try:
        for new in packages:
            batch.add(_prepare(new, compressing, compressor))
            if batch.full:
                yield batch.packages
                batch = _Batch()
    except Exception:
        if batch.packages:
            yield batch.packages  # what came before the fault is whole
        raise
    if batch.packages:
        yield batch.packages


def _prepare(new: NewPackage, compressing: ThreadPoolExecutor, compressor: ZstdCompressor) -> _Prepared:
    shards = [
        _Shard(rec.start, rec.files, rec.bytes_to_read, rec.root(), compressing.submit(encode, rec, compressor))
        for rec in new.records
    ]
    root = inventory_root([made.root for made in shards], new.large_files)
    size = sum(made.bytes_to_read for made in shards)
    return _Prepared(new, shards, root, sum(made.files for made in shards), size)


@dataclass(slots=True)
class _Known:
    """A package as it stands in this transaction."""

    id: int
    uuid: str
    inventory_id: int
    version: int
    root: bytes


class _Writer:
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

    def write(self, batch: Sequence[_Prepared]) -> tuple[list[PackageRow], UsageError | None]:
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

    def _look_up(self, batch: Sequence[_Prepared]) -> None:
        query = select(
            package.c.identifier, package.c.id, package.c.uuid, inventory.c.id, inventory.c.version, inventory.c.root
        ).join(inventory, inventory.c.id == package.c.inventory_id)
        for at in range(0, len(batch), 400):
            some = batch[at : at + 400]
            named = package.c.identifier.in_([p.new.identifier for p in some])
            same = package.c.uuid.in_([p.new.uuid for p in some])
            for identifier, id_, uuid, *rest in self._connection.execute(query.where(named | same)):
                self._known[identifier] = _Known(id_, uuid.hex, *rest)
                self._owners[uuid.hex] = identifier

    def _add(self, prepared: _Prepared, collection_id: int) -> None:
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
        elif known.root == prepared.root:
            if new.source is not None:
                self._sources[known.id] = new.source  # the same content, maybe in another place than before
            return
        else:
            version, parent, uuid, id_ = known.version + 1, known.inventory_id, known.uuid, known.id
            self._renewed.add(new.identifier)
            if new.source is not None:
                self._sources[id_] = new.source
        self._known[new.identifier] = _Known(id_, uuid, self._next_inventory, version, prepared.root)
        self._add_inventory(prepared, id_, version, parent)
        self._journalise(prepared, uuid, version)

    def _add_inventory(self, prepared: _Prepared, package_id: int, version: int, parent: int | None) -> None:
        large = prepared.new.large_files
        counted = (prepared.root, prepared.files, prepared.size_bytes, len(prepared.shards), ALGORITHM)
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

    def _journalise(self, prepared: _Prepared, uuid: str, version: int) -> None:
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
            "facts": dict(new.facts),
        }
        self._chain.add("package-added", self._at, body)

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
