"""Terms and their URIs."""

import pytest

from checks.algorithms import DIGEST_BYTES
from premis.terms import LOC, OWN
from premis.vocabulary import (
    LOC_BASE,
    OWN_AUTHORITY,
    OWN_AUTHORITY_URI,
    algorithm,
    code_of,
    digest_lengths,
    is_of_loc,
    parse_value_uri,
    term,
)


def test_a_term_of_the_library_carries_its_uri() -> None:
    found = term("eventType", "mes")
    assert found.label == "message digest calculation"
    assert found.authority == "eventType"
    assert found.authority_uri == "http://id.loc.gov/vocabulary/preservation/eventType"
    assert found.value_uri == "http://id.loc.gov/vocabulary/preservation/eventType/mes"


def test_what_the_library_lacks_has_our_authority() -> None:
    found = algorithm("sha3256")
    assert (found.label, found.authority, found.authority_uri) == ("SHA3-256", OWN_AUTHORITY, OWN_AUTHORITY_URI)
    assert found.value_uri == f"{OWN_AUTHORITY_URI}#cryptographicHashFunctions/sha3256"
    assert not is_of_loc(found.value_uri)


def test_our_words_never_hide_one_of_the_library() -> None:
    for vocabulary, words in OWN.items():
        assert not words.keys() & LOC.get(vocabulary, {}).keys()


def test_event_types_are_complete() -> None:
    assert len(LOC["eventType"]) == 50


def test_every_term_of_the_library_finds_its_own_uri_again() -> None:
    for vocabulary, words in LOC.items():
        for code in words:
            assert parse_value_uri(f"{LOC_BASE}{vocabulary}/{code}") == (vocabulary, code)
            assert code_of(vocabulary, term(vocabulary, code).label) == code


def test_an_unknown_term_is_refused() -> None:
    with pytest.raises(KeyError):
        term("eventType", "xyz")
    with pytest.raises(KeyError):
        algorithm("rot13")


@pytest.mark.parametrize("label", ["SHA-256", "sha256", "SHA256", "Sha 256", "sha_256"])
def test_a_label_is_known_however_it_is_spelled(label: str) -> None:
    assert code_of("cryptographicHashFunctions", label) == "sha256"


@pytest.mark.parametrize(
    ("name", "length"),
    [("md5", 16), ("sha1", 20), ("sha224", 28), ("sha384", 48), ("sha512", 64), ("sha3256", 32), ("blake2s", 32)],
)
def test_lengths_of_digests(name: str, length: int) -> None:
    assert digest_lengths(name) == (length,)


def test_only_a_term_has_a_term_s_uri() -> None:
    assert parse_value_uri("https://id.loc.gov/vocabulary/preservation/eventType/fix") == ("eventType", "fix")
    assert parse_value_uri("http://id.loc.gov/vocabulary/preservation/eventType") is None
    assert parse_value_uri("http://example.org/vocabulary/preservation/eventType/fix") is None


def test_every_digest_that_can_be_computed_here_has_a_term_and_its_length() -> None:
    for name, length in DIGEST_BYTES.items():
        assert algorithm(name).label
        assert digest_lengths(name) == (length,)
