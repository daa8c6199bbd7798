"""Packages, replicas and copies once more, as the journal's links made them."""

from checks.verdicts import Verdict
from preserve.catalog import bodies
from preserve.catalog.bulk import Value
from preserve.catalog.known import Known, Package, UnknownError, Version
from preserve.catalog.moments import micros
from preserve.catalog.scratch import Statement

_NEW = Verdict.UNDER_REPLICATED.value
_STATE = "INSERT INTO shard_state (copy_id, shard_id, replica_id, failures) VALUES (?, ?, ?, 0)"

_LARGE = (
    "UPDATE inventory SET (large_files, large_root) = ("
    " SELECT large_files, large_root FROM kept.inventory AS k WHERE k.id = inventory.id) WHERE id = ?"
)


class ReplayedHoldings:
    """What there is. `changed` are the packages whose verdict may be another now."""

    def __init__(self, run: Statement, known: Known, changed: set[int]) -> None:
        self._run = run
        self._known = known
        self._changed = changed
        self._collections: dict[str, int] = {}

    def create(self, number: int, body: bodies.CatalogCreated) -> None:
        self._insert("catalog", id=1, uuid=body.catalog.hex, created_at=micros(body.at), last_token=0)

    def add_package(self, number: int, body: bodies.PackageAdded) -> None:
        known = self._known
        package = known.packages.get(body.package)
        versions = [] if package is None else package.versions
        if body.version != len(versions) + 1:
            raise UnknownError(f"it speaks of version {body.version}, after {len(versions)} versions")
        id_ = len(known.by_package) + 1 if package is None else package.id
        version = Version(len(known.by_inventory) + 1, id_, body.version, body.root, body.shards, known.shards + 1)
        source = None if body.source is None else body.source.name()
        self._insert_inventory(version, body, versions[-1].inventory_id if versions else None)
        if package is None:
            package = Package(id_, body.identifier)
            self._insert(
                "package",
                id=id_,
                uuid=body.package.hex,
                identifier=body.identifier,
                collection_id=self._collection(body.collection),
                inventory_id=version.inventory_id,
                source=source,
                added_at=micros(body.at),
                verdict=_NEW,
                copies=0,
            )
            known.packages[body.package] = package
            known.by_package.append(package)
        else:
            renewed = "inventory_id = ?, verdict = ?, copies = 0, source = coalesce(?, source)"
            self._run(f"UPDATE package SET {renewed} WHERE id = ?", (version.inventory_id, _NEW, source, id_))
            self._changed.discard(id_)
        package.versions.append(version)
        known.by_inventory.append(version)
        known.shards += body.shards

    def _insert_inventory(self, version: Version, body: bodies.PackageAdded, parent: int | None) -> None:
        id_ = version.inventory_id
        self._insert(
            "inventory",
            id=id_,
            package_id=version.package_id,
            version=version.number,
            parent_id=parent,
            root=bytes.fromhex(body.root),
            files=body.files,
            size_bytes=body.bytes,
            shards=body.shards,
            algorithm="sha256",
        )
        # The digests of large files are proved by the root: see recordcheck.py.
        self._run(_LARGE, (id_,))
        rows = self._run("SELECT id, start, root FROM shard WHERE inventory_id = ? ORDER BY start", (id_,)).fetchall()
        if len(rows) == version.count:  # else it is not known which one is missing
            rows = [(version.first_shard + place, start, root) for place, (_, start, root) in enumerate(rows)]
        version.shards = {start: (id_, root) for id_, start, root in rows if isinstance(start, bytes)}

    def _collection(self, name: str) -> int:
        if name not in self._collections:
            id_ = len(self._collections) + 1
            self._insert("collection", id=id_, name=name)
            self._collections[name] = id_
        return self._collections[name]

    def move_source(self, number: int, body: bodies.SourceMoved) -> None:
        moved = body.source.required(), self._known.package(body.package).id
        self._run("UPDATE package SET source = ? WHERE id = ?", moved)

    def add_replica(self, number: int, body: bodies.ReplicaAdded) -> None:
        known = self._known
        if body.replica in known.replicas:
            id_ = known.replicas[body.replica]
            self._run("UPDATE replica SET name = ?, removed_at = NULL WHERE id = ?", (body.name, id_))
            known.replica_names[id_ - 1] = body.name
            self._touch_all_on(id_)
            return
        id_ = len(known.replica_names) + 1
        self._insert("replica", id=id_, uuid=body.replica.hex, name=body.name, added_at=micros(body.at))
        known.replicas[body.replica] = id_
        known.replica_names.append(body.name)

    def remove_replica(self, number: int, body: bodies.ReplicaRemoved) -> None:
        id_ = self._known.replica(body.replica)
        self._run("UPDATE replica SET removed_at = ? WHERE id = ?", (micros(body.at), id_))
        self._touch_all_on(id_)

    def _touch_all_on(self, replica_id: int) -> None:
        self._changed |= {of.package_id for of, where in self._known.by_copy if where == replica_id}

    def record_copy(self, number: int, body: bodies.CopyRecorded) -> None:
        known = self._known
        version, replica_id = known.version(body.package, body.version), known.replica(body.replica)
        id_ = len(known.by_copy) + 1
        self._insert(
            "copy",
            id=id_,
            inventory_id=version.inventory_id,
            replica_id=replica_id,
            package_id=version.package_id,
            location=body.location.required(),
            recorded_at=micros(body.at),
            shards=version.count,
            shards_read=0,
            damage=0,
            undetermined=0,
            warnings=0,
        )
        for shard_id, _ in version.shards.values():
            self._run(_STATE, (id_, shard_id, replica_id))
        known.copies[version.inventory_id, replica_id] = id_
        known.by_copy.append((version, replica_id))
        self._changed.add(version.package_id)

    def delete_copy(self, number: int, body: bodies.OfCopy) -> None:
        copy_id, _ = self._known.copy(body.package, body.version, body.replica)
        self._run("UPDATE copy SET deleted_at = ? WHERE id = ?", (micros(body.at), copy_id))

    def confirm_change(self, number: int, body: bodies.OfCopy) -> None:
        copy_id, _ = self._known.copy(body.package, body.version, body.replica)
        self._run("UPDATE copy SET confirmed_check = ? WHERE id = ?", (number, copy_id))

    def _insert(self, table: str, **values: Value) -> None:
        marks = ", ".join("?" * len(values))
        self._run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
