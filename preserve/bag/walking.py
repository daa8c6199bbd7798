"""A walk in the bytewise order of whole paths, so that it can be merged with a manifest in bounded memory."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from checks.names import show
from checks.ports import Kind, StoreError
from preserve.stores.local import LocalStore, cause_of


class Seen(NamedTuple):
    """One name. `problem` means a folder that could not be listed. Empty folders are told as DIRECTORY.

    A tuple, because hundreds of thousands of them pass.
    """

    path: bytes
    kind: Kind
    problem: str | None = None
    stat: os.stat_result | None = None


_Entry = tuple[bytes, Kind, os.stat_result | None]


def walk(store: LocalStore, top: bytes, *, stats: bool = False, skip: bytes = b"") -> Iterator[Seen]:
    """Every name below the folder `top` (b"" is the store's root), with paths from the store's root.

    Args:
        stats: each file's stat is handed out too, None if it is gone. If one cannot be had, its folder is a problem.
        skip: a folder (by its whole path) that is passed over.

    Raises:
        StoreError: `top` itself cannot be opened.
    """
    first = _names(store, top, stats)
    waiting = [(top + b"/" if top else b"", iter(first))]
    while waiting:
        prefix, names = waiting[-1]
        for name, kind, stat in names:
            if kind is not Kind.DIRECTORY:
                yield Seen(prefix + name, kind, None, stat)
                continue
            path = prefix + name[:-1]
            if path == skip:
                continue
            try:
                below = _names(store, path, stats)
            except StoreError as error:
                yield Seen(path, Kind.DIRECTORY, error.cause or str(error))
                continue
            if not below:
                yield Seen(path, Kind.DIRECTORY)
                continue
            waiting.append((path + b"/", iter(below)))
            break
        else:
            waiting.pop()


def _names(store: LocalStore, folder: bytes, stats: bool) -> list[_Entry]:
    """A folder's names in order; a folder's own name ends in `/`, which is where its content sorts."""
    fd = store.open_folder(folder)
    try:
        found: list[_Entry] = []
        with os.scandir(fd) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                if entry.is_file(follow_symlinks=False):
                    found.append((name, Kind.FILE, _stat(entry) if stats else None))
                elif entry.is_dir(follow_symlinks=False):
                    found.append((name + b"/", Kind.DIRECTORY, None))
                else:
                    found.append((name, Kind.SYMLINK if entry.is_symlink() else Kind.OTHER, None))
    except OSError as error:
        # `filename` is the name whose stat failed; of the listing itself it is only the descriptor's number.
        at = error.filename if isinstance(error.filename, str) else ""
        where = os.path.join(store.root, folder, os.fsencode(at))
        raise StoreError(f"{show(where)}: {error.strerror}", cause=cause_of(error)) from error
    finally:
        os.close(fd)
    found.sort(key=_first)
    return found


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # gone since it was listed
        return None


def _first(entry: _Entry) -> bytes:
    return entry[0]
