"""Names of files in XML, and the UUIDs of objects."""

from uuid import UUID, uuid5

import pytest

from premis.model import OriginalName
from preserve.provenance.names import (
    from_location,
    from_original_name,
    object_uuid,
    printable,
    to_location,
    to_original_name,
)

PACKAGE = UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize("name", ["a/b c.txt", "ខ្មែរ/ទំព័រ.png", "100%", "a%FFb", "<&>\"'", " x ", "\u200b", "😀"])
def test_a_name_that_xml_holds_stands_as_it_is(name: str) -> None:
    assert to_original_name(name.encode()) == OriginalName(name)
    assert from_original_name(OriginalName(name)) == name.encode()


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        (b"a\xffb%41", "a%FFb%2541"),
        (b"line\nend", "line%0Aend"),
        (b"\x1b[31m", "%1B%5B31m"),
        (b"\t", "%09"),
        ("\ufffe".encode(), "%EF%BF%BE"),
        (b"\xed\xa0\x80", "%ED%A0%80"),
    ],
)
def test_any_other_name_is_encoded_and_marked(name: bytes, encoded: str) -> None:
    assert to_original_name(name) == OriginalName(encoded, encoded)
    assert from_original_name(OriginalName(encoded, encoded)) == name


def test_a_location_is_always_encoded() -> None:
    assert to_location(b"data/100% \xff") == "data/100%25%20%FF"
    assert from_location("data/100%25%20%FF") == b"data/100% \xff"


def test_an_object_s_uuid_is_uuid5_of_its_path() -> None:
    assert object_uuid(PACKAGE, "data/ខ្មែរ".encode()) == uuid5(PACKAGE, "data/ខ្មែរ")


def test_names_that_are_not_utf_8_do_not_share_a_uuid_with_others() -> None:
    names = [b"a\xff", b"a%FF", b"a\xfe", "a\ufffd".encode(), b"a\\xff"]
    assert len({object_uuid(PACKAGE, name) for name in names}) == len(names)


def test_what_xml_cannot_hold_becomes_a_visible_code() -> None:
    assert printable("a\x00\udcff\ud800\ufffe\n\x1bខ") == "a\\x00\\xff\\ud800\\ufffe\\x0a\\x1bខ"
