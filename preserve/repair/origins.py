"""Where good bytes of a file can be had: other copies, equal files elsewhere in the catalog, the bag handed in.

An origin is a promise only. Whoever takes bytes from it digests them while they are read; nothing else makes them good.
"""

import json
import os
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.evidence import Evidence
from checks.findings import Code
from checks.inventory import Entry, position
from checks.names import path_from_fields, show
from checks.ports import Store
from checks.verdicts import CopyState, state_from
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, FindingRow, HeldFile, PackageRow
from preserve.stores.identity import QUARANTINE
from preserve.stores.local import LocalStore
from preserve.stores.port import ReplicaStore
from preserve.stores.quarantine import CONTENT

_STRONGEST = (Evidence.READ_MEDIUM, Evidence.READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A file that may have the wanted bytes.

    Attributes:
        name: the replica, or words for what is none.
        path: below the store's root.
        other: for people, where it is not the same file on another copy; else empty.
        read_at: when it was last read as a whole, and by what evidence; None: not since it was taken in.
    """

    name: str
    store: Store
    path: bytes
    replica: str | None = None  # UUID
    state: CopyState = CopyState.UNREAD
    other: str = ""
    read_at: datetime | None = None
    evidence: Evidence | None = None


class Origins:
    """Finds origins in what the catalog knows now.

    Args:
        stores: an open store for each replica that is there, by the replica's id.
    """

    def __init__(self, catalog: Catalog, stores: Mapping[int, ReplicaStore]) -> None:
        self._catalog = catalog
        self._stores = stores
        self._uuids = {replica.id: str(replica.uuid) for replica in catalog.replicas()}
        self._copies: dict[int, list[CopyRow]] = {}
        for copy in catalog.copies():
            if copy.replica_id in stores:
                self._copies.setdefault(copy.inventory_id, []).append(copy)
        self._packages = {package.id: package for package in catalog.packages()}
        self._found: dict[int, dict[bytes | None, list[FindingRow]]] = {}
        for row in catalog.findings():
            self._found.setdefault(row.copy_id, {}).setdefault(row.finding.path, []).append(row)
        self._shards: dict[int, tuple[list[bytes], list[int]]] = {}
        self._elsewhere: dict[str, list[Origin]] = {}  # by SHA-256, hex
        for digest, origin in (*self._misplaced(), *self._set_aside()):
            self._elsewhere.setdefault(digest, []).append(origin)

    def held(self, entries: Collection[Entry]) -> Mapping[tuple[int, bytes], Sequence[HeldFile]]:
        """Where the catalog expects the content of these files, by content. One walk over its records."""
        found: dict[tuple[int, bytes], list[HeldFile]] = {}
        for one in self._catalog.holding({(entry.size_bytes, entry.sha256) for entry in entries}):
            found.setdefault((one.size_bytes, one.sha256), []).append(one)
        return found

    def of(self, copy: CopyRow, entry: Entry, held: Sequence[HeldFile]) -> list[Origin]:
        """Origins for one file of a copy, the best first: nothing wrong with it, the same file, near, read last."""
        origins = [
            self._origin(other, one.path, copy, entry.path)
            for one in held
            for other in self._copies.get(one.inventory_id, ())
            if (other.id, one.path) != (copy.id, entry.path)
        ]
        origins += self._moved(held)
        origins.sort(key=_order)
        package = self._packages.get(copy.package_id)
        return [*origins, *self._elsewhere.get(entry.sha256.hex(), ()), *_handed_in(package, entry.path)]

    def equal_to(self, entry: Entry, held: Sequence[HeldFile]) -> list[Origin]:
        """Origins for a file's content, whatever it is called, the best first."""
        origins = [
            self._origin(other, one.path, None, b"") for one in held for other in self._copies.get(one.inventory_id, ())
        ]
        return [*sorted([*origins, *self._moved(held)], key=_order), *self._elsewhere.get(entry.sha256.hex(), ())]

    def _origin(self, other: CopyRow, path: bytes, copy: CopyRow | None, wanted: bytes) -> Origin:
        read_at, evidence = self._last_read(other, path)
        rows = [*self._findings(other, path), *self._findings(other, None)]
        same = copy is not None and other.inventory_id == copy.inventory_id and path == wanted
        return Origin(
            name=other.replica,
            store=self._stores[other.replica_id],
            path=other.location + b"/" + path,
            replica=self._uuids[other.replica_id],
            state=state_from([row.code for row in rows], read=read_at is not None),
            other="" if same else f"{other.package}{_version(other)}: {show(path)}",
            read_at=read_at,
            evidence=evidence,
        )

    def _moved(self, held: Sequence[HeldFile]) -> Iterator[Origin]:
        """A file that an audit found under another name on its copy still has its bytes."""
        for one in held:
            for other in self._copies.get(one.inventory_id, ()):
                for row in self._findings(other, one.path):
                    found = row.finding.parameters.get("found")
                    if row.code is Code.MOVED and isinstance(found, Mapping):
                        name = path_from_fields(found) or b""
                        yield Origin(
                            name=other.replica,
                            store=self._stores[other.replica_id],
                            path=other.location + b"/" + name,
                            replica=self._uuids[other.replica_id],
                            other=f"{other.package}{_version(other)}: {show(name)}",
                            read_at=row.seen_at,
                            evidence=Evidence.READ,
                        )

    def _misplaced(self) -> Iterator[tuple[str, Origin]]:
        """What was seen where something else should be: files that changed places still have each other's bytes."""
        copies = {copy.id: copy for of_inventory in self._copies.values() for copy in of_inventory}
        for copy_id, by_path in self._found.items():
            for path, rows in by_path.items():
                for row in rows if path is not None and copy_id in copies else ():
                    observed = row.finding.parameters.get("observed")
                    if path is not None and isinstance(observed, Mapping) and isinstance(observed.get("sha256"), str):
                        yield observed["sha256"], self._at(copies[copy_id], path, row)

    def _at(self, copy: CopyRow, path: bytes, row: FindingRow) -> Origin:
        return Origin(
            name=copy.replica,
            store=self._stores[copy.replica_id],
            path=copy.location + b"/" + path,
            replica=self._uuids[copy.replica_id],
            other=f"in the place of {copy.package}{_version(copy)}: {show(path)}",
            read_at=row.seen_at,
            evidence=Evidence.READ,
        )

    def _set_aside(self) -> Iterator[tuple[str, Origin]]:
        """What repairs set aside may be what another file should be."""
        names = {str(replica.uuid): replica for replica in self._catalog.replicas()}
        for row in self._catalog.journal_of_kind("file-quarantined"):
            body = json.loads(row.body)
            replica = names.get(str(body.get("replica")))
            if replica is not None and replica.id in self._stores and isinstance(body.get("sha256"), str):
                yield body["sha256"], quarantined_at(replica.name, self._stores[replica.id], str(body.get("entry")))

    def _findings(self, copy: CopyRow, path: bytes | None) -> Sequence[FindingRow]:
        return self._found.get(copy.id, {}).get(path, ())

    def _last_read(self, copy: CopyRow, path: bytes) -> tuple[datetime | None, Evidence | None]:
        """When the first shard of a file was last read through on a copy, and how."""
        starts, ids = self._starts(copy.inventory_id)
        times = self._catalog.shard_times(copy.id, ids[bisect_right(starts, position(path)) - 1]).at
        levels = [level for level in _STRONGEST if level in times]
        if not levels:
            return None, None
        latest = max(levels, key=lambda level: (times[level], level))
        return times[latest], latest

    def _starts(self, inventory_id: int) -> tuple[list[bytes], list[int]]:
        if inventory_id not in self._shards:
            rows = self._catalog.shards(inventory_id)
            self._shards[inventory_id] = [row.start for row in rows], [row.id for row in rows]
        return self._shards[inventory_id]


def quarantined_at(replica: str, store: Store, entry: str) -> Origin:
    """What lies in an entry of a replica's quarantine."""
    path = b"/".join((QUARANTINE, os.fsencode(entry), CONTENT))
    return Origin(name=replica, store=store, path=path, other=f"its quarantine, {entry}")


def _order(origin: Origin) -> tuple[bool, bool, bool, bool, float]:
    return (
        origin.state is CopyState.BAD,  # last, but tried: it may have been put right by hand since
        origin.state is not CopyState.GOOD,
        bool(origin.other),
        not isinstance(origin.store, LocalStore),  # what is far away is slow, and reading it may cost money
        0.0 if origin.read_at is None else -origin.read_at.timestamp(),
    )


def _version(copy: CopyRow) -> str:
    return "" if copy.current else f" (version {copy.version})"


def _handed_in(package: PackageRow | None, path: bytes) -> Iterator[Origin]:
    if package is not None and package.source is not None and os.path.isdir(package.source):
        yield Origin(name="the bag that was taken in", store=LocalStore(package.source), path=path)
