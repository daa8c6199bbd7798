"""Stores that spare the storage behind them: so many bytes a second."""

import threading
import time
from collections.abc import Callable
from threading import Event, Lock

from checks.ports import Source, Stat, Store
from preserve.stores.passing import PassedSource, PassedStore

_ALIGNMENT = 4096  # of what is read past the cache
_PIECES = 8  # a second's bytes are read in at least so many pieces
_CREDIT_SECONDS = 0.1  # that may be made up for: a thread wakes late, and a disk is not always ready
_NOT_WORTH_SECONDS = 0.01  # of waiting; it is paid with the next
_NAP_SECONDS = 0.25  # after which whoever waits looks again whether it shall stop


class Bucket:
    """What may be read of one replica, for all its threads.

    Each reader takes its bytes before it reads them and so reserves the time that they stand for: however many threads
    there are, no second has more than its bytes, one piece and the small credit.
    """

    def __init__(
        self, bytes_per_second: int, clock: Callable[[], float], sleep: Callable[[float], object], stop: Event
    ) -> None:
        if bytes_per_second <= 0:
            raise ValueError("a rate is more than nothing")
        self.piece_bytes = max(_ALIGNMENT, bytes_per_second // _PIECES // _ALIGNMENT * _ALIGNMENT)
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._stop = stop
        self._lock = Lock()
        self._free_at = clock()

    def take(self, count: int) -> None:
        """Waits until so many bytes may be read; not at all once `stop` is set."""
        with self._lock:
            start = max(self._free_at, self._clock() - _CREDIT_SECONDS)
            self._free_at = start + count / self._rate
        if start - self._clock() < _NOT_WORTH_SECONDS:
            return
        while (left := start - self._clock()) > 0 and not self._stop.is_set():
            self._sleep(min(left, _NAP_SECONDS))

    def settle(self, taken: int, read: int) -> None:
        """Gives back what was taken and not read, or charges what was read beyond it."""
        if taken != read:
            with self._lock:
                self._free_at += (read - taken) / self._rate


class RateLimited(PassedStore):
    """A store of which at most so many bytes a second are read, by all threads together, however they read.

    Args:
        clock: seconds, never set back.
        sleep: waits so many seconds; by default until `stop` is set.
        stop: ends all waiting. Whoever reads on then is not held up: it is expected to look at `stop` itself.
    """

    def __init__(
        self,
        store: Store,
        bytes_per_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        stop: Event | None = None,
    ) -> None:
        super().__init__(store)
        stop = stop or threading.Event()
        self._bucket = Bucket(bytes_per_second, clock, sleep or stop.wait, stop)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        """See `checks.ports.Store`."""
        source = super().open(path, past_cache=past_cache, offset=offset, expected_bytes=expected_bytes)
        return _RatedSource(source, self._bucket, None if expected_bytes is None else expected_bytes - offset)


class _RatedSource(PassedSource):
    """Reads in pieces that a second has several of, each when its time has come."""

    def __init__(self, inner: Source, bucket: Bucket, left: int | None) -> None:
        super().__init__(inner)
        self._bucket = bucket
        self._left = left  # bytes, as far as the one who opened it knows

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        most_bytes = min(most_bytes, self._bucket.piece_bytes)
        if self._left is not None and self._left > most_bytes:
            return None
        taken = most_bytes if self._left is None else self._left
        self._bucket.take(taken)
        read = 0
        try:
            found = super().whole(buffer, most_bytes)
            read = 0 if found is None else found[0]
            return found
        finally:
            self._bucket.settle(taken, read)

    def readinto(self, buffer: memoryview) -> int:
        buffer = buffer[: self._bucket.piece_bytes]
        taken = len(buffer) if self._left is None else max(0, min(len(buffer), self._left))
        self._bucket.take(taken)
        read = 0
        try:
            read = super().readinto(buffer)
        finally:
            self._bucket.settle(taken, read)
        if self._left is not None:
            self._left -= read
        return read
