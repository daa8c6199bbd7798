"""An index of parts of names: for each block of about a thousand files, which bytes follow each other there.

All runs of two, three and four bytes in the names of a block, ASCII letters made small, fall into BUCKETS; for each
bucket a bitmap says which blocks have something in it. A text can only occur in blocks that have all of its runs of
four, so a search decompresses few of them, and none that it needs is ever left out.
"""

from collections.abc import Iterable, Iterator, Sequence

BUCKETS = 1 << 16
BLOCK_FILES = 1000
MOST_BLOCKS = 1 << 12  # of one index, so that a bitmap is at most 512 bytes


def fold(name: bytes) -> bytes:
    """The form in which names are compared: ASCII letters small, all else as it is."""
    return name.lower()


def buckets_of_names(paths: Sequence[bytes]) -> set[int]:
    """The buckets of all runs of two to four bytes in these sorted paths."""
    text = fold(b"\0".join(_new_parts(paths))) + b"\0\0"
    longest = set(zip(text, text[1:], text[2:], text[3:], strict=False))
    # What is shorter is the beginning of something longer, if need be with the NULs after it.
    triples = {run[:3] for run in longest}
    pairs = {run[:2] for run in triples}
    return {_bucket(run) for runs in (longest, triples, pairs) for run in runs if 0 not in run}


def buckets_of_text(text: bytes) -> set[int]:
    """The buckets that a block must have for this folded text to occur in it; none for a single byte."""
    length = min(len(text), 4)
    return {_bucket(text[at : at + length]) for at in range(len(text) - length + 1)} if length > 1 else set()


def _bucket(run: Iterable[int]) -> int:
    """The same in every process, unlike Python's own hash."""
    return (int.from_bytes(run, "big") * 0x9E3779B1 >> 8) % BUCKETS


def _new_parts(paths: Sequence[bytes]) -> Iterator[bytes]:
    """Of each path what its predecessor does not begin with, and the three bytes before that."""
    before = b""
    for path in paths:
        length = min(len(path), len(before))
        differing = int.from_bytes(path[:length], "big") ^ int.from_bytes(before[:length], "big")
        common = length - (differing.bit_length() + 7) // 8
        yield path[common - 3 :] if common > 3 else path
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
