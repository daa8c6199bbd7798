"""`fetch.txt` (RFC 8493 §2.2.3): files that are listed and lie elsewhere. Nothing is ever fetched here."""

import re
from collections.abc import Iterable, Iterator

from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.lines import LINE_LIMIT_BYTES, is_utf8
from preserve.bag.manifests import FETCH_COLUMN, record
from preserve.bag.paths import PAYLOAD, Version, decoded, why_unsafe

NAME = b"fetch.txt"
_LINE = re.compile(rb"([^ \t]+)[ \t]+(-|[0-9]{1,20})[ \t]+(.+)\Z", re.DOTALL)


def read(lines: Iterable[tuple[int, bytes | None]], version: Version, encoding: str) -> Iterator[bytes | Finding]:
    """Records of the listed paths (in FETCH_COLUMN, without a digest), and the faults."""
    for number, line in lines:
        if line is None:
            yield _found(Code.LINE_TOO_LONG, number, limit_bytes=LINE_LIMIT_BYTES)
        elif not is_utf8(line):
            yield _found(Code.ENCODING_INVALID, number, encoding=encoding)
        elif (cut := _LINE.match(line)) is None:
            yield _found(Code.FETCH_MALFORMED, number, why="it must be a URL, a length in bytes or '-', and a path")
        else:
            path = decoded(cut[3], version)
            if (why := why_unsafe(path)) is not None:
                yield _found(Code.UNSAFE_PATH, number, path, why=why)
            elif not path.startswith(PAYLOAD):
                yield _found(Code.FETCH_MALFORMED, number, path, why="its path is not below data/")
            else:
                yield record(path, FETCH_COLUMN, number, b"")


def _found(code: Code, number: int, path: bytes | None = None, **parameters: object) -> Finding:
    return Finding(code=code, file=NAME, line=number, path=path, parameters=parameters)
