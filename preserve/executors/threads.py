"""Threads over shards, and threads over the large files of a shard.

All are daemon threads. A read can hang inside the kernel for ever (a server that died, a disk that fails), where
neither a signal nor an exception reaches it. At its exit the interpreter waits for every thread that is no daemon, and
for those of `concurrent.futures` in any case: one such read would keep a process alive whose work is done. That daemon
threads are cut off wherever they are does no harm here: whoever ends a pool waits for its work, as long as it may.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Semaphore, Thread
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")
_Task = tuple[Future[Any], Callable[[], Any]]


class Pool(Executor):
    """Daemon threads that are started as there is work for them.

    Args:
        threads: how many at most; `checks.digesting` asks a pool for it.
    """

    def __init__(self, threads: int, name: str) -> None:
        self.threads = threads
        self._name = name
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._workers: list[Thread] = []
        self._idle = Semaphore(0)
        self._lock = Lock()
        self._ended = False

    def submit(self, call: Callable[Given, Made], /, *args: Given.args, **named: Given.kwargs) -> Future[Made]:
        """See `concurrent.futures.Executor`; RuntimeError once it has ended."""
        future: Future[Made] = Future()
        with self._lock:
            if self._ended:
                raise RuntimeError("this pool has ended")
            self._tasks.put((future, lambda: call(*args, **named)))
            if not self._idle.acquire(blocking=False) and len(self._workers) < self.threads:
                worker = Thread(target=self._work, name=f"{self._name}-{len(self._workers)}", daemon=True)
                self._workers.append(worker)
                worker.start()
        return future

    def _work(self) -> None:
        while True:
            try:
                task = self._tasks.get_nowait()
            except Empty:
                self._idle.release()
                task = self._tasks.get()
            if task is None:
                return
            _do(*task)
            del task  # what was made is kept by whoever asked for it, not by a thread that waits

    def grow(self, threads: int) -> None:
        """Lets it have more threads than now; they start with the next work."""
        self.threads = max(self.threads, threads)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """See `concurrent.futures.Executor`. Waits as long as it takes."""
        self.end(None if wait else 0.0, cancel=cancel_futures)

    def end(self, seconds: float | None, *, cancel: bool = True) -> bool:
        """Takes no more work and waits for what is being done, for so long at most, or without end (None).

        Returns:
            whether all is done; if not, its threads are left behind: they end after their work, if ever.
        """
        with self._lock:
            self._ended = True
            if cancel:
                with suppress(Empty):
                    while (task := self._tasks.get_nowait()) is not None:
                        task[0].cancel()
            for _ in self._workers:
                self._tasks.put(None)
        until = None if seconds is None else time.monotonic() + seconds
        for worker in self._workers:
            worker.join(None if until is None else max(0.0, until - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)


def _do(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        made = call()
    except BaseException as error:  # noqa: BLE001 - whatever it is, whoever waits for the result is told
        future.set_exception(error)
    else:
        future.set_result(made)


class Pools:
    """Two pools, because a shard waits for its files: in one pool they could wait for each other for ever."""

    def __init__(self, shards: int, files: int, name: str = "") -> None:
        self.shards = Pool(shards, f"{name}shard")
        self.files = Pool(files, f"{name}file")

    def end(self, seconds: float | None) -> bool:
        """See `Pool.end`; the time is for both together."""
        begun = time.monotonic()
        done = self.shards.end(seconds)
        return self.files.end(None if seconds is None else max(0.0, begun + seconds - time.monotonic())) and done


class Threads(Pools):
    """The threads of one work; leaving the `with` block waits for what they do."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1
        super().__init__(self.count, self.count)

    def lane(self, name: str, shards: int, files: int = 1) -> Pools:
        """Threads for one replica alone, so that one that hangs holds none of another's. For the caller to end.

        Args:
            shards: how many at once.
            files: likewise, where that is more than there are processors: each answer of the replica takes its time.
        """
        return Pools(shards, max(files, self.count), f"{name}-")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(None)
