"""The PREMIS file of a package that was just made."""

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from premis.model import Agent, Category, Entity, Event, Object
from premis.reader import read_document
from premis.validation import validate_document
from premis.vocabulary import OWN_AUTHORITY, term
from preserve.provenance.formats import UNKNOWN, Format, FormatSoftware
from preserve.provenance.ingestion import FileFact, PackageFact, PremisDetail, write_ingestion

SOFTWARE = FormatSoftware(name="siegfried", version="1.11.9", signatures="PRONOM V125")
PNG = Format(name="Portable Network Graphics", version="1.0", registry_key="fmt/11")
CSV = Format(name="CSV", registry_key="x-fmt/18", note="tentative identification", tentative=True)
UNCLEAR = Format(name=UNKNOWN, note="ambiguous: fmt/1 A or fmt/2 B")
PACKAGE = PackageFact(
    uuid=UUID("12345678-1234-5678-1234-567812345678"),
    identifier="S21-0001",
    organization="Museum",
    person="Sok Dara",
    source="/mnt/scans",
    started_at=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    ended_at=datetime(2024, 5, 6, 9, 8, 9, 500_000, tzinfo=timezone(timedelta(hours=7))),
    payload_files=0,
    payload_bytes=0,
    algorithms=("sha256", "sha3256"),
    in_place=False,
    software_version="0.1.0",
    format_software=SOFTWARE,
)


def fact(name: bytes, size_bytes: int = 3, format: Format | None = PNG) -> FileFact:
    digests = {"sha256": b"\xab" * 32, "sha3256": b"\xcd" * 32}
    return FileFact(path=b"data/" + name, original_name=name, size_bytes=size_bytes, digests=digests, format=format)


def package_of(files: list[FileFact], package: PackageFact = PACKAGE) -> PackageFact:
    return replace(package, payload_files=len(files), payload_bytes=sum(file.size_bytes for file in files))


def written(package: PackageFact, files: Iterable[FileFact], detail: PremisDetail = PremisDetail.FULL) -> bytes:
    stream = io.BytesIO()
    write_ingestion(stream, package, files, detail)
    return stream.getvalue()


def entities(
    files: list[FileFact], package: PackageFact = PACKAGE, detail: PremisDetail = PremisDetail.FULL
) -> list[Entity]:
    return list(read_document(io.BytesIO(written(package_of(files, package), iter(files), detail))))


def objects(found: list[Entity]) -> list[Object]:
    return [entity for entity in found if isinstance(entity, Object)]


def events(found: list[Entity]) -> dict[str, Event]:
    return {entity.type.label: entity for entity in found if isinstance(entity, Event)}


def agents(found: list[Entity]) -> dict[str, Agent]:
    return {entity.names[0].label: entity for entity in found if isinstance(entity, Agent)}


FILES = [fact(b"a.png"), fact("ខ្មែរ.csv".encode(), 0, CSV), fact(b"\xff\n", 9, UNCLEAR), fact(b"100%", 1, None)]


@pytest.mark.parametrize("detail", list(PremisDetail))
@pytest.mark.parametrize("files", [[], FILES])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"organization": None, "person": None, "format_software": None, "in_place": True},
        {"organization": "\x00<&>\udcff", "person": " ", "source": "\x1b[0m", "identifier": "\ud800"},
        {"identifier": "", "algorithms": ()},
    ],
)
def test_the_document_is_valid(
    detail: PremisDetail, files: list[FileFact], changes: dict[str, object], premis_schema: Path
) -> None:
    package = replace(package_of(files), **changes)  # type: ignore[arg-type]
    used = files if changes.get("algorithms", "x") else [replace(file, digests={}) for file in files]
    document = written(package, used, detail)
    assert list(validate_document(io.BytesIO(document), schema=premis_schema)) == []


