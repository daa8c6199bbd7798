"""What is asked for when a bag is made, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, NamedTuple, Protocol
from uuid import UUID

from preserve.bag.finding import Finding

DEFAULT_ALGORITHMS = ("sha256", "sha512")


class PayloadFile(NamedTuple):
    """One file of the finished payload. `path` is from the bag's root (`data/…`)."""

    path: bytes
    size_bytes: int
    digests: Mapping[str, bytes]


class Payload(Protocol):
    """The payload that was read, for whoever writes a tag file about it."""

    uuid: UUID  # the package's; the same in every run for the same bag
    started_at: datetime  # aware UTC; when the first run began
    ended_at: datetime  # when all was read
    file_count: int
    size_bytes: int
    algorithms: Sequence[str]

    def files(self) -> Iterator[PayloadFile]:
        """All files, in bytewise order of path; each call reads them anew from the log."""
        ...

    def locate(self, path: bytes) -> bytes:
        """Where a payload file (`data/…`) lies on disk at this moment."""
        ...


class TagFile(NamedTuple):
    """A tag file that somebody else writes, such as the PREMIS file. `path` is from the bag's root."""

    path: bytes
    write: Callable[[BinaryIO, Payload], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BagRequest:
    """A bag to be made.

    Args:
        source: the folder that is bagged, an absolute path.
        target: the folder that becomes the bag; None makes the source itself the bag.
        algorithms: normalised and known; the first is the one that the copy is read back with.
        info: labels and values of bag-info.txt in order; a value of None is filled in here (`Payload-Oxum`,
            `Bagging-Date`, `Package-UUID`).
        tag_files: written after the payload, listed in the tag manifests.
        threads: how many large files are hashed side by side.
    """

    source: bytes
    target: bytes | None
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    info: tuple[tuple[str, str | None], ...] = ()
    tag_files: tuple[TagFile, ...] = ()
    threads: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bag that stands. `warnings` are findings that do not stand in its way, such as empty folders."""

    bag: bytes
    uuid: UUID
    file_count: int
    size_bytes: int
    algorithms: tuple[str, ...]
    warnings: tuple[Finding, ...] = ()
