"""Streams in order of which the next item can be looked at before it is taken: what a merge is made of."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """A stream of items, none of which is None, in rising order of `key`."""

    def __init__(self, items: Iterator[T], key: Callable[[T], bytes]) -> None:
        self._items = items
        self._key = key
        self._next = next(items, None)

    def peek(self) -> T | None:
        """The next item, which stays; None at the end."""
        return self._next

    def take(self) -> T | None:
        """The next item, which is gone from the stream; None at the end."""
        found, self._next = self._next, next(self._items, None)
        return found

    def at(self, place: bytes) -> T | None:
        """The item at that place, if there is one; all before it are passed over."""
        while self._next is not None and self._key(self._next) < place:
            self._next = next(self._items, None)
        return self._next if self._next is not None and self._key(self._next) == place else None


def itself(path: bytes) -> bytes:
    """The key of streams that are paths."""
    return path
