"""`fetch.txt` (RFC 8493 §2.2.3): files that are listed and lie elsewhere. Nothing is fetched here, no host judged."""

import re
from collections.abc import Iterable, Iterator

from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.lines import LINE_LIMIT_BYTES, is_utf8
from preserve.bag.tags.manifests import FETCH_COLUMN, record
from preserve.bag.tags.paths import PAYLOAD, V1_0, Version, decoded, why_written_unsafe

NAME = b"fetch.txt"
USUAL_SCHEMES = frozenset({b"http", b"https", b"ftp", b"ftps", b"sftp", b"s3"})
_LINE = re.compile(rb"([^ \t]+)[ \t]+([^ \t]+)[ \t]+([^ \t].*)\Z", re.DOTALL)
_LENGTH = re.compile(rb"(?:-|[0-9]+)\Z")
_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):.")
# absolute-URI of RFC 3986 §4.3: no fragment, and what has no place in a URI is percent-encoded.
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+\Z")


def read(lines: Iterable[tuple[int, bytes | None]], version: Version, encoding: str) -> Iterator[bytes | Finding]:
    """Records of the listed paths (in FETCH_COLUMN; the stated length stands for a digest), and the faults."""
    for number, line in lines:
        if line is None:
            yield _found(Code.LINE_TOO_LONG, number, limit_bytes=LINE_LIMIT_BYTES)
        elif not is_utf8(line):
            yield _found(Code.ENCODING_INVALID, number, encoding=encoding)
        elif not line.strip(b" \t") and version < V1_0:
            yield _found(Code.LINE_BLANK, number)
        else:
            yield from _entry(number, line, version)


def _entry(number: int, line: bytes, version: Version) -> Iterator[bytes | Finding]:
    cut = _LINE.match(line)
    if cut is None:
        yield _found(Code.FETCH_MALFORMED, number, why=_why_not_cut(line))
        return
    url, length, written = cut[1], cut[2], cut[3]
    path = decoded(written, version)
    scheme = _SCHEME.match(url)
    if scheme is None or (version >= V1_0 and _ABSOLUTE.match(url) is None):
        why = "its URL has no scheme" if scheme is None else "its URL holds what must be percent-encoded, or a '#'"
        yield _found(Code.FETCH_MALFORMED, number, path, why=why)
    elif scheme[1].lower() not in USUAL_SCHEMES:
        yield _found(Code.FETCH_SCHEME_UNUSUAL, number, path, scheme=show(scheme[1]))
    if _LENGTH.match(length) is None:
        yield _found(Code.FETCH_MALFORMED, number, path, why="its length is neither a number of bytes nor '-'")
        length = b"-"
    if (unsafe := why_written_unsafe(written, path)) is not None:
        yield _found(Code.UNSAFE_PATH, number, path, why=unsafe)
    elif not path.startswith(PAYLOAD):
        yield _found(Code.FETCH_MALFORMED, number, path, why="its path is not below data/")
    else:
        yield record(path, FETCH_COLUMN, number, b"" if length == b"-" else length.lstrip(b"0") or b"0")


def _why_not_cut(line: bytes) -> str:
    if not line.strip(b" \t"):
        return "it is blank"
    if line[:1] in (b" ", b"\t"):
        return "it begins with white space"
    return "it has fewer than three fields"


def _found(code: Code, number: int, path: bytes | None = None, **parameters: object) -> Finding:
    return Finding(code=code, file=NAME, line=number, path=path, parameters=parameters)
