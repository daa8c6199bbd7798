"""The central directory of a zip file (APPNOTE 6.3.10), entry by entry, without holding it."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from preserve.bag.archives.limits import DamagedError
from preserve.bag.archives.packed import PackedFile

_END = Struct("<4s4H2LH")
_LOCATOR = Struct("<4sLQL")
_END_64 = Struct("<4sQ2H2L4Q")
_CENTRAL = Struct("<4s6H3L5H2L")
_LOCAL = Struct("<4s5H3L2H")
_MOST_COMMENT_BYTES = 0xFFFF
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_UNIX = 3
DESCRIBED_AFTER, PATCHED, UTF_8 = 1 << 3, 1 << 5, 1 << 11
ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13  # itself, strongly, or its headers


class ZipEntry(NamedTuple):
    """What a header says of one member; `local_place` is where its local header stands.

    A tuple, because millions of them pass.
    """

    name: bytes
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    local_place: int = 0
    needs: int = 0  # the version of the format that a reader must know, times ten
    unix_mode: int = 0  # 0 where the program that made it knew of none
    made_on_unix: bool = False
    unicode_name: bytes | None = None  # of an extra field, if it belongs to this name


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory stands, and how many entries it says there are."""

    place: int
    size_bytes: int
    entries: int


def directory_of(packed: PackedFile) -> Directory:
    """DamagedError if there is none, it is not where its end says, or something stands behind it."""
    tail_place = max(0, packed.size_bytes - _END.size - _MOST_COMMENT_BYTES)
    tail = packed.read_at(tail_place, packed.size_bytes - tail_place)
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and (len(tail) - at < _END.size or at + _END.size + _END.unpack_from(tail, at)[7] != len(tail)):
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise DamagedError(
            "a zip file ends with the list of its files, and this one does not; "
            "it is cut off, or something was put behind it"
        )
    _, disk, first_disk, here, entries, size_bytes, place, _ = _END.unpack_from(tail, at)
    end = tail_place + at
    locator = packed.read_at(max(0, end - _LOCATOR.size), _LOCATOR.size) if end >= _LOCATOR.size else b""
    if locator.startswith(b"PK\6\7"):
        end = _LOCATOR.unpack(locator)[2]
        record = packed.read_at(end, _END_64.size)
        if len(record) < _END_64.size or not record.startswith(b"PK\6\6"):
            raise DamagedError("its zip64 directory is not where it is said to be")
        _, _, _, _, disk, first_disk, here, entries, size_bytes, place = _END_64.unpack(record)
    if disk or first_disk or here != entries:
        raise DamagedError("it is one part of several")
    if place + size_bytes != end:
        raise DamagedError("its directory is not where it is said to be")
    return Directory(place, size_bytes, entries)


def entries_of(packed: PackedFile, directory: Directory) -> Iterator[tuple[int, ZipEntry]]:
    """Each entry with its place in the file; DamagedError where they do not fill the directory, or are not as many."""
    at, end, count = directory.place, directory.place + directory.size_bytes, 0
    held, held_at = b"", at
    while at < end:
        if at + (3 << 16) + _CENTRAL.size > held_at + len(held) and held_at + len(held) < end:
            held, held_at = packed.read_at(at, min(1 << 20, end - at)), at
        entry, length = _central(held, at - held_at, at)
        yield at, entry
        at += length
        count += 1
    if count != directory.entries or at != end:
        raise DamagedError(f"its directory holds {count} members and says {directory.entries}")


def entry_at(packed: PackedFile, place: int) -> ZipEntry:
    """The entry of the directory that stands there; DamagedError if none does any more."""
    return _central(packed.read_at(place, _CENTRAL.size + (3 << 16)), 0, place)[0]


def local_entry(packed: PackedFile, place: int) -> tuple[ZipEntry, int]:
    """What a member's own header says, and where its content begins."""
    fixed = packed.read_at(place, _LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(b"PK\3\4"):
        raise DamagedError(f"no member stands at byte {place}, where one should")
    _, _, flags, method, _, _, crc, packed_bytes, size_bytes, name_bytes, extra_bytes = _LOCAL.unpack(fixed)
    rest = packed.read_at(place + _LOCAL.size, name_bytes + extra_bytes)
    wide = _fields(rest[name_bytes:]).get(_ZIP64, b"")
    size_bytes, wide = _wide(size_bytes, wide)
    packed_bytes, wide = _wide(packed_bytes, wide)
    entry = ZipEntry(
        name=rest[:name_bytes], flags=flags, method=method, crc=crc, packed_bytes=packed_bytes, size_bytes=size_bytes
    )
    return entry, place + _LOCAL.size + name_bytes + extra_bytes


def _central(data: bytes, at: int, place: int) -> tuple[ZipEntry, int]:
    """The entry at that offset, and how long it is; `place` is for the message."""
    if len(data) - at < _CENTRAL.size or data[at : at + 4] != b"PK\1\2":
        raise DamagedError(f"no entry of its directory at byte {place}, where one should stand")
    head = _CENTRAL.unpack_from(data, at)
    _, made_by, needs, flags, method, _, _, crc, packed_bytes, size_bytes = head[:10]
    name_bytes, extra_bytes, comment_bytes, disk, _, attributes, local_place = head[10:]
    start = at + _CENTRAL.size
    length = _CENTRAL.size + name_bytes + extra_bytes + comment_bytes
    if at + length > len(data) or disk not in (0, _FULL_16):
        raise DamagedError(f"the entry of its directory at byte {place} is cut off or of another part")
    name = data[start : start + name_bytes]
    fields = _fields(data[start + name_bytes : start + name_bytes + extra_bytes])
    wide = fields.get(_ZIP64, b"")
    size_bytes, wide = _wide(size_bytes, wide)
    packed_bytes, wide = _wide(packed_bytes, wide)
    local_place, _ = _wide(local_place, wide)
    on_unix = made_by >> 8 == _UNIX
    entry = ZipEntry(
        name=name,
        flags=flags,
        method=method,
        crc=crc,
        packed_bytes=packed_bytes,
        size_bytes=size_bytes,
        local_place=local_place,
        needs=needs & 0xFF,
        unix_mode=attributes >> 16 if on_unix else 0,
        made_on_unix=on_unix,
        unicode_name=_unicode_name(fields.get(_UNICODE_PATH, b""), name),
    )
    return entry, length


def _fields(extra: bytes) -> dict[int, bytes]:
    """Extra fields by number, the first of each; what is cut off or no field is passed over."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, length = int.from_bytes(extra[at : at + 2], "little"), int.from_bytes(extra[at + 2 : at + 4], "little")
        found.setdefault(number, extra[at + 4 : at + 4 + length])
        at += 4 + length
    return found


def _wide(value: int, wide: bytes) -> tuple[int, bytes]:
    """A number that did not fit into 32 bits stands in the zip64 field, in the order of the header's."""
    if value != _FULL_32 or len(wide) < 8:
        return value, wide
    return int.from_bytes(wide[:8], "little"), wide[8:]


def _unicode_name(field: bytes, name: bytes) -> bytes | None:
    if len(field) < 5 or field[0] != 1 or int.from_bytes(field[1:5], "little") != crc32(name):
        return None
    return field[5:]
