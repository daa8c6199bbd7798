"""Opening files in folders of ours: never through a link, and never writing into a file that others may share."""

import os
import stat as modes
from contextlib import suppress
from typing import BinaryIO

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_GOING_ON = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def to_read(path: bytes) -> BinaryIO:
    """A file to read; OSError if it is a link."""
    return os.fdopen(os.open(path, _READ), "rb")


def fresh(path: bytes) -> BinaryIO:
    """A new file to write. What an earlier run left is unlinked first, so that no other name of it is written to."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.fdopen(os.open(path, _NEW, 0o666), "wb")


def going_on(path: bytes, buffering: int) -> BinaryIO:
    """A file to append to, new if need be. One that has other names, too, is left to them, and a new one begun."""
    fd = os.open(path, _GOING_ON, 0o666)
    found = os.fstat(fd)
    if not modes.S_ISREG(found.st_mode) or found.st_nlink != 1:
        os.close(fd)
        os.unlink(path)
        fd = os.open(path, _GOING_ON | os.O_EXCL, 0o666)
    return os.fdopen(fd, "ab", buffering)
