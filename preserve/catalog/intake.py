"""Taking packages into the catalog: a record a thousand files, compressed in a thread, written in batches."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from zstandard import ZstdCompressor

from checks.inventory import inventory_root
from preserve.catalog.columns import encode, new_compressor
from preserve.catalog.database import Database
from preserve.catalog.rows import NewPackage, PackageRow
from preserve.catalog.versions import Prepared, PreparedShard, VersionWriter

# A batch is one transaction. The time keeps a package that took long to read from waiting for the next one.
_BATCH_SHARDS = 200
_BATCH_PACKAGES = 1000
_BATCH_SECONDS = 0.5


@dataclass(slots=True)
class _Batch:
    began: float = field(default_factory=monotonic)
    packages: list[Prepared] = field(default_factory=list)
    shards: int = 0

    def add(self, prepared: Prepared) -> None:
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
        with (
            _uncollected(),
            ThreadPoolExecutor(1, "compress") as compressing,
            ThreadPoolExecutor(1, "write") as writing,
        ):
            written: Future[list[PackageRow]] | None = None
            for batch in _batches(packages, compressing):
                rows += written.result() if written is not None else ()
                written = writing.submit(self._write, batch, at)
            rows += written.result() if written is not None else ()
        return rows

    def _write(self, batch: Sequence[Prepared], at: datetime) -> list[PackageRow]:
        with self.writing() as connection:
            added, problem = VersionWriter(connection, at).write(batch)
        if problem is not None:
            raise problem
        return added


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the cycle collector from looking through millions of entries that hold no cycles, over and over."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _batches(packages: Iterable[NewPackage], compressing: ThreadPoolExecutor) -> Iterator[list[Prepared]]:
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


def _prepare(new: NewPackage, compressing: ThreadPoolExecutor, compressor: ZstdCompressor) -> Prepared:
    shards = [
        PreparedShard(rec.start, rec.files, rec.bytes_to_read, rec.root(), compressing.submit(encode, rec, compressor))
        for rec in new.records
    ]
    root = inventory_root([made.root for made in shards], new.large_files)
    size = sum(made.bytes_to_read for made in shards)
    return Prepared(new, shards, root, sum(made.files for made in shards), size)
