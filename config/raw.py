"""The tables as they stand in the file, with their defaults: the one list of what may be set."""

from typing import Annotated, Literal

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=1, le=1024)]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    path: str = "catalog.sqlite"
    keep_backups: _Count = 5


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    mass_change_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    mass_change_files: Annotated[int, msgspec.Meta(ge=1)] = 20


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    every: str = "1d"
    max_age: str = "90d"
    target_age: str | None = None
    evidence: Literal["read", "read-medium"] = "read"
    threads: _Count | None = None
    minimum_copies: _Count | None = None


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    url: str
    medium: str | None = None
    site: str | None = None
    offline: bool = False


ROOT = ("organization", "catalog", "audit", "repair", "replica")
SECTIONS: dict[str, tuple[str, ...]] = {
    "catalog": Catalog.__struct_fields__,
    "audit": Audit.__struct_fields__,
    "repair": Repair.__struct_fields__,
    "replica": Replica.__struct_fields__,  # of each replica
}
REMEDIES = {
    "evidence": 'write "read" or "read-medium"',
    "every": 'write an interval such as "1d", or five cron fields such as "0 2 * * *"',
    "max_age": 'write it in quotes with its unit, such as "90d"',
    "target_age": 'write it in quotes with its unit, such as "60d"',
    "threads": "write a whole number, such as 2, or leave the line out",
    "minimum_copies": "write a whole number, such as 3, or leave the line out",
    "keep_backups": "write a whole number, such as 5",
    "mass_change_share": "write a number above 0 and up to 1, such as 0.5",
    "mass_change_files": "write a whole number, such as 20",
    "url": 'write the folder in quotes, such as "/mnt/nas"',
    "offline": "write true or false, without quotes",
    "replica": 'write [replica.NAME] on a line of its own, and url = "/its/folder" below it',
}
