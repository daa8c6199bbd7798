"""The PREMIS document of a package: what the catalog expects of it, and what the journal tells of it.

Objects (the package, and each file of one version), events, agents, all of them streamed. Files have the UUIDs that
they have in the bag's own PREMIS file, so that the two can be laid together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from checks.inventory import Entry
from checks.names import path_from_fields
from premis.model import (
    Category,
    Characteristics,
    Entity,
    Event,
    EventOutcome,
    Fixity,
    Format,
    Identifier,
    Link,
    Location,
    Object,
    Relationship,
    Storage,
    Term,
)
from premis.vocabulary import algorithm, term
from premis.writer import write_document
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import PackageRow
from preserve.provenance.agents import UUID_TYPE, Cast
from preserve.provenance.events import DIGESTS
from preserve.provenance.formats import UNKNOWN
from preserve.provenance.history import EventDetail, History, Told, body_of, chain_place
from preserve.provenance.ingestion import PREMIS_PATH
from preserve.provenance.inventories import Expected
from preserve.provenance.names import object_uuid, printable, to_location
from preserve.provenance.wording import Wording

__all__ = ["EventDetail", "Exported", "write_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What is exported: a version of a package, whose files become objects, and the whole package's history."""

    package: PackageRow
    version: int
    inventory_id: int
    events: EventDetail
    organization: str | None
    software_version: str


def write_history(stream: BinaryIO, catalog: Catalog, asked: Exported) -> None:
    """Writes the document in constant memory but for one tally for each audit of a copy.

    Raises:
        UndeterminedError: the journal has a link that cannot be told. The stream then holds a torso.
        CatalogError: the catalog is damaged; the same holds.
    """
    write_document(stream, _Document(catalog, asked).entities())


class _Document:
    """The entities, in their order."""

    def __init__(self, catalog: Catalog, asked: Exported) -> None:
        self._catalog = catalog
        self._asked = asked
        self._package = asked.package
        self._id = Identifier(UUID_TYPE, str(asked.package.uuid))
        self._expected = Expected(catalog, asked.inventory_id)
        self._cast = Cast()
        self._software = self._cast.software(
            "preserve",
            None,
            f"which version did each act is not recorded; this was written by preserve {asked.software_version}",
        )
        self._organization = (asked.organization or "").strip()
        self._parties = (self._cast.organization(self._organization),) if self._organization else ()

    def entities(self) -> Iterator[Entity]:
        yield self._package_object()
        yield from self._file_objects()
        replicas = {str(row.uuid): row.name for row in self._catalog.replicas(include_removed=True)}
        links = self._catalog.journal_of(self._package.id)
        for told in History(links, Wording(replicas), self._asked.events).told():
            yield self._event(told)
        yield from self._cast.entities()

    def _package_object(self) -> Object:
        known_as = printable(self._package.identifier)
        local = (Identifier(term("objectIdentifierType", "local"), known_as),) if known_as.strip() else ()
        return Object(category=Category.REPRESENTATION, identifiers=(self._id, *local))

    def _file_objects(self) -> Iterator[Object]:
        in_bag = self._expected.has(PREMIS_PATH)
        note = f"the catalog keeps no formats{f'; see {PREMIS_PATH.decode()} in the bag' if in_bag else ''}"
        formats = (Format(name=Term(UNKNOWN), notes=(note,)),)
        included = Relationship(
            type=term("relationshipType", "str"), sub_type=term("relationshipSubType", "isi"), objects=(self._id,)
        )
        digesting = self._digesting()
        for entry in self._expected.files():
            yield Object(
                category=Category.FILE,
                identifiers=(self._file_id(entry.path),),
                characteristics=(_characteristics(entry, formats),),
                storages=(Storage(location=Location(term("contentLocationType", "bagpath"), to_location(entry.path))),),
                relationships=(included,),
                events=digesting,
            )

    def _digesting(self) -> tuple[Identifier, ...]:
        """The event that computed the digests of the exported version, if the journal has it."""
        return tuple(
            self._event_id(link.number, DIGESTS.name)
            for link in self._catalog.journal_of(self._package.id, "package-added")
            if body_of(link).get("version") == self._asked.version
        )

    def _file_id(self, path: bytes) -> Identifier:
        return Identifier(UUID_TYPE, str(object_uuid(self._package.uuid, path)))

    def _event_id(self, number: int, key: bytes) -> Identifier:
        # Out of the journal's number, so that the same event has the same name in every export.
        name = b"\0event\0journal\0%d" % number + (b"\0" + key if key else b"")
        return Identifier(UUID_TYPE, str(object_uuid(self._package.uuid, name)))

    def _event(self, told: Told) -> Event:
        mapped = told.mapped
        notes = [*(note.format_map(told.words) for note in mapped.notes), *told.more, chain_place(told.link)]
        role = (term("eventRelatedObjectRole", mapped.role),)
        return Event(
            identifier=self._event_id(told.link.number, told.key),
            type=term("eventType", mapped.type),
            date_time=told.when,
            details=(printable(mapped.detail.format_map(told.words)),),
            outcomes=(EventOutcome(outcome=term("eventOutcome", told.outcome), notes=tuple(map(printable, notes))),),
            agents=(self._software, *self._people(told)),
            objects=tuple(Link(identifier, role) for identifier in (self._id, *self._file_of(told))),
        )

    def _people(self, told: Told) -> tuple[Link, ...]:
        """Whoever is named, and the organization for which they did it."""
        name = told.words.get("by", told.words.get("taken_in_by", "")).strip()
        return (self._cast.person(name, self._organization, told.mapped.by), *self._parties) if name else ()

    def _file_of(self, told: Told) -> tuple[Identifier, ...]:
        """The file of which an event speaks, if it is the one that stands in this document.

        The file of another version is, only if its content was to be the same.
        """
        path = path_from_fields(told.body)
        if path is None:
            return ()
        if told.body.get("version") == self._asked.version:
            return (self._file_id(path),) if self._expected.has(path) else ()
        wanted: Mapping[str, Any] = told.body.get("expected") or {}
        same = self._expected.has_content(path, str(wanted.get("sha256")), int(wanted.get("segment", 0)))
        return (self._file_id(path),) if same else ()


def _characteristics(entry: Entry, formats: tuple[Format, ...]) -> Characteristics:
    fixity = Fixity(algorithm=algorithm("sha256"), digest=entry.sha256.hex(), originator=Term("preserve"))
    return Characteristics(fixities=(fixity,), size_bytes=entry.size_bytes, formats=formats)
