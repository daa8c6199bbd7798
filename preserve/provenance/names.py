"""Names of files in XML, which holds neither control characters nor bytes that are not UTF-8; and their UUIDs.

A name that XML holds stands there as it is. Any other stands percent-encoded (RFC 3986 §2.1), and `simpleLink` holds
the same URI reference as a mark: where there is no mark, a percent sign is a percent sign. The location in the bag is
always percent-encoded; its type says so. Both ways back are here.
"""

import re
from hashlib import sha1
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID

from premis.model import OriginalName

# C0 (tabulator and line ends too, which readers of XML fold), DEL, C1, surrogates, and the two that are no characters.
_NOT_PLAIN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def object_uuid(package: UUID, path: bytes) -> UUID:
    """The UUIDv5 of a path in a package (RFC 9562 §5.5): its bytes are the name, whether they are UTF-8 or not.

    For names that are UTF-8 it is what `uuid.uuid5(package, path)` gives. Other names are not decoded or encoded
    first, because two different names could then come out alike.
    """
    return UUID(bytes=sha1(package.bytes + path, usedforsecurity=False).digest()[:16], version=5)


def to_original_name(name: bytes) -> OriginalName:
    """A name for `originalName`, encoded and marked only if it has to be."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = "\x00"
    if _NOT_PLAIN.search(text) is None:
        return OriginalName(text)
    encoded = to_location(name)
    return OriginalName(encoded, encoded)


def from_original_name(name: OriginalName) -> bytes:
    """The inverse of `to_original_name`."""
    return name.text.encode("utf-8") if name.link is None else from_location(name.text)


def to_location(path: bytes) -> str:
    """The bytes of a path as a relative reference of RFC 3986."""
    return quote(path, safe="/")


def from_location(value: str) -> bytes:
    """The inverse of `to_location`."""
    return unquote_to_bytes(value)


def printable(text: str) -> str:
    """A text for people, where what XML cannot hold has become a visible code."""
    return _NOT_PLAIN.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    point = ord(match[0])
    # Undecodable bytes come from the file system as lone surrogates.
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
