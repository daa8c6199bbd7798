"""RFC 8493 §2.2.1: tag manifests."""

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag, hexed


def _all(bag: Bag) -> set[Code]:
    return {finding.code for finding in bag.validated().findings}


def test_section_2_2_1_a_bag_may_contain_none_one_or_more(bag: Bag) -> None:
    assert bag.outcome() is Outcome.PASS and Code.TAG_MANIFEST_MISSING in _all(bag), "without one, a warning"
    bag.tag_manifest()
    assert not bag.seen() and Code.TAG_MANIFEST_MISSING not in _all(bag)
    bag.manifest(algorithm="sha512")
    bag.tag_manifest()
    bag.tag_manifest(algorithm="sha512")
    assert not bag.seen() and bag.validated().tags.good == 3


def test_section_2_2_1_tag_manifests_should_list_the_same_files(bag: Bag) -> None:
    bag.write(b"notes.txt", b"x\n")
    bag.tag_manifest()
    bag.tag_manifest(b"manifest-sha256.txt", b"bagit.txt", algorithm="sha512")
    (finding,) = bag.found()
    assert (finding.code, finding.path) == (Code.TAG_MANIFESTS_DISAGREE, b"notes.txt")
    assert finding.file == b"tagmanifest-sha256.txt" and bag.outcome() is Outcome.PASS


def test_section_2_2_1_each_tag_manifest_lists_every_payload_manifest(bag: Bag) -> None:
    bag.manifest(algorithm="sha512")
    bag.tag_manifest()
    bag.tag_manifest(b"bagit.txt", b"manifest-sha512.txt", algorithm="sha512")
    (finding,) = bag.found()
    assert (finding.code, finding.file) == (Code.TAG_MANIFEST_INCOMPLETE, b"tagmanifest-sha512.txt")
    assert finding.path == b"manifest-sha256.txt" and bag.outcome() is Outcome.FAIL


def test_section_2_2_1_a_tag_manifest_lists_no_tag_manifest(bag: Bag) -> None:
    bag.tag_manifest()
    bag.tag_manifest(algorithm="sha512", more=(hexed(b"", "sha512") + b"  tagmanifest-sha256.txt",))
    assert (Code.NOT_A_TAG_FILE, b"tagmanifest-sha256.txt") in bag.seen() and bag.outcome() is Outcome.FAIL


def test_section_2_2_1_a_tag_manifest_lists_no_payload_file(bag: Bag) -> None:
    bag.tag_manifest(more=(hexed(b"alpha") + b"  data/a.txt",))
    (finding,) = bag.found()
    assert (finding.code, finding.line, finding.path) == (Code.NOT_A_TAG_FILE, 3, b"data/a.txt")


def test_section_2_2_1_the_remaining_tag_files_should_be_listed(bag: Bag) -> None:
    bag.write(b"metadata/notes.xml", b"<x/>")
    bag.tag_manifest(b"manifest-sha256.txt")
    assert bag.seen() == {(Code.TAG_FILE_UNLISTED, b"bagit.txt"), (Code.TAG_FILE_UNLISTED, b"metadata/notes.xml")}
    assert bag.outcome() is Outcome.PASS


def test_section_2_2_1_tag_manifests_should_use_the_algorithms_of_the_payload_manifests(bag: Bag) -> None:
    bag.tag_manifest(algorithm="sha512")
    assert Code.TAG_ALGORITHMS_DIFFER in _all(bag) and bag.outcome() is Outcome.PASS
    bag.manifest(algorithm="sha512")
    bag.tag_manifest()
    bag.tag_manifest(algorithm="sha512")
    assert Code.TAG_ALGORITHMS_DIFFER not in _all(bag)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"no-checksum", Code.LINE_MALFORMED),
        (b"xyz  notes.txt", Code.DIGEST_MALFORMED),
        (hexed(b"") + b"  ../other/notes.txt", Code.UNSAFE_PATH),
        (hexed(b"") + b"  /etc/passwd", Code.UNSAFE_PATH),
        (hexed(b"") + b"  gone.txt", Code.MISSING),
        (hexed(b"") + b"  bagit.txt", Code.DUPLICATE_ENTRY),
    ],
)
def test_section_2_2_1_it_has_the_form_of_a_payload_manifest(bag: Bag, line: bytes, code: Code) -> None:
    bag.tag_manifest(more=(line,))
    (finding,) = [each for each in bag.found() if each.code is code]
    assert (finding.file, finding.line) == (b"tagmanifest-sha256.txt", 3) and bag.outcome() is Outcome.FAIL


def test_section_2_2_1_a_changed_manifest_shows(bag: Bag) -> None:
    bag.tag_manifest()
    bag.write(b"data/a.txt", b"forged")
    bag.files[b"data/a.txt"] = b"forged"
    bag.manifest()
    assert bag.seen() == {(Code.DIGEST_MISMATCH, b"manifest-sha256.txt")} and bag.outcome() is Outcome.FAIL
