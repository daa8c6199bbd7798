"""The bag's PREMIS file: what was taken in, what was done to it, and by whom, as far as that is known.

It lies at `metadata/preservation/premis.xml` in the bag and is a tag file. The package is a representation, the
payload's files are included in it. Every file names the events that it took part in, so that an event with 400,000
files stays small; each event names the package. Nothing is said that was not handed in.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from premis.model import (
    Category,
    Characteristics,
    Entity,
    Event,
    EventOutcome,
    Fixity,
    Identifier,
    Link,
    Location,
    Object,
    OriginalName,
    Registry,
    Relationship,
    Storage,
    Term,
)
from premis.model import Format as PremisFormat
from premis.vocabulary import algorithm, term
from premis.writer import write_document
from preserve.provenance.agents import UUID_TYPE, Agents
from preserve.provenance.facts import FileFact, PackageFact, PremisDetail
from preserve.provenance.formats import UNKNOWN
from preserve.provenance.names import object_uuid, printable, to_location, to_original_name
from preserve.provenance.tally import Tally

__all__ = ["PREMIS_PATH", "FileFact", "PackageFact", "PremisDetail", "write_ingestion"]

PREMIS_PATH = b"metadata/preservation/premis.xml"

_PRONOM = Term("PRONOM")


def write_ingestion(stream: BinaryIO, package: PackageFact, files: Iterable[FileFact], detail: PremisDetail) -> None:
    """Writes the PREMIS file of a package that has just been made, in constant memory.

    Args:
        files: the payload, iterated once. A SUMMARY only counts their formats and can do without them.

    Raises:
        ValueError: a time without a zone, or files that are not the number and size that the package says.
        KeyError: an algorithm without a term.
    """
    write_document(stream, _Ingestion(package, files, detail).entities())


class _Ingestion:
    """The entities of one document, in their order."""

    def __init__(self, package: PackageFact, files: Iterable[FileFact], detail: PremisDetail) -> None:
        self._package = package
        self._files = files
        self._detail = detail
        self._id = Identifier(UUID_TYPE, str(package.uuid))
        self._ended_at = _utc(package.ended_at)
        self._started_at = _utc(package.started_at)
        self._tally = Tally()
        self._agents = Agents(package)
        self._digesting = self._event_id("message digest calculation")
        self._identification = self._event_id("format identification")
        self._creation = self._event_id("information package creation")
        self._originator = Term(printable(f"preserve {package.software_version}"))
        self._included = Relationship(
            type=term("relationshipType", "str"), sub_type=term("relationshipSubType", "isi"), objects=(self._id,)
        )

    def _event_id(self, what: str) -> Identifier:
        # No path holds a NUL, so no file can come to bear the name of an event.
        return Identifier(UUID_TYPE, str(object_uuid(self._package.uuid, b"\0event\0" + what.encode())))

    def entities(self) -> Iterator[Entity]:
        yield self._package_object()
        for file in self._files:
            self._tally.count(file)
            if self._detail is PremisDetail.FULL:
                yield self._file_object(file)
        if self._detail is PremisDetail.FULL or self._tally.files:
            self._tally.compare(self._package)
        yield from self._events()
        yield from self._agents.entities()

    def _package_object(self) -> Object:
        package = self._package
        known_as = printable(package.identifier)
        local = (Identifier(term("objectIdentifierType", "local"), known_as),) if known_as.strip() else ()
        return Object(
            category=Category.REPRESENTATION,
            identifiers=(self._id, *local),
            original_name=OriginalName(printable(package.source)),
        )

    def _file_object(self, file: FileFact) -> Object:
        events = [self._digesting] if file.digests else []
        if self._was_identified(file):
            events.append(self._identification)
        return Object(
            category=Category.FILE,
            identifiers=(Identifier(UUID_TYPE, str(object_uuid(self._package.uuid, file.path))),),
            characteristics=(
                Characteristics(
                    fixities=tuple(
                        Fixity(algorithm=algorithm(name), digest=digest.hex(), originator=self._originator)
                        for name, digest in file.digests.items()
                    ),
                    size_bytes=file.size_bytes,
                    formats=(self._format(file),),
                ),
            ),
            original_name=to_original_name(file.original_name),
            storages=(Storage(location=Location(term("contentLocationType", "bagpath"), to_location(file.path))),),
            relationships=(self._included,),
            events=tuple(events),
        )

    def _was_identified(self, file: FileFact) -> bool:
        return self._package.format_software is not None or file.format is not None

    def _format(self, file: FileFact) -> PremisFormat:
        format_ = file.format
        if format_ is None:
            note = "no format was recognised" if self._was_identified(file) else "the format was not examined"
            return PremisFormat(name=Term(UNKNOWN), notes=(note,))
        key = format_.registry_key
        return PremisFormat(
            name=Term(printable(format_.name)),
            version=None if format_.version is None else printable(format_.version),
            registry=None if key is None else Registry(name=_PRONOM, key=Term(printable(key))),
            notes=(printable(format_.note),) if format_.note else (),
        )

    def _events(self) -> Iterator[Event]:
        package = self._package
        payload = f"{package.payload_files} files, {package.payload_bytes} bytes"
        if package.algorithms:
            names = ", ".join(algorithm(name).label for name in package.algorithms)
            yield self._event(
                self._digesting, "mes", f"{names} of the payload", notes=(payload,), agents=(self._agents.preserve,)
            )
        if package.format_software is not None or self._tally.any_format:
            yield self._event(
                self._identification,
                "for",
                "formats of the payload's files, by the signatures of PRONOM",
                outcome=self._identification_outcome(),
                notes=self._tally.notes(),
                agents=self._agents.identifying,
            )
        how = "in place, from" if package.in_place else "as a copy of"
        yield self._event(
            self._creation,
            "ipc",
            f"BagIt bag made {how} {printable(package.source)}",
            notes=(payload,),
            role="out",
            agents=(self._agents.preserve, *self._agents.parties),
        )

    def _identification_outcome(self) -> str | None:
        if self._tally.files != self._package.payload_files:
            return None  # a summary that saw no files knows of no outcome
        return "suc" if self._tally.all_known else "war"

    def _event(
        self,
        identifier: Identifier,
        code: str,
        what: str,
        *,
        agents: tuple[Link, ...],
        notes: tuple[str, ...],
        outcome: str | None = "suc",
        role: str = "sou",
    ) -> Event:
        return Event(
            identifier=identifier,
            type=term("eventType", code),
            date_time=self._ended_at,
            details=(f"{what}; begun {self._started_at}",),
            outcomes=(() if outcome is None else (EventOutcome(outcome=term("eventOutcome", outcome), notes=notes),)),
            agents=agents,
            objects=(Link(self._id, (term("eventRelatedObjectRole", role),)),),
        )


def _utc(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError(f"a time without a zone: {moment}")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
