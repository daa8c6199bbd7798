"""What the catalog costs: taking in, size, one full audit's records, and the queries that people wait for.

    python tests/bench/catalog.py [FILES] [FILES_PER_PACKAGE ...]

Default: 4,000,000 files on 3 replicas, once as packages of 10,000 and once of 40. Needs about 2 GB of disk in the
temporary folder. Nothing is done here that production does not do.
"""

import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from uuid import UUID

from checks.evidence import Evidence, Outcome
from checks.inventory import Entry, cut
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditState, CheckResult, NewCopy, NewPackage, ShardRow

START = datetime(2026, 1, 1, tzinfo=UTC)
REPLICAS = 3
BATCH = 100


def main() -> None:
    files = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else 4_000_000
    for per_package in [int(shape) for shape in sys.argv[2:]] or [10_000, 40]:
        count = max(1, files // per_package)
        print(f"\n{count:,} packages of {per_package:,} files on {REPLICAS} replicas")
        with tempfile.TemporaryDirectory(prefix="catalog-bench-") as folder:
            measure(Path(folder) / "catalog.sqlite", count, per_package)


def measure(path: Path, count: int, per_package: int) -> None:
    with Catalog.create(path, START) as catalog:
        take_in(catalog, count, per_package)
        size(path, "after taking in")
        with timed("search index", count * per_package, "entries"):
            catalog.index_names()
        size(path, "with the search index")
        record_copies(catalog)
        size(path, "with the copies and the checks that read them back")
        full_audit(catalog)
        size(path, "after one full audit")
        single_commits(catalog)
        queries(catalog, per_package)


def take_in(catalog: Catalog, count: int, per_package: int) -> None:
    """The entries are made before the clock starts, a batch at a time; cutting and hashing are inside."""
    spent, made = 0.0, 0
    packages = (fresh_package(number, per_package) for number in range(count))
    step = max(1, 1_000_000 // per_package)
    while some := list(islice(packages, step)):
        began = perf_counter()
        catalog.add_packages((new_package(*one) for one in some), at=START)
        spent += perf_counter() - began
        made += len(some) * per_package
    figure("taking in", f"{made / spent:,.0f} entries/s ({spent:.1f} s)")


def fresh_package(number: int, per_package: int) -> tuple[int, list[Entry]]:
    """Names as scanners give them, sizes as photographs have, digests that do not compress."""
    random = Random(number)
    tag_files = [b"bag-info.txt", b"bagit.txt"]
    names = [
        b"data/%04d_%s/box-%03d/%s_%06d.%s"
        % (1900 + number % 80, random.choice(WORDS), i // 200, random.choice(KINDS), i, SUFFIXES[i % 3])
        for i in range(per_package - len(tag_files) - 2)
    ]
    names += [*tag_files, b"manifest-sha256.txt", b"tagmanifest-sha256.txt"]
    return number, [
        Entry(name, random.randrange(2_000, 900_000), sha256(b"%d %s" % (number, name)).digest())
        for name in sorted(names)
    ]


WORDS = [b"prisoners", b"confession", b"photograph", b"census", b"ledger", "ព្រះរាជាណាចក្រ".encode(), b"testimony"]
KINDS = [b"page", b"scan", b"recto", b"verso"]
SUFFIXES = [b"tif", b"jp2", b"xml"]


def new_package(number: int, entries: list[Entry]) -> NewPackage:
    identifier = f"collection-{number // 1000:03d}/package-{number:06d}"
    facts = {"bagit": "1.0", "algorithms": "sha256 sha512", "by": "bench"}
    return NewPackage(
        uuid=UUID(int=number + 1), identifier=identifier, collection="bench", records=cut(entries), facts=facts
    )


def record_copies(catalog: Catalog) -> None:
    replicas = [catalog.add_replica(UUID(int=n), f"replica-{n}", START) for n in range(REPLICAS)]
    packages = catalog.packages()
    for at in range(0, len(packages), BATCH):
        new = [
            NewCopy(
                inventory_id=package.inventory_id,
                replica_id=replica.id,
                location=package.identifier.encode(),
                checks=[result(shard, 0, START) for shard in catalog.shards(package.inventory_id)],
            )
            for package in packages[at : at + BATCH]
            for replica in replicas
        ]
        catalog.record_copies(new, START)


def result(
    shard: ShardRow, copy_id: int, at: datetime, audit_id: int | None = None, token: int | None = None
) -> CheckResult:
    return CheckResult(
        copy_id=copy_id,
        shard_id=shard.id,
        audit_id=audit_id,
        lease_token=token,
        started_at=at,
        ended_at=at + timedelta(seconds=2),
        evidence=Evidence.READ_MEDIUM,
        outcome=Outcome.PASS,
        good=shard.files,
        bad=0,
        unread=0,
        bytes_read=shard.bytes_to_read,
        observed_root=shard.root,
    )


def full_audit(catalog: Catalog) -> None:
    """Opening, leasing, committing every shard of every copy, ending. What workers do between is not timed."""
    copies = catalog.copies()
    shards = {shard.id: shard for package in catalog.packages() for shard in catalog.shards(package.inventory_id)}
    now = START + timedelta(days=30)
    spent, count = 0.0, 0
    began = perf_counter()
    audit = catalog.open_audit_of_copies({"due": True}, Evidence.READ_MEDIUM, [copy.id for copy in copies], now)
    pairs = catalog.remaining(audit.id)
    spent += perf_counter() - began
    for at in range(0, len(pairs), BATCH):
        began = perf_counter()
        leases = catalog.lease(audit.id, pairs[at : at + BATCH], "bench", now, ttl_seconds=600, limit=BATCH)
        spent += perf_counter() - began
        results = [result(shards[one.shard_id], one.copy_id, now, audit.id, one.token) for one in leases]
        began = perf_counter()
        assert all(catalog.commit_checks(results, now))
        spent += perf_counter() - began
        count += len(results)
    began = perf_counter()
    assert catalog.end_audit(audit.id, AuditState.ENDED, now).done == len(pairs)
    spent += perf_counter() - began
    figure("records of a full audit", f"{spent:.2f} s ({count:,} checks, {count / spent:,.0f}/s)")


def single_commits(catalog: Catalog) -> None:
    now = START + timedelta(days=60)
    copies = catalog.copies()[:500]
    audit = catalog.open_audit_of_copies({}, Evidence.READ_MEDIUM, [copy.id for copy in copies], now)
    pairs = catalog.remaining(audit.id)[:500]
    leases = catalog.lease(audit.id, pairs, "bench", now, ttl_seconds=600, limit=500)
    results = [result(catalog.shard(o.shard_id), o.copy_id, now, audit.id, o.token) for o in leases]
    began = perf_counter()
    for one in results:
        catalog.commit_checks([one], now)
    figure("commits of a single check", f"{len(results) / (perf_counter() - began):,.0f}/s")


def queries(catalog: Catalog, per_package: int) -> None:
    now = START + timedelta(days=100)
    packages = catalog.packages()
    random = Random(1)
    milliseconds("due list, 1000 of all", lambda: catalog.due(Evidence.READ_MEDIUM, now, now, limit=1000))
    milliseconds("due list, 100 of all", lambda: catalog.due(Evidence.READ_MEDIUM, now, now, limit=100))
    milliseconds("due list, nothing due", lambda: catalog.due(Evidence.READ_MEDIUM, START, now, limit=1000))
    milliseconds("overdue counts", lambda: catalog.overdue_counts(Evidence.READ_MEDIUM, now))
    milliseconds("status (counts and a page of 50)", lambda: (catalog.status_counts(), catalog.status_page(50)))
    milliseconds("findings and verdicts of a package", lambda: catalog.file_verdicts(packages[0].id))

    def look_up() -> object:
        package = random.choice(packages)
        path = fresh_package(int(package.identifier[-6:]), per_package)[1][0].path
        began = perf_counter()
        assert catalog.entry(package.inventory_id, path) is not None
        return perf_counter() - began

    took = [float(str(look_up())) * 1000 for _ in range(50)]
    figure("look-up (package, path)", f"{statistics.median(took):.2f} ms (worst {max(took):.2f})")
    for text in (
        "box-003/recto_000777",
        "RECTO_0000",
        "confession/box-000/page_0000",
        "រាជា",
        "zzzz",
        "9xq",
        "_000777.tif",
    ):
        found = catalog.search(text, 100)
        milliseconds(f"search {text!r} ({len(found)} found)", lambda text=text: catalog.search(text, 100))  # type: ignore[misc]


def milliseconds(what: str, call: Callable[[], object], times: int = 7) -> None:
    took = []
    for _ in range(times):
        began = perf_counter()
        call()
        took.append((perf_counter() - began) * 1000)
    figure(what, f"{statistics.median(took):.1f} ms (worst {max(took):.1f})")


@contextmanager
def timed(what: str, count: int, unit: str) -> Iterator[None]:
    began = perf_counter()
    yield
    spent = perf_counter() - began
    figure(what, f"{spent:.1f} s ({count / spent:,.0f} {unit}/s)")


def size(path: Path, when: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    figure(f"size {when}", f"{path.stat().st_size / 1e6:,.0f} MB")


def figure(what: str, value: str) -> None:
    print(f"  {what:<55} {value}", flush=True)


if __name__ == "__main__":
    main()
