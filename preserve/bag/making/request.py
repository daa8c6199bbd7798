"""What is asked for when a bag is made, and what came of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import BinaryIO, NamedTuple, Protocol
from uuid import UUID

from preserve.bag.finding import Finding
from preserve.bag.trees import Tree

DEFAULT_ALGORITHMS = ("sha256", "sha512")
IGNORED_PATTERN, IGNORED_FILES = "Ignored-Pattern", "Ignored-Files"  # labels of ours in bag-info.txt
EMPTY_FOLDERS, FOLLOWED_LINKS = "Empty-Folders", "Followed-Links"
CHOICES = (IGNORED_PATTERN, IGNORED_FILES, EMPTY_FOLDERS, FOLLOWED_LINKS)


class EmptyFolders(StrEnum):
    """What becomes of empty folders, which no manifest can list (RFC 8493 §2.1.3)."""

    LEAVE_OUT = "leave-out"  # each is told as a warning
    KEEP = "keep"  # an empty file `.keep` is put into each
    REFUSE = "refuse"  # nothing is bagged, and each is named


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
    """A tag file that somebody else writes, such as the PREMIS file. `path` is from the bag's root.

    `choice` says in a word what is to be in it, where there is a choice.
    """

    path: bytes
    write: Callable[[BinaryIO, Payload], None]
    choice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BagRequest:
    """A bag to be made.

    Args:
        sources: absolute paths. The content of one folder comes to lie directly in `data/`; several sources, or one
            file, each under its own name. No two have the same name, and none lies in another.
        target: the folder that becomes the bag; None makes the source itself, one folder, the bag.
        algorithms: normalised and known; the first is the one that the copy is read back with.
        info: labels and values of bag-info.txt in order; a value of None is filled in here (`Payload-Oxum`,
            `Bagging-Date`, `Package-UUID`). What was chosen below is said after them: `Ignored-Pattern`, one a line,
            `Ignored-Files`, `Empty-Folders`, `Followed-Links`.
        tag_files: written after the payload, listed in the tag manifests.
        approve: is shown the sources and the paths in them that are going to be the payload, in order, before anything
            is touched; raises what speaks against them.
        threads: how many large files are hashed side by side.
        ignore: patterns of names and paths that are left out; see `preserve.bag.making.ignoring.Ignoring`. In place,
            nothing may meet one: nothing is ever taken out of a source.
        in_reserve: those of them of which nobody is told that they met nothing.
        empty_folders: what becomes of them. KEEP in place makes the files `.keep` in the source before it is read.
        follow_links: symbolic links whose target lies in the same source are taken for what they mean; not in place.
            Otherwise every link is refused.
    """

    sources: tuple[bytes, ...]
    target: bytes | None
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    info: tuple[tuple[str, str | None], ...] = ()
    tag_files: tuple[TagFile, ...] = ()
    approve: Callable[[Tree, Sequence[bytes]], None] | None = None
    threads: int = 2
    ignore: tuple[bytes, ...] = ()
    in_reserve: frozenset[bytes] = frozenset()
    empty_folders: EmptyFolders = EmptyFolders.LEAVE_OUT
    follow_links: bool = False

    @property
    def choices(self) -> str:
        """What stands for all that makes the bag what it is, but for its sources and its place: equal if that is."""
        tags = [(each.path, each.choice) for each in self.tag_files]
        said = (self.algorithms, self.info, tags, self.ignore, self.empty_folders.value, self.follow_links)
        return sha256(ascii(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bag that stands. `warnings` are findings that do not stand in its way, such as empty folders."""

    bag: bytes
    uuid: UUID
    file_count: int
    size_bytes: int
    algorithms: tuple[str, ...]
    warnings: tuple[Finding, ...] = ()
