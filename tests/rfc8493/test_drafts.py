"""Drafts 0.93 to 0.97: a bag is judged by its own version's rules, and by none that came with 1.0."""

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag, hexed

VERSIONS = ["0.93", "0.94", "0.95", "0.96", "0.97"]
every_draft = pytest.mark.parametrize("version", VERSIONS)


def _declare(bag: Bag, version: str, form: str = "BagIt-Version: {}\nTag-File-Character-Encoding: UTF-8\n") -> None:
    bag.write(b"bagit.txt", form.format(version).encode())


@every_draft
def test_every_draft_is_read_and_its_age_is_a_warning(bag: Bag, version: str) -> None:
    _declare(bag, version)
    assert bag.outcome() is Outcome.PASS and not bag.seen() and bag.validated().version == version
    assert Code.VERSION_OLD in {finding.code for finding in bag.validated().findings}
    bag.write(b"data/a.txt", b"ALPHA")
    assert bag.outcome() is Outcome.FAIL


@every_draft
def test_bag_metadata_was_called_package_info_before_0_96(bag: Bag, version: str) -> None:
    _declare(bag, version)
    old = version < "0.96"
    bag.write(b"package-info.txt", b"Payload-Oxum: 1.1\n")
    assert bag.seen() == ({(Code.OXUM_MISMATCH, None)} if old else set())
    bag.write(b"package-info.txt", b"")
    bag.write(b"bag-info.txt", b"Payload-Oxum: 1.1\n")
    assert bag.seen() == (set() if old else {(Code.OXUM_MISMATCH, None)})


def test_a_finding_names_package_info_and_its_line(bag: Bag) -> None:
    _declare(bag, "0.95")
    bag.write(b"package-info.txt", b"Packing-Date: 2009-10-14\nPayload-Oxum: 1.1\nno colon\n")
    assert {(each.code, each.file, each.line) for each in bag.found()} == {
        (Code.OXUM_MISMATCH, b"package-info.txt", 2),
        (Code.INFO_MALFORMED, b"package-info.txt", 3),
    }


@every_draft
@pytest.mark.parametrize("line", [b"Label : x", b"Label  :\t  x", b"Label:x", b"Label:"])
def test_white_space_around_a_colon_was_left_open(bag: Bag, version: str, line: bytes) -> None:
    _declare(bag, version)
    name = b"package-info.txt" if version < "0.96" else b"bag-info.txt"
    bag.write(name, line + b"\n")
    assert not bag.seen() and bag.validated().info[0][1:] in {("Label", "x"), ("Label", "")}


@every_draft
@pytest.mark.parametrize(
    "form",
    [
        "BagIt-Version : {}\nTag-File-Character-Encoding : UTF-8\n",
        "BagIt-Version:{}\nTag-File-Character-Encoding:   UTF-8 \n",
        "bagit-version: {}\ntag-file-character-encoding: UTF-8\n",
    ],
)
def test_a_declaration_in_another_form_is_a_warning(bag: Bag, version: str, form: str) -> None:
    _declare(bag, version, form)
    assert {(each.code, each.file, each.line) for each in bag.found()} == {
        (Code.DECLARATION_SPACING, b"bagit.txt", 1),
        (Code.DECLARATION_SPACING, b"bagit.txt", 2),
    }
    assert bag.outcome() is Outcome.PASS and bag.validated().version == version


@every_draft
def test_blank_lines_after_a_declaration_are_a_warning_and_others_an_error(bag: Bag, version: str) -> None:
    _declare(bag, version, "BagIt-Version: {}\r\nTag-File-Character-Encoding: UTF-8\r\n\r\n")
    assert bag.seen() == {(Code.LINE_BLANK, None)} and bag.outcome() is Outcome.PASS
    _declare(bag, version, "BagIt-Version: {}\nTag-File-Character-Encoding: UTF-8\nMore: x\n")
    assert bag.seen() == {(Code.DECLARATION_MALFORMED, None)} and bag.outcome() is Outcome.FAIL


@every_draft
def test_the_declaration_may_lack_its_last_line_end(bag: Bag, version: str) -> None:
    _declare(bag, version, "BagIt-Version: {}\r\nTag-File-Character-Encoding: UTF-8")
    assert bag.seen() == {(Code.LAST_LINE_OPEN, None)} and bag.outcome() is Outcome.PASS


