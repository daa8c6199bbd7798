"""Taking packages in: whole or not at all, streaming, in versions."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from checks.inventory import Entry, cut, inventory_root
from checks.verdicts import Verdict
from preserve.catalog import versions
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import NewPackage
from preserve.errors import CatalogError, UsageError
from tests.unit.preserve.catalog.builders import DAY, LARGE, START, Held, digest, dump, entries, new_package


def test_records_come_back_as_they_were_cut(catalog: Catalog) -> None:
    files = sorted(
        [*entries(), Entry(b"data/\xff\xfe not utf-8", 0, digest("empty")), Entry(b"data/\xe1\x9e\x80", 1, digest(1))]
    )
    new = new_package(files=files)
    [row] = catalog.add_packages([new], at=START)
    shards = catalog.shards(row.inventory_id)
    records = list(new.records)
    assert [catalog.record(shard.id) for shard in shards] == records
    assert [shard.root for shard in shards] == [record.root() for record in records]
    assert [(shard.start, shard.stop) for shard in shards] == [(record.start, record.stop) for record in records]
    assert [catalog.shard(shard.id) for shard in shards] == shards
    assert row.root == inventory_root([shard.root for shard in shards], new.large_files)
    assert (row.files, row.size_bytes) == (len(files), sum(entry.size_bytes for entry in files))
    assert (row.version, row.verdict, row.added_at) == (1, Verdict.UNDER_REPLICATED, START)


def test_every_file_is_found_by_its_path(catalog: Catalog) -> None:
    files = entries(20)
    [row] = catalog.add_packages([new_package(files=files)], at=START)
    assert [catalog.entry(row.inventory_id, entry.path) for entry in files] == files
    for path in (b"data/f", b"data/f00", b"zzz", b"a", LARGE + b"x"):
        assert catalog.entry(row.inventory_id, path) is None


def test_a_segmented_file_lies_in_several_shards(held: Held) -> None:
    ids = held.catalog.shard_ids_of(held.package.inventory_id, LARGE)
    assert len(ids) == 3
    assert all(LARGE in held.catalog.record(shard_id).paths for shard_id in ids)
    assert held.catalog.large_files(held.package.inventory_id) == [entries()[-1]]
    assert len(held.catalog.shard_ids_of(held.package.inventory_id, b"data/f1")) == 1


def test_an_empty_package_has_one_shard_for_what_is_untracked(catalog: Catalog) -> None:
    [row] = catalog.add_packages([new_package(files=[])], at=START)
    [shard] = catalog.shards(row.inventory_id)
    assert (shard.start, shard.stop, shard.files) == (b"", b"", 0)
    assert catalog.record(shard.id).paths == []
    assert catalog.shard_ids_of(row.inventory_id, b"anything") == [shard.id]


def test_the_same_again_changes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    [first] = catalog.add_packages([new_package()], at=START)
    before = dump(tmp_path / "empty.sqlite")
    assert catalog.add_packages([new_package(number=9)] * 2, at=START + DAY) == [first, first]
    assert dump(tmp_path / "empty.sqlite") == before


def test_other_content_is_the_next_version(held: Held) -> None:
    changed = [entry for entry in entries() if entry.path != b"data/f3"]
    with_cuts = NewPackage(
        uuid=UUID(int=77),
        identifier="a",
        collection="c",
        records=cut(changed, inherited=held.catalog.shard_starts(held.package.id)),
        large_files=[changed[-1]],
    )
    [row] = held.catalog.add_packages([with_cuts], at=START + DAY)
    assert (row.id, row.uuid, row.version) == (held.package.id, held.package.uuid, 2)
    assert row.verdict is Verdict.UNDER_REPLICATED
    roots = [shard.root for shard in held.catalog.shards(row.inventory_id)]
    assert [root == shard.root for root, shard in zip(roots, held.shards, strict=True)].count(False) == 1
    assert held.catalog.copies(current_only=True) == []
    assert [copy.current for copy in held.catalog.copies()] == [False, False]
    again = held.catalog.record_copy(replace(held.new_copy(1, read=False), inventory_id=row.inventory_id), START)
    assert again.current


def test_versions_within_one_call(catalog: Catalog) -> None:
    rows = catalog.add_packages([new_package(), new_package(files=entries(3)), new_package(files=entries(3))], at=START)
    assert [row.version for row in catalog.packages()] == [2]
    assert len({row.id for row in rows}) == 1


def test_a_uuid_belongs_to_one_identifier(catalog: Catalog) -> None:
    with pytest.raises(UsageError, match="belongs to a") as caught:
        catalog.add_packages([new_package("a"), new_package("b"), new_package("c", number=3)], at=START)
    assert caught.value.remedy
    assert [row.identifier for row in catalog.packages()] == ["a"]


def test_what_came_before_a_fault_is_taken_in(catalog: Catalog) -> None:
    def packages() -> Iterator[NewPackage]:
        yield new_package("a")
        yield new_package("b", number=2)
        raise OSError("the disk with the third bag was pulled")

    with pytest.raises(OSError, match="pulled"):
        catalog.add_packages(packages(), at=START)
    assert [row.identifier for row in catalog.packages()] == ["a", "b"]


def test_a_package_is_whole_or_not_there(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump(tmp_path / "empty.sqlite")

    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(versions, "encode_entries", fail)
    with pytest.raises(MemoryError):
        catalog.add_packages([new_package()], at=START)
    assert dump(tmp_path / "empty.sqlite") == before


def test_an_unknown_identifier_brings_those_like_it(catalog: Catalog) -> None:
    catalog.add_packages([new_package("letters-1979"), new_package("photographs", number=2)], at=START)
    with pytest.raises(UsageError, match="no package is called leters-1979") as caught:
        catalog.packages(["photographs", "leters-1979"])
    assert "letters-1979" in caught.value.remedy
    assert [row.identifier for row in catalog.packages(["photographs", "letters-1979"])] == [
        "photographs",
        "letters-1979",
    ]
    assert catalog.packages(collection="other") == []
    assert len(catalog.packages(collection="c")) == 2


def test_a_damaged_record_is_not_judged_by(held: Held) -> None:
    with held.catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE record SET digests = zeroblob(33) WHERE shard_id = 1")
        connection.exec_driver_sql("UPDATE record SET paths = zeroblob(9) WHERE shard_id = 2")
    for shard_id in (1, 2):
        with pytest.raises(CatalogError, match="record in the catalog is damaged"):
            held.catalog.record(shard_id)
