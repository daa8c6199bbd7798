"""Names that a replica could not hold are told before a byte is written."""

from collections.abc import Mapping, Sequence

import pytest

from preserve.errors import UsageError
from preserve.replicate.fitting import refuse_unfit
from preserve.stores.memory import MemoryBucket
from preserve.stores.rooms.replica import RemoteReplica


class Place(RemoteReplica):
    """A replica that says of some names that it cannot hold them, and remembers which it was asked for."""

    def __init__(self, bad: Mapping[bytes, str] | None = None, *, folds: bool = False) -> None:
        super().__init__(MemoryBucket())
        self.folds = folds
        self.bad = bad or {}
        self.asked: list[bytes] = []

    def unfit(self, paths: Sequence[bytes]) -> Mapping[bytes, str]:
        if paths[0].startswith(b"twins/"):
            return dict.fromkeys(paths, "one name") if self.folds else {}
        self.asked += paths
        return {path: self.bad[path] for path in paths if path in self.bad}


def test_plain_names_are_not_tried() -> None:
    place = Place()
    refuse_unfit(place, lambda: [b"box/bagit.txt", b"box/data/a-b_c.1", b"box/data/b"], "nas")
    assert place.asked == []


@pytest.mark.parametrize("name", [b"a b", "é".encode(), b"a" * 101, b"a:b", b"a\nb"])
def test_any_other_name_is_tried(name: bytes) -> None:
    place = Place()
    refuse_unfit(place, lambda: [b"box/data/b", b"box/" + name, b"box/zz"], "nas")
    assert place.asked == [b"box/" + name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"box/data/A.txt", b"box/data/a.txt"),
        (b"box/data/A/x", b"box/data/a/y"),  # only the folders are alike
        ("box/data/é".encode(), "box/data/e\u0301".encode()),
        ("box/data/ß".encode(), b"box/data/ss"),
    ],
)
def test_names_that_a_place_may_take_for_one_are_tried_together(one: bytes, other: bytes) -> None:
    place = Place(folds=True)
    refuse_unfit(place, lambda: [one, b"box/data/other", other], "nas")
    alike = [path for path in place.asked if path.startswith(b"box/data/") and b"other" not in path]
    assert len(set(alike)) >= 2 and {path.rpartition(b"/")[0] for path in alike} == {b"box/data"}


def test_a_place_that_takes_no_two_names_for_one_is_not_asked_for_pairs() -> None:
    place = Place()
    refuse_unfit(place, lambda: [b"box/data/A.txt", b"box/data/a.txt"], "nas")
    assert place.asked == []


def test_up_to_five_names_are_told_with_why_and_what_to_do() -> None:
    bad = {b"box/a %d" % number: f"reason {number}" for number in range(8)}
    with pytest.raises(UsageError) as refused:
        refuse_unfit(Place(bad), lambda: bad, "the-disk")
    for number in range(8):
        assert (f"box/a {number} (reason {number})" in refused.value.message) == (number < 5)
    assert "the replica the-disk" in refused.value.message and "and 3 more" in refused.value.message
    assert "nothing was written" in refused.value.message and refused.value.remedy


def test_what_a_store_refuses_by_itself_is_not_tried_there() -> None:
    place = Place()
    with pytest.raises(UsageError, match="not UTF-8"):
        refuse_unfit(place, lambda: [b"box/data/\xff"], "abroad")
    assert place.asked == []
