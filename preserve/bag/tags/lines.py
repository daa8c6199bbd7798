"""Lines of tag files: ended by LF, CR or CRLF and by nothing else (RFC 8493 §2.1.3), in bounded memory."""

import codecs
from collections.abc import Iterable, Iterator

LINE_LIMIT_BYTES = 1 << 16  # digest, URL and a path of 4,096 bytes, each of them percent-encoded, fit twice
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKS = {
    "utf-16": (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE),
    "utf-32": (codecs.BOM_UTF32_BE, codecs.BOM_UTF32_LE),
}


def split_lines(chunks: Iterable[bytes], limit: int = LINE_LIMIT_BYTES) -> Iterator[tuple[int, bytes | None]]:
    """(number from 1, line without its end) for each line; None for a line over `limit` bytes, which is not kept."""
    number, tail, skipping = 0, b"", False
    for chunk in chunks:
        data = tail + chunk
        lines = data.splitlines()  # of bytes: LF, CR and CRLF only
        tail = b""
        if lines and not data.endswith(b"\n"):  # a CR at the end may be the half of a CRLF
            tail = lines.pop()
            if data.endswith(b"\r"):
                tail += b"\r"
        for line in lines:
            number += 1
            yield number, None if skipping or len(line) > limit else line
            skipping = False
        if skipping or len(tail) > limit + 1:
            skipping, tail = True, b"\r" if tail.endswith(b"\r") else b"x"
    if tail:
        yield number + 1, None if skipping or len(tail) > limit + 1 else tail.removesuffix(b"\r")


def as_utf8(chunks: Iterable[bytes], codec: str) -> Iterator[bytes]:
    """The same text in UTF-8. For UTF-8 itself the bytes pass unseen; callers look at single lines.

    Raises:
        UnicodeError: the bytes are not of that encoding.
    """
    if codec == "utf-8":
        yield from chunks
        return
    decoder = None
    for chunk in chunks:
        if decoder is None:
            decoder = codecs.getincrementaldecoder(_with_byte_order(codec, chunk))()
        yield decoder.decode(chunk).encode("utf-8")
    if decoder is not None:
        yield decoder.decode(b"", True).encode("utf-8")


def _with_byte_order(codec: str, start: bytes) -> str:
    """Without a byte-order mark the first character tells which way round UTF-16 is: it is nearly always ASCII."""
    marks = _MARKS.get(codec)
    if marks is None or start.startswith(marks):
        return codec
    if start.startswith(b"\0"):
        return codec + "-be"
    return codec + "-le" if start[1:2] == b"\0" else codec


def is_utf8(line: bytes) -> bool:
    """Whether these bytes are UTF-8."""
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
