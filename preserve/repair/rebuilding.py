"""Taking into a catalog what lies on the replicas and what it does not know: packages, versions, copies."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from checks.evidence import Evidence, Outcome, worst
from checks.inventory import cut
from checks.names import show
from checks.ports import NotFoundError, StoreError
from checks.shards import copy_missing
from preserve.catalog.catalog import Catalog
from preserve.catalog.results import result_of
from preserve.catalog.rows import NewCopy, NewPackage, PackageRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.expecting import Expectation, Expecting
from preserve.repair.found_bags import FoundBag, Holder, folders_of_bags, look_at
from preserve.repair.whose import Found, call_as_they_say, made_by_us
from preserve.replicate.copying import Content, CopyWriter, Place
from preserve.stores.locations import named_by


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenCopy:
    """One folder that was found. Without an outcome it was left as it is, and `why_not` says why."""

    package: str
    version: int
    replica: str
    location: bytes
    outcome: Outcome | None = None
    findings: int = 0
    why_not: str = ""


@dataclass(slots=True)
class Besides:
    """What the replicas held besides what the catalog knew. Texts are for people."""

    packages: list[PackageRow] = field(default_factory=list)  # each new version
    copies: list[TakenCopy] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # recorded copies whose folder is not there


class Rebuilder:
    """Fills a catalog that nobody else uses yet.

    Args:
        trust: the replica that is believed where copies contradict each other.
        backed: whether the catalog holds what a backup knew; then only what replication made since then is taken in,
            and other bags are told: some may have been refused, or never belonged to the archive.
        by: who does it, as the journal names them.
    """

    def __init__(
        self,
        catalog: Catalog,
        holders: Sequence[Holder],
        threads: Threads,
        clock: Callable[[], datetime],
        progress: Progress,
        *,
        required: Evidence,
        by: str,
        trust: str | None,
        backed: bool,
    ) -> None:
        self._catalog = catalog
        self._holders = holders
        self._threads = threads
        self._clock = clock
        self._progress = progress
        self._required = required
        self._by = by
        self._trust = trust
        self._backed = backed
        self._made = Besides()
        self._stated: dict[UUID, set[str]] = defaultdict(set)  # identifiers under which a Package-UUID is known

    def take_in(self) -> Besides:
        """Looks for every recorded copy, then takes in every bag that is none, package by package, version by version.

        Raises:
            UndeterminedError: a replica went away, or the temporary folder is full.
        """
        for holder in self._holders:
            self._miss(holder)
        for row in self._catalog.packages():
            self._stated[row.uuid].add(row.identifier)
        found = self._found()
        self._flush(found.values())
        for (identifier, version), bags in sorted(found.items()):
            self._progress.stage(f"reading {identifier}")
            try:
                inventory_id = self._inventory(identifier, version, bags)
            except UsageError as error:
                self._refused(identifier, bags, error)
                continue
            if inventory_id is not None:
                for bag in bags:
                    self._record(bag, inventory_id)
        return self._made

    def _flush(self, found: Iterable[Sequence[FoundBag]]) -> None:
        """Once for each replica: somebody may have copied these folders just now, and what is recorded must last."""
        for store in {bag.holder.id: bag.holder.store for bags in found for bag in bags}.values():
            store.flush()

    def _miss(self, holder: Holder) -> None:
        """What was removed or lost after the backup was made must not pass for what was read before it."""
        for copy in self._catalog.copies(replica_ids=[holder.id]):
            try:
                holder.store.stat(copy.location)
            except NotFoundError:
                at = self._clock()
                self._catalog.commit_checks(
                    [
                        result_of(copy_missing(self._catalog.record(shard.id)), shard.id, at, at, copy_id=copy.id)
                        for shard in self._catalog.shards(copy.inventory_id)
                    ],
                    at,
                )
                version = "" if copy.version == 1 else f", version {copy.version}"
                self._made.gone.append(f"{_shown(copy.package)}{version} at {holder.name}: {show(copy.location)}/")
            except StoreError as error:
                raise UndeterminedError(
                    f"{holder.name} cannot be looked through: {error}", remedy="Look at it, then run the command again."
                ) from error

    def _found(self) -> Found:
        """The folders that no copy is recorded at, by what they are a copy of."""
        found: Found = defaultdict(list)
        for holder in self._holders:
            self._progress.stage(f"looking at {holder.name}")
            known = self._catalog.locations(holder.id) | self._catalog.ignored(UUID(holder.uuid)).keys()
            try:
                folders = [folder for folder in folders_of_bags(holder.store) if folder not in known]
                bags = [look_at(holder, folder) for folder in folders]
            except (StoreError, OSError) as error:
                raise UndeterminedError(
                    f"{holder.name} cannot be looked through: {error}", remedy="Look at it, then run the command again."
                ) from error
            if not self._backed:
                call_as_they_say(bags)
            for bag in bags:
                if bag.uuid is not None:
                    self._stated[bag.uuid].add(bag.identifier)
            # What is named by its own identifier goes before what only claims it in its bag-info.txt.
            for bag in sorted(bags, key=lambda bag: named_by(bag.location) != (bag.identifier, bag.version)):
                same = found[bag.identifier, bag.version]
                if any(other.holder is holder for other in same):
                    self._leave(bag, "another folder on this replica says that it is the same")
                else:
                    same.append(bag)
        if not self._backed:
            return found
        ours, others = made_by_us(found, self._catalog, self._stated)
        for bag in others:
            there = f"{bag.holder.name} {show(bag.location)}"
            self._leave(bag, f"the backup does not know it: preserve reconcile, preserve adopt {there}")
        return ours

    def _inventory(self, identifier: str, version: int, bags: list[FoundBag]) -> int | None:
        """The inventory that these are judged by, made if the catalog has none; None if they are left as they are."""
        known = self._catalog.package_named(identifier, include_removed=True)
        if known is not None and known.removed_at is not None:
            for bag in bags:
                self._leave(bag, f"the package was removed on {known.removed_at:%d %B %Y}")
            return None
        inventory_id = None if known is None else self._catalog.inventory_id_of(known.id, version)
        if inventory_id is not None:
            return inventory_id
        if known is not None and version < known.version:
            raise UsageError(f"version {version} is older than what the catalog knows, and not in it")
        return self._add(identifier, version, bags, known)

    def _add(self, identifier: str, version: int, bags: list[FoundBag], known: PackageRow | None) -> int:
        authorities = [bag for bag in bags if bag.holder.name == self._trust] or bags
        expected = Expecting(bags, authorities, self._threads.files).expectation()
        self._refuse_foreign(expected, known)
        if known is not None:
            self._made.doubts.append(self._doubted(version, bags, expected, known))
        starts = [] if known is None else self._catalog.shard_starts(known.id)
        new = NewPackage(
            uuid=known.uuid if known is not None else expected.uuid or uuid4(),
            identifier=identifier,
            collection="" if known is None else known.collection,
            records=list(cut(expected.entries, inherited=starts)),
            large_files=[entry for entry in expected.entries if entry.segments],
            facts={"taken_in_by": self._by, "rebuilt_from": ", ".join(bag.holder.name for bag in bags)},
        )
        (package,) = self._catalog.add_packages([new], at=self._clock())
        self._made.packages.append(package)
        self._made.doubts += [f"{_shown(identifier)}: {doubt}" for doubt in expected.doubts]
        if package.version != version:
            told = f"version {version} on the replicas is version {package.version} now: older ones were found nowhere"
            self._made.doubts.append(f"{_shown(identifier)}: {told}")
        return package.inventory_id

    def _refuse_foreign(self, expected: Expectation, known: PackageRow | None) -> None:
        """A folder may bear the name of one package and hold another."""
        if known is None or expected.uuid is None or expected.uuid == known.uuid:
            return  # of a package that is new here, its intake looks after that
        others = self._stated[expected.uuid] - {known.identifier}
        if others:
            named = ", ".join(_shown(other) for other in sorted(others))
            raise UsageError(
                f"the bag's Package-UUID {expected.uuid} is that of {named}",
                remedy="find out who laid this folder there; `preserve add` on it takes it in",
            )

    def _doubted(self, version: int, bags: Sequence[FoundBag], expected: Expectation, known: PackageRow) -> str:
        """What is to be said of a further version; UsageError unless a person, or no journal at all, speaks for it.

        `preserve package` gives each version a Package-UUID of its own: another one alone proves nothing.
        """
        told = f"version {version} is told of by the name of its folder alone"
        if expected.uuid not in (None, known.uuid):
            told += f", its Package-UUID {expected.uuid} is not the one of version {known.version}"
        journaled = known.id not in {row.id for row in self._made.packages}
        if journaled and self._trust not in {bag.holder.name for bag in bags}:
            raise UsageError(f"{told}, and the catalog's journal does not know it")
        return f"{_shown(known.identifier)}: {told}"

    def _record(self, bag: FoundBag, inventory_id: int) -> None:
        """Reads a copy whole, past the cache, and records what was found."""
        holder = bag.holder
        content = Content.of(self._catalog, inventory_id)
        reader = CopyWriter([], self._threads, on_bytes=lambda count: self._progress.advance(bytes=count))
        place = Place(holder.name, holder.store, bag.location)
        try:
            checks = reader.read_back(place, holder.uuid, content, self._clock, self._required)
            new = NewCopy(inventory_id=inventory_id, replica_id=holder.id, location=bag.location, checks=checks)
            self._catalog.record_copy(new, self._clock())
        except (StoreError, UsageError) as error:
            self._leave(bag, str(error))
            return
        findings = sum(len(check.findings) for check in checks)
        self._progress.found(findings)
        outcome = worst([check.outcome for check in checks])
        self._made.copies.append(_copy(bag, outcome=outcome, findings=findings))

    def _refused(self, identifier: str, bags: Sequence[FoundBag], error: UsageError) -> None:
        way_out = error.remedy or "say whose is right with --trust REPLICA, or `preserve add` the folder that is"
        self._made.conflicts.append(f"{_shown(identifier)}: {error.message}; {way_out}")
        for bag in bags:
            self._leave(bag, "it was not taken in; see the conflicts")

    def _leave(self, bag: FoundBag, why: str) -> None:
        self._made.copies.append(_copy(bag, why_not=why))


def _copy(bag: FoundBag, *, outcome: Outcome | None = None, findings: int = 0, why_not: str = "") -> TakenCopy:
    return TakenCopy(
        package=bag.identifier,
        version=bag.version,
        replica=bag.holder.name,
        location=bag.location,
        outcome=outcome,
        findings=findings,
        why_not=why_not,
    )


def _shown(identifier: str) -> str:
    return show(os.fsencode(identifier))
