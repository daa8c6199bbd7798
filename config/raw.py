"""The tables as they stand in the file, with their defaults: the one list of what may be set.

None stands for a line that is left out.
"""

from typing import Annotated, Literal

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=1, le=1024)]
_Evidence = Literal["read", "read-medium"]
_Texts = str | list[str]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    path: str = "catalog.sqlite"
    keep_backups: _Count = 5


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    mass_change_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    mass_change_files: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 20


class Promised(msgspec.Struct, frozen=True, kw_only=True):
    """May stand in all three: [audit], [replica.NAME], [collection."NAME"]."""

    max_age: str | None = None
    target_age: str | None = None
    evidence: _Evidence | None = None


class Limited(Promised, frozen=True, kw_only=True):
    """May stand in [audit] and [replica.NAME]."""

    every: str | None = None
    hours: _Texts | None = None
    budget: _Texts | None = None
    rate: str | None = None
    concurrency: _Count | None = None
    grace: str | None = None


class Audit(Limited, frozen=True, kw_only=True):
    threads: _Count | None = None
    minimum_copies: _Count | None = None
    time_zone: str | None = None


class Replica(Limited, frozen=True, kw_only=True):
    url: str
    medium: str | None = None
    site: str | None = None
    offline: bool = False
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None
    storage_class: str | None = None
    secret: str | None = None
    known_hosts: str | None = None
    key: str | None = None
    write_rate: str | None = None


class Collection(Promised, frozen=True, kw_only=True):
    minimum_copies: _Count | None = None


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    urls_file: str | None = None
    ping_url_file: str | None = None
    digest: str = "08:00"
    repeat: str = "1d"


class Serve(msgspec.Struct, frozen=True, kw_only=True):
    metrics: str | None = None
    metrics_open: bool = False


class Archivematica(msgspec.Struct, frozen=True, kw_only=True):
    url: str | None = None
    user: str | None = None
    secret: str | None = None
    command: str | None = None
    timeout: str = "6h"


MAX_AGE, EVERY, GRACE = "90d", "1d", "6h"  # where [audit] does not say otherwise
EVIDENCE: _Evidence = "read"

SECTIONS: dict[str, tuple[str, ...]] = {
    "catalog": Catalog.__struct_fields__,
    "audit": Audit.__struct_fields__,
    "repair": Repair.__struct_fields__,
    "alerts": Alerts.__struct_fields__,
    "serve": Serve.__struct_fields__,
    "archivematica": Archivematica.__struct_fields__,
    "replica": Replica.__struct_fields__,  # of each replica
    "collection": Collection.__struct_fields__,  # of each collection
}
NAMED = {"replica": "[replica.NAME]", "collection": '[collection."NAME"]'}  # those with tables of their own below them
ROOT = ("organization", *SECTIONS)
REMEDIES = {
    "organization": 'write it in quotes, such as "Name of your archive"',
    "path": 'write a file name in quotes, such as "catalog.sqlite"',
    "evidence": 'write "read" or "read-medium"',
    "every": 'write an interval such as "1d", or five cron fields such as "0 2 * * *"',
    "max_age": 'write it in quotes with its unit, such as "90d"',
    "target_age": 'write it in quotes with its unit, such as "60d"',
    "hours": 'write a list such as ["22:00-06:00", "sat,sun 00:00-24:00"]',
    "budget": 'write a size such as "200GB", a time such as "4h", or both: ["200GB", "4h"]',
    "rate": 'write it in quotes, such as "50MB/s"',
    "concurrency": "write a whole number, such as 2, or leave the line out",
    "grace": 'write it in quotes with its unit, such as "6h"',
    "time_zone": 'write a name such as "Asia/Phnom_Penh", or leave the line out',
    "threads": "write a whole number, such as 2, or leave the line out",
    "minimum_copies": "write a whole number, such as 3, or leave the line out",
    "keep_backups": "write a whole number, such as 5",
    "mass_change_share": "write a number above 0 and up to 1, such as 0.5",
    "mass_change_files": "write a whole number, such as 20",
    "url": 'write the place in quotes, such as "/mnt/nas", "s3://bucket/prefix" or "sftp://user@host/path"',
    "endpoint": 'write it in quotes, such as "https://s3.example.org"',
    "region": 'write it in quotes, such as "eu-central-1"',
    "profile": 'write it in quotes, such as "archive"',
    "path_style": "write true or false, without quotes",
    "storage_class": 'write it in quotes, such as "STANDARD_IA"',
    "secret": 'write "env:NAME", "file:PATH" or "keyring:SERVICE/USER"',
    "known_hosts": 'write a file name in quotes, such as "known_hosts"',
    "key": 'write a file name in quotes, such as "id_ed25519"',
    "write_rate": 'write it in quotes, such as "20MB/s"',
    "medium": 'write it in quotes, such as "disk"',
    "site": 'write it in quotes, such as "Phnom Penh"',
    "offline": "write true or false, without quotes",
    "urls_file": 'write a file name in quotes, such as "alert-urls"',
    "ping_url_file": 'write a file name in quotes, such as "ping-url"',
    "digest": 'write hours and minutes in quotes, such as "08:00"',
    "repeat": 'write it in quotes with its unit, such as "1d"',
    "metrics": 'write an address and a port in quotes, such as "127.0.0.1:9108"',
    "metrics_open": "write true or false, without quotes",
    "user": 'write it in quotes, such as "archivist"',
    "command": 'write a file name in quotes, such as "/opt/fixity/bin/fixity", or leave the line out',
    "timeout": 'write it in quotes with its unit, such as "6h"',
    "replica": 'write [replica.NAME] on a line of its own, and url = "/its/folder" below it',
    "collection": 'write [collection."NAME"] on a line of its own, and its settings below',
}
