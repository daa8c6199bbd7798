"""The index of names never leaves out what a look at every name would find."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.inventory import SEGMENT_BYTES, Entry, cut
from preserve.catalog import searching
from preserve.catalog.catalog import Catalog
from preserve.catalog.columns import decode, encode, new_compressor
from preserve.catalog.naming import buckets_of_names, buckets_of_text, fold
from preserve.catalog.rows import NewPackage
from tests.unit.preserve.catalog.builders import START, digest

# Few different bytes, so that names share beginnings and parts.
names = st.one_of(
    st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"\0", b"x")),
    st.lists(st.sampled_from([b"a", b"B", b"b", b"/", b"01", b"\xe1\x9e", b"\x80", b"page", b"PAGE"]), min_size=1).map(
        b"".join
    ),
)
sorted_names = st.lists(names, min_size=1, max_size=30, unique=True).map(sorted)


@given(sorted_names, st.data())
def test_every_part_of_every_name_has_its_buckets(paths: list[bytes], data: st.DataObject) -> None:
    path = fold(data.draw(st.sampled_from(paths)))
    start = data.draw(st.integers(0, len(path) - 1))
    part = path[start : data.draw(st.integers(start + 1, len(path)))]
    assert buckets_of_text(part) <= buckets_of_names(paths)


@given(sorted_names, st.data())
def test_records_come_back_out_of_their_columns(paths: list[bytes], data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, SEGMENT_BYTES), min_size=len(paths), max_size=len(paths)))
    for record in cut(Entry(path, size, digest(path)) for path, size in zip(paths, sizes, strict=True)):
        assert decode(record.start, record.stop, encode(record, new_compressor())) == record


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as made:
        yield Path(made)


@settings(max_examples=40, deadline=None)
@given(st.lists(sorted_names, min_size=1, max_size=4), st.lists(names, max_size=8), st.integers(1, 3), st.booleans())
def test_search_finds_what_a_linear_scan_finds(
    folder: Path, packages: list[list[bytes]], texts: list[bytes], block_files: int, late: bool
) -> None:
    path = folder / "catalog"
    path.unlink(missing_ok=True)
    every = [(f"p{number}", name) for number, paths in enumerate(packages) for name in paths]
    wanted = [*texts, *(name[:3] for _, name in every[:5]), *(name[1:] for _, name in every[:5])]
    with (
        Catalog.create(path, START) as catalog,
        patch.object(searching, "BLOCK_FILES", block_files),
        patch.object(searching, "_LEAST_BLOCKS", 0),
        patch.object(searching, "MOST_BLOCKS", 2),
        patch("checks.inventory.SHARD_FILES", 2),
    ):
        for number, paths in enumerate(packages):
            records = cut(Entry(name, 1, digest(name)) for name in paths)
            new = NewPackage(uuid=UUID(int=number), identifier=f"p{number}", collection="c", records=records)
            catalog.add_packages([new], at=START)
            if not late or number < len(packages) - 1:
                catalog.index_names()
        for text in filter(None, wanted):
            found = catalog.search(text.decode("utf-8", "surrogateescape"), limit=10_000)
            assert found == [one for one in every if fold(text) in fold(one[1])]
