"""The local store: a folder on a disk or a mounted share, read openat-style and never through a symbolic link."""

import errno
import fcntl
import os
import stat as modes
import threading
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, Listed, NotFoundError, Stat, StoreError, UnavailableError, WrongKindError
from preserve.stores.identity import read_identity

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_DIRECT = getattr(os, "O_DIRECT", 0)
_ALIGNMENT = 4096  # what every device we know is content with

Name = tuple[bytes, Kind, os.stat_result | None]  # in a folder; that of a folder ends in `/`
Token = tuple[int, int, int, int, int]  # device, inode, size in bytes, mtime and ctime in nanoseconds


class LocalStore:
    """Reads below `root` (an absolute path as bytes). Safe to share between threads."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self._generation = 0
        self._local = threading.local()

    def identity(self) -> str:
        """The replica's UUID, read anew; see `checks.ports.Store`."""
        # A disk may have been pulled and another mounted at the same place: remembered folders are of the old one.
        self._generation += 1
        return read_identity(self.root).uuid

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`. Symbolic links are told as such."""
        parent, name = self._parent(path)
        try:
            return _stat_of(os.stat(name, dir_fd=parent, follow_symlinks=False))
        except OSError as error:
            raise _translated(error, path) from error

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

    def names_in(self, folder: bytes, *, stats: bool = False) -> list[Name]:
        """A folder's names in order; that of a folder ends in `/`, which is where its content sorts.

        With `stats`, each file's stat, None if it is gone since it was listed. StoreError if one cannot be had.
        """
        fd = self.open_folder(folder)
        try:
            found: list[Name] = []
            with os.scandir(fd) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if entry.is_file(follow_symlinks=False):
                        found.append((name, Kind.FILE, _stat_unless_gone(entry) if stats else None))
                    elif entry.is_dir(follow_symlinks=False):
                        found.append((name + b"/", Kind.DIRECTORY, None))
                    else:
                        found.append((name, Kind.SYMLINK if entry.is_symlink() else Kind.OTHER, None))
        except OSError as error:
            # `filename` is the name whose stat failed; of the listing itself it is only the descriptor's number.
            at = error.filename if isinstance(error.filename, str) else ""
            where = os.path.join(self.root, folder, os.fsencode(at))
            raise StoreError(f"{show(where)}: {error.strerror}", cause=cause_of(error)) from error
        finally:
            os.close(fd)
        found.sort(key=itemgetter(0))
        return found

    def open(
        self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None
    ) -> "LocalSource":
        """See `checks.ports.Store`. Past the cache means O_DIRECT; where it is refused, the evidence is READ."""
        parent, name = self._parent(path)
        try:
            fd, direct, found = _open_regular(name, parent, direct=past_cache and bool(_DIRECT))
        except OSError as error:
            raise _translated(error, path) from error
        return LocalSource(path, fd, found, direct=direct, offset=offset)

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
                raise _translated(error, folder) from error
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


class LocalSource:
    """An open regular file. With O_DIRECT, buffers must be page-aligned (the digester's are)."""

    def __init__(self, path: bytes, fd: int, found: os.stat_result, *, direct: bool, offset: int = 0) -> None:
        self.path = path
        self.mode = modes.S_IMODE(found.st_mode)
        self._fd = fd
        self._found: os.stat_result | None = found  # the first look, taken when it was opened
        self._direct = direct
        self._position = offset
        self._read_past_cache = direct
        if offset:
            os.lseek(fd, offset, os.SEEK_SET)

    @property
    def evidence(self) -> Evidence:
        return Evidence.READ_MEDIUM if self._read_past_cache else Evidence.READ

    def stat(self) -> Stat:
        """See `checks.ports.Source`. The first answer is the look taken at opening: one call fewer a file."""
        found, self._found = self._found, None
        try:
            return _stat_of(os.fstat(self._fd) if found is None else found)
        except OSError as error:
            raise _translated(error, self.path) from error

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`."""
        try:
            if self._direct and (self._position % _ALIGNMENT or len(buffer) % _ALIGNMENT):
                if self._position >= os.fstat(self._fd).st_size:
                    return 0  # the usual end: the last read was short
                self._through_cache()
            count = self._read(buffer)
        except OSError as error:
            raise _translated(error, self.path) from error
        self._position += count
        return count

    def _read(self, buffer: memoryview) -> int:
        try:
            return os.readv(self._fd, [buffer])
        except OSError as error:
            if not self._direct or error.errno != errno.EINVAL:
                raise
            self._through_cache()  # a file system that lets O_DIRECT be opened and then refuses to read
            return os.readv(self._fd, [buffer])

    def _through_cache(self) -> None:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~_DIRECT)
        self._direct = self._read_past_cache = False
        _drop_cache(self._fd)

    def close(self) -> None:
        os.close(self._fd)


def _open_regular(name: bytes, parent: int, *, direct: bool) -> tuple[int, bool, os.stat_result]:
    try:
        fd = os.open(name, _READ | (_DIRECT if direct else 0), dir_fd=parent)
    except OSError as error:
        if not direct or error.errno != errno.EINVAL:
            raise
        fd, direct = os.open(name, _READ, dir_fd=parent), False
        _drop_cache(fd)
    found = os.fstat(fd)
    if not modes.S_ISREG(found.st_mode):
        os.close(fd)
        raise OSError(errno.ELOOP, "not a regular file")
    return fd, direct, found


def _drop_cache(fd: int) -> None:
    with suppress(OSError, AttributeError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _stat_of(found: os.stat_result) -> Stat:
    return Stat(_kind_of(found.st_mode), found.st_size, token_of(found), found.st_mtime_ns)


def token_of(found: os.stat_result) -> Token:
    """What is equal only while a file is the same one, unchanged."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _kind_of(mode: int) -> Kind:
    if modes.S_ISREG(mode):
        return Kind.FILE
    if modes.S_ISDIR(mode):
        return Kind.DIRECTORY
    return Kind.SYMLINK if modes.S_ISLNK(mode) else Kind.OTHER


def _translated(error: OSError, path: bytes) -> StoreError:
    text = f"{show(path)}: {error.strerror}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(text, cause=cause_of(error))
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
        return WrongKindError(f"{show(path)}: not a regular file", cause=cause_of(error))
    return StoreError(text, cause=cause_of(error))


def cause_of(error: OSError) -> str:
    """The error's short name, such as `EIO`."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))
