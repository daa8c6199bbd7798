"""Deleting the copies of a removed package: set apart by one rename, deleted there, and only then recorded.

Whatever is killed in between, the same work done again goes on: what was set apart is deleted, what is gone recorded.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from checks.names import path_fields, show
from checks.ports import NotFoundError, StoreError
from preserve.audit.standing import folders_above
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow
from preserve.errors import PreserveError, UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.repair.belonging import LOOK, ours
from preserve.repair.deleting_afar import delete_afar
from preserve.stores.durable import rename_no_replace, writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS, REMOVED
from preserve.stores.local_replica import LocalReplica
from preserve.stores.mounts import Mount, mount_of
from preserve.stores.nesting import mounted_in
from preserve.stores.port import ReplicaStore

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNMOUNT = "Unmount it if it does not belong there, then run the command again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What came of one copy. `problem` says why it was left."""

    copy: CopyRow
    deleted: bool
    was_gone: bool = False  # nothing was there any more to be deleted
    problem: str = ""
    remedy: str = ""


class Deleter:
    """Deletes the copies of packages that were removed from the catalog.

    Args:
        stores: a store for each replica's id; a replica without one is not there.
        identities: the UUID that each replica must show, by its id.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[int, ReplicaStore],
        identities: Mapping[int, str],
        clock: Callable[[], datetime],
        progress: Progress,
    ) -> None:
        self._catalog = catalog
        self._stores = stores
        self._identities = identities
        self._clock = clock
        self._progress = progress

    def delete(self, package: UUID, copies: list[CopyRow], facts: Mapping[str, object]) -> Iterator[Deleted]:
        """Deletes these copies of a package, one after another; what fails for one does not stop the others.

        Args:
            facts: why and by whom, as the journal keeps it.
        """
        for copy in copies:
            try:
                yield self._delete(package, copy, facts)
            except PreserveError as error:
                yield Deleted(copy=copy, deleted=False, problem=error.message, remedy=error.remedy)
            except RecursionError:
                yield Deleted(copy=copy, deleted=False, problem="too many folders lie in each other", remedy=LOOK)

    def _delete(self, package: UUID, copy: CopyRow, facts: Mapping[str, object]) -> Deleted:
        store = self._present(copy)
        _refuse_no_place(copy.location)
        name = f"{package}-v{copy.version}".encode()
        staging = store.staging(name, copy.location)
        # Nobody is repairing here, nor writing this copy, nor deleting it.
        with store.quarantine().held(), staging.held():
            if isinstance(store, LocalReplica):
                had = self._delete_here(store.root, package, copy, name, staging.location)
            else:
                expected = partial(self._expected, copy)
                had = delete_afar(store, staging, package, copy, expected, self._progress)
            _clear_above(store, copy.location)
            staging.flush()  # an earlier, killed run's renames and deletions too: what is recorded must last
        self._present(copy)  # what was done or not found must have been on the right disk
        body = {**facts, "location": path_fields(copy.location), "was_gone": not had}
        self._catalog.copy_deleted(copy.id, body, self._clock())
        return Deleted(copy=copy, deleted=True, was_gone=not had)

    def _delete_here(self, root: bytes, package: UUID, copy: CopyRow, name: bytes, staged: bytes) -> bool:
        _refuse_mounts(root, (copy.location, REMOVED + b"/" + name, staged))
        had = self._clear(root, name)
        if self._set_apart(root, package, copy, name):
            had = self._clear(root, name)
        self._empty(root, staged)
        return had

    def _present(self, copy: CopyRow) -> ReplicaStore:
        store = self._stores.get(copy.replica_id)
        remedy = "Connect it, then run the same command again."
        if store is None:
            raise UndeterminedError(f"the replica {copy.replica} is not in the settings", remedy=remedy)
        try:
            found = store.identity()
        except StoreError as error:
            raise UndeterminedError(f"the replica {copy.replica} is not there: {error.cause}", remedy=remedy) from error
        if found != self._identities[copy.replica_id]:
            raise UndeterminedError(f"another disk is in the place of the replica {copy.replica}", remedy=remedy)
        return store

    def _clear(self, root: bytes, name: bytes) -> bool:
        """Deletes what was set apart under that name; whether there was anything."""
        where = os.path.join(root, REMOVED, name)
        with writing(where), _on_replica(root, REMOVED, make=True) as folder:
            if not _there(folder, name):
                return False
            self._take_away(folder, name)
            return True

    def _set_apart(self, root: bytes, package: UUID, copy: CopyRow, name: bytes) -> bool:
        """Renames the copy's folder to where it is deleted, after a look at what it is; False if nothing is there.

        Raises:
            UsageError: what stands there is not this package's copy; it is left.
        """
        above, _, last = copy.location.rpartition(b"/")
        with writing(os.path.join(root, copy.location)), _on_replica(root, above) as folder:
            if not _there(folder, last):
                return False
            found = ours(folder, last, package, partial(self._expected, copy))
            with _on_replica(root, REMOVED) as removed:
                rename_no_replace(last, name, folder, removed)
                os.fsync(removed)
                os.fsync(folder)
                _give_back_another(found, name, removed, last, folder)
        return True

    def _expected(self, copy: CopyRow, path: bytes) -> bytes | None:
        entry = self._catalog.entry(copy.inventory_id, path)
        return None if entry is None else entry.sha256

    def _take_away(self, folder: int, name: bytes) -> None:
        self._remove_folder(folder, name, mount_of(folder))
        os.fsync(folder)

    def _empty(self, root: bytes, location: bytes) -> None:
        """Deletes what a killed replication staged of this copy."""
        with writing(os.path.join(root, location)), _on_replica(root, location) as folder:
            self._empty_open(folder, mount_of(folder))

    def _empty_open(self, folder: int, mount: Mount) -> None:
        """Deletes everything in a folder. No link is followed, and no other mount entered.

        Raises:
            OSError: something could not be deleted; the rest of it stays, too.
        """
        with os.scandir(folder) as entries:
            names = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in names:
            if is_folder:
                self._remove_folder(folder, name, mount)
            else:
                os.unlink(name, dir_fd=folder)
                self._progress.advance(files=1)

    def _remove_folder(self, above: int, name: bytes, mount: Mount) -> None:
        below = os.open(name, _FOLDER, dir_fd=above)
        try:
            if mount_of(below) != mount:
                raise _mounted(name)
            self._empty_open(below, mount)
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=above)


def _clear_above(store: ReplicaStore, location: bytes) -> None:
    """Takes away the folders in which only this copy lay, an adopted one; whatever is not empty stays."""
    for folder in folders_above(location):
        try:
            store.remove_folder(folder)
        except NotFoundError:
            continue
        except StoreError:
            return


@contextmanager
def _on_replica(root: bytes, folder: bytes, *, make: bool = False) -> Iterator[int]:
    """A descriptor of a folder below the replica's root; UsageError if it lies on another mount than the root."""
    with entered(root, b"") as top, entered(root, folder, make=make, durable=make) as fd:
        if mount_of(fd) != mount_of(top):
            raise _mounted(folder)
        yield fd


