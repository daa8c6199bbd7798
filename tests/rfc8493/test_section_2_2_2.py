"""RFC 8493 §2.2.2: bag metadata, bag-info.txt."""

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag


def _said(bag: Bag, content: bytes) -> list[tuple[Code, int | None]]:
    bag.write(b"bag-info.txt", content)
    return [(finding.code, finding.line) for finding in bag.found()]


def _entries(bag: Bag) -> list[tuple[str, str]]:
    return [(entry.label, entry.value) for entry in bag.validated().info]


def test_section_2_2_2_all_elements_are_optional_and_any_label_is_allowed(bag: Bag) -> None:
    assert not _said(bag, b"")
    assert not _said(bag, "My Own Label: x\nស្លាក: ខ្មែរ\n".encode())


def test_section_2_2_2_elements_may_be_repeated_and_their_order_is_kept(bag: Bag) -> None:
    assert not _said(bag, b"B: 1\nA: 2\nB: 3\nb: 4\nB: 1\n")
    assert _entries(bag) == [("B", "1"), ("A", "2"), ("B", "3"), ("b", "4"), ("B", "1")]


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_section_2_2_2_an_element_ends_with_lf_cr_or_crlf(bag: Bag, ending: bytes) -> None:
    assert not _said(bag, b"A: 1" + ending + b"B:\t2" + ending)
    assert _entries(bag) == [("A", "1"), ("B", "2")]


@pytest.mark.parametrize(
    "line", [b"no colon", b"key; the value", b": x", b"Label : x", b"Label\t: x", b"Label:x", b":"]
)
def test_section_2_2_2_an_element_is_label_colon_white_space_value(bag: Bag, line: bytes) -> None:
    assert _said(bag, b"Ok: fine\n" + line + b"\n") == [(Code.INFO_MALFORMED, 2)]
    assert bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("line", [b"Label:  x", b"Label: \t x", b"Label:"])
def test_section_2_2_2_one_space_or_tab_and_no_padding(bag: Bag, line: bytes) -> None:
    assert _said(bag, line + b"\n") == [(Code.INFO_SPACING, 1)] and bag.outcome() is Outcome.PASS


def test_section_2_2_2_a_label_may_hold_white_space_and_a_value_colons(bag: Bag) -> None:
    assert not _said(bag, b"My  own\tlabel: a: b:c\n")
    assert _entries(bag) == [("My  own\tlabel", "a: b:c")]


def test_section_2_2_2_a_long_value_goes_on_in_indented_lines(bag: Bag) -> None:
    assert not _said(bag, b"A: one\n  two: x\r\tthree\r\n four\nB: 2\n")
    assert _entries(bag) == [("A", "one two: x three four"), ("B", "2")]
    assert _said(bag, b" two\nA: 1\n") == [(Code.INFO_MALFORMED, 1)] and bag.outcome() is Outcome.FAIL


def test_section_2_2_2_a_line_longer_than_79_characters_is_read(bag: Bag) -> None:
    assert not _said(bag, b"A: " + b"x" * 5_000 + b"\n")
    assert _entries(bag) == [("A", "x" * 5_000)]


@pytest.mark.parametrize("label", ["Bagging-Date", "Bag-Size", "Bag-Group-Identifier"])
def test_section_2_2_2_what_should_not_be_repeated(bag: Bag, label: str) -> None:
    said = _said(bag, f"{label}: 1\n{label.upper()}: 2\n".encode())
    assert said == [(Code.INFO_REPEATED, 2)] and bag.outcome() is Outcome.PASS


def test_section_2_2_2_a_bag_count_should_have_a_group(bag: Bag) -> None:
    assert _said(bag, b"Bag-Count: 1 of 2\n") == [(Code.BAG_COUNT_ALONE, 1)] and bag.outcome() is Outcome.PASS
    assert not _said(bag, b"bag-group-identifier: x\nBag-Count: 1 of ?\n")


@pytest.mark.parametrize("label", ["Payload-Oxum", "PAYLOAD-OXUM", "payload-oxum"])
def test_section_2_2_2_reserved_names_have_no_case(bag: Bag, label: str) -> None:
    assert not _said(bag, f"{label}: 9.2\n".encode())
    assert _said(bag, f"{label}: 9.3\n".encode()) == [(Code.OXUM_MISMATCH, 1)] and bag.outcome() is Outcome.FAIL


def test_section_2_2_2_payload_oxum_stands_once(bag: Bag) -> None:
    assert _said(bag, b"Payload-Oxum: 9.2\npayload-oxum: 9.2\n") == [(Code.OXUM_REPEATED, 2)]
    assert bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    "value", ["6", "²9.2", "9.2.1", "-9.2", "9,2", "9.", ".2", "9 .2", "٩.٢", "9.x", "1e1.2", "0x9.2"]
)
def test_section_2_2_2_payload_oxum_is_octets_full_stop_files(bag: Bag, value: str) -> None:
    assert _said(bag, f"Payload-Oxum: {value}\n".encode()) == [(Code.OXUM_MALFORMED, 1)]
    assert bag.outcome() is Outcome.FAIL


def test_section_2_2_2_a_payload_oxum_that_fits_replaces_no_checksum(bag: Bag) -> None:
    bag.write(b"data/a.txt", b"ALPHA")
    assert _said(bag, b"Payload-Oxum: 9.2\n") == [(Code.DIGEST_MISMATCH, 1)] and bag.outcome() is Outcome.FAIL


def test_section_2_2_2_a_payload_oxum_that_does_not_fit_hides_no_bad_file(bag: Bag) -> None:
    bag.write(b"data/a.txt", b"ALPHA")
    bag.write(b"bag-info.txt", b"A: 1\nPayload-Oxum: 1.1\n")
    assert {(each.code, each.path, each.line) for each in bag.found()} == {
        (Code.DIGEST_MISMATCH, b"data/a.txt", 1),
        (Code.OXUM_MISMATCH, None, 2),
    }


def test_section_2_2_2_a_file_of_endless_lines_is_held_within_bounds(bag: Bag) -> None:
    said = _said(bag, b"A: 1\n" + b" x\n" * 300_000)
    assert said == [(Code.TAG_FILE_TOO_LARGE, None)] and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("zeros", [1, 30, 10_000])
def test_section_2_2_2_a_payload_oxum_may_have_leading_zeros(bag: Bag, zeros: int) -> None:
    assert not _said(bag, b"Payload-Oxum: " + b"0" * zeros + b"9." + b"0" * zeros + b"2\n")
    assert _said(bag, b"Payload-Oxum: " + b"0" * zeros + b"8.2\n") == [(Code.OXUM_MISMATCH, 1)]


def test_section_2_2_2_a_line_may_be_of_megabytes(bag: Bag) -> None:
    assert not _said(bag, b"A: " + b"x" * (5 << 20) + b"\nPayload-Oxum: 9.2\n")
    assert _said(bag, b"A: " + b"x" * (17 << 20) + b"\nPayload-Oxum: 9.3\n") == [
        (Code.INFO_MALFORMED, 1),
        (Code.OXUM_MISMATCH, 2),
    ]
