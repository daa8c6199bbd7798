"""The document of a package out of a catalog: objects, links, identifiers, memory."""

import io
import tracemalloc
from pathlib import Path

import pytest

from checks.findings import Code, Finding
from checks.inventory import Entry, cut
from checks.names import path_fields
from premis.model import Agent, Category, Event, Object
from premis.reader import read_document
from premis.validation import validate_document
from preserve.catalog.acts import Act
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import NewPackage
from preserve.errors import UnreadableError
from preserve.provenance.exporting import EventDetail, Exported, write_history
from preserve.provenance.names import from_location, object_uuid
from tests.unit.preserve.catalog.builders import DAY, LARGE, START, Held, digest, entries, new_package

KHMER = "data/ទំព័រ ១.tif".encode()
NO_UTF8 = b"data/\xff\xfe <&>.tif"


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path)


class Sink(io.RawIOBase):
    """Counts what is written to it, and keeps nothing."""

    size = 0

    def writable(self) -> bool:
        return True

    def write(self, part: object) -> int:
        length = len(part)  # type: ignore[arg-type]
        self.size += length
        return length


def asked(catalog: Catalog, version: int | None = None, events: EventDetail = EventDetail.SUMMARY) -> Exported:
    (package,) = catalog.packages()
    wanted = version or package.version
    inventory_id = catalog.inventory_id_of(package.id, wanted)
    assert inventory_id is not None
    return Exported(
        package=package,
        version=wanted,
        inventory_id=inventory_id,
        events=events,
        organization="Archive",
        software_version="1.2.3",
    )


def exported(
    catalog: Catalog, schema: Path, version: int | None = None
) -> tuple[list[Object], list[Event], list[Agent]]:
    stream = io.BytesIO()
    write_history(stream, catalog, asked(catalog, version))
    assert list(validate_document(io.BytesIO(stream.getvalue()), schema=schema)) == []
    found = list(read_document(io.BytesIO(stream.getvalue())))
    return (
        [one for one in found if isinstance(one, Object)],
        [one for one in found if isinstance(one, Event)],
        [one for one in found if isinstance(one, Agent)],
    )


def linked_files(event: Event, objects: list[Object]) -> list[bytes]:
    """The paths of the files to which an event is linked."""
    places = {one.identifiers[0]: one.storages[0].location for one in objects if one.storages}
    found = [places[link.identifier] for link in event.objects if link.identifier in places]
    return [from_location(location.value) for location in found if location is not None]


def test_objects_are_the_inventory_with_the_identifiers_of_the_bag(held: Held, premis_schema: Path) -> None:
    (package, *files), events, agents = exported(held.catalog, premis_schema)
    assert package.category is Category.REPRESENTATION
    assert [one.value for one in package.identifiers] == [str(held.package.uuid), "a"]
    told = {}
    for file in files:
        (characteristics,), (storage,) = file.characteristics, file.storages
        assert storage.location is not None
        path = from_location(storage.location.value)
        assert file.identifiers[0].value == str(object_uuid(held.package.uuid, path))
        told[path] = (characteristics.size_bytes, characteristics.fixities[0].digest)
        (computed,) = [event for event in events if event.identifier in file.events]
        assert computed.type.label == "message digest calculation"
    assert told == {entry.path: (entry.size_bytes, entry.sha256.hex()) for entry in entries()}
    assert told[LARGE][1] == digest("large").hex()
    assert [agent.names[0].label for agent in agents] == ["preserve", "Archive"]
    assert "1.2.3" in agents[0].notes[0]


def test_damage_is_linked_to_its_file_and_only_to_that(held: Held, premis_schema: Path) -> None:
    held.commit(0, START + DAY, Finding(code=Code.MISSING, path=b"data/f0", parameters={}))
    held.commit(2, START + DAY, Finding(code=Code.UNTRACKED, path=b"data/new", parameters={}))
    objects, events, _ = exported(held.catalog, premis_schema)
    failed = [event for event in events if event.outcomes[0].outcome and event.outcomes[0].outcome.label == "fail"]
    found = {event.details[0].split(" of the copy")[0]: linked_files(event, objects) for event in failed}
    assert found["data/f0"] == [b"data/f0"] and found["data/new"] == []


def test_another_versions_damage_is_linked_only_where_the_content_is_the_same(held: Held, premis_schema: Path) -> None:
    for path in (b"data/f0", b"data/f1"):
        expected = {"size_bytes": 100, "sha256": digest(path[-1:].decode()).hex()}
        damage = Finding(code=Code.DIGEST_MISMATCH, path=path, parameters={"expected": expected})
        held.commit(0, START + DAY, damage)
    changed = [e if e.path != b"data/f1" else Entry(e.path, 9, digest("new")) for e in entries()]
    held.catalog.add_packages([new_package(files=changed)], at=START + 2 * DAY)
    for version, expected_links in ((2, [[b"data/f0"], []]), (1, [[b"data/f0"], [b"data/f1"]])):
        objects, events, _ = exported(held.catalog, premis_schema, version)
        found = [event for event in events if event.details[0].startswith("data/")]
        assert [linked_files(event, objects) for event in found] == expected_links
        assert len([e for e in events if e.type.label == "ingestion"]) == 2
        mine = {one for obj in objects for one in obj.events}
        assert len(mine) == 1


