"""What turned good bytes into bad ones, as far as the bytes tell: whether to suspect a disk or a hand.

Single bits speak of memory or cables, zeroed blocks of a medium or a power cut, a cut end of a full disk, line ends of
a transfer that meant to help, anything else of a program or a person.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

BLOCK_BYTES = 512  # the smallest that a medium loses at once
_MOST_BITS = 64  # more single bits than this are no accident of single bits
_LOOKED_INTO = 4096  # differing blocks that are looked into byte by byte; beyond, only wholly zeroed ones are known
_LINES_BYTES = 64 << 20  # files longer than this are not compared line by line


class Cause(StrEnum):
    """The kind of a damage."""

    ZEROED = "zeroed-blocks"
    TRUNCATED = "truncated"
    APPENDED = "appended"
    SINGLE_BITS = "single-bits"
    LINE_ENDS = "line-ends"
    OTHER = "other-content"
    SAME = "no-difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a comparison came to. Offsets and counts are bytes, `bits` those that differ, as far as both are long."""

    cause: Cause
    good_bytes: int
    bad_bytes: int
    differing_bytes: int = 0
    bits: int = 0
    first_offset: int | None = None

    @property
    def words(self) -> str:
        """For people."""
        if self.cause is Cause.SINGLE_BITS:
            return f"{self.bits} bit{'s' if self.bits > 1 else ''} flipped, first at byte {self.first_offset:,}"
        if self.cause is Cause.ZEROED:
            return f"{self.differing_bytes:,} bytes zeroed, first at byte {self.first_offset:,}"
        if self.cause is Cause.TRUNCATED:
            return f"cut off after {self.bad_bytes:,} of {self.good_bytes:,} bytes"
        if self.cause is Cause.APPENDED:
            return f"{self.bad_bytes - self.good_bytes:,} bytes appended"
        if self.cause is Cause.LINE_ENDS:
            return "line ends changed"
        if self.cause is Cause.SAME:
            return "no difference was seen when both were compared"
        first = "" if self.first_offset is None else f", from byte {self.first_offset:,}"
        return f"other content ({self.bad_bytes:,} bytes where {self.good_bytes:,} were){first}"


class Comparison:
    """Compares a stream of good bytes with a bad file that is read beside it.

    Args:
        read_bad: gives so many bytes of the bad file, fewer only at its end.
    """

    def __init__(self, read_bad: Callable[[int], bytes]) -> None:
        self._read_bad = read_bad
        self._good_bytes = self._bad_bytes = 0
        self._differing = self._bits = self._looked_into = 0
        self._first: int | None = None
        self._only_zeroed = self._only_bits = True
        self._good_lines, self._bad_lines = _Lines(), _Lines()

    def update(self, good: memoryview) -> None:
        """Takes the next good bytes, in order."""
        bad = self._read_bad(len(good))
        self._good_lines.update(good)
        self._bad_lines.update(bad)
        if good[: len(bad)] != bad:
            self._compare(bytes(good[: len(bad)]), bad)
        self._good_bytes += len(good)
        self._bad_bytes += len(bad)

    def _compare(self, good: bytes, bad: bytes) -> None:
        for at in range(0, len(bad), BLOCK_BYTES):
            one, other = good[at : at + BLOCK_BYTES], bad[at : at + BLOCK_BYTES]
            if one != other:
                self._block(self._good_bytes + at, one, other)

    def _block(self, offset: int, good: bytes, bad: bytes) -> None:
        self._looked_into += 1
        if self._looked_into > _LOOKED_INTO:
            self._differing += len(bad)
            self._only_zeroed = self._only_zeroed and not any(bad)
            self._only_bits = False
            return
        places = [place for place, (one, other) in enumerate(zip(good, bad, strict=True)) if one != other]
        if self._first is None:
            self._first = offset + places[0]
        self._differing += len(places)
        flipped = [(good[place] ^ bad[place]).bit_count() for place in places]
        self._bits += sum(flipped)
        self._only_bits = self._only_bits and set(flipped) == {1} and self._differing <= _MOST_BITS
        self._only_zeroed = self._only_zeroed and not any(bad[place] for place in places)

    def conclude(self) -> Diagnosis:
        """What it came to, once all good bytes were handed in. Reads the rest of the bad file."""
        while rest := self._read_bad(1 << 20):
            self._bad_lines.update(rest)
            self._bad_bytes += len(rest)
        return Diagnosis(
            cause=self._cause(),
            good_bytes=self._good_bytes,
            bad_bytes=self._bad_bytes,
            differing_bytes=self._differing,
            bits=self._bits,
            first_offset=self._first,
        )

    def _cause(self) -> Cause:
        if self._differing == 0:
            if self._bad_bytes == self._good_bytes:
                return Cause.SAME
            return Cause.TRUNCATED if self._bad_bytes < self._good_bytes else Cause.APPENDED
        lines = self._good_lines.digest()
        if lines is not None and lines == self._bad_lines.digest():
            return Cause.LINE_ENDS
        if self._bad_bytes != self._good_bytes:
            return Cause.OTHER
        if self._only_bits:
            return Cause.SINGLE_BITS
        return Cause.ZEROED if self._only_zeroed else Cause.OTHER


class _Lines:
    """The digest of a text without regard to how its lines end."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._left = _LINES_BYTES
        self._pending = b""  # a carriage return whose line feed may come with the next bytes

    def update(self, data: memoryview | bytes) -> None:
        if self._left < 0:
            return
        self._left -= len(data)
        text = self._pending + bytes(data)
        self._pending = text[-1:] if text.endswith(b"\r") else b""
        text = text[: len(text) - len(self._pending)]
        self._hash.update(text.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))

    def digest(self) -> bytes | None:
        """None if it was too long to be told."""
        if self._left < 0:
            return None
        whole = self._hash.copy()
        whole.update(b"\n" if self._pending else b"")
        return whole.digest()
