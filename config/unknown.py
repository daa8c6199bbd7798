"""Keys that mean nothing: all of them at once, each with what may have been meant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from config import raw
from config.lines import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKey:
    key: Key
    remedy: str

    @property
    def dotted(self) -> str:
        return ".".join(self.key)

    @property
    def sentence(self) -> str:
        return f"{self.dotted} is not a known setting"


def unknown_keys(tables: Mapping[str, Any]) -> tuple[UnknownKey, ...]:
    """Every unknown key, in no order that matters. Values that are no tables where tables belong are left alone."""
    return tuple(_unknown(tables))


def _unknown(tables: Mapping[str, Any]) -> Iterator[UnknownKey]:
    yield from _in_table((), tables, raw.ROOT)
    for section, known in raw.SECTIONS.items():
        table = tables.get(section)
        if not isinstance(table, dict):
            continue
        if section != "replica":
            yield from _in_table((section,), table, known)
            continue
        for name, replica in table.items():
            if isinstance(replica, dict):
                yield from _in_table((section, name), replica, known)


def _in_table(prefix: Key, table: Mapping[str, Any], known: Sequence[str]) -> Iterator[UnknownKey]:
    for name in table:
        if name not in known:
            yield UnknownKey(key=(*prefix, name), remedy=_remedy(name, prefix, known))


def _remedy(name: str, prefix: Key, known: Sequence[str]) -> str:
    for section, fields in raw.SECTIONS.items():
        if name in fields and section not in prefix:
            return f"it belongs under [{section}{'.NAME' if section == 'replica' else ''}]"
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(known)}"
