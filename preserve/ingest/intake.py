"""Taking bags into the catalog: each read once, judged by its own manifests, and recorded as an inventory."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from checks.inventory import Entry, cut, inventory_root
from checks.names import show
from preserve.bag.validating.validation import Validation
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import NewPackage, PackageRow
from preserve.errors import UsageError
from preserve.ingest.reading import BagRead, read_bag
from preserve.progress import Progress
from preserve.stores.locations import location

UUID_LABEL = "Package-UUID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of one bag. Without a package nothing was recorded."""

    bag: bytes
    validation: Validation
    package: PackageRow | None = None
    already: bool = False  # it was known, as it is


class Intake:
    """Takes bags into a catalog."""

    def __init__(
        self, catalog: Catalog, clock: Callable[[], datetime], *, threads: int, progress: Progress, by: str
    ) -> None:
        self._catalog = catalog
        self._clock = clock
        self._threads = threads
        self._progress = progress
        self._by = by

    def take(self, bag: bytes, *, identifier: str | None, collection: str, new_version: bool = False) -> Taken:
        """Reads a bag once. Only a bag that is complete and valid is taken in.

        Args:
            new_version: whether another content under a known identifier is that package's next version; two
                folders of the same name are not one package, so it is never guessed.

        Raises:
            UsageError: there is nothing there, its identifier cannot be used, or belongs to another content.
            UndeterminedError: a tag file could not be read.
        """
        bag = os.path.abspath(bag)
        _refuse_archive(bag)
        read = read_bag(bag, threads=self._threads, progress=self._progress)
        if not read.good:
            return Taken(bag=bag, validation=read.validation)
        name = identifier or read.value("External-Identifier") or show(os.path.basename(bag))
        refuse_unusable(name)
        return self._record(bag, read, name, collection, new_version)

    def _differs(self, known: PackageRow, entries: list[Entry]) -> bool:
        records = list(cut(entries, inherited=self._catalog.shard_starts(known.id)))
        large = [entry for entry in entries if entry.segments]
        return inventory_root([record.root() for record in records], large) != known.root

    def _record(
        self,
        bag: bytes,
        read: BagRead,
        identifier: str,
        collection: str,
        new_version: bool,
    ) -> Taken:
        entries = read.entries
        known = self._catalog.package_named(identifier)
        if known is not None and not new_version and self._differs(known, entries):
            raise UsageError(
                f"a package {show(identifier.encode())} is known already, with other content",
                remedy="If this bag is its next version, say --new-version; if it is another package, give it an --id.",
            )
        new = new_package(self._catalog, read, known, identifier, collection, {"taken_in_by": self._by}, source=bag)
        (package,) = self._catalog.add_packages([new], at=self._clock())
        already = known is not None and known.inventory_id == package.inventory_id
        return Taken(bag=bag, validation=read.validation, package=package, already=already)


def new_package(
    catalog: Catalog,
    read: BagRead,
    known: PackageRow | None,
    identifier: str,
    collection: str,
    facts: Mapping[str, str],
    *,
    source: bytes | None,
) -> NewPackage:
    """What the catalog is given of a bag that was read: the first version of a package, or the next of a known one."""
    starts = catalog.shard_starts(known.id) if known is not None else []
    return NewPackage(
        uuid=known.uuid if known is not None else _uuid_of(read),
        identifier=identifier,
        collection=collection or (known.collection if known is not None else ""),
        records=cut(read.entries, inherited=starts),
        large_files=[entry for entry in read.entries if entry.segments],
        source=source,
        facts={
            "bagit_version": read.validation.version,
            "algorithms": " ".join(read.validation.algorithms),
            **facts,
        },
    )


def _refuse_archive(bag: bytes) -> None:
    """A replica holds plain folders; which of an archive's forms would be the original is not ours to choose."""
    if os.path.isfile(bag):
        raise UsageError(
            f"{show(bag)}: a file, not the folder of a bag; nothing was taken in",
            remedy="Of an archive that `preserve validate` finds valid, unpack the bag and add its folder.",
        )


def _uuid_of(read: BagRead) -> UUID:
    """The UUID that the bag carries, if we made it; else a fresh one."""
    try:
        return UUID(read.value(UUID_LABEL) or "")
    except ValueError:
        return uuid4()


def refuse_unusable(identifier: str) -> None:
    """UsageError if no folder can be named for a package of that identifier."""
    try:
        location(identifier, 1)
    except ValueError as error:
        raise UsageError(
            f"the identifier {identifier!r} cannot be used: {error}", remedy="Give a shorter one with --id."
        ) from error
