"""Any name, size and digest gives a valid document that is read back equal."""

import io
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from premis.errors import PremisError
from premis.model import Category, Event, Identifier, Object, OriginalName, Term
from premis.reader import read_document
from premis.validation import validate_document
from premis.writer import write_document
from preserve.provenance.formats import Format, FormatSoftware
from preserve.provenance.ingestion import FileFact, PackageFact, PremisDetail, write_ingestion
from preserve.provenance.names import from_location, from_original_name, object_uuid

LENGTHS = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64, "sha3384": 48, "blake2b": 64}

any_text = st.text(st.characters(codec=None) | st.sampled_from("\x00\n\r\t<>&\"%'\udcff\ufffe"), max_size=20)
xml_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff", min_codepoint=0x20)
    | st.sampled_from("\t\r\n&<>\"'"),
    max_size=20,
)
tricky_bytes = st.lists(
    st.sampled_from([b"%", b"%41", b"\xff", b"\xed\xa0\x80", b"\n", b"\r", b"\x00", b"a", b" ", "ខ".encode(), b"/"]),
    max_size=8,
).map(b"".join)
names = st.binary(max_size=30) | tricky_bytes | any_text.map(lambda text: text.encode("utf-8", "surrogatepass"))
formats = st.none() | st.builds(
    Format,
    name=any_text,
    version=st.none() | any_text,
    registry_key=st.none() | any_text,
    note=any_text,
    tentative=st.booleans(),
)


@st.composite
def facts(draw: st.DrawFn) -> FileFact:
    algorithms = draw(st.lists(st.sampled_from(sorted(LENGTHS)), unique=True))
    digests = {name: draw(st.binary(min_size=LENGTHS[name], max_size=LENGTHS[name])) for name in algorithms}
    return FileFact(
        path=b"data/" + draw(names),
        original_name=draw(names),
        size_bytes=draw(st.integers(0, 2**63 - 1)),
        digests=digests,
        format=draw(formats),
    )


@st.composite
def packages(draw: st.DrawFn, files: list[FileFact]) -> PackageFact:
    moments = st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    software = st.builds(FormatSoftware, name=any_text, version=any_text, signatures=any_text)
    return PackageFact(
        uuid=draw(st.uuids()),
        identifier=draw(any_text),
        organization=draw(st.none() | any_text),
        person=draw(st.none() | any_text),
        source=draw(any_text),
        started_at=draw(moments),
        ended_at=draw(moments),
        payload_files=len(files),
        payload_bytes=sum(file.size_bytes for file in files),
        algorithms=tuple(draw(st.lists(st.sampled_from(sorted(LENGTHS)), min_size=1, unique=True))),
        in_place=draw(st.booleans()),
        software_version=draw(any_text),
        format_software=draw(st.none() | software),
    )


@given(data=st.data(), files=st.lists(facts(), max_size=4, unique_by=lambda file: file.path))
@settings(deadline=None)
def test_any_payload_gives_a_valid_document_that_tells_it_back(
    premis_schema: Path, data: st.DataObject, files: list[FileFact]
) -> None:
    package = data.draw(packages(files))
    stream = io.BytesIO()
    write_ingestion(stream, package, iter(files), PremisDetail.FULL)
    stream.seek(0)
    assert list(validate_document(stream, schema=premis_schema)) == []
    stream.seek(0)
    first, *others = [entity for entity in read_document(stream) if isinstance(entity, Object)]
    assert first.identifiers[0].value == str(package.uuid)
    assert [told(entity) for entity in others] == [
        (
            object_uuid(package.uuid, file.path),
            file.path,
            file.original_name,
            file.size_bytes,
            list(file.digests.values()),
        )
        for file in files
    ]


def told(entity: Object) -> tuple[UUID, bytes, bytes, int | None, list[bytes]]:
    (characteristics,) = entity.characteristics
    location = entity.storages[0].location
    assert location is not None
    assert entity.original_name is not None
    return (
        UUID(entity.identifiers[0].value),
        from_location(location.value),
        from_original_name(entity.original_name),
        characteristics.size_bytes,
        [bytes.fromhex(fixity.digest) for fixity in characteristics.fixities],
    )


terms = st.builds(Term, xml_text, st.none() | xml_text, st.none() | xml_text, st.none() | xml_text)
identifiers = st.builds(Identifier, terms, xml_text)


@given(
    object_=st.builds(
        Object,
        category=st.sampled_from([Category.REPRESENTATION, Category.INTELLECTUAL_ENTITY]),
        identifiers=st.lists(identifiers, min_size=1, max_size=3).map(tuple),
        original_name=st.none() | st.builds(OriginalName, xml_text, st.none() | xml_text),
        events=st.lists(identifiers, max_size=3).map(tuple),
    ),
    event=st.builds(
        Event, identifier=identifiers, type=terms, date_time=xml_text, details=st.lists(xml_text, max_size=3).map(tuple)
    ),
)
@settings(deadline=None)
def test_any_text_that_xml_holds_is_read_back_as_it_was(object_: Object, event: Event) -> None:
    stream = io.BytesIO()
    write_document(stream, [object_, event])
    stream.seek(0)
    assert list(read_document(stream)) == [object_, event]


@given(junk=st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_make_validation_fall_over(junk: bytes) -> None:
    for document in (junk, b'<premis xmlns="http://www.loc.gov/premis/v3">' + junk + b"</premis>"):
        try:
            list(validate_document(io.BytesIO(document)))
        except PremisError:
            continue
