"""Which mount an open folder lies on: a bind mount shows another place of the same device under a name of its own."""

import os
from contextlib import suppress

_DESCRIPTORS = "/proc/self/fdinfo"
Mount = tuple[int, int | None]  # device, and the mount's number where the system tells it


def mount_of(folder: int) -> Mount:
    """The mount that an open descriptor lies on, to be compared with others of this process.

    Where there is no /proc, the device is all that can be had, and bind mounts of the same device look alike.
    """
    return os.fstat(folder).st_dev, _number(folder)


def _number(folder: int) -> int | None:
    with suppress(OSError, ValueError), open(f"{_DESCRIPTORS}/{folder}", "rb") as lines:
        for line in lines:
            if line.startswith(b"mnt_id:"):
                return int(line.partition(b":")[2])
    return None
