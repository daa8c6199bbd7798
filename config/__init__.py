"""The settings file `preserve.toml`: frozen types, units in the names, unknown keys refused with their line."""

from config.addresses import Address, FolderAddress, S3Address, SecretSource, SftpAddress, overlap
from config.editing import with_replica, without_replica
from config.errors import SettingsError
from config.loading import example, load, parse
from config.locating import find
from config.model import (
    Alerts,
    Archivematica,
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
from config.secrets import secret_lines, secret_text
from config.windows import Window

__all__ = [
    "Address",
    "Alerts",
    "Archivematica",
    "Audit",
    "Catalog",
    "Collection",
    "Every",
    "FolderAddress",
    "Limits",
    "OwnPromise",
    "Promise",
    "Repair",
    "Replica",
    "S3Address",
    "SecretSource",
    "Serve",
    "Settings",
    "SettingsError",
    "SftpAddress",
    "Window",
    "example",
    "find",
    "load",
    "overlap",
    "parse",
    "secret_lines",
    "secret_text",
    "with_replica",
    "without_replica",
]
