"""A walk in the bytewise order of whole paths, so that it can be merged with a manifest in bounded memory."""

import os
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from checks.ports import Kind, StoreError
from preserve.bag.trees import Tree
from preserve.stores.local import Name

Look = Callable[[bytes, Collection[Name]], None]  # gets a folder's path and its names


class Seen(NamedTuple):
    """One name. `problem` means a folder that could not be listed. Empty folders are told as DIRECTORY.

    A tuple, because hundreds of thousands of them pass.
    """

    path: bytes
    kind: Kind
    problem: str | None = None
    stat: os.stat_result | None = None


def position(seen: Seen) -> bytes:
    """Where a name stands in the order of whole paths: a folder, where its content would."""
    return seen.path + b"/" if seen.kind is Kind.DIRECTORY else seen.path


def walk(
    tree: Tree,
    top: bytes,
    *,
    stats: bool = False,
    skip: bytes = b"",
    look: Look | None = None,
) -> Iterator[Seen]:
    """Every name below the folder `top` (b"" is the tree's root), with paths from the root.

    Args:
        stats: each file's stat is handed out too, None if it is gone. If one cannot be had, its folder is a problem.
        skip: a folder (by its whole path) that is passed over.
        look: gets every folder's path and names, before the walk goes through them.

    Raises:
        StoreError: `top` itself cannot be opened.
    """
    first = tree.names_in(top, stats=stats)
    if look is not None:
        look(top, first)
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
                below = tree.names_in(path, stats=stats)
            except StoreError as error:
                yield Seen(path, Kind.DIRECTORY, error.cause or str(error))
                continue
            if not below:
                yield Seen(path, Kind.DIRECTORY)
                continue
            if look is not None:
                look(path, below)
            waiting.append((path + b"/", iter(below)))
            break
        else:
            waiting.pop()
