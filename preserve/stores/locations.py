"""Where a copy lies on a replica: a plain bag under the package's identifier."""

import re
from urllib.parse import unquote_to_bytes

_SAFE = re.compile(rb"[^\w.\- ]", re.ASCII)
_NAME_LIMIT_BYTES = 255
_VERSION = re.compile(rb"\.v([1-9][0-9]{0,8})\Z")


def location(identifier: str, version: int) -> bytes:
    """The folder below the replica's root for one version of a package.

    The first version lies at the identifier itself, later ones beside it (`id.v2`). What a file system or a `..` would
    stumble over is percent-encoded; letters of any script stay readable. Different identifiers never share a folder:
    `%` itself is encoded, and so is the dot of an identifier that ends like a version.
    """
    escaped = "".join(c if _plain(c) else _percent(c) for c in identifier).encode("utf-8")
    escaped = re.sub(rb"\A\.", b"%2E", escaped)
    escaped = re.sub(rb"\.(v[0-9]+)\Z", rb"%2E\1", escaped)
    escaped = re.sub(rb"[. ]\Z", lambda m: b"%%%02X" % m.group()[0], escaped)  # not kept by exFAT and NTFS
    if version > 1:
        escaped += b".v%d" % version
    if not escaped or len(escaped) > _NAME_LIMIT_BYTES:
        raise ValueError(f"an identifier of {len(escaped)} bytes cannot name a folder")
    return escaped


def named_by(folder: bytes) -> tuple[str, int] | None:
    """The inverse of `location`: identifier and version; None for a folder that `location` would never name."""
    suffix = _VERSION.search(folder)
    version = int(suffix[1]) if suffix else 1
    base = folder[: suffix.start()] if suffix and version > 1 else folder
    identifier = unquote_to_bytes(base).decode("utf-8", "surrogateescape")
    try:
        return (identifier, version) if location(identifier, version) == folder else None
    except ValueError:
        return None


def _plain(character: str) -> bool:
    if ord(character) < 0x80:
        return _SAFE.match(character.encode()) is None
    return character.isprintable() and not 0xD800 <= ord(character) <= 0xDFFF


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
