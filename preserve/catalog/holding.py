"""Look-up by digest: where else the same content is expected. One walk over the records, however many are asked."""

from collections.abc import Collection, Iterator
from datetime import datetime

from sqlalchemy import select

from checks.inventory import segment_count, whole_root
from preserve.catalog.bulk import among
from preserve.catalog.columns import decode, decode_entries
from preserve.catalog.database import Database
from preserve.catalog.entries import proven, stored
from preserve.catalog.packages import shard_row
from preserve.catalog.rows import HeldFile
from preserve.catalog.schema import copy, inventory, record, shard, shard_state
from preserve.errors import LOOK_AT_CATALOG, UnreadableError

_PAGE = 64  # records
_DIGEST_BYTES = 32


class Holding(Database):
    """Who holds a content."""

    def holding(self, contents: Collection[tuple[int, bytes]]) -> Iterator[HeldFile]:
        """Every file, of any version that has a copy in care, with one of these (size in bytes, SHA-256)."""
        wanted = set(contents)
        digests = {digest for _, digest in wanted}
        if not wanted:
            return
        yield from self._large(wanted)
        # The digests alone first: 32 bytes a file, and hardly ever is a record decompressed for nothing.
        query = select(shard.c.id, shard.c.inventory_id, record.c.digests).join_from(
            shard, record, record.c.shard_id == shard.c.id
        )
        last = 0
        while True:
            page = query.where(shard.c.id > last, shard.c.inventory_id.in_(_IN_CARE)).order_by(shard.c.id).limit(_PAGE)
            with self.reading() as connection:
                rows = connection.execute(page).all()
            for shard_id, inventory_id, of_shard in rows:
                last = shard_id
                if not digests.isdisjoint(_split(of_shard)):
                    yield from self._within(shard_id, inventory_id, wanted)
            if len(rows) < _PAGE:
                return

    def read_times(self, copy_ids: Collection[int]) -> dict[tuple[int, int], datetime]:
        """When each shard of these copies was last read through (READ or better), by (copy, shard); absent: never."""
        state = shard_state.c
        query = select(state.copy_id, state.shard_id, state.read_at)
        with self.reading() as connection:
            rows = connection.execute(query.where(among(state.copy_id, copy_ids), state.read_at.is_not(None)))
            return {(copy_id, shard_id): at for copy_id, shard_id, at in rows}

    def _within(self, shard_id: int, inventory_id: int, wanted: set[tuple[int, bytes]]) -> Iterator[HeldFile]:
        with self.reading() as connection:
            row, columns = shard_row(connection, shard_id), stored(connection, shard_id)
        for path, _, size, digest in proven(decode(row.start, row.stop, columns), row.root).entries():
            if segment_count(size) == 1 and (size, digest) in wanted:
                yield HeldFile(inventory_id=inventory_id, path=path, size_bytes=size, sha256=digest)

    def _large(self, wanted: set[tuple[int, bytes]]) -> Iterator[HeldFile]:
        if all(segment_count(size) == 1 for size, _ in wanted):
            return
        query = select(inventory.c.id, inventory.c.large_files, inventory.c.large_root).where(
            inventory.c.large_files.is_not(None), inventory.c.id.in_(_IN_CARE)
        )
        with self.reading() as connection:
            rows = connection.execute(query).all()
        for inventory_id, listed, root in rows:
            large = decode_entries(listed)
            if whole_root(large) != root:
                raise UnreadableError(
                    "the catalog's list of large files is not what its root says", remedy=LOOK_AT_CATALOG
                )
            for entry in large:
                if (entry.size_bytes, entry.sha256) in wanted:
                    yield HeldFile(
                        inventory_id=inventory_id, path=entry.path, size_bytes=entry.size_bytes, sha256=entry.sha256
                    )


_IN_CARE = select(copy.c.inventory_id).where(copy.c.removed_at.is_(None))


def _split(digests: bytes) -> Iterator[bytes]:
    return (digests[at : at + _DIGEST_BYTES] for at in range(0, len(digests), _DIGEST_BYTES))
