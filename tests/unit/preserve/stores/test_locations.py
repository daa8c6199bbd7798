"""Folders for identifiers: readable, safe, never shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preserve.stores.locations import location, named_by

identifiers = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_common_identifiers_are_their_own_folders() -> None:
    assert location("box-0012_b", 1) == b"box-0012_b"
    assert location("ប្រតិទិន ១", 1) == "ប្រតិទិន ១".encode()
    assert location("box", 3) == b"box.v3"


@pytest.mark.parametrize("identifier", ["..", ".", "a/b", "../x", "a\0b", ".preserve", "a\nb", "C:\\x", "a.", "a "])
def test_dangerous_ones_are_escaped(identifier: str) -> None:
    folder = location(identifier, 1)
    assert b"/" not in folder and b"\0" not in folder and not folder.startswith(b".")
    assert b"%" in folder


@given(identifiers, identifiers, st.integers(1, 12), st.integers(1, 12))
def test_two_versions_of_two_packages_never_share_a_folder(one: str, other: str, first: int, second: int) -> None:
    same = (one, first) == (other, second)
    assert (location(one, first) == location(other, second)) == same


@given(identifiers, st.integers(1, 12))
def test_a_folder_tells_what_it_is_of(identifier: str, version: int) -> None:
    assert named_by(location(identifier, version)) == (identifier, version)


@pytest.mark.parametrize("folder", [b"a.", b"a:b", b"%41", b"a.v1", b"a%2", b"a%00.v1", b"x" * 300])
def test_a_folder_that_we_would_name_otherwise_tells_nothing(folder: bytes) -> None:
    assert named_by(folder) is None


def test_what_no_folder_can_be_called_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        location("x" * 300, 1)