def test_each_file_is_an_object_that_can_be_found_and_verified() -> None:
    _, first, *_ = objects(entities(FILES))
    assert first.category is Category.FILE
    assert [each.value for each in first.identifiers] == [str(uuid5(PACKAGE.uuid, "data/a.png"))]
    (characteristics,) = first.characteristics
    assert characteristics.size_bytes == 3
    sha256, sha3 = characteristics.fixities
    assert sha256.algorithm == term("cryptographicHashFunctions", "sha256")
    assert sha256.digest == "ab" * 32
    assert sha256.originator is not None
    assert sha256.originator.label == "preserve 0.1.0"
    assert (sha3.algorithm.label, sha3.algorithm.authority) == ("SHA3-256", OWN_AUTHORITY)
    assert first.original_name is not None
    assert (first.original_name.text, first.original_name.link) == ("a.png", None)
    (storage,) = first.storages
    assert storage.location is not None
    assert storage.location.value == "data/a.png"


def test_names_are_kept_whatever_they_are() -> None:
    names = [each.original_name for each in objects(entities(FILES))[1:]]
    assert [(name.text, name.link) for name in names if name is not None] == [
        ("a.png", None),
        ("ខ្មែរ.csv", None),
        ("%FF%0A", "%FF%0A"),
        ("100%", None),
    ]


def test_each_file_is_included_in_the_package_and_names_its_events() -> None:
    found = entities(FILES)
    package, *files = objects(found)
    (uuid, local) = package.identifiers
    assert (uuid.value, local.value) == (str(PACKAGE.uuid), "S21-0001")
    assert package.category is Category.REPRESENTATION
    digesting, identification, _ = events(found).values()
    for file in files:
        (relationship,) = file.relationships
        assert relationship.sub_type.label == "is included in"
        assert relationship.objects == (uuid,)
        assert file.events == (digesting.identifier, identification.identifier)


def test_formats_are_told_as_far_as_they_are_known() -> None:
    png, csv, unclear, unknown = (file.characteristics[0].formats[0] for file in objects(entities(FILES))[1:])
    assert png.name is not None
    assert png.registry is not None
    assert (png.name.label, png.version, png.registry.key.label, png.notes) == (
        "Portable Network Graphics",
        "1.0",
        "fmt/11",
        (),
    )
    assert (csv.version, csv.notes) == (None, ("tentative identification",))
    for format_, note in ((unclear, UNCLEAR.note), (unknown, "no format was recognised")):
        assert format_.name is not None
        assert (format_.name.label, format_.registry, format_.notes) == (UNKNOWN, None, (note,))


def test_events_are_terms_of_the_library_and_name_the_package_and_the_program() -> None:
    found = entities(FILES)
    assert list(events(found)) == [
        "message digest calculation",
        "format identification",
        "information package creation",
    ]
    for event in events(found).values():
        assert event.type.value_uri is not None
        assert event.date_time == "2024-05-06T02:08:09.500000Z"
        assert event.details[0].endswith("; begun 2024-05-06T07:08:09Z")
        assert [link.identifier.value for link in event.objects] == [str(PACKAGE.uuid)]
        assert [role.label for role in event.agents[0].roles] == ["executing program"]
    digesting, _, creation = events(found).values()
    assert digesting.details[0].startswith("SHA-256, SHA3-256 of the payload")
    assert digesting.outcomes[0].notes == ("4 files, 13 bytes",)
    assert creation.details[0].startswith("BagIt bag made as a copy of /mnt/scans")


def test_a_bag_made_in_place_is_said_to_be() -> None:
    creation = events(entities([], replace(PACKAGE, in_place=True)))["information package creation"]
    assert creation.details[0].startswith("BagIt bag made in place, from /mnt/scans")


def test_identification_is_a_success_only_if_each_file_is_known_by_its_content() -> None:
    def outcome(*formats: Format | None) -> tuple[str, str]:
        files = [fact(b"%d" % i, 1, format_) for i, format_ in enumerate(formats)]
        (found,) = events(entities(files))["format identification"].outcomes
        assert found.outcome is not None
        return found.outcome.label, found.notes[0]

    words = "{} of {} files identified, {} by the name's extension only, {} ambiguous or not examined, {} unknown"
    assert outcome(PNG, PNG) == ("success", words.format(2, 2, 0, 0, 0))
    assert outcome(PNG, CSV) == ("warning", words.format(1, 2, 1, 0, 0))
    assert outcome(PNG, UNCLEAR) == ("warning", words.format(1, 2, 0, 1, 0))
    assert outcome(PNG, None) == ("warning", words.format(1, 2, 0, 0, 1))


