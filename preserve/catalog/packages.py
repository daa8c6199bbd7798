"""What the catalog holds: packages, their inventories, shards and records."""

from collections.abc import Sequence
from difflib import get_close_matches

from sqlalchemy import Connection, Select, select

from checks.inventory import Entry, Record
from checks.names import show
from checks.verdicts import Verdict
from preserve.catalog.bulk import among
from preserve.catalog.columns import decode
from preserve.catalog.database import Database
from preserve.catalog.entries import entry_at, large_files, proven, shards_around, stored
from preserve.catalog.rows import PackageRow, ShardRow
from preserve.catalog.schema import collection as collections
from preserve.catalog.schema import inventory, package, shard
from preserve.errors import UsageError

_following = shard.alias("following")
_stop = (
    select(_following.c.start)
    .where(_following.c.inventory_id == shard.c.inventory_id, _following.c.start > shard.c.start)
    .order_by(_following.c.start)
    .limit(1)
    .scalar_subquery()
)


def package_query(*, include_removed: bool = False) -> Select[*tuple[object, ...]]:
    """The packages that are looked after, with their current inventories."""
    query = (
        select(
            package.c.id,
            package.c.uuid,
            package.c.identifier,
            collections.c.name.label("collection"),
            package.c.inventory_id,
            inventory.c.version,
            inventory.c.files,
            inventory.c.size_bytes,
            inventory.c.root,
            package.c.added_at,
            package.c.source,
            package.c.verdict,
            package.c.removed_at,
        )
        .join_from(package, inventory, inventory.c.id == package.c.inventory_id)
        .join(collections, collections.c.id == package.c.collection_id)
    )
    return query if include_removed else query.where(package.c.removed_at.is_(None))


def read_packages(connection: Connection, query: Select[*tuple[object, ...]]) -> list[PackageRow]:
    """The rows of a `package_query`, narrowed and ordered as the caller did."""
    return [PackageRow(**{**row, "verdict": Verdict(row["verdict"])}) for row in connection.execute(query).mappings()]


def packages_named(connection: Connection, identifiers: Sequence[str]) -> list[PackageRow]:
    """The packages with these identifiers, in this order; UsageError for one that is not there."""
    query = package_query().where(among(package.c.identifier, identifiers))
    found = {row.identifier: row for row in read_packages(connection, query)}
    for identifier in identifiers:
        if identifier not in found:
            raise _unknown(connection, identifier)
    return [found[identifier] for identifier in dict.fromkeys(identifiers)]


def _unknown(connection: Connection, identifier: str) -> UsageError:
    gone = connection.execute(select(package.c.removed_at).where(package.c.identifier == identifier)).scalar()
    if gone is not None:
        return UsageError(
            f"the package {show(identifier.encode('utf-8', 'surrogateescape'))} was removed on {gone:%d %B %Y}",
            remedy="Its history is kept: `preserve premis export` tells it.",
        )
    known = connection.execute(select(package.c.identifier).limit(10_000)).scalars().all()
    close = get_close_matches(identifier, known, n=3)
    remedy = f"Did you mean {' or '.join(close)}?" if close else "`preserve status` lists the packages."
    return UsageError(f"no package is called {show(identifier.encode('utf-8', 'surrogateescape'))}", remedy=remedy)


class Packages(Database):
    """Reading packages and what is expected in them."""

    def collections(self) -> list[str]:
        """The names of all collections that ever had a package."""
        with self.reading() as connection:
            return list(connection.execute(select(collections.c.name).order_by(collections.c.name)).scalars())

    def packages(self, identifiers: Sequence[str] | None = None, collection: str | None = None) -> list[PackageRow]:
        """Packages in the order named, or all by identifier; UsageError for an identifier that is not there."""
        with self.reading() as connection:
            if identifiers is not None:
                rows = packages_named(connection, identifiers)
                return [row for row in rows if collection in (None, row.collection)]
            query = package_query().order_by(package.c.identifier)
            if collection is not None:
                query = query.where(collections.c.name == collection)
            return read_packages(connection, query)

    def package_named(self, identifier: str, *, include_removed: bool = False) -> PackageRow | None:
        """The package of that identifier, if there is one."""
        query = package_query(include_removed=include_removed).where(package.c.identifier == identifier)
        with self.reading() as connection:
            rows = read_packages(connection, query)
        return rows[0] if rows else None

    def inventory_id_of(self, package_id: int, version: int) -> int | None:
        """The inventory of a package's version, if it has that version."""
        query = select(inventory.c.id).where(inventory.c.package_id == package_id, inventory.c.version == version)
        with self.reading() as connection:
            found: int | None = connection.execute(query).scalar_one_or_none()
            return found

    def shards(self, inventory_id: int) -> list[ShardRow]:
        """An inventory's shards, in order of their ranges."""
        query = select(shard).where(shard.c.inventory_id == inventory_id).order_by(shard.c.start)
        with self.reading() as connection:
            rows = connection.execute(query).mappings().all()
        stops = [row["start"] for row in rows[1:]] + [b""]
        return [ShardRow(**row, stop=stop) for row, stop in zip(rows, stops, strict=True)]

    def shard(self, shard_id: int) -> ShardRow:
        """UsageError if there is none of that number."""
        with self.reading() as connection:
            return shard_row(connection, shard_id)

    def shard_starts(self, package_id: int) -> list[bytes]:
        """Where the current version's shards start: what a next version is cut by, `inherited` of `checks.cut`."""
        query = (
            select(shard.c.start)
            .join(package, package.c.inventory_id == shard.c.inventory_id)
            .where(package.c.id == package_id, shard.c.start != b"")
            .order_by(shard.c.start)
        )
        with self.reading() as connection:
            return list(connection.execute(query).scalars())

    def record(self, shard_id: int) -> Record:
        """A shard's lines; UnreadableError if they are damaged, or not what the shard's root says."""
        row, lines = self._stored(shard_id)
        return proven(lines, row.root)

    def record_as_stored(self, shard_id: int) -> Record:
        """A shard's lines, held against nothing: for who looks into what was done to them."""
        return self._stored(shard_id)[1]

    def _stored(self, shard_id: int) -> tuple[ShardRow, Record]:
        with self.reading() as connection:
            row, columns = shard_row(connection, shard_id), stored(connection, shard_id)
        return row, decode(row.start, row.stop, columns)

    def large_files(self, inventory_id: int) -> list[Entry]:
        """The files that are recorded in segments, with their whole-file digests, in order of path."""
        with self.reading() as connection:
            return large_files(connection, inventory_id)

    def entry(self, inventory_id: int, path: bytes) -> Entry | None:
        """What is expected at that path, or None."""
        with self.reading() as connection:
            return entry_at(connection, inventory_id, path)

    def shard_ids_of(self, inventory_id: int, path: bytes) -> list[int]:
        """The shards in which that path would lie, in order; a segmented file may lie in several."""
        with self.reading() as connection:
            return shards_around(connection, inventory_id, path)


def shard_row(connection: Connection, shard_id: int) -> ShardRow:
    """UsageError if there is none of that number."""
    row = connection.execute(select(shard, _stop.label("stop")).where(shard.c.id == shard_id)).mappings().one_or_none()
    if row is None:
        raise UsageError(f"the catalog has no shard {shard_id}")
    return ShardRow(**{**row, "stop": row["stop"] or b""})
