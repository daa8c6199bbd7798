"""How a shard's lines are stored: in columns, names and sizes compressed, digests as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from struct import pack, unpack

from zstandard import ZstdCompressor, ZstdError, decompress, frame_content_size

from checks.inventory import SHARD_FILES, Entry, Record, segment_count
from preserve.errors import LOOK_AT_CATALOG, UnreadableError

_DIGEST_BYTES = 32
_LEVEL = 3
# What is decompressed is bounded first: a frame of a few bytes may state gigabytes.
_PATH_BYTES = 1 << 16  # far more than a system lets one name
_MOST_LINES = 2 * SHARD_FILES  # see `checks.inventory.cut`
_TIMES = 1 << 10  # a list of large files has incompressible digests for every path, so it shrinks less than this


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a record as they are stored."""

    paths: bytes
    sizes: bytes
    digests: bytes
    segments: bytes | None


def encode(record: Record, compressor: ZstdCompressor) -> Columns:
    """A record's columns. The compressor must not be in use by another thread."""
    return Columns(
        compressor.compress(b"\0".join(record.paths)),
        compressor.compress(_numbers(record.sizes)),
        b"".join(record.digests),
        None if record.segments is None else compressor.compress(_numbers(record.segments)),
    )


def new_compressor() -> ZstdCompressor:
    return ZstdCompressor(level=_LEVEL)


def decode(start: bytes, stop: bytes, stored: Columns) -> Record:
    """The record again; UnreadableError if what is stored cannot be one."""
    lines = len(stored.digests) // _DIGEST_BYTES
    try:
        paths = decode_paths(stored.paths, lines)
        record = Record(
            start=start,
            stop=stop,
            paths=paths,
            sizes=_numbers_of(_decompressed(stored.sizes, 8 * lines)),
            digests=_digests_of(stored.digests),
            segments=None if stored.segments is None else _numbers_of(_decompressed(stored.segments, 8 * lines)),
        )
    except (ZstdError, ValueError) as error:
        raise _damaged() from error
    if not len(record.paths) == len(record.sizes) == len(record.digests):
        raise _damaged()
    return record


def _damaged() -> UnreadableError:
    return UnreadableError("a shard's record in the catalog is damaged", remedy=LOOK_AT_CATALOG)


def joined_paths(stored: bytes) -> bytes:
    """The paths of a record's lines, with NUL between; UnreadableError if there cannot be such."""
    try:
        return _decompressed(stored, _MOST_LINES * _PATH_BYTES)
    except (ZstdError, ValueError) as error:
        raise _damaged() from error


def decode_paths(stored: bytes, most: int = _MOST_LINES) -> list[bytes]:
    """The same one by one. No path is empty, so nothing stored means no lines."""
    joined = joined_paths(stored)
    if joined.count(b"\0") >= max(most, 1):
        raise _damaged()
    return joined.split(b"\0") if joined else []


def _decompressed(stored: bytes, most: int) -> bytes:
    """ValueError for more than there can be."""
    size = frame_content_size(stored)
    if not 0 <= size <= most:
        raise ValueError(f"{size} bytes where at most {most} can be")
    return decompress(stored)


def encode_entries(entries: Sequence[Entry]) -> bytes | None:
    """The inventory's list of segmented files; None where there are none."""
    if not entries:
        return None
    paths = b"\0".join(entry.path for entry in entries)
    digests = b"".join(entry.sha256 + b"".join(entry.segments) for entry in entries)
    numbers = _numbers([len(paths), *(entry.size_bytes for entry in entries)])
    return new_compressor().compress(pack(">Q", len(entries)) + numbers + paths + digests)


def decode_entries(stored: bytes | None) -> list[Entry]:
    """The inverse of `encode_entries`."""
    if stored is None:
        return []
    try:
        content = _decompressed(stored, _TIMES * len(stored))
    except (ZstdError, ValueError) as error:
        raise UnreadableError("a list of large files in the catalog is damaged", remedy=LOOK_AT_CATALOG) from error
    (count,) = unpack(">Q", content[:8])
    length, *sizes = unpack(f">{count + 1}Q", content[8 : 16 + 8 * count])
    at = 16 + 8 * count
    paths = content[at : at + length].split(b"\0")
    digests = iter(_digests_of(content[at + length :]))
    return [
        Entry(path, size, next(digests), tuple(islice(digests, segment_count(size))))
        for path, size in zip(paths, sizes, strict=True)
    ]


def _numbers(numbers: Sequence[int]) -> bytes:
    return pack(f">{len(numbers)}Q", *numbers)


def _numbers_of(stored: bytes) -> list[int]:
    return list(unpack(f">{len(stored) // 8}Q", stored))


def _digests_of(stored: bytes) -> list[bytes]:
    return [stored[at : at + _DIGEST_BYTES] for at in range(0, len(stored), _DIGEST_BYTES)]
