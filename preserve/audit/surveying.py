"""What stands in a replica's root that no copy in the catalog accounts for."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from checks.ports import Kind, Stat, StoreError
from preserve.stores.identity import OURS
from preserve.stores.local import Name

_NOT_ASKED = frozenset({OURS, b"lost+found"})  # ours, and the file system's
_DECLARATION = b"/bagit.txt"  # RFC 8493 §2.1.1
_MOST = 10_000  # names kept of each kind


class Top(Protocol):
    """What is needed of a store; the local one fits."""

    def names_in(self, folder: bytes) -> Collection[Name]: ...
    def stat(self, path: bytes) -> Stat: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Names in the root, in order; of each kind no more than the first ten thousand, the rest is only counted.

    Attributes:
        files: and whatever else is no folder: links, devices.
        more: how many names there are beyond those that are given.
        problem: why the root could not be listed; then nothing is known. Else empty.
    """

    bags: tuple[bytes, ...] = ()
    folders: tuple[bytes, ...] = ()
    files: tuple[bytes, ...] = ()
    more: int = 0
    problem: str = ""


def survey(store: Top, locations: Collection[bytes]) -> Survey:
    """Lists the top level once, and looks for the declaration of a bag in each folder that is not known. No link is
    followed. Never raises for what a store does.

    Args:
        locations: where the copies lie, of older versions and of removed packages too.
    """
    known = {location.partition(b"/")[0] for location in locations} | _NOT_ASKED
    bags, folders, files = list[bytes](), list[bytes](), list[bytes]()
    more = 0
    try:
        for name, kind, _ in store.names_in(b""):
            name = name.rstrip(b"/")
            if name in known:
                continue
            found = files if kind is not Kind.DIRECTORY else bags if _is_bag(store, name) else folders
            if len(found) < _MOST:
                found.append(name)
            else:
                more += 1
    except StoreError as error:
        return Survey(problem=error.cause or str(error))
    return Survey(bags=tuple(bags), folders=tuple(folders), files=tuple(files), more=more)


def _is_bag(store: Top, folder: bytes) -> bool:
    try:
        return store.stat(folder + _DECLARATION).kind is Kind.FILE
    except StoreError:
        return False
