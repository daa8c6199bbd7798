"""The archive file itself: one descriptor, read at any place by any thread."""

import os
import stat as modes
from collections.abc import Iterator
from contextlib import suppress

from checks.names import show
from checks.ports import StoreError, WrongKindError
from preserve.stores.local_source import Token, cause_of, token_of

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class PackedFile:
    """An open archive, or what was unpacked of it.

    Args:
        path: what to call it.
        fd: a descriptor, which is closed with this.
        original: where `fd` is a temporary file, the archive that it was unpacked from: its changes are what counts.
    """

    def __init__(self, path: bytes, fd: int, original: "PackedFile | None" = None) -> None:
        self.path = path
        self._fd = fd
        self._original = original
        self.size_bytes = os.fstat(fd).st_size

    @classmethod
    def opened(cls, path: bytes) -> "PackedFile":
        """Opens a regular file, through links where the user names one; nothing else is waited for or read.

        Raises:
            WrongKindError: a device, FIFO, socket or folder.
            StoreError: it cannot be opened.
        """
        try:
            if not modes.S_ISREG(os.stat(path).st_mode):  # opening a device can do something
                raise WrongKindError(f"{show(path)}: not a regular file")
            fd = os.open(path, _READ)
            if not modes.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise WrongKindError(f"{show(path)}: not a regular file")
            return cls(path, fd)
        except OSError as error:
            raise StoreError(f"{show(path)}: {error.strerror}", cause=cause_of(error)) from error

    def token(self) -> Token:
        """What is equal only while nobody changes the archive; asked anew each time."""
        if self._original is not None:
            return self._original.token()
        try:
            return token_of(os.fstat(self._fd))
        except OSError as error:
            raise self._failed(error) from error

    def read_at(self, place: int, count: int) -> bytes:
        """So many bytes from there; fewer only where the file ends."""
        try:
            found = os.pread(self._fd, count, place)
            while len(found) < count and (more := os.pread(self._fd, count - len(found), place + len(found))):
                found += more
        except OverflowError:  # behind what a file can hold
            return b""
        except OSError as error:
            raise self._failed(error) from error
        return found

    def readinto_at(self, place: int, buffer: memoryview) -> int:
        """Fills the buffer from there, or less of it; 0 only at the end."""
        try:
            return os.preadv(self._fd, [buffer], place)
        except OverflowError:
            return 0
        except OSError as error:
            raise self._failed(error) from error

    def chunks(self, place: int, chunk_bytes: int, end: int | None = None) -> Iterator[tuple[int, bytes]]:
        """The bytes from there to the end (or to `end`), each chunk with its place."""
        while chunk := self.read_at(place, chunk_bytes if end is None else max(0, min(chunk_bytes, end - place))):
            yield place, chunk
            place += len(chunk)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._fd)

    def _failed(self, error: OSError) -> StoreError:
        return StoreError(f"{show(self.path)}: {error.strerror}", cause=cause_of(error))
