"""Restoring: a verified bag out of the best files of all copies. What cannot be had is named, the rest delivered."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.evidence import Evidence, Outcome, worst
from checks.findings import Finding
from checks.names import show
from preserve.bag.tags import declaration
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, PackageRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.repair.origins import Origins
from preserve.replicate.copying import Content, CopyWriter, Place, Unfilled
from preserve.replicate.filling import filled
from preserve.replicate.sources import sources
from preserve.stores.local import PlainFolder
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
    """What came of restoring one version of a package.

    Attributes:
        files, size_bytes: of what was delivered and read back good.
        evidence: the weakest by which what was written was read back.
        lost: what could not be had; it is not there.
        bad: how many paths were written and do not read back good; they stand there all the same.
        findings: of what was read back: of each that is bad, and warnings.
        from_elsewhere: (path, where an equal file was taken from).
    """

    package: PackageRow
    version: int
    target: bytes
    files: int
    size_bytes: int
    outcome: Outcome
    evidence: Evidence
    lost: Sequence[Unrestored] = ()
    bad: int = 0
    findings: Sequence[Finding] = ()
    from_elsewhere: Sequence[tuple[bytes, str]] = ()


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
        content.refuse_when_full(staging)
        copies = [copy for copy in self._catalog.copies() if copy.inventory_id == inventory_id]
        writer = CopyWriter(sources(package, copies, self._stores), self._threads, on_bytes=self._on_bytes)
        elsewhere: dict[bytes, str] = {}
        place = Place("what was restored", PlainFolder(os.path.dirname(target)), staging.location)

        def fill() -> Sequence[Unfilled]:
            return self._from_elsewhere(writer, staging, inventory_id, writer.fill(staging, content), elsewhere)

        def read_back() -> list[CheckResult]:
            return writer.read_back(place, PlainFolder.IDENTITY, content, self._clock, Evidence.READ)

        written = filled(staging, fill, read_back)
        lost = [Unrestored(path=one.path, size_bytes=one.size_bytes, faults=one.faults) for one in written.unfilled]
        if len(lost) == len(files):
            raise UndeterminedError(
                f"nothing of {package.identifier} could be had from any copy that is there",
                remedy="Connect the replicas that hold it, then run the command again.",
            )
        staging.publish(os.path.basename(target))
        given_up = {one.path for one in lost}
        good = [length for path, length, _ in files if path not in written.bad and path not in given_up]
        checks = written.checks
        return Restored(
            package=package,
            version=number,
            target=target,
            files=len(good),
            size_bytes=sum(good),
            outcome=Outcome.FAIL if lost else worst([check.outcome for check in checks]),
            evidence=min((check.evidence for check in checks if check.unread == 0), default=Evidence.LISTED),
            lost=lost,
            bad=len(written.bad),
            findings=[found for check in checks for found in check.findings if found.path not in given_up],
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
