"""RFC 8493 §2.2.4: other tag files."""

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import Bag


def test_section_2_2_4_there_may_be_any_and_their_content_is_not_looked_at(bag: Bag) -> None:
    bag.write(b"strange.txt", b"\xff\xfe: not a line of anything\0")
    bag.write(b"metadata/manifest-md5.txt", b"not a manifest of this bag")
    bag.tag_manifest(b"bagit.txt", b"manifest-sha256.txt", b"strange.txt", b"metadata/manifest-md5.txt")
    assert not bag.seen() and bag.validated().tags.good == 4


def test_section_2_2_4_their_checksums_are_verified_where_a_tag_manifest_lists_them(bag: Bag) -> None:
    bag.write(b"notes/a.xml", b"<a/>")
    bag.write(b"notes/b.xml", b"<b/>")
    bag.tag_manifest(b"bagit.txt", b"manifest-sha256.txt", b"notes/a.xml", b"notes/b.xml")
    bag.write(b"notes/a.xml", b"<A/>")
    (bag.path / "notes/b.xml").unlink()
    assert {(each.code, each.path, each.file, each.line) for each in bag.found()} == {
        (Code.DIGEST_MISMATCH, b"notes/a.xml", b"tagmanifest-sha256.txt", 3),
        (Code.MISSING, b"notes/b.xml", b"tagmanifest-sha256.txt", 4),
    }
    assert bag.outcome() is Outcome.FAIL
