"""A store through which one sees what a reader is given: counted, and where that is asked for, with a bit turned."""

from collections.abc import Iterator, Mapping
from typing import cast

from checks.evidence import Evidence
from checks.ports import Listed, Source, Stat, Store, WholeSource


class Watched:
    """Hands on what another store gives.

    Args:
        turned: path -> the bit of its file (0 is the highest of the first byte) that is seen turned.
        claimed: what every source says its evidence is; None leaves that to the source.
    """

    def __init__(self, store: Store, turned: Mapping[bytes, int], claimed: Evidence | None) -> None:
        self._store = store
        self._turned = turned
        self._claimed = claimed
        self.in_flight: int = getattr(store, "in_flight", 1)
        self._counts: list[int] = []  # list.append is atomic: sources are read in several threads

    @property
    def handed_out(self) -> int:
        """Bytes, until now."""
        return sum(self._counts)

    def identity(self) -> str:
        return self._store.identity()

    def stat(self, path: bytes) -> Stat:
        return self._store.stat(path)

    def listing(self, root: bytes) -> Iterator[Listed]:
        return self._store.listing(root)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        source = self._store.open(path, past_cache=past_cache, offset=offset, expected_bytes=expected_bytes)
        kind = _WatchedWhole if hasattr(source, "whole") else _Watched
        return kind(source, self._counts, self._turned.get(path), self._claimed, offset)


class _Watched:
    """A source. Its stats are those of the file as it is: nothing but its bytes tells that a bit is turned."""

    def __init__(
        self, source: Source, counts: list[int], turned: int | None, claimed: Evidence | None, offset: int
    ) -> None:
        self._source = source
        self._counts = counts
        self._turned = turned
        self._claimed = claimed
        self._position = offset

    @property
    def path(self) -> bytes:
        return self._source.path

    @property
    def evidence(self) -> Evidence:
        return self._source.evidence if self._claimed is None else self._claimed

    def stat(self) -> Stat:
        return self._source.stat()

    def readinto(self, buffer: memoryview) -> int:
        count = self._source.readinto(buffer)
        self._given(buffer, count)
        return count

    def close(self) -> None:
        self._source.close()

    def _given(self, buffer: memoryview, count: int) -> None:
        if self._turned is not None:
            byte, bit = divmod(self._turned, 8)
            if self._position <= byte < self._position + count:
                buffer[byte - self._position] ^= 0x80 >> bit
        self._position += count
        self._counts.append(count)


class _WatchedWhole(_Watched):
    """Of a source that can be read whole: so that a small file is read here as it always is."""

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        found = cast(WholeSource, self._source).whole(buffer, most_bytes)
        if found is not None:
            self._given(buffer, found[0])
        return found
