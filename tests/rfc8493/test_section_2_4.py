"""RFC 8493 §2.4: bag checksum algorithms."""

import hashlib

import pytest

from checks.evidence import Outcome
from preserve.bag.codes import Code
from tests.unit.preserve.bag.bags import DECLARED_0_97, Bag, hexed


def _all(bag: Bag) -> set[Code]:
    return {finding.code for finding in bag.validated().findings}


def _only(bag: Bag, algorithm: str, hashlib_name: str | None = None) -> None:
    """The bag with one manifest, of this algorithm."""
    (bag.path / "manifest-sha256.txt").unlink()
    lines = [hexed(content, hashlib_name or algorithm) + b"  " + name for name, content in sorted(bag.files.items())]
    bag.manifest(algorithm=algorithm, lines=lines)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "md5", "sha1"])
def test_section_2_4_what_every_tool_has_to_know_and_should_know(bag: Bag, algorithm: str) -> None:
    _only(bag, algorithm)
    assert not bag.seen() and bag.validated().payload.good == 2
    bag.write(b"data/a.txt", b"ALPHA")
    assert bag.seen() == {(Code.DIGEST_MISMATCH, b"data/a.txt")}


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("sha224", "sha224"), ("sha384", "sha384"), ("sha3256", "sha3_256"), ("blake2b", "blake2b")],
)
def test_section_2_4_other_algorithms_are_known_by_their_normalised_names(bag: Bag, algorithm: str, name: str) -> None:
    _only(bag, algorithm, name)
    assert not bag.seen() and bag.validated().payload.good == 2


@pytest.mark.parametrize("algorithm", ["md5", "sha1"])
def test_section_2_4_weak_algorithms_alone_are_a_warning(bag: Bag, algorithm: str) -> None:
    bag.manifest(algorithm=algorithm)
    assert Code.ALGORITHM_WEAK not in _all(bag), "sha256 is there, too"
    (bag.path / "manifest-sha256.txt").unlink()
    assert Code.ALGORITHM_WEAK in _all(bag) and bag.outcome() is Outcome.PASS


def test_section_2_4_algorithms_should_be_in_iana_s_registry(bag: Bag) -> None:
    bag.manifest(algorithm="sha224")
    assert Code.ALGORITHM_UNREGISTERED in _all(bag) and bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("name", ["SHA256", "sha-256", "SHA-256", "sha_256"])
def test_section_2_4_the_name_in_a_file_name_is_normalised(bag: Bag, name: str) -> None:
    (bag.path / "manifest-sha256.txt").rename(bag.path / f"manifest-{name}.txt")
    (finding,) = bag.found()
    assert (finding.code, finding.file) == (Code.MANIFEST_NAME, f"manifest-{name}.txt".encode())
    assert bag.outcome() is Outcome.FAIL and bag.validated().payload.good == 2, "it is read all the same"
    bag.write(b"bagit.txt", DECLARED_0_97)
    assert bag.outcome() is Outcome.PASS


@pytest.mark.parametrize("algorithm", ["tiger", "shake128", "shake256", "crc32", "x"])
def test_section_2_4_a_bag_of_unknown_algorithms_is_not_judged(bag: Bag, algorithm: str) -> None:
    (bag.path / "manifest-sha256.txt").unlink()
    bag.manifest(algorithm=algorithm, lines=[b"00  " + name for name in sorted(bag.files)])
    assert bag.seen() == {(Code.ALGORITHM_UNKNOWN, f"manifest-{algorithm}.txt".encode())}
    assert bag.outcome() is Outcome.INCONCLUSIVE and bag.validated().payload.good == 0


def test_section_2_4_beside_a_known_one_only_its_names_are_compared(bag: Bag) -> None:
    bag.manifest(algorithm="tiger", lines=[b"00  " + name for name in sorted(bag.files)])
    assert bag.seen() == {(Code.MANIFEST_NOT_CHECKED, b"manifest-tiger.txt")} and bag.outcome() is Outcome.PASS


def test_section_2_4_every_octet_counts(bag: Bag) -> None:
    content = bytes(range(256)) * 5_000
    bag.files[b"data/octets"] = content
    bag.write(b"data/octets", content)
    bag.manifest()
    assert bag.validated().payload.good == 3
    assert hashlib.sha256(content).hexdigest().encode() in (bag.path / "manifest-sha256.txt").read_bytes()
