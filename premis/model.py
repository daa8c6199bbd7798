"""The PREMIS 3.0 entities as values, as far as they are written and read here.

Names follow the semantic units of the PREMIS Data Dictionary 3.0. Repeatable units are tuples, optional ones may be
None. The values say nothing about validity: the writer refuses what the schema would refuse, `premis.validation`
judges documents that others wrote.
"""

from dataclasses import dataclass
from enum import StrEnum

NAMESPACE = "http://www.loc.gov/premis/v3"
VERSION = "3.0"


@dataclass(frozen=True, slots=True)
class Term:
    """A word that may come from a controlled vocabulary (the schema's `stringPlusAuthority`).

    `authority` names the vocabulary, `authority_uri` and `value_uri` say which one and which term of it.
    """

    label: str
    authority: str | None = None
    authority_uri: str | None = None
    value_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """A type and a value. Two identifiers are the same if the type's label and the value are (DD 3.0 §1.1)."""

    type: Term
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixity:
    """One message digest, in hexadecimal where the algorithm is a hash (DD 3.0 §1.5.2)."""

    algorithm: Term
    digest: str
    originator: Term | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A format's entry in a registry, such as PRONOM's `fmt/11` (DD 3.0 §1.5.4.2)."""

    name: Term
    key: Term
    role: Term | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format by name, by registry, or both; one of them is required (DD 3.0 §1.5.4)."""

    name: Term | None = None
    version: str | None = None
    registry: Registry | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristics:
    """Technical properties of a file or bitstream (DD 3.0 §1.5). At least one format is required."""

    composition_level: str | None = None
    fixities: tuple[Fixity, ...] = ()
    size_bytes: int | None = None
    formats: tuple[Format, ...] = ()


@dataclass(frozen=True, slots=True)
class OriginalName:
    """The name before it came here (DD 3.0 §1.6); `link` is the schema's `simpleLink`, a URI reference."""

    text: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where content lies, in the manner that the type says (DD 3.0 §1.7.1)."""

    type: Term
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where and on what an object is stored (DD 3.0 §1.7); one of the two is required."""

    location: Location | None = None
    medium: Term | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """How an object stands to others, and the events that made it so (DD 3.0 §1.13)."""

    type: Term
    sub_type: Term
    objects: tuple[Identifier, ...]
    events: tuple[Identifier, ...] = ()


class Category(StrEnum):
    """What an object is; the values are those of the schema's `xsi:type`."""

    FILE = "file"
    REPRESENTATION = "representation"
    BITSTREAM = "bitstream"
    INTELLECTUAL_ENTITY = "intellectualEntity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object (DD 3.0 §1). Files and bitstreams have characteristics, the others have none."""

    category: Category
    identifiers: tuple[Identifier, ...]
    characteristics: tuple[Characteristics, ...] = ()
    original_name: OriginalName | None = None
    storages: tuple[Storage, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    events: tuple[Identifier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOutcome:
    """How an event ended (DD 3.0 §2.5): an outcome, notes on it, or both."""

    outcome: Term | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A link to an object or agent, and the roles that it had."""

    identifier: Identifier
    roles: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that was done (DD 3.0 §2). `date_time` is text: a date or time in ISO 8601 or EDTF."""

    identifier: Identifier
    type: Term
    date_time: str
    details: tuple[str, ...] = ()
    outcomes: tuple[EventOutcome, ...] = ()
    agents: tuple[Link, ...] = ()
    objects: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A person, organization, software or hardware that took part in events (DD 3.0 §3)."""

    identifiers: tuple[Identifier, ...]
    names: tuple[Term, ...] = ()
    type: Term | None = None
    version: str | None = None
    notes: tuple[str, ...] = ()
    events: tuple[Identifier, ...] = ()


Entity = Object | Event | Agent
