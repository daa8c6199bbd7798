"""Writes a document as it comes: constant memory, whatever the number of entities.

What the schema would refuse is refused here, before it is written: the order of entities, a container without an
object, a file without a format, text that XML cannot hold. The text of an entity is made by `premis.markup`, because
a tree of elements (lxml's `xmlfile`) for each file of a payload took three times as long.
"""

from collections.abc import Iterable
from typing import BinaryIO

from premis.errors import PremisError
from premis.markup import attribute, element, identifier, optional, optional_term, repeated, term, text
from premis.model import (
    NAMESPACE,
    VERSION,
    Agent,
    Category,
    Characteristics,
    Entity,
    Event,
    EventOutcome,
    Fixity,
    Format,
    Link,
    Object,
    OriginalName,
    Registry,
    Relationship,
    Storage,
)

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_HEAD = f'<?xml version="1.0" encoding="UTF-8"?>\n<premis xmlns="{NAMESPACE}" xmlns:xsi="{_XSI}" version="{VERSION}">\n'
_ORDER = (Object, Event, Agent)
_WITH_CHARACTERISTICS = (Category.FILE, Category.BITSTREAM)


def write_document(stream: BinaryIO, entities: Iterable[Entity]) -> None:
    """Writes one PREMIS 3.0 document, UTF-8, an entity on each line.

    Args:
        entities: at least one object, then events, then agents; taken one at a time.

    Raises:
        PremisError: wrong order, or a value that would make the document invalid. The stream then holds a torso.
    """
    reached: int | None = None
    stream.write(_HEAD.encode())
    for entity in entities:
        kind = _ORDER.index(type(entity))
        if kind < (reached or 0) or (reached is None and kind > 0):
            raise PremisError(f"{type(entity).__name__} out of order: at least one object, then events, then agents")
        reached = kind
        stream.write(f"{_markup(entity)}\n".encode())
    if reached is None:
        raise PremisError("a document needs at least one object")
    stream.write(b"</premis>\n")


def _markup(entity: Entity) -> str:
    if isinstance(entity, Object):
        return _object(entity)
    return _event(entity) if isinstance(entity, Event) else _agent(entity)


def _object(value: Object) -> str:
    _check_object(value)
    return element(
        "object",
        repeated(identifier, "objectIdentifier", value.identifiers)
        + "".join(map(_characteristics, value.characteristics))
        + ("" if value.original_name is None else _original_name(value.original_name))
        + "".join(map(_storage, value.storages))
        + "".join(map(_relationship, value.relationships))
        + repeated(identifier, "linkingEventIdentifier", value.events),
        f' xsi:type="{value.category.value}"',
    )


def _check_object(value: Object) -> None:
    if not value.identifiers:
        raise PremisError("an object without an identifier")
    name = value.identifiers[0].value
    if (value.category in _WITH_CHARACTERISTICS) != bool(value.characteristics):
        raise PremisError(f"object {name}: characteristics belong to a file or bitstream, and are needed there")
    if value.category is Category.INTELLECTUAL_ENTITY and value.storages:
        raise PremisError(f"object {name}: an intellectual entity has no storage")
    if value.category is Category.BITSTREAM and value.original_name is not None:
        raise PremisError(f"object {name}: a bitstream has no original name")


def _characteristics(value: Characteristics) -> str:
    if not value.formats:
        raise PremisError("characteristics without a format; one that is not known is named `unknown`")
    return element(
        "objectCharacteristics",
        optional("compositionLevel", value.composition_level)
        + "".join(map(_fixity, value.fixities))
        + ("" if value.size_bytes is None else f"<size>{value.size_bytes:d}</size>")
        + "".join(map(_format, value.formats)),
    )


def _fixity(value: Fixity) -> str:
    return element(
        "fixity",
        term("messageDigestAlgorithm", value.algorithm)
        + text("messageDigest", value.digest)
        + optional_term("messageDigestOriginator", value.originator),
    )


def _format(value: Format) -> str:
    if value.name is None and (value.registry is None or value.version is not None):
        raise PremisError("a format needs a name or a registry, and a version needs a name")
    designation = "" if value.name is None else term("formatName", value.name)
    return element(
        "format",
        (element("formatDesignation", designation + optional("formatVersion", value.version)) if designation else "")
        + ("" if value.registry is None else _registry(value.registry))
        + repeated(text, "formatNote", value.notes),
    )


def _registry(value: Registry) -> str:
    return element(
        "formatRegistry",
        term("formatRegistryName", value.name)
        + term("formatRegistryKey", value.key)
        + optional_term("formatRegistryRole", value.role),
    )


def _original_name(value: OriginalName) -> str:
    return text("originalName", value.text, attribute("simpleLink", value.link))


def _storage(value: Storage) -> str:
    if value.location is None and value.medium is None:
        raise PremisError("storage without location and medium")
    location = ""
    if value.location is not None:
        location = element(
            "contentLocation",
            term("contentLocationType", value.location.type) + text("contentLocationValue", value.location.value),
        )
    return element("storage", location + optional_term("storageMedium", value.medium))


def _relationship(value: Relationship) -> str:
    if not value.objects:
        raise PremisError("a relationship to no object")
    return element(
        "relationship",
        term("relationshipType", value.type)
        + term("relationshipSubType", value.sub_type)
        + repeated(identifier, "relatedObjectIdentifier", value.objects)
        + repeated(identifier, "relatedEventIdentifier", value.events),
    )


def _event(value: Event) -> str:
    return element(
        "event",
        identifier("eventIdentifier", value.identifier)
        + term("eventType", value.type)
        + text("eventDateTime", value.date_time)
        + "".join(element("eventDetailInformation", text("eventDetail", detail)) for detail in value.details)
        + "".join(map(_outcome, value.outcomes))
        + "".join(_link("linkingAgent", link) for link in value.agents)
        + "".join(_link("linkingObject", link) for link in value.objects),
    )


def _outcome(value: EventOutcome) -> str:
    if value.outcome is None and not value.notes:
        raise PremisError("an outcome that says nothing")
    return element(
        "eventOutcomeInformation",
        optional_term("eventOutcome", value.outcome)
        + "".join(element("eventOutcomeDetail", text("eventOutcomeDetailNote", note)) for note in value.notes),
    )


def _agent(value: Agent) -> str:
    if not value.identifiers:
        raise PremisError("an agent without an identifier")
    return element(
        "agent",
        repeated(identifier, "agentIdentifier", value.identifiers)
        + repeated(term, "agentName", value.names)
        + optional_term("agentType", value.type)
        + optional("agentVersion", value.version)
        + repeated(text, "agentNote", value.notes)
        + repeated(identifier, "linkingEventIdentifier", value.events),
    )


def _link(name: str, link: Link) -> str:
    return identifier(f"{name}Identifier", link.identifier, repeated(term, f"{name}Role", link.roles))
