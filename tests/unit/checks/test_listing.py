"""The names of a copy against its inventory."""

from hypothesis import given
from hypothesis import strategies as st

from checks.inventory import SEGMENT_BYTES, position
from checks.listing import Listing, compare, names_of, pair_moved
from checks.ports import Kind, Listed

paths = st.binary(min_size=1, max_size=4).filter(lambda name: 0 not in name)


def listing_of(*names: bytes) -> Listing:
    return Listing.gather(Listed(name, Kind.FILE) for name in names)


@given(st.sets(paths, max_size=30), st.sets(paths, max_size=5))
def test_every_name_falls_into_exactly_one_range(names: set[bytes], cuts: set[bytes]) -> None:
    listing = listing_of(*names)
    starts = [b"", *sorted(position(cut) for cut in cuts)]
    slices = [listing.within(a, b) for a, b in zip(starts, [*starts[1:], b""], strict=True)]
    assert [name for part in slices for name in part] == sorted(names)


def test_a_cut_inside_a_large_file_leaves_its_name_to_the_first_segment() -> None:
    listing = listing_of(b"a", b"film", b"z")
    cut = position(b"film", 1)
    assert SEGMENT_BYTES  # the cut stands for its second segment
    assert list(listing.within(b"", cut)) == [b"a", b"film"]
    assert list(listing.within(cut, b"")) == [b"z"]


def test_missing_and_untracked_are_found_over_the_whole_copy() -> None:
    shards = [(b"", position(b"m"), [b"a", b"b"]), (position(b"m"), b"", [b"n", b"o"])]
    found = compare(listing_of(b"a", b"c", b"n", b"x"), shards)
    assert found.missing == {b"b", b"o"}
    assert found.untracked == {b"c", b"x"}


def test_moved_needs_one_missing_one_untracked_and_content_that_is_held_once() -> None:
    content, empty = (5, b"d1"), (0, b"e")
    assert pair_moved({b"a": content}, {b"x": content}, lambda digest: True) == {b"a": b"x"}
    assert pair_moved({b"a": content}, {b"x": content, b"y": content}, lambda digest: True) == {}
    assert pair_moved({b"a": content}, {b"x": content}, lambda digest: False) == {}
    assert pair_moved({b"a": empty}, {b"x": empty}, lambda digest: True) == {}
    assert pair_moved({b"a": content}, {b"x": (6, b"d1")}, lambda digest: True) == {}


def test_a_moved_file_is_no_longer_untracked() -> None:
    listing = listing_of(b"x", b"y")
    differences = compare(listing, [(b"", b"", [b"a"])])
    names = names_of(listing, differences, {b"a": b"x"}, b"", b"")
    assert names.untracked == (b"y",)
    assert names.moved == {b"a": b"x"}


def test_a_folder_that_could_not_be_listed_spoils_only_the_ranges_it_may_touch() -> None:
    listing = Listing.gather([Listed(b"data/b", Kind.DIRECTORY, "EACCES")])
    assert listing.problems_within(position(b"data/a"), position(b"data/b0")) == ((b"data/b", "EACCES"),)
    assert listing.problems_within(b"", position(b"data/a")) == ()
    assert listing.problems_within(position(b"data/c"), b"") == ()
    everything = Listing.gather([Listed(b"", Kind.DIRECTORY, "EIO")])
    assert everything.problems_within(position(b"data/c"), b"") == ((b"", "EIO"),)
