"""The tables of one settings file with the places of their keys: every value is judged here, and told with its line."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config import raw
from config.errors import SettingsError, ValueProblem, cut
from config.lines import Key, Place, line_of, places, shown

_T = TypeVar("_T")
_V = TypeVar("_V")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")
_KINDS = re.compile("`([a-z]+(?: [|] [a-z]+)*)`")
_HEADER = re.compile(r"\[\s*([A-Za-z0-9_-]+)\s*\.([^\]]*)\]")
_INDEX = re.compile(r"\[[^]]*\]")
_TOML_KINDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "bool": "true or false",
    "float": "a number with a point",
    "object": "a table",
    "array": "a list",
    "time": "a time without quotes",
    "date": "a date without quotes",
    "datetime": "a date without quotes",
}


def read_toml(text: str, path: Path | None) -> dict[str, Any]:
    """The tables of the text; SettingsError with the line if it is not TOML."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))  # Notepad begins its files with this mark
    except RecursionError:
        raise SettingsError("is nested too deeply", path, remedy="settings are tables in tables, no deeper") from None
    except ValueError as error:  # TOMLDecodeError, and numbers too long for Python
        message = str(error)
        match = _AT_LINE.search(message)
        line = int(match[1]) if match and match[1] else text.count("\n") + 1 if match else None
        message = _AT_LINE.sub("", message)
        if message.startswith(("Cannot overwrite a value", "Cannot declare")):
            told = f"{_twice(text, line)} is set a second time here".lstrip()
            raise SettingsError(told, path, line, "keep one of the two") from None
        raise SettingsError(f"is not TOML: {cut(message)}", path, line, _remedy(text, line)) from None


def _remedy(text: str, line: int | None) -> str:
    """What to write instead, by what stands in that line, or where a text is cut off in the one before it."""
    lines = text.splitlines()
    for number in (line, None if line is None else line - 1):
        at = lines[number - 1].strip() if number is not None and 0 < number <= len(lines) else ""
        if len(re.findall(r'(?<!\\)"', at)) % 2 or (at.count('"') == 0 and at.count("'") == 1):
            return 'a quote is missing: text stands between two, as in key = "value"'
        header = _HEADER.fullmatch(at)
        if header is not None and '"' not in at and not at.isascii():
            return (
                "names of other characters than letters, digits, - and _ stand in quotes: "
                f'[{header[1]}."{cut(header[2].strip())}"]'
            )
    return 'text stands in quotes: key = "value"'


def _twice(text: str, line: int | None) -> str:
    """The key or header of that line."""
    lines = text.splitlines()
    at = lines[line - 1].strip() if line is not None and 0 < line <= len(lines) else ""
    return cut(at if at.startswith("[") else at.partition("=")[0].strip())


class Tables:
    """One file, read but not yet meant."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.values: Mapping[str, Any] = read_toml(text, path)
        self.places: tuple[Place, ...] = places(text)

    def line_of(self, key: Key) -> int | None:
        return line_of(self.places, key)

    def written(self, key: Key) -> bool:
        """Whether the file sets that key."""
        return any(place.key == key for place in self.places)

    def names(self, section: str) -> tuple[str, ...]:
        """Of the tables below `[replica]` or `[collection]`, in the order of the file."""
        return tuple(self._mapping((section,), self.values.get(section, {})))

    def table(self, key: Key, kind: type[_T]) -> _T:
        value: Any = self.values
        for part in key:
            value = value.get(part, {})
        table: _T = self.converted(key, self._mapping(key, value), kind)
        return table

    def converted(self, key: Key, value: object, kind: Any) -> Any:
        """The value as one of `kind`; SettingsError if it is of another."""
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            below = _INDEX.sub("", where.rstrip("`"))  # which of a list is at fault shows in its line
            full = (*key, *(part for part in below.split(".") if part))
            message = cut(_for_people(message))
            missing = re.search("it needs the setting `([a-z_]+)`", message)
            remedy = raw.REMEDIES.get(missing[1] if missing else full[-1], "")
            raise self.error(full, f"{shown(full)}: {message}", remedy) from None

    def valued(self, key: Key, judge: Callable[[_V], _T], value: _V) -> _T:
        """What a judge makes of a value; its ValueProblem becomes a SettingsError."""
        try:
            return judge(value)
        except ValueProblem as problem:
            blamed = (*key, problem.key) if problem.key else key
            raise self.error(blamed, problem.message, problem.remedy) from None

    def error(self, key: Key, message: str, remedy: str) -> SettingsError:
        return SettingsError(message, self.path, self.line_of(key), remedy)

    def _mapping(self, key: Key, value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            remedy = raw.REMEDIES.get(key[0], f"write [{key[0]}] on its own line, and its settings below")
            raise self.error(key, f"{shown(key)} must be a table", remedy)
        return value


def _for_people(message: str) -> str:
    def told(match: re.Match[str]) -> str:
        kinds = match[1].split(" | ")
        if any(kind not in _TOML_KINDS and kind != "null" for kind in kinds):
            return match[0]  # the name of a setting
        # TOML has no null: leaving the line out is meant.
        return " or ".join(_TOML_KINDS[kind] for kind in kinds if kind != "null")

    message = _KINDS.sub(told, message).replace("Object missing required field", "it needs the setting")
    return message[0].lower() + message[1:]
