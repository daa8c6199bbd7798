"""RFC 8493 §2.1.3: payload manifests."""

import os

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag, hexed

ALPHA, BETA, EMPTY = hexed(b"alpha"), hexed(b"beta"), hexed(b"")


def test_section_2_1_3_a_bag_contains_at_least_one_payload_manifest(bag: Bag) -> None:
    (bag.path / "manifest-sha256.txt").unlink()
    assert (Code.MANIFEST_MISSING, None) in bag.seen() and bag.outcome() is Outcome.FAIL
    bag.tag_manifest(b"bagit.txt")
    assert (Code.MANIFEST_MISSING, None) in bag.seen(), "a tag manifest is none"


def test_section_2_1_3_a_bag_may_contain_more_than_one_payload_manifest(bag: Bag) -> None:
    for algorithm in ("md5", "sha1", "sha512"):
        bag.manifest(algorithm=algorithm)
    assert not bag.seen() and set(bag.validated().algorithms) == {"md5", "sha1", "sha256", "sha512"}


def test_section_2_1_3_every_manifest_lists_every_payload_file(bag: Bag) -> None:
    bag.manifest(algorithm="sha512", lines=bag.lines("sha512")[1:])
    (finding,) = bag.found()
    assert (finding.code, finding.path) == (Code.MANIFESTS_DISAGREE, b"data/a.txt")
    assert (finding.file, finding.line) == (b"manifest-sha256.txt", 1), "where it is listed"
    bag.write(b"data/extra", b"")
    assert (Code.UNTRACKED, b"data/extra") in bag.seen() and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("digest", [ALPHA, ALPHA.upper(), EMPTY])
def test_section_2_1_3_exactly_once(bag: Bag, digest: bytes) -> None:
    bag.manifest(digest + b"  data/a.txt")
    (finding,) = [each for each in bag.found() if each.code is Code.DUPLICATE_ENTRY]
    assert (finding.file, finding.line, finding.path) == (b"manifest-sha256.txt", 3, b"data/a.txt")
    assert bag.outcome() is Outcome.FAIL


def test_section_2_1_3_a_checksum_is_in_upper_or_lower_case(bag: Bag) -> None:
    mixed = ALPHA[:32].upper() + ALPHA[32:]
    bag.manifest(lines=[mixed + b"  data/a.txt", BETA.upper() + b"  data/sub/b.txt"])
    assert not bag.seen()


@pytest.mark.parametrize("space", [b" ", b"  ", b"\t", b" \t \t", b" " * 500])
def test_section_2_1_3_spaces_and_tabs_separate_checksum_and_path(bag: Bag, space: bytes) -> None:
    bag.manifest(lines=[ALPHA + space + b"data/a.txt", BETA + space + b"data/sub/b.txt"])
    assert not bag.seen()


@pytest.mark.parametrize("space", ["\u00a0", "\u3000", "\x0b", "\x0c", ",", ""])
def test_section_2_1_3_nothing_else_separates_them(bag: Bag, space: str) -> None:
    bag.manifest(ALPHA + space.encode() + b"data/a.txt")
    (finding,) = [each for each in bag.found() if each.file]
    assert (finding.code, finding.line) == (Code.LINE_MALFORMED, 3) and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("line", [b"data/a.txt", ALPHA, ALPHA + b"  ", b"# comment", b"  " + ALPHA + b"  data/a.txt"])
def test_section_2_1_3_each_line_is_a_checksum_and_a_path(bag: Bag, line: bytes) -> None:
    bag.manifest(line)
    assert {(each.code, each.line) for each in bag.found()} == {(Code.LINE_MALFORMED, 3)}


@pytest.mark.parametrize(
    "digest", [b"x" * 64, ALPHA[:-1], ALPHA[:-2], ALPHA + b"00", hexed(b"", "md5"), b"0x" + ALPHA[2:]]
)
def test_section_2_1_3_the_checksum_is_hex_of_the_algorithm_s_length(bag: Bag, digest: bytes) -> None:
    bag.manifest(lines=[digest + b"  data/a.txt", BETA + b"  data/sub/b.txt"])
    (finding,) = [each for each in bag.found() if each.code is Code.DIGEST_MALFORMED]
    assert (finding.line, finding.path) == (1, b"data/a.txt") and bag.outcome() is Outcome.FAIL


def test_section_2_1_3_the_slash_separates_the_parts_of_a_path(bag: Bag) -> None:
    bag.manifest(lines=[ALPHA + b"  data/a.txt", BETA + b"  data\\sub\\b.txt"])
    assert (Code.NOT_PAYLOAD, b"data\\sub\\b.txt") in bag.seen() and bag.outcome() is Outcome.FAIL


def test_section_2_1_3_there_is_no_limit_to_the_length_of_a_path(bag: Bag) -> None:
    path = b"data" + b"/d" * 15_000 + b"/" + b"x" * 200
    bag.manifest(EMPTY + b"  " + path)
    assert bag.seen() == {(Code.MISSING, path)}


