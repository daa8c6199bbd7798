"""How large a file can be on a file system, asked of the system itself: FAT takes none of 4 GiB or more."""

import os
from contextlib import suppress

from checks.names import show
from preserve.stores.identity import IDENTITY_FILE

_TOP = (1 << 63) - 1
_FAT = (b"vfat", b"msdos", b"fuse.fusefat")
_MOUNTS = "/proc/self/mountinfo"
FAT_BYTES = (1 << 32) - 1


def most_bytes_of_a_file(root: bytes) -> int:
    """The size of the largest file that could lie on a replica; where nobody tells, 2^63 - 1. Nothing is written.

    lseek(2) refuses what lies beyond the largest file of a file system, also where a file is far from it.
    """
    fd = os.open(os.path.join(root, IDENTITY_FILE), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        least, most = 0, _TOP
        while least < most:
            middle = least + (most - least + 1) // 2
            try:
                os.lseek(fd, middle, os.SEEK_SET)
                least = middle
            except OSError:
                most = middle - 1
        return min(least, FAT_BYTES) if _kind_of(os.fstat(fd).st_dev) in _FAT else least
    finally:
        os.close(fd)


def too_large(root: bytes, size_bytes: int) -> str | None:
    """Why a file of that size could not lie on a replica, for people; None if it can."""
    most = most_bytes_of_a_file(root)
    if size_bytes <= most:
        return None
    fat = " (FAT)" if most == FAT_BYTES else ""
    return (
        f"a file of {size_bytes:,} bytes is larger than what the file system{fat} at {show(root)} can hold, "
        f"{most:,} bytes"
    )


def _kind_of(device: int) -> bytes:
    number = b"%d:%d" % (os.major(device), os.minor(device))
    with suppress(OSError), open(_MOUNTS, "rb") as lines:
        for line in lines:
            fields = line.split(b" ")
            if len(fields) > 6 and fields[2] == number and b"-" in fields[6:]:
                return fields[fields.index(b"-", 6) + 1]
    return b""