def test_acts_of_people_have_their_events_and_removed_packages_too(held: Held, premis_schema: Path) -> None:
    content = {"size_bytes": 1, "sha256": "ab" * 32}
    repaired = {
        **path_fields(b"data/f1"),
        "expected": content,
        "observed": None,
        "cause": "truncated",
        "source": "nas",
        "source_replica": None,
        "source_evidence": "read-medium",
        "method": "replaced",
        "segment": None,
        "entry": "q1",
        "by": "សុខ ដារ៉ា",
    }
    aside = {**path_fields(NO_UTF8), "entry": "q2", "reason": "untracked", "size_bytes": 3, "sha256": None, "by": "x"}
    acts = [
        Act(kind="file-repaired", copy_id=1, body=repaired),
        Act(kind="file-quarantined", copy_id=1, body=aside),
        Act(kind="change-confirmed", copy_id=1, body={"by": "x", "changed": 20, "files": 30}),
    ]
    numbers = held.catalog.record_acts(acts, [], START + DAY)
    asked_for = asked(held.catalog)
    held.catalog.remove_package(held.package.id, {"reason": "wish of the donor\x07", "by": "x"}, START + DAY)
    held.catalog.copy_deleted(1, {"by": "x", "location": path_fields(b"a")}, START + DAY)
    stream = io.BytesIO()
    write_history(stream, held.catalog, asked_for)
    assert list(validate_document(io.BytesIO(stream.getvalue()), schema=premis_schema)) == []
    found = list(read_document(io.BytesIO(stream.getvalue())))
    objects = [one for one in found if isinstance(one, Object)]
    events = {one.type.label: one for one in found if isinstance(one, Event)}
    assert {"repair", "quarantine", "confirmation of change", "deaccession", "deletion"} <= events.keys()
    assert linked_files(events["repair"], objects) == [b"data/f1"]
    assert "past the cache" in events["repair"].details[0] and "truncated" in events["repair"].details[0]
    assert "\\xff\\xfe" in events["quarantine"].details[0] and linked_files(events["quarantine"], objects) == []
    link = held.catalog.journal_of_kind("file-repaired")
    (row,) = link
    assert row.number == numbers[0]
    assert f"link {row.number} of the journal, SHA-256 {row.hash.hex()}" in events["repair"].outcomes[0].notes
    assert "donor\\x07" in events["deaccession"].details[0]
    assert events["deaccession"].agents[1].roles[0].label == "authorizer"
    names = [one.names[0].label for one in found if isinstance(one, Agent)]
    assert names == ["preserve", "Archive", "សុខ ដារ៉ា", "x"]


def test_names_in_khmer_and_names_that_are_not_utf8_come_back(tmp_path: Path, premis_schema: Path) -> None:
    paths = sorted([KHMER, NO_UTF8, b"data/100%.txt", b"data/a\nb"])
    with Catalog.create(tmp_path / "c.sqlite", START) as catalog:
        catalog.add_packages([new_package(files=[Entry(path, 1, digest(path)) for path in paths])], at=START)
        (_, *files), _, _ = exported(catalog, premis_schema)
    places = [file.storages[0].location for file in files]
    assert [from_location(place.value) for place in places if place is not None] == paths


def test_an_export_is_the_same_each_time_and_events_keep_their_names_as_the_journal_grows(
    held: Held, premis_schema: Path
) -> None:
    first, again = io.BytesIO(), io.BytesIO()
    write_history(first, held.catalog, asked(held.catalog))
    write_history(again, held.catalog, asked(held.catalog))
    assert first.getvalue() == again.getvalue()
    before = exported(held.catalog, premis_schema)[1]
    held.commit(0, START + DAY)
    after = exported(held.catalog, premis_schema)[1]
    assert len(after) == len(before) + 1
    assert {event.identifier for event in before} < {event.identifier for event in after}


def peak_of(catalog: Catalog) -> int:
    tracemalloc.start()
    try:
        write_history(io.BufferedWriter(Sink()), catalog, asked(catalog))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    peaks = []
    for count in (2_000, 20_000):
        with Catalog.create(tmp_path / f"{count}.sqlite", START) as catalog:
            files = (Entry(b"data/%08d.tif" % n, n, digest(n)) for n in range(count))
            package = NewPackage(uuid=new_package().uuid, identifier="a", collection="", records=cut(files))
            catalog.add_packages([package], at=START)
            peaks.append(peak_of(catalog))
    assert peaks[1] < peaks[0] + 1_000_000


def test_a_link_that_is_none_is_told_in_words(held: Held) -> None:
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE journal SET body = CAST('[1]' AS BLOB) WHERE kind = 'package-added'")
    with pytest.raises(UnreadableError, match="cannot be read as one"):
        write_history(io.BytesIO(), held.catalog, asked(held.catalog))
