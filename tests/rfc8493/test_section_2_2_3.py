"""RFC 8493 §2.2.3: the fetch file, fetch.txt. Nothing is ever fetched."""

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.finding import Finding
from tests.unit.preserve.bag.bags import Bag, hexed

URL = b"https://example.org/a.txt"


def _said(bag: Bag, *lines: bytes) -> list[Finding]:
    bag.write(b"fetch.txt", b"".join(line + b"\n" for line in lines))
    return bag.found()


def test_section_2_2_3_a_file_that_is_still_to_be_fetched_makes_the_bag_incomplete(bag: Bag) -> None:
    (bag.path / "data/a.txt").unlink()
    (finding,) = _said(bag, URL + b" 5 data/a.txt")
    assert (finding.code, finding.path) == (Code.MISSING, b"data/a.txt") and "fetch.txt" in finding.message
    assert bag.outcome() is Outcome.FAIL and bag.validated().verdict == "incomplete"


def test_section_2_2_3_a_file_that_was_fetched_is_judged_like_any_other(bag: Bag) -> None:
    assert not _said(bag, URL + b" 5 data/a.txt", b"http://example.org/%E1%9E%80?x=1&y=(2) - data/sub/b.txt")
    assert bag.validated().payload.good == 2


def test_section_2_2_3_every_listed_file_is_in_a_payload_manifest(bag: Bag) -> None:
    (finding,) = _said(bag, URL + b" 5 data/a.txt", URL + b" - data/other")
    assert (finding.code, finding.path) == (Code.FETCH_UNLISTED, b"data/other")
    assert (finding.file, finding.line) == (b"fetch.txt", 2) and bag.outcome() is Outcome.FAIL


def test_section_2_2_3_and_in_every_one(bag: Bag) -> None:
    bag.manifest(hexed(b"") + b"  data/far")
    bag.manifest(algorithm="sha512")
    assert {each.code for each in _said(bag, URL + b" 0 data/far")} == {Code.MISSING, Code.MANIFESTS_DISAGREE}


@pytest.mark.parametrize(
    "path", [b"bag-info.txt", b"bagit.txt", b"manifest-sha256.txt", b"metadata/x", b"a.txt", b"data"]
)
def test_section_2_2_3_it_lists_no_tag_files(bag: Bag, path: bytes) -> None:
    (finding,) = _said(bag, URL + b" 5 " + path)
    assert (finding.code, finding.line, finding.path) == (Code.FETCH_MALFORMED, 1, path)
    assert bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    "line",
    [
        *(URL, URL + b" 5", URL + b" 5 ", b"5 data/a.txt", b"", b" ", b"\t", b"# comment"),
        *(b" " + URL + b" 5 data/a.txt", URL + b"\xc2\xa05\xc2\xa0data/a.txt"),
    ],
)
def test_section_2_2_3_a_line_is_url_length_and_path(bag: Bag, line: bytes) -> None:
    said = _said(bag, URL + b" 5 data/a.txt", line)
    assert [(each.code, each.line) for each in said] == [(Code.FETCH_MALFORMED, 2)]
    assert bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    "url",
    [
        *(b"example.org/a", b"//example.org/a", b"/a", b"a.txt", b"../a", b"https:", b":x", b"1http://x", b"ht tp://x"),
        *(b"https://example.org/a|b", b"https://example.org/<a>", b"https://example.org/%zz", b"https://x/a#b"),
        *("https://example.org/ខ្មែរ".encode(), b"C:\\x", b"\\\\host\\x", b'https://x/"a"', b"https://x/a\x7f"),
    ],
)
def test_section_2_2_3_the_url_is_an_absolute_uri(bag: Bag, url: bytes) -> None:
    said = _said(bag, url + b" 5 data/a.txt")
    assert {each.code for each in said} == {Code.FETCH_MALFORMED} and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("length", [b"x", b"-1", b"5.0", b"0x5", b"+5", b"5b", "٥".encode(), b"--", b"1e3"])
def test_section_2_2_3_the_length_is_a_number_of_octets_or_a_hyphen(bag: Bag, length: bytes) -> None:
    (finding,) = _said(bag, URL + b" " + length + b" data/a.txt")
    assert (finding.code, finding.line) == (Code.FETCH_MALFORMED, 1) and bag.outcome() is Outcome.FAIL


def test_section_2_2_3_there_is_no_limit_to_the_length_of_a_field(bag: Bag) -> None:
    assert not _said(bag, URL + b"x" * 30_000 + b" " + b"0" * 20_000 + b"5 data/a.txt")
    (finding,) = _said(bag, URL + b" " + b"9" * 9_000 + b" data/a.txt")
    assert finding.code is Code.FETCH_LENGTH_MISMATCH


@pytest.mark.parametrize("space", [b" ", b"\t", b" \t  "])
def test_section_2_2_3_spaces_and_tabs_separate_the_fields(bag: Bag, space: bytes) -> None:
    assert not _said(bag, space.join([URL, b"5", b"data/a.txt"]))


def test_section_2_2_3_paths_are_percent_encoded_as_in_manifests(bag: Bag) -> None:
    bag.manifest(hexed(b"") + b"  data/a%0Ab %25")
    assert [(each.code, each.path) for each in _said(bag, URL + b" 0 data/a%0Ab %25")] == [
        (Code.MISSING, b"data/a\nb %")
    ]


def test_section_2_2_3_a_path_that_is_listed_twice_is_a_warning(bag: Bag) -> None:
    (finding,) = _said(bag, URL + b" 5 data/a.txt", URL + b"?2 5 data/a.txt")
    assert (finding.code, finding.line) == (Code.FETCH_REPEATED, 2) and bag.outcome() is Outcome.PASS


def test_section_2_2_3_bytes_of_another_encoding(bag: Bag) -> None:
    (finding,) = _said(bag, URL + b" 5 data/\xff")
    assert (finding.code, finding.line) == (Code.ENCODING_INVALID, 1) and bag.outcome() is Outcome.FAIL