@pytest.mark.parametrize("path", [b"bagit.txt", b"bag-info.txt", b"database/x", b"data", b"Data/a.txt", b"metadata/x"])
def test_section_2_1_3_a_payload_manifest_lists_nothing_outside_data(bag: Bag, path: bytes) -> None:
    bag.manifest(EMPTY + b"  " + path)
    assert (Code.NOT_PAYLOAD, path) in bag.seen() and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b"data/a%0Ab", b"data/a\nb"),
        (b"data/a%0ab", b"data/a\nb"),
        (b"data/a%0Db", b"data/a\rb"),
        (b"data/a%0D%0Ab", b"data/a\r\nb"),
        (b"data/100%25", b"data/100%"),
        (b"data/%2541", b"data/%41"),
        (b"data/%250A", b"data/%0A"),
        (b"data/%252e%252e", b"data/%2e%2e"),
    ],
)
def test_section_2_1_3_lf_cr_and_percent_are_percent_encoded(bag: Bag, written: bytes, name: bytes) -> None:
    bag.write(name, b"x")
    bag.manifest(hexed(b"x") + b"  " + written)
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 3


@pytest.mark.parametrize(
    "name", [b"data/a%41b", b"data/%7Ehome", b"data/%20", b"data/100%", b"data/%E1%9E%80", b"data/%2"]
)
def test_section_2_1_3_and_only_those_another_percent_sign_stands_for_itself(bag: Bag, name: bytes) -> None:
    bag.write(name, b"x")
    bag.manifest(hexed(b"x") + b"  " + name)
    assert bag.seen() == {(Code.PERCENT_UNENCODED, name)} and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("written", [b"data/%2e%2e/x", b"data/.%2E/x", b"data/%2E%2e%2Fx", b"data/a%2f..%2fx"])
def test_section_2_1_3_a_path_that_climbs_when_all_is_decoded_is_refused(bag: Bag, written: bytes) -> None:
    bag.manifest(EMPTY + b"  " + written)
    assert (Code.UNSAFE_PATH, written) in bag.seen() and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    ("path", "code"),
    [(b"data/sub/", Code.UNSAFE_PATH), (b"data/sub", Code.WRONG_KIND), (b"data/empty", Code.WRONG_KIND)],
)
def test_section_2_1_3_a_manifest_lists_no_directories(bag: Bag, path: bytes, code: Code) -> None:
    (bag.path / "data/empty").mkdir()
    bag.manifest(EMPTY + b"  " + path)
    assert [(each.code, each.path, each.line) for each in bag.found()] == [(code, path, 3)]
    assert bag.outcome() is Outcome.FAIL


def test_section_2_1_3_an_empty_directory_is_no_payload(bag: Bag) -> None:
    (bag.path / "data/empty").mkdir()
    assert bag.outcome() is Outcome.PASS


def test_section_2_1_3_a_keep_file_keeps_a_folder(bag: Bag) -> None:
    bag.files[b"data/empty/.keep"] = b""
    bag.write(b"data/empty/.keep", b"")
    bag.manifest()
    assert not bag.seen() and bag.validated().payload.good == 3


@pytest.mark.parametrize(
    "name",
    ["trailing ", "nb\u00a0", "l\u2028s", "n\u0085", "v\x0bf\x0cs\x1c", "*star", "back\\slash", "ខ្មែរ", "\u202egpj"],
)
def test_section_2_1_3_every_other_character_belongs_to_the_name(bag: Bag, name: str) -> None:
    path = b"data/" + name.encode()
    bag.files[path] = b"odd"
    bag.write(path, b"odd")
    bag.manifest()
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 3


def test_section_2_1_3_names_that_are_not_utf_8_are_said_and_not_guessed(bag: Bag) -> None:
    bag.write(b"data/\xff", b"x")
    bag.manifest(hexed(b"x") + b"  data/\xff")
    assert {(each.code, each.path or each.line) for each in bag.found()} == {
        (Code.ENCODING_INVALID, 3),
        (Code.UNTRACKED, b"data/\xff"),
    }


def test_section_2_1_3_the_file_named_by_a_mismatch_and_the_line_are_told(bag: Bag) -> None:
    bag.write(b"data/sub/b.txt", b"BETA")
    (bag.path / "data/a.txt").unlink()
    os.symlink("sub/b.txt", bag.path / "data/a.txt")
    assert {(each.code, each.file, each.line, each.path) for each in bag.found()} == {
        (Code.WRONG_KIND, b"manifest-sha256.txt", 1, b"data/a.txt"),
        (Code.DIGEST_MISMATCH, b"manifest-sha256.txt", 2, b"data/sub/b.txt"),
    }


def test_section_2_1_3_a_line_without_a_checksum_is_none_whatever_the_algorithm(bag: Bag) -> None:
    bag.manifest(algorithm="tiger", lines=[b"00  data/a.txt", b"  data/sub/b.txt"])
    assert (Code.LINE_MALFORMED, None) in bag.seen() and bag.outcome() is Outcome.FAIL


def test_section_2_1_3_more_manifests_than_there_are_algorithms_are_not_judged(bag: Bag) -> None:
    for number in range(200):
        bag.write(b"manifest-x%d.txt" % number, b"")
    assert bag.seen() == {(Code.MANIFESTS_TOO_MANY, None)} and bag.outcome() is Outcome.INCONCLUSIVE
