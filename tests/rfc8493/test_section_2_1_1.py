"""RFC 8493 §2, §2.1.1: the base directory and the bag declaration, bagit.txt."""

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import DECLARED, Bag


def _codes(bag: Bag) -> set[Code]:
    return {finding.code for finding in bag.found()}


def test_section_2_the_base_directory_may_have_any_name(bag: Bag) -> None:
    bag.path = bag.path.rename(bag.path.with_name("ឯកសារ \u200b(1)"))
    assert bag.outcome() is Outcome.PASS


def test_section_2_a_folder_without_bagit_txt_is_no_bag(bag: Bag) -> None:
    (bag.path / "bagit.txt").unlink()
    assert bag.seen() == {(Code.NOT_A_BAG, None)} and bag.outcome() is Outcome.FAIL


def test_section_2_tag_files_and_folders_may_have_any_name_and_depth(bag: Bag) -> None:
    bag.write(b"metadata/deep/er/notes.xml", b"<x/>")
    bag.write(b"manifest.txt", b"not a manifest by its name")
    assert not bag.seen()


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_section_2_1_1_two_lines_in_this_order_ended_by_any_line_end(bag: Bag, ending: bytes) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"\n", ending))
    assert not bag.seen()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", None),
        (b"BagIt-Version: 1.0\n", None),
        (DECLARED + b"\n", None),
        (DECLARED + b"Extra: x\n", None),
        (b"\n" + DECLARED, None),
        (DECLARED + DECLARED, None),
        (b"BagIt-Version: 1.0\nBagIt-Version: 1.0\n", 2),
        (b"Tag-File-Character-Encoding: UTF-8\nBagIt-Version: 1.0\n", 1),
        (DECLARED.replace(b"Version: ", b"Version : "), 1),
        (DECLARED.replace(b"Version: ", b"Version:"), 1),
        (DECLARED.replace(b"Version: ", b"Version:  "), 1),
        (DECLARED.replace(b"1.0", b"1.0 "), 1),
        (DECLARED.replace(b"Encoding: ", b"Encoding:\t"), 2),
        (DECLARED.replace(b"BagIt-Version", b"bagit-version"), 1),
        (b" " + DECLARED, 1),
    ],
)
def test_section_2_1_1_anything_else_is_an_error_with_its_line(bag: Bag, content: bytes, line: int | None) -> None:
    bag.write(b"bagit.txt", content)
    faults = [finding for finding in bag.found() if finding.code is Code.DECLARATION_MALFORMED]
    assert (faults[0].file, faults[0].line) == (b"bagit.txt", line)
    assert bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("version", [b"1", b".97", b"1.", b"1.0.0", b"one.zero", b"-1.0", b"1,0", "١.٠".encode(), b""])
def test_section_2_1_1_a_version_is_two_numbers_with_a_full_stop(bag: Bag, version: bytes) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"1.0", version))
    assert Code.DECLARATION_MALFORMED in _codes(bag) and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("version", [b"1.7", b"9.0", b"2.0", b"0.92", b"0.98", b"999999999.0"])
def test_section_2_1_1_a_version_that_nobody_knows_is_not_judged_to_be_good(bag: Bag, version: bytes) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"1.0", version))
    (finding,) = [each for each in bag.found() if each.code is Code.VERSION_UNSUPPORTED]
    assert finding.line == 1 and bag.outcome() is Outcome.INCONCLUSIVE


def test_section_2_1_1_the_declaration_has_no_byte_order_mark(bag: Bag) -> None:
    bag.write(b"bagit.txt", b"\xef\xbb\xbf" + DECLARED)
    assert bag.seen() == {(Code.DECLARATION_MALFORMED, None)} and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32"])
def test_section_2_1_1_the_declaration_itself_is_utf_8_whatever_it_declares(bag: Bag, codec: str) -> None:
    bag.write(b"bagit.txt", DECLARED.decode().encode(codec))
    assert Code.DECLARATION_MALFORMED in _codes(bag) and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize(
    "encoding", ["utf-8", "US-ASCII", "ISO-8859-1", "UTF-16", "windows-1252", "Shift_JIS", "IBM437"]
)
def test_section_2_1_1_any_registered_encoding_may_be_declared(bag: Bag, encoding: str) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", encoding.encode()))
    if encoding == "UTF-16":
        bag.write(b"manifest-sha256.txt", b"\n".join([*bag.lines(), b""]).decode().encode("utf-16"))
    assert not bag.seen() and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("encoding", [b"rot13", b"zlib", b"undefined", b"hex", b"idna", b"punycode", b"UTF-9", b"../x"])
def test_section_2_1_1_what_is_no_encoding_of_text_is_an_error(bag: Bag, encoding: bytes) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", encoding))
    (finding,) = bag.found()
    assert (finding.code, finding.line) == (Code.ENCODING_UNKNOWN, 2)


def test_section_2_1_1_the_encoding_should_be_utf_8(bag: Bag) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", b"ISO-8859-1"))
    codes = {finding.code for finding in bag.validated().findings}
    assert Code.ENCODING_DISCOURAGED in codes and bag.outcome() is Outcome.PASS


def test_section_2_1_1_a_declaration_that_never_ends_is_not_read_to_its_end(bag: Bag) -> None:
    bag.write(b"bagit.txt", DECLARED * 5_000)
    assert Code.TAG_FILE_TOO_LARGE in _codes(bag) and bag.outcome() is Outcome.FAIL
