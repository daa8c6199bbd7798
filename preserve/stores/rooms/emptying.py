"""Taking away all that lies below a folder of a store: as many files at once as it does good to ask it for."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from checks.ports import Listed, NotFoundError
from preserve.errors import UndeterminedError
from preserve.stores.capabilities import Renaming
from preserve.stores.port import WritableStore
from preserve.stores.rooms.writing import names_below, place, reading, writing

_AT_ONCE = 1_000  # files handed to the threads together


def emptied(store: WritableStore, folder: bytes) -> Iterator[bytes]:
    """Takes away all files below a folder, and it too, and tells each file (below the folder) after it went.

    Raises:
        UndeterminedError: something could not be listed or taken away; the rest stays.
    """
    yield from _emptied(store, folder, b"") if isinstance(store, Renaming) else _emptied_flat(store, folder)


def _emptied(store: WritableStore, folder: bytes, below: bytes) -> Iterator[bytes]:
    full = folder + b"/" + below if below else folder
    with reading(place(store, full)):
        names = names_below(store, full)
    above = below + b"/" if below else b""
    yield from _gone(store, folder, (above + name for name in names if not name.endswith(b"/")))
    for name in names:
        if name.endswith(b"/"):
            yield from _emptied(store, folder, above + name.removesuffix(b"/"))
    with writing(place(store, full)), suppress(NotFoundError):
        store.remove_folder(full)


def _emptied_flat(store: WritableStore, folder: bytes) -> Iterator[bytes]:
    yield from _gone(store, folder, _files(store, folder))


def _files(store: WritableStore, folder: bytes) -> Iterator[bytes]:
    for one in _listed(store, folder):
        if one.problem is not None:
            raise UndeterminedError(f"{place(store, folder)}: cannot be listed: {one.problem}")
        yield one.path


def _gone(store: WritableStore, folder: bytes, paths: Iterable[bytes]) -> Iterator[bytes]:
    """Takes these files away and tells each; after one that cannot be, those already begun go on to their end."""

    def remove(path: bytes) -> bytes:
        with writing(place(store, folder + b"/" + path)), suppress(NotFoundError):
            store.remove(folder + b"/" + path)
        return path

    if store.in_flight < 2:
        yield from map(remove, paths)
        return
    waiting = iter(paths)
    with ThreadPoolExecutor(store.in_flight) as threads:
        while some := list(islice(waiting, _AT_ONCE)):
            yield from threads.map(remove, some)


def _listed(store: WritableStore, folder: bytes) -> Iterator[Listed]:
    """While it is gone through, what was told is taken away; nothing if there is no such folder."""
    with reading(place(store, folder)):
        try:
            yield from store.listing(folder)
        except NotFoundError:
            return
