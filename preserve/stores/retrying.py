"""A store that asks again where no answer came: a server that was busy says nothing about a file."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TypeVar

from checks.evidence import Evidence
from checks.ports import Listed, NotFoundError, Source, Stat, Store, StoreError, UnavailableError, WrongKindError
from preserve.errors import UndeterminedError
from preserve.stores.passing import PassedSource, PassedStore

Answer = TypeVar("Answer")

# The file was not read, and nothing was said of it. EIO is not here: it is the medium's answer, and asking a failing
# disk again and again makes it fail faster. (A suspect is read a second time in any case, see `checks.shards`.)
_NO_ANSWER = frozenset(("EAGAIN", "ETIMEDOUT", "ECONNRESET", "ESTALE", "EINTR"))


class Again:
    """How often and after which waits something is tried; the wait doubles each time.

    Args:
        away_attempts: how often where the store itself is not there.
    """

    def __init__(
        self, attempts: int, first_wait_seconds: float, sleep: Callable[[float], object], away_attempts: int = 2
    ) -> None:
        if attempts < 1:
            raise ValueError("it must be tried at least once")
        self._attempts = attempts
        self._away_attempts = min(away_attempts, attempts)
        self._first_wait_seconds = first_wait_seconds
        self._sleep = sleep

    def ask(self, question: Callable[[], Answer], anew: Callable[[], None] | None = None) -> Answer:
        """The answer; the error of the last try if there was none.

        What a store said may have been put into the words of an UndeterminedError: its cause tells.

        Args:
            anew: what is to be done before each further try; what it raises counts as that try's error.
        """
        tried, ready = 0, True
        while True:
            try:
                if not ready and anew is not None:
                    anew()
                ready = True
                return question()
            except (StoreError, UndeterminedError) as error:
                tried += 1
                if tried >= self._most_tries(error if isinstance(error, StoreError) else error.__cause__):
                    raise
                ready = False
            self._sleep(self._first_wait_seconds * 2 ** (tried - 1))

    def _most_tries(self, error: BaseException | None) -> int:
        if not isinstance(error, StoreError) or isinstance(error, NotFoundError | WrongKindError):
            return 1
        if isinstance(error, UnavailableError):
            return self._away_attempts  # a mount that comes back does so at once, or not for long
        return self._attempts if error.cause in _NO_ANSWER else 1


class Retrying(PassedStore):
    """Tries again what a store could not answer, a few times; never what it did answer.

    Args:
        attempts: in all.
        first_wait_seconds: before the second one.
        away_attempts: where the store itself is not there.
    """

    def __init__(
        self,
        store: Store,
        attempts: int = 3,
        first_wait_seconds: float = 0.5,
        sleep: Callable[[float], object] = time.sleep,
        away_attempts: int = 2,
    ) -> None:
        super().__init__(store)
        self._again = Again(attempts, first_wait_seconds, sleep, away_attempts)

    def identity(self) -> str:
        """See `checks.ports.Store`."""
        return self._again.ask(self.inner.identity)

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`."""
        return self._again.ask(partial(self.inner.stat, path))

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store`. Begun again only while nothing was listed yet: no name may come twice."""

        def begun() -> Iterator[Listed]:
            names = iter(self.inner.listing(root))
            first = next(names, None)
            return iter(()) if first is None else chain((first,), names)

        yield from self._again.ask(begun)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        """See `checks.ports.Store`."""

        def opened(read_bytes: int) -> Source:
            return self.inner.open(
                path, past_cache=past_cache, offset=offset + read_bytes, expected_bytes=expected_bytes
            )

        return _RetriedSource(self._again.ask(partial(opened, 0)), self._again, opened)


class _RetriedSource(PassedSource):
    """Opened anew where it stopped, if a read had no answer. Whether it is the same file is told by its stat."""

    def __init__(self, inner: Source, again: Again, opened: Callable[[int], Source]) -> None:
        super().__init__(inner)
        self._again = again
        self._opened = opened
        self._read_bytes = 0
        self._weakest: Evidence | None = None  # of what was read before it was opened anew
        self._closed = False

    @property
    def evidence(self) -> Evidence:
        now = self.inner.evidence
        return now if self._weakest is None else min(now, self._weakest)

    def stat(self) -> Stat:
        return self._again.ask(self.inner.stat, self._anew)

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        whole = super().whole
        return self._again.ask(lambda: whole(buffer, most_bytes), partial(self._anew, first_look=True))

    def readinto(self, buffer: memoryview) -> int:
        count = self._again.ask(lambda: self.inner.readinto(buffer), self._anew)
        self._read_bytes += count
        return count

    def _anew(self, *, first_look: bool = False) -> None:
        if self._read_bytes:
            self._weakest = self.evidence
        self.close()
        self.inner, self._closed = self._opened(self._read_bytes), False
        if not first_look:
            self.inner.stat()  # a source may answer first with the look taken at opening; the next is of after the read

    def close(self) -> None:
        """Closes what is open; a close that fails says nothing about what was read."""
        if not self._closed:
            self._closed = True
            with suppress(StoreError, OSError):
                self.inner.close()
