"""Adding and taking out a replica in the text of the settings, with every comment kept.

Pure: text in, text out. Each edit is proved before it is handed back: the new text is read again, and it must
hold what the old one held and the change, nothing else.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.errors import SettingsError, ValueProblem
from config.lines import Key, Place, places
from config.sources import parse_source
from config.tables import read_toml
from config.texts import checked_line, checked_name
from config.urls import address_of

_BY_HAND = "edit the file by hand"


def with_replica(
    text: str,
    name: str,
    url: str,
    *,
    medium: str | None = None,
    site: str | None = None,
    offline: bool = False,
    keys: Mapping[str, str | bool | None] | None = None,
) -> str:
    """The text with a `[replica.NAME]` table at its end.

    Args:
        keys: what else stands in it, of those that go with the kind of url (`endpoint`, `secret` ...); None: not set.

    Raises:
        SettingsError: the text is not TOML, the name is taken, or a value cannot be meant.
    """
    tables = read_toml(text, None)
    if name in _replicas(tables):
        raise SettingsError(f"there already is a replica {name}", remedy="choose another name")
    values: dict[str, str | bool] = {"url": url}
    values |= {key: value for key, value in (("medium", medium), ("site", site)) if value is not None}
    values |= {"offline": True} if offline else {}
    more = {key: value for key, value in (keys or {}).items() if value is not None}
    try:
        checked_name(name)
        address_of(url, more, Path("/"))
        if "secret" in more:
            parse_source(str(more["secret"]), Path("/"))
        values |= more
        for value in (medium, site):
            if value is not None:
                checked_line(value)
        block = "".join(f"{key} = {_literal(value)}\n" for key, value in values.items())
    except ValueProblem as problem:
        raise SettingsError(problem.message, remedy=problem.remedy) from None
    separator = "" if not text or text.endswith("\n") else "\n"
    gap = "\n" if text.strip() else ""
    added = separator + gap + f"[replica.{name}]\n{block}"
    if "\r\n" in text:
        added = added.replace("\n", "\r\n")
    expected = {**tables, "replica": {**_replicas(tables), name: values}}
    return _proved(text + added, expected)


def without_replica(text: str, name: str) -> str:
    """The text without that replica's table or keys; comments inside and around it stay.

    Raises:
        SettingsError: there is no such replica, or it stands in an inline table with others.
    """
    tables = read_toml(text, None)
    replicas = _replicas(tables)
    if name not in replicas:
        known = ", ".join(replicas) or "none"
        raise SettingsError(f"there is no replica {name}", remedy=f"known: {known}")
    key = ("replica", name)
    for place in reversed([place for place in places(text) if _to_cut(place, key)]):
        start, end = _whole_lines(text, place)
        text = text[:start] + text[end:]
    left = {other: value for other, value in replicas.items() if other != name}
    return _proved(text, {**tables, "replica": left})


def _to_cut(place: Place, key: Key) -> bool:
    return place.key[: len(key)] == key and not place.inline


def _whole_lines(text: str, place: Place) -> tuple[int, int]:
    """From the start of the statement's line to behind its line's end, its own comment with it.

    One empty line before a header goes too: `with_replica` puts it there.
    """
    start = text.rfind("\n", 0, place.start) + 1
    end = text.find("\n", place.end) + 1 or len(text)
    if place.header:
        blank = re.search(r"(?:^|(?<=\n))[ \t]*\r?\n\Z", text[:start])
        start = blank.start() if blank else start
    return start, end


def _replicas(tables: dict[str, Any]) -> dict[str, Any]:
    replicas = tables.get("replica", {})
    if not isinstance(replicas, dict):
        raise SettingsError("replica must be a table", remedy="write [replica.NAME] on its own line")
    return replicas


def _proved(text: str, expected: dict[str, Any]) -> str:
    """The text, if it holds exactly that; `replica` may be absent where it would be empty."""
    try:
        held = read_toml(text, None)
    except SettingsError:
        held = {}
    if {"replica": {}, **held} != {"replica": {}, **expected}:
        raise SettingsError("this settings file is written in a way that cannot be edited safely", remedy=_BY_HAND)
    return text


def _literal(value: str | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueProblem(
            "a name that is not UTF-8 cannot stand in the settings as it is", "write it as a file:// URL with %XX"
        )
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return f"\\u{ord(character):04x}" if ord(character) < 0x20 or character == "\x7f" else character
