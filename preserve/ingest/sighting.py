"""A bag that lies on a replica, seen by its names and its files' states: whether it can be a copy, and is the same."""

from collections.abc import Collection
from hashlib import sha256

from checks.names import show
from checks.ports import Kind
from preserve.bag.trees import Tree
from preserve.bag.validating.structure import DATA
from preserve.bag.walking import walk
from preserve.errors import UsageError
from preserve.stores.local import Name
from preserve.stores.within import Readable


def refuse_no_folder(store: Readable, folder: bytes) -> None:
    """UsageError unless a folder stands there, itself no link, nor anything on the way to it."""
    kind = store.stat(folder).kind
    if kind is not Kind.DIRECTORY:
        raise UsageError(
            f"it is {'a link' if kind is Kind.SYMLINK else 'no folder'}",
            remedy="Name the folder itself; nothing is adopted through a link.",
        )


def sight(tree: Tree) -> bytes:
    """A digest over all names, and over the state of each file as far as the store tells it with little asking.

    Raises:
        UsageError: a file has a second name by a hard link, or a name is a file's and a folder's.
    """
    seen = sha256()
    for path, kind, problem, stat in walk(tree, b"", stats=True, look=_refuse_file_and_folder):
        state: object = None
        if stat is not None and kind is Kind.FILE and stat.st_nlink > 1:
            raise UsageError(
                f"{show(path)} is a hard link: the same bytes have another name, so this is no copy of its own",
                remedy="Copy the folder with all in it to a new place, such as with `cp -r`, and adopt that.",
            )
        if stat is not None:
            state = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        elif kind is Kind.FILE and not path.startswith(DATA + b"/"):
            state = tree.stat(path).token
        seen.update(repr((path, kind.value, problem, state)).encode())
    return seen.digest()


def _refuse_file_and_folder(folder: bytes, names: Collection[Name]) -> None:
    """UsageError for what a bucket can hold and no disk: a file, and a folder of the same name."""
    files: list[bytes] = []  # those that the present name begins with; they come right before it
    for name, kind, _ in names:
        while files and not name.startswith(files[-1]):
            files.pop()
        if kind is not Kind.DIRECTORY:
            files.append(name)
        elif name[:-1] in files:
            path = b"/".join(filter(None, (folder, name[:-1])))
            raise UsageError(
                f"{show(path)} is a file, and a folder with files in it, too: it could never be restored to a disk",
                remedy="Give one of the two another name, there and in the bag's manifests.",
            )
