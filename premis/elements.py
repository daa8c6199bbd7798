"""Takes a document apart, one entity at a time, in constant memory, and never obeys what stands in it.

No entity is resolved, nothing is fetched, a DOCTYPE is refused, and so is a text of more than 10 MB (libxml2's own
limit, which `huge_tree` would lift).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, Final, cast

from lxml import etree

from premis.errors import PremisError
from premis.model import NAMESPACE

XSI = "http://www.w3.org/2001/XMLSchema-instance"
TAG: Final = f"{{{NAMESPACE}}}"
ENTITIES = ("object", "event", "agent", "rights")
_CAREFULLY: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_LOOK_BYTES = 4 << 10
_HEAD_BYTES = 1 << 20
_PART_BYTES = 64 << 10
_EARLIER = "info:lc/xmlns/premis-v2"


@dataclass(frozen=True, slots=True)
class Found:
    """An element below the root, or the root itself if it is a lone entity. `name` is without PREMIS's namespace.

    `element` is emptied as soon as the next one is asked for.
    """

    name: str
    line: int
    element: etree._Element


@dataclass(frozen=True, slots=True)
class Root:
    """The document's root: `premis`, or one of `ENTITIES` alone. `version` is None where it is not given."""

    name: str
    line: int
    version: str | None

    @property
    def level(self) -> int:
        """How many elements stand above an entity: 1 in a container, 0 if it is alone."""
        return 1 if self.name == "premis" else 0


def entities(stream: BinaryIO) -> Iterator[Root | Found]:
    """The root, then everything that stands directly in it, as it is parsed.

    Raises:
        PremisError: not well-formed, a DOCTYPE, or a root that is not of PREMIS 3.0.
    """
    try:
        head, root = _head(stream)
        yield root
        yield from _below(root, head, stream)
    except etree.XMLSyntaxError as error:
        raise PremisError(f"not well-formed XML: {error.msg}", line=error.lineno) from error


def _head(stream: BinaryIO) -> tuple[bytes, Root]:
    """Reads up to the root's start tag, so that a DOCTYPE is refused before anything that could use it is parsed."""
    parser = etree.XMLPullParser(events=("start",), **_CAREFULLY)
    head = b""
    while len(head) < _HEAD_BYTES:
        part = stream.read(_LOOK_BYTES)
        head += part
        if part:
            parser.feed(part)
        else:
            parser.close()
        for element in _read(parser):
            return head, _root(element)
    raise PremisError(f"no element within the first {_HEAD_BYTES} bytes")


def _below(root: Root, head: bytes, stream: BinaryIO) -> Iterator[Found]:
    # Only the ends of entities are reported by the parser: an event in Python for each element takes four times as
    # long. What else stands in the root is found beside them.
    parser = etree.XMLPullParser(events=("end",), tag=[TAG + name for name in ENTITIES], **_CAREFULLY)
    given: etree._Element | None = None
    part = head
    while part:
        parser.feed(part)
        for element in _read(parser):
            if _level(element) == root.level:
                yield from _others(list(element.itersiblings(preceding=True))[::-1], given)
                yield Found(_name(element), line_of(element), element)
                # It can only be taken out of the tree when the parser has gone on; it is emptied meanwhile.
                element.clear()
                given = element
        part = stream.read(_PART_BYTES)
    end = parser.close()
    if root.level:
        yield from _others(list(end), given)


def _read(parser: etree.XMLPullParser) -> Iterator[etree._Element]:
    # The stubs allow for namespace events, which are not asked for.
    return (cast("etree._Element", element) for _, element in parser.read_events())


def _level(element: etree._Element) -> int:
    return sum(1 for _ in islice(element.iterancestors(), 2))


def _others(elements: Iterable[etree._Element], given: etree._Element | None) -> Iterator[Found]:
    """Yields what has not been given, and takes all out of the tree."""
    for element in elements:
        if element is not given:
            yield Found(_name(element), line_of(element), element)
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)


def _root(element: etree._Element) -> Root:
    # Entities are not resolved, but a document type is a program, and no PREMIS needs one.
    if element.getroottree().docinfo.internalDTD is not None:
        raise PremisError("it has a DOCTYPE, which is refused", line=line_of(element))
    name = _name(element)
    if name.startswith(f"{{{_EARLIER}}}"):
        raise PremisError("PREMIS 2, of which only 3.0 is read here", line=line_of(element))
    if name != "premis" and name not in ENTITIES:
        raise PremisError(f"the root {name} is not of PREMIS 3.0 ({NAMESPACE})", line=line_of(element))
    return Root(name, line_of(element), element.get("version"))


def _name(element: etree._Element) -> str:
    tag = str(element.tag)
    if tag.startswith(TAG):
        return tag.removeprefix(TAG)
    return tag if tag.startswith("{") else f"{{}}{tag}"  # an `object` of no namespace is not PREMIS's


def line_of(element: etree._Element) -> int:
    """The line, from 1, on which an element starts; 0 if that is not known."""
    return cast("int | None", element.sourceline) or 0  # the stubs leave its type open
