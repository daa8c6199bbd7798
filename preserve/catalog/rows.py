"""What goes into the catalog and comes out of it: frozen values, times as aware UTC, sizes in bytes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from checks.inventory import Entry, Record
from checks.policy import Wanted
from checks.verdicts import Verdict
from preserve.catalog.dayrows import AlertRow as AlertRow
from preserve.catalog.dayrows import ChannelRow as ChannelRow
from preserve.catalog.dayrows import Heartbeat as Heartbeat
from preserve.catalog.dayrows import ReadAge as ReadAge
from preserve.catalog.dayrows import Speed as Speed


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPackage:
    """A package's first version, as ingest hands it in. `records` cover every path, in order."""

    uuid: UUID
    identifier: str
    collection: str
    records: Iterable[Record]
    large_files: Sequence[Entry] = ()
    source: bytes | None = None  # absolute path of the bag handed in: an unmanaged source, never a copy
    facts: Mapping[str, str] = field(default_factory=dict)  # bag version, algorithms, who took it in


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    id: int
    uuid: UUID
    identifier: str
    collection: str
    inventory_id: int  # of the current version
    version: int
    files: int
    size_bytes: int
    root: bytes
    added_at: datetime
    source: bytes | None
    verdict: Verdict
    removed_at: datetime | None = None  # deaccessioned


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRow:
    id: int
    inventory_id: int
    start: bytes  # positions, see checks.inventory; stop b"" is without end
    stop: bytes
    files: int
    bytes_to_read: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaRow:
    id: int
    uuid: UUID
    name: str
    added_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRow:
    """One version of one package at one replica, with its summary."""

    id: int
    package_id: int
    inventory_id: int
    replica_id: int
    replica: str  # its name
    package: str  # its identifier
    location: bytes  # folder below the replica's root
    recorded_at: datetime
    version: int
    current: bool  # whether it is of the package's current version
    shards: int
    shards_read: int  # shards ever read through (evidence READ or better)
    oldest_read_at: datetime | None  # None while any shard was never read
    damage: int  # open findings that make a check FAIL
    undetermined: int  # open findings that make a check INCONCLUSIVE
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTimes:
    """When every expected entry of a shard of a copy last reached a level, by level; absent: never."""

    at: Mapping[Evidence, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCopy:
    """A copy that was written, read back and is now to be recorded; `checks` are its reading back, shard by shard.

    `adopted_by`: nobody wrote it for us: it lay there, and who adopted it in place; empty for what we wrote.
    """

    inventory_id: int
    replica_id: int
    location: bytes
    checks: "Sequence[CheckResult]"
    adopted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One shard (or some named paths of it) of one copy, read once.

    `paths` is None for a whole shard, else the paths that were read. `lease_token` is None only for what needs no
    lease: reading back a copy that is not recorded yet, or a person's `--path`.
    """

    copy_id: int  # 0 inside NewCopy
    shard_id: int
    audit_id: int | None
    lease_token: int | None
    started_at: datetime
    ended_at: datetime
    evidence: Evidence  # the weakest that any expected entry reached
    outcome: Outcome
    good: int
    bad: int
    unread: int
    bytes_read: int
    observed_root: bytes | None  # None where not every expected entry was read
    findings: Sequence[Finding] = ()
    paths: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRow:
    """A finding as the catalog keeps it: opened, seen again and closed by checks (numbers in the journal)."""

    id: int
    finding: Finding
    package: str
    replica: str
    copy_id: int
    package_id: int
    version: int  # of the package, whose copy it is
    current: bool  # whether that is the package's current version
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None

    @property
    def code(self) -> Code:
        return self.finding.code


class AuditState(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"  # before its end: interrupted, or found dead; can be resumed
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    id: int
    opened_at: datetime
    ended_at: datetime | None
    state: AuditState
    required: Evidence
    planned: int  # checks it set out to do
    done: int
    passed: int
    failed: int
    inconclusive: int
    files_good: int
    files_bad: int
    files_unread: int
    bytes_read: int
    scope: Mapping[str, object]  # what was asked for: packages, replicas, due, by whom
    reason: str = ""  # why it stopped: hours, budget-time, replica-unavailable, stopped, died, self-test


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to check one shard of one copy until it expires; `token` rises with every lease ever given."""

    audit_id: int
    copy_id: int
    shard_id: int
    token: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DueShard:
    """A shard of a copy with what the policy needs to put it in order."""

    copy_id: int
    shard_id: int
    replica_id: int
    collection: str
    bytes_to_read: int
    files: int
    read_at: datetime | None  # at the required evidence; None: never
    not_before: datetime | None
    failures: int  # in a row, without reaching what was required
    wanted: Wanted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """One link of the chain: `hash` is SHA-256 over number (8 bytes big-endian), `previous` and `body`."""

    number: int
    kind: str
    previous: bytes
    body: bytes  # the exact bytes hashed: canonical JSON
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """How far an audit came with one copy."""

    copy_id: int
    package: str
    replica: str
    planned: int  # shards
    done: int
    passed: int
    failed: int
    inconclusive: int
    files_good: int
    files_bad: int
    files_unread: int
    bytes_read: int
    evidence: Evidence | None  # the weakest of its checks; None before the first
    started_at: datetime | None  # of its first check
    ended_at: datetime | None  # of its last


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStatus:
    """One replica over all its copies."""

    replica_id: int
    replica: str
    copies: int
    shards: int
    shards_read: int
    oldest_read_at: datetime | None  # None unless every shard was read at least once
    damage: int
    undetermined: int
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCounts:
    packages: Mapping[Verdict, int]
    replicas: Sequence[ReplicaStatus]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenCopy:
    """A copy that shows mass change: `changed` of its `files` are not as they were taken in; `gone`: nor is it."""

    copy: CopyRow
    changed: int
    files: int
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFile:
    """A file that some version of some package is expected to have."""

    inventory_id: int
    path: bytes
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The journal's last link as somebody saw it once, and kept it outside the catalog."""

    number: int
    hash: bytes
    at: datetime | None
    where: str  # showable: a replica, a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One place where the catalog is not what its journal says, in words for people. All texts are showable."""

    where: str  # a table, `journal`, or `catalog` for the file as such
    number: int | None  # of the journal's link that says otherwise, where it is one
    message: str
    expected: str = ""
    found: str = ""
