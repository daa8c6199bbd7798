"""A replica on a disk or a mounted share, with the rooms of ours on it."""

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from checks.canaries import Canary
from checks.names import show
from preserve.stores import canaries
from preserve.stores.backups import Backups, catalogs_on, holds_traces
from preserve.stores.durable import sync_filesystem, writing
from preserve.stores.heads import Heads
from preserve.stores.identity import Identity, read_identity, write_identity
from preserve.stores.local import LocalStore
from preserve.stores.local_writing import LocalWriting
from preserve.stores.quarantine import Quarantine, has_one_name
from preserve.stores.staging import Staging


class LocalReplica(LocalWriting, LocalStore):
    """A folder that is a replica. Safe to share between threads. See `preserve.stores.port.ReplicaStore`.

    Args:
        root: an absolute path.
    """

    in_flight = 1

    @property
    def where(self) -> str:
        return show(self.root)

    def staging(self, name: bytes, location: bytes) -> Staging:
        """`.preserve/staging/<name>`, wherever it will lie."""
        return Staging.on_replica(self.root, name)

    def quarantine(self) -> Quarantine:
        return Quarantine(self.root)

    def canaries(self) -> "LocalCanaries":
        return LocalCanaries(self.root)

    def heads(self, catalog: UUID) -> Heads:
        return Heads(self.root, catalog)

    def backups(self, catalog: UUID) -> Backups:
        return Backups(self.root, catalog)

    def catalogs(self) -> list[UUID]:
        return catalogs_on(self.root)

    def holds_traces(self) -> bool:
        return holds_traces(self.root)

    def read_identity(self) -> Identity:
        return read_identity(self.root)

    def write_identity(self, identity: Identity, at: datetime) -> None:
        with writing(self.root):
            write_identity(self.root, identity, at)

    def has_one_name(self, path: bytes) -> bool:
        return has_one_name(self.root, path)

    def tree(self, folder: bytes) -> LocalStore:
        return LocalStore(os.path.join(self.root, folder))

    def flush(self) -> None:
        with writing(self.root):
            sync_filesystem(self.root)

    def unfit(self, paths: Sequence[bytes]) -> Mapping[bytes, str]:
        from preserve.stores.naming_trials import unfit

        return unfit(self.root, paths) if paths else {}

    def too_large(self, size_bytes: int) -> str | None:
        """Why a file of that size could not lie here, for people; None if it can. Nothing is written."""
        from preserve.stores.file_sizes import too_large

        return too_large(self.root, size_bytes)


class LocalCanaries:
    """See `preserve.stores.canaries`."""

    def __init__(self, root: bytes) -> None:
        self._root = root

    def ensure(self, at: datetime, damaged: Collection[bytes] = ()) -> tuple[bytes, ...]:
        return canaries.ensure(self._root, at, damaged)

    def look(self, canary: Canary) -> canaries.Look:
        return canaries.look(self._root, canary)
