"""The port of a store that holds a replica: what it must be able to do, and the rooms of ours in it.

`checks.ports.Store` is the reading half, and all that audits need. `WritableStore` adds the few writes of which
everything of ours on a replica is made; what a store may be able to do besides is in `preserve.stores.capabilities`.
`ReplicaStore` is what the services work with: a writable place with the rooms of ours in it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from checks.canaries import Canary
from checks.ports import NOT_READABLE_NOW, Source, Stat, Store, StoreError
from checks.ports import Claim as Claim
from checks.ports import Claiming as Claiming
from preserve.stores.backups import Described
from preserve.stores.canaries import Look
from preserve.stores.heads import KeptHead
from preserve.stores.identity import Identity
from preserve.stores.local import Name

Sink = Callable[[memoryview], None]


class ExistsError(StoreError):
    """Something stands already where a new file was to be made; nothing was written over."""


class NotReadableNowError(StoreError):
    """It is there, and cannot be read before the provider was asked to bring it back, such as out of a cold class.

    Its cause is `checks.ports.NOT_READABLE_NOW`, by which findings tell it.
    """

    def __init__(self, message: str, *, cause: str = NOT_READABLE_NOW) -> None:
        super().__init__(message, cause=cause)


class FullError(StoreError):
    """There is no room left."""


class WritableStore(Store, Protocol):
    """A store that can be written to. Every write is durable, as far as the other side says, when its call returns.

    Paths are below the replica's root. A write never follows a link and never makes anything but what it says.
    """

    @property
    def where(self) -> str:
        """The place, for people: never a password, key or signature in it."""
        ...

    @property
    def in_flight(self) -> int:
        """How many small files it does good to read at once: 1 for a disk, more where each answer takes its time."""
        ...

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        """One folder's names, in order, as `preserve.bag.trees.Tree` has them; no stats from afar."""
        ...

    def create(
        self, path: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        """A new file from the buffers given to the sink, in order; folders above it are made.

        It stands under its name, whole, when the context has ended; if that raises, or is left by an exception, nothing
        does. Where no answer came, and what stands there is not known to be what was sent, it is left: it may be what
        another one wrote. Where the store can, the other side checks it against `sha256`, or the sums of its pieces,
        before it stands.

        Raises:
            ExistsError: something stands there.
            FullError: no room.
            StoreError: it could not be written.
        """
        ...

    def append(self, path: bytes, content: bytes) -> None:
        """Adds bytes to the end of a small file, and makes it if it is not there; two at once both add theirs."""
        ...

    def remove(self, path: bytes) -> None:
        """Takes away one file. NotFoundError if there is none."""
        ...

    def remove_folder(self, path: bytes) -> None:
        """Takes away a folder that is empty; StoreError if it is not. Where there are no folders, nothing is done."""
        ...

    def free_bytes(self) -> int | None:
        """What is left for us, in bytes; None where nobody says."""
        ...

    def refused(self, path: bytes) -> str | None:
        """Why this store could not hold a file of that name, for people; None if it can. Nothing is asked for it."""
        ...

    def close(self) -> None:
        """Ends its connections; a store that was closed opens them anew when it is asked again."""
        ...


# ---- the rooms of ours on a replica ------------------------------------------------------------------------------


class Staging(Protocol):
    """A copy in the making: no copy, and not to be taken for one, until `publish`."""

    @property
    def location(self) -> bytes:
        """Where its files can be read, below the replica's root."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """Keeps any other process from this copy; UsageError if one is at it."""
        ...

    def begun(self) -> bool:
        """Whether an earlier run left it unfinished in the very place where it will be published."""
        ...

    def clear_away(self) -> None: ...
    def size_of(self, path: bytes) -> int | None: ...
    def resumable(self, path: bytes, size_bytes: int) -> int:
        """How many bytes of a file that was cut off stand and need not be given again; 0 where it begins anew.

        Args:
            size_bytes: of the whole file: of a small one nobody is asked.
        """
        ...

    def file(
        self,
        path: bytes,
        modified_ns: int | None = None,
        *,
        size_bytes: int | None = None,
        sha256: bytes | None = None,
        offset: int | None = None,
    ) -> AbstractContextManager[Sink]:
        """One new file; see `WritableStore.create`. What an earlier run left of it goes first, but for `offset` bytes.

        Args:
            offset: what `resumable` said: the sink is given what comes after that. None: it is given all.
        """
        ...

    def discard(self, path: bytes) -> None: ...
    def empty(self) -> Iterator[bytes]:
        """Takes away all that was staged, and tells each file after it went."""
        ...

    def flush(self) -> None: ...
    def publish(self, location: bytes) -> None: ...
    def free_bytes(self) -> int | None: ...


class Entry(Protocol):
    """One entry of the quarantine; see `preserve.stores.quarantine.Entry`, whose words these are."""

    name: bytes
    location: bytes

    def document(self) -> Mapping[str, object] | None: ...
    def holds_nothing(self) -> bool: ...
    def has(self, name: bytes) -> bool: ...
    def file(
        self, name: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None
    ) -> AbstractContextManager[Sink]: ...
    def write(self, name: bytes, content: bytes) -> None: ...
    def exchange(self, path: bytes) -> None: ...
    def take(self, path: bytes) -> None: ...
    def give(self, name: bytes, path: bytes, *, make: bool = False) -> None: ...
    def overwrite(self, path: bytes, offset: int, token: object) -> None: ...
    def seal(self, digest: str | None) -> None: ...
    @property
    def sealed(self) -> bool: ...
    def remove(self, name: bytes) -> None: ...
    def discard(self) -> None: ...


class Quarantine(Protocol):
    """Where bad files are set aside, never deleted."""

    def held(self) -> AbstractContextManager[None]: ...
    def begin(self, document: Mapping[str, object], at: datetime) -> Entry: ...
    def entries(self) -> Iterator[Entry]: ...


class Canaries(Protocol):
    """Known answers on the replica; see `preserve.stores.canaries`."""

    def ensure(self, at: datetime, damaged: Collection[bytes] = ()) -> tuple[bytes, ...]: ...
    def look(self, canary: Canary) -> Look: ...


class Heads(Protocol):
    """The heads of one catalog's journal on the replica; see `preserve.stores.heads.Heads`, whose words these are."""

    @property
    def name(self) -> bytes:
        """The file's."""
        ...

    def append(self, number: int, hash: bytes, at: datetime) -> None: ...
    def read(self) -> tuple[list[KeptHead], list[str]]: ...


class Backups(Protocol):
    """The backups of one catalog on the replica; see `preserve.stores.backups.Backups`, whose words these are."""

    def kept(self) -> list[Described]: ...
    def misfits(self) -> set[bytes]: ...
    def open(self, backup: Described) -> Source: ...
    def place(self, source: bytes, backup: Described) -> None:
        """`source` is a file of this machine."""
        ...

    def prune(self, keep: int, standing: Described, placed: Sequence[tuple[bytes, bytes]]) -> int: ...


class Tree(Protocol):
    """What lies below a folder, to read a bag through; see `preserve.bag.trees.Tree`, which is the same."""

    @property
    def root(self) -> bytes: ...
    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]: ...
    def stat(self, path: bytes) -> Stat: ...
    def open(self, path: bytes, *, past_cache: bool) -> Source: ...


