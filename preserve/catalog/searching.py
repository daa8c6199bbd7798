"""Search by part of a name: an index says which blocks of shards to look into; what is not indexed yet is scanned."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from preserve.catalog.bulk import among, insert_rows
from preserve.catalog.columns import decode_paths, joined_paths
from preserve.catalog.database import Database
from preserve.catalog.naming import BLOCK_FILES, MOST_BLOCKS, Slices, blocks_of, buckets_of_text, fold
from preserve.catalog.schema import inventory, name_index, name_slice, package, record, shard

# Fewer unindexed blocks than this are scanned with each search: it takes some ten milliseconds, and an index for
# each small package would take longer to ask.
_LEAST_BLOCKS = 64
_WITHOUT_END = (1 << 63) - 1

_SLICE = ("index_id", "bucket", "blocks")
_names = (
    select(package.c.identifier, record.c.paths)
    .join_from(shard, inventory, inventory.c.id == shard.c.inventory_id)
    .join(
        package,
        (package.c.id == inventory.c.package_id)
        & (package.c.inventory_id == inventory.c.id)
        & package.c.removed_at.is_(None),
    )
    .join(record, record.c.shard_id == shard.c.id)
    .where(shard.c.id >= bindparam("first"), shard.c.id <= bindparam("last"))
    .order_by(shard.c.id)
)


class Searching(Database):
    """Search by part of a name in the current versions of packages."""

    def search(self, text: str, limit: int = 100) -> list[tuple[str, bytes]]:
        """Up to `limit` (package, path) whose path has `text` in it, in order of intake; ASCII letters of either case.

        Empty text finds nothing.
        """
        wanted = fold(text.encode("utf-8", "surrogateescape"))
        found: dict[tuple[str, bytes], None] = {}  # a file in several segments is there several times
        if wanted and limit > 0:
            with self.reading() as connection:
                for one in _occurrences(connection, wanted):
                    found[one] = None
                    if len(found) == limit:
                        break
        return list(found)

    def index_names(self, *, rebuild: bool = False) -> int:
        """Indexes the names that are not yet indexed, if they are enough to be worth it; gives how many shards.

        Search finds the same without. Cheap where there is nothing to do, so it can be called after every intake.
        """
        if rebuild:
            with self.writing() as connection:
                connection.execute(delete(name_slice))
                connection.execute(delete(name_index))
        indexed = 0
        while slices := self._next_slices():
            with self.writing() as connection:
                if _last_indexed(connection) != slices.starts[0] - 1:
                    break  # somebody else did
                _write(connection, slices)
            indexed += slices.last_shard - slices.starts[0] + 1
        return indexed

    def _next_slices(self) -> Slices | None:
        slices = Slices()
        with self.reading() as connection:
            last = _last_indexed(connection)
            waiting = select(func.coalesce(func.sum(shard.c.files), 0)).where(shard.c.id > last)
            if connection.execute(waiting).scalar_one() < _LEAST_BLOCKS * BLOCK_FILES:
                return None
            for block in _blocks(connection, last):
                slices.add(block.first, block.last, block.paths)
                if len(slices.starts) == MOST_BLOCKS:
                    break
        return slices if slices.starts else None


@dataclass(slots=True)
class _Block:
    first: int
    last: int
    files: int
    paths: list[list[bytes]]


def _blocks(connection: Connection, after: int) -> Iterator[_Block]:
    """All shards after that one, gathered to about BLOCK_FILES names each."""
    query = select(shard.c.id, record.c.paths).join_from(shard, record, record.c.shard_id == shard.c.id)
    rows = connection.execute(
        query.where(shard.c.id > after).order_by(shard.c.id).execution_options(yield_per=MOST_BLOCKS // 16)
    )
    block: _Block | None = None
    for shard_id, stored in rows:
        paths = decode_paths(stored)
        if block is not None and block.files + len(paths) > BLOCK_FILES:
            yield block
            block = None
        block = block or _Block(shard_id, shard_id, 0, [])
        block.last = shard_id
        block.files += len(paths)
        block.paths.append(paths)
    if block is not None:
        yield block


def _last_indexed(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(name_index.c.last_shard), 0))).scalar_one())


def _write(connection: Connection, slices: Slices) -> None:
    index_id = connection.execute(select(func.coalesce(func.max(name_index.c.id), 0))).scalar_one() + 1
    starts = array("q", slices.starts).tobytes()
    connection.execute(
        insert(name_index).values(
            id=index_id, first_shard=slices.starts[0], last_shard=slices.last_shard, starts=starts
        )
    )
    insert_rows(connection, name_slice, _SLICE, [(index_id, *row) for row in slices.rows()])


def _occurrences(connection: Connection, wanted: bytes) -> Iterator[tuple[str, bytes]]:
    for first, last in _candidates(connection, wanted):
        for identifier, stored in connection.execute(_names, {"first": first, "last": last}):
            joined = joined_paths(stored)
            if wanted in fold(joined):
                yield from ((identifier, path) for path in joined.split(b"\0") if wanted in fold(path))


def _candidates(connection: Connection, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Ranges of shards in which the text may occur: what the index gives, then all that is not indexed."""
    buckets = buckets_of_text(wanted)
    last_indexed = 0
    for index_id, _, last_indexed, stored in connection.execute(select(name_index).order_by(name_index.c.id)).all():
        starts = [*array("q", stored), last_indexed + 1]
        yield from _joined((starts[n], starts[n + 1] - 1) for n in _blocks_with(connection, index_id, buckets, starts))
    yield last_indexed + 1, _WITHOUT_END


def _blocks_with(connection: Connection, index_id: int, buckets: set[int], starts: list[int]) -> Iterator[int]:
    query = select(name_slice.c.blocks).where(name_slice.c.index_id == index_id, among(name_slice.c.bucket, buckets))
    bitmaps = connection.execute(query).scalars().all()
    return blocks_of(bitmaps if len(bitmaps) == len(buckets) else [b""], len(starts) - 1)


def _joined(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same ranges, neighbours as one."""
    present: tuple[int, int] | None = None
    for first, last in ranges:
        if present is not None and first == present[1] + 1:
            present = present[0], last
            continue
        if present is not None:
            yield present
        present = first, last
    if present is not None:
        yield present
