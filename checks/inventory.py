"""The expected content of a package, cut into shards whose roots are RFC 6962 tree hashes.

A record's lines are ordered by position: the path's bytes, NUL, the segment's number as eight big-endian bytes. A
path holds no NUL, so this order is the bytewise order of the whole paths. A line is its position, the file's size as
eight big-endian bytes and 32 bytes of SHA-256: of the whole file, or, for a file over SEGMENT_BYTES, of that segment.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from checks import tree

SEGMENT_BYTES = 1 << 30
SHARD_FILES = 1000
SHARD_BYTES = 1 << 30

_NUMBER = Struct(">Q").pack
_SHORT = Struct(">I").pack
_FIRST_SEGMENT = b"\0" + _NUMBER(0)
_FORMAT = b"preserve-shard/1\0sha256\0"
_WHOLE_FORMAT = b"preserve-whole/1\0sha256\0"


class Entry(NamedTuple):
    """One expected file. A tuple, because millions of them pass through here.

    `segments` holds the SHA-256 of each SEGMENT_BYTES of a file that is larger than that, else nothing.
    """

    path: bytes
    size_bytes: int
    sha256: bytes
    segments: tuple[bytes, ...] = ()


def position(path: bytes, segment: int = 0) -> bytes:
    """Where a line stands in the order of an inventory."""
    return path + b"\0" + _NUMBER(segment)


def segment_count(size_bytes: int) -> int:
    """In how many segments a file of that size is recorded; 1 means that it is recorded whole."""
    return max(1, -(-size_bytes // SEGMENT_BYTES))


def segment_length(size_bytes: int, segment: int) -> int:
    """How many bytes of a file of that size lie in that segment; 0 beyond its end."""
    return max(0, min(SEGMENT_BYTES, size_bytes - segment * SEGMENT_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The lines of one shard, in columns. `start` and `stop` are positions, half-open; empty means without end."""

    start: bytes
    stop: bytes
    paths: Sequence[bytes]
    sizes: Sequence[int]
    digests: Sequence[bytes]
    segments: Sequence[int] | None = None  # None: every line is a whole file

    def header(self) -> bytes:
        """The first leaf: format, algorithm and range, so that a root cannot stand for another range."""
        return _FORMAT + _SHORT(len(self.start)) + self.start + _SHORT(len(self.stop)) + self.stop

    def lines(self) -> list[bytes]:
        """The uncompressed lines, without the header."""
        if self.segments is None:
            return [
                path + _FIRST_SEGMENT + size + digest
                for path, size, digest in zip(self.paths, map(_NUMBER, self.sizes), self.digests, strict=True)
            ]
        columns = zip(self.paths, self.segments, self.sizes, self.digests, strict=True)
        return [position(path, seg) + _NUMBER(size) + digest for path, seg, size, digest in columns]

    def leaf_hashes(self) -> list[bytes]:
        """The hashes of the header and of each line."""
        if self.segments is None:  # like `lines`, without making millions of them twice
            hashes = [
                sha256(b"\0" + path + _FIRST_SEGMENT + size + digest).digest()
                for path, size, digest in zip(self.paths, map(_NUMBER, self.sizes), self.digests, strict=True)
            ]
        else:
            hashes = [tree.leaf_hash(line) for line in self.lines()]
        hashes.insert(0, tree.leaf_hash(self.header()))
        return hashes

    def root(self) -> bytes:
        """The shard's root, 32 bytes."""
        return tree.root_of_hashes(self.leaf_hashes())

    def entries(self) -> Iterator[tuple[bytes, int, int, bytes]]:
        """(path, segment, file's size in bytes, digest) for each line."""
        segments = self.segments if self.segments is not None else [0] * len(self.paths)
        return zip(self.paths, segments, self.sizes, self.digests, strict=True)

    def first_paths(self) -> Sequence[bytes]:
        """The paths whose first line lies in this shard, in order."""
        if self.segments is None:
            return self.paths
        return [path for path, seg in zip(self.paths, self.segments, strict=True) if seg == 0]

    @property
    def files(self) -> int:
        """Files whose first line lies in this shard, so that the sum over shards counts each file once."""
        return len(self.first_paths())

    @property
    def bytes_to_read(self) -> int:
        """Bytes that a check of this shard reads."""
        return sum(self.lengths())

    def lengths(self) -> list[int]:
        """Bytes of each line's range of its file."""
        segments = self.segments if self.segments is not None else [0] * len(self.sizes)
        return [segment_length(size, seg) for size, seg in zip(self.sizes, segments, strict=True)]


