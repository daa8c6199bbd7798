"""What is known of an archive at one moment: all that is asked for before anybody says how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.advice import Advice
from checks.carried import Bringing
from checks.forecast import Outlook

_AS_PLANNED = frozenset({"hours", "budget-time", "other-run"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaState:
    """One replica in use.

    Attributes:
        there: whether it is there now; None: nobody looked. `wrong`: another disk is in its place;
            `unnamed`: a folder without an identity is.
        offline: it may be away without anybody being alarmed.
        damaged_files, damaged_packages: with open findings that are damage.
        unsettled_shards, unsettled_packages: never read, or without an answer from their last reading.
        changed_files, changed_of: where it shows mass change; else 0. `changed_packages`: their identifiers, and
            `gone_packages` those of them whose copy's folder is missing.
        good_on: the replicas on which every file is good that is damaged here.
        overdue_shards, overdue_bytes: not read for longer than promised.
        oldest_read_at: None while anything was never read.
        max_age, target_age: the strictest that any of its copies has; None without copies.
        last_run_at: when the last run for what is due was begun; None: never.
        run_due_at: when the next one is due, from the last one or, without one, from the oldest copy; None while one
            goes on.
        outlook, advice: the forecast, and what would keep the promise where it is not kept.
        self_test_failed, canaries: why the last self-test failed, and which canaries it found damaged.
        not_tested: why the auditor was tested in another place than this; empty: it was tested here.
        disbelieved_shards: that were read by an auditor whose test failed, and were not read again since.
        asked_shards: asked for or repaired, and not read since; `asked_since`: the first of them.
        head_not_left: why the journal's head could not be left there by the last run; empty: it was.
        bringing: by when it has to be there so that its promise holds; None without copies.
        found_at: where it was found, if that is not where the settings say; else empty.
        surveyed: bags, folders and files that no copy accounts for, how many more, and one of them.
    """

    name: str
    copies: int = 0
    there: bool | None = True
    why_not: str = ""
    wrong: bool = False
    unnamed: bool = False
    offline: bool = False
    damaged_files: int = 0
    damaged_packages: int = 0
    unsettled_shards: int = 0
    unsettled_packages: int = 0
    changed_files: int = 0
    changed_of: int = 0
    changed_packages: tuple[str, ...] = ()
    gone_packages: tuple[str, ...] = ()
    good_on: tuple[str, ...] = ()
    overdue_shards: int = 0
    overdue_bytes: int = 0
    oldest_read_at: datetime | None = None
    newest_read_at: datetime | None = None
    max_age: timedelta | None = None
    target_age: timedelta | None = None
    last_run_at: datetime | None = None
    run_due_at: datetime | None = None
    grace: timedelta = timedelta(0)
    outlook: Outlook | None = None
    advice: Advice | None = None
    self_test_failed: str = ""
    canaries: str = ""
    not_tested: str = ""
    disbelieved_shards: int = 0
    asked_shards: int = 0
    asked_since: datetime | None = None
    head_not_left: str = ""
    bringing: Bringing | None = None
    found_at: str = ""
    surveyed: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The last sign of life of `preserve serve`. `stopped`: it said that it ends."""

    at: datetime
    every_seconds: float
    next_run_at: datetime | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run for what is due. `dead`: it says that it is running, and the process is no more."""

    audit: int
    done: int
    planned: int
    stopped: bool
    dead: bool = False
    reason: str = ""

    @property
    def disbelieved(self) -> bool:
        """The auditor's test of itself failed: whatever was done counts for nothing."""
        return self.stopped and self.reason == "self-test"

    @property
    def went_wrong(self) -> bool:
        """It ended before its end, and otherwise than by the limits that are set for it."""
        return self.dead or (self.stopped and self.reason not in _AS_PLANNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """By which alerts go out."""

    name: str
    failed_at: datetime | None
    last_ok_at: datetime | None
    why: str = ""

    @property
    def fails(self) -> bool:
        return self.failed_at is not None and (self.last_ok_at is None or self.last_ok_at < self.failed_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """The whole.

    Attributes:
        newest_at: of the last link of the journal: no clock should show an earlier time.
        lost_packages to few_packages: packages by verdict; `minimum` copies are asked for, in words, and nowhere
            more than `most_wanted`.
        altered: why the record cannot be the one it was; empty: nothing speaks for that.
        backed_up_at: None: never. `backup_wanted`: something was recorded since.
        unknown_replicas: those of the settings that were never added to the catalog.
        unknown_collections: those of the settings that the catalog, which knows `collections`, does not.
        no_metrics: why the service that lives cannot be asked for metrics; empty: it can, or need not be.
    """

    now: datetime
    replicas: tuple[ReplicaState, ...]
    packages: int = 0
    newest_at: datetime | None = None
    lost_files: int = 0
    lost_packages: int = 0
    degraded_packages: int = 0
    unknown_packages: int = 0
    few_packages: int = 0
    minimum: str = ""
    most_wanted: int = 0
    altered: str = ""
    heartbeat: Beat | None = None
    last_run: LastRun | None = None
    backed_up_at: datetime | None = None
    backup_wanted: bool = False
    channels: tuple[Channel, ...] = ()
    no_metrics: str = ""
    unknown_replicas: tuple[str, ...] = ()
    unknown_collections: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()

    @property
    def copies(self) -> int:
        return sum(replica.copies for replica in self.replicas)
