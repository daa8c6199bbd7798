"""The digester: one read of each byte gives the size and every wanted digest of a source."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import Semaphore
from typing import NamedTuple, Protocol

from checks.algorithms import constructor
from checks.buffers import give_back, pump, taken_buffer
from checks.evidence import Evidence
from checks.inventory import SEGMENT_BYTES
from checks.ports import NotFoundError, Source, Stat, StoreError, WrongKindError

PARALLEL_FROM_BYTES = 256 << 10  # below this, handing a file to another thread costs more than reading it
_WHOLE_BYTES = 64 << 10  # up to this, a file is read at once, if its source can do that
_MOST_WAITING = 1024  # readings that are held because an earlier one is not made yet


class Reading(NamedTuple):
    """What was seen of one source. A reading with a `problem` says nothing about the content.

    `changed` means that its stat differed before and after: then it was not read either. `missing` and `wrong_kind`
    are told apart from what could not be read. `stat` is the last look at what was read. A tuple, because millions
    of them pass through here.
    """

    path: bytes
    digests: Mapping[str, bytes]
    size_bytes: int = 0
    bytes_read: int = 0  # differs from the size where only a segment was read
    segments: tuple[bytes, ...] = ()
    evidence: Evidence = Evidence.LISTED
    problem: str | None = None
    changed: bool = False
    missing: bool = False
    wrong_kind: bool = False
    longer: bool = False  # than was asked to read; its size was seen, nothing of it was read
    stat: Stat | None = None

    @property
    def sound(self) -> bool:
        """Whether digests and size are those of one unchanging file that was read to its end."""
        return not (self.problem or self.changed or self.missing or self.wrong_kind or self.longer)


class Wanted(NamedTuple):
    """One file to be digested. `length` limits the read to a segment; `sink` gets every buffer (for copies).

    Where `expected_bytes` is not known (None), the file's own stat decides where it is read.
    """

    path: bytes
    open: Callable[[], Source]
    expected_bytes: int | None
    offset: int = 0
    length: int | None = None
    segmented: bool = False
    sink: Callable[[memoryview], None] | None = None
    most_bytes: int | None = None  # a file that is longer is not read: its size alone says that it is another


class Promise(Protocol):
    """A reading that another thread makes."""

    def result(self) -> Reading: ...
    def done(self) -> bool: ...


class Pool(Protocol):
    """What is needed of an executor; those of `concurrent.futures` fit."""

    def submit(self, read: Callable[[], Reading], /) -> Promise: ...


class Digester:
    """Takes many sources at once and yields a reading for each, in the order given.

    Large ones go to `pool`, where hashing releases the interpreter; small ones are read where they are asked for.
    A native engine can take this place without any caller changing.

    Args:
        algorithms: normalised names out of `checks.algorithms.DIGEST_BYTES`; KeyError if one is not.
        ahead: how many unread files the pool may hold; by default twice its `threads`, so that none of them waits while
            the next file is opened, or 4 if it does not say how many it has.
        parallel_from_bytes: smaller files are read where they are asked for; 0 where it is the store's answers, and not
            the work on them, that take time: then all go to the pool.
        told: is told of bytes as they are read, from any thread. A StoreError that it raises ends that file's reading.
    """

    def __init__(
        self,
        algorithms: Sequence[str],
        pool: Pool | None = None,
        *,
        ahead: int | None = None,
        parallel_from_bytes: int = PARALLEL_FROM_BYTES,
        told: Callable[[int], None] | None = None,
    ) -> None:
        self._makers = {name: constructor(name) for name in algorithms}
        self._pool = pool
        self._ahead = ahead or 2 * getattr(pool, "threads", 2)
        self._parallel_from_bytes = parallel_from_bytes
        self._told = told

    def observe(self, wanted: Iterable[Wanted]) -> Iterator[Reading]:
        """Reads each source once. Never raises for what a file or store does; that is in the reading."""
        if self._pool is None:
            return map(self.read, wanted)
        return self._observe_in_pool(self._pool, wanted)

    def _observe_in_pool(self, pool: Pool, wanted: Iterable[Wanted]) -> Iterator[Reading]:
        # Whichever file is done first makes room for the next: a huge one keeps nobody but its successors' readings.
        waiting: deque[Reading | Promise] = deque()
        room = Semaphore(self._ahead)
        for item in wanted:
            begun = self._begun(pool, room, item)
            if not waiting and isinstance(begun, Reading):
                yield begun
                continue
            waiting.append(begun)
            while waiting and (_is_made(waiting[0]) or len(waiting) >= _MOST_WAITING):
                yield _made(waiting.popleft())
        while waiting:
            yield _made(waiting.popleft())

    def _begun(self, pool: Pool, room: Semaphore, wanted: Wanted) -> Reading | Promise:
        """The reading, or the promise of it if there is much to read. A file of unknown size is opened here."""
        size_bytes = wanted.expected_bytes if wanted.length is None else wanted.length
        if self._parallel_from_bytes == 0:
            return _submitted(pool, room, partial(self.read, wanted))
        if size_bytes is not None:
            if size_bytes >= self._parallel_from_bytes:
                return _submitted(pool, room, partial(self.read, wanted))
            return self.read(wanted)
        begun = self._looked_at(wanted)
        if isinstance(begun, Reading):
            return begun
        source, before = begun
        if before.size_bytes >= self._parallel_from_bytes:
            return _submitted(pool, room, partial(self._read_handed, _Handed(source), before, wanted))
        return self._read_and_close(source, before, wanted)

    def read(self, wanted: Wanted) -> Reading:
        """Reads one source to its end (or its segment's), once, for all algorithms."""
        begun = self._looked_at(wanted)
        return begun if isinstance(begun, Reading) else self._read_and_close(*begun, wanted)

    def _looked_at(self, wanted: Wanted) -> "Reading | _Begun":
        """The reading, if there is one at once; else the open source and the first look at it."""
        source = opened(wanted)
        if isinstance(source, Reading):
            return source
        reading = self._at_once(source, wanted)
        if reading is not None:
            return reading
        before = _first_look(source, wanted)
        return before if isinstance(before, Reading) else _Begun(source, before)

    def _at_once(self, source: Source, wanted: Wanted) -> Reading | None:
        """The reading of a small file whose source can read it whole, closed; None: it is open, and to be pumped."""
        path, _, _, offset, length, segmented, sink, most_bytes = wanted
        whole = getattr(source, "whole", None)
        if whole is None or length is not None or offset:
            return None
        most = _WHOLE_BYTES if most_bytes is None else min(_WHOLE_BYTES, most_bytes)
        if segmented:
            most = min(most, SEGMENT_BYTES)
        buffer = taken_buffer()
        still_open = False
        try:
            found = whole(buffer, most)
            if found is None:
                still_open = True
                return None
            count, after = found
            content = buffer[:count]
            digests = {name: make(content).digest() for name, make in self._makers.items()}
            if sink is not None and count:
                sink(content)
            if self._told is not None:
                self._told(count)
            return Reading(path, digests, count, count, (), source.evidence, None, False, False, False, False, after)
        except StoreError as error:
            return Reading(path=path, digests={}, problem=error.cause or str(error))
        finally:
            give_back(buffer)
            if not still_open:
                source.close()

    def _read_handed(self, handed: "_Handed", before: Stat, wanted: Wanted) -> Reading:
        return self._read_and_close(handed.taken(), before, wanted)

    def _read_and_close(self, source: Source, before: Stat, wanted: Wanted) -> Reading:
        try:
            return self._read_open(source, before, wanted)
        except StoreError as error:
            return Reading(path=wanted.path, digests={}, problem=error.cause or str(error))
        finally:
            source.close()

    def _read_open(self, source: Source, before: Stat, wanted: Wanted) -> Reading:
        if wanted.most_bytes is not None and before.size_bytes > wanted.most_bytes:
            return Reading(wanted.path, {}, before.size_bytes, evidence=Evidence.SIZED, longer=True, stat=before)
        hashes = {name: make() for name, make in self._makers.items()}
        sinks: list[Callable[[memoryview], None]] = [each.update for each in hashes.values()]
        segments = _Segments() if wanted.segmented and before.size_bytes > SEGMENT_BYTES else None
        if segments is not None:
            sinks.append(segments.update)
        if wanted.sink is not None:
            sinks.append(wanted.sink)
        if (told := self._told) is not None:
            sinks.append(lambda read: told(len(read)))
        count = pump(source, sinks, wanted.length)
        after = source.stat()
        # A whole file must also be as long as its stat says, or a race was lost between the two looks.
        torn = wanted.length is None and wanted.offset == 0 and count != after.size_bytes
        return Reading(
            wanted.path,
            {name: each.digest() for name, each in hashes.items()},
            after.size_bytes if wanted.length is not None else count,
            count,
            segments.finish() if segments is not None else (),
            source.evidence,
            changed=before.token != after.token or torn,
            stat=after,
        )


class _Begun(NamedTuple):
    source: Source
    before: Stat


class _Handed:
    """An open source on its way to another thread: closed if that never takes it, as in a pool that is ended."""

    def __init__(self, source: Source) -> None:
        self._source: Source | None = source

    def taken(self) -> Source:
        """For the taker to close."""
        source, self._source = self._source, None
        assert source is not None
        return source

    def __del__(self) -> None:
        if self._source is not None:
            with suppress(StoreError, OSError):
                self._source.close()


def _submitted(pool: Pool, room: Semaphore, read: Callable[[], Reading]) -> Promise:
    room.acquire()

    def making_room() -> Reading:
        try:
            return read()
        finally:
            room.release()

    return pool.submit(making_room)


def _is_made(begun: Reading | Promise) -> bool:
    return isinstance(begun, Reading) or begun.done()


def _made(begun: Reading | Promise) -> Reading:
    return begun if isinstance(begun, Reading) else begun.result()


def opened(wanted: Wanted) -> Source | Reading:
    """The open source, or the reading that says why not."""
    try:
        return wanted.open()
    except NotFoundError:
        return Reading(path=wanted.path, digests={}, missing=True)
    except WrongKindError as error:
        return Reading(path=wanted.path, digests={}, wrong_kind=True, problem=str(error))
    except StoreError as error:
        return Reading(path=wanted.path, digests={}, problem=error.cause or str(error))


def _first_look(source: Source, wanted: Wanted) -> Stat | Reading:
    """The stat before reading, or, with the source closed, the reading that says why it cannot be had."""
    try:
        return source.stat()
    except StoreError as error:
        source.close()
        return Reading(path=wanted.path, digests={}, problem=error.cause or str(error))


class _Segments:
    """SHA-256 of each SEGMENT_BYTES of a stream."""

    def __init__(self) -> None:
        self._done: list[bytes] = []
        self._hash = hashlib.sha256()
        self._room = SEGMENT_BYTES

    def update(self, data: memoryview) -> None:
        while len(data) > self._room:
            head, data = data[: self._room], data[self._room :]
            self._hash.update(head)
            self._close()
        self._hash.update(data)
        self._room -= len(data)

    def _close(self) -> None:
        self._done.append(self._hash.digest())
        self._hash = hashlib.sha256()
        self._room = SEGMENT_BYTES

    def finish(self) -> tuple[bytes, ...]:
        self._close()
        return tuple(self._done)
