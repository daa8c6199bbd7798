"""The ports that a store must fill, so that the judge can read without knowing where.

A store raises only `StoreError` (and its kinds); what the operating system or an SDK raised is its cause.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from checks.evidence import Evidence


class Kind(StrEnum):
    """What stands at a path. Only regular files are read."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"  # device, FIFO, socket


class Stat(NamedTuple):
    """What a store says of a path without reading it. A tuple, because there is one of every file that is read.

    `token` is opaque and equal only if the store knows of no change between two looks (times and inode, an ETag).
    """

    kind: Kind
    size_bytes: int
    token: object
    modified_ns: int | None = None  # since 1970, for copies that keep their times


@dataclass(frozen=True, slots=True)
class Listed:
    """One name of a listing that is no directory.

    With `problem`, it is a directory that could not be read (b"" is the root): names below it are unknown.
    """

    path: bytes
    kind: Kind
    problem: str | None = None


class StoreError(Exception):
    """A store could not do what was asked. `cause` is a short word for people, such as `EIO`."""

    def __init__(self, message: str, *, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


class NotFoundError(StoreError):
    """There is nothing at that path (and the store itself answered)."""


class WrongKindError(StoreError):
    """Something stands at that path that is not a regular file."""


class UnavailableError(StoreError):
    """The store itself is not there: folder gone, empty mount, another disk, server unreachable."""


NOT_READABLE_NOW = "not-readable-now"  # cause of a StoreError: it is there, and must be brought back before it is read


class Source(Protocol):
    """One open file of a store. Reading moves forward only."""

    @property
    def path(self) -> bytes: ...

    @property
    def evidence(self) -> Evidence:
        """READ or READ_MEDIUM: how the bytes handed out so far were read."""
        ...

    def stat(self) -> Stat:
        """The file's state now, asked anew."""
        ...

    def readinto(self, buffer: memoryview) -> int:
        """Fills the buffer from the present position; 0 only at the end. Short reads are not the end."""
        ...

    def close(self) -> None: ...


class WholeSource(Source, Protocol):
    """A source that can hand out a small file in one step; a source need not be one. Asked before anything is read."""

    def whole(self, buffer: memoryview, most_bytes: int) -> tuple[int, Stat] | None:
        """The whole file in the buffer (page-aligned): how many bytes, and the state after it was read.

        An answer says that the file had this state before, too, and was read to its end. None: it is longer than
        `most_bytes`, or something was not as it should be (it changed, say); then nothing counts as read, and the file
        is to be read from its beginning by `stat`, `readinto`, `stat`, which will tell.
        """
        ...


class Store(Protocol):
    """Speaks to one replica. All paths are bytes below the replica's root, with `/` between parts."""

    def identity(self) -> str:
        """The UUID written on the replica; UnavailableError if it cannot be read."""
        ...

    def stat(self, path: bytes) -> Stat:
        """NotFoundError if there is nothing; StoreError if it cannot be told."""
        ...

    def listing(self, root: bytes) -> Iterator[Listed]:
        """All names below `root` that are no directories, relative to it, in no promised order.

        A directory that cannot be read is yielded with its `problem` and the walk goes on. NotFoundError if `root`
        itself is not there.
        """
        ...

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        """Opens a regular file for reading, never through a symbolic link below the root.

        `past_cache` asks for the medium; the source's `evidence` says what was had. `expected_bytes` is a hint.
        """
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """What a provider says of a file; nothing of it was read."""

    size_bytes: int
    sha256: bytes | None  # of the whole file; None if it says none
    segments: tuple[bytes, ...] = ()  # SHA-256 of each of `checks.inventory.SEGMENT_BYTES`, where it says those
    why_not: str = ""  # there is no SHA-256
    token: object = None


@runtime_checkable
class Claiming(Protocol):
    """A store whose provider keeps checksums of its own."""

    def claim(self, path: bytes) -> Claim:
        """NotFoundError if there is no such file; StoreError if it cannot be told."""
        ...
