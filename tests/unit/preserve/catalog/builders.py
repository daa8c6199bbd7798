"""Catalogs and results for tests, made with few words."""

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch
from uuid import UUID

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding, outcome_of
from checks.inventory import SEGMENT_BYTES, Entry, cut
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, CopyRow, NewCopy, NewPackage, PackageRow, ShardRow

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LARGE = b"data/large.tif"


def digest(text: object) -> bytes:
    return sha256(str(text).encode()).digest()


def entries(count: int = 7, *, large: bool = True, salt: str = "") -> list[Entry]:
    """Files named data/f0 and so on, and, as it may be, one of three segments."""
    made = [Entry(b"data/f%d" % n, 100 + n, digest(f"{n}{salt}")) for n in range(count)]
    if large:
        segments = tuple(digest(f"segment {n}") for n in range(3))
        made.append(Entry(LARGE, 2 * SEGMENT_BYTES + 5, digest("large"), segments))
    return sorted(made)


def new_package(identifier: str = "a", files: Sequence[Entry] | None = None, number: int = 1) -> NewPackage:
    """A package cut into shards of three files, so that few files make several."""
    files = entries() if files is None else files
    with patch("checks.inventory.SHARD_FILES", 3):
        records = list(cut(files))
    large = [entry for entry in files if entry.segments]
    return NewPackage(uuid=UUID(int=number), identifier=identifier, collection="c", records=records, large_files=large)


def result(
    shard: ShardRow,
    copy_id: int,
    at: datetime,
    *findings: Finding,
    evidence: Evidence = Evidence.READ_MEDIUM,
    unread: int = 0,
    **more: object,
) -> CheckResult:
    """A check of a whole shard as the judge would give it for these findings."""
    outcome = outcome_of(findings)
    bad = sum(finding.meaning.outcome is Outcome.FAIL for finding in findings)
    plain = CheckResult(
        copy_id=copy_id,
        shard_id=shard.id,
        audit_id=None,
        lease_token=None,
        started_at=at,
        ended_at=at + timedelta(seconds=1),
        evidence=Evidence.LISTED if unread else evidence,
        outcome=outcome,
        good=max(0, shard.files - bad - unread),
        bad=bad,
        unread=unread,
        bytes_read=shard.bytes_to_read,
        observed_root=shard.root if outcome is Outcome.PASS else None if unread else digest("other"),
        findings=findings,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def damage(path: bytes = b"data/f0", code: Code = Code.DIGEST_MISMATCH) -> Finding:
    return Finding(code=code, path=path, parameters={"expected": {"size_bytes": 1}})


def unreadable(path: bytes = b"data/f0") -> Finding:
    return Finding(code=Code.UNREADABLE, path=path, parameters={"cause": "EIO"})


UNAVAILABLE = Finding(code=Code.REPLICA_UNAVAILABLE, parameters={"cause": "empty mount"})
COPY_MISSING = Finding(code=Code.COPY_MISSING)


def fresh_template() -> Path:
    """A catalog with package `a` and the replicas `disk` and `nas`."""
    path = Path(mkdtemp(prefix="catalog-template-")) / "catalog.sqlite"
    with Catalog.create(path, START) as catalog:
        catalog.add_packages([new_package()], at=START)
        for number, name in enumerate(("disk", "nas"), 1):
            catalog.add_replica(UUID(int=number), name, START)
    return path


_template = cache(fresh_template)


class Held:
    """A catalog with package `a` in shards, and a copy of it on `disk` and on `nas`, read or not."""

    def __init__(self, folder: Path, *, read: bool = True, template: Path | None = None) -> None:
        self.path = folder / "catalog.sqlite"
        shutil.copy(template or _template(), self.path)
        self.catalog = Catalog(self.path) if template else Catalog.open(self.path)
        self.package: PackageRow = self.catalog.packages()[0]
        self.shards = self.catalog.shards(self.package.inventory_id)
        self.copies: list[CopyRow] = [
            self.catalog.record_copy(self.new_copy(replica_id, read=read), START) for replica_id in (1, 2)
        ]

    def new_copy(self, replica_id: int, *, read: bool = True) -> NewCopy:
        checks = [result(shard, 0, START) for shard in self.shards] if read else []
        return NewCopy(inventory_id=self.package.inventory_id, replica_id=replica_id, location=b"a", checks=checks)

    def commit(self, shard: int, at: datetime, *findings: Finding, copy: int = 1, **more: object) -> CheckResult:
        """Commits a check of the shard with that place in the order."""
        made = result(self.shards[shard], copy, at, *findings, **more)  # type: ignore[arg-type]
        assert self.catalog.commit_checks([made], at) == [True]
        return made

    def open(self) -> set[tuple[int, bytes | None, str]]:
        return {(row.copy_id, row.finding.path, row.code.value) for row in self.catalog.findings()}

    def verdict(self) -> str:
        return self.catalog.packages()[0].verdict.value

    def dump(self) -> list[str]:
        """Everything that the catalog says."""
        return dump(self.path)


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()
