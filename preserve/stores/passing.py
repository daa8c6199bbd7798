"""A store, and its open files, that hand everything through: what limits or repeats changes only what it must."""

from collections.abc import Iterator

from checks.evidence import Evidence
from checks.ports import Listed, Source, Stat, Store


def in_flight_of(store: Store | None) -> int:
    """How many small files it does good to read at once; 1 of a store that does not say."""
    count: int = getattr(store, "in_flight", 1)
    return count


class PassedSource:
    """An open file of another store. How its bytes were read is what that store says of it."""

    def __init__(self, inner: Source) -> None:
        self.inner = inner
        self.path = inner.path

    @property
    def evidence(self) -> Evidence:
        return self.inner.evidence

    def stat(self) -> Stat:
        """See `checks.ports.Source`."""
        return self.inner.stat()

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        """See `checks.ports.WholeSource`; None if the inner source is none."""
        whole = getattr(self.inner, "whole", None)
        found: tuple[int, Stat] | None = None if whole is None else whole(buffer, most_bytes)
        return found

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`."""
        return self.inner.readinto(buffer)

    def close(self) -> None:
        self.inner.close()


class PassedStore:
    """Another store, as it is."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    @property
    def in_flight(self) -> int:
        return in_flight_of(self.inner)

    def identity(self) -> str:
        """See `checks.ports.Store`."""
        return self.inner.identity()

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`."""
        return self.inner.stat(path)

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store`."""
        return self.inner.listing(root)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        """See `checks.ports.Store`."""
        return self.inner.open(path, past_cache=past_cache, offset=offset, expected_bytes=expected_bytes)
