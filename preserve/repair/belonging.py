"""Whether the folder that stands in a copy's place is that copy, before it is deleted."""

import os
import stat as modes
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from checks.algorithms import DIGEST_BYTES
from checks.names import show
from preserve.bag.making.finished import PACKAGE_UUID
from preserve.bag.tags import declaration, info
from preserve.bag.tags.lines import split_lines
from preserve.bag.tags.manifests import manifest_name, manifests_among
from preserve.bag.tags.paths import V1_0
from preserve.errors import UsageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK_BYTES = 1 << 20
LOOK = "Look at what stands there; move it away if it is not needed, then run the command again."

Expected = Callable[[bytes], bytes | None]  # the SHA-256 with which a tag file was taken in; None if there was none


class TagFiles(Protocol):
    """The tag files of a bag, as far as they tell whose it is."""

    def names(self) -> Iterable[bytes]:
        """Those at the bag's root."""
        ...

    def content(self, name: bytes, limit_bytes: int) -> bytes | None:
        """What is in one, up to a limit; None if there is no regular file of that name."""
        ...

    def sha256(self, name: bytes) -> bytes | None:
        """Of the whole of it; None if there is no regular file of that name."""
        ...


def ours(above: int, name: bytes, package: UUID, expected: Expected) -> tuple[int, int]:
    """The identity (device, inode) of the copy's folder on a disk.

    Raises:
        UsageError: it is not a bag of this package, or nothing in it says so.
    """
    kind = os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
    if not modes.S_ISDIR(kind):
        raise _left(name, "is a link" if modes.S_ISLNK(kind) else "is no folder")
    folder = os.open(name, _FOLDER, dir_fd=above)
    try:
        refuse_another(_OnDisk(folder), name, package, expected)
        seen = os.fstat(folder)
        return seen.st_dev, seen.st_ino
    finally:
        os.close(folder)


def refuse_another(files: TagFiles, name: bytes, package: UUID, expected: Expected) -> None:
    """UsageError if these are not the tag files of this package, or nothing in them says so.

    A next version's bag may state another UUID than its package: then its bag-info.txt must be the one taken in.
    Bags of other programs often state none. Then their manifests tell, which list every file of the payload; and with
    equal payloads the bag-info.txt, if there is one.

    Args:
        name: of the bag's folder, for people.
    """
    if files.content(declaration.NAME, declaration.LIMIT_BYTES) is None:
        raise _left(name, "is not a bag: it has no bagit.txt")
    content = files.content(info.NAME, info.LIMIT_BYTES)
    stated = _uuids(content or b"")
    if package in stated:
        return
    taken_in = content is not None and sha256(content).digest() == expected(info.NAME)
    if stated and not taken_in:
        raise _left(name, f"is another package: its bag-info.txt says {stated[0]}")
    if not stated and not (_has_its_manifests(files, expected) and (taken_in or content is None)):
        raise _left(name, "does not say which package it is, and its manifests or bag-info.txt are not those taken in")


def _has_its_manifests(files: TagFiles, expected: Expected) -> bool:
    """Whether it has every payload manifest that was taken in, as it was; False if none is known."""
    names = {manifest_name(algorithm, of_payload=True) for algorithm in DIGEST_BYTES}
    names |= {each.name for each in manifests_among(files.names()) if each.of_payload}
    digests = {name: digest for name in names if (digest := expected(name)) is not None}
    return bool(digests) and all(files.sha256(name) == digest for name, digest in digests.items())


def _left(name: bytes, why: str) -> UsageError:
    return UsageError(f"{show(name)} {why}; it was left", remedy=LOOK)


class _OnDisk:
    """Those of a folder that is open, read through its descriptor."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def names(self) -> Iterable[bytes]:
        return map(os.fsencode, os.listdir(self._folder))

    def content(self, name: bytes, limit_bytes: int) -> bytes | None:
        fd = _opened(self._folder, name)
        if fd is None:
            return None
        with os.fdopen(fd, "rb") as file:
            return file.read(limit_bytes)

    def sha256(self, name: bytes) -> bytes | None:
        fd = _opened(self._folder, name)
        if fd is None:
            return None
        digest = sha256()
        with os.fdopen(fd, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.digest()


def _opened(folder: int, name: bytes) -> int | None:
    """A descriptor of a regular file; None if there is none of that name."""
    try:
        if not modes.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return None
        fd = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    if modes.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def _uuids(content: bytes) -> list[UUID]:
    """What a bag-info.txt states as Package-UUID; values that are no UUIDs say nothing."""
    entries, _ = info.parse(split_lines([content]), V1_0)
    uuids = []
    for entry in entries:
        if entry.has(PACKAGE_UUID):
            with suppress(ValueError):
                uuids.append(UUID(entry.value))
    return uuids
