"""An open file of the local store, and what the operating system says of one, in the words of `checks.ports`."""

import errno
import fcntl
import os
import stat as modes
from contextlib import suppress

from checks.evidence import Evidence
from checks.names import show
from checks.ports import Kind, NotFoundError, Stat, StoreError, WrongKindError

DIRECT = getattr(os, "O_DIRECT", 0)
_ALIGNMENT = 4096  # what every device we know is content with

Token = tuple[int, int, int, int, int]  # device, inode, size in bytes, mtime and ctime in nanoseconds


class LocalSource:
    """An open regular file. With O_DIRECT, buffers must be page-aligned (the digester's are)."""

    __slots__ = ("_direct", "_fd", "_found", "_mode", "_position", "_read_past_cache", "path")

    def __init__(self, path: bytes, fd: int, found: os.stat_result, direct: bool, offset: int) -> None:
        self.path = path
        self._mode = found.st_mode
        self._fd = fd
        self._found: os.stat_result | None = found  # the first look, taken when it was opened
        self._direct = self._read_past_cache = direct
        self._position = offset
        if offset:
            os.lseek(fd, offset, os.SEEK_SET)

    @property
    def mode(self) -> int:
        """Its permissions."""
        return modes.S_IMODE(self._mode)

    @property
    def evidence(self) -> Evidence:
        return Evidence.READ_MEDIUM if self._read_past_cache else Evidence.READ

    def stat(self) -> Stat:
        """See `checks.ports.Source`. The first answer is the look taken at opening: one call fewer a file."""
        found, self._found = self._found, None
        try:
            return stat_of(os.fstat(self._fd) if found is None else found)
        except OSError as error:
            raise translated(error, self.path) from error

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        """See `checks.ports.WholeSource`.

        There is room for more than the file's size, so that one read reaches its end; what is as long as both looks
        say, and equal in both, is the file. The first look is kept for whoever has to read the usual way.
        """
        before = self._found
        if before is None or self._position or before.st_size > most_bytes or before.st_size >= len(buffer):
            return None
        if self._direct:
            buffer = buffer[: (before.st_size // _ALIGNMENT + 1) * _ALIGNMENT]
        try:
            count = os.readv(self._fd, [buffer])
            after = os.fstat(self._fd)
            token = token_of(after)
            if count == before.st_size and token == token_of(before):
                return count, Stat(Kind.FILE, count, token, after.st_mtime_ns)
            os.lseek(self._fd, 0, os.SEEK_SET)
        except OSError as error:
            if not self._direct or error.errno != errno.EINVAL:
                raise translated(error, self.path) from error
        return None

    def readinto(self, buffer: memoryview) -> int:
        """See `checks.ports.Source`."""
        try:
            if self._direct and (self._position % _ALIGNMENT or len(buffer) % _ALIGNMENT):
                if self._position >= os.fstat(self._fd).st_size:
                    return 0  # the usual end: the last read was short
                self._through_cache()
            count = self._read(buffer)
        except OSError as error:
            raise translated(error, self.path) from error
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
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~DIRECT)
        self._direct = self._read_past_cache = False
        drop_cache(self._fd)

    def close(self) -> None:
        os.close(self._fd)


def drop_cache(fd: int) -> None:
    """Asks that the next read shall come from the medium; the kernel obeys as far as it can."""
    with suppress(OSError, AttributeError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def stat_of(found: os.stat_result) -> Stat:
    """A look, in the words of `checks.ports`."""
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


def translated(error: OSError, path: bytes) -> StoreError:
    """What a store raises instead."""
    text = f"{show(path)}: {error.strerror}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(text, cause=cause_of(error))
    if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
        return WrongKindError(f"{show(path)}: not a regular file", cause=cause_of(error))
    return StoreError(text, cause=cause_of(error))


def cause_of(error: OSError) -> str:
    """The error's short name, such as `EIO`."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))
