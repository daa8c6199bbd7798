"""Taking bags into the catalog: each read once, judged by its own manifests, and recorded as an inventory."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from checks.digesting import Digester, Reading, Wanted
from checks.evidence import Outcome
from checks.inventory import Entry, cut, inventory_root
from checks.names import show
from checks.ports import Kind
from preserve.bag.tags.info import InfoEntry
from preserve.bag.validating.structure import DATA
from preserve.bag.validating.validation import Validation, Validator
from preserve.bag.walking import walk
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import NewPackage, PackageRow
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.stores.local import LocalStore
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
        entries: list[Entry] = []
        validator = Validator(bag, threads=self._threads, progress=self._progress, taken=partial(_take, entries))
        validation = validator.result()
        if validation.outcome is not Outcome.PASS:
            return Taken(bag=bag, validation=validation)
        entries += self._tag_files(LocalStore(bag))
        entries.sort()
        name = identifier or _value(validation.info, "External-Identifier") or show(os.path.basename(bag))
        _refuse_unusable(name)
        return self._record(bag, validation, entries, name, collection, new_version)

    def _differs(self, known: PackageRow, entries: list[Entry]) -> bool:
        records = list(cut(entries, inherited=self._catalog.shard_starts(known.id)))
        large = [entry for entry in entries if entry.segments]
        return inventory_root([record.root() for record in records], large) != known.root

    def _tag_files(self, store: LocalStore) -> list[Entry]:
        """Everything outside the payload, whether a tag manifest lists it or not."""
        digester = Digester(("sha256",))
        entries: list[Entry] = []
        for seen in walk(store, b"", skip=DATA):
            if seen.kind is Kind.DIRECTORY and seen.problem is None:
                continue
            if seen.kind is not Kind.FILE or seen.problem is not None:
                raise UndeterminedError(
                    f"{show(seen.path)}: {seen.problem or 'not a regular file'}",
                    remedy="Take it out of the bag, or make it readable.",
                )
            opener = partial(store.open, seen.path, past_cache=False)
            reading = digester.read(Wanted(path=seen.path, open=opener, expected_bytes=None, segmented=True))
            if not reading.sound:
                raise UndeterminedError(f"{show(seen.path)}: could not be read ({reading.problem or 'it changed'})")
            _take(entries, reading)
        return entries

    def _record(
        self,
        bag: bytes,
        validation: Validation,
        entries: list[Entry],
        identifier: str,
        collection: str,
        new_version: bool,
    ) -> Taken:
        known = self._catalog.package_named(identifier)
        if known is not None and not new_version and self._differs(known, entries):
            raise UsageError(
                f"a package {show(identifier.encode())} is known already, with other content",
                remedy="If this bag is its next version, say --new-version; if it is another package, give it an --id.",
            )
        starts = self._catalog.shard_starts(known.id) if known is not None else []
        new = NewPackage(
            uuid=known.uuid if known is not None else _uuid_of(validation.info),
            identifier=identifier,
            collection=collection or (known.collection if known is not None else ""),
            records=cut(entries, inherited=starts),
            large_files=[entry for entry in entries if entry.segments],
            source=bag,
            facts={
                "bagit_version": validation.version,
                "algorithms": " ".join(validation.algorithms),
                "taken_in_by": self._by,
            },
        )
        (package,) = self._catalog.add_packages([new], at=self._clock())
        already = known is not None and known.inventory_id == package.inventory_id
        return Taken(bag=bag, validation=validation, package=package, already=already)


def _refuse_archive(bag: bytes) -> None:
    """A replica holds plain folders; which of an archive's forms would be the original is not ours to choose."""
    if os.path.isfile(bag):
        raise UsageError(
            f"{show(bag)}: a file, not the folder of a bag; nothing was taken in",
            remedy="Of an archive that `preserve validate` finds valid, unpack the bag and add its folder.",
        )


def _take(entries: list[Entry], reading: Reading) -> None:
    entries.append(Entry(reading.path, reading.size_bytes, reading.digests["sha256"], reading.segments))


def _value(info: tuple[InfoEntry, ...], label: str) -> str | None:
    return next((entry.value for entry in info if entry.has(label) and entry.value), None)


def _uuid_of(info: tuple[InfoEntry, ...]) -> UUID:
    """The UUID that the bag carries, if we made it; else a fresh one."""
    try:
        return UUID(_value(info, UUID_LABEL) or "")
    except ValueError:
        return uuid4()


def _refuse_unusable(identifier: str) -> None:
    try:
        location(identifier, 1)
    except ValueError as error:
        raise UsageError(
            f"the identifier {identifier!r} cannot be used: {error}", remedy="Give a shorter one with --id."
        ) from error
