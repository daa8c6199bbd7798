"""What people give for a bag, made sure of before anything is looked at: places, algorithms, lines of bag-info.txt."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from checks.algorithms import DIGEST_BYTES, normalised
from checks.names import show
from preserve.bag.making.request import CHOICES
from preserve.bag.tags.info import OXUM
from preserve.errors import UsageError

Choice = TypeVar("Choice", bound=StrEnum)

USUAL_ALGORITHMS = ("sha256", "sha512", "sha3256", "blake2b512", "blake3", "sha1", "md5")  # of all, those to be named
COMPUTED = ("Bagging-Date", OXUM, "Package-UUID")  # labels whose values are known only when the payload was read
_OURS = frozenset(label.lower() for label in (*COMPUTED, *CHOICES))
_NOT_IN_A_LINE = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_LONGEST_BYTES = 1 << 20  # of all lines that are given: bag-info.txt is read by people


def place(given: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> bytes:
    """A path as bytes.

    Raises:
        UsageError: it is empty (it would be taken for the folder one stands in), or no path could be that.
    """
    try:
        path = os.fsencode(given)
    except UnicodeEncodeError as error:
        raise UsageError(f"no path: {given!r}", remedy="Give it as bytes, as the file system has it.") from error
    if not path:
        raise UsageError("a path that is named is empty", remedy="Write `.` for the folder that you are in.")
    if b"\0" in path:
        raise UsageError(f"no path: {show(path)}", remedy="A path cannot hold a zero byte.")
    return path


def one_of(choices: type[Choice], given: str, name: str) -> Choice:
    """A choice by itself or by its word; `name` is that of the parameter.

    Raises:
        UsageError: there is no such word.
    """
    try:
        return choices(given)
    except ValueError as error:
        words = ", ".join(f"'{each.value}'" for each in choices)
        raise UsageError(f"{name} cannot be {given!r}", remedy=f"Choose from {words}.") from error


def patterns_given(given: str | bytes | Iterable[str | bytes]) -> tuple[bytes, ...]:
    """Patterns as bytes; one may stand by itself.

    Raises:
        UsageError: that is no text.
    """
    patterns = (given,) if isinstance(given, str | bytes) else tuple(given)
    for pattern in patterns:
        if not isinstance(pattern, str | bytes):
            raise UsageError(f"no pattern: {pattern!r}", remedy="Write a name such as '*.tmp', or a list of such.")
    return tuple(os.fsencode(pattern) for pattern in patterns)


def lines_given(given: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Labels and values of bag-info.txt out of pairs or a mapping.

    Raises:
        UsageError: it is neither, or a label or value is no text or cannot stand there.
    """
    lines: list[tuple[str, str]] = []
    for pair in given.items() if isinstance(given, Mapping) else given:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2 or not _are_texts(pair):
            raise UsageError(
                f"no line for bag-info.txt: {pair!r}",
                remedy="Give labels and values, as {'Contact-Name': 'the archivist'} or "
                "[('Contact-Name', 'the archivist')]; a label that comes twice needs the list.",
            )
        lines.append((pair[0], pair[1]))
    refuse_lines(lines)
    return lines


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def algorithms_named(named: str | Sequence[str]) -> tuple[str, ...]:
    """Algorithms as people write them (`SHA-256`), by their normalised names, each once; one may stand by itself.

    Raises:
        UsageError: one is not known, or none is named.
    """
    named = (named,) if isinstance(named, str) else named
    if not _are_texts(named):
        raise UsageError(f"no names of algorithms: {named!r}", remedy=_which(()))
    unknown = [name for name in named if normalised(name) not in DIGEST_BYTES]
    if unknown or not named:
        shown = ", ".join(f"'{show(name.encode('utf-8', 'surrogateescape'))}'" for name in unknown)
        raise UsageError(
            f"no algorithm is called {shown}" if unknown else "no algorithm is named",
            remedy=_which(unknown),
        )
    return tuple(dict.fromkeys(normalised(name) for name in named))


def _which(unknown: Iterable[str]) -> str:
    """What may have been meant, and the usual ones: of all there are too many to be read."""
    meant = dict.fromkeys(
        close for name in unknown for close in get_close_matches(normalised(name), DIGEST_BYTES, n=1, cutoff=0.7)
    )
    question = f"Did you mean {' and '.join(meant)}? " if meant else ""
    usual = [name for name in USUAL_ALGORITHMS if name in DIGEST_BYTES]
    return f"{question}The usual ones are {', '.join(usual)}."


def refuse_lines(lines: Iterable[tuple[str, str]]) -> None:
    """UsageError if one of these labels and values cannot be given for bag-info.txt, or they are too long for it."""
    length_bytes = 0
    for label, value in lines:
        refuse_line(label, value)
        length_bytes += len(label.encode()) + len(value.encode())
        if length_bytes > _LONGEST_BYTES:
            raise UsageError(
                f"the lines that are given for bag-info.txt are longer than {_LONGEST_BYTES:,} bytes",
                remedy="Put long texts into a file, and bag that.",
            )


def refuse_line(label: str, value: str) -> None:
    """UsageError if it is computed here, or would not stand in one line (RFC 8493 §2.2.2)."""
    if label.strip().lower() in _OURS:
        raise UsageError(
            f"{label} cannot be given", remedy="It says what was bagged, when and how; it is always computed."
        )
    if not label or label != label.strip() or ":" in label or not is_one_line(label):
        raise UsageError(
            f"not a label for bag-info.txt: {label!r}",
            remedy="Write a word or a few before the colon, as in 'Contact-Name: the archivist'.",
        )
    if not is_one_line(value):
        raise UsageError(
            f"the value of {label} has a line break or a control character", remedy="Write it in one line."
        )


def is_one_line(text: str) -> bool:
    """Whether it is UTF-8 without line breaks and control characters, but a tab."""
    return _NOT_IN_A_LINE.search(text) is None
