"""Threads that start as there is work, and that nobody has to wait for."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from preserve.executors.threads import Pool, Threads


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_work_comes_back_in_order_and_errors_with_it() -> None:
    with Threads(3) as threads:
        assert list(threads.shards.map(lambda number: number * 2, range(50))) == list(range(0, 100, 2))
        with pytest.raises(ZeroDivisionError):
            threads.files.submit(divmod, 1, 0).result()


def test_no_more_threads_than_allowed_and_none_before_there_is_work() -> None:
    pool, names = Pool(2, "some"), set[str]()
    assert pool._workers == []
    for future in [pool.submit(lambda: names.add(threading.current_thread().name)) for _ in range(100)]:
        future.result()
    assert names <= {"some-0", "some-1"}
    pool.grow(1)
    assert pool.threads == 2
    assert pool.end(None)


def test_one_after_another_needs_one_thread() -> None:
    pool = Pool(8, "some")
    idle = pool._idle
    for _ in range(20):
        pool.submit(int).result()
        idle.acquire()  # it waits for work again
        idle.release()
    assert len(pool._workers) == 1
    pool.shutdown()


def test_a_pool_can_be_left_while_one_of_its_threads_hangs(released: threading.Event) -> None:
    pool, begun = Pool(1, "some"), threading.Event()

    def hang() -> bool:
        begun.set()
        return released.wait()

    hanging = pool.submit(hang)
    waiting = pool.submit(int)
    assert begun.wait(30)
    assert not pool.end(0.0)
    with pytest.raises(CancelledError):
        waiting.result()
    with pytest.raises(RuntimeError, match="ended"):
        pool.submit(int)
    released.set()
    assert hanging.result() is True
    assert pool.end(None)


def test_leaving_the_block_waits_for_what_is_being_done(released: threading.Event) -> None:
    done: list[int] = []

    def work() -> None:
        if released.wait():
            done.append(1)

    with Threads(1) as threads:
        threads.shards.submit(work)
        released.set()
    assert done == [1]


def test_all_threads_are_daemons() -> None:
    with Threads(1) as threads:
        lane = threads.lane("nas", 2)
        assert lane.shards.submit(lambda: threading.current_thread().daemon).result()
        assert lane.files.submit(lambda: threading.current_thread().daemon).result()
        assert lane.end(None)
