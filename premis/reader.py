"""Reads a document as it is parsed, one entity after the other, in constant memory.

What the model does not hold (rights, signatures, significant properties, extensions, environments) is passed over.
"""

from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from premis.elements import TAG, XSI, Root, entities
from premis.errors import PremisError
from premis.model import (
    Agent,
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
    OriginalName,
    Registry,
    Relationship,
    Storage,
    Term,
)

_NO_TERM = Term("")


def read_document(stream: BinaryIO) -> Iterator[Entity]:
    """The objects, events and agents of a document, in its order; a lone entity as root is one.

    Missing or empty units come as empty texts, so that a document that is not valid can still be looked at.

    Raises:
        PremisError: not well-formed, not PREMIS 3.0, a DOCTYPE, an object of no known category, a size that is no
            number. What was yielded before stands in the document nevertheless.
    """
    for found in entities(stream):
        if isinstance(found, Root):
            continue
        if found.name == "object":
            yield _object(found.element, found.line)
        elif found.name == "event":
            yield _event(found.element)
        elif found.name == "agent":
            yield _agent(found.element)


def _object(element: etree._Element, line: int) -> Object:
    parts = _Parts(element)
    name = parts.first("originalName")
    return Object(
        category=_category(element, line),
        identifiers=parts.identifiers("objectIdentifier"),
        characteristics=tuple(_characteristics(part, line) for part in parts.all("objectCharacteristics")),
        original_name=None if name is None else OriginalName(name.text or "", name.get("simpleLink")),
        storages=tuple(map(_storage, parts.all("storage"))),
        relationships=tuple(map(_relationship, parts.all("relationship"))),
        events=parts.identifiers("linkingEventIdentifier"),
    )


def _category(element: etree._Element, line: int) -> Category:
    # The value is a QName; its prefix, if it has one, can only be PREMIS's for the schema to know it.
    written = element.get(f"{{{XSI}}}type", "").strip().rpartition(":")[2]
    try:
        return Category(written)
    except ValueError:
        raise PremisError(f"an object of no known category: {written!r}", line=line) from None


def _characteristics(element: etree._Element, line: int) -> Characteristics:
    parts = _Parts(element)
    size = parts.optional_text("size")
    try:
        size_bytes = None if size is None else int(size)
    except ValueError:
        raise PremisError(f"a size that is no number: {size!r}", line=line) from None
    return Characteristics(
        composition_level=parts.optional_text("compositionLevel"),
        fixities=tuple(map(_fixity, parts.all("fixity"))),
        size_bytes=size_bytes,
        formats=tuple(map(_format, parts.all("format"))),
    )


def _fixity(element: etree._Element) -> Fixity:
    parts = _Parts(element)
    return Fixity(
        algorithm=parts.term("messageDigestAlgorithm"),
        digest=parts.text("messageDigest"),
        originator=parts.optional_term("messageDigestOriginator"),
    )


def _format(element: etree._Element) -> Format:
    parts = _Parts(element)
    designation = parts.first("formatDesignation")
    designated = None if designation is None else _Parts(designation)
    registry = parts.first("formatRegistry")
    return Format(
        name=None if designated is None else designated.term("formatName"),
        version=None if designated is None else designated.optional_text("formatVersion"),
        registry=None if registry is None else _registry(registry),
        notes=parts.texts("formatNote"),
    )


def _registry(element: etree._Element) -> Registry:
    parts = _Parts(element)
    return Registry(
        name=parts.term("formatRegistryName"),
        key=parts.term("formatRegistryKey"),
        role=parts.optional_term("formatRegistryRole"),
    )


def _storage(element: etree._Element) -> Storage:
    parts = _Parts(element)
    location = parts.first("contentLocation")
    return Storage(
        location=None if location is None else _location(location), medium=parts.optional_term("storageMedium")
    )


def _location(element: etree._Element) -> Location:
    parts = _Parts(element)
    return Location(parts.term("contentLocationType"), parts.text("contentLocationValue"))


def _relationship(element: etree._Element) -> Relationship:
    parts = _Parts(element)
    return Relationship(
        type=parts.term("relationshipType"),
        sub_type=parts.term("relationshipSubType"),
        objects=parts.identifiers("relatedObjectIdentifier"),
        events=parts.identifiers("relatedEventIdentifier"),
    )


def _event(element: etree._Element) -> Event:
    parts = _Parts(element)
    identifiers = parts.identifiers("eventIdentifier")
    return Event(
        identifier=identifiers[0] if identifiers else Identifier(_NO_TERM, ""),
        type=parts.term("eventType"),
        date_time=parts.text("eventDateTime"),
        details=parts.inner_texts("eventDetailInformation", "eventDetail"),
        outcomes=tuple(map(_outcome, parts.all("eventOutcomeInformation"))),
        agents=parts.links("linkingAgent"),
        objects=parts.links("linkingObject"),
    )


def _outcome(element: etree._Element) -> EventOutcome:
    parts = _Parts(element)
    return EventOutcome(
        outcome=parts.optional_term("eventOutcome"),
        notes=parts.inner_texts("eventOutcomeDetail", "eventOutcomeDetailNote"),
    )


def _agent(element: etree._Element) -> Agent:
    parts = _Parts(element)
    return Agent(
        identifiers=parts.identifiers("agentIdentifier"),
        names=parts.terms("agentName"),
        type=parts.optional_term("agentType"),
        version=parts.optional_text("agentVersion"),
        notes=parts.texts("agentNote"),
        events=parts.identifiers("linkingEventIdentifier"),
    )


class _Parts:
    """The children of one element by name, found in one pass."""

    __slots__ = ("_by_tag",)

    def __init__(self, element: etree._Element) -> None:
        self._by_tag: dict[object, list[etree._Element]] = {}
        for child in element:
            self._by_tag.setdefault(child.tag, []).append(child)

    def all(self, name: str) -> list[etree._Element]:
        return self._by_tag.get(TAG + name, [])

    def first(self, name: str) -> etree._Element | None:
        found = self._by_tag.get(TAG + name)
        return found[0] if found else None

    def optional_text(self, name: str) -> str | None:
        child = self.first(name)
        return None if child is None else child.text or ""

    def text(self, name: str) -> str:
        return self.optional_text(name) or ""

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(child.text or "" for child in self.all(name))

    def inner_texts(self, outer: str, inner: str) -> tuple[str, ...]:
        return tuple(text for child in self.all(outer) for text in _Parts(child).texts(inner))

    def optional_term(self, name: str) -> Term | None:
        child = self.first(name)
        return None if child is None else _term(child)

    def term(self, name: str) -> Term:
        return self.optional_term(name) or _NO_TERM

    def terms(self, name: str) -> tuple[Term, ...]:
        return tuple(map(_term, self.all(name)))

    def identifiers(self, name: str) -> tuple[Identifier, ...]:
        return tuple(_Parts(child).identifier(name) for child in self.all(name))

    def identifier(self, name: str) -> Identifier:
        return Identifier(self.term(f"{name}Type"), self.text(f"{name}Value"))

    def links(self, name: str) -> tuple[Link, ...]:
        each = map(_Parts, self.all(f"{name}Identifier"))
        return tuple(Link(parts.identifier(f"{name}Identifier"), parts.terms(f"{name}Role")) for parts in each)


def _term(element: etree._Element) -> Term:
    # Most elements have no attributes, and asking for each of the three is what takes the time.
    given = element.attrib
    if not given:
        return Term(element.text or "")
    return Term(element.text or "", given.get("authority"), given.get("authorityURI"), given.get("valueURI"))
