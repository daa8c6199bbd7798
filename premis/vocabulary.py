"""Terms with their authority, and what a word or URI that others wrote stands for.

A term of the Library of Congress carries `authority` (the vocabulary's name), `authorityURI` and `valueURI`, which is
http://id.loc.gov/vocabulary/preservation/VOCABULARY/CODE. Where these vocabularies have no word, ours is used: its
authority is `preserve`, its authorityURI the fixed UUID below (no domain that could change hands), its valueURI that
URN with the fragment `VOCABULARY/CODE`. The words are in `premis.terms.OWN`.
"""

import re
from functools import cache

from premis.model import Term
from premis.terms import DIGEST_BYTES, LOC, OWN

LOC_BASE = "http://id.loc.gov/vocabulary/preservation/"
OWN_AUTHORITY = "preserve"
OWN_AUTHORITY_URI = "urn:uuid:de081164-5da9-41e0-ab40-6031b097d084"

_LOC_URI = re.compile(r"https?://id\.loc\.gov/vocabulary/preservation/([A-Za-z]+)/([A-Za-z0-9]+)")


@cache
def term(vocabulary: str, code: str) -> Term:
    """The term of that code: the Library of Congress's if it has it, else ours. KeyError if neither does."""
    label = LOC.get(vocabulary, {}).get(code)
    if label is not None:
        return Term(label, vocabulary, LOC_BASE + vocabulary, f"{LOC_BASE}{vocabulary}/{code}")
    return Term(OWN[vocabulary][code], OWN_AUTHORITY, OWN_AUTHORITY_URI, f"{OWN_AUTHORITY_URI}#{vocabulary}/{code}")


def algorithm(name: str) -> Term:
    """The term of a hash by its normalised name (lower case, letters and digits only), such as `sha512`."""
    return term("cryptographicHashFunctions", name)


def parse_value_uri(uri: str) -> tuple[str, str] | None:
    """(vocabulary, code) of a Library of Congress preservation term's URI; None if it is another URI."""
    match = _LOC_URI.fullmatch(uri.strip())
    return (match[1], match[2]) if match else None


def is_of_loc(uri: str) -> bool:
    """Whether a URI lies within the Library of Congress's preservation vocabularies."""
    return re.match(r"https?://id\.loc\.gov/vocabulary/preservation\b", uri.strip()) is not None


def code_of(vocabulary: str, label: str) -> str | None:
    """The code that a label or code stands for in either authority, without regard to case and spacing."""
    codes = _codes(vocabulary)
    return codes.get(label) or codes.get(_folded(label))


def digest_lengths(code: str) -> tuple[int, ...]:
    """The lengths in bytes that a digest of this algorithm can have; empty if that is not known."""
    return DIGEST_BYTES.get(code, ())


@cache
def _codes(vocabulary: str) -> dict[str, str]:
    codes: dict[str, str] = {}
    for table in (OWN, LOC):
        for code, label in table.get(vocabulary, {}).items():
            codes[_folded(code)] = code
            codes[_folded(label)] = code
            codes[label] = code
    return codes


def _folded(label: str) -> str:
    return re.sub(r"[\s_\-–]+", "", label).casefold()
