"""The local store: a folder on a disk or a mounted share, read openat-style and never through a symbolic link."""

import errno
import os
import stat as modes
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from operator import itemgetter

from checks.names import show
from checks.ports import Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError
from preserve.stores.identity import read_identity
from preserve.stores.local_source import DIRECT, LocalSource, cause_of, drop_cache, stat_of, translated
from preserve.stores.many_names import ManyNames

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
# What os.fsencode looks up at every call: a folder opened by its descriptor is listed as text.
_CODEC, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

_MOST_LEVELS = 2048  # no path that a system call takes (PATH_MAX) has more; each is opened on the way to a folder
_MANY = 100_000  # names of one folder in memory

Name = tuple[bytes, Kind, os.stat_result | None]  # in a folder; that of a folder ends in `/`


class LocalStore:
    """Reads below `root` (an absolute path as bytes). Safe to share between threads."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.unusable: UnavailableError | None = None  # why it is not to be worked with, whatever identity is there
        self._generation = 0
        self._local = threading.local()

    def identity(self) -> str:
        """The replica's UUID, read anew; see `checks.ports.Store`."""
        # A disk may have been pulled and another mounted at the same place: remembered folders are of the old one.
        self._generation += 1
        if self.unusable is not None:
            raise self.unusable
        return read_identity(self.root).uuid

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`. Symbolic links are told as such."""
        parent, name = self._parent(path)
        try:
            return stat_of(os.stat(name, dir_fd=parent, follow_symlinks=False))
        except OSError as error:
            raise translated(error, path) from error

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store`. Folders in which there is nothing are not named."""
        waiting = [b""]
        while waiting:
            folder = waiting.pop()
            full = b"/".join(part for part in (root, folder) if part)
            try:
                fd = self.open_folder(full)
            except StoreError as error:
                if folder == b"":
                    raise
                yield Listed(folder, Kind.DIRECTORY, error.cause or str(error))
                continue
            try:
                yield from self._list_folder(fd, folder, waiting)
            finally:
                os.close(fd)

    def _list_folder(self, fd: int, folder: bytes, waiting: list[bytes]) -> Iterator[Listed]:
        prefix = folder + b"/" if folder else b""
        try:
            with os.scandir(fd) as names:
                for entry in names:
                    path = prefix + os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        yield Listed(path, Kind.FILE)
                    else:
                        yield Listed(path, Kind.SYMLINK if entry.is_symlink() else Kind.OTHER)
        except OSError as error:
            yield Listed(folder, Kind.DIRECTORY, cause_of(error))

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """A folder's names in order; that of a folder ends in `/`, which is where its content sorts.

        With `stats`, each file's stat, None if it is gone since it was listed. StoreError if one cannot be had.
        """
        fd = self.open_folder(folder)
        try:
            found: list[Name] = []
            many: ManyNames | None = None
            file = Kind.FILE
            with os.scandir(fd) as entries:
                for entry in entries:
                    name = entry.name.encode(_CODEC, _ERRORS)
                    if entry.is_file(follow_symlinks=False):
                        found.append((name, file, _stat_unless_gone(entry) if stats else None))
                    elif entry.is_dir(follow_symlinks=False):
                        found.append((name + b"/", Kind.DIRECTORY, None))
                    else:
                        found.append((name, Kind.SYMLINK if entry.is_symlink() else Kind.OTHER, None))
                    if len(found) >= _MANY and not stats:
                        many = many or ManyNames()
                        many.take(found)
                        found.clear()
        except OSError as error:
            # `filename` is the name whose stat failed; of the listing itself it is only the descriptor's number.
            at = error.filename if isinstance(error.filename, str) else ""
            where = os.path.join(self.root, folder, os.fsencode(at))
            raise StoreError(f"{show(where)}: {error.strerror}", cause=cause_of(error)) from error
        finally:
            os.close(fd)
        if many is not None:
            many.take(found)
            return many
        found.sort(key=itemgetter(0))
        return found

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> LocalSource:
        """See `checks.ports.Store`. Past the cache means O_DIRECT; where it is refused, the evidence is READ."""
        parent, name = self._parent(path)
        direct = past_cache and DIRECT != 0
        try:
            try:
                fd = os.open(name, _READ | DIRECT if direct else _READ, dir_fd=parent)
            except OSError as error:
                if not direct or error.errno != errno.EINVAL:
                    raise
                fd, direct = os.open(name, _READ, dir_fd=parent), False
                drop_cache(fd)
            return LocalSource(path, fd, _stat_of_regular(fd), direct, offset)
        except OSError as error:
            raise translated(error, path) from error

    def _parent(self, path: bytes) -> tuple[int, bytes]:
        """A descriptor of the folder a path lies in (the last one used is kept, by thread) and the last part."""
        folder, _, name = path.rpartition(b"/")
        kept: _Kept | None = getattr(self._local, "kept", None)
        if kept is None or kept.folder != folder or kept.generation != self._generation:
            kept = _Kept(folder, self._generation, self.open_folder(folder))
            self._local.kept = kept
        return kept.fd, name

    def open_folder(self, folder: bytes) -> int:
        """A descriptor of a folder below the root, for the caller to close; no link is followed on the way down.

        Raises:
            NotFoundError: nothing, a file or a link stands where a part of the path should be.
            StoreError: it cannot be opened.
        """
        if folder.count(b"/") >= _MOST_LEVELS:
            raise StoreError(f"{show(folder[:100])}…: more than {_MOST_LEVELS} levels deep", cause="ENAMETOOLONG")
        try:
            fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UnavailableError(f"{show(self.root)}: {error.strerror}", cause=cause_of(error)) from error
        for part in folder.split(b"/") if folder else ():
            if part in (b"", b".", b".."):
                os.close(fd)
                raise StoreError(f"{show(folder)}: not a path below the root", cause="EINVAL")
            try:
                below = os.open(part, _FOLDER, dir_fd=fd)
            except OSError as error:
                if error.errno in (
                    errno.ENOTDIR,
                    errno.ELOOP,
                ):  # a file or a link stands where the folder was
                    raise NotFoundError(f"{show(folder)}: no such folder", cause=cause_of(error)) from error
                raise translated(error, folder) from error
            finally:
                os.close(fd)
            fd = below
        return fd


def _stat_unless_gone(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


class PlainFolder(LocalStore):
    """A folder that is no replica and so has no identity to ask for, such as one that is restored to."""

    IDENTITY = "no replica"

    def identity(self) -> str:
        return self.IDENTITY


class _Kept:
    """A folder's descriptor that closes itself when its thread or store goes."""

    def __init__(self, folder: bytes, generation: int, fd: int) -> None:
        self.folder, self.generation, self.fd = folder, generation, fd

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.fd)


def _stat_of_regular(fd: int) -> os.stat_result:
    """The stat of what was opened. OSError, with the descriptor closed, if there is none or it is no regular file."""
    try:
        found = os.fstat(fd)
        if modes.S_ISREG(found.st_mode):
            return found
        raise OSError(errno.ELOOP, "not a regular file")
    except OSError:
        os.close(fd)
        raise
