"""What one inventory expects at one path, out of its records."""

from bisect import bisect_left

from sqlalchemy import Connection, select

from checks.inventory import Entry, Record, position, segment_count
from preserve.catalog.columns import Columns, decode, decode_entries
from preserve.catalog.schema import inventory, record, shard
from preserve.errors import LOOK_AT_CATALOG, UnreadableError


def entry_at(connection: Connection, inventory_id: int, path: bytes) -> Entry | None:
    """What is expected at that path; None if nothing is."""
    shards = shards_around(connection, inventory_id, path)
    if not shards:
        return None
    lines = decode(b"", b"", stored(connection, shards[0]))
    place = bisect_left(lines.paths, path)
    if place == len(lines.paths) or lines.paths[place] != path:
        return None
    if segment_count(lines.sizes[place]) > 1:
        return next(entry for entry in large_files(connection, inventory_id) if entry.path == path)
    return Entry(path, lines.sizes[place], lines.digests[place])


def stored(connection: Connection, shard_id: int) -> Columns:
    """A shard's record as it is stored."""
    query = select(record.c.paths, record.c.sizes, record.c.digests, record.c.segments)
    return Columns(*connection.execute(query.where(record.c.shard_id == shard_id)).one())


def proven(lines: Record, root: bytes) -> Record:
    """The same record; UnreadableError if it is not what was taken in, as far as its shard's root tells."""
    if lines.root() != root:
        raise UnreadableError("the catalog's record of a shard is not what its root says", remedy=LOOK_AT_CATALOG)
    return lines


def large_files(connection: Connection, inventory_id: int) -> list[Entry]:
    """The files that are recorded in segments, with their whole-file digests, in order of path."""
    query = select(inventory.c.large_files).where(inventory.c.id == inventory_id)
    return decode_entries(connection.execute(query).scalar_one_or_none())


def shards_around(connection: Connection, inventory_id: int, path: bytes) -> list[int]:
    """The shard with the path's first line, and those that start among its further segments."""
    of_inventory = shard.c.inventory_id == inventory_id
    first = select(shard.c.id).where(of_inventory, shard.c.start <= position(path)).order_by(shard.c.start.desc())
    further = select(shard.c.id).where(
        of_inventory, shard.c.start > position(path), shard.c.start <= position(path, (1 << 64) - 1)
    )
    ids = list(connection.execute(first.limit(1)).scalars())
    return ids + list(connection.execute(further.order_by(shard.c.start)).scalars())