def test_identification_that_was_not_done_is_not_told() -> None:
    files = [fact(b"a", format=None)]
    found = entities(files, replace(PACKAGE, format_software=None))
    assert "format identification" not in events(found)
    assert "siegfried" not in agents(found)
    file = objects(found)[1]
    assert file.characteristics[0].formats[0].notes == ("the format was not examined",)
    assert len(file.events) == 1


def test_formats_from_an_unnamed_source_are_an_event_without_a_program() -> None:
    found = entities([fact(b"a"), fact(b"b", format=None)], replace(PACKAGE, format_software=None))
    event = events(found)["format identification"]
    assert event.agents == ()
    assert [event.identifier in file.events for file in objects(found)[1:]] == [True, False]


def test_only_known_parties_are_agents() -> None:
    found = entities([])
    assert {name: agent.type and agent.type.label for name, agent in agents(found).items()} == {
        "preserve": "software",
        "siegfried": "software",
        "Museum": "organization",
        "Sok Dara": "person",
    }
    assert agents(found)["preserve"].version == "0.1.0"
    assert (agents(found)["siegfried"].version, agents(found)["siegfried"].notes) == ("1.11.9", ("PRONOM V125",))
    implementers = [
        link.identifier
        for link in events(found)["information package creation"].agents
        if link.roles == (term("eventRelatedAgentRole", "imp"),)
    ]
    assert implementers == [*agents(found)["Museum"].identifiers, *agents(found)["Sok Dara"].identifiers]
    nobody = replace(PACKAGE, organization=None, person="  ", format_software=None)
    assert list(agents(entities([], nobody))) == ["preserve"]


def test_an_agent_keeps_its_identifier_and_namesakes_elsewhere_have_another() -> None:
    here = agents(entities([]))
    later = agents(entities([], replace(PACKAGE, uuid=UUID(int=5))))
    elsewhere = agents(entities([], replace(PACKAGE, organization="Library")))
    assert here == later
    assert here["Sok Dara"].identifiers != elsewhere["Sok Dara"].identifiers
    assert here["siegfried"].identifiers == elsewhere["siegfried"].identifiers


def test_a_summary_has_the_package_and_its_events_and_no_files() -> None:
    full, summary = entities(FILES), entities(FILES, detail=PremisDetail.SUMMARY)
    assert len(objects(summary)) == 1
    assert events(summary) == events(full)
    assert agents(summary) == agents(full)


def test_a_summary_that_saw_no_files_claims_no_outcome() -> None:
    package = replace(PACKAGE, payload_files=2, payload_bytes=7)
    found = list(read_document(io.BytesIO(written(package, (), PremisDetail.SUMMARY))))
    assert events(found)["format identification"].outcomes == ()
    assert events(found)["message digest calculation"].outcomes[0].notes == ("2 files, 7 bytes",)


def test_two_packages_share_no_object_or_event() -> None:
    def identifiers(found: list[Entity]) -> set[str]:
        named = {each.value for entity in objects(found) for each in entity.identifiers[:1]}
        return named | {event.identifier.value for event in events(found).values()}

    assert not identifiers(entities(FILES)) & identifiers(entities(FILES, replace(PACKAGE, uuid=UUID(int=5))))


@pytest.mark.parametrize("detail", list(PremisDetail))
@pytest.mark.parametrize("package", [package_of(FILES[1:]), replace(package_of(FILES), payload_bytes=1)])
def test_files_that_are_not_those_of_the_package_are_refused(detail: PremisDetail, package: PackageFact) -> None:
    with pytest.raises(ValueError, match="handed in"):
        written(package, FILES, detail)


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2024, 1, 1)  # noqa: DTZ001  what must be refused
    with pytest.raises(ValueError, match="zone"):
        written(replace(PACKAGE, started_at=naive), ())
    with pytest.raises(ValueError, match="zone"):
        written(replace(PACKAGE, ended_at=naive), ())


def test_files_are_taken_once_and_one_at_a_time() -> None:
    stream = io.BytesIO()
    sizes = []

    def files() -> Iterable[FileFact]:
        for i in range(3):
            sizes.append(len(stream.getvalue()))
            yield fact(b"%d" % i)

    write_ingestion(stream, replace(PACKAGE, payload_files=3, payload_bytes=9), files(), PremisDetail.FULL)
    assert sizes == sorted(set(sizes))
