"""An archive to be simulated: a real workspace with a real catalog, whose files are in its inventories only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from uuid import UUID

import config
from checks.evidence import Evidence, Outcome
from checks.inventory import Entry, cut
from preserve.app.replicas import add_replica
from preserve.app.workspace import Workspace
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import CheckResult, CopyRow, NewCopy, NewPackage, PackageRow, ShardRow
from tests.campaigns.year_clock import Clock

START = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = "Europe/Vienna"  # where clocks are set twice a year
REPLICAS = ("nas", "disk", "abroad")
LARGEST_SHARD = 1 << 30
_HOURS = {"nas": "22:00-06:00", "disk": "22:00-06:00", "abroad": "01:00-04:20"}
_NIGHT_SECONDS = {"nas": 1500, "disk": 1500, "abroad": 12_000}  # in which a night's bytes can be read
_PART = 0.93  # of the target age, in which all that there is at the start can be read once


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the archive is and how long it is looked at.

    Attributes:
        packages: at the start; `grown` more are taken in until the end.
        scale: of all times; 1.0 is a year with a promise of 90 days. Nights stay nights.
        backup_days: how often at most the catalog is backed up; production does it each day.
    """

    packages: int = 400
    grown: int = 20
    files: int = 10_000
    scale: float = 1.0
    seed: int = 1
    backup_days: int = 28

    @property
    def days(self) -> int:
        return round(365 * self.scale)

    @property
    def max_age(self) -> timedelta:
        return timedelta(hours=round(2160 * self.scale))

    @property
    def target_age(self) -> timedelta:
        return timedelta(hours=round(1440 * self.scale))

    @property
    def night_bytes(self) -> int:
        """That a replica is read in a night, as the settings allow."""
        size = self.packages * self.files * 1_250_000
        return round(size / (_PART * (self.target_age / timedelta(days=1))))

    @property
    def speeds(self) -> Mapping[str, float]:
        """Bytes a second that each replica gives."""
        return {name: self.night_bytes / seconds for name, seconds in _NIGHT_SECONDS.items()}

    def settings(self, nas_budget: int | None = None) -> str:
        """nas is held by a budget of bytes, disk by one of time and by its rate, abroad by its hours."""
        limits = {
            "nas": f'budget = "{(nas_budget or self.night_bytes) // 1_000_000}MB"\n',
            "disk": f'budget = "25m"\nrate = "{round(self.speeds["disk"] / 1000)}kB/s"\n',
            "abroad": "",
        }
        text = '[catalog]\npath = "catalog.sqlite"\nkeep_backups = 2\n'
        hour = timedelta(hours=1)
        ages = f'max_age = "{self.max_age // hour}h"\ntarget_age = "{self.target_age // hour}h"'
        text += f'[audit]\nevery = "1d"\n{ages}\ntime_zone = "{ZONE}"\nthreads = 1\nminimum_copies = 3\n'
        for name in REPLICAS:
            text += f'[replica.{name}]\nurl = "{name}"\nhours = ["{_HOURS[name]}"]\n{limits[name]}'
        return text


class Archive:
    """The workspace under simulation. A context manager."""

    def __init__(self, folder: Path, shape: Shape, clock: Clock) -> None:
        self.folder, self.shape, self.clock = folder, shape, clock
        self.copies: list[CopyRow] = []
        self.sizes: dict[int, dict[int, int]] = {}  # inventory -> shard -> bytes
        self._made = 0
        path = folder / "preserve.toml"
        path.write_text(shape.settings(), encoding="utf-8")
        Catalog.create(folder / "catalog.sqlite", clock()).close()
        self.workspace = Workspace(config.load(path))
        self.workspace.clock = clock
        for name in REPLICAS:
            (folder / name).mkdir()
            add_replica(self.workspace, name, str(folder / name), medium=None, site=None, offline=False)
        self.ids = {replica.name: replica.id for replica in self.workspace.replicas()}
        self.names = {id_: name for name, id_ in self.ids.items()}

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.workspace.close() if hasattr(self.workspace, "close") else self.workspace.catalog.close()

    def settings(self, nas_budget: int | None = None) -> config.Settings:
        """Writes `preserve.toml` anew and reads it."""
        path = self.folder / "preserve.toml"
        path.write_text(self.shape.settings(nas_budget), encoding="utf-8")
        return config.load(path)

    def fill(self, days: int) -> None:
        """Takes the packages in over the days before the start, and places each on its day; abroad they are not read
        back, and the last of them stay unread."""
        for day in range(days):
            self.clock.pass_to(START - timedelta(days=days - day))
            count = self.shape.packages * (day + 1) // days - self.shape.packages * day // days
            self.take_in(count, unread=("abroad",) if day >= days * 0.9 else ())

    def take_in(self, count: int, *, unread: tuple[str, ...]) -> list[CopyRow]:
        """Takes so many packages in and records their copies, read back but on some replicas."""
        catalog, now = self.workspace.catalog, self.clock()
        made: list[CopyRow] = []
        for package in catalog.add_packages(self._packages(count), at=now):
            shards = catalog.shards(package.inventory_id)
            self.sizes[package.inventory_id] = {shard.id: shard.bytes_to_read for shard in shards}
            new = [self._copy(package, shards, name, now, read=name not in unread) for name in REPLICAS]
            made += catalog.record_copies(new, now)
        self.copies += made
        return made

    def _packages(self, count: int) -> Iterator[NewPackage]:
        for number in range(self._made, self._made + count):
            rng = Random(self.shape.seed * 1_000_003 + number)
            name = f"box-{number:04d}"
            sizes = (rng.randrange(500_000, 2_000_000) for _ in range(self.shape.files))
            paths = (b"data/%04d/%06d.tif" % (place // 500, place) for place in range(self.shape.files))
            prefix = name.encode()
            entries = (
                Entry(path, size, sha256(prefix + path).digest()) for path, size in zip(paths, sizes, strict=True)
            )
            yield NewPackage(
                uuid=UUID(int=number + 1), identifier=name, collection="Photographs", records=list(cut(entries))
            )
        self._made += count

    def _copy(self, package: PackageRow, shards: list[ShardRow], name: str, now: datetime, *, read: bool) -> NewCopy:
        return NewCopy(
            inventory_id=package.inventory_id,
            replica_id=self.ids[name],
            location=package.identifier.encode(),
            checks=[_read_back(shard, now) for shard in shards] if read else [],
        )


def _read_back(shard: ShardRow, now: datetime) -> CheckResult:
    return CheckResult(
        copy_id=0,
        shard_id=shard.id,
        audit_id=None,
        lease_token=None,
        started_at=now,
        ended_at=now,
        evidence=Evidence.READ,
        outcome=Outcome.PASS,
        good=shard.files,
        bad=0,
        unread=0,
        bytes_read=shard.bytes_to_read,
        observed_root=shard.root,
    )
