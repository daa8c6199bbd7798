"""Which digests can be computed, by the names that BagIt gives them."""

import hashlib
import subprocess
import sys

import blake3
import pytest

from checks import algorithms
from checks.algorithms import DIGEST_BYTES, STANDARD, WEAK, constructor, new_hash, normalised

CONTENT = b"What was read is what was taken in. " * 1000
FIXED = [name for name in sorted(hashlib.algorithms_guaranteed) if not name.startswith("shake")]

# Digests of "abc", as RFC 1321, FIPS 180-4, FIPS 202, RFC 7693 and the authors of BLAKE3 and SM3 print them.
PUBLISHED = {
    "md5": "900150983cd24fb0d6963f7d28e17f72",
    "sha1": "a9993e364706816aba3e25717850c26c9cd0d89d",
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha512256": "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
    "sha3256": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
    "blake2s": "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
    "blake3": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
}


def computed(name: str) -> bytes:
    """In two pieces, as files are read."""
    hash_ = new_hash(name)
    hash_.update(CONTENT[:1000])
    hash_.update(memoryview(CONTENT)[1000:])
    return hash_.digest()


@pytest.mark.parametrize("name", FIXED)
def test_all_that_python_guarantees_is_known_and_is_hashlibs_own(name: str) -> None:
    assert computed(normalised(name)) == hashlib.new(name, CONTENT).digest()


def test_all_that_openssl_offers_at_a_fixed_length_is_known_and_is_hashlibs_own() -> None:
    for name in hashlib.algorithms_available:
        try:
            theirs = hashlib.new(name, CONTENT, usedforsecurity=False)
        except ValueError:
            assert normalised(name) not in DIGEST_BYTES
            continue
        if theirs.digest_size == 0:
            assert normalised(name) not in DIGEST_BYTES
        else:
            assert computed(normalised(name)) == theirs.digest()


def test_blake3_is_the_one_of_its_authors() -> None:
    assert computed("blake3") == blake3.blake3(CONTENT).digest()


@pytest.mark.parametrize(
    ("bits", "name"), [(n, "b") for n in (160, 256, 384, 512)] + [(n, "s") for n in (128, 160, 224, 256)]
)
def test_blake2_may_have_its_length_in_its_name(bits: int, name: str) -> None:
    theirs = getattr(hashlib, f"blake2{name}")(CONTENT, digest_size=bits // 8)
    assert computed(normalised(f"BLAKE2{name}-{bits}")) == theirs.digest()


@pytest.mark.parametrize("name", PUBLISHED)
def test_known_inputs_have_the_published_digests(name: str) -> None:
    assert constructor(name)(b"abc").digest().hex() == PUBLISHED[name]


def test_the_length_told_is_the_length_computed() -> None:
    assert len(DIGEST_BYTES) >= 20
    for name, length in DIGEST_BYTES.items():
        assert len(computed(name)) == length > 0


@pytest.mark.parametrize(
    "name", ["shake128", "shake256", "SHA256", "sha3_256", "sha512/256", "crc32", "tiger", "", "new", "pbkdf2hmac"]
)
def test_what_is_unknown_not_normalised_or_of_no_fixed_length_is_refused(name: str) -> None:
    assert name not in DIGEST_BYTES
    assert DIGEST_BYTES.get(name, 0) == 0
    with pytest.raises(KeyError):
        new_hash(name)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("SHA-512", "sha512"),
        ("SHA3-256", "sha3256"),
        ("SHA-512/256", "sha512256"),
        ("sha512_256", "sha512256"),
        ("BLAKE2b-512", "blake2b512"),
        ("RIPEMD-160", "ripemd160"),
        ("MD5", "md5"),
        ("ſha256", "ha256"),  # no letter of ASCII, though it has one as its capital
    ],
)
def test_names_of_algorithms_are_normalised_as_the_rfc_says(written: str, name: str) -> None:
    assert normalised(written) == name


def test_what_openssl_lists_and_then_refuses_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"whirlpool-of-tomorrow": "whirlpool-of-tomorrow"}
    monkeypatch.setattr(algorithms, "_spellings", lambda: listed)
    algorithms._found.cache_clear()
    try:
        assert "whirlpool-of-tomorrow" not in DIGEST_BYTES
    finally:
        algorithms._found.cache_clear()


def test_a_known_name_that_a_stricter_openssl_refuses_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ValueError("[digital envelope routines] unsupported")

    monkeypatch.setattr(hashlib, "md5", refused)
    monkeypatch.setattr(hashlib, "new", refused)
    algorithms._found.cache_clear()
    try:
        assert "md5" not in DIGEST_BYTES and "sha256" in DIGEST_BYTES
    finally:
        algorithms._found.cache_clear()


def test_every_short_digest_is_called_weak_and_no_long_one_but_the_joined_one() -> None:
    assert {name for name, length in DIGEST_BYTES.items() if length <= 20} | {"md5sha1"} >= WEAK & {*DIGEST_BYTES}
    assert all(name in WEAK for name, length in DIGEST_BYTES.items() if length <= 20)
    assert {"sha256", "sha512"} == STANDARD - WEAK


def test_nothing_is_built_before_it_is_asked_for() -> None:
    said = (
        "import sys, checks.algorithms as a; a.DIGEST_BYTES['sha256'];"
        "print('blake3' in sys.modules, a._found.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1"]
