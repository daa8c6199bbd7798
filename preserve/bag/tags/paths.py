"""Paths in manifests: how they are written (percent-encoding by version) and which ones must not be followed."""

import re

PAYLOAD = b"data/"
_ENCODED = re.compile(rb"%(0[AaDd]|25)")
_ENCODED_BEFORE_1_0 = re.compile(rb"%(0[AaDd])")
_TO_ENCODE = re.compile(rb"[\r\n%]")
_BARE_PERCENT = re.compile(rb"%(?!0[AaDd]|25)")
_UNSAFE = re.compile(rb"(?:\A|/)\.{0,2}(?:/|\Z)|\0|\A(?:~|[A-Za-z]:|\\\\)")

# A tool that decodes every %XX would climb out of the bag (RFC 8493 §5.1), though by §2.1.3 this is a name.
_CLIMBING_IF_DECODED = re.compile(rb"(?:\A|/|%2[Ff])(?:\.|%2[Ee]){2}(?:/|%2[Ff]|\Z)")

Version = tuple[int, int]
V1_0: Version = (1, 0)


def decoded(path: bytes, version: Version) -> bytes:
    """A manifest's path as the file's name: %0A, %0D and, from version 1.0 on, %25 (RFC 8493 §2.1.3)."""
    if b"%" not in path:
        return path
    pattern = _ENCODED if version >= V1_0 else _ENCODED_BEFORE_1_0
    return pattern.sub(lambda found: bytes((int(found[1], 16),)), path)


def encoded(path: bytes) -> bytes:
    """A file's name as a manifest of version 1.0 writes it."""
    return _TO_ENCODE.sub(lambda found: b"%%%02X" % found[0][0], path)


def has_bare_percent(path: bytes) -> bool:
    """Whether a written path holds a percent sign that version 1.0 would have encoded."""
    return _BARE_PERCENT.search(path) is not None


def why_written_unsafe(written: bytes, path: bytes) -> str | None:
    """Why a path as a line has it (decoded, it is `path`) must not be followed, by us or by any other tool; or None."""
    why = why_unsafe(path)
    if why is None and b"%" in written and _CLIMBING_IF_DECODED.search(written):
        return "with its percent signs decoded as in a URL, it has a part '..'"
    return why


def why_unsafe(path: bytes) -> str | None:
    """Why a decoded path must not be followed, or None. Parts `.`, `..` and nothing never stand in a bag's paths."""
    found = _UNSAFE.search(path)
    if found is None:
        return None
    match found[0]:
        case b"\0":
            return "it holds a NUL"
        case b"~":
            return "it begins with ~, a home folder"
        case b"\\\\":
            return "it begins with \\\\, a network path"
        case text if text.endswith(b":"):
            return "it begins with a drive letter"
        case text if text.strip(b"/") == b"..":
            return "it has a part '..'"
        case text if text.strip(b"/") == b".":
            return "it has a part '.'"
        case _:
            return "it is absolute" if path.startswith(b"/") else "it has an empty part"
