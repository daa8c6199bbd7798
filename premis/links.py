"""Identifiers and links of a document: each entity once, each link to something, each event to an object."""

from collections.abc import Iterator

from lxml import etree

from premis.elements import TAG, line_of
from premis.problems import Code, Problem

# The element that names an entity, or points at one -> the kind of entity.
_NAMES = {
    f"{TAG}objectIdentifier": "object",
    f"{TAG}eventIdentifier": "event",
    f"{TAG}agentIdentifier": "agent",
    f"{TAG}rightsStatementIdentifier": "rights",
}
_POINTERS = {
    f"{TAG}linkingObjectIdentifier": "object",
    f"{TAG}relatedObjectIdentifier": "object",
    f"{TAG}linkingEventIdentifier": "event",
    f"{TAG}relatedEventIdentifier": "event",
    f"{TAG}linkingAgentIdentifier": "agent",
    f"{TAG}linkingRightsStatementIdentifier": "rights",
}
_PARENTS = (f"{TAG}relationship", f"{TAG}rightsStatement")
_Key = tuple[str, str]


class Links:
    """Remembers who is there and who is pointed at.

    `expects_targets`: whether a link must find its target here; a lone entity as root cannot hold it.
    """

    def __init__(self) -> None:
        self.expects_targets = True
        self._known: dict[str, set[_Key]] = {kind: set() for kind in _NAMES.values()}
        self._waiting: dict[str, dict[_Key, int]] = {kind: {} for kind in _NAMES.values()}
        self._pointed_events: set[_Key] = set()
        self._lonely_events: list[tuple[_Key, int]] = []

    def take(self, name: str, entity: etree._Element) -> Iterator[Problem]:
        """Takes one entity in."""
        for element in _identifiers(entity):
            key, line = _key(element), line_of(element)
            if not all(key):
                yield Problem(Code.EMPTY_IDENTIFIER, f"{_short(element)} lacks its type or value", line)
                continue
            kind = _NAMES.get(str(element.tag))
            if kind is not None:
                yield from self._name(kind, key, line)
            else:
                self._point(name, _POINTERS[str(element.tag)], key, line)
        if name == "event" and entity.find(f"{TAG}linkingObjectIdentifier") is None:
            identifier = entity.find(f"{TAG}eventIdentifier")
            key = ("", "") if identifier is None else _key(identifier)
            self._lonely_events.append((key, line_of(entity)))

    def _name(self, kind: str, key: _Key, line: int) -> Iterator[Problem]:
        if key in self._known[kind]:
            yield Problem(Code.DUPLICATE_IDENTIFIER, f"{kind} {_show(key)} is there more than once", line)
        self._known[kind].add(key)
        self._waiting[kind].pop(key, None)

    def _point(self, source: str, kind: str, key: _Key, line: int) -> None:
        if source == "object" and kind == "event":
            self._pointed_events.add(key)
        if key not in self._known[kind]:
            self._waiting[kind].setdefault(key, line)

    def close(self) -> Iterator[Problem]:
        """What can only be said at the end."""
        for kind, waiting in self._waiting.items() if self.expects_targets else ():
            for key, line in waiting.items():
                yield Problem(Code.DANGLING_LINK, f"there is no {kind} {_show(key)}", line)
        for key, line in self._lonely_events:
            if key not in self._pointed_events:
                yield Problem(Code.UNLINKED_EVENT, f"event {_show(key)} is linked to no object", line)


def _identifiers(entity: etree._Element) -> Iterator[etree._Element]:
    """The identifiers of an entity where the schema has them; what stands in an extension is another's."""
    for child in entity:
        if child.tag in _NAMES or child.tag in _POINTERS:
            yield child
        elif child.tag in _PARENTS:
            yield from child.iterchildren(*_NAMES, *_POINTERS)


def _key(element: etree._Element) -> _Key:
    name = str(element.tag)
    return (element.findtext(f"{name}Type") or "").strip(), (element.findtext(f"{name}Value") or "").strip()


def _show(key: _Key) -> str:
    return f"{key[0]} {key[1]!r}"


def _short(element: etree._Element) -> str:
    return str(element.tag).removeprefix(TAG)
