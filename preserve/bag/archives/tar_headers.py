"""Headers of tar archives (POSIX.1-2017 pax, ustar, GNU, V7): one block of bytes in, plain values out."""

import re
from struct import unpack_from
from typing import NamedTuple

BLOCK_BYTES = 512
_CHECKSUM = slice(148, 156)
_USTAR = b"ustar\0"
_STAR_END = b"tar\0"
_PAX_RECORD = re.compile(rb"(\d{1,9}) ")
_MOST_SIZE = (1 << 63) - 1


class Header(NamedTuple):
    """One header block: `kind` is its type flag, one byte. A tuple, because millions of them pass."""

    name: bytes
    kind: bytes
    size_bytes: int


def parse(block: bytes) -> Header | None:
    """The header in a block of 512 bytes, or None if it is none: its checksum is wrong, or its size no number."""
    stated = _number(block[_CHECKSUM])
    if stated is None or (stated != _checksum(block) and stated != _old_checksum(block)):
        return None
    size_bytes = _number(block[124:136])
    if size_bytes is None or not 0 <= size_bytes <= _MOST_SIZE:
        return None
    name = _text(block[:100])
    if block[257:263] == _USTAR:
        # In the star format, times stand in the last bytes of the field.
        prefix = _text(block[345 : 476 if block[508:512] == _STAR_END else 500])
        name = prefix + b"/" + name if prefix else name
    return Header(name, block[156:157], size_bytes)


def _checksum(block: bytes) -> int:
    """The sum with the checksum's own field as spaces."""
    return sum(block) - sum(block[_CHECKSUM]) + 8 * 32


def _old_checksum(block: bytes) -> int:
    """Some old programs took the bytes as signed."""
    signed: tuple[int, ...] = unpack_from("148b8x356b", block)
    return sum(signed) + 8 * 32


def _number(field: bytes) -> int | None:
    """Octal digits, or (GNU) a binary number behind the bit 0x80; 0 if there is nothing."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (0 if field[0] == 0x80 else 256 ** (len(field) - 1))
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    return int(digits, 8) if re.fullmatch(rb"[0-7]+", digits) else None


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def pax_records(content: bytes) -> dict[bytes, bytes] | None:
    """The keys and values of a pax header (`length key=value` and a line feed, each); None if they are not that."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        if content[at] == 0:
            return None if content[at:].strip(b"\0") else found  # some programs fill up with NUL
        match = _PAX_RECORD.match(content, at)
        if match is None:
            return None
        end = at + int(match[1])
        if end <= match.end() or end > len(content) or content[end - 1] != 0x0A:
            return None
        key, equals, value = content[match.end() : end - 1].partition(b"=")
        if not equals:
            return None
        found[key] = value
        at = end
    return found


def pax_size(records: dict[bytes, bytes]) -> int | None:
    """The size that a pax header states for the member after it; None if none, ValueError if it is no number."""
    stated = records.get(b"size")
    if stated is None:
        return None
    if not re.fullmatch(rb"\d{1,19}", stated) or int(stated) > _MOST_SIZE:
        raise ValueError("a size that is not a number")
    return int(stated)
