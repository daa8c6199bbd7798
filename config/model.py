"""What the settings say, once read: nothing here has to be checked again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from config.addresses import Address, FolderAddress, SecretSource
from config.schedule import Every
from config.windows import Window

EvidenceName = Literal["read", "read-medium"]


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
class Promise:
    """Every byte is read at least once in `max_age`; `target_age`, never longer, is aimed at so that this holds."""

    max_age: timedelta
    target_age: timedelta
    evidence: EvidenceName  # the least evidence with which a check is PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPromise:
    """What the table of one collection or replica promises; None: nothing. The ages are both set or both None."""

    max_age: timedelta | None = None
    target_age: timedelta | None = None
    evidence: EvidenceName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a replica may be read, and how much of it is used for that."""

    every: Every  # when `serve` looks for what is due
    hours: tuple[Window, ...]  # empty: always
    budget_bytes: int | None  # of one run; None: as much as is due
    budget_time: timedelta | None  # of one run
    rate_bytes_per_second: int | None
    concurrency: int | None  # shards read at once; None: as many as there are threads
    grace: timedelta  # how late a run may be before somebody is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The table for all: what holds wherever a collection or a replica has nothing of its own."""

    promise: Promise
    limits: Limits
    threads: int | None  # None: as many as there are processors
    minimum_copies: int | None  # None: not asked for
    time_zone: ZoneInfo | None  # of hours and cron lines; None: the machine's

    @property
    def every(self) -> Every:
        return self.limits.every

    @property
    def max_age(self) -> timedelta:
        return self.promise.max_age

    @property
    def target_age(self) -> timedelta:
        return self.promise.target_age

    @property
    def evidence(self) -> EvidenceName:
        return self.promise.evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A configured place. Its UUID and history are the catalog's."""

    name: str
    url: str  # as it is written in the file; no secret can be in it
    address: Address
    medium: str | None
    site: str | None
    offline: bool  # it may be away without anybody being alarmed
    own: OwnPromise
    limits: Limits  # with those of the table for all where it has none of its own
    secret: SecretSource | None = None  # None: the SDK's own chain, or the agent's and the usual keys
    write_rate_bytes_per_second: int | None = None  # of `replicate`

    @property
    def folder(self) -> bytes | None:
        """The folder on this machine, joined to the folder of the settings file; None for a place elsewhere."""
        return self.address.root if isinstance(self.address, FolderAddress) else None

    @property
    def root(self) -> bytes:
        """Its folder. ValueError for a place elsewhere: ask `folder` where that may be."""
        if self.folder is None:
            raise ValueError(f"the replica {self.name} is no folder of this machine")
        return self.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What is promised of one collection; its name is the one given to `preserve add --collection`."""

    name: str
    own: OwnPromise
    minimum_copies: int | None  # None: that of the table for all


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Where to find whom to tell. The addresses themselves hold secrets and never stand in the settings."""

    urls_file: Path | None  # to be read with `secret_lines`; one address a line
    ping_url_file: Path | None  # likewise; one address
    digest_minute: int  # of the day, 0 to 1439
    repeat: timedelta  # how often what nobody has acknowledged is told again


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    metrics: tuple[str, int] | None  # host and port of /metrics; None: nowhere
    metrics_open: bool  # the host may be another than this machine alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Archivematica:
    """The Storage Service whose AIPs are checked."""

    url: str  # without a slash at its end; no secret can be in it
    user: str
    secret: SecretSource  # of the user's API key
    command: Path | None  # None: the `fixity` that is installed
    timeout: timedelta  # of one AIP's check


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    path: Path  # of the settings file, absolute
    organization: str | None  # Source-Organization of bags, agent of PREMIS
    catalog: Catalog
    audit: Audit
    repair: Repair
    alerts: Alerts
    serve: Serve
    replicas: Mapping[str, Replica]  # in the order of the file
    collections: Mapping[str, Collection] = field(default_factory=dict)  # likewise
    archivematica: Archivematica | None = None

    @property
    def time_zone(self) -> ZoneInfo | None:
        """Of hours and cron lines; None: the machine's."""
        return self.audit.time_zone

    def promise(self, collection: str, replica: str) -> Promise:
        """What is promised of a collection's copies on a replica.

        What one of the two sets goes before the table for all. What both set: the stricter, but on a replica that is
        offline its own, since nobody can read what lies in a safe. Names that are not in the settings have the table
        for all.
        """
        place, asked = self.replicas.get(replica), self.collections.get(collection)
        own = [each.own for each in (place, asked) if each is not None]
        ages = [each for each in own if each.max_age is not None]
        evidence = [each.evidence for each in own if each.evidence is not None]
        if place is not None and place.offline:
            ages, evidence = ages[:1], evidence[:1]
        base = self.audit.promise
        return Promise(
            max_age=min((each.max_age for each in ages if each.max_age), default=base.max_age),
            target_age=min((each.target_age for each in ages if each.target_age), default=base.target_age),
            evidence="read-medium" if "read-medium" in evidence else evidence[0] if evidence else base.evidence,
        )

    def limits(self, replica: str) -> Limits:
        """Those of a replica; of the table for all where it is not in the settings."""
        place = self.replicas.get(replica)
        return self.audit.limits if place is None else place.limits

    def minimum_copies(self, collection: str) -> int | None:
        """How many good copies each package of a collection is to have; None: not asked for."""
        asked = self.collections.get(collection)
        own = None if asked is None else asked.minimum_copies
        return self.audit.minimum_copies if own is None else own
