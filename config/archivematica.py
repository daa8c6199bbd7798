"""Where an Archivematica Storage Service is asked: `[archivematica]`."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from config import raw
from config.errors import ValueProblem
from config.model import Archivematica
from config.schedule import parse_duration
from config.sources import parse_source
from config.tables import Tables
from config.urls import path_of

_SECTION = "archivematica"
_USER = re.compile(r"[!-9;-~]{1,254}", re.ASCII)  # in the header a colon ends it
_EXAMPLE = 'write url = "https://storage.example.org:8000"'


def read_archivematica(tables: Tables) -> Archivematica | None:
    """The table; None where the file has none."""
    if _SECTION not in tables.values:
        return None
    table = tables.table((_SECTION,), raw.Archivematica)
    for name, value in (("url", table.url), ("user", table.user), ("secret", table.secret)):
        if value is None:
            remedy = _EXAMPLE if name == "url" else raw.REMEDIES[name]
            raise tables.error((_SECTION,), f"{_SECTION}: it needs the setting `{name}`", remedy)
    folder = tables.path.parent

    def file(name: str) -> Path:
        return path_of("command", name, folder)

    command = None if table.command is None else tables.valued((_SECTION, "command"), file, table.command)
    return Archivematica(
        url=tables.valued((_SECTION, "url"), _url, table.url or ""),
        user=tables.valued((_SECTION, "user"), _user, table.user or ""),
        secret=tables.valued((_SECTION, "secret"), lambda text: parse_source(text, folder), table.secret or ""),
        command=command,
        timeout=tables.valued((_SECTION, "timeout"), parse_duration, table.timeout),
    )


def _url(value: str) -> str:
    """Without a slash at its end. Nothing of a wrong one is repeated: it may hold a password."""
    try:
        split = urlsplit(value)
        port = split.port  # ValueError for one that cannot be
        odd = split.query or split.fragment or split.scheme not in ("http", "https") or not split.hostname or port == 0
    except ValueError:
        odd = True
    if "@" in value:
        raise ValueProblem("the url of a Storage Service is shown to people, and has no @ in it", _EXAMPLE)
    if odd or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueProblem("this is not the url of a Storage Service", _EXAMPLE)
    return value.rstrip("/").removesuffix("/api/v2")


def _user(value: str) -> str:
    if _USER.fullmatch(value) is None:
        raise ValueProblem("no user of a Storage Service can be called so", "write the name that you log in with")
    return value
