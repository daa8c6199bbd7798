"""Copying to and from places where each answer takes its time, where a file may go on, and at a rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from threading import Barrier, Event

import pytest

from checks.evidence import Evidence, Outcome
from checks.inventory import Entry, cut
from checks.ports import StoreError, UnavailableError
from preserve.catalog.rows import ShardRow
from preserve.errors import UndeterminedError
from preserve.executors.threads import Threads
from preserve.replicate.copying import Content, CopyWriter, Place, Unfilled
from preserve.stores.identity import Identity
from preserve.stores.limiting import Bucket
from preserve.stores.memory import MemoryBucket, MemoryDisk
from preserve.stores.port import ExistsError, FullError, Sink
from preserve.stores.rooms.locking import Terms
from preserve.stores.rooms.replica import RemoteReplica

AT = datetime(2026, 7, 1, tzinfo=UTC)
UUID = "11111111-2222-4333-8444-555555555555"


class Resumed:
    """A staging in which some bytes of a file stand already."""

    def __init__(self, stands: int) -> None:
        self.stands = stands
        self.given = bytearray()
        self.pieces: list[int] = []
        self.offset: int | None = None

    def resumable(self, path: bytes, size_bytes: int) -> int:
        return self.stands

    @contextmanager
    def file(
        self,
        path: bytes,
        modified_ns: int | None = None,
        *,
        size_bytes: int | None = None,
        sha256: bytes | None = None,
        offset: int | None = None,
    ) -> Iterator[Sink]:
        self.offset = offset

        def sink(buffer: memoryview) -> None:
            self.given += buffer
            self.pieces.append(len(buffer))

        yield sink

    def discard(self, path: bytes) -> None:
        self.given.clear()


def source(content: bytes) -> Place:
    store = MemoryBucket()
    store.lay(b"box/film", content)
    return Place("there", store, b"box")


def wanted(content: bytes) -> Unfilled:
    return Unfilled(path=b"film", size_bytes=len(content), sha256=sha256(content).digest())


def test_a_file_that_was_cut_off_is_read_whole_and_given_from_where_it_ended() -> None:
    content = bytes(range(256)) * 40_000
    for stands in (0, 1, 5_000_000, len(content)):
        staging, place, told = Resumed(stands), source(content), list[int]()
        with Threads(1) as threads:
            writer = CopyWriter([place], threads, on_bytes=told.append)
            assert writer.copy_from(place.store, b"box/film", staging, wanted(content)) == ""  # type: ignore[arg-type]
        assert (staging.offset, bytes(staging.given)) == (stands, content[stands:])
        assert sum(told) == len(content)


def test_a_source_that_is_bad_in_what_stands_already_is_found_bad_all_the_same() -> None:
    content = bytes(1000)
    staging, place = Resumed(500), source(b"x" + content[1:])
    with Threads(1) as threads:
        fault = CopyWriter([place], threads).copy_from(place.store, b"box/film", staging, wanted(content))  # type: ignore[arg-type]
    assert fault == "other content than was taken in" and not staging.given


def test_writing_keeps_to_its_rate_in_small_pieces() -> None:
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    content = bytes(4_000_000)
    staging, place = Resumed(0), source(content)
    with Threads(1) as threads:
        pace = Bucket(1_000_000, lambda: now[0], sleep, Event())
        writer = CopyWriter([place], threads, pace=pace)
        assert writer.copy_from(place.store, b"box/film", staging, wanted(content)) == ""  # type: ignore[arg-type]
    assert 3.7 < sum(slept) < 4.1
    assert max(staging.pieces) <= pace.piece_bytes and bytes(staging.given) == content


def test_many_small_files_are_read_back_at_once_where_answers_take_their_time() -> None:
    """Eight readings wait for each other: with fewer at once none would end."""
    store = MemoryBucket(in_flight=8)
    replica = RemoteReplica(store)
    together = Barrier(8, timeout=30)
    names = [b"%02d" % number for number in range(8)]
    for name in names:
        store.lay(b"box/" + name, name)

    def hook(what: str, path: bytes) -> None:
        if what == "open" and path.startswith(b"box/"):
            together.wait()

    replica.write_identity(Identity(uuid=UUID, name="far"), AT)
    (record,) = cut(Entry(name, len(name), sha256(name).digest()) for name in names)
    shard = ShardRow(
        id=1, inventory_id=1, start=record.start, stop=record.stop, files=8, bytes_to_read=16, root=record.root()
    )
    content = Content(shards=[shard], record=lambda number: record, whole={})
    store.hook = hook
    with Threads(1) as threads:
        writer = CopyWriter([], threads)
        checks = writer.read_back(Place("far", replica, b"box"), UUID, content, lambda: AT, Evidence.READ)
    assert [check.outcome for check in checks] == [Outcome.PASS]


# ---- a far side that is busy, or whose line is cut


class Far:
    """A bucket that is written to, what it raises one call after the other, and how long was waited between tries."""

    def __init__(self) -> None:
        self.bucket = MemoryBucket()
        self.errors: dict[str, list[StoreError]] = {}
        self.asked: list[tuple[str, bytes]] = []
        self.waits: list[float] = []
        self.told: list[int] = []
        self.bucket.hook = self._hook

    def _hook(self, what: str, path: bytes) -> None:
        self.asked.append((what, path))
        if path.startswith(b"box/") and self.errors.get(what):
            raise self.errors[what].pop(0)

    def times(self, what: str) -> int:
        return self.asked.count((what, b"box/film"))

    def copied(self, content: bytes, place: Place | None = None) -> str:
        """Copies the file, as a run does: the fault, empty if it is staged."""
        place = place or source(content)
        staging = RemoteReplica(self.bucket).staging(b"film-v1", b"box")
        with Threads(1) as threads, staging.held():
            writer = CopyWriter([place], threads, on_bytes=self.told.append, sleep=self.waits.append)
            return writer.copy_from(place.store, b"box/film", staging, wanted(content))


def error(cause: str, kind: type[StoreError] = StoreError) -> StoreError:
    return kind("the server's words", cause=cause)


@pytest.mark.parametrize("cause", ["EAGAIN", "ETIMEDOUT", "ECONNRESET"])
@pytest.mark.parametrize("at", ["create", "write", "finish", "finished"])
def test_a_busy_far_side_is_asked_again_and_the_source_read_anew(cause: str, at: str) -> None:
    """`finished`: the file stands there, and the answer that said so was lost."""
    content, far = bytes(range(256)) * 40, Far()
    far.errors = {at: [error(cause), error(cause), error(cause)]}
    assert far.copied(content) == ""
    assert far.bucket.files[b"box/film"] == content
    assert far.waits == [1.0, 2.0, 4.0] and far.times("create") == 4
    assert sum(far.told) == len(content), "no byte is counted twice"


def test_it_is_given_up_after_four_tries() -> None:
    far = Far()
    far.errors = {"create": [error("EAGAIN") for _ in range(9)]}
    with pytest.raises(UndeterminedError, match="cannot be written: EAGAIN"):
        far.copied(b"content")
    assert far.waits == [1.0, 2.0, 4.0] and far.times("create") == 4


@pytest.mark.parametrize(
    "answer",
    [
        error("EEXIST", ExistsError),
        error("ENOSPC", FullError),
        error("EACCES"),
        error("changed"),
        error("the server refuses connections", UnavailableError),
    ],
    ids=lambda answer: answer.cause,
)
def test_an_answer_of_the_far_side_is_an_answer(answer: StoreError) -> None:
    far = Far()
    far.errors = {"create": [answer]}
    with pytest.raises(UndeterminedError):
        far.copied(b"content")
    assert far.waits == [] and far.times("create") == 1


def test_a_large_file_goes_on_where_the_line_was_cut() -> None:
    content, far = bytes(range(256)) * (48 << 10), Far()  # 12 MiB
    given: list[int] = []

    def cut(what: str, path: bytes) -> None:
        given.append(len(far.bucket._unfinished.get(b"box/film", b"")))
        if what == "write" and path == b"box/film" and far.times("write") == 3:
            far.asked.append((what, path))
            raise error("ECONNRESET")
        far.asked.append((what, path))

    far.bucket.hook = cut
    pace = Bucket(1 << 40, lambda: 0.0, lambda seconds: None, Event())
    staging, place = RemoteReplica(far.bucket).staging(b"film-v1", b"box"), source(content)
    with Threads(1) as threads, staging.held():
        writer = CopyWriter([place], threads, pace=pace, on_bytes=far.told.append, sleep=far.waits.append)
        assert writer.copy_from(place.store, b"box/film", staging, wanted(content)) == ""
    assert far.bucket.files[b"box/film"] == content and far.waits == [1.0]
    assert max(given) > 0 and sum(far.told) == len(content)


def test_what_another_wrote_after_the_lock_was_lost_is_left() -> None:
    """A try that had no answer may have written the file; but nothing is taken away by one who holds no lock."""
    far, now = Far(), [AT]
    terms = Terms(renewed_every=None, clock=lambda: now[0])

    def lost(what: str, path: bytes) -> None:
        far._hook(what, path)
        if what == "create" and path == b"box/film":
            now[0] += terms.holds_for
            far.bucket.lay(b"box/film", b"another's")
            raise error("ETIMEDOUT")

    far.bucket.hook = lost
    staging, place = RemoteReplica(far.bucket, terms=terms).staging(b"film-v1", b"box"), source(b"mine")
    with Threads(1) as threads, staging.held():
        writer = CopyWriter([place], threads, sleep=far.waits.append)
        with pytest.raises(UndeterminedError, match="the lock was lost"):
            writer.copy_from(place.store, b"box/film", staging, wanted(b"mine"))
    assert far.bucket.files[b"box/film"] == b"another's"


@pytest.mark.parametrize("at", ["stat", "open", "read"])
def test_a_busy_source_is_asked_again(at: str) -> None:
    content, far, place = b"content", Far(), source(b"content")
    errors = [error("EAGAIN"), error("ETIMEDOUT")]

    def busy(what: str, path: bytes) -> None:
        if what == at and errors:
            raise errors.pop(0)

    place.store.hook = busy  # type: ignore[attr-defined]  # it is one in memory
    assert far.copied(content, place) == "" and far.bucket.files[b"box/film"] == content
    assert far.waits == [0.5, 1.0] and far.times("create") == 1


def test_a_source_that_is_not_there_keeps_no_file_waiting() -> None:
    far, place = Far(), source(b"content")
    place.store.there = False  # type: ignore[attr-defined]  # it is one in memory
    assert "does not answer" in far.copied(b"content", place) and far.waits == []


def test_only_of_large_files_it_is_asked_what_stands_there_already() -> None:
    """On S3 each such question is a request that is paid for."""
    for size, questions in ((5, 0), ((8 << 20) - 1, 0), (8 << 20, 1)):
        far = Far()
        assert far.copied(bytes(size)) == ""
        assert far.times("written") == questions


@pytest.mark.parametrize("kind", [MemoryBucket, MemoryDisk])
def test_what_was_cut_off_is_taken_away_with_a_copy_that_is_given_up(kind: type[MemoryBucket | MemoryDisk]) -> None:
    """On a bucket it stands under no name, and is paid for."""
    store = kind()
    staging = RemoteReplica(store).staging(b"film-v1", b"box")
    store._unfinished[b"other/film"] = b"another copy's"
    with staging.held():
        with staging.file(b"page", size_bytes=4) as sink:
            sink(memoryview(b"page"))
        store._unfinished[staging.location + b"/film"] = b"the beginning"
        assert list(staging.empty()) == [b"page"]
    if isinstance(store, MemoryBucket):
        assert store._unfinished == {b"other/film": b"another copy's"}


def test_a_reading_back_that_had_no_answer_is_tried_again() -> None:
    store, waits = MemoryBucket(), list[float]()
    replica = RemoteReplica(store)
    replica.write_identity(Identity(uuid=UUID, name="far"), AT)
    store.lay(b"box/page", b"page")
    (record,) = cut(iter([Entry(b"page", 4, sha256(b"page").digest())]))
    shard = ShardRow(
        id=1, inventory_id=1, start=record.start, stop=record.stop, files=1, bytes_to_read=4, root=record.root()
    )
    content = Content(shards=[shard], record=lambda number: record, whole={})
    errors = [error("EAGAIN")]

    def busy(what: str, path: bytes) -> None:
        if what == "read" and path == b"box/page" and errors:
            raise errors.pop()

    store.hook = busy
    with Threads(1) as threads:
        writer = CopyWriter([], threads, sleep=waits.append)
        checks = writer.read_back(Place("far", replica, b"box"), UUID, content, lambda: AT, Evidence.READ)
    assert [check.outcome for check in checks] == [Outcome.PASS] and waits == [0.5]
