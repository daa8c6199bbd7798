"""Tried again is only what is no answer about the file; and nothing gets weaker or better by it."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Evidence
from checks.ports import Listed, NotFoundError, Source, Stat, StoreError, UnavailableError, WrongKindError
from preserve.stores.local import PlainFolder
from preserve.stores.retrying import Retrying
from tests.support.memory_store import MemoryStore

BUSY = ("EAGAIN", "ETIMEDOUT", "ECONNRESET", "ESTALE", "EINTR")
CONTENT = bytes(range(256)) * 20_000


class Failing:
    """Raises what it is given, one a call, then nothing."""

    def __init__(self, *errors: StoreError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, *_: object) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)


def busy(cause: str) -> StoreError:
    return StoreError("no answer", cause=cause)


def retrying(inner: MemoryStore | PlainFolder, waits: list[float] | None = None) -> Retrying:
    return Retrying(inner, first_wait_seconds=0.5, sleep=([] if waits is None else waits).append)


def reading(store: Retrying, path: bytes = b"a", size: int | None = None) -> Reading:
    return Digester(("sha256",)).read(Wanted(path, lambda: store.open(path, past_cache=True), size))


@pytest.mark.parametrize("cause", BUSY)
def test_a_busy_store_is_asked_three_times_with_longer_waits(cause: str) -> None:
    waits: list[float] = []
    inner, failing = MemoryStore({b"a": CONTENT}), Failing(busy(cause), busy(cause))
    inner.on_read = failing
    assert reading(retrying(inner, waits)).digests["sha256"] == sha256(CONTENT).digest()
    assert waits == [0.5, 1.0] and inner.open_now == 0
    inner.on_read = Failing(*[busy(cause) for _ in range(3)])
    assert reading(retrying(inner)).problem == cause
    assert inner.open_now == 0


@pytest.mark.parametrize(
    "error",
    [
        StoreError("Input/output error", cause="EIO"),
        NotFoundError("gone", cause="ESTALE"),
        WrongKindError("a link", cause="EAGAIN"),
        StoreError("no right", cause="EACCES"),
    ],
)
def test_an_answer_is_an_answer(error: StoreError) -> None:
    waits: list[float] = []
    inner, failing = MemoryStore({b"a": CONTENT}), Failing(error)
    inner.on_read = failing
    assert not reading(retrying(inner, waits)).sound
    assert (failing.calls, waits) == (1, [])


def test_a_replica_that_is_not_there_is_looked_for_once_more() -> None:
    inner = MemoryStore({})
    came: list[float] = []

    def back(seconds: float) -> None:
        came.append(seconds)
        inner.there = len(came) == 2

    inner.there = False
    store = Retrying(inner, sleep=back)
    with pytest.raises(UnavailableError):
        store.identity()
    assert len(came) == 1
    assert store.identity() == inner.uuid


def test_a_read_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The connection is lost in the middle; what was read before counts, and the file is read to its end once."""
    (tmp_path / "a").write_bytes(CONTENT)
    inner = PlainFolder(bytes(tmp_path))
    opened = losing(inner, after=2)
    read = reading(retrying(inner))
    assert read.sound and read.digests["sha256"] == sha256(CONTENT).digest()
    assert read.bytes_read == len(CONTENT)
    assert opened == [0, 2 << 20]


def losing(inner: PlainFolder, *, after: int, then: Callable[[], None] = lambda: None) -> list[int]:
    """The first source fails after so many reads. Gives the offsets at which it is opened."""
    plain, offsets = inner.open, list[int]()

    class Losing:
        def __init__(self, source: Source) -> None:
            self.source, self.left, self.path = source, after, source.path

        def __getattr__(self, name: str) -> object:
            return getattr(self.source, name)

        def readinto(self, buffer: memoryview) -> int:
            self.left -= 1
            if self.left < 0:
                then()
                raise busy("ESTALE")
            return self.source.readinto(buffer)

    def opening(path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> object:
        offsets.append(offset)
        source = plain(path, past_cache=past_cache, offset=offset, expected_bytes=expected_bytes)
        return Losing(source) if len(offsets) == 1 else source

    inner.open = opening  # type: ignore[assignment,method-assign]
    return offsets


def test_another_file_in_its_place_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)

    def replace() -> None:
        (tmp_path / "b").write_bytes(CONTENT)
        (tmp_path / "b").rename(tmp_path / "a")

    inner = PlainFolder(bytes(tmp_path))
    losing(inner, after=2, then=replace)
    assert reading(retrying(inner)).changed


def test_a_small_file_is_read_whole_and_tried_again_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"small")
    inner = PlainFolder(bytes(tmp_path))
    failing, whole = Failing(busy("ETIMEDOUT")), "preserve.stores.local_source.LocalSource.whole"
    from preserve.stores.local_source import LocalSource

    plain = LocalSource.whole

    def tried(self: LocalSource, buffer: memoryview, most: int) -> tuple[int, Stat] | None:
        failing()
        return plain(self, buffer, most)

    monkeypatch.setattr(whole, tried)
    read = reading(retrying(inner))
    assert read.digests["sha256"] == sha256(b"small").digest() and failing.calls == 2


def test_the_evidence_is_the_weakest_of_what_was_read() -> None:
    inner = MemoryStore({b"a": CONTENT}, evidence=Evidence.READ)
    calls: list[bytes] = []

    def once(path: bytes) -> None:
        calls.append(path)
        if len(calls) == 2:
            inner.evidence = Evidence.READ_MEDIUM  # what is opened from now on
            raise busy("ESTALE")

    inner.on_read = once
    assert reading(retrying(inner)).evidence is Evidence.READ


def test_a_listing_is_begun_again_but_never_told_twice() -> None:
    inner = MemoryStore({b"box/a": b"", b"box/b": b""})
    listing, failing = inner.listing, Failing(busy("ECONNRESET"))

    def late(root: bytes) -> Iterator[Listed]:
        failing()
        yield from listing(root)

    inner.listing = late  # type: ignore[method-assign]
    assert [name.path for name in retrying(inner).listing(b"box")] == [b"b", b"a"]

    def broken(root: bytes) -> Iterator[Listed]:
        yield next(listing(root))
        raise busy("ECONNRESET")

    inner.listing = broken  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="no answer"):
        list(retrying(inner).listing(b"box"))


def test_what_is_tried_never_is_refused() -> None:
    with pytest.raises(ValueError, match="at least once"):
        Retrying(MemoryStore({}), attempts=0)
