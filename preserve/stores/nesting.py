"""Whether one folder lies in another, whatever names, links and bind mounts lead there."""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

_MOUNTS = "/proc/self/mountinfo"
_Identity = tuple[int, int]  # device, inode


class _Mount(NamedTuple):
    device: bytes
    root: bytes  # which folder of its file system is mounted
    point: bytes  # where


def nested(one: bytes, other: bytes) -> bool:
    """Whether deleting all of one would delete something of the other, or the other way round.

    By their real paths, by the identity of every folder above them, and by where they and all that is mounted in
    them lie in their file systems. A folder that is not there now is judged by its path and by what is above it.
    """
    paths = os.path.realpath(one), os.path.realpath(other)
    if _within(*paths) or _within(*reversed(paths)):
        return True
    above = [_identities_from(path) for path in paths]
    if any(own[0] is not None and own[0] in others for own, others in (above, reversed(above))):
        return True
    mounts = _mounts()
    places = [list(_places(path, mounts)) for path in paths]
    return any(
        here[0] == there[0] and (_within(here[1], there[1]) or _within(there[1], here[1]))
        for here in places[0]
        for there in places[1]
    )


def may_share(one: bytes, other: bytes) -> bool:
    """Whether a file below one folder can be a file below the other too, by a hard link, a mount or a shared folder."""
    paths = os.path.realpath(one), os.path.realpath(other)
    devices = [_devices(path) for path in paths]
    return not devices[0].isdisjoint(devices[1]) or nested(one, other)


def _devices(path: bytes) -> set[object]:
    """The file systems of a real path and of all that is mounted below it, by either name that the system has."""
    found: set[object] = {device for device, _ in _places(path, _mounts())}
    identity = _identity(path)
    return found if identity is None else found | {identity[0]}


def mounted_in(folder: bytes) -> list[bytes]:
    """Where something is mounted, at a folder or anywhere below it. A link in the folder's place is not followed."""
    above, name = os.path.split(folder)
    real = os.path.join(os.path.realpath(above), name)
    return [mount.point for mount in _mounts() if _within(mount.point, real)]


def _within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def _identities_from(path: bytes) -> list[_Identity | None]:
    """Its own first, then those of all folders above it; None for what is not there."""
    identities = [_identity(path)]
    while path != b"/":
        path = os.path.dirname(path)
        identities.append(_identity(path))
    return identities


def _identity(path: bytes) -> _Identity | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _places(path: bytes, mounts: list[_Mount]) -> Iterator[tuple[bytes, bytes]]:
    """(device, folder of its file system) of a real path, and of all that is mounted below it."""
    holding = [mount for mount in mounts if _within(path, mount.point)]
    if holding:
        mount = max(reversed(holding), key=lambda each: len(each.point))  # of two at one point, the last one shows
        yield mount.device, mount.root.rstrip(b"/") + path[len(mount.point.rstrip(b"/")) :] or b"/"
    for mount in mounts:
        if _within(mount.point, path):
            yield mount.device, mount.root


def _mounts() -> list[_Mount]:
    """What is mounted where, in order of mounting; nothing where the system does not tell."""
    try:
        with open(_MOUNTS, "rb") as file:
            lines = [line.split(b" ") for line in file]
    except OSError:
        return []
    return [_Mount(line[2], _plain(line[3]), _plain(line[4])) for line in lines if len(line) > 4]


def _plain(field: bytes) -> bytes:
    """Spaces and the like are written as three octal digits."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes((int(match[1], 8),)), field)
