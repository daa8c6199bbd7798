"""Folders below a root, walked to part by part through descriptors and never through a link."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from preserve.stores.identity import OURS

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _ROOT | os.O_NOFOLLOW


@contextmanager
def entered(root: bytes, folder: bytes, *, make: bool = False, durable: bool = False) -> Iterator[int]:
    """A descriptor of `folder` (parts joined by `/`; empty is the root itself).

    Args:
        make: makes what is missing, but for the folder of a replica's identity, which is made with it alone: where that
            is not, the disk is not, and what is written there would lie beneath the disk when it is back.
        durable: flushes the names of all parts, those too that stand already: whoever was killed after making one
            did not flush it. Else whoever writes there flushes it all at its end.

    Raises:
        OSError: a part is not there, or a file or a link stands in its place.
    """
    fd = os.open(root, _ROOT)
    try:
        for at, part in enumerate(folder.split(b"/") if folder else ()):
            if part in (b"", b".", b".."):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.fsdecode(folder))
            if make and not (at == 0 and part == OURS):
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=fd)
                if durable:
                    os.fsync(fd)
            below = os.open(part, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)
