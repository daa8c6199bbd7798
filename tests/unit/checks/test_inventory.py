"""Shards cover every path, keep their roots, and hold large files by segment."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import inventory
from checks.inventory import SEGMENT_BYTES, Entry, cut, inventory_root, position

names = st.binary(min_size=1, max_size=6).filter(lambda name: 0 not in name)


def entry(path: bytes, size: int = 1) -> Entry:
    return Entry(path, size, sha256(path).digest())


def big(path: bytes, size: int) -> Entry:
    digests = tuple(sha256(path + bytes([n])).digest() for n in range(inventory.segment_count(size)))
    return Entry(path, size, sha256(path).digest(), digests)


@given(st.sets(names, max_size=60), st.integers(1, 7))
def test_ranges_join_without_gap_and_every_entry_lies_in_its_own(paths: set[bytes], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "SHARD_FILES", limit)
        records = list(cut(entry(path) for path in sorted(paths)))
    assert records[0].start == b"" and records[-1].stop == b""
    assert [r.stop for r in records[:-1]] == [r.start for r in records[1:]]
    assert [path for record in records for path in record.paths] == sorted(paths)
    for record in records:
        assert len(record.paths) <= limit
        assert all(record.start <= position(p) and (not record.stop or position(p) < record.stop) for p in record.paths)


def test_order_of_positions_is_the_bytewise_order_of_paths() -> None:
    paths = [b"a", b"a\x01", b"a/b", b"a0", b"ab"]
    assert sorted(paths, key=position) == sorted(paths)


def test_entries_out_of_order_or_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        list(cut([entry(b"b"), entry(b"a")]))
    with pytest.raises(ValueError, match="order"):
        list(cut([entry(b"a"), entry(b"a")]))


def test_any_change_of_a_line_or_of_the_range_changes_the_root() -> None:
    (record,) = cut([entry(b"a"), entry(b"b")])
    for other in (
        replace(record, paths=[b"a", b"c"]),
        replace(record, sizes=[1, 2]),
        replace(record, digests=[record.digests[0], bytes(32)]),
        replace(record, start=position(b"A")),
        replace(record, stop=position(b"z")),
        replace(record, segments=[0, 1]),
    ):
        assert other.root() != record.root(), other
    assert replace(record, segments=[0, 0]).root() == record.root()


def test_a_large_file_has_a_line_for_each_segment_and_each_carries_the_whole_size() -> None:
    size = 2 * SEGMENT_BYTES + 5
    records = list(cut([entry(b"a"), big(b"film", size), entry(b"z")]))
    lines = [line for record in records for line in record.entries()]
    assert [(path, seg, length) for path, seg, length, _ in lines if path == b"film"] == [
        (b"film", 0, size),
        (b"film", 1, size),
        (b"film", 2, size),
    ]
    assert sum(record.files for record in records) == 3
    assert sum(record.bytes_to_read for record in records) == size + 2


def test_the_whole_digest_of_a_large_file_is_bound_by_the_inventory_root() -> None:
    one = big(b"film", 2 * SEGMENT_BYTES)
    other = one._replace(sha256=bytes(32))
    roots = [record.root() for record in cut([one])]
    assert inventory_root(roots, [one]) != inventory_root(roots, [other])
    assert inventory_root(roots, [one]) != inventory_root(roots)


def test_a_new_version_inherits_cuts_so_that_unchanged_shards_keep_their_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "SHARD_FILES", 10)
    entries = [entry(b"%03d" % n) for n in range(100)]
    before = list(cut(entries))
    changed = sorted([*entries, entry(b"0415")])
    after = list(cut(changed, inherited=[r.start for r in before[1:]]))
    same = {r.root() for r in before} & {r.root() for r in after}
    assert len(same) == len(before) - 1
    assert [path for record in after for path in record.paths] == [e.path for e in changed]


@given(st.sets(names, min_size=1, max_size=40), st.sets(names, max_size=40))
def test_inherited_cuts_never_lose_an_entry_or_leave_a_gap(paths: set[bytes], cuts: set[bytes]) -> None:
    records = list(cut((entry(p) for p in sorted(paths)), inherited=sorted(position(c) for c in cuts)))
    assert [path for record in records for path in record.paths] == sorted(paths)
    assert records[0].start == b"" and records[-1].stop == b""
    assert [r.stop for r in records[:-1]] == [r.start for r in records[1:]]
    for r in records:
        assert all(r.start <= position(p) and (not r.stop or position(p) < r.stop) for p in r.paths)
