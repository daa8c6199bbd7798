"""Writes below a folder of this machine: reached through descriptors, never through a link, durable on their return."""

import errno
import os
import secrets
import shutil
import stat as modes
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256 as new_sha256

from checks.names import show
from checks.ports import StoreError, WrongKindError
from preserve.stores.durable import rename_no_replace
from preserve.stores.folders import entered
from preserve.stores.local_source import cause_of, translated
from preserve.stores.port import ExistsError, FullError

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LocalWriting:
    """The writing half of a local store; see `preserve.stores.port.WritableStore` and `Renaming`."""

    root: bytes

    @contextmanager
    def create(
        self, path: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> Iterator[Callable[[memoryview], None]]:
        """Staged beside its place, flushed, and renamed there."""
        folder, name = _split(path)
        staged = b".%b.partial" % secrets.token_hex(8).encode()
        with ExitStack() as opened:
            with _told(path):
                parent = opened.enter_context(entered(self.root, folder, make=True, durable=True))
                _refuse_standing(parent, name, path)
                new = _NewFile(os.open(staged, _CREATE, 0o644, dir_fd=parent), path, sha256 is not None)
            try:
                try:
                    yield new.write
                    new.finish(size_bytes, sha256, modified_ns)
                finally:
                    with _told(path):  # a share may tell only now that it could not write
                        os.close(new.fd)
                with _told(path):
                    rename_no_replace(staged, name, parent, parent)
                    os.fsync(parent)
            except BaseException:
                with suppress(OSError):
                    os.unlink(staged, dir_fd=parent)
                raise

    def append(self, path: bytes, content: bytes) -> None:
        """In one write at the file's end, wherever that is by then."""
        folder, name = _split(path)
        with _told(path), entered(self.root, folder, make=True, durable=True) as parent:
            fd = os.open(name, _APPEND, 0o644, dir_fd=parent)
            try:
                if not modes.S_ISREG(os.fstat(fd).st_mode):
                    raise WrongKindError(f"{show(path)}: not a regular file", cause="ENXIO")
                _write_all(fd, memoryview(content))
                os.fsync(fd)
            finally:
                os.close(fd)
            os.fsync(parent)

    def remove(self, path: bytes) -> None:
        """A link goes, not what it leads to."""
        folder, name = _split(path)
        with _told(path), entered(self.root, folder) as parent:
            if modes.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                raise WrongKindError(f"{show(path)}: a folder", cause="EISDIR")
            os.unlink(name, dir_fd=parent)
            os.fsync(parent)

    def remove_folder(self, path: bytes) -> None:
        """StoreError if it is not empty, or is none."""
        folder, name = _split(path)
        with _told(path), entered(self.root, folder) as parent:
            os.rmdir(name, dir_fd=parent)
            os.fsync(parent)

    def rename(self, source: bytes, target: bytes) -> None:
        """Folders above the target are made."""
        (folder, name), (above, last) = _split(source), _split(target)
        with (
            _told(target),
            entered(self.root, folder) as here,
            entered(self.root, above, make=True, durable=True) as there,
        ):
            rename_no_replace(name, last, here, there)
            os.fsync(there)
            os.fsync(here)

    def free_bytes(self) -> int:
        with _told(b""):
            return shutil.disk_usage(self.root).free

    def refused(self, path: bytes) -> str | None:
        """What no file system of ours can hold; all else is tried where it matters."""
        if b"\0" in path:
            return "a name cannot hold a NUL"
        if not {b"", b".", b".."}.isdisjoint(path.split(b"/")):
            return "it is no path below the replica's root"
        return None

    def close(self) -> None:
        """There is nothing to close: what is open is closed with whoever opened it."""


class _NewFile:
    """An open file and what was written to it."""

    def __init__(self, fd: int, path: bytes, digested: bool) -> None:
        self.fd = fd
        self._path = path
        self._digest = new_sha256() if digested else None
        self._count = 0

    def write(self, buffer: memoryview) -> None:
        with _told(self._path):
            _write_all(self.fd, buffer)
        self._count += len(buffer)
        if self._digest is not None:
            self._digest.update(buffer)

    def finish(self, size_bytes: int | None, digest: bytes | None, modified_ns: int | None) -> None:
        """Flushes it. StoreError if what was written is not what was told before."""
        if size_bytes not in (None, self._count) or (self._digest is not None and self._digest.digest() != digest):
            raise StoreError(f"{show(self._path)}: other bytes came than were told", cause="digest")
        with _told(self._path):
            if modified_ns is not None:
                os.utime(self.fd, ns=(modified_ns, modified_ns))
            os.fsync(self.fd)


def _split(path: bytes) -> tuple[bytes, bytes]:
    folder, _, name = path.rpartition(b"/")
    if name in (b"", b".", b"..") or path.startswith(b"/") or b"\0" in path:
        raise StoreError(f"{show(path)}: not a path below the root", cause="EINVAL")
    return folder, name


def _refuse_standing(parent: int, name: bytes, path: bytes) -> None:
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=parent, follow_symlinks=False)
        raise ExistsError(f"{show(path)}: something stands there already", cause="EEXIST")


def _write_all(fd: int, buffer: memoryview) -> None:
    while buffer:
        buffer = buffer[os.write(fd, buffer) :]


@contextmanager
def _told(path: bytes) -> Iterator[None]:
    """What the system says of a write, in the words of `preserve.stores.port`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise ExistsError(f"{show(path)}: something stands there already", cause=cause_of(error)) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FullError(f"{show(path)}: the disk is full", cause=cause_of(error)) from error
        raise translated(error, path) from error
