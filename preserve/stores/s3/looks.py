"""What the headers of an answer say of an object."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from checks.ports import Kind, Stat, StoreError

MTIME = "x-amz-meta-mtime"  # seconds since 1970, with a fraction: as rclone writes it, so that both can read it
_SECONDS = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_MOST_BYTES = 2**63 - 1
MOST_PARTS = 10_000  # "Amazon S3 multipart upload limits", Amazon S3 User Guide
_COLD = frozenset(("GLACIER", "DEEP_ARCHIVE"))  # GLACIER_IR is read at once


class Token(NamedTuple):
    """Equal only while it is the same version of an object."""

    etag: str
    size_bytes: int
    version: str
    modified: str  # by the server's clock, in seconds: alone it would not tell two changes in one second apart


@dataclass(frozen=True, slots=True)
class Seen:
    """One object, as it was when it was looked at."""

    stat: Stat
    token: Token
    sha256_said: str  # as S3 has it: base64, with `-` and the number of parts if it is of those
    cold: bool  # in a class out of which it is read only after it was brought back
    being_restored: bool
    restored: bool

    @property
    def sha256(self) -> bytes | None:
        """Of the whole object; None if S3 has none."""
        return sum_of(self.sha256_said)

    @property
    def parts(self) -> int | None:
        """How many parts its SHA-256 is made of; None if it has none, or one of the whole."""
        _, dash, count = self.sha256_said.partition("-")
        return number_of(count, MOST_PARTS) if dash else None


def seen(headers: Mapping[str, str], what: str) -> Seen:
    """Of a GET or HEAD, of a part of it too. StoreError if it does not say how large the object is."""
    size_bytes = _size(headers)
    if size_bytes is None:
        raise StoreError(f"{what}: the server does not say how large it is", cause="no size")
    token = Token(
        headers.get("etag") or "", size_bytes, headers.get("x-amz-version-id") or "", headers.get("last-modified") or ""
    )
    restore = headers.get("x-amz-restore") or ""
    return Seen(
        stat=Stat(Kind.FILE, size_bytes, token, _nanoseconds(headers.get(MTIME))),
        token=token,
        sha256_said=headers.get("x-amz-checksum-sha256") or "",
        cold=headers.get("x-amz-storage-class") in _COLD or bool(headers.get("x-amz-archive-status")),
        being_restored='ongoing-request="true"' in restore,
        restored='ongoing-request="false"' in restore,
    )


def _size(headers: Mapping[str, str]) -> int | None:
    whole = (headers.get("content-range") or "").rpartition("/")[2] or headers.get("content-length") or ""
    return number_of(whole, _MOST_BYTES)


def number_of(text: str, most: int) -> int | None:
    """A count as a server writes it; None if it is none, or too large."""
    if len(text) > 20 or not (text.isascii() and text.isdigit()):
        return None
    return found if (found := int(text)) <= most else None


def size_of(found: object) -> int | None:
    """A size in bytes as boto3 read it; None if it is none."""
    return found if isinstance(found, int) and 0 <= found <= _MOST_BYTES else None


def sum_of(text: object) -> bytes | None:
    """A SHA-256 out of base64; None if it is none."""
    if not isinstance(text, str) or len(text) != 44:
        return None
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if len(found) == 32 else None


def mtime_of(nanoseconds: int) -> str:
    """The time as the header has it."""
    return format(Decimal(nanoseconds).scaleb(-9), "f")


def _nanoseconds(text: str | None) -> int | None:
    found = _SECONDS.fullmatch(text or "")
    return int(found[1]) * 10**9 + int((found[2] or "").ljust(9, "0")) if found is not None else None
