"""A catalog that `preserve init` made and in which nothing was ever recorded: it may give way to one made again."""

import os
import sqlite3
from contextlib import closing
from urllib.parse import quote

from checks.names import show
from preserve.catalog.backing import BESIDE
from preserve.stores.durable import rename_no_replace, sync_directory

_LINKS = "SELECT kind FROM journal ORDER BY number LIMIT 2"
_BEGIN = [("catalog-created",)]


def is_bare(path: bytes) -> bool:
    """Whether its journal has its begin and nothing else. Nothing is opened for writing, and an odd file is not bare.

    One that is in use, or was left by a kill, has files beside it: what these hold is not looked at.
    """
    if not os.path.isfile(path) or any(os.path.lexists(path + ending) for ending in BESIDE):
        return False
    try:
        with closing(sqlite3.connect(f"file:{quote(os.path.abspath(path))}?mode=ro&immutable=1", uri=True)) as catalog:
            return catalog.execute(_LINKS).fetchall() == _BEGIN
    except sqlite3.Error:
        return False


def set_aside(path: bytes) -> str:
    """Renames it to a free name beside it, durably; that name, showable."""
    number = 1
    while True:
        aside = path + b".empty-%d" % number
        try:
            rename_no_replace(path, aside)
        except FileExistsError:
            number += 1
            continue
        sync_directory(os.path.dirname(aside))
        return show(aside)
