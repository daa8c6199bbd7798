"""Where the settings file is."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.errors import SettingsError

FILE_NAME = "preserve.toml"
VARIABLE = "PRESERVE_CONFIG"


def find(start: Path, explicit: str | None, environ: Mapping[str, str]) -> Path:
    """The settings file: `explicit` (--config), else PRESERVE_CONFIG, else the nearest at or above `start`.

    Raises:
        SettingsError: the one that was named is not there, or there is none.
    """
    start = Path(os.path.abspath(start))
    for named, source in ((explicit, "--config"), (environ.get(VARIABLE) or None, VARIABLE)):
        if named is not None:
            path = start / named
            if not path.is_file():
                raise SettingsError(
                    "there is no such settings file", path, remedy=f"check {source}, or make one with `preserve init`"
                )
            return path
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise SettingsError(
        f"no {FILE_NAME} in {start} or in a folder above it",
        remedy=f"make one with `preserve init`, or name it with --config or {VARIABLE}",
    )
