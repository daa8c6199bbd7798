"""The text of elements. Every text goes through `_escaped`, so that what comes out is well-formed."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from premis.errors import PremisError
from premis.model import Identifier, Term

_Value = TypeVar("_Value")

# XML 1.0 §2.2: what is no character there, and cannot be written in any way.
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A reader turns a bare carriage return into a line feed (§2.11), and in attributes all three into spaces (§3.3.3).
_SPECIAL = re.compile('[&<>"\t\n\r]')
_REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def element(name: str, content: str, attributes: str = "") -> str:
    """An element of content that is markup already."""
    return f"<{name}{attributes}>{content}</{name}>"


def text(name: str, content: str, attributes: str = "") -> str:
    """An element of text. Raises PremisError for a character that XML does not have."""
    return f"<{name}{attributes}>{_escaped(content)}</{name}>"


def optional(name: str, content: str | None) -> str:
    """An element of text, or nothing."""
    return "" if content is None else text(name, content)


@lru_cache(maxsize=1024)  # the same few words are in every object
def term(name: str, value: Term) -> str:
    """An element of a term, with its authority."""
    return text(
        name,
        value.label,
        attribute("authority", value.authority)
        + attribute("authorityURI", value.authority_uri)
        + attribute("valueURI", value.value_uri),
    )


def optional_term(name: str, value: Term | None) -> str:
    """An element of a term, or nothing."""
    return "" if value is None else term(name, value)


def identifier(name: str, value: Identifier, more: str = "") -> str:
    """An element with its `Type` and `Value`, and what follows these."""
    return element(name, term(f"{name}Type", value.type) + text(f"{name}Value", value.value) + more)


def attribute(name: str, value: str | None) -> str:
    """An attribute with the space before it, or nothing."""
    return "" if value is None else f' {name}="{_escaped(value)}"'


def repeated(markup: Callable[[str, _Value], str], name: str, values: Iterable[_Value]) -> str:
    """An element of the same name for each value."""
    return "".join([markup(name, value) for value in values])


def _escaped(content: str) -> str:
    if _NO_CHARACTER.search(content) is not None:
        raise PremisError(f"XML cannot hold {content!r}")
    return _SPECIAL.sub(lambda match: _REFERENCES[match[0]], content)
