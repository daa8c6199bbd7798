"""Where each key of a TOML text stands: `tomllib` tells values, not places.

The text must already have been accepted by `tomllib`; so this reader has only to find its way, not to judge. It
follows TOML 1.0: strings of four kinds, arrays and inline tables over several lines, dotted and quoted keys.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from config.errors import cut

Key = tuple[str, ...]

_BLANK = re.compile(r"\ufeff?(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_STRINGS = (  # the long forms first: a short one would match their first two quotes as an empty string
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One key or table header: its whole key from the root, and where its statement starts and ends in the text.

    A key inside an inline table has the start of that key and the end of its value. A header ends at its `]`.
    Keys inside an array of tables all have the same key; their index is not told.
    """

    key: Key
    header: bool
    inline: bool
    start: int
    end: int
    line: int  # from 1


def places(text: str) -> tuple[Place, ...]:
    """Every key and header, in the order of the text."""
    return tuple(_Reader(text).statements())


def line_of(found: tuple[Place, ...], key: Key) -> int | None:
    """The line of that key, else of the first key below it, else of the nearest table that holds it."""
    for wanted in (key[:length] for length in range(len(key), 0, -1)):
        exact = [place.line for place in found if place.key == wanted]
        below = [place.line for place in found if place.key[: len(wanted)] == wanted]
        if exact or below:
            return (exact or below)[0]
    return None


def shown(key: Key) -> str:
    """The key as one would write it: `audit.max_age`, `collection."Maps of 1975".max_age`; on one short line."""
    return ".".join(part if _BARE_KEY.fullmatch(part) else _quoted(part) for part in map(cut, key))


def _quoted(part: str) -> str:
    # Characters that a terminal would obey or not show are escaped; Khmer has its spaces of no width inside words.
    visible = all(character.isprintable() or character == "\u200b" for character in part)
    return json.dumps(part, ensure_ascii=not visible).replace("\x7f", "\\u007f")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._counted = (0, 1)  # offset, its line: lines are counted once, forward

    def statements(self) -> Iterator[Place]:
        table: Key = ()
        while self._skip(_BLANK) < len(self.text):
            start = self.at
            if self.text[start] == "[":
                table = self._header()
                yield self._place(table, start, header=True)
            else:
                yield from self._assignment(table)

    def _header(self) -> Key:
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        key = self._key()
        self.at += brackets
        return key

    def _assignment(self, table: Key, *, inline: bool = False) -> Iterator[Place]:
        start = self.at
        key = table + self._key()
        self.at += 1  # the `=`
        self._skip(_SPACE)
        inner = list(self._value(key))
        yield self._place(key, start, inline=inline)
        yield from inner

    def _key(self) -> Key:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                parts.append(self._quoted_key())
            else:
                parts.append(self._take(_BARE_KEY))
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _quoted_key(self) -> str:
        literal = self._take(_STRINGS[2] if self.text[self.at] == '"' else _STRINGS[3])
        value: str = tomllib.loads(f"key = {literal}")["key"]
        return value

    def _value(self, key: Key) -> Iterator[Place]:
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif first in "[{":
            yield from self._container(key, "]" if first == "[" else "}")
        else:
            self._take(_SCALAR)

    def _container(self, key: Key, closing: str) -> Iterator[Place]:
        self.at += 1
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == closing:
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
            elif closing == "}":
                yield from self._assignment(key, inline=True)
            else:
                yield from self._value(key)

    def _string(self) -> None:
        for pattern in _STRINGS:
            match = pattern.match(self.text, self.at)
            if match is not None:
                self.at = match.end()
                return
        raise AssertionError(f"not TOML at offset {self.at}; it should have been refused before")

    def _skip(self, pattern: re.Pattern[str]) -> int:
        self._take(pattern)
        return self.at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match is not None, f"not TOML at offset {self.at}; it should have been refused before"
        self.at = match.end()
        return match[0]

    def _place(self, key: Key, start: int, *, header: bool = False, inline: bool = False) -> Place:
        offset, line = self._counted
        if start < offset:  # a key yielded before the keys inside its value
            offset, line = 0, 1
        line += self.text.count("\n", offset, start)
        self._counted = (start, line)
        return Place(key=key, header=header, inline=inline, start=start, end=self.at, line=line)
