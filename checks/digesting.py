"""The digester: one read of each byte gives the size and every wanted digest of a source."""

import hashlib
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from checks.evidence import Evidence
from checks.inventory import SEGMENT_BYTES
from checks.ports import NotFoundError, Source, Stat, StoreError, WrongKindError

BUFFER_BYTES = 1 << 20
_PARALLEL_FROM_BYTES = 256 << 10  # below this, handing a file to another thread costs more than reading it


class Hash(Protocol):
    """What hashlib's objects have in common, as far as it is used here."""

    def update(self, data: memoryview | bytes, /) -> None: ...
    def digest(self) -> bytes: ...


_CONSTRUCTORS: Mapping[str, Callable[[], Hash]] = {
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha224": hashlib.sha224,
    "sha256": hashlib.sha256,
    "sha384": hashlib.sha384,
    "sha512": hashlib.sha512,
    "sha3224": hashlib.sha3_224,
    "sha3256": hashlib.sha3_256,
    "sha3384": hashlib.sha3_384,
    "sha3512": hashlib.sha3_512,
    "blake2b": hashlib.blake2b,
    "blake2s": hashlib.blake2s,
}
DIGEST_BYTES: Mapping[str, int] = {name: len(make().digest()) for name, make in _CONSTRUCTORS.items()}


def normalised(algorithm: str) -> str:
    """An algorithm's name as BagIt writes it in file names: lower case, letters and digits only (RFC 8493 §2.4)."""
    return "".join(c for c in algorithm.lower() if c.isascii() and c.isalnum())


def new_hash(algorithm: str) -> Hash:
    """A fresh hash of a normalised name; KeyError if it is not one of DIGEST_BYTES."""
    return _CONSTRUCTORS[algorithm]()


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


class Pool(Protocol):
    """What is needed of an executor; those of `concurrent.futures` fit."""

    def submit(self, read: Callable[[], Reading], /) -> Promise: ...


class Digester:
    """Takes many sources at once and yields a reading for each, in the order given.

    Large ones go to `pool`, where hashing releases the interpreter; small ones are read where they are asked for.
    A native engine can take this place without any caller changing.
    """

    def __init__(self, algorithms: Sequence[str], pool: Pool | None = None, *, ahead: int = 4) -> None:
        self._algorithms = tuple(algorithms)
        self._pool = pool
        self._ahead = ahead

    def observe(self, wanted: Iterable[Wanted]) -> Iterator[Reading]:
        """Reads each source once. Never raises for what a file or store does; that is in the reading."""
        if self._pool is None:
            for item in wanted:
                yield self.read(item)
            return
        yield from self._observe_in_pool(self._pool, wanted)

    def _observe_in_pool(self, pool: Pool, wanted: Iterable[Wanted]) -> Iterator[Reading]:
        waiting: list[Callable[[], Reading]] = []
        in_pool = 0
        for item in wanted:
            size_bytes, read = self._prepared(item)
            if size_bytes >= _PARALLEL_FROM_BYTES:
                waiting.append(pool.submit(read).result)
                in_pool += 1
            elif waiting:
                waiting.append(partial(_same, read()))
            else:
                yield read()
            if in_pool >= self._ahead or len(waiting) >= 64:
                for result in waiting:
                    yield result()
                waiting.clear()
                in_pool = 0
        for result in waiting:
            yield result()

    def _prepared(self, wanted: Wanted) -> tuple[int, Callable[[], Reading]]:
        """How many bytes there are to read, and what reads them. A file of unknown size is opened here."""
        size_bytes = wanted.expected_bytes if wanted.length is None else wanted.length
        if size_bytes is not None:
            return size_bytes, partial(self.read, wanted)
        opened = _opened(wanted)
        if isinstance(opened, Reading):
            return 0, partial(_same, opened)
        source, before = opened
        return before.size_bytes, partial(self._read_and_close, source, before, wanted)

    def read(self, wanted: Wanted) -> Reading:
        """Reads one source to its end (or its segment's), once, for all algorithms."""
        opened = _opened(wanted)
        if isinstance(opened, Reading):
            return opened
        return self._read_and_close(*opened, wanted)

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
        hashes = {name: _CONSTRUCTORS[name]() for name in self._algorithms}
        sinks: list[Callable[[memoryview], None]] = [each.update for each in hashes.values()]
        segments = _Segments() if wanted.segmented and before.size_bytes > SEGMENT_BYTES else None
        if segments is not None:
            sinks.append(segments.update)
        if wanted.sink is not None:
            sinks.append(wanted.sink)
        count = _pump(source, sinks, wanted.length)
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


def _opened(wanted: Wanted) -> tuple[Source, Stat] | Reading:
    """The open source and its stat, or the reading that says why not."""
    try:
        source = wanted.open()
    except NotFoundError:
        return Reading(path=wanted.path, digests={}, missing=True)
    except WrongKindError as error:
        return Reading(path=wanted.path, digests={}, wrong_kind=True, problem=str(error))
    except StoreError as error:
        return Reading(path=wanted.path, digests={}, problem=error.cause or str(error))
    try:
        return source, source.stat()
    except StoreError as error:
        source.close()
        return Reading(path=wanted.path, digests={}, problem=error.cause or str(error))


def _pump(source: Source, sinks: Sequence[Callable[[memoryview], None]], length: int | None) -> int:
    """Moves bytes from a source into every sink, at most `length`; returns how many."""
    count = 0
    view = _taken_buffer()
    try:
        while length is None or count < length:
            room = view if length is None else view[: min(len(view), length - count)]
            got = source.readinto(room)
            if got == 0:
                break
            filled = room[:got]
            for sink in sinks:
                sink(filled)
            count += got
    finally:
        _free_buffers.append(view)
    return count


# Page-aligned buffers (O_DIRECT demands it), kept because mapping one costs more than reading a small file.
# list.append and list.pop are atomic, so that all threads share them.
_free_buffers: list[memoryview] = []


def _taken_buffer() -> memoryview:
    try:
        return _free_buffers.pop()
    except IndexError:
        return memoryview(mmap.mmap(-1, BUFFER_BYTES))


def _same(reading: Reading) -> Reading:
    return reading


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
