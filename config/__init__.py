"""The settings file `preserve.toml`: frozen types, units in the names, unknown keys refused with their line."""

from config.editing import with_replica, without_replica
from config.errors import SettingsError
from config.loading import example, load, parse
from config.locating import find
from config.model import Audit, Catalog, Repair, Replica, Settings
from config.schedule import Every

__all__ = [
    "Audit",
    "Catalog",
    "Every",
    "Repair",
    "Replica",
    "Settings",
    "SettingsError",
    "example",
    "find",
    "load",
    "parse",
    "with_replica",
    "without_replica",
]
