"""Reading files for repair: beside each other, in segments, and into what takes them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from checks.buffers import new_buffer
from checks.causes import Comparison, Diagnosis
from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence
from checks.inventory import SEGMENT_BYTES, Entry, segment_length
from checks.ports import Source, Store, StoreError
from preserve.repair.origins import Origin


@dataclass(frozen=True, slots=True)
class Piece:
    """What is to be had: a whole file, or one segment of a large one. Offsets and lengths in bytes."""

    entry: Entry
    segment: int | None = None

    @property
    def offset(self) -> int:
        return 0 if self.segment is None else self.segment * SEGMENT_BYTES

    @property
    def length(self) -> int:
        return self.entry.size_bytes if self.segment is None else segment_length(self.entry.size_bytes, self.segment)

    @property
    def sha256(self) -> bytes:
        return self.entry.sha256 if self.segment is None else self.entry.segments[self.segment]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Why what was read is not good (empty if it is), and by what evidence it was read."""

    fault: str
    evidence: Evidence
    unread: bool = False  # it could not be read, or changed meanwhile: it may be good


def fetch(
    origin: Origin, piece: Piece, sinks: Sequence[Callable[[memoryview], None]] = (), *, alone: bool = False
) -> Fetched:
    """Reads a piece from an origin into the sinks, digesting it on the way.

    Args:
        alone: the origin's file holds the piece and nothing else.
    """
    size = piece.length if alone else piece.entry.size_bytes
    offset = 0 if alone else piece.offset

    def sink(buffer: memoryview) -> None:
        for each in sinks:
            each(buffer)

    reading = Digester(("sha256",)).read(
        Wanted(
            path=piece.entry.path,
            open=partial(origin.store.open, origin.path, past_cache=True, offset=offset, expected_bytes=size),
            expected_bytes=size,
            offset=offset,
            length=None if alone or piece.segment is None else piece.length,
            most_bytes=size,
            sink=sink,
        )
    )
    good = reading.sound and reading.size_bytes == size and reading.digests["sha256"] == piece.sha256
    return Fetched("" if good else _fault(reading), reading.evidence, bool(reading.problem) or reading.changed)


def _fault(reading: Reading) -> str:
    if reading.missing:
        return "it is not there"
    if reading.problem:
        return f"it could not be read ({reading.problem})"
    return "it changed while it was read" if reading.changed else "its content is not what was taken in"


def segment_now(store: Store, path: bytes, piece: Piece) -> tuple[str | None, object]:
    """SHA-256 (hex) of what lies where a segment belongs, whatever it is, and the file's token; None if unreadable."""
    reading = Digester(("sha256",)).read(
        Wanted(
            path=path,
            open=partial(store.open, path, past_cache=True, offset=piece.offset),
            expected_bytes=None,
            offset=piece.offset,
            length=piece.length,
        )
    )
    if not reading.sound or reading.stat is None or reading.bytes_read != piece.length:
        return None, None
    return reading.digests["sha256"].hex(), reading.stat.token


def digest_of(
    store: Store, path: bytes, sink: Callable[[memoryview], None] | None = None
) -> tuple[int | None, str | None]:
    """Size in bytes and SHA-256 (hex) of what lies there; None as far as it cannot be read."""
    reading = Digester(("sha256",)).read(
        Wanted(path=path, open=partial(store.open, path, past_cache=True), expected_bytes=None, sink=sink)
    )
    return (reading.size_bytes, reading.digests["sha256"].hex()) if reading.sound else (None, None)


class Beside(AbstractContextManager["Beside"]):
    """Reads the bad file while the good one streams by, to tell the cause. What cannot be read tells none."""

    def __init__(self, store: Store, path: bytes, piece: Piece) -> None:
        self._buffer = new_buffer()
        self._rest = b""
        self._left = None if piece.segment is None else piece.length
        self._source: Source | None = None
        try:
            self._source = store.open(path, past_cache=True, offset=piece.offset)
            self._comparison: Comparison | None = Comparison(self._read)
        except StoreError:
            self._comparison = None

    def update(self, good: memoryview) -> None:
        try:
            if self._comparison is not None:
                self._comparison.update(good)
        except StoreError:
            self._comparison = None

    def diagnosis(self) -> Diagnosis | None:
        """The cause, once all good bytes have streamed by; None if the bad file could not be read."""
        try:
            return None if self._comparison is None else self._comparison.conclude()
        except StoreError:
            return None

    def _read(self, count: int) -> bytes:
        assert self._source is not None
        if self._left is not None:
            count = min(count, self._left)
        parts = [self._rest[:count]]
        self._rest = self._rest[count:]
        have = len(parts[0])
        while have < count:
            got = self._source.readinto(self._buffer)
            if got == 0:
                break
            taken = bytes(self._buffer[: min(got, count - have)])
            self._rest = bytes(self._buffer[len(taken) : got])
            parts.append(taken)
            have += len(taken)
        if self._left is not None:
            self._left -= have
        return b"".join(parts)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._source is not None:
            self._source.close()
