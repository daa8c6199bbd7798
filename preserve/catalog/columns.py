"""How a shard's lines are stored: in columns, names and sizes compressed, digests as they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from struct import pack, unpack

from zstandard import ZstdCompressor, ZstdError, decompress

from checks.inventory import Entry, Record, segment_count
from preserve.errors import CatalogError

_LEVEL = 3


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
    """The record again; CatalogError if what is stored cannot be one."""
    try:
        paths = decode_paths(stored.paths)
        record = Record(
            start=start,
            stop=stop,
            paths=paths,
            sizes=_numbers_of(decompress(stored.sizes)),
            digests=_digests_of(stored.digests),
            segments=None if stored.segments is None else _numbers_of(decompress(stored.segments)),
        )
    except (ZstdError, ValueError) as error:
        raise CatalogError("a shard's record in the catalog is damaged", remedy=_REMEDY) from error
    if not len(record.paths) == len(record.sizes) == len(record.digests):
        raise CatalogError("a shard's record in the catalog is damaged", remedy=_REMEDY)
    return record


_REMEDY = "Restore the catalog from a backup."


def decode_paths(stored: bytes) -> list[bytes]:
    """The paths of a record's lines. No path is empty, so nothing stored means no lines."""
    joined = decompress(stored)
    return joined.split(b"\0") if joined else []


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
    content = decompress(stored)
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
    return [stored[at : at + 32] for at in range(0, len(stored), 32)]
