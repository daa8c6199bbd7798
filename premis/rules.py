"""The rules for single values: dates, sizes, digests, words and their URIs."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from lxml import etree

from premis.dates import is_date_time
from premis.elements import TAG, line_of
from premis.problems import Code, Problem
from premis.terms import LOC
from premis.vocabulary import code_of, digest_lengths, is_of_loc, parse_value_uri

_HEX = re.compile(r"[0-9A-Fa-f]+")
_INTEGER = re.compile(r"[+-]?[0-9]+")

# The element -> the Library of Congress vocabulary that its valueURI can be of.
_VOCABULARIES = {
    f"{TAG}agentType": "agentType",
    f"{TAG}contentLocationType": "contentLocationType",
    f"{TAG}eventOutcome": "eventOutcome",
    f"{TAG}eventType": "eventType",
    f"{TAG}linkingAgentRole": "eventRelatedAgentRole",
    f"{TAG}linkingObjectRole": "eventRelatedObjectRole",
    f"{TAG}messageDigestAlgorithm": "cryptographicHashFunctions",
    f"{TAG}preservationLevelRole": "preservationLevelRole",
    f"{TAG}relationshipSubType": "relationshipSubType",
    f"{TAG}relationshipType": "relationshipType",
    f"{TAG}storageMedium": "storageMedium",
}
_COMPLETE = ("eventType", "eventOutcome", "agentType")

# Elements that hold what is judged. Extensions are not ours to judge, and rights have other vocabularies.
_INNER = frozenset(
    TAG + name
    for name in (
        "contentLocation",
        "eventOutcomeInformation",
        "fixity",
        "linkingAgentIdentifier",
        "linkingObjectIdentifier",
        "objectCharacteristics",
        "preservationLevel",
        "relationship",
        "storage",
    )
)


def judge(entity: etree._Element) -> Iterator[Problem]:
    """What is wrong with the values of one object, event or agent."""
    waiting = deque([entity])
    while waiting:
        for element in waiting.popleft():
            tag = str(element.tag)
            rule = _RULES.get(tag)
            if rule is not None:
                yield from rule(element)
            vocabulary = _VOCABULARIES.get(tag)
            if vocabulary is not None:
                yield from _value_uri(element, vocabulary)
            if tag in _INNER:
                waiting.append(element)


def _event_date_time(element: etree._Element) -> Iterator[Problem]:
    text = element.text or ""
    if not is_date_time(text):
        yield Problem(Code.EVENT_DATE_TIME, f"{text!r} is no date or time", line_of(element))


def _size(element: etree._Element) -> Iterator[Problem]:
    text = (element.text or "").strip()
    if _INTEGER.fullmatch(text) is None:
        yield Problem(Code.SIZE, f"the size {text!r} is no number of bytes", line_of(element))
    elif text.startswith("-") and text.strip("-0"):
        yield Problem(Code.SIZE, f"the size {text} is negative", line_of(element))


def _fixity(element: etree._Element) -> Iterator[Problem]:
    algorithm = element.find(f"{TAG}messageDigestAlgorithm")
    digest = (element.findtext(f"{TAG}messageDigest") or "").strip()
    line = line_of(element)
    code = None if algorithm is None else _code(algorithm, "cryptographicHashFunctions")
    if algorithm is None or code is None:
        label = "" if algorithm is None else algorithm.text or ""
        yield Problem(Code.UNKNOWN_ALGORITHM, f"the algorithm {label!r} is not known, nor can its digest be", line)
    if not digest:
        yield Problem(Code.DIGEST_EMPTY, "the message digest is empty", line)
        return
    lengths = digest_lengths(code or "")
    if lengths and _HEX.fullmatch(digest) is None:
        yield Problem(Code.DIGEST_NOT_HEX, f"the digest {digest!r} is not hexadecimal", line)
    elif lengths and len(digest) not in [2 * length for length in lengths]:
        wanted = " or ".join(str(2 * length) for length in lengths)
        yield Problem(Code.DIGEST_LENGTH, f"a digest of {len(digest)} digits, where {code} has {wanted}", line)


def _event_type(element: etree._Element) -> Iterator[Problem]:
    # A word of somebody else's vocabulary, named as such, is as good as the Library's.
    authority = (element.get("authority") or "").strip()
    elsewhere = authority not in ("", "eventType") and not is_of_loc(element.get("authorityURI") or "")
    if _code(element, "eventType") is None and not elsewhere:
        yield Problem(
            Code.UNKNOWN_EVENT_TYPE, f"{element.text or ''!r} is no event type of a named vocabulary", line_of(element)
        )


def _value_uri(element: etree._Element, vocabulary: str) -> Iterator[Problem]:
    uri = element.get("valueURI")
    trouble = None if uri is None else _trouble_with_uri(uri, vocabulary, element.text or "")
    if trouble is not None:
        yield Problem(Code.VALUE_URI, trouble, line_of(element))


@lru_cache(maxsize=1024)  # the same few words are in every object
def _trouble_with_uri(uri: str, vocabulary: str, label: str) -> str | None:
    if not is_of_loc(uri):
        return None
    parsed = parse_value_uri(uri)
    if parsed is None:
        return f"{uri!r} is the URI of no term"
    of, code = parsed
    if of != vocabulary:
        return f"{uri!r} is of the vocabulary {of}, not {vocabulary}"
    if code not in LOC[vocabulary] and vocabulary in _COMPLETE:
        return f"{vocabulary} has no term {code!r}"
    if code_of(vocabulary, label) not in (None, code):
        return f"{uri!r} is not the URI of {label!r}"
    return None


def _code(element: etree._Element, vocabulary: str) -> str | None:
    """The code of a term, by its label, else by its URI."""
    code = code_of(vocabulary, element.text or "")
    if code is not None:
        return code
    parsed = parse_value_uri(element.get("valueURI") or "")
    return parsed[1] if parsed is not None and parsed[1] in LOC[vocabulary] else None


_RULES: Mapping[str, Callable[[etree._Element], Iterator[Problem]]] = {
    f"{TAG}eventDateTime": _event_date_time,
    f"{TAG}eventType": _event_type,
    f"{TAG}fixity": _fixity,
    f"{TAG}size": _size,
}
