"""The settings file `preserve.toml`: frozen types, units in the names, unknown keys refused with their line."""

from config.editing import with_replica, without_replica
from config.errors import SettingsError
from config.loading import example, load, parse
from config.locating import find
from config.model import (
    Alerts,
    Audit,
    Catalog,
    Collection,
    Limits,
    OwnPromise,
    Promise,
    Repair,
    Replica,
    Serve,
    Settings,
)
from config.schedule import Every
from config.secrets import secret_lines
from config.windows import Window

__all__ = [
    "Alerts",
    "Audit",
    "Catalog",
    "Collection",
    "Every",
    "Limits",
    "OwnPromise",
    "Promise",
    "Repair",
    "Replica",
    "Serve",
    "Settings",
    "SettingsError",
    "Window",
    "example",
    "find",
    "load",
    "parse",
    "secret_lines",
    "with_replica",
    "without_replica",
]
