"""Placing packages on replicas: staged, flushed, read back past the cache, renamed, and only then recorded."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from checks.evidence import Evidence, Outcome
from checks.names import path_fields, show
from checks.policy import MassChange
from checks.ports import Kind, NotFoundError, StoreError, UnavailableError
from preserve.catalog.acts import Act
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, CopyRow, NewCopy, PackageRow, ReplicaRow
from preserve.errors import PreserveError, UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.replicate.copying import Content, CopyWriter, Place, Unfilled, all_passed, failures
from preserve.replicate.filling import filled
from preserve.replicate.fitting import refuse_too_large, refuse_unfit
from preserve.replicate.placed import Placed as Placed
from preserve.replicate.placed import as_recorded, failed, good_nowhere, not_placed
from preserve.replicate.sources import sources
from preserve.stores.limiting import Bucket
from preserve.stores.locations import location
from preserve.stores.port import ReplicaStore, Staging


class Replicator:
    """Copies packages to replicas.

    Args:
        stores: an open store for each replica's id, None where none is configured.
        required: the least evidence that reading back must reach to be recorded as such.
        rule: what freezes a replica: nothing is written to one that shows mass change.
        rates: at most so many bytes a second are written, by the replica's id.
        begun: told of the package and the replica that are next.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: dict[int, ReplicaStore],
        threads: Threads,
        clock: Callable[[], datetime],
        *,
        required: Evidence = Evidence.READ,
        rule: MassChange | None = None,
        rates: Mapping[int, int] | None = None,
        on_bytes: Callable[[int], None] | None = None,
        begun: Callable[[str, str], None] = lambda package, replica: None,
    ) -> None:
        self._catalog = catalog
        self._rule = rule
        self._stores = stores
        self._threads = threads
        self._clock = clock
        self._required = required
        self._rates = rates or {}
        self._buckets: dict[int, Bucket] = {}
        self._on_bytes = on_bytes
        self._begun = begun

    def place(self, packages: Sequence[PackageRow], replicas: Sequence[ReplicaRow]) -> Iterable[Placed]:
        """Places each package on each replica; what fails for one does not stop the others."""
        for package in packages:
            content = Content.of(self._catalog, package.inventory_id)
            copies = {
                copy.replica_id: copy
                for copy in self._catalog.copies([package.id])
                if copy.inventory_id == package.inventory_id
            }
            for replica in replicas:
                standing = copies.get(replica.id)
                self._begun(package.identifier, replica.name)
                try:
                    placed = self._place(package, replica, content, list(copies.values()), standing)
                except PreserveError as error:
                    placed = not_placed(package, replica, error.message, error.remedy)
                except StoreError as error:
                    placed = not_placed(
                        package,
                        replica,
                        f"{show(self._where(package, standing))} cannot be worked with: {error}",
                        "Look at what stands there; it may be a file or a link where a folder should be.",
                    )
                except OSError as error:  # one replica that fails must not keep the others from their copies
                    at = error.filename if isinstance(error.filename, str | bytes) else self._where(package, standing)
                    placed = not_placed(package, replica, f"{show(os.fsencode(at))}: {error.strerror}")
                if placed.copy is not None:
                    copies[replica.id] = placed.copy
                yield placed

    def _where(self, package: PackageRow, standing: CopyRow | None) -> bytes:
        if standing is not None:
            return standing.location
        try:
            return location(package.identifier, package.version)
        except ValueError as error:
            remedy = "Take it in under a shorter one: `preserve add --id`."
            raise UsageError(f"no folder can be named for this package: {error}", remedy=remedy) from error

    def _place(
        self,
        package: PackageRow,
        replica: ReplicaRow,
        content: Content,
        copies: Sequence[CopyRow],
        standing: CopyRow | None,
    ) -> Placed:
        """Makes the copy, or says how the one that is recorded stands. One whose folder is gone is made again."""
        store = self._present(replica)
        where = self._where(package, standing)
        staging = store.staging(f"{package.uuid}-v{package.version}".encode(), where)
        if standing is not None and _published(store, staging, where):
            staging.clear_away()
            return as_recorded(package, replica, standing)
        self._refuse_frozen(replica)
        with staging.held():
            if not _published(store, staging, where):
                refuse_too_large(store, (size for _, size, _ in content.files()), replica.name)
                refuse_unfit(store, partial(_paths, content, where), replica.name)
                others = [copy for copy in copies if copy is not standing]
                checks = self._write(staging, package, replica, content, others)
                if not all_passed(checks):
                    return failed(package, replica, failures(checks))
                self._present(replica)  # a disk that was changed meanwhile must not get the last word
                staging.publish(where)
                self._refuse_vanished(replica, where, content)
            else:
                # Renamed by an earlier run that was killed before it could record it; or somebody else's folder.
                staging.flush()  # its name and its bytes may be in memory only, and what is recorded must last
                checks = self._read_back(Place(replica.name, store, where), replica, content)
                if not all_passed(checks):
                    raise UsageError(
                        f"{replica.name}: {show(where)} is there already and is not this package as it was taken in",
                        remedy="Look at that folder; move it away if it is not needed, then run the command again.",
                    )
            copy = self._record(package, replica, where, checks, standing)
        return Placed(
            package=package.identifier,
            replica=replica.name,
            outcome=Outcome.PASS,
            copy=copy,
            evidence=min(check.evidence for check in checks),
        )

    def _refuse_vanished(self, replica: ReplicaRow, where: bytes, content: Content) -> None:
        """UndeterminedError unless the copy stands in its place: a far side's word alone does not count."""
        last = None
        for path, size_bytes, _ in content.files():
            last = path, size_bytes
        if last is None:
            return
        path, size_bytes = where + b"/" + last[0], last[1]
        try:
            found = self._present(replica).stat(path)
        except StoreError as error:
            raise UndeterminedError(
                f"{replica.name}: {show(path)} was put in its place and cannot be found there: {error.cause or error}",
                remedy="Run the command again. If this is said once more, do not trust that place.",
            ) from error
        if found.kind is not Kind.FILE or found.size_bytes != size_bytes:
            raise UndeterminedError(
                f"{replica.name}: {show(path)} was put in its place and is another file now",
                remedy="Look at what stands there, and at who else writes to it; then run the command again.",
            )

    def _refuse_frozen(self, replica: ReplicaRow) -> None:
        for one in self._catalog.frozen(self._rule, [replica.id]) if self._rule is not None else ():
            raise UndeterminedError(
                f"the replica {replica.name} is frozen: {one.changed:,} of {one.files:,} files of {one.copy.package} "
                "are not as they were taken in",
                remedy="Find out what happened: see `preserve repair`. If writing there is right, then "
                f"`preserve repair --apply --confirm-change {replica.name}`.",
            )

    def _record(
        self,
        package: PackageRow,
        replica: ReplicaRow,
        where: bytes,
        checks: list[CheckResult],
        standing: CopyRow | None,
    ) -> CopyRow:
        if standing is None:
            new = NewCopy(inventory_id=package.inventory_id, replica_id=replica.id, location=where, checks=checks)
            return self._catalog.record_copy(new, self._clock())
        # Read back whole: its checks close what was found of the copy that was gone.
        evidence = min(check.evidence for check in checks).label
        body = {"location": path_fields(where), "evidence": evidence}
        act = Act(kind="copy-made-again", copy_id=standing.id, body=body)
        self._catalog.record_acts([act], [replace(check, copy_id=standing.id) for check in checks], self._clock())
        copies = {copy.id: copy for copy in self._catalog.copies([package.id])}
        if standing.id not in copies:
            raise UsageError(
                f"the package {show(package.identifier.encode())} was removed meanwhile",
                remedy=f"What was just copied to {replica.name} is looked after no longer.",
            )
        return copies[standing.id]

    def _write(
        self,
        staging: Staging,
        package: PackageRow,
        replica: ReplicaRow,
        content: Content,
        copies: Sequence[CopyRow],
    ) -> list[CheckResult]:
        """Fills the staging and reads it back; what proved bad is written once more and read back again."""
        content.refuse_when_full(staging)
        writer = CopyWriter(
            sources(package, copies, self._stores),
            self._threads,
            on_bytes=self._on_bytes,
            pace=self._pace(replica.id),
            at_once=self._stores[replica.id].in_flight,
        )
        staged = Place(replica.name, self._stores[replica.id], staging.location)

        def fill() -> Sequence[Unfilled]:
            if unfilled := writer.fill(staging, content):
                raise good_nowhere(unfilled[0])
            return ()

        def read_back() -> list[CheckResult]:
            return writer.read_back(staged, str(replica.uuid), content, self._clock, self._required)

        written = filled(staging, fill, read_back)
        with suppress(PreserveError):  # so that the next run need not find out once more that they are bad
            for path in written.bad:
                staging.discard(path)
        return written.checks

    def _pace(self, replica_id: int) -> Bucket | None:
        """One bucket for each replica, however many packages are written to it."""
        if (rate := self._rates.get(replica_id)) is None:
            return None
        if replica_id not in self._buckets:
            self._buckets[replica_id] = Bucket(rate, time.monotonic, time.sleep, threading.Event())
        return self._buckets[replica_id]

    def _read_back(self, place: Place, replica: ReplicaRow, content: Content) -> list[CheckResult]:
        writer = CopyWriter((), self._threads, on_bytes=self._on_bytes)
        return writer.read_back(place, str(replica.uuid), content, self._clock, self._required)

    def _present(self, replica: ReplicaRow) -> ReplicaStore:
        store = self._stores.get(replica.id)
        if store is None:
            raise UsageError(
                f"the replica {replica.name} is not in the settings",
                remedy=f"Add [replica.{replica.name}] with its url to preserve.toml.",
            )
        try:
            identity = store.identity()
        except UnavailableError as error:
            raise UndeterminedError(
                f"the replica {replica.name} is not there: {error}", remedy="Connect it and run the command again."
            ) from error
        if identity != str(replica.uuid):
            raise UndeterminedError(
                f"{store.where} is not the replica {replica.name}: its identity is {identity}, expected {replica.uuid}",
                remedy="Connect the right disk, or correct the url in preserve.toml.",
            )
        return store


def _published(store: ReplicaStore, staging: Staging, where: bytes) -> bool:
    """Whether a copy stands there; what an earlier run left unfinished in its very place is none."""
    return not staging.begun() and _there(store, where)


def _paths(content: Content, where: bytes) -> Iterator[bytes]:
    return (where + b"/" + path for path, _, _ in content.files())


def _there(store: ReplicaStore, where: bytes) -> bool:
    try:
        store.stat(where)
    except NotFoundError:
        return False
    except StoreError as error:
        raise UndeterminedError(f"{show(where)}: cannot be looked at: {error}") from error
    return True
