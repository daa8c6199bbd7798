"""One folder of a replica, to read a bag through: by the replica's own reads, which follow no link on the way."""

from collections.abc import Collection
from typing import Protocol

from checks.ports import Source, Stat
from preserve.stores.local import Name


class Readable(Protocol):
    """What is needed of a replica's store."""

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]: ...
    def stat(self, path: bytes) -> Stat: ...
    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source: ...


class Within:
    """A `preserve.bag.trees.Tree`. Everything is read past the cache where the store can do that.

    Args:
        where: the replica, for people.
    """

    def __init__(self, store: Readable, where: bytes, folder: bytes) -> None:
        self._store = store
        self._folder = folder
        self.root = where.rstrip(b"/") + b"/" + folder
        self.in_flight: int = getattr(store, "in_flight", 1)

    def _full(self, path: bytes) -> bytes:
        return self._folder + b"/" + path if path else self._folder

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """See `preserve.bag.trees.Tree`."""
        return self._store.names_in(self._full(folder), stats=stats)

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`."""
        return self._store.stat(self._full(path))

    def open(self, path: bytes, *, past_cache: bool) -> Source:
        """See `preserve.bag.trees.Tree`; asked past the cache or not, it is read past it."""
        return self._store.open(self._full(path), past_cache=True)
