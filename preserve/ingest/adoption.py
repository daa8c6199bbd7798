"""Adopting bags that lie on a replica already: read whole where they lie, and recorded; nothing is written or moved."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from shlex import quote
from typing import Protocol

from checks.evidence import Outcome
from checks.inventory import Entry, cut, inventory_root
from checks.names import show
from checks.ports import Listed, StoreError, UnavailableError
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, NewCopy, PackageRow, ReplicaRow
from preserve.errors import PreserveError, UndeterminedError, UsageError
from preserve.ingest.adopted import Adopted, Became, unfit
from preserve.ingest.differing import difference
from preserve.ingest.intake import new_package, refuse_unusable
from preserve.ingest.reading import BagRead, read_bag
from preserve.ingest.sighting import refuse_no_folder, sight
from preserve.progress import Progress
from preserve.stores.within import Readable, Within

_MOST_SHOWN = 200  # characters of an identifier, which may have millions
_WAIT = "Somebody may be writing it: let that end, then run the command again."


class Place(Readable, Protocol):
    """What is needed of a replica's store."""

    def identity(self) -> str: ...
    def listing(self, root: bytes) -> Iterator[Listed]: ...


class Adopter:
    """Adopts bags of one replica.

    Args:
        store: the replica's; everything is read through it, past the cache where it can do that.
        flush: has what lies there on the medium, or raises: somebody may have copied it there just now.
        being_made: whether a run is making a copy in that folder now. Such a copy may look whole before it is.
        by: who does it, as the journal names them.
    """

    def __init__(
        self,
        catalog: Catalog,
        replica: ReplicaRow,
        store: Place,
        where: bytes,
        clock: Callable[[], datetime],
        *,
        flush: Callable[[], None],
        being_made: Callable[[bytes], bool],
        threads: int,
        progress: Progress,
        by: str,
    ) -> None:
        self._catalog = catalog
        self._replica = replica
        self._store = store
        self._where = where
        self._clock = clock
        self._flush = flush
        self._being_made = being_made
        self._threads = threads
        self._progress = progress
        self._by = by

    def adopt(
        self,
        folder: bytes,
        identifier: str,
        *,
        collection: str = "",
        new_version: bool = False,
        as_said: bool = True,
    ) -> Adopted:
        """Adopts one bag; what stands in the way is in the answer, never raised, but for the replica itself.

        Args:
            identifier: whose it is, if its own bag-info.txt does not say something else when it is read.
            new_version: whether another content under a known identifier is that package's next version.
            as_said: whether its bag-info.txt is asked at all.

        Raises:
            UnavailableError: the replica went away.
        """
        read: BagRead | None = None
        started_at = self._clock()
        try:
            read = self._read(folder)
            if not read.good:
                return unfit(folder, f"it is {read.validation.verdict}", "", read)
            self._flush()
            self.present()
            if self._being_made(folder):
                raise UndeterminedError("a run is making a copy in it now", remedy=_WAIT)
            if as_said:
                identifier = self._said(folder, read) or identifier
            self._refuse_unusable(folder, identifier)
            return self._recorded(folder, read, identifier, collection, new_version, started_at)
        except UnavailableError:
            raise
        except UsageError as error:
            return unfit(folder, error.message, error.remedy, read, Outcome.FAIL)
        except PreserveError as error:
            return unfit(folder, error.message, error.remedy, read, Outcome.INCONCLUSIVE)
        except StoreError as error:
            return unfit(folder, f"it could not be read ({error.cause or error})", "", read, Outcome.INCONCLUSIVE)

    def present(self) -> None:
        """UnavailableError unless the replica is there and is the right one."""
        found = self._store.identity()
        if found != str(self._replica.uuid):
            why = "another disk is in its place"
            raise UnavailableError(f"{self._replica.name}: {why}: its identity is {found}", cause=why)

    def _read(self, folder: bytes) -> BagRead:
        """Reads the bag, and makes sure that it was one and the same from the first name to the last byte."""
        self.present()
        tree = Within(self._store, self._where, folder)
        refuse_no_folder(self._store, folder)
        before = sight(tree)
        threads = max(self._threads, tree.in_flight)
        read = read_bag(tree.root, threads=threads, progress=self._progress, tree=tree)
        if read.good:
            refuse_no_folder(self._store, folder)
            if sight(tree) != before:
                raise UndeterminedError("it changed while it was read", remedy=_WAIT)
            self._refuse_unread(folder, read)
        return read

    def _refuse_unread(self, folder: bytes, read: BagRead) -> None:
        """Judges the names as an audit does: a bucket can hold objects that are told as a folder's mark elsewhere."""
        paths = {entry.path for entry in read.entries}
        for listed in self._store.listing(folder):
            if listed.problem is not None:
                raise UndeterminedError(f"{show(listed.path)} in it cannot be listed ({listed.problem})", remedy=_WAIT)
            if listed.path not in paths:
                raise UsageError(
                    f"{show(listed.path)} lies in it, and no manifest knows it",
                    remedy="Look what it is; once it is out of there the bag can be adopted.",
                )

    def _said(self, folder: bytes, read: BagRead) -> str | None:
        """What its bag-info.txt says whose it is; UsageError if that is two things."""
        label = "External-Identifier"
        said = sorted({entry.value for entry in read.validation.info if entry.has(label) and entry.value})
        if len(said) > 1:
            raise UsageError(
                f"its bag-info.txt says two things of whose it is: {_shown(said[0])} and {_shown(said[1])}",
                remedy=f"Say which it is: preserve adopt {self._replica.name} {quote(show(folder))} --id ID",
            )
        return said[0] if said else None

    def _refuse_unusable(self, folder: bytes, identifier: str) -> None:
        try:
            refuse_unusable(identifier)
            if "\0" in identifier:
                raise UsageError(f"the identifier {_shown(identifier)} cannot be used: it has a zero byte in it")
        except UsageError as error:
            raise UsageError(
                error.message,
                remedy=f"Give it another one: preserve adopt {self._replica.name} {quote(show(folder))} --id ID",
            ) from error

    def _recorded(
        self, folder: bytes, read: BagRead, identifier: str, collection: str, new_version: bool, started_at: datetime
    ) -> Adopted:
        known = self._catalog.package_named(identifier, include_removed=True)
        if known is not None and known.removed_at is not None:
            raise UsageError(
                f"the package {_shown(identifier)} was removed on {known.removed_at:%d %B %Y}",
                remedy="What was deaccessioned does not come back under its old name. Move the folder away, or have it "
                "ignored.",
            )
        found = None if known is None else self._version_of(known, read)
        if found is not None:
            inventory_id, version = found
            became = Became.COPY
        else:
            package = self._added(folder, read, identifier, collection, known, new_version)
            inventory_id, version = package.inventory_id, package.version
            became = Became.PACKAGE if known is None else Became.VERSION
        self._record_copy(folder, read, inventory_id, started_at)
        return Adopted(
            location=folder,
            became=became,
            outcome=Outcome.PASS,
            package=identifier,
            version=version,
            files=len(read.entries),
            size_bytes=sum(entry.size_bytes for entry in read.entries),
            evidence=read.evidence,
            validation=read.validation,
        )

    def _version_of(self, known: PackageRow, read: BagRead) -> tuple[int, int] | None:
        """(inventory, number) of the version that has this very content, the newest first."""
        for version in range(known.version, 0, -1):
            inventory_id = self._catalog.inventory_id_of(known.id, version)
            if inventory_id is not None and self._has(inventory_id, read.entries):
                return inventory_id, version
        return None

    def _has(self, inventory_id: int, entries: Sequence[Entry]) -> bool:
        shards = self._catalog.shards(inventory_id)
        records = cut(entries, inherited=[shard.start for shard in shards[1:]])
        roots = [record.root() for record in records]
        large = [entry for entry in entries if entry.segments]
        return inventory_root(roots, large) == inventory_root(
            [shard.root for shard in shards], self._catalog.large_files(inventory_id)
        )

    def _added(
        self,
        folder: bytes,
        read: BagRead,
        identifier: str,
        collection: str,
        known: PackageRow | None,
        new_version: bool,
    ) -> PackageRow:
        if known is not None and not new_version:
            differs = difference(self._catalog, known.inventory_id, read.entries)
            raise UsageError(
                f"a package {_shown(identifier)} is known already, with other content: {differs}",
                remedy=f"If this is its next version: --new-version {quote(show(folder))}. If it is another package, "
                "its External-Identifier is wrong.",
            )
        facts = {
            "taken_in_by": self._by,
            "adopted_on": self._replica.name,
            "adopted_in": show(folder),
            "evidence": read.evidence.label,
        }
        new = new_package(self._catalog, read, known, identifier, collection, facts, source=None)
        (package,) = self._catalog.add_packages([new], at=self._clock())
        return package

    def _record_copy(self, folder: bytes, read: BagRead, inventory_id: int, started_at: datetime) -> None:
        new = NewCopy(
            inventory_id=inventory_id,
            replica_id=self._replica.id,
            location=folder,
            checks=self._checks(read, inventory_id, started_at),
            adopted_by=self._by,
        )
        self._catalog.record_copy(new, self._clock())

    def _checks(self, read: BagRead, inventory_id: int, started_at: datetime) -> list[CheckResult]:
        """The reading, shard by shard: its roots are those of the inventory, of whose content it was found to be."""
        shards, ended_at = self._catalog.shards(inventory_id), self._clock()
        records = cut(read.entries, inherited=[shard.start for shard in shards[1:]])
        return [
            CheckResult(
                copy_id=0,
                shard_id=shard.id,
                audit_id=None,
                lease_token=None,
                started_at=started_at,
                ended_at=max(started_at, ended_at),
                evidence=read.evidence,
                outcome=Outcome.PASS,
                good=len(record.paths),
                bad=0,
                unread=0,
                bytes_read=record.bytes_to_read,
                observed_root=record.root(),
            )
            for shard, record in zip(shards, records, strict=True)
        ]


def _shown(identifier: str) -> str:
    shown = show(identifier[:_MOST_SHOWN].encode("utf-8", "surrogateescape"))
    return f"{shown}…" if len(identifier) > _MOST_SHOWN else shown
