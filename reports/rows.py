"""What reports are fed with: frozen rows that the app fills. Times are aware UTC, sizes are bytes.

A view may be cut for the screen (`packages`, `lines`, `findings`); its totals never are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from checks.carried import Bringing
from checks.concerns import Concern
from checks.evidence import Outcome
from checks.findings import Severity
from checks.verdicts import FileVerdict, Verdict


class CellState(StrEnum):
    """One copy at a glance, from best to worst."""

    GOOD = "good"  # every byte read in time, nothing found
    ABSENT = "absent"  # the replica is away now; what is known is as old as its last reading
    OVERDUE = "overdue"  # read, but longer ago than promised
    UNREAD = "unread"  # some of it was never read
    UNCLEAR = "unclear"  # something could not be read or judged
    NO_COPY = "no-copy"  # this package was not placed there
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyCell:
    """One package at one replica. `state` is what the app knows (absent, no copy); the rest can only worsen it."""

    replica: str
    state: CellState = CellState.GOOD
    oldest_read_at: datetime | None = None  # None while any part was never read
    evidence: str | None = None  # label of the weakest, where read
    damage: int = 0  # open findings
    undetermined: int = 0
    warnings: int = 0
    files: int = 0
    location: bytes = b""
    max_age: timedelta | None = None  # what is promised of it; None: what is promised of all


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLine:
    identifier: str
    collection: str
    verdict: Verdict
    files: int
    size_bytes: int
    copies: tuple[CopyCell, ...]  # at most one a replica
    source: str = ""  # the bag that was taken in, as it may be shown; no copy
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionLine:
    """What keeps deleted and changed files at a provider."""

    versioning: str  # on, suspended, off, unknown
    lock: str = ""  # words of the provider's rule; empty: none
    why_unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLine:
    name: str
    url: str  # as it may be shown: without passwords
    where: str = ""  # the place, for people; empty: as the url
    kind: str = "folder"  # or s3, sftp
    medium: str | None = None
    protection: ProtectionLine | None = None  # None: nobody looked, or no provider says
    site: str | None = None
    available: bool | None = None  # None: nobody looked
    offline: bool = False  # it may be away
    why_not: str = ""
    oldest_read_at: datetime | None = None
    overdue_shards: int = 0
    bringing: Bringing | None = None  # by when it is to be brought, where it is away as it may be
    found_at: str = ""  # where it is, if not at `url`


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """A finding, of an audit or of a validation. `message` has names already made showable."""

    code: str
    severity: Severity
    message: str
    package: str | None = None
    replica: str | None = None
    version: int | None = None  # of the package, where it is not the current one
    path: bytes | None = None
    expected: Mapping[str, object] | None = None
    observed: Mapping[str, object] | None = None
    opened_at: datetime | None = None
    seen_at: datetime | None = None
    section: str | None = None  # of the specification
    tag_file: bytes | None = None  # which says it, and in which line (from 1)
    tag_line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    generated_at: datetime
    packages: tuple[PackageLine, ...]
    total_packages: int
    verdict_counts: Mapping[Verdict, int]  # over all packages
    replicas: tuple[ReplicaLine, ...]
    max_age: timedelta
    files_lost: int = 0  # over all packages
    one_copy: int = 0  # packages with no more than one, where nobody said how many there should be
    last_audit: "AuditView | None" = None
    findings: tuple[FindingLine, ...] = ()  # open ones
    total_findings: int | None = None  # None: `findings` is all
    warnings: tuple[str, ...] = ()
    concerns: tuple[Concern, ...] = ()  # what is not as it should be with the care, the worst first


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRead:
    at: datetime
    evidence: str  # label


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    package: str
    file: FileVerdict
    size_bytes: int | None = None
    reads: Mapping[str, LastRead] = field(default_factory=dict)  # replica -> when that file was last read there
    source: str = ""  # the bag that was taken in, where it still stands: no copy, and not read since


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftView:
    """Files whose copies are not all as taken in."""

    generated_at: datetime
    lines: tuple[FileLine, ...]
    verdict_counts: Mapping[Verdict, int]  # of files, over everything looked at, the intact ones too
    findings: tuple[FindingLine, ...] = ()
    total_findings: int | None = None
    unread_copies: tuple[str, ...] = ()  # "package at replica", never read through: nothing is said of their files

    @property
    def total_lines(self) -> int:
        return sum(count for verdict, count in self.verdict_counts.items() if verdict is not Verdict.INTACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossView:
    """What cannot be made whole from any copy that is known; with it, what is unknown and so may be lost."""

    generated_at: datetime
    lines: tuple[FileLine, ...]  # lost files, and those that may be
    verdict_counts: Mapping[Verdict, int]  # of files, over everything looked at
    may_be_lost: int = 0  # files that no read copy holds rightly, while another copy was not read, or there is none
    findings: tuple[FindingLine, ...] = ()
    total_findings: int | None = None
    lost_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReplica:
    name: str
    planned: int
    done: int
    passed: int
    failed: int
    inconclusive: int
    bytes_read: int = 0
    why_not: str = ""  # filled where the replica was not there


@dataclass(frozen=True, slots=True)
class LeftLine:
    """Shards of one replica that were due when a run began and that it left."""

    replica: str
    shards: int
    why: str  # hours, budget, away
    opens_at: datetime | None = None  # its hours, in their zone


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One run. Its checks are shards of copies."""

    id: int | None  # None: a reading of some files, asked for by a person, that is no run
    scope: str  # in words: what was asked for
    state: str  # running, stopped, ended
    opened_at: datetime
    ended_at: datetime | None
    required: str  # label of the least evidence for PASS
    planned: int
    done: int
    passed: int
    failed: int
    inconclusive: int
    files_good: int
    files_bad: int
    files_unread: int
    bytes_read: int
    due_only: bool = False  # it asked for what is due; nothing due is then good
    waiting: int = 0  # shards left out because they could not be determined a short time ago
    reason: str = ""  # why it stopped: hours, budget-time, replica-unavailable, stopped, died, self-test
    away: Mapping[str, str] = field(default_factory=dict)  # replicas that were not there, and may not be away: why
    carried: Mapping[str, str] = field(default_factory=dict)  # those that were not there and may be away: why
    untested: Mapping[str, str] = field(default_factory=dict)  # where no test of the auditor followed the reading: why
    left: tuple[LeftLine, ...] = ()  # what was due, and was not to be read in this run
    left_past_promise: int = 0  # shards of it that were not read for longer than is promised, or never
    by_replica: tuple[AuditReplica, ...] = ()
    findings: tuple[FindingLine, ...] = ()
    total_findings: int | None = None
    segmented: bool = False  # whether a large file counts as many times as it has segments


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """A file of which another tool says something else than we; None is the whole bag. Both words may be shown."""

    path: bytes | None
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionView:
    """What another tool says of the same bag."""

    tool: str
    verdict: str
    had: bool  # there is an opinion; else `why` says why not
    agrees: bool
    why: str = ""
    differences: tuple[DifferenceLine, ...] = ()
    more_differences: int = 0
    explanations: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = ()  # algorithms, where it did not look at all of the bag's


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to do about one kind of finding; `section` of RFC 8493 may be empty."""

    code: str
    section: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationView:
    path: bytes
    verdict: str  # the word of the validator: valid, complete, invalid, incomplete, …
    outcome: Outcome
    counts: Mapping[str, int]
    findings: Collection[FindingLine] = ()  # may be millions: gone through again and again, never held
    severities: Mapping[str, int] | None = None  # how many findings of each, where that was counted already
    remedies: tuple["Remedy", ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)  # version, algorithms, profile, what was read
    notes: tuple[str, ...] = ()
    second_opinion: OpinionView | None = None  # where it was asked for
