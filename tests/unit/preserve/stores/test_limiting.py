"""A rate holds however many threads read and however they read; what limits a store changes nothing else of it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from mmap import mmap
from pathlib import Path

import pytest

from checks.digesting import Digester, Wanted
from checks.evidence import Evidence
from preserve.stores.limiting import RateLimited
from preserve.stores.local import PlainFolder
from tests.support.memory_store import MemoryStore

MB = 1_000_000


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def read_all(store: RateLimited, path: bytes, buffer: int = 4 << 20) -> bytes:
    source = store.open(path, past_cache=True, expected_bytes=None)
    view, content = memoryview(mmap(-1, buffer)), b""
    while count := source.readinto(view):
        content += view[:count]
    source.close()
    return content


@pytest.mark.parametrize("megabytes", [1, 5])
def test_the_time_is_that_of_the_bytes_at_the_rate(megabytes: int) -> None:
    clock = Time()
    content = bytes(3 * megabytes * MB)
    store = RateLimited(MemoryStore({b"a": content}), megabytes * MB, clock, clock.sleep)
    assert read_all(store, b"a") == content
    assert 2.7 <= clock.now <= 3.1


def test_no_second_has_more_than_its_bytes_and_a_little() -> None:
    clock, read = Time(), list[tuple[float, int]]()
    store = RateLimited(MemoryStore({b"a": bytes(20 * MB)}), 5 * MB, clock, clock.sleep)
    source = store.open(b"a", past_cache=True, expected_bytes=20 * MB)
    view = memoryview(mmap(-1, 4 << 20))
    while count := source.readinto(view):
        read.append((clock.now, count))
    for begin, _ in read:
        assert sum(count for at, count in read if begin <= at < begin + 1) <= 1.25 * 5 * MB


def test_small_files_that_are_read_whole_are_counted_too(tmp_path: Path) -> None:
    clock = Time()
    for number in range(100):
        (tmp_path / f"{number}").write_bytes(bytes(10_000))
    store = RateLimited(PlainFolder(bytes(tmp_path)), 200_000, clock, clock.sleep)
    digester = Digester(("sha256",))
    for number in range(100):
        path = b"%d" % number
        wanted = Wanted(path, lambda path=path: store.open(path, past_cache=False, expected_bytes=10_000), 10_000)  # type: ignore[misc]
        assert digester.read(wanted).sound
    assert 4.7 <= clock.now <= 5.1


def test_a_file_whose_size_was_not_known_costs_only_what_it_has() -> None:
    clock = Time()
    store = RateLimited(MemoryStore({b"a": b"x"}), MB, clock, clock.sleep)
    for _ in range(50):
        read_all(store, b"a")
    assert clock.now < 0.1


def test_threads_share_one_rate() -> None:
    """For once against the real clock; what is asserted is what the bytes cost, not how long it took."""
    files = {b"%d" % number: bytes(2_500_000) for number in range(4)}
    store = RateLimited(MemoryStore(files), 5 * MB)
    begun = store._bucket._free_at
    with ThreadPoolExecutor(4) as pool:
        assert sum(len(content) for content in pool.map(lambda path: read_all(store, path), files)) == 10 * MB
    took = time.monotonic() - begun
    assert store._bucket._free_at - begun >= 2 - 0.1  # all bytes were paid for, but for the credit
    assert took >= 2 - 0.1 - 0.25  # and the last of them waited for, but for its own piece


def test_whoever_waits_for_his_turn_stops_at_once() -> None:
    stop, waiting = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        assert seconds <= 1
        waiting.set()
        stop.wait(seconds)

    store = RateLimited(MemoryStore({b"a": bytes(4 << 20)}), MB, sleep=sleep, stop=stop)
    reader = threading.Thread(target=read_all, args=(store, b"a"))
    reader.start()
    assert waiting.wait(30)
    stop.set()
    reader.join(30)
    assert not reader.is_alive()


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        RateLimited(MemoryStore({}), 0)


def test_reading_past_the_cache_stays_past_the_cache_at_any_rate(tmp_path: Path) -> None:
    """Pieces keep the alignment that O_DIRECT demands, so that a slow rate weakens no evidence."""
    (tmp_path / "a").write_bytes(bytes(3_000_001))
    plain = PlainFolder(bytes(tmp_path))
    for rate in (10, 999_999, 123_456_789):
        clock = Time()
        store = RateLimited(plain, rate, clock, clock.sleep)
        first, second = (
            Digester(("sha256",)).read(Wanted(b"a", lambda one=one: one.open(b"a", past_cache=True), 3_000_001))  # type: ignore[misc]
            for one in (store, plain)
        )
        assert first.digests == second.digests and first.evidence is second.evidence


def test_everything_else_is_what_the_store_says() -> None:
    inner = MemoryStore({b"box/a": b"x"}, evidence=Evidence.READ)
    store = RateLimited(inner, MB)
    assert store.identity() == inner.identity()
    assert list(store.listing(b"box")) == list(inner.listing(b"box"))
    assert store.stat(b"box/a") == inner.stat(b"box/a")
    source = store.open(b"box/a", past_cache=True)
    assert (source.path, source.evidence, source.stat()) == (b"box/a", Evidence.READ, inner.stat(b"box/a"))
