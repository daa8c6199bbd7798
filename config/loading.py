"""From the text of `preserve.toml` to `Settings`; everything wrong is told with its file, line and remedy."""

import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config import raw
from config.errors import SettingsError, ValueProblem
from config.lines import Key, Place, line_of, places
from config.model import Audit, Catalog, Repair, Replica, Settings
from config.schedule import parse_duration, parse_every
from config.unknown import UnknownKey, unknown_keys
from config.urls import root_of

_T = TypeVar("_T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")
_TOML_KINDS = {
    "`str`": "text in quotes",
    "`int`": "a whole number",
    "`bool`": "true or false",
    "`float`": "a number with a point",
    "`object`": "a table",
    "`array`": "a list",
}


def example() -> str:
    """The one commented example; what `preserve init` writes."""
    return Path(__file__).with_name("example.toml").read_text(encoding="utf-8")


def load(path: Path) -> Settings:
    """Reads and judges the settings file.

    Raises:
        SettingsError: it cannot be read, is not TOML, or says what cannot be meant.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror or error}", path) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError("is not UTF-8", path, line, "save it as UTF-8 text") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Settings:
    """Like `load`, from the text; relative folders are joined to the folder of `path`."""
    path = Path(os.path.abspath(path))
    return _Reading(path, read_toml(text, path), places(text)).settings()


def read_toml(text: str, path: Path | None) -> dict[str, Any]:
    """The tables of the text; SettingsError with the line if it is not TOML."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))  # Notepad begins its files with this mark
    except RecursionError:
        raise SettingsError("is nested too deeply to be settings", path) from None
    except ValueError as error:  # TOMLDecodeError, and numbers too long for Python
        message = str(error)
        match = _AT_LINE.search(message)
        line = int(match[1]) if match and match[1] else text.count("\n") + 1 if match else None
        message = _AT_LINE.sub("", message)
        if message.startswith(("Cannot overwrite a value", "Cannot declare")):
            raise SettingsError("is set a second time here", path, line, "keep one of the two") from None
        raise SettingsError(f"is not TOML: {message}", path, line, 'text stands in quotes: key = "value"') from None


def checked_name(name: str) -> str:
    """A replica's name, or ValueProblem."""
    if _NAME.fullmatch(name) is None:
        raise ValueProblem(
            f"{name!r} cannot be the name of a replica",
            "use letters (a to z), digits, - and _, at most 64, the first a letter or digit",
        )
    return name


def checked_line(value: str) -> str:
    """Text that will stand on one line of a bag's tag file or a screen, or ValueProblem."""
    if not value.strip() or any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        raise ValueProblem("this text is empty or has control characters in it", "write it on one line")
    return value


