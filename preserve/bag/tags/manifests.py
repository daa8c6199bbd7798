"""Manifests (RFC 8493 §2.1.3, §2.2.1): read a line at a time into sortable records, payload and tag manifests apart."""

import re
from binascii import Error as HexError
from binascii import hexlify, unhexlify
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from checks.algorithms import DIGEST_BYTES, normalised
from checks.names import show
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from preserve.bag.tags.lines import LINE_LIMIT_BYTES, is_utf8
from preserve.bag.tags.paths import PAYLOAD, V1_0, Version, decoded, encoded, has_bare_percent, why_written_unsafe

FETCH_COLUMN = 0xFFFF  # fetch.txt's entries are sorted among the manifests'
_NAME = re.compile(rb"(tag)?manifest-([!-~]+)\.txt\Z", re.IGNORECASE)
_LINE = re.compile(rb"([^ \t]+)([ \t]+)([^ \t].*)\Z", re.DOTALL)
_UNESCAPED = re.compile(rb"\\[\\nr]")
_ESCAPES = {rb"\\": b"\\", rb"\n": b"\n", rb"\r": b"\r"}
_SLASH = ord("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One manifest of a bag. `digest_bytes` is 0 if its algorithm is not known here."""

    name: bytes
    algorithm: str
    column: int
    of_payload: bool

    @property
    def normalised_name(self) -> bytes:
        """The name that the RFC asks for (§2.4): the algorithm in lower case, letters and digits only."""
        return manifest_name(self.algorithm, of_payload=self.of_payload)

    @property
    def digest_bytes(self) -> int:
        return DIGEST_BYTES.get(self.algorithm, 0)


class Claim(NamedTuple):
    """What one manifest says of one file."""

    column: int
    line: int
    digest: bytes


class Expected(NamedTuple):
    """One listed file and what the manifests say of it, in the order of their columns."""

    path: bytes
    claims: list[Claim]


def manifests_among(names: Iterable[bytes]) -> list[Manifest]:
    """The manifests among the names of a bag's top folder, in bytewise order; each has a column of its own."""
    found = [(name, match) for name in sorted(names) if (match := _NAME.match(name))]
    return [
        Manifest(name=name, algorithm=normalised(match[2].decode("ascii")), column=column, of_payload=match[1] is None)
        for column, (name, match) in enumerate(found)
    ]


def is_tag_manifest(name: bytes) -> bool:
    """Whether a file in a bag's top folder is a tag manifest by its name."""
    match = _NAME.match(name)
    return match is not None and match[1] is not None


def manifest_name(algorithm: str, *, of_payload: bool) -> bytes:
    """The file name of a normalised algorithm's manifest."""
    return b"%smanifest-%s.txt" % (b"" if of_payload else b"tag", algorithm.encode("ascii"))


def manifest_line(digest: bytes, path: bytes) -> bytes:
    """A line as version 1.0 writes it."""
    return hexlify(digest) + b"  " + encoded(path) + b"\n"


def record(path: bytes, column: int, line: int, digest: bytes) -> bytes:
    """A claim that sorts by path, then column, then line. A path holds no NUL, so whole paths are compared."""
    return path + b"\0" + column.to_bytes(2) + line.to_bytes(5) + digest


def grouped(records: Iterable[bytes]) -> Iterator[Expected]:
    """Sorted records, file by file."""
    path, claims = b"", list[Claim]()
    for item in records:
        name, _, rest = item.partition(b"\0")
        claim = Claim(int.from_bytes(rest[:2]), int.from_bytes(rest[2:7]), rest[7:])
        if name == path:
            if not _told_enough(claims, claim):
                claims.append(claim)
            continue
        if claims:
            yield Expected(path, claims)
        path, claims = name, [claim]
    if claims:
        yield Expected(path, claims)


def _told_enough(claims: Sequence[Claim], another: Claim) -> bool:
    """Whether a further line of a manifest on a file says nothing new: one name can fill a manifest of gigabytes.

    Two lines show that it stands there twice; one more is wanted only if it is the first with another digest.
    """
    if len(claims) < 2 or not claims[-2].column == claims[-1].column == another.column:
        return False
    return claims[-1].digest == another.digest or claims[-2].digest != claims[-1].digest


class ManifestReader:
    """Turns one manifest's lines into records, and its faults into findings."""

    def __init__(self, manifest: Manifest, version: Version, encoding: str) -> None:
        self._manifest = manifest
        self._version = version
        self._encoding = encoding

    def read(self, lines: Iterable[tuple[int, bytes | None]]) -> Iterator[bytes | Finding]:
        """Records and findings as they come. Lines are UTF-8; None is a line that was too long."""
        digits_count = 2 * self._manifest.digest_bytes if self._manifest.of_payload else 0
        digits_count = digits_count or -1  # of an algorithm not known here, every line is looked at with care
        column = b"\0" + self._manifest.column.to_bytes(2)
        for number, line in lines:
            # The plain line is decided here, in few steps: there are millions of them. Below data/ a path is unsafe
            # only with an empty part, a part that begins with a full stop (few do; they are looked at), or a NUL.
            digits, _, path = (line or b"").partition(b" ")
            if len(digits) == digits_count:
                path = path.lstrip(b" \t")
                if (
                    path.startswith(PAYLOAD)
                    and path[-1] != _SLASH
                    and b"%" not in path
                    and b"/." not in path
                    and b"//" not in path
                    and b"\0" not in path
                    and (path.isascii() or is_utf8(path))
                ):
                    try:
                        yield path + column + number.to_bytes(5) + unhexlify(digits)  # as `record` makes it
                        continue
                    except HexError:
                        pass
            yield from self._carefully(number, line)

    def _carefully(self, number: int, line: bytes | None) -> Iterator[bytes | Finding]:
        if line is None:
            yield self._found(Code.LINE_TOO_LONG, number, limit_bytes=LINE_LIMIT_BYTES)
            return
        if not line.strip(b" \t"):
            yield self._found(Code.LINE_BLANK, number)
            return
        if not is_utf8(line):
            yield self._found(Code.ENCODING_INVALID, number, encoding=self._encoding)
            return
        cut = _LINE.match(line)
        if cut is None or cut[1].startswith(b"#"):
            yield self._found(Code.LINE_MALFORMED, number)
            return
        digits, space, written = cut[1], cut[2], cut[3]
        if escaped := digits.startswith(b"\\"):  # md5sum says so that it wrote \\ and \n for what is in the name
            digits, written = digits[1:], _UNESCAPED.sub(lambda found: _ESCAPES[found[0]], written)
        written, prefix = _without_prefix(written, space, of_payload=self._manifest.of_payload)
        path = written if escaped else decoded(written, self._version)
        if escaped:
            yield self._found(Code.FOREIGN_PREFIX, number, path, prefix="\\")
        if prefix:
            yield self._found(Code.FOREIGN_PREFIX, number, path, prefix=prefix)
        if self._version >= V1_0 and not escaped and has_bare_percent(written):
            yield self._found(Code.PERCENT_UNENCODED, number, path)
        refusal = self._refusal(number, written, path)
        if refusal is not None:
            yield refusal
            return
        try:
            digest = unhexlify(digits)
        except HexError:
            digest = b""
        if self._manifest.digest_bytes == 0:
            digest = b""  # nothing here can compute it: the name counts, the content is not judged by this line
        elif len(digest) != self._manifest.digest_bytes:
            yield self._found(Code.DIGEST_MALFORMED, number, path, algorithm=self._manifest.algorithm)
            digest = b""
        yield record(path, self._manifest.column, number, digest)

    def _refusal(self, number: int, written: bytes, path: bytes) -> Finding | None:
        why = why_written_unsafe(written, path)
        if why is not None:
            return self._found(Code.UNSAFE_PATH, number, path, why=why)
        if self._manifest.of_payload and not path.startswith(PAYLOAD):
            return self._found(Code.NOT_PAYLOAD, number, path)
        if not self._manifest.of_payload:
            if path.startswith(PAYLOAD):
                return self._found(Code.NOT_A_TAG_FILE, number, path, what="payload files")
            if self._version >= V1_0 and is_tag_manifest(path):
                return self._found(Code.NOT_A_TAG_FILE, number, path, what="tag manifests")
        return None

    def _found(self, code: Code, number: int, path: bytes | None = None, **parameters: object) -> Finding:
        if code is Code.FOREIGN_PREFIX:
            parameters["prefix"] = show(str(parameters["prefix"]).encode())
        return Finding(code=code, file=self._manifest.name, line=number, path=path, parameters=parameters)


def _without_prefix(path: bytes, space: bytes, *, of_payload: bool) -> tuple[bytes, str]:
    """Takes off what md5sum (`*`) and find (`./`) put before a path, where it cannot belong to the name."""
    if path.startswith(b"*") and (path[1:].startswith(PAYLOAD) if of_payload else space == b" "):
        return path[1:], "*"
    if path.startswith(b"./"):
        return path[2:], "./"
    return path, ""