@every_draft
def test_only_line_ends_were_percent_encoded(bag: Bag, version: str) -> None:
    _declare(bag, version)
    names = {b"data/a%0Ab": b"data/a\nb", **{name: name for name in (b"data/%25", b"data/%7Etest", b"data/%")}}
    for name in names.values():
        bag.write(name, b"x")
    bag.manifest(*(hexed(b"x") + b"  " + written for written in names))
    assert bag.outcome() is Outcome.PASS and bag.validated().payload.good == 6
    assert Code.PERCENT_UNENCODED not in {code for code, _ in bag.seen()}


@every_draft
def test_a_line_twice_is_a_warning_if_it_says_the_same(bag: Bag, version: str) -> None:
    _declare(bag, version)
    bag.manifest(hexed(b"alpha") + b"  data/a.txt")
    assert [(each.code, each.line) for each in bag.found()] == [(Code.REPEATED_ENTRY, 3)]
    assert bag.outcome() is Outcome.PASS
    bag.manifest(hexed(b"other") + b"  data/a.txt")
    assert (Code.DUPLICATE_ENTRY, b"data/a.txt") in bag.seen() and bag.outcome() is Outcome.FAIL


@every_draft
def test_tag_manifests_were_freer(bag: Bag, version: str) -> None:
    """They need not list all payload manifests nor the same files, and may list one another."""
    _declare(bag, version)
    bag.write(b"notes.txt", b"x\n")
    bag.tag_manifest(b"bagit.txt")
    other = (bag.path / "tagmanifest-sha256.txt").read_bytes()
    bag.tag_manifest(b"notes.txt", algorithm="sha512", more=(hexed(other, "sha512") + b"  tagmanifest-sha256.txt",))
    assert not bag.seen() and bag.validated().tags.good == 3
    bag.write(b"tagmanifest-sha256.txt", other.upper().replace(b"BAGIT.TXT", b"bagit.txt"))
    assert bag.seen() == {(Code.DIGEST_MISMATCH, b"tagmanifest-sha256.txt")} and bag.outcome() is Outcome.FAIL


@every_draft
def test_a_byte_order_mark_in_a_manifest_is_a_warning(bag: Bag, version: str) -> None:
    _declare(bag, version)
    bag.write(b"manifest-sha256.txt", b"\xef\xbb\xbf" + (bag.path / "manifest-sha256.txt").read_bytes())
    assert bag.seen() == {(Code.BYTE_ORDER_MARK, None)} and bag.outcome() is Outcome.PASS


@every_draft
def test_fetch_txt_was_freer_in_its_urls_but_never_in_its_paths(bag: Bag, version: str) -> None:
    _declare(bag, version)
    bag.write(b"fetch.txt", "https://example.org/ខ្មែរ|x 5 data/a.txt\n\n".encode())
    assert [(each.code, each.line) for each in bag.found()] == [(Code.LINE_BLANK, 2)]
    assert bag.outcome() is Outcome.PASS
    for path in (b"a.txt", b"bag-info.txt", b"../a.txt", b"/a.txt"):
        bag.write(b"fetch.txt", b"https://example.org/a 5 " + path + b"\n")
        assert bag.outcome() is Outcome.FAIL


@every_draft
def test_a_payload_manifest_listed_no_tag_files_then_either(bag: Bag, version: str) -> None:
    _declare(bag, version)
    bag.manifest(hexed(b"") + b"  bagit.txt")
    assert bag.seen() == {(Code.NOT_PAYLOAD, b"bagit.txt")} and bag.outcome() is Outcome.FAIL


@every_draft
def test_paths_that_leave_the_bag_were_never_allowed(bag: Bag, version: str) -> None:
    _declare(bag, version)
    for path in (b"../../../README.md", b"/tmp/foo", b"~/foo", b"~root/foo", b"C:\\x", b"data/%2e%2e/x"):
        bag.manifest(hexed(b"") + b"  " + path)
        assert (Code.UNSAFE_PATH, path) in bag.seen() and bag.outcome() is Outcome.FAIL


@every_draft
def test_payload_oxum_might_be_repeated_where_it_said_the_same(bag: Bag, version: str) -> None:
    _declare(bag, version)
    name = b"package-info.txt" if version < "0.96" else b"bag-info.txt"
    bag.write(name, b"Payload-Oxum: 9.2\nPayload-Oxum: 9.2\n")
    assert [(each.code, each.line) for each in bag.found()] == [(Code.INFO_REPEATED, 2)]
    assert bag.outcome() is Outcome.PASS
    bag.write(name, b"Payload-Oxum: 9.2\nPayload-Oxum: 9.3\n")
    assert [(each.code, each.line) for each in bag.found()] == [(Code.OXUM_REPEATED, 2)]
    assert bag.outcome() is Outcome.FAIL