class _Reading:
    """The tables of one file with the places of their keys."""

    def __init__(self, path: Path, tables: Mapping[str, Any], found: tuple[Place, ...]) -> None:
        self.path = path
        self.tables = tables
        self.found = found

    def settings(self) -> Settings:
        self._refuse_unknown(unknown_keys(self.tables))
        organization = self._converted(("organization",), self.tables.get("organization"), str | None)
        if organization is not None:
            self._valued(("organization",), checked_line, organization)
        catalog = self._table(("catalog",), raw.Catalog)
        if not catalog.path or "\0" in catalog.path:
            raise self._error(("catalog", "path"), "the catalog needs a file name", 'such as "catalog.sqlite"')
        names = self._mapping(("replica",), self.tables.get("replica", {}))
        replicas = {name: self._replica(name) for name in names}
        self._refuse_shared_roots(replicas)
        return Settings(
            path=self.path,
            organization=organization,
            catalog=Catalog(path=self.path.parent / catalog.path, keep_backups=catalog.keep_backups),
            audit=self._audit(),
            repair=self._repair(),
            replicas=replicas,
        )

    def _audit(self) -> Audit:
        table = self._table(("audit",), raw.Audit)
        max_age = self._valued(("audit", "max_age"), parse_duration, table.max_age)
        if table.target_age is None:
            target_age = max_age * 2 / 3  # leaves a third of the time for what comes between
        else:
            target_age = self._valued(("audit", "target_age"), parse_duration, table.target_age)
        if target_age > max_age:
            raise self._error(
                ("audit", "target_age"),
                f'target_age "{table.target_age}" is longer than max_age "{table.max_age}"',
                "what is aimed at must not be later than what is promised",
            )
        return Audit(
            every=self._valued(("audit", "every"), parse_every, table.every),
            max_age=max_age,
            target_age=timedelta(seconds=int(target_age.total_seconds())),
            evidence=table.evidence,
            threads=table.threads,
            minimum_copies=table.minimum_copies,
        )

    def _repair(self) -> Repair:
        table = self._table(("repair",), raw.Repair)
        return Repair(mass_change_share=table.mass_change_share, mass_change_files=table.mass_change_files)

    def _replica(self, name: str) -> Replica:
        key = ("replica", name)
        self._valued(key, checked_name, name)
        table = self._table(key, raw.Replica)
        for field, value in (("medium", table.medium), ("site", table.site)):
            if value is not None:
                self._valued((*key, field), checked_line, value)
        root = self._valued((*key, "url"), lambda url: root_of(url, self.path.parent), table.url)
        return Replica(name=name, url=table.url, root=root, medium=table.medium, site=table.site, offline=table.offline)

    def _refuse_shared_roots(self, replicas: Mapping[str, Replica]) -> None:
        """Two replicas in one folder would count every copy twice."""
        seen: dict[bytes, str] = {}
        for replica in replicas.values():
            other = seen.setdefault(os.path.normpath(replica.root), replica.name)
            if other != replica.name:
                raise self._error(
                    ("replica", replica.name, "url"),
                    f"replica {replica.name} is the same folder as replica {other}",
                    "one folder is one copy: give each replica its own",
                )

    def _refuse_unknown(self, unknown: tuple[UnknownKey, ...]) -> None:
        if not unknown:
            return
        lines = [line_of(self.found, each.key) for each in unknown]
        if len(unknown) == 1:
            raise SettingsError(f"{unknown[0].sentence}", self.path, lines[0], unknown[0].remedy)
        told = sorted(zip(lines, unknown, strict=True), key=lambda pair: pair[0] or 0)
        message = f"{len(unknown)} settings are not known: " + "; ".join(
            f"line {line}: {each.dotted} ({each.remedy})" for line, each in told
        )
        raise SettingsError(message, self.path, told[0][0], "correct these lines or take them out")

    def _mapping(self, key: Key, value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            remedy = raw.REMEDIES.get(key[0], f"write [{key[0]}] on its own line, and its settings below")
            raise self._error(key, f"{'.'.join(key)} must be a table", remedy)
        return value

    def _table(self, key: Key, kind: type[_T]) -> _T:
        value: Any = self.tables
        for part in key:
            value = value.get(part, {})
        table: _T = self._converted(key, self._mapping(key, value), kind)
        return table

    def _converted(self, key: Key, value: object, kind: Any) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            full = (*key, *(part for part in where.rstrip("`").split(".") if part))
            raise self._error(
                full, f"{'.'.join(full)}: {_for_people(message)}", raw.REMEDIES.get(full[-1], "")
            ) from None

    def _valued(self, key: Key, judge: Callable[[str], _T], value: str) -> _T:
        try:
            return judge(value)
        except ValueProblem as problem:
            raise self._error(key, problem.message, problem.remedy) from None

    def _error(self, key: Key, message: str, remedy: str) -> SettingsError:
        return SettingsError(message, self.path, line_of(self.found, key), remedy)


def _for_people(message: str) -> str:
    message = message.replace(" | null`", "`")  # TOML has no null: leaving the line out is meant
    for kind, words in _TOML_KINDS.items():
        message = message.replace(kind, words)
    message = message.replace("Object missing required field", "it needs the setting")
    return message[0].lower() + message[1:]
