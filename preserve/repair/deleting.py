"""Deleting the copies of a removed package: set apart by one rename, deleted there, and only then recorded.

Whatever is killed in between, the same work done again goes on: what was set apart is deleted, what is gone recorded.
"""

import os
import stat as modes
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from checks.names import path_fields, show
from checks.ports import StoreError
from preserve.bag import declaration, info
from preserve.bag.finished import PACKAGE_UUID
from preserve.bag.lines import split_lines
from preserve.bag.paths import V1_0
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow
from preserve.errors import PreserveError, UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.stores.durable import rename_no_replace, writing
from preserve.stores.folders import entered
from preserve.stores.identity import OURS
from preserve.stores.local import LocalStore
from preserve.stores.staging import Staging

REMOVED = OURS + b"/removed"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOOK = "Look at what stands there; move it away if it is not needed, then run the command again."


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
        stores: Mapping[int, LocalStore],
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
                yield Deleted(copy=copy, deleted=False, problem="too many folders lie in each other", remedy=_LOOK)

    def _delete(self, package: UUID, copy: CopyRow, facts: Mapping[str, object]) -> Deleted:
        store = self._present(copy)
        name = f"{package}-v{copy.version}".encode()
        staging = Staging.on_replica(store.root, name)
        with staging.held():  # nobody is writing this copy, nor deleting it
            had = self._clear(store, name)
            if self._set_apart(store.root, package, copy, name):
                had = self._clear(store, name)
            self._empty(store.root, staging.location)
            staging.flush()  # an earlier, killed run's renames and deletions too: what is recorded must last
        self._present(copy)  # what was done or not found must have been on the right disk
        body = {**facts, "location": path_fields(copy.location), "was_gone": not had}
        self._catalog.copy_deleted(copy.id, body, self._clock())
        return Deleted(copy=copy, deleted=True, was_gone=not had)

    def _present(self, copy: CopyRow) -> LocalStore:
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

    def _clear(self, store: LocalStore, name: bytes) -> bool:
        """Deletes what was set apart under that name; whether there was anything."""
        where = os.path.join(store.root, REMOVED, name)
        with writing(where), entered(store.root, REMOVED, make=True, durable=True) as folder:
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
        with writing(os.path.join(root, copy.location)), entered(root, above) as folder:
            if not _there(folder, last):
                return False
            expected = self._catalog.entry(copy.inventory_id, info.NAME)
            found = _ours(folder, last, package, None if expected is None else expected.sha256)
            with entered(root, REMOVED) as removed:
                rename_no_replace(last, name, folder, removed)
                os.fsync(removed)
                os.fsync(folder)
                _give_back_another(found, name, removed, last, folder)
        return True

    def _take_away(self, folder: int, name: bytes) -> None:
        below = os.open(name, _FOLDER, dir_fd=folder)
        try:
            self._empty_open(below, os.fstat(below).st_dev)
        finally:
            os.close(below)
        os.rmdir(name, dir_fd=folder)
        os.fsync(folder)

    def _empty(self, root: bytes, location: bytes) -> None:
        """Deletes what a killed replication staged of this copy."""
        with writing(os.path.join(root, location)), entered(root, location) as folder:
            self._empty_open(folder, os.fstat(folder).st_dev)

    def _empty_open(self, folder: int, device: int) -> None:
        """Deletes everything in a folder. No link is followed, and no other file system entered.

        Raises:
            OSError: something could not be deleted; the rest of it stays, too.
        """
        with os.scandir(folder) as entries:
            names = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for name, is_folder in names:
            if not is_folder:
                os.unlink(name, dir_fd=folder)
                self._progress.advance(files=1)
                continue
            below = os.open(name, _FOLDER, dir_fd=folder)
            try:
                if os.fstat(below).st_dev != device:
                    raise UsageError(f"{show(name)} in it is another file system, mounted there", remedy=_LOOK)
                self._empty_open(below, device)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=folder)


def _there(folder: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _ours(above: int, name: bytes, package: UUID, info_sha256: bytes | None) -> tuple[int, int]:
    """The identity (device, inode) of the copy's folder; UsageError if it is not a bag of this package.

    A next version's bag may state another UUID than its package: then its bag-info.txt must be the one taken in.
    """
    kind = os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
    if not modes.S_ISDIR(kind):
        raise UsageError(
            f"{show(name)} is {'a link' if modes.S_ISLNK(kind) else 'no folder'}; it was left", remedy=_LOOK
        )
    folder = os.open(name, _FOLDER, dir_fd=above)
    try:
        if _content(folder, declaration.NAME, declaration.LIMIT_BYTES) is None:
            raise UsageError(f"{show(name)} is not a bag: it has no bagit.txt; it was left", remedy=_LOOK)
        content = _content(folder, info.NAME, info.LIMIT_BYTES) or b""
        stated = _uuids(content)
        if stated and package not in stated and sha256(content).digest() != info_sha256:
            raise UsageError(
                f"{show(name)} is another package: its bag-info.txt says {stated[0]}; it was left", remedy=_LOOK
            )
        seen = os.fstat(folder)
        return seen.st_dev, seen.st_ino
    finally:
        os.close(folder)


def _content(folder: int, name: bytes, limit_bytes: int) -> bytes | None:
    """What is in a tag file; None if there is no regular file of that name."""
    try:
        fd = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read(limit_bytes) if modes.S_ISREG(os.fstat(fd).st_mode) else None


def _uuids(content: bytes) -> list[UUID]:
    """What a bag-info.txt states as Package-UUID; values that are no UUIDs say nothing."""
    entries, _ = info.parse(split_lines([content]), V1_0)
    uuids = []
    for entry in entries:
        if entry.has(PACKAGE_UUID):
            with suppress(ValueError):
                uuids.append(UUID(entry.value))
    return uuids


def _give_back_another(found: tuple[int, int], name: bytes, removed: int, last: bytes, folder: int) -> None:
    """Between the look and the rename somebody may have put something else there: that goes back."""
    moved = os.stat(name, dir_fd=removed, follow_symlinks=False)
    if (moved.st_dev, moved.st_ino) == found:
        return
    rename_no_replace(name, last, removed, folder)
    os.fsync(folder)
    os.fsync(removed)
    raise UsageError(f"{show(last)} was exchanged while it was looked at; it was left", remedy=_LOOK)
