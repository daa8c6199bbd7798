"""What a bag, or the source of one, is read through: a folder on disk, a serialised bag, several sources as one."""

from collections.abc import Collection
from typing import Protocol

from checks.ports import Source, Stat
from preserve.stores.local import Name


class Tree(Protocol):
    """Files below one root. Paths are bytes from the root with `/` between parts; b"" is the root itself.

    `preserve.stores.local.LocalStore` is one. Like a store, a tree raises only `checks.ports.StoreError` and its kinds.
    """

    @property
    def root(self) -> bytes:
        """What to call it when speaking to people."""
        ...

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """A folder's names in order, to be gone through again and again.

        That of a folder ends in `/`, which is where its content sorts.

        With `stats`, each file's stat, None if it is gone or the tree has no such thing. NotFoundError if there is no
        such folder; StoreError if it cannot be listed.
        """
        ...

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`."""
        ...

    def open(self, path: bytes, *, past_cache: bool) -> Source:
        """Opens a regular file, never through a link. See `checks.ports.Store`."""
        ...
