"""A folder whose symbolic links are followed where they stay in it: whatever they mean is a file or folder of its own.

A link is resolved once, when its folder is listed. What it came to is a path below the root that is opened part by part
and never through a link: one that is exchanged afterwards leads nowhere else.
"""

import errno
import os
import stat as modes
from collections.abc import Collection, Iterator
from operator import itemgetter

from checks.names import show
from checks.ports import Kind, Stat, StoreError
from preserve.stores.local import LocalStore, Name
from preserve.stores.local_source import LocalSource, cause_of

_DEEPEST = 8  # folder links in one path: each may double what there is


class LinkedTree:
    """Reads below `root`; see `preserve.bag.trees.Tree`. A link that is not followed is told as one."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._real_root = os.path.realpath(root)
        self._store = LocalStore(root)
        self._followed: dict[bytes, bytes] = {}  # path of a link -> what it means, a path that leads through no link
        self._refused: dict[bytes, str] = {}

    def follows(self, path: bytes) -> bool:
        """Whether that is a link which was followed when its folder was listed."""
        return path in self._followed

    def why_refused(self, path: bytes) -> str | None:
        """Why a link, by its path, is not followed."""
        return self._refused.get(path)

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """See `preserve.bag.trees.Tree`."""
        names = self._store.names_in(self._real(folder), stats=stats)
        if any(kind is Kind.SYMLINK for _, kind, _ in names):
            seen = (self._seen(folder, name) if name[1] is Kind.SYMLINK else name for name in names)
            names = sorted(seen, key=itemgetter(0))
        return names

    def stat(self, path: bytes) -> Stat:
        """See `preserve.bag.trees.Tree`."""
        return self._store.stat(self._real(path))

    def open(self, path: bytes, *, past_cache: bool) -> LocalSource:
        """See `preserve.bag.trees.Tree`."""
        return self._store.open(self._real(path), past_cache=past_cache)

    def _real(self, path: bytes) -> bytes:
        """The path that leads to the same through no link that was followed."""
        if not self._followed:
            return path
        rest = b""
        above = path
        while above:
            if above in self._followed:
                return b"/".join(part for part in (self._followed[above], rest) if part)
            above, _, name = above.rpartition(b"/")
            rest = name + b"/" + rest if rest else name
        return path

    def _seen(self, folder: bytes, link: Name) -> Name:
        """What a link is taken for: a file, a folder, or a link that is refused."""
        name = link[0]
        path = folder + b"/" + name if folder else name
        self._followed.pop(path, None)
        self._refused.pop(path, None)
        try:
            real = self._resolved(self._real(path))
            found = self._looked_at(real)
            if modes.S_ISDIR(found.st_mode):
                self._refuse_endless(folder, real)
        except _RefusedError as refused:
            self._refused[path] = str(refused)
            return link
        if modes.S_ISREG(found.st_mode):
            self._followed[path] = real
            return name, Kind.FILE, found
        if modes.S_ISDIR(found.st_mode):
            self._followed[path] = real
            return name + b"/", Kind.DIRECTORY, None
        return name, Kind.OTHER, None

    def _resolved(self, link: bytes) -> bytes:
        try:
            end = os.path.realpath(os.path.join(self._real_root, link), strict=True)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _RefusedError("a symbolic link that leads to itself") from error
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise _RefusedError("a broken symbolic link: what it names is not there") from error
            raise _RefusedError(f"a symbolic link that cannot be followed ({cause_of(error)})") from error
        if end == self._real_root:
            return b""
        inside = self._real_root.rstrip(b"/") + b"/"
        if not end.startswith(inside):
            raise _RefusedError(f"a symbolic link that leaves the source, to {show(end)}")
        return end.removeprefix(inside)

    def _looked_at(self, real: bytes) -> os.stat_result:
        parent, _, name = real.rpartition(b"/")
        try:
            fd = self._store.open_folder(parent)
        except StoreError as error:
            raise _RefusedError(f"a symbolic link that cannot be followed ({error.cause or error})") from error
        try:
            return os.stat(name or b".", dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            raise _RefusedError(f"a symbolic link that cannot be followed ({cause_of(error)})") from error
        finally:
            os.close(fd)

    def _refuse_endless(self, folder: bytes, real: bytes) -> None:
        """A folder that comes again below itself, or lies behind too many links."""
        above = list(_from_the_root(folder))
        if real in (self._real(each) for each in above):
            raise _RefusedError("a symbolic link to a folder that it lies in: it would never end")
        if sum(each in self._followed for each in above) >= _DEEPEST:
            raise _RefusedError(f"a symbolic link to a folder, behind {_DEEPEST} others")


def _from_the_root(folder: bytes) -> Iterator[bytes]:
    yield b""
    parts = folder.split(b"/") if folder else []
    for number in range(len(parts)):
        yield b"/".join(parts[: number + 1])


class _RefusedError(Exception):
    """Why a link is not followed."""