def _mounted(folder: bytes) -> UsageError:
    return UsageError(f"{show(folder)} is mounted there from elsewhere; nothing on it was deleted", remedy=_UNMOUNT)


def _refuse_no_place(location: bytes) -> None:
    """UsageError if no copy can lie there: then its folder is not known, and must not be taken for gone."""
    parts = location.split(b"/")
    if parts[0] == OURS or b"\0" in location or not {b"", b".", b".."}.isdisjoint(parts):
        told = f"says {show(location)!r}" if location else "says nothing"
        raise UsageError(
            f"the catalog does not know in which folder of the replica it lies: it {told}; nothing was deleted",
            remedy="Find out with `preserve catalog check` what happened to the catalog.",
        )


def _refuse_mounts(root: bytes, locations: tuple[bytes, ...]) -> None:
    """UsageError, before anything is renamed, if something is mounted where there is something to delete."""
    for location in locations:
        for point in mounted_in(os.path.join(root, location)):
            raise _mounted(point)
        above = location.rpartition(b"/")[0]
        with writing(os.path.join(root, above)), suppress(FileNotFoundError), _on_replica(root, above):
            pass


def _there(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _give_back_another(found: tuple[int, int], name: bytes, removed: int, last: bytes, folder: int) -> None:
    """Between the look and the rename somebody may have put something else there: that goes back."""
    moved = os.stat(name, dir_fd=removed, follow_symlinks=False)
    if (moved.st_dev, moved.st_ino) == found:
        return
    rename_no_replace(name, last, removed, folder)
    os.fsync(folder)
    os.fsync(removed)
    raise UsageError(f"{show(last)} was exchanged while it was looked at; it was left", remedy=LOOK)
