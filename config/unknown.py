"""Keys that mean nothing where they stand: all of them at once, each with what may have been meant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from config import raw
from config.lines import Key, shown

# People will try these; the answer must not be only that they are unknown.
_SECRETS = {"urls": "urls_file", "url": "urls_file", "ping_url": "ping_url_file", "ping_urls": "ping_url_file"}
_KEYS = {
    *("password", "passphrase", "api_key", "token", "secret_key", "access_key"),
    *("access_key_id", "secret_access_key", "aws_access_key_id", "aws_secret_access_key"),
}
_VARIABLES = {"urls_file": "PRESERVE_ALERT_URLS", "ping_url_file": "PRESERVE_PING_URL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownKey:
    key: Key
    reason: str
    remedy: str

    @property
    def dotted(self) -> str:
        return shown(self.key)

    @property
    def sentence(self) -> str:
        return f"{self.dotted} {self.reason}"


def unknown_keys(tables: Mapping[str, Any]) -> tuple[UnknownKey, ...]:
    """Every unknown key, in no order that matters. Values that are no tables where tables belong are left alone."""
    return tuple(_unknown(tables))


def _unknown(tables: Mapping[str, Any]) -> Iterator[UnknownKey]:
    yield from _in_table((), tables, raw.ROOT)
    for section, known in raw.SECTIONS.items():
        table = tables.get(section)
        if not isinstance(table, dict):
            continue
        if section not in raw.NAMED:
            yield from _in_table((section,), table, known)
            continue
        for name, named in table.items():
            if isinstance(named, dict):
                yield from _in_table((section, name), named, known)


def _in_table(prefix: Key, table: Mapping[str, Any], known: Sequence[str]) -> Iterator[UnknownKey]:
    for name in table:
        if name not in known:
            yield _told((*prefix, name), known)


def _told(key: Key, known: Sequence[str]) -> UnknownKey:
    *prefix, name = key
    section = prefix[0] if prefix else ""
    if section == "alerts" and name in _SECRETS:
        setting = _SECRETS[name]
        return UnknownKey(
            key=key,
            reason="cannot stand here: addresses with secrets in them do not belong into the settings",
            remedy=f'write them, one a line, into a file of mode 600, and {setting} = "its name" here; '
            f"or put them into the environment variable {_VARIABLES[setting]}",
        )
    if section in ("replica", "archivematica") and name.lower() in _KEYS:
        return UnknownKey(
            key=key,
            reason="cannot stand here: what is secret does not belong into the settings",
            remedy='write where it is kept: secret = "env:NAME", "file:PATH" (mode 600) or "keyring:SERVICE/USER"',
        )
    places = [raw.NAMED.get(other, f"[{other}]") for other, fields in raw.SECTIONS.items() if name in fields]
    if places:
        where = f"below {raw.NAMED.get(section, f'[{section}]')}" if section else "outside of a table"
        belongs = " or ".join([", ".join(places[:-1]), places[-1]] if places[1:] else places)
        return UnknownKey(key=key, reason=f"means nothing {where}", remedy=f"it belongs under {belongs}")
    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
    return UnknownKey(key=key, reason="is not a known setting", remedy=remedy)
