"""Small grey PNG pictures (ISO/IEC 15948) without a picture library: a month's daylight as a page of an almanac."""

import struct
import zlib
from collections.abc import Sequence

WIDTH, HEIGHT = 360, 240
_PAPER, _INK, _RULE = 246, 32, 214

# Five by seven dots, a row a number, most significant dot at the left.
_FONT = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "-": (0, 0, 0, 31, 0, 0, 0),
    ":": (0, 4, 0, 0, 0, 4, 0),
}


def page(title: str, bands: Sequence[tuple[float, float]]) -> bytes:
    """A page: a title of digits, and for each day a band from sunrise to sunset.

    Args:
        bands: (begin, end) of each day as fractions of 24 hours.
    """
    rows = [bytearray([_PAPER]) * WIDTH for _ in range(HEIGHT)]
    for hour in range(0, 25, 6):
        column = 20 + hour * (WIDTH - 40) // 24
        for row in rows[44 : HEIGHT - 12]:
            row[min(column, WIDTH - 1)] = _RULE
    for number, (begin, end) in enumerate(bands):
        top = 48 + number * 6
        left, right = (20 + int(part * (WIDTH - 40)) for part in (begin, end))
        for row in rows[top : top + 4]:
            row[left:right] = bytes([120 + number % 7 * 12]) * (right - left)
    _write(rows, title, 20, 14, scale=3)
    return _png(rows)


def _write(rows: list[bytearray], text: str, left: int, top: int, *, scale: int) -> None:
    for place, character in enumerate(text):
        for line, dots in enumerate(_FONT[character]):
            for column in range(5):
                if dots >> (4 - column) & 1:
                    start = left + (place * 6 + column) * scale
                    for row in rows[top + line * scale : top + (line + 1) * scale]:
                        row[start : start + scale] = bytes([_INK]) * scale


def _png(rows: Sequence[bytearray]) -> bytes:
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