@dataclass(slots=True)
class _Gathering:
    paths: list[bytes] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    length: int = 0

    def full(self, length: int, limit: int) -> bool:
        return len(self.paths) >= SHARD_FILES * limit or (
            self.length > 0 and self.length + length > SHARD_BYTES * limit
        )

    def add_whole(self, path: bytes, size: int, digest: bytes) -> None:
        self.paths.append(path)
        self.sizes.append(size)
        self.digests.append(digest)
        self.segments.append(0)
        self.length += size

    def record(self, start: bytes, stop: bytes) -> Record:
        return Record(
            start=start,
            stop=stop,
            paths=self.paths,
            sizes=self.sizes,
            digests=self.digests,
            segments=self.segments if any(self.segments) else None,
        )


def cut(entries: Iterable[Entry], *, inherited: Sequence[bytes] = ()) -> Iterator[Record]:
    """Cuts entries, in order of their paths, into records that together cover every path that can be.

    Args:
        entries: in strictly rising bytewise order of path; ValueError otherwise.
        inherited: the starts of the predecessor's shards, in order. Unchanged ranges then keep their roots, even
            where that leaves a shard empty; a range that has grown past twice the limits is cut again.
    """
    gathering, start = _Gathering(), b""
    limit = 2 if inherited else 1
    previous = b""
    for path, size, digest, segments in entries:
        if path <= previous:
            raise ValueError(f"not in bytewise order or twice: {path!r}")
        previous = path
        if not (segments or inherited or len(gathering.paths) >= SHARD_FILES or gathering.length + size > SHARD_BYTES):
            gathering.add_whole(path, size, digest)  # nearly always, and millions of times
            continue
        for seg, (seg_digest, length) in enumerate(_lines_of(size, digest, segments)):
            for stop in _between(inherited, start, position(path, seg)) if inherited else ():
                yield gathering.record(start, stop)
                gathering, start = _Gathering(), stop
            if gathering.full(length, limit):
                stop = position(path, seg)
                yield gathering.record(start, stop)
                gathering, start = _Gathering(), stop
            gathering.paths.append(path)
            gathering.sizes.append(size)
            gathering.digests.append(seg_digest)
            gathering.segments.append(seg)
            gathering.length += length
    for stop in _between(inherited, start, None):
        yield gathering.record(start, stop)
        gathering, start = _Gathering(), stop
    yield gathering.record(start, b"")


def _lines_of(size: int, digest: bytes, segments: tuple[bytes, ...]) -> Sequence[tuple[bytes, int]]:
    if not segments and size <= SEGMENT_BYTES:
        return ((digest, size),)
    if len(segments) != segment_count(size):
        raise ValueError(f"{len(segments)} segments for a file of {size} bytes")
    return [(seg_digest, segment_length(size, seg)) for seg, seg_digest in enumerate(segments)]


def _between(cuts: Sequence[bytes], after: bytes, upto: bytes | None) -> Sequence[bytes]:
    """The inherited cuts after one position, up to another and that one included."""
    return cuts[bisect_right(cuts, after) : None if upto is None else bisect_right(cuts, upto)]


def whole_root(large_files: Sequence[Entry]) -> bytes:
    """The root over the whole-file digests of the segmented files, which no single shard can prove.

    A segmented audit implies these digests; `restore`, `replicate` and `audit --whole` compute them.
    """
    lines = [position(e.path) + _NUMBER(e.size_bytes) + e.sha256 for e in large_files]
    return tree.root([_WHOLE_FORMAT, *lines])


def inventory_root(shard_roots: Sequence[bytes], large_files: Sequence[Entry] = ()) -> bytes:
    """The root of an inventory: over its shards' roots and, where there are segmented files, `whole_root`."""
    return tree.root([*shard_roots, whole_root(large_files)] if large_files else shard_roots)