class ReplicaStore(WritableStore, Protocol):
    """A replica, with the rooms of ours on it. What the services work with."""

    def staging(self, name: bytes, location: bytes) -> Staging:
        """For the copy that is going to lie at `location`; `name` is the same for every run that makes it."""
        ...

    def quarantine(self) -> Quarantine: ...
    def canaries(self) -> Canaries: ...
    def heads(self, catalog: UUID) -> Heads: ...
    def backups(self, catalog: UUID) -> Backups: ...
    def catalogs(self) -> list[UUID]: ...
    def holds_traces(self) -> bool: ...
    def read_identity(self) -> Identity:
        """UnavailableError if it cannot be read."""
        ...

    def write_identity(self, identity: Identity, at: datetime) -> None: ...
    def has_one_name(self, path: bytes) -> bool:
        """Whether its bytes can be written over in place, and no other name has them."""
        ...

    def tree(self, folder: bytes) -> Tree:
        """What lies below a folder: to read a bag through."""
        ...

    def flush(self) -> None:
        """What earlier, killed runs wrote and renamed is on the medium, or this raises."""
        ...

    def unfit(self, paths: Sequence[bytes]) -> Mapping[bytes, str]:
        """Which of these names (from the replica's root) it could not hold or would change, and why; tried there."""
        ...
