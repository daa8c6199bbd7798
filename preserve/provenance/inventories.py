"""The files of one version as the catalog expects them, shard by shard, in constant memory."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache

from checks.inventory import Entry, position, segment_count
from preserve.catalog.catalog import Catalog

_KEPT = 8  # shards; what is wrong in a check lies in one


class Expected:
    """What one inventory expects."""

    def __init__(self, catalog: Catalog, inventory_id: int) -> None:
        self._catalog = catalog
        shards = catalog.shards(inventory_id)
        self._ids = [shard.id for shard in shards]
        self._starts = [shard.start for shard in shards]
        self._whole = {entry.path: entry for entry in catalog.large_files(inventory_id)}
        self._lines = lru_cache(maxsize=_KEPT)(self._read_lines)

    def files(self) -> Iterator[Entry]:
        """Every file once, in order of path, with the SHA-256 of its whole content."""
        for shard_id in self._ids:
            for path, segment, size_bytes, digest in self._catalog.record(shard_id).entries():
                if segment == 0:
                    yield self._whole[path] if segment_count(size_bytes) > 1 else Entry(path, size_bytes, digest)

    def has(self, path: bytes) -> bool:
        """Whether a file is expected at that path."""
        return (path, 0) in self._around(path, 0)

    def has_content(self, path: bytes, digest: str, segment: int) -> bool:
        """Whether the file expected at that path has this SHA-256: it, or that segment of it."""
        whole = self._whole.get(path)
        if whole is not None and whole.sha256.hex() == digest:
            return True
        return self._around(path, segment).get((path, segment), b"").hex() == digest

    def _around(self, path: bytes, segment: int) -> Mapping[tuple[bytes, int], bytes]:
        return self._lines(bisect_right(self._starts, position(path, segment)) - 1)

    def _read_lines(self, index: int) -> Mapping[tuple[bytes, int], bytes]:
        entries = self._catalog.record(self._ids[index]).entries()
        return {(path, segment): digest for path, segment, _, digest in entries}
