"""Validation of a document: what the schema lets through, and the schema itself where its path is handed in.

Entities are judged as they are parsed. Only identifiers are remembered, and links as long as their target has not
been met: about 0.2 kB for each object.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from lxml import etree

from premis.elements import ENTITIES, Found, Root, entities
from premis.errors import PremisError
from premis.links import Links
from premis.model import VERSION
from premis.problems import Code, Problem
from premis.rules import judge


def validate_document(stream: BinaryIO, *, schema: Path | None = None) -> Iterator[Problem]:
    """What is wrong with a document, as it is found; dangling links and unlinked events come last.

    Args:
        stream: the document's bytes, read once.
        schema: the PREMIS 3.0 schema (premis-v3-0.xsd); without it the rules of the schema itself are not checked.

    Raises:
        PremisError: what cannot be parsed as PREMIS 3.0, or a schema that cannot be read.
    """
    xml_schema = None if schema is None else _load(schema)
    order = _Order()
    links = Links()
    for found in entities(stream):
        if isinstance(found, Root):
            yield from order.open(found)
            links.expects_targets = found.name == "premis"
            continue
        yield from order.follow(found)
        if found.name in ENTITIES:
            if xml_schema is not None:
                yield from _against(xml_schema, found.element)
            yield from links.take(found.name, found.element)
            if found.name != "rights":
                yield from judge(found.element)
    yield from order.close()
    yield from links.close()


def _load(path: Path) -> etree.XMLSchema:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return etree.XMLSchema(etree.parse(str(path), parser))
    except (OSError, etree.LxmlError) as error:
        raise PremisError(f"the schema {path} cannot be used: {error}") from error


def _against(schema: etree.XMLSchema, element: etree._Element) -> Iterator[Problem]:
    # Each entity can be a document's root, so each is validated by itself; the container is `_Order`'s.
    if not schema.validate(element):
        for entry in cast("Iterable[etree._LogEntry]", schema.error_log):
            yield Problem(Code.SCHEMA, entry.message, entry.line)


class _Order:
    """The container: its version, at least one object, then events, agents and rights, and nothing else."""

    def __init__(self) -> None:
        self._root: Root | None = None
        self._reached = 0
        self._objects = 0

    def open(self, root: Root) -> Iterator[Problem]:
        self._root = root
        if root.version != VERSION and (root.name == "premis" or root.version is not None):
            yield Problem(Code.STRUCTURE, f"version is {root.version!r} and must be {VERSION!r}", root.line)

    def follow(self, found: Found) -> Iterator[Problem]:
        if found.name not in ENTITIES:
            yield Problem(Code.STRUCTURE, f"{found.name} does not belong into the container", found.line)
            return
        place = ENTITIES.index(found.name)
        if place < self._reached:
            yield Problem(
                Code.STRUCTURE, f"{found.name} stands after {ENTITIES[self._reached]}, not before", found.line
            )
        self._reached = max(self._reached, place)
        self._objects += found.name == "object"

    def close(self) -> Iterator[Problem]:
        if self._root is not None and self._root.name == "premis" and self._objects == 0:
            yield Problem(Code.STRUCTURE, "a container needs at least one object", self._root.line)
