"""Restoring: a verified bag out of the best files of all copies. What cannot be had is named, the rest delivered."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.evidence import Evidence, Outcome
from checks.names import show
from preserve.bag.tags import declaration
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, CopyRow, PackageRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.repair.origins import Origins
from preserve.replicate.copying import Content, CopyWriter, Place, Unfilled
from preserve.stores.local import LocalStore, PlainFolder
from preserve.stores.nesting import nested
from preserve.stores.port import ReplicaStore
from preserve.stores.staging import Staging


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrestored:
    """A file that could not be had, and what was tried."""

    path: bytes
    size_bytes: int
    faults: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came of restoring one version of a package."""

    package: PackageRow
    version: int
    target: bytes
    files: int
    size_bytes: int
    outcome: Outcome
    evidence: Evidence  # the weakest by which what was written was read back
    lost: Sequence[Unrestored] = ()
    from_elsewhere: Sequence[tuple[bytes, str]] = ()  # (path, where an equal file was taken from)


class Restorer:
    """Restores packages.

    Args:
        stores: an open store for each replica that is there, by the replica's id.
        on_bytes: told of every buffer copied or read back, in bytes.
    """

    def __init__(
        self,
        catalog: Catalog,
        stores: Mapping[int, ReplicaStore],
        threads: Threads,
        clock: Callable[[], datetime],
        *,
        on_bytes: Callable[[int], None] | None = None,
    ) -> None:
        self._catalog = catalog
        self._stores = stores
        self._threads = threads
        self._clock = clock
        self._on_bytes = on_bytes

    def restore(self, package: PackageRow, target: bytes, version: int | None = None) -> Restored:
        """Makes the folder `target`, which must not exist, out of the current or an older version.

        Killed, the same call goes on with what was staged beside the target.

        Raises:
            UsageError: the target is there, or there is no such version.
            UndeterminedError: there is no room, or it cannot be written.
        """
        if os.path.lexists(target):
            raise UsageError(f"{show(target)} is there already", remedy="Choose a folder that does not exist yet.")
        inventory_id, number = self._version(package, version)
        content = Content.of(self._catalog, inventory_id)
        parent, name = os.path.split(target)
        os.makedirs(parent, exist_ok=True)
        staging = Staging(parent, b"." + name + b".preserve-partial")
        with staging.held():
            return self._fill(staging, package, number, inventory_id, content, target)

    def _fill(
        self, staging: Staging, package: PackageRow, number: int, inventory_id: int, content: Content, target: bytes
    ) -> Restored:
        files = list(content.files())
        size = sum(length for _, length, _ in files)
        content.refuse_when_full(staging)
        copies = self._copies(inventory_id)
        writer = CopyWriter(self._sources(package, copies), self._threads, on_bytes=self._on_bytes)
        unfilled: Sequence[Unfilled] = ()
        checks: list[CheckResult] = []
        elsewhere: dict[bytes, str] = {}
        place = Place("what was restored", PlainFolder(os.path.dirname(target)), staging.location)
        for _ in range(2):  # what does not read back is written once more
            unfilled = writer.fill(staging, content)
            unfilled = self._from_elsewhere(writer, staging, inventory_id, unfilled, elsewhere)
            checks = writer.read_back(place, PlainFolder.IDENTITY, content, self._clock, Evidence.READ)
            given_up = {one.path for one in unfilled}
            found = {f.path for check in checks for f in check.findings if f.path is not None}
            bad = found - given_up
            if not bad:
                break
            for path in bad:
                staging.discard(path)
        lost = [Unrestored(path=one.path, size_bytes=one.size_bytes, faults=one.faults) for one in unfilled]
        outcome = _outcome(checks, {one.path for one in unfilled})
        if len(lost) == len(files):
            raise UndeterminedError(
                f"nothing of {package.identifier} could be had from any copy that is there",
                remedy="Connect the replicas that hold it, then run the command again.",
            )
        staging.publish(os.path.basename(target))
        return Restored(
            package=package,
            version=number,
            target=target,
            files=len(files) - len(lost),
            size_bytes=size - sum(one.size_bytes for one in lost),
            outcome=outcome,
            evidence=min((check.evidence for check in checks if check.unread == 0), default=Evidence.LISTED),
            lost=lost,
            from_elsewhere=sorted(elsewhere.items()),
        )

    def _from_elsewhere(
        self,
        writer: CopyWriter,
        staging: Staging,
        inventory_id: int,
        unfilled: Sequence[Unfilled],
        told: dict[bytes, str],
    ) -> list[Unfilled]:
        """Equal files under other names, in other versions and packages; what is left after that."""
        left: list[Unfilled] = []
        entries = {one.path: self._catalog.entry(inventory_id, one.path) for one in unfilled}
        if not unfilled:
            return left
        origins = Origins(self._catalog, self._stores)
        held = origins.held([entry for entry in entries.values() if entry is not None])
        for one in unfilled:
            entry = entries[one.path]
            assert entry is not None
            found = origins.equal_to(entry, held.get((entry.size_bytes, entry.sha256), ()))
            taken = next((o for o in found if not writer.copy_from(o.store, o.path, staging, one)), None)
            if taken is None:
                left.append(one)
            else:
                told[one.path] = f"{taken.name}, {taken.other}"
        staging.flush()
        return left

    def _version(self, package: PackageRow, version: int | None) -> tuple[int, int]:
        if version is None or version == package.version:
            return package.inventory_id, package.version
        for copy in self._catalog.copies([package.id]):
            if copy.version == version:
                return copy.inventory_id, version
        raise UsageError(
            f"no copy is of version {version} of {package.identifier}", remedy=f"The current one is {package.version}."
        )

    def _copies(self, inventory_id: int) -> list[CopyRow]:
        """The copies of that version that are there, least damaged first, of those what is not far away."""
        there = [
            copy
            for copy in self._catalog.copies()
            if copy.inventory_id == inventory_id and copy.replica_id in self._stores
        ]

        def standing(copy: CopyRow) -> tuple[int, int, bool]:
            return copy.damage, copy.undetermined, not isinstance(self._stores[copy.replica_id], LocalStore)

        return sorted(there, key=standing)

    def _sources(self, package: PackageRow, copies: Sequence[CopyRow]) -> list[Place]:
        places = [Place(copy.replica, self._stores[copy.replica_id], copy.location) for copy in copies]
        if package.source is not None:
            places.append(Place("the bag that was taken in", LocalStore(package.source), b""))
        return places


def refuse_where_kept(target: bytes, roots: Iterable[bytes]) -> None:
    """UsageError if the target lies on a replica or in a bag: what is written there spoils what is kept there.

    Args:
        roots: the folders of all replicas.
    """
    remedy = "Choose a folder outside all replicas and bags."
    for root in roots:
        if nested(target, root):
            raise UsageError(f"{show(target)} lies on the replica at {show(root)}", remedy=remedy)
    folder = os.path.dirname(os.path.realpath(target))
    while True:
        if os.path.lexists(os.path.join(folder, declaration.NAME)):
            raise UsageError(f"{show(target)} lies in a bag, {show(folder)}", remedy=remedy)
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)


def _outcome(checks: Sequence[CheckResult], given_up: set[bytes]) -> Outcome:
    """PASS only if all was read back good; FAIL if something is known to be missing and the rest is good."""
    findings = [finding for check in checks for finding in check.findings]
    if not findings and checks and all(check.outcome is Outcome.PASS for check in checks):
        return Outcome.PASS
    return Outcome.FAIL if all(finding.path in given_up for finding in findings) else Outcome.INCONCLUSIVE
