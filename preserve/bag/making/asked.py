"""What is asked to be bagged, looked at from outside: each source is there, and none is another, or lies in one."""

import os
import stat as modes
from collections.abc import Sequence

from checks.names import show
from preserve.bag.making.ignoring import Ignoring
from preserve.bag.making.links import LinkedTree
from preserve.bag.making.request import BagRequest, EmptyFolders
from preserve.bag.making.sources import Branch, SourceTree, called
from preserve.bag.making.survey import WORK_FOLDER, listed
from preserve.bag.trees import Tree
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.local import LocalStore


def source_tree(request: BagRequest) -> Tree:
    """The tree that is bagged; one plain folder is its own.

    Raises:
        UsageError: a source is not there, two have one name, one lies in another, or a pattern is none.
        UndeterminedError: one cannot be looked at.
    """
    sources = request.sources
    if not sources:
        raise UsageError("nothing is named that should be bagged", remedy="Name a folder, or files and folders.")
    keep = request.empty_folders is EmptyFolders.KEEP
    ignoring = Ignoring(request.ignore)
    one = len(sources) == 1 and not _is_file(sources[0])
    if one and not (keep or request.ignore or request.follow_links):
        return LocalStore(sources[0])
    if one:
        branches = {b"": Branch(_folder(sources[0], request))}
    else:
        kinds = {source: _mode_of(source) for source in sources}
        _refuse_names(sources)
        _refuse_nested(sources)
        branches = {
            _name_of(source): Branch(_folder(source, request))
            if modes.S_ISDIR(mode)
            else Branch(LocalStore(os.path.dirname(source)), os.path.basename(source))
            for source, mode in kinds.items()
        }
    return SourceTree(called(sources), branches, ignoring, keep=keep)


def tree_in_place(request: BagRequest) -> Tree:
    """The one folder that becomes a bag, to be looked over: what is to be ignored is told by its name."""
    store = LocalStore(request.sources[0])
    ignoring = Ignoring(request.ignore)
    return SourceTree(store.root, {b"": Branch(store)}, ignoring, keep=False) if request.ignore else store


def _folder(source: bytes, request: BagRequest) -> LocalStore | LinkedTree:
    return LinkedTree(source) if request.follow_links else LocalStore(source)


def _name_of(source: bytes) -> bytes:
    return os.path.basename(source.rstrip(b"/"))


def _is_file(source: bytes) -> bool:
    """Whether it is there and no folder. What is not there, or cannot be told, is told by the survey."""
    try:
        return not modes.S_ISDIR(os.stat(source).st_mode)
    except OSError:
        return False


def _mode_of(source: bytes) -> int:
    try:
        return os.stat(source).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"{show(source)}: there is no such file or folder") from error
    except OSError as error:
        raise UndeterminedError(f"{show(source)}: cannot be looked at: {error.strerror}") from error


def _refuse_names(sources: Sequence[bytes]) -> None:
    """Each comes to lie in `data/` under its own name."""
    by_name: dict[bytes, list[bytes]] = {}
    for source in sources:
        by_name.setdefault(_name_of(source), []).append(source)
    for name in (b"", WORK_FOLDER):
        if name in by_name:
            raise UsageError(
                f"{show(by_name[name][0])}: cannot be one of several sources",
                remedy="Name what lies in it, or bag it by itself." if not name else "Name what is to be kept.",
            )
    same = [source for group in by_name.values() if len(group) > 1 for source in group]
    if same:
        raise UsageError(
            "these have the same name, and each would lie in data/ under it; nothing was touched\n"
            + listed([show(source) for source in same]),
            remedy="Rename one, or put them into one folder as they should lie, and bag that.",
        )


def _refuse_nested(sources: Sequence[bytes]) -> None:
    """By what folders are, not by their names: a mount may show one folder in two places."""
    folders: dict[tuple[int, int] | None, bytes] = {}
    for source in sources:
        if not _is_file(source):
            other = folders.setdefault(_identity(source), source)
            if other != source:
                raise _nested(source, other)
    for source in sources:
        above = source
        while above not in (b"/", b""):
            above = os.path.dirname(above)
            holding = folders.get(_identity(above))
            if holding is not None:
                raise _nested(source, holding)


def _identity(folder: bytes) -> tuple[int, int] | None:
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _nested(source: bytes, other: bytes) -> UsageError:
    return UsageError(
        f"{show(source)}: lies in {show(other)}, which is named too, or is that folder",
        remedy="Name only one of them: what lies in a folder is bagged with it.",
    )
