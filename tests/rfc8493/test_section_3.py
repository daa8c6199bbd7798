"""RFC 8493 §3: complete and valid bags."""

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import DECLARED_0_97, Bag


@pytest.mark.parametrize("path", ["bagit.txt", "manifest-sha256.txt", "data"])
def test_section_3_every_required_element_is_present(bag: Bag, path: str) -> None:
    (bag.path / path).rename(bag.path.parent / "elsewhere")
    codes = {code for code, _ in bag.seen()}
    assert codes & {Code.NOT_A_BAG, Code.MANIFEST_MISSING, Code.PAYLOAD_FOLDER_MISSING}
    assert bag.outcome() is Outcome.FAIL


def test_section_3_every_file_in_every_tag_manifest_is_present(bag: Bag) -> None:
    bag.write(b"notes.txt", b"x\n")
    bag.manifest(algorithm="sha512")
    bag.tag_manifest()
    bag.tag_manifest(algorithm="sha512")
    (bag.path / "notes.txt").unlink()
    assert bag.seen() == {(Code.MISSING, b"notes.txt")} and bag.outcome() is Outcome.FAIL


def test_section_3_every_file_in_every_payload_manifest_is_present(bag: Bag) -> None:
    (bag.path / "data/a.txt").unlink()
    (finding,) = bag.found()
    assert (finding.code, finding.path) == (Code.MISSING, b"data/a.txt")
    assert (finding.file, finding.line) == (b"manifest-sha256.txt", 1)
    assert bag.outcome() is Outcome.FAIL and bag.validated().verdict == "incomplete"


def test_section_3_every_payload_file_is_in_every_payload_manifest(bag: Bag) -> None:
    bag.write(b"data/extra", b"")
    assert bag.seen() == {(Code.UNTRACKED, b"data/extra")} and bag.outcome() is Outcome.FAIL


def test_section_3_before_1_0_one_manifest_was_enough(bag: Bag) -> None:
    bag.manifest(algorithm="sha512", lines=bag.lines("sha512")[:1])
    bag.manifest(lines=bag.lines()[1:])
    assert {code for code, _ in bag.seen()} == {Code.MANIFESTS_DISAGREE} and bag.outcome() is Outcome.FAIL
    bag.write(b"bagit.txt", DECLARED_0_97)
    assert {code for code, _ in bag.seen()} == {Code.MANIFESTS_UNEVEN} and bag.outcome() is Outcome.PASS
    assert bag.validated().payload.good == 2
    bag.write(b"data/extra", b"")
    assert bag.outcome() is Outcome.FAIL, "but one it was"


def test_section_3_every_element_conforms(bag: Bag) -> None:
    bag.write(b"bag-info.txt", b"no colon\n")
    assert bag.seen() == {(Code.INFO_MALFORMED, None)} and bag.outcome() is Outcome.FAIL


@pytest.mark.parametrize("wrong", ["sha256", "sha512"])
def test_section_3_every_checksum_in_every_manifest_is_verified(bag: Bag, wrong: str) -> None:
    right = {"sha256": "sha512", "sha512": "sha256"}[wrong]
    bag.manifest(algorithm=right)
    bag.files[b"data/a.txt"] = b"other"
    bag.manifest(algorithm=wrong)
    (finding,) = bag.found()
    assert (finding.code, finding.path) == (Code.DIGEST_MISMATCH, b"data/a.txt")
    assert finding.file == f"manifest-{wrong}.txt".encode() and set(finding.expected or ()) == {wrong}
    assert bag.outcome() is Outcome.FAIL


def test_section_3_a_bag_is_judged_to_its_end(bag: Bag) -> None:
    bag.write(b"bagit.txt", b"nonsense\n")
    bag.write(b"bag-info.txt", b"nonsense\n")
    bag.write(b"data/a.txt", b"ALPHA")
    (bag.path / "data/sub/b.txt").unlink()
    bag.write(b"data/extra", b"")
    assert {code for code, _ in bag.seen()} == {
        *(Code.DECLARATION_MALFORMED, Code.INFO_MALFORMED, Code.DIGEST_MISMATCH, Code.MISSING, Code.UNTRACKED),
    }
