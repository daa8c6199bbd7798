"""Copying to and from places where each answer takes its time, where a file may go on, and at a rate."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from threading import Barrier, Event

from checks.evidence import Evidence, Outcome
from checks.inventory import Entry, cut
from preserve.catalog.rows import ShardRow
from preserve.executors.threads import Threads
from preserve.replicate.copying import Content, CopyWriter, Place, Unfilled
from preserve.stores.identity import Identity
from preserve.stores.limiting import Bucket
from preserve.stores.memory import MemoryBucket
from preserve.stores.port import Sink
from preserve.stores.rooms.replica import RemoteReplica

AT = datetime(2026, 7, 1, tzinfo=UTC)
UUID = "11111111-2222-4333-8444-555555555555"


class Resumed:
    """A staging in which some bytes of a file stand already."""

    def __init__(self, stands: int) -> None:
        self.stands = stands
        self.given = bytearray()
        self.pieces: list[int] = []
        self.offset = -1

    def resumable(self, path: bytes) -> int:
        return self.stands

    @contextmanager
    def file(
        self,
        path: bytes,
        modified_ns: int | None = None,
        *,
        size_bytes: int | None = None,
        sha256: bytes | None = None,
        offset: int = 0,
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
