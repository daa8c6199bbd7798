"""Writing, and reading back what was written."""

import io
from collections.abc import Iterable
from pathlib import Path

import pytest

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
from premis.reader import read_document
from premis.validation import validate_document
from premis.vocabulary import algorithm, term
from premis.writer import write_document

LOCAL = Term("local")
PACKAGE = Identifier(LOCAL, "package")
FIXED = Identifier(LOCAL, "event-1")
PROGRAM = Identifier(Term("UUID", "a", "urn:a", "urn:a#uuid"), "program")

REPRESENTATION = Object(category=Category.REPRESENTATION, identifiers=(PACKAGE, Identifier(Term("x"), "p")))
FILE = Object(
    category=Category.FILE,
    identifiers=(Identifier(LOCAL, "file"),),
    characteristics=(
        Characteristics(
            composition_level="0",
            fixities=(
                Fixity(algorithm=algorithm("md5"), digest="00" * 16, originator=Term("us")),
                Fixity(algorithm=algorithm("blake2b"), digest="ab" * 64),
            ),
            size_bytes=0,
            formats=(
                Format(name=Term("PNG"), version="1.0", notes=("a", "b")),
                Format(registry=Registry(name=Term("PRONOM"), key=Term("fmt/11"), role=Term("specification"))),
            ),
        ),
    ),
    original_name=OriginalName(' <ខ្មែរ> & "x"\t\r\n ', "a%20b"),
    storages=(
        Storage(
            location=Location(term("contentLocationType", "uri"), "file:///x"), medium=term("storageMedium", "har")
        ),
        Storage(medium=term("storageMedium", "cloud")),
    ),
    relationships=(
        Relationship(
            type=term("relationshipType", "str"),
            sub_type=term("relationshipSubType", "isi"),
            objects=(PACKAGE,),
            events=(FIXED,),
        ),
    ),
    events=(FIXED,),
)
BITSTREAM = Object(
    category=Category.BITSTREAM,
    identifiers=(Identifier(LOCAL, "bits"),),
    characteristics=(Characteristics(formats=(Format(name=Term("unknown")),)),),
)
WORK = Object(category=Category.INTELLECTUAL_ENTITY, identifiers=(Identifier(LOCAL, "work"),))
EVENT = Event(
    identifier=FIXED,
    type=term("eventType", "fix"),
    date_time="2024-05-06T07:08:09Z",
    details=("one", "two"),
    outcomes=(EventOutcome(outcome=term("eventOutcome", "suc"), notes=("n", "m")), EventOutcome(notes=("only",))),
    agents=(Link(PROGRAM, (term("eventRelatedAgentRole", "exe"), Term("other"))),),
    objects=(Link(PACKAGE), Link(Identifier(LOCAL, "file"), (term("eventRelatedObjectRole", "sou"),))),
)
AGENT = Agent(
    identifiers=(PROGRAM,),
    names=(Term("preserve"), Term("p")),
    type=term("agentType", "sof"),
    version="1",
    notes=("note",),
    events=(FIXED,),
)
ALL: tuple[Entity, ...] = (REPRESENTATION, FILE, BITSTREAM, WORK, EVENT, AGENT)


def written(entities: Iterable[Entity]) -> bytes:
    stream = io.BytesIO()
    write_document(stream, entities)
    return stream.getvalue()


def test_everything_that_is_written_is_read_back_equal() -> None:
    assert tuple(read_document(io.BytesIO(written(ALL)))) == ALL


def test_what_is_written_is_valid(premis_schema: Path) -> None:
    assert list(validate_document(io.BytesIO(written(ALL)), schema=premis_schema)) == []


def test_each_entity_stands_on_its_own_line() -> None:
    lines = written(ALL).splitlines()
    assert len(lines) == len(ALL) + 3
    assert lines[2].startswith(b'<object xsi:type="representation">')


@pytest.mark.parametrize(
    "entities",
    [(), (EVENT,), (AGENT,), (WORK, AGENT, EVENT), (WORK, EVENT, WORK), (WORK, AGENT, WORK)],
    ids=["nothing", "event first", "agent first", "agent before event", "event before object", "agent before object"],
)
def test_another_order_than_the_schema_s_is_refused(entities: tuple[Entity, ...]) -> None:
    with pytest.raises(PremisError):
        written(entities)


FORMATS = (Format(name=Term("unknown")),)


@pytest.mark.parametrize(
    "entity",
    [
        Object(category=Category.REPRESENTATION, identifiers=()),
        Object(category=Category.FILE, identifiers=(PACKAGE,)),
        Object(category=Category.FILE, identifiers=(PACKAGE,), characteristics=(Characteristics(),)),
        Object(
            category=Category.REPRESENTATION,
            identifiers=(PACKAGE,),
            characteristics=(Characteristics(formats=FORMATS),),
        ),
        Object(category=Category.FILE, identifiers=(PACKAGE,), characteristics=(Characteristics(formats=(Format(),)),)),
        Object(
            category=Category.FILE,
            identifiers=(PACKAGE,),
            characteristics=(
                Characteristics(formats=(Format(version="1", registry=Registry(name=Term("P"), key=Term("fmt/1"))),)),
            ),
        ),
        Object(
            category=Category.INTELLECTUAL_ENTITY,
            identifiers=(PACKAGE,),
            storages=(Storage(medium=Term("x")),),
        ),
        Object(
            category=Category.BITSTREAM,
            identifiers=(PACKAGE,),
            characteristics=(Characteristics(formats=FORMATS),),
            original_name=OriginalName("x"),
        ),
        Object(category=Category.REPRESENTATION, identifiers=(PACKAGE,), storages=(Storage(),)),
        Object(
            category=Category.REPRESENTATION,
            identifiers=(PACKAGE,),
            relationships=(Relationship(type=Term("a"), sub_type=Term("b"), objects=()),),
        ),
    ],
    ids=[
        "no identifier",
        "file without characteristics",
        "no format",
        "representation with characteristics",
        "empty format",
        "version without name",
        "stored intellectual entity",
        "named bitstream",
        "empty storage",
        "relationship to nothing",
    ],
)
def test_an_object_that_the_schema_would_refuse_is_refused(entity: Object) -> None:
    with pytest.raises(PremisError):
        written([entity])


def test_an_event_or_agent_that_the_schema_would_refuse_is_refused() -> None:
    empty_outcome = Event(identifier=FIXED, type=Term("x"), date_time="2024", outcomes=(EventOutcome(),))
    with pytest.raises(PremisError, match="outcome"):
        written([WORK, empty_outcome])
    with pytest.raises(PremisError, match="agent"):
        written([WORK, Agent(identifiers=())])


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800", "\udcff", "\ufffe"])
def test_text_that_xml_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(PremisError, match="XML cannot hold"):
        written([Object(category=Category.REPRESENTATION, identifiers=(Identifier(LOCAL, text),))])
    with pytest.raises(PremisError, match="XML cannot hold"):
        written([Object(category=Category.REPRESENTATION, identifiers=(Identifier(Term("a", text), "b"),))])


def test_entities_are_taken_one_at_a_time() -> None:
    stream = io.BytesIO()
    sizes = []

    def entities() -> Iterable[Entity]:
        for _ in range(3):
            sizes.append(len(stream.getvalue()))
            yield REPRESENTATION

    write_document(stream, entities())
    assert sizes == sorted(set(sizes))
