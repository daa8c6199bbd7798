"""Where a disk that is carried by hand is now: known by the identity that is written on it, wherever it is mounted."""

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from checks.names import show
from checks.ports import StoreError, UnavailableError
from preserve.stores.identity import read_identity

PATIENCE_SECONDS = 2.0  # with all mounts together
_MOUNTS = "/proc/self/mountinfo"
_MOST_MOUNTS = 200
_MOST_PARTS = 8  # of the url, below a mount point
# Not one of these is a disk, and those that go over a network may hang for ever when they are touched.
_NO_DISKS = frozenset(
    b"autofs bpf binfmt_misc cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs "
    b"overlay proc pstore ramfs rpc_pipefs securityfs selinuxfs squashfs sysfs tmpfs tracefs "
    b"9p afs ceph cifs coda davfs glusterfs gfs gfs2 lustre ncpfs nfs nfs4 ocfs2 smb3 smbfs virtiofs".split()
)
_LOCAL_FUSE = re.compile(
    rb"fuse(blk|\.(ntfs-3g|lowntfs-3g|exfat|exfat-fuse|fusefat|ntfs|veracrypt|gocryptfs|encfs))?\Z"
)


class ClonedError(UnavailableError):
    """Two places have the identity of one replica: nobody can say which of them is it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where a replica was seen. `clones` has all its places, where there are more than one; then `root` is none."""

    root: bytes | None
    clones: tuple[bytes, ...] = ()

    @property
    def problem(self) -> ClonedError | None:
        """For whoever wants to work with it all the same."""
        if not self.clones:
            return None
        places = ", ".join(show(each) for each in self.clones)
        why = f"{len(self.clones)} disks with its identity are there ({places}); all but one are clones: unplug them"
        return ClonedError(why, cause=why)


def find_disk(folder: bytes, replica: str, patience_seconds: float = PATIENCE_SECONDS) -> Sighting:
    """Looks for the identity in the folder itself, then at every disk that is mounted.

    On each mount: its root, and the last parts of the folder's path below it. A disk that does not answer in time is
    not there; it is not asked again before it has answered.

    Args:
        folder: where the settings say that it is.
        replica: its UUID, as the catalog knows it.
    """
    found: dict[tuple[int, int], bytes] = {}
    if (own := _with_identity(folder, replica)) is not None:
        found[own] = folder
    for itself, place in _asked(_places(folder), replica, patience_seconds):
        found.setdefault(itself, place)
    places = tuple(found.values())
    return Sighting(root=places[0] if len(places) == 1 else None, clones=places if len(places) > 1 else ())


def _with_identity(folder: bytes, replica: str) -> tuple[int, int] | None:
    """Device and inode of a folder that has it: by another mount of the same disk it is the same one."""
    with suppress(StoreError, OSError):
        if read_identity(folder).uuid == replica:
            seen = os.stat(folder)
            return seen.st_dev, seen.st_ino
    return None


def _places(folder: bytes) -> Iterator[list[bytes]]:
    """For each disk that is mounted, where on it the replica may be."""
    parts = [part for part in folder.split(b"/") if part not in (b"", b".", b"..")][-_MOST_PARTS:]
    below = [b"/".join(parts[number:]) for number in range(len(parts) - 1, -1, -1)]
    for point in islice(dict.fromkeys(_disks()), _MOST_MOUNTS):
        yield [point, *(os.path.join(point, path) for path in below)]


def _disks() -> Iterator[bytes]:
    """Where disks are mounted, the system's own root left out; nothing where the system does not tell."""
    try:
        with open(_MOUNTS, "rb") as file:
            lines = [line.split() for line in file]
    except OSError:
        return
    for line in lines:
        kind = line[line.index(b"-", 6) + 1] if b"-" in line[6:] else b"?"
        is_disk = _LOCAL_FUSE.match(kind) if kind.startswith(b"fuse") else kind not in _NO_DISKS
        if is_disk and line[4] != b"/":
            yield _plain(line[4])


def _plain(field: bytes) -> bytes:
    """Spaces and the like are written as three octal digits."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes((int(match[1], 8),)), field)


_Seen = tuple[tuple[int, int], bytes]
_silent: dict[bytes, threading.Thread] = {}  # by mount point: those that have not answered yet


def _asked(disks: Iterable[Sequence[bytes]], replica: str, patience_seconds: float) -> list[_Seen]:
    """What answers in time, of all disks at once: each is asked by a thread that nobody has to wait for."""
    seen: list[_Seen] = []
    asked = dict[bytes, threading.Thread]()
    for places in disks:
        point = places[0]
        if (hanging := _silent.get(point)) is not None and hanging.is_alive():
            continue
        asked[point] = threading.Thread(target=_look, args=(places, replica, seen), daemon=True, name="disk")
        asked[point].start()
    until = time.monotonic() + patience_seconds
    for point, thread in asked.items():
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            _silent[point] = thread
        else:
            _silent.pop(point, None)
    return sorted(seen, key=lambda each: each[1])  # a copy: what comes later is too late


def _look(places: Sequence[bytes], replica: str, seen: list[_Seen]) -> None:
    for place in places:
        # No link is followed: it may lead to another disk, or to what does not answer.
        if os.path.realpath(place) == place and (itself := _with_identity(place, replica)) is not None:
            seen.append((itself, place))
