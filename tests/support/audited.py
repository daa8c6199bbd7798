"""A package in many shards on replicas in memory, to be audited: what happens on one replica is up to the test."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

from checks.evidence import Evidence
from checks.inventory import Entry, cut
from checks.ports import Store
from preserve.audit.lanes import Pair
from preserve.audit.limits import Gate
from preserve.audit.running import Auditor
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditRow, CopyRow, NewCopy, NewPackage
from preserve.executors.threads import Threads
from preserve.progress import Progress, Silent
from tests.support.memory_store import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)
LOCATION = b"box"


class Audited:
    """Copies of one package, shard by shard of two files, on the replicas named.

    Args:
        shards: how many; file `data/0007` is in shard 3.
        size: of each file, in bytes.
    """

    def __init__(self, folder: Path, *names: str, shards: int = 6, size: int = 10) -> None:
        self.files = {b"data/%04d" % n: (b"%04d " % n * size)[:size] for n in range(2 * shards)}
        entries = [Entry(path, size, sha256(content).digest()) for path, content in sorted(self.files.items())]
        with patch("checks.inventory.SHARD_FILES", 2):
            records = list(cut(entries))
        self.catalog = Catalog.create(folder / "catalog.sqlite", START)
        new = NewPackage(uuid=UUID(int=1), identifier="box", collection="c", records=records)
        self.catalog.add_packages([new], at=START)
        (package,) = self.catalog.packages()
        self.stores: dict[str, MemoryStore] = {}
        self.copies: dict[str, CopyRow] = {}
        self.decorated: dict[str, Store] = {}
        for number, name in enumerate(names, 1):
            uuid = UUID(int=number)
            replica = self.catalog.add_replica(uuid, name, START)
            new_copy = NewCopy(inventory_id=package.inventory_id, replica_id=replica.id, location=LOCATION, checks=[])
            self.copies[name] = self.catalog.record_copy(new_copy, START)
            below = {LOCATION + b"/" + path: content for path, content in self.files.items()}
            self.stores[name] = MemoryStore(below, uuid=str(uuid))
        self.shard_ids = [shard.id for shard in self.catalog.shards(package.inventory_id)]

    def __enter__(self) -> "Audited":
        return self

    def __exit__(self, *_: object) -> None:
        self.catalog.close()

    def pair(self, name: str, shard: int) -> Pair:
        return self.copies[name].id, self.shard_ids[shard]

    def gates(self, **gates: Gate) -> Mapping[int, Gate]:
        return {self.copies[name].replica_id: gate for name, gate in gates.items()}

    def open(self, required: Evidence = Evidence.READ) -> AuditRow:
        copies = [copy.id for copy in self.copies.values()]
        return self.catalog.open_audit_of_copies({"by": "test"}, required, copies, START)

    def auditor(
        self,
        threads: Threads,
        *,
        stop: threading.Event | None = None,
        progress: Progress | None = None,
        clock: Callable[[], datetime] = lambda: START + timedelta(hours=1),
        **more: object,
    ) -> Auditor:
        stores = {copy.replica_id: self.decorated.get(name, self.stores[name]) for name, copy in self.copies.items()}
        return Auditor(
            self.catalog,
            stores,
            threads,
            clock,
            progress=progress or Silent(),
            stop=stop,
            **more,  # type: ignore[arg-type]
        )

    def done(self, audit: AuditRow) -> dict[str, int]:
        """Shards that were checked, by replica."""
        return {line.replica: line.done for line in self.catalog.audit_checks(audit.id)}

    def codes(self) -> dict[str, set[str]]:
        """Codes of the open findings, by replica."""
        found: dict[str, set[str]] = {}
        for row in self.catalog.findings():
            found.setdefault(row.replica, set()).add(row.code.value)
        return found
