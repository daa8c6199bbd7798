"""Where the bag may be that was looked for in a folder that is none."""

import os
from collections.abc import Collection, Iterator
from itertools import islice

from checks.names import show
from checks.ports import Kind, StoreError
from preserve.bag.tags import declaration
from preserve.bag.tags.manifests import manifests_among
from preserve.bag.trees import Tree
from preserve.stores.local import LocalStore, Name

_WORK_FOLDER = b".preserve-bagging/"  # of `preserve bag --in-place`, until the bag is whole
_SHOWN = 5
_LOOKED_INTO = 1_000  # folders: this is a hint only


def hint(tree: Tree, names: Collection[Name]) -> str:
    """What stands near, to be put behind a sentence; empty if nothing that is known.

    `names` are those of the tree's top.
    """
    folders = [name for name, kind, _ in names if kind is Kind.DIRECTORY]
    if _WORK_FOLDER in folders:
        return "; making a bag of it was begun and not finished: run the same `preserve bag --in-place` command again"
    higher = _higher(tree)
    if higher is not None:
        return f"; it stands one folder higher, so that the bag is {show(higher)}"
    if manifests_among([name for name, kind, _ in names if kind is not Kind.DIRECTORY]):
        return ""  # a bag whose bagit.txt is lost
    bags = list(islice(_bags(tree, folders), _SHOWN + 1))
    if not bags:
        return ""
    more = ", …" if len(bags) > _SHOWN else ""
    return f"; in it these folders are bags: {', '.join(show(bag) for bag in bags[:_SHOWN])}{more}"


def _higher(tree: Tree) -> bytes | None:
    """The folder above, if it is a bag; what lies in an archive has none above."""
    if not isinstance(tree, LocalStore):
        return None
    above = os.path.dirname(os.path.realpath(tree.root))
    return above if os.path.isfile(os.path.join(above, declaration.NAME)) else None


def _bags(tree: Tree, folders: Collection[bytes]) -> Iterator[bytes]:
    for folder in islice(folders, _LOOKED_INTO):
        try:
            if tree.stat(folder + declaration.NAME).kind is Kind.FILE:
                yield folder[:-1]
        except StoreError:
            continue
