"""What a bag on a replica seems to be, by its folder's name and its tag files; nothing of its payload is read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from uuid import UUID

from checks.digesting import Digester, Reading, Wanted
from checks.names import show
from checks.ports import StoreError
from preserve.bag.tags.info import InfoEntry
from preserve.bag.trees import Tree
from preserve.bag.validating.structure import Structure
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CopyRow, PackageRow
from preserve.ingest.intake import UUID_LABEL
from preserve.ingest.reading import value_of
from preserve.ordering import Sorter
from preserve.stores.locations import named_by


class Seems(StrEnum):
    """By what was looked at; only reading it whole tells whether it is."""

    NEW = "unknown package"
    COPY = "copy of a known version"  # that has none on this replica
    SECOND = "second folder of a version"  # that has its copy elsewhere on this replica
    OTHER = "other content of a known package"
    REMOVED = "package that was removed"
    UNREADABLE = "not readable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeming:
    """One bag.

    Attributes:
        version: of the package that it seems to be; 0: none that is known.
        manifests: SHA-256 of each payload manifest, by name.
        size_bytes: as its bag-info.txt states it; None if it does not.
        recorded: the copy on this replica whose content it seems to have.
    """

    location: bytes
    seems: Seems
    identifier: str = ""
    uuid: UUID | None = None
    package: PackageRow | None = None
    version: int = 0
    manifests: Mapping[bytes, bytes]
    contents: frozenset[tuple[int, bytes]] = frozenset()  # (size, SHA-256) of the manifests, if nothing else names it
    size_bytes: int | None = None
    recorded: CopyRow | None = None
    problem: str = ""


class Judging:
    """Says of the bags of one replica what they seem to be. Made anew for each look: it remembers copies.

    Args:
        identifier: whose they are, whatever they say of themselves; None: as they say.
    """

    def __init__(self, catalog: Catalog, replica_id: int, identifier: str | None = None) -> None:
        self._identifier = identifier
        self._catalog = catalog
        self._identifiers = catalog.identifiers()
        self._here = {(copy.package_id, copy.version): copy for copy in catalog.copies(replica_ids=[replica_id])}

    def seemings(self, trees: Iterable[tuple[bytes, Tree]], on_each: Callable[[], None]) -> list[Seeming]:
        """Judges many, by (location, tree), and looks for those that nothing names among all that is held.

        A folder may have another name than its package, and say nothing of itself: its manifests tell.
        """
        found = []
        for location, tree in trees:
            found.append(self.seeming(tree, location))
            on_each()
        contents = frozenset[tuple[int, bytes]]().union(*(one.contents for one in found))
        if not contents:
            return found
        inventories: dict[tuple[int, bytes], set[int]] = {}
        for held in self._catalog.holding(contents):
            inventories.setdefault((held.size_bytes, held.sha256), set()).add(held.inventory_id)
        packages = {copy.inventory_id: copy.package for copy in self._catalog.copies()} if inventories else {}
        return [self._by_content(one, inventories, packages) for one in found]

    def _by_content(
        self, one: Seeming, inventories: Mapping[tuple[int, bytes], set[int]], packages: Mapping[int, str]
    ) -> Seeming:
        """As whose copy it is known, if the manifests are those of one package alone."""
        if not one.contents:
            return one
        all_have = set.intersection(*(inventories.get(content, set()) for content in one.contents))
        names = {packages[inventory_id] for inventory_id in all_have if inventory_id in packages}
        known = self._catalog.package_named(names.pop()) if len(names) == 1 else None
        if known is None:
            return one
        seems, version, recorded = self._of(known, one.manifests)
        if seems not in (Seems.COPY, Seems.SECOND):
            return one
        return replace(one, seems=seems, identifier=known.identifier, package=known, version=version, recorded=recorded)

    def seeming(self, tree: Tree, location: bytes) -> Seeming:
        """Reads bagit.txt, bag-info.txt and the payload manifests' bytes."""
        with closing(Sorter()) as payload, closing(Sorter()) as tags:
            structure = Structure(tree)
            reading = structure.read(payload, tags, listed=False)
            while True:
                try:
                    next(reading)
                except StopIteration as ended:
                    judges = ended.value
                    break
        if judges is None:
            return Seeming(
                location=location, seems=Seems.UNREADABLE, manifests={}, problem="it is no bag, or unreadable"
            )
        try:
            readings = _readings(tree, [each.name for each in judges.payload.manifests])
        except StoreError as error:
            problem = error.cause or str(error)
            return Seeming(location=location, seems=Seems.UNREADABLE, manifests={}, problem=problem)
        manifests = {reading.path: reading.digests["sha256"] for reading in readings}
        uuid = _uuid(structure.info)
        stated = self._identifier or value_of(structure.info, "External-Identifier")
        named = stated or self._identifiers.get(str(uuid))
        identifier = named or named_after(location)
        size_bytes = None if structure.oxum is None else structure.oxum.payload_bytes
        known = self._catalog.package_named(identifier, include_removed=True)
        seems, version, recorded = Seems.NEW, 0, None
        if known is not None:
            seems, version, recorded = self._of(known, manifests)
        return Seeming(
            location=location,
            seems=seems,
            identifier=identifier,
            uuid=uuid,
            package=known,
            version=version,
            manifests=manifests,
            contents=frozenset(
                (reading.size_bytes, reading.digests["sha256"])
                for reading in readings
                if named is None and known is None
            ),
            size_bytes=size_bytes,
            recorded=recorded,
        )

    def _of(self, known: PackageRow, manifests: Mapping[bytes, bytes]) -> tuple[Seems, int, CopyRow | None]:
        if known.removed_at is not None:
            return Seems.REMOVED, 0, None
        second: tuple[Seems, int, CopyRow | None] | None = None
        for version in range(known.version, 0, -1):
            inventory_id = self._catalog.inventory_id_of(known.id, version)
            if inventory_id is None or not manifests:
                continue
            entries = {name: self._catalog.entry(inventory_id, name) for name in manifests}
            if all(entry is not None and entry.sha256 == manifests[name] for name, entry in entries.items()):
                recorded = self._here.get((known.id, version))
                if recorded is None:
                    return Seems.COPY, version, None
                second = second or (Seems.SECOND, version, recorded)
        return second or (Seems.OTHER, 0, None)


def named_after(location: bytes) -> str:
    """The identifier that a folder's name stands for."""
    name = location.rpartition(b"/")[2]
    try:
        name.decode("utf-8")
        identifier, _ = named_by(name) or (name.decode("utf-8"), 1)
        return show(name) if not _plain(identifier) else identifier
    except UnicodeDecodeError:
        return show(name)


def _plain(identifier: str) -> bool:
    try:
        identifier.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return identifier.isprintable()


def _readings(tree: Tree, names: Sequence[bytes]) -> list[Reading]:
    digester = Digester(("sha256",))
    wanted = (Wanted(path=name, open=partial(tree.open, name, past_cache=False), expected_bytes=None) for name in names)
    found = []
    for reading in digester.observe(wanted):
        if not reading.sound:
            raise StoreError(f"{show(reading.path)} could not be read", cause=reading.problem or "it changed")
        found.append(reading)
    return found


def _uuid(info: list[InfoEntry]) -> UUID | None:
    try:
        return UUID(value_of(info, UUID_LABEL) or "")
    except ValueError:
        return None
