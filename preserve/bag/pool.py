"""Threads for large files, started only when there is one: a bag of small files does not wait for their machinery."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from checks.digesting import Promise, Reading
from checks.ports import StoreError
from preserve.progress import Progress

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class LazyPool:
    """A pool whose threads, and the module that makes them, come with the first task."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._ended = False

    def telling(self, progress: Progress) -> Callable[[int], None]:
        """Tells of bytes that are read, from any thread; ends what is still being read when the pool is ended."""

        def told(size_bytes: int) -> None:
            if self._ended:
                raise StoreError("the work was stopped", cause="stopped")
            progress.advance(bytes=size_bytes)

        return told

    def submit(self, read: Callable[[], Reading], /) -> Promise:
        """See `checks.digesting.Pool`."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="file")
        return self._pool.submit(read)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
