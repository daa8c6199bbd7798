"""Going on with a file of which the far side has the beginning."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from preserve.stores.port import Sink


class Opener:
    """What opens a file whose size and digest were told already."""

    def __init__(self, opening: Callable[[], AbstractContextManager[Sink]]) -> None:
        self._opening = opening

    def __call__(self, *, size_bytes: int | None = None, sha256: bytes | None = None) -> AbstractContextManager[Sink]:
        return self._opening()


@contextmanager
def skipping(resumed: AbstractContextManager[Sink], offset: int) -> Iterator[Sink]:
    """All of a file is given, so that all of it is digested here; what the far side has is not sent again."""
    with resumed as sink:
        left = offset

        def rest(buffer: memoryview) -> None:
            nonlocal left
            skipped = min(left, len(buffer))
            left -= skipped
            if skipped < len(buffer):
                sink(buffer[skipped:])

        yield rest
