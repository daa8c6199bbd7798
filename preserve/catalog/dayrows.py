"""What the catalog tells of the day: who is alive, who was told, how fast and how long ago was read. See `rows`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from checks.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """When `serve` was last alive, and what it was about."""

    at: datetime
    holder: str  # host:pid:start
    host: str
    every_seconds: float  # how often it means to be heard of
    next_run_at: datetime | None
    audit_id: int | None  # that is running
    version: str  # of the program


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What was read of a replica, and in how long: seconds in which at least one shard of it was being read."""

    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAge:
    """How many shards of a collection on a replica last reached a level of evidence on one day, or within less."""

    replica_id: int
    replica: str
    collection: str
    evidence: Evidence  # that was asked for
    day: date | None  # in UTC; None: never
    shards: int
    bytes: int
    at: datetime | None = None  # where less than a day is told of: when that span began


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """A cause of which somebody was told, or is to be told; `key` as in `checks.concerns.Concern.key`."""

    key: str
    first_at: datetime
    last_at: datetime  # when it was last seen to stand
    count: int
    detail: Mapping[str, object] = field(default_factory=dict)  # fit for JSON
    sent_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """How a channel of alerts fared. `failed_at` is when it first failed since it last got through; None: it works."""

    name: str
    last_ok_at: datetime | None
    failed_at: datetime | None
    why: str
