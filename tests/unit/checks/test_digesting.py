"""One read of each byte."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event

import pytest

from checks import buffers, digesting
from checks.digesting import Digester, Wanted
from checks.evidence import Evidence
from tests.support.memory_store import MemoryStore, io_error


def wanted(
    store: MemoryStore, path: bytes, *, segmented: bool = False, sink: Callable[[memoryview], None] | None = None
) -> Wanted:
    size, opening = len(store.files.get(path, b"")), partial(store.open, path, past_cache=True)
    return Wanted(path=path, open=opening, expected_bytes=size, segmented=segmented, sink=sink)


def test_all_digests_segments_and_the_sink_come_from_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digesting, "SEGMENT_BYTES", 1000)
    content = bytes(range(256)) * 10
    store, sunk = MemoryStore({b"a": content}), bytearray()
    reading = Digester(("md5", "sha256")).read(wanted(store, b"a", segmented=True, sink=sunk.extend))
    assert reading.sound and reading.size_bytes == reading.bytes_read == len(content)
    assert reading.digests == {"md5": hashlib.md5(content).digest(), "sha256": hashlib.sha256(content).digest()}
    assert reading.segments == tuple(
        hashlib.sha256(content[n : n + 1000]).digest() for n in range(0, len(content), 1000)
    )
    assert bytes(sunk) == content
    assert store.opened == [b"a"]
    assert reading.evidence is Evidence.READ_MEDIUM


def test_readings_keep_the_order_and_never_raise() -> None:
    files = {b"%d" % n: bytes([n]) * (n % 3 * 300_000 + 1) for n in range(40)}
    store = MemoryStore(files)
    store.faults[b"7"] = [io_error]
    names = [*files, b"not there"]
    with ThreadPoolExecutor(2) as pool:
        readings = list(Digester(("sha256",), pool).observe(wanted(store, name) for name in names))
    assert [reading.path for reading in readings] == names
    assert readings[7].problem == "EIO" and not readings[7].sound and readings[7].digests == {}
    assert readings[-1].missing
    good = [r for r in readings if r.sound]
    assert len(good) == 39
    assert all(r.digests["sha256"] == hashlib.sha256(files[r.path]).digest() for r in good)


def test_a_file_that_grows_while_it_is_read_is_told() -> None:
    store = MemoryStore({b"a": b"x" * 10})

    def grow(path: bytes) -> None:
        store.files[path] += b"y"

    store.on_read = grow
    reading = Digester(("sha256",)).read(wanted(store, b"a"))
    assert reading.changed and not reading.sound


def test_a_file_shorter_than_its_stat_says_is_not_sound() -> None:
    store = MemoryStore({b"a": b"x" * 10})
    store.faults[b"a"] = [lambda content: content[:4]]
    assert not Digester(("sha256",)).read(wanted(store, b"a")).sound


LARGE = 1 << 18


def test_a_huge_file_keeps_no_thread_from_those_behind_it() -> None:
    names = [b"%d" % n for n in range(12)]
    store, all_read, begun = MemoryStore({name: name * LARGE for name in names}), Event(), set[bytes]()

    def wait(path: bytes) -> None:
        begun.add(path)
        if path == b"0":
            all_read.wait(60)
        elif len(begun) == len(names):
            all_read.set()

    store.on_read = wait
    with ThreadPoolExecutor(2) as pool:
        readings = list(Digester(("sha256",), pool).observe(wanted(store, name) for name in names))
    assert all_read.is_set()
    assert [reading.path for reading in readings] == names and all(reading.sound for reading in readings)


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_no_more_files_are_handed_out_than_asked_for(ahead: int) -> None:
    names = [b"%d" % n for n in range(10)]
    store, most = MemoryStore({name: name * LARGE for name in names}), list[int]()
    store.on_read = lambda path: most.append(store.open_now)
    with ThreadPoolExecutor(8) as pool:
        readings = Digester(("sha256",), pool, ahead=ahead).observe(wanted(store, name) for name in names)
        assert all(reading.sound for reading in readings)
    assert max(most) <= ahead


def test_readings_that_wait_for_a_huge_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digesting, "_MOST_WAITING", 5)
    store, asked, go = MemoryStore({b"huge": b"x" * LARGE, b"small": b"s"}), list[int](), Event()
    store.on_read = lambda path: go.wait(60) if path == b"huge" else None

    def items() -> Iterator[Wanted]:
        yield wanted(store, b"huge")
        for n in range(20):
            asked.append(n)
            if n == 3:
                go.set()  # the fifth that waits: from here on the digester waits for the first
            yield wanted(store, b"small")

    with ThreadPoolExecutor(1) as pool:
        readings = Digester(("sha256",), pool).observe(items())
        assert next(readings).path == b"huge"
        assert len(asked) <= 5
        assert sum(1 for _ in readings) == 20


def test_few_buffers_are_kept_however_many_were_out_at_once() -> None:
    taken = [buffers.taken_buffer() for _ in range(50)]
    assert len({id(buffer) for buffer in taken}) == 50
    for buffer in taken:
        buffers.give_back(buffer)
    assert len(buffers._free_buffers) <= 16


def test_an_unknown_algorithm_is_refused_before_anything_is_read() -> None:
    with pytest.raises(KeyError):
        Digester(("shake128",))
