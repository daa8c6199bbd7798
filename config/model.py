"""What the settings say, once read: nothing here has to be checked again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from config.schedule import Every


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    path: Path  # joined to the folder of the settings file
    keep_backups: int  # on each replica


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """When so much of a copy has changed that nothing is repaired there unless a person confirms it."""

    mass_change_share: float  # of a copy's files, above 0 and up to 1
    mass_change_files: int  # and at least so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The promise (`max_age`), what is aimed at (`target_age`, never larger), and how it is kept."""

    every: Every  # when `serve` looks for what is due
    max_age: timedelta
    target_age: timedelta
    evidence: Literal["read", "read-medium"]  # the least evidence with which a check is PASS
    threads: int | None  # None: as many as there are processors
    minimum_copies: int | None  # None: not asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A configured place. Its UUID and history are the catalog's."""

    name: str
    url: str  # as it is written in the file
    root: bytes  # the folder, joined to the folder of the settings file
    medium: str | None
    site: str | None
    offline: bool  # it may be away without anybody being alarmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    path: Path  # of the settings file, absolute
    organization: str | None  # Source-Organization of bags, agent of PREMIS
    catalog: Catalog
    audit: Audit
    repair: Repair
    replicas: Mapping[str, Replica]  # in the order of the file
