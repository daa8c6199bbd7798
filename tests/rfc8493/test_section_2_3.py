"""RFC 8493 §2.3: the format of text tag files."""

import codecs

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import DECLARED, Bag

TAG_FILES = {
    b"manifest-sha256.txt": b"",
    b"bag-info.txt": b"Payload-Oxum: 9.2\n",
    b"fetch.txt": b"https://example.org/a 5 data/a.txt\n",
}


def _written(bag: Bag, codec: str, mark: bytes = b"") -> None:
    """All tag files but bagit.txt in that encoding."""
    for name, content in TAG_FILES.items():
        text = content or (bag.path / "manifest-sha256.txt").read_bytes()
        bag.write(name, mark + text.decode().encode(codec))


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_section_2_3_each_line_ends_with_lf_cr_or_crlf(bag: Bag, ending: bytes) -> None:
    _written(bag, "utf-8")
    for name in TAG_FILES:
        path = bag.path / name.decode()
        path.write_bytes(path.read_bytes().replace(b"\n", ending))
    assert not bag.seen() and bag.validated().payload.good == 2


@pytest.mark.parametrize("name", [b"bagit.txt", *TAG_FILES])
def test_section_2_3_the_last_line_should_end_too(bag: Bag, name: bytes) -> None:
    _written(bag, "utf-8")
    path = bag.path / name.decode()
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = bag.found()
    assert (finding.code, finding.file) == (Code.LAST_LINE_OPEN, name) and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize(
    ("declared", "codec", "mark"),
    [
        ("UTF-8", "utf-8", b""),
        ("utf8", "utf-8", b""),
        ("ISO-8859-1", "latin-1", b""),
        ("UTF-16", "utf-16-le", codecs.BOM_UTF16_LE),
        ("UTF-16", "utf-16-be", codecs.BOM_UTF16_BE),
        ("UTF-16", "utf-16-be", b""),
        ("UTF-16", "utf-16-le", b""),
        ("UTF-16BE", "utf-16-be", b""),
        ("UTF-32", "utf-32", b""),
    ],
)
def test_section_2_3_all_but_the_declaration_use_the_declared_encoding(
    bag: Bag, declared: str, codec: str, mark: bytes
) -> None:
    path = "data/é".encode()
    bag.files[path] = b"x"
    bag.write(path, b"x")
    bag.manifest()
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", declared.encode()))
    _written(bag, codec, mark)
    bag.write(b"bag-info.txt", mark + "Contact-Name: é\nPayload-Oxum: 10.3\n".encode(codec))
    assert not bag.seen() and bag.validated().payload.good == 3
    assert bag.validated().info[0].value == "é"


def test_section_2_3_bytes_of_another_encoding_are_an_error(bag: Bag) -> None:
    bag.write(b"bag-info.txt", "Contact-Name: é\n".encode("latin-1"))
    (finding,) = bag.found()
    assert (finding.code, finding.file, finding.line) == (Code.ENCODING_INVALID, b"bag-info.txt", 1)
    assert bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("name", TAG_FILES)
def test_section_2_3_utf_8_tag_files_do_not_begin_with_a_byte_order_mark(bag: Bag, name: bytes) -> None:
    _written(bag, "utf-8")
    path = bag.path / name.decode()
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    (finding,) = bag.found()
    assert (finding.code, finding.file, finding.line) == (Code.BYTE_ORDER_MARK_FORBIDDEN, name, 1)
    assert bag.outcome() is Outcome.FAIL and bag.validated().payload.good == 2, "and what it says is judged"


def test_section_2_3_a_mark_that_the_encoding_does_not_need_is_a_warning(bag: Bag) -> None:
    bag.write(b"bagit.txt", DECLARED.replace(b"UTF-8", b"UTF-16LE"))
    _written(bag, "utf-16-le", codecs.BOM_UTF16_LE)
    assert {each.code for each in bag.found()} == {Code.BYTE_ORDER_MARK} and bag.outcome() is Outcome.PASS


def test_section_2_3_names_of_manifests_end_in_txt(bag: Bag) -> None:
    (bag.path / "manifest-sha256.txt").rename(bag.path / "manifest-sha256")
    assert (Code.MANIFEST_MISSING, None) in bag.seen() and bag.outcome() is Outcome.FAIL


def test_section_2_3_a_blank_line_is_a_warning(bag: Bag) -> None:
    bag.manifest(b"", b" \t")
    bag.write(b"bag-info.txt", b"A: 1\n\nB: 2\n")
    assert [(each.code, each.file, each.line) for each in bag.found()] == [
        (Code.LINE_BLANK, b"manifest-sha256.txt", 3),
        (Code.LINE_BLANK, b"manifest-sha256.txt", 4),
        (Code.LINE_BLANK, b"bag-info.txt", 2),
    ]
    assert bag.outcome() is Outcome.PASS
