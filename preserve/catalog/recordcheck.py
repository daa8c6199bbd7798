"""The inventories against the roots that the journal took down when packages were taken in."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import error as StructError
from typing import Any

from zstandard import ZstdError

from checks.inventory import Entry, Record, inventory_root, segment_count, whole_root
from checks.names import show
from preserve.catalog.columns import Columns, decode, decode_entries
from preserve.catalog.known import Known, Version, start_name
from preserve.catalog.rows import Fault
from preserve.catalog.scratch import Statement
from preserve.errors import CatalogError
from preserve.progress import Progress

_SHARDS = "SELECT id, start, files, bytes_to_read, root FROM shard WHERE inventory_id = ? ORDER BY start"
_RECORD = "SELECT paths, sizes, digests, segments FROM record WHERE shard_id = ?"
_LARGE = "SELECT large_files, large_root FROM kept.inventory WHERE id = ?"
_STRAY = (
    ("shard", "SELECT id FROM shard WHERE inventory_id NOT IN (SELECT id FROM inventory) OR inventory_id IS NULL"),
    ("record", "SELECT shard_id FROM record WHERE shard_id NOT IN (SELECT id FROM shard)"),
)
_UNREADABLE = (CatalogError, ValueError, TypeError, StructError, ZstdError, OverflowError, StopIteration, MemoryError)


@dataclass(frozen=True, slots=True)
class _Shard:
    """A shard's row, and the root of its record; None if the record cannot be read."""

    id: int
    start: bytes
    root: object
    of_record: bytes | None
    segments: dict[bytes, list[bytes]]  # of the files that are recorded in segments


def record_faults(run: Statement, known: Known, progress: Progress) -> Iterator[Fault]:
    """Every record, shard and list of large files that is not what was taken in; all of them are read."""
    for version in known.by_inventory:
        yield from _Inventory(run, known, version, progress).faults()
    for table, query in _STRAY:
        for (id_,) in run(query):
            message = f"{'the record of ' if table == 'record' else ''}shard {id_} belongs to no inventory"
            yield Fault(where=table, number=None, message=message)


class _Inventory:
    """One inventory under examination."""

    def __init__(self, run: Statement, known: Known, version: Version, progress: Progress) -> None:
        self._run = run
        self._version = version
        self._name = known.version_name(version.inventory_id)
        self._progress = progress

    def faults(self) -> Iterator[Fault]:
        rows = self._run(_SHARDS, (self._version.inventory_id,)).fetchall()
        if not rows:
            yield self._fault("shard", f"none of the {self._version.count} shards of {self._name} are there")
            return
        if len(rows) != self._version.count:
            what = f"{self._name} has another number of shards"
            yield self._fault("shard", what, str(self._version.count), str(len(rows)))
        shards: list[_Shard] = []
        for row, following in pairwise([*rows, None]):
            shard = yield from self._shard(len(shards), row, b"" if following is None else following[1])
            shards.append(shard)
        yield from self._roots(shards)

    def _shard(self, place: int, row: tuple[Any, ...], stop: bytes) -> Generator[Fault, None, _Shard]:
        id_, start, files, bytes_to_read, root = row
        name = f"{start_name(start)} of {self._name}"
        should = self._version.first_shard + place
        if id_ != should and len(self._version.shards) == self._version.count:
            yield self._fault("shard", f"{name} has another number", str(should), str(id_))
        try:
            stored = self._run(_RECORD, (id_,)).fetchone()
            if stored is None:
                yield self._fault("record", f"the record of {name} is gone")
                return _Shard(id_, start, root, None, {})
            record = decode(start, stop, Columns(*stored))
            of_record, counted = record.root(), (record.files, record.bytes_to_read)
        except _UNREADABLE:
            yield self._fault("record", f"the record of {name} cannot be read")
            return _Shard(id_, start, root, None, {})
        self._progress.advance(files=counted[0])
        for column, there, here in zip(("files", "bytes_to_read"), counted, (files, bytes_to_read), strict=True):
            if there != here:
                yield self._fault("shard", f"{name}: `{column}` is not that of its record", str(there), str(here))
        return _Shard(id_, start, root, of_record, _segments(record))

    def _roots(self, shards: Sequence[_Shard]) -> Iterator[Fault]:
        """Whether records, shards and list of large files agree, and together have the root of the journal."""
        large = yield from self._large_files(shards)
        if large is None:
            return
        taken_in = self._version.root
        by_records = _root([shard.of_record for shard in shards], large)
        unlike = [shard for shard in shards if shard.of_record is not None and shard.root != shard.of_record]
        for shard in unlike:
            name = f"{start_name(shard.start)} of {self._name}"
            if by_records == taken_in:
                what = f"{name}: its root is not that of its record, which is as it was taken in"
                yield self._fault("shard", what, _hex(shard.of_record), _hex(shard.root))
            else:
                what = f"the record of {name} was changed: it does not have the shard's root"
                yield self._fault("record", what, _hex(shard.root), _hex(shard.of_record))
        if not unlike and by_records is not None and by_records != taken_in:
            what = f"the records of {self._name} were changed: together they do not have the root that was taken in"
            yield self._fault("record", what, taken_in, by_records)

    def _large_files(self, shards: Sequence[_Shard]) -> Generator[Fault, None, list[Entry] | None]:
        found = self._run(_LARGE, (self._version.inventory_id,)).fetchone()
        if found is None:
            return None  # that the inventory's row is gone is said where the rows are compared
        try:
            large = decode_entries(found[0])
            root = whole_root(large) if large else None
        except _UNREADABLE:
            yield self._fault("inventory", f"the list of large files of {self._name} cannot be read")
            return None
        if root != found[1]:
            what = f"the list of large files of {self._name} does not have its root"
            yield self._fault("inventory", what, _hex(found[1]), _hex(root))
        segments: dict[bytes, list[bytes]] = {}
        for shard in shards:
            for path, digests in shard.segments.items():
                segments.setdefault(path, []).extend(digests)
        listed = {entry.path: list(entry.segments) for entry in large}
        for path in sorted(segments.keys() | listed.keys()):
            if segments.get(path) != listed.get(path):
                what = f"{show(path)} of {self._name}: the list of large files does not agree with the records"
                yield self._fault("inventory", what)
        return large

    def _fault(self, table: str, message: str, expected: str = "", found: str = "") -> Fault:
        return Fault(where=table, number=None, message=message, expected=expected, found=found)


def _segments(record: Record) -> dict[bytes, list[bytes]]:
    """The digests of segments, by path. Without segments in it a record may still begin a large file."""
    found: dict[bytes, list[bytes]] = {}
    if record.segments is None and segment_count(max(record.sizes, default=0)) == 1:
        return found
    for path, _, size, digest in record.entries():
        if segment_count(size) > 1:
            found.setdefault(path, []).append(digest)
    return found


def _root(roots: Sequence[bytes | None], large: Sequence[Entry]) -> str | None:
    known = [root for root in roots if root is not None]
    return inventory_root(known, large).hex() if len(known) == len(roots) else None


def _hex(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
