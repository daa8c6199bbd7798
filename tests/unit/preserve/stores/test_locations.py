"""Folders for identifiers: readable, safe, never shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preserve.stores.locations import location

identifiers = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


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


def test_what_no_folder_can_be_called_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        location("x" * 300, 1)
