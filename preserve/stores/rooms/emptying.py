"""Taking away all that lies below a folder of a store, file by file."""

from collections.abc import Iterator
from contextlib import suppress

from checks.ports import Listed, NotFoundError
from preserve.errors import UndeterminedError
from preserve.stores.port import Renaming, WritableStore
from preserve.stores.rooms.writing import names_below, place, reading, writing


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
    for name in names:
        path = below + b"/" + name if below else name
        if name.endswith(b"/"):
            yield from _emptied(store, folder, path.removesuffix(b"/"))
            continue
        with writing(place(store, folder + b"/" + path)), suppress(NotFoundError):
            store.remove(folder + b"/" + path)
        yield path
    with writing(place(store, full)), suppress(NotFoundError):
        store.remove_folder(full)


def _emptied_flat(store: WritableStore, folder: bytes) -> Iterator[bytes]:
    for one in _listed(store, folder):
        if one.problem is not None:
            raise UndeterminedError(f"{place(store, folder)}: cannot be listed: {one.problem}")
        with writing(place(store, folder + b"/" + one.path)), suppress(NotFoundError):
            store.remove(folder + b"/" + one.path)
        yield one.path


def _listed(store: WritableStore, folder: bytes) -> Iterator[Listed]:
    """While it is gone through, what was told is taken away; nothing if there is no such folder."""
    with reading(place(store, folder)):
        try:
            yield from store.listing(folder)
        except NotFoundError:
            return
