"""An index of parts of names: for each block of about a thousand files, which three bytes follow each other there.

The pairs and triples of bytes of all names in a block, ASCII letters made small, fall into BUCKETS; for each bucket a
bitmap says which blocks have something in it. A text can only occur in blocks that have all of its triples, so a
search decompresses few of them, and none that it needs is ever left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

BUCKETS = 1 << 14
BLOCK_FILES = 1000
MOST_BLOCKS = 1 << 12  # of one index, so that a bitmap is at most 512 bytes


def fold(name: bytes) -> bytes:
    """The form in which names are compared: ASCII letters small, all else as it is."""
    return name.lower()


def buckets_of_names(paths: Sequence[bytes]) -> set[int]:
    """The buckets of all pairs and triples in these sorted paths."""
    text = fold(b"\0".join(_new_parts(paths)))
    triples = {triple for triple in zip(text, text[1:], text[2:], strict=False) if 0 not in triple}
    pairs = {pair for pair in pairwise(text) if 0 not in pair}
    return {_bucket(*triple) for triple in triples} | {_bucket(*pair) for pair in pairs}


def buckets_of_text(text: bytes) -> set[int]:
    """The buckets that a block must have for this folded text to occur in it; none for a single byte."""
    if len(text) > 2:
        return {_bucket(*triple) for triple in zip(text, text[1:], text[2:], strict=False)}
    return {_bucket(*text)} if len(text) == 2 else set()


def _bucket(first: int, second: int, third: int = 0) -> int:
    return ((first << 16 | second << 8 | third) * 0x9E3779B1 >> 10) % BUCKETS


def _new_parts(paths: Sequence[bytes]) -> Iterator[bytes]:
    """Of each path what its predecessor does not begin with, and the two bytes before that."""
    before = b""
    for path in paths:
        length = min(len(path), len(before))
        differing = int.from_bytes(path[:length], "big") ^ int.from_bytes(before[:length], "big")
        common = length - (differing.bit_length() + 7) // 8
        yield path[common - 2 :] if common > 2 else path
        before = path


class Slices:
    """The bitmaps of one index, by bucket."""

    def __init__(self) -> None:
        self.starts: list[int] = []  # each block's first shard
        self.last_shard = 0
        self._bitmaps: dict[int, int] = {}

    def add(self, first_shard: int, last_shard: int, paths: Iterable[Sequence[bytes]]) -> None:
        """Adds the next block."""
        bit = 1 << len(self.starts)
        self.starts.append(first_shard)
        self.last_shard = last_shard
        for bucket in set().union(*(buckets_of_names(some) for some in paths)):
            self._bitmaps[bucket] = self._bitmaps.get(bucket, 0) | bit

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """(bucket, bitmap) as they are stored."""
        for bucket, bitmap in sorted(self._bitmaps.items()):
            yield bucket, bitmap.to_bytes((bitmap.bit_length() + 7) // 8, "little")


def blocks_of(bitmaps: Iterable[bytes], count: int) -> Iterator[int]:
    """The blocks, out of `count`, that are in all of these stored bitmaps."""
    left = (1 << count) - 1
    for bitmap in bitmaps:
        left &= int.from_bytes(bitmap, "little")
    while left:
        lowest = left & -left
        yield lowest.bit_length() - 1
        left ^= lowest
