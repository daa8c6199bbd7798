"""A replica far away: a writable store with the rooms of ours on it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from checks.ports import Claiming, Listed, NotFoundError, Source, Stat, StoreError, UnavailableError
from preserve.errors import UndeterminedError, UsageError
from preserve.stores.capabilities import Refusing, Thawing, Versioned
from preserve.stores.identity import (
    IDENTITY_FILE,
    LIMIT_BYTES,
    NO_IDENTITY,
    Identity,
    document_of,
    identity_from,
)
from preserve.stores.local import Name
from preserve.stores.port import Sink, WritableStore
from preserve.stores.rooms import backups, trials
from preserve.stores.rooms.canaries import FarCanaries
from preserve.stores.rooms.heads import FarHeads
from preserve.stores.rooms.locking import Terms
from preserve.stores.rooms.quarantine import FarQuarantine
from preserve.stores.rooms.staging import FolderStaging, PlaceStaging, staging_on
from preserve.stores.rooms.writing import content_of, place, put, writing
from preserve.stores.within import Within


class RemoteReplica:
    """A `preserve.stores.port.ReplicaStore` over any `WritableStore`, whose own methods it hands through.

    Args:
        terms: how locks there are held.

    Attributes:
        store: what lies beneath.
        claiming: who answers for the provider's checksums; None if nobody does.
        versioned: who says how deleted and changed files are kept; None if nobody does.
        refusing: who tries whether files are written over there; None if nobody can.
        thawing: who brings files back that cannot be read now; None if nobody does.
    """

    def __init__(self, store: WritableStore, *, terms: Terms | None = None) -> None:
        self.store = store
        self._terms = terms or Terms()
        self._quarantine = FarQuarantine(store, self._terms)
        self.claiming: Claiming | None = store if isinstance(store, Claiming) else None
        self.versioned: Versioned | None = store if isinstance(store, Versioned) else None
        self.refusing: Refusing | None = store if isinstance(store, Refusing) else None
        self.thawing: Thawing | None = store if isinstance(store, Thawing) else None

    # ---- the store beneath ----

    @property
    def where(self) -> str:
        return self.store.where

    @property
    def in_flight(self) -> int:
        return self.store.in_flight

    def identity(self) -> str:
        """See `checks.ports.Store`."""
        return self.store.identity()

    def stat(self, path: bytes) -> Stat:
        """See `checks.ports.Store`."""
        return self.store.stat(path)

    def listing(self, root: bytes) -> Iterator[Listed]:
        """See `checks.ports.Store`."""
        return self.store.listing(root)

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        return self.store.names_in(folder, stats=stats)

    def open(self, path: bytes, *, past_cache: bool, offset: int = 0, expected_bytes: int | None = None) -> Source:
        """See `checks.ports.Store`."""
        return self.store.open(path, past_cache=past_cache, offset=offset, expected_bytes=expected_bytes)

    def create(
        self, path: bytes, *, size_bytes: int | None = None, sha256: bytes | None = None, modified_ns: int | None = None
    ) -> AbstractContextManager[Sink]:
        return self.store.create(path, size_bytes=size_bytes, sha256=sha256, modified_ns=modified_ns)

    def append(self, path: bytes, content: bytes) -> None:
        self.store.append(path, content)

    def remove(self, path: bytes) -> None:
        self.store.remove(path)

    def remove_folder(self, path: bytes) -> None:
        self.store.remove_folder(path)

    def free_bytes(self) -> int | None:
        return self.store.free_bytes()

    def refused(self, path: bytes) -> str | None:
        return self.store.refused(path)

    def close(self) -> None:
        self.store.close()

    # ---- the rooms ----

    def staging(self, name: bytes, location: bytes) -> FolderStaging | PlaceStaging:
        """For the copy that is going to lie at `location`."""
        return staging_on(self.store, name, location, self._terms)

    def quarantine(self) -> FarQuarantine:
        return self._quarantine

    def canaries(self) -> FarCanaries:
        return FarCanaries(self.store)

    def heads(self, catalog: UUID) -> FarHeads:
        return FarHeads(self.store, catalog)

    def backups(self, catalog: UUID) -> backups.FarBackups:
        return backups.FarBackups(self.store, catalog)

    def catalogs(self) -> list[UUID]:
        """The catalogs that have backups here."""
        return backups.catalogs_on(self.store)

    def holds_traces(self) -> bool:
        """Whether anything lies where backups lie, or whether that cannot be seen."""
        try:
            return backups.holds_traces(self.store)
        except UndeterminedError:
            return True

    def read_identity(self) -> Identity:
        """Reads it anew; UnavailableError if that cannot be."""
        where = place(self.store, IDENTITY_FILE)
        try:
            return identity_from(content_of(self.store, IDENTITY_FILE, LIMIT_BYTES), IDENTITY_FILE)
        except UnavailableError:
            raise
        except NotFoundError as error:
            raise UnavailableError(f"{where}: {NO_IDENTITY}", cause=NO_IDENTITY) from error
        except StoreError as error:
            raise UnavailableError(f"{where}: {error.cause or error}", cause=error.cause or "unreadable") from error

    def write_identity(self, identity: Identity, at: datetime) -> None:
        """Writes it; one that says the same already stays as it is.

        Raises:
            UsageError: another replica's identity stands there; it is never written over.
            UnavailableError: what stands there cannot be read.
            UndeterminedError: it cannot be written.
        """
        where = place(self.store, IDENTITY_FILE)
        with writing(where):
            try:
                content = content_of(self.store, IDENTITY_FILE, LIMIT_BYTES)
            except NotFoundError:
                put(self.store, IDENTITY_FILE, document_of(identity, at))
                return
        found = identity_from(content, IDENTITY_FILE)
        if found.uuid != identity.uuid:
            raise UsageError(
                f"{where}: is the identity of another replica, {found.name} ({found.uuid}); it was left",
                remedy="Choose another place, or add it under the name that it has.",
            )

    def has_one_name(self, path: bytes) -> bool:
        """Never: nothing is written over in place far away."""
        return False

    def tree(self, folder: bytes) -> Within:
        """What lies below a folder: to read a bag through."""
        return Within(self.store, self.where.encode("utf-8", "surrogateescape"), folder)

    def flush(self) -> None:
        """Every write of the store lasts when it returns."""

    def unfit(self, paths: Sequence[bytes]) -> Mapping[bytes, str]:
        """Which of these names (from the replica's root) it could not hold or would change, and why; tried there.

        Buckets, too: there are servers that take `a\\b` for `a/b`, or no part over 255 bytes.
        """
        return trials.unfit(self.store, paths) if paths else {}
