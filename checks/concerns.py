"""What is not as it should be with the care for an archive: the one table of which status, alarms and metrics speak.

A finding is about a file; a concern is about what an archivist has to know or do. Many findings make one concern.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter
from typing import Any

from checks.evidence import Outcome
from checks.findings import Severity


class ConcernCode(StrEnum):
    """Stable names, part of the JSON, of metrics and of what is acknowledged."""

    # Of the archive.
    LOST = "lost"
    DAMAGED = "damaged"
    MASS_CHANGE = "mass-change"
    RECORD_ALTERED = "record-altered"
    UNDETERMINED = "undetermined"
    UNDER_REPLICATED = "under-replicated"
    UNKNOWN_ON_REPLICA = "unknown-on-replica"
    # Of the replicas.
    REPLICA_AWAY = "replica-away"
    WRONG_REPLICA = "wrong-replica"
    EMPTY_PLACE = "empty-place"
    CANARY_DAMAGED = "canary-damaged"
    HEAD_NOT_LEFT = "head-not-left"
    NOT_TESTED_THERE = "not-tested-there"
    # Of the auditor itself.
    SELF_TEST_FAILED = "self-test-failed"
    SILENT = "silent"
    RUN_LATE = "run-late"
    RUN_STOPPED = "run-stopped"
    OVERDUE = "overdue"
    WILL_BE_OVERDUE = "will-be-overdue"
    ASKED_NOT_READ = "asked-not-read"
    UNKNOWN_COLLECTION = "unknown-collection"
    UNKNOWN_REPLICA = "unknown-replica"
    CANNOT_KEEP = "cannot-keep"
    BACKUP_LATE = "backup-late"
    CHANNEL_FAILED = "channel-failed"
    METRICS_FAILED = "metrics-failed"
    CLOCK_WRONG = "clock-wrong"
    NOTHING_KEPT = "nothing-kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernMeaning:
    """
    Attributes:
        outcome: what it makes of the archive's state: FAIL is damage, INCONCLUSIVE is not known or not kept; PASS is a
            warning that changes no exit status.
        urgent: told at once; the rest waits for the daily letter.
        sentence: with the names of parameters in braces; `{files:file|files}` is the one word or the other, by the
            number.
        remedy: what to do, in one or two sentences for an archivist.
    """

    severity: Severity
    outcome: Outcome
    urgent: bool
    sentence: str
    remedy: str


def _error(outcome: Outcome, sentence: str, remedy: str, *, urgent: bool = False) -> ConcernMeaning:
    return ConcernMeaning(severity=Severity.ERROR, outcome=outcome, urgent=urgent, sentence=sentence, remedy=remedy)


def _warning(sentence: str, remedy: str) -> ConcernMeaning:
    return ConcernMeaning(
        severity=Severity.WARNING, outcome=Outcome.PASS, urgent=False, sentence=sentence, remedy=remedy
    )


_FAIL, _UNKNOWN = Outcome.FAIL, Outcome.INCONCLUSIVE
CONCERNS: Mapping[ConcernCode, ConcernMeaning] = {
    ConcernCode.LOST: _error(
        _FAIL,
        "{files} {files:file|files} of {packages} {packages:package|packages} cannot be made whole "
        "from any copy that is known",
        "Run `preserve report loss`. Look for other copies before anything is written anywhere.",
        urgent=True,
    ),
    ConcernCode.DAMAGED: _error(
        _FAIL,
        "{files} {files:file|files} of {packages} {packages:package|packages} "
        "{files:is not as it was|are not as they were} taken in",
        "Run `preserve report drift`, then `preserve repair`, which shows a plan before it does anything.",
    ),
    ConcernCode.MASS_CHANGE: _error(
        _FAIL,
        "{changed} of {files} {files:file|files}{of} {changed:has|have} changed at once{why}; nothing is repaired or "
        "replicated there",
        "Find out what happened to this disk before anything else; `preserve repair` tells how to go on.",
        urgent=True,
    ),
    ConcernCode.RECORD_ALTERED: _error(
        _FAIL,
        "the record of what was taken in and checked is not the one it was: {why}",
        "Run `preserve catalog check`; keep this disk as it is, and see docs/disaster.md.",
        urgent=True,
    ),
    ConcernCode.UNDETERMINED: _error(
        _UNKNOWN,
        "{shards} {shards:part|parts} of {packages} {packages:package|packages} {shards:was|were} never read, or could "
        "not be read or judged",
        "Look at the disk, its cable and its log, or at the server and its log. They are tried again by themselves; "
        "`preserve report drift` names them.",
    ),
    ConcernCode.UNDER_REPLICATED: _error(
        _UNKNOWN,  # nothing is damaged; what was asked for is not kept
        "{packages} {packages:package has|packages have} fewer good copies than {minimum}",
        "{would}",
    ),
    ConcernCode.UNKNOWN_ON_REPLICA: _warning(
        "{what} not in the catalog, such as {example}",
        "`preserve reconcile` lists it. Take in what belongs to the archive, and take the rest away by hand.",
    ),
    ConcernCode.REPLICA_AWAY: _error(
        _UNKNOWN,
        "it is not there: {why}",
        "Mount it, or bring it. Nothing is known of its copies since it was last read.",
    ),
    ConcernCode.WRONG_REPLICA: _error(
        _UNKNOWN,
        "{why}",
        "Mount the right disk there. Nothing is read from or written to this one.",
        urgent=True,
    ),
    ConcernCode.EMPTY_PLACE: _warning(
        "it may be away, but something else is in its place: {why}",
        "Mount the disk there. Where it is away, take its empty folder away too: the one looks like the other.",
    ),
    ConcernCode.CANARY_DAMAGED: _warning(
        "a file that is there for testing only was read wrongly: {why}",
        "This disk loses or changes bytes. Have it looked at; the archive's own files are told apart.",
    ),
    ConcernCode.HEAD_NOT_LEFT: _warning(
        "the head of the record could not be left there: {why}",
        "Look what stands at .preserve/heads on this disk. It no longer bears witness should the record be rewritten.",
    ),
    ConcernCode.NOT_TESTED_THERE: _warning(
        "the auditor could not be tested on this disk, and was tested in another place instead: {why}",
        "The test says less so. If this disk may be written to, let `preserve` write into its folder .preserve.",
    ),
    ConcernCode.SELF_TEST_FAILED: _error(
        _UNKNOWN,
        "{what}",
        "Install preserve anew on another machine and audit from there. What was read in this run is read again.",
        urgent=True,
    ),
    ConcernCode.SILENT: _error(
        _UNKNOWN,
        "`preserve serve` was last heard of at {at}",
        "Start it again, and look into its log: systemctl status preserve.",
        urgent=True,
    ),
    ConcernCode.RUN_LATE: _error(
        _UNKNOWN,
        "the last run began at {last}, the next was due at {due}",
        "Look whether `preserve serve`, or the cron job that runs `preserve audit --due`, is alive.",
    ),
    ConcernCode.RUN_STOPPED: _error(
        _UNKNOWN,
        "the last run (audit {audit}) {how}",
        "{would}",
    ),
    ConcernCode.OVERDUE: _error(
        _UNKNOWN,
        "{shards} {shards:shard|shards} ({size}) {shards:was|were} not read for longer than the {max_age} promised",
        "Run `preserve plan`: it says whether budget and hours are enough.",
    ),
    ConcernCode.WILL_BE_OVERDUE: _warning(
        "{how} the promise of {max_age} will be broken on {date}",
        "{would}",
    ),
    ConcernCode.CANNOT_KEEP: _error(
        _UNKNOWN,
        "the promise of {max_age} cannot be kept: {why}",
        "{would}",
    ),
    ConcernCode.ASKED_NOT_READ: _warning(
        "{shards} {shards:shard that was|shards that were} asked for or repaired {shards:waits|wait} to be read, "
        "the first since {since}",
        "Run `preserve audit --due` while this replica is there.",
    ),
    ConcernCode.UNKNOWN_COLLECTION: _warning(
        "the settings have {tables}, and there is no such collection; known are {known}",
        "Write the name as it was given to `preserve add --collection`. Until then these settings hold for nothing.",
    ),
    ConcernCode.UNKNOWN_REPLICA: _warning(
        "the settings have {tables}, of which the catalog does not know: nothing is copied to it or read there",
        "Run `preserve replica add NAME PATH` with that name and folder, or take the table out.",
    ),
    ConcernCode.BACKUP_LATE: _warning(
        "the catalog was {when}",
        "Run `preserve catalog backup`.",
    ),
    ConcernCode.CHANNEL_FAILED: _error(
        _UNKNOWN,
        "alerts did not get through by {channel} since {at}: {why}",
        "Run `preserve alert --test` until it arrives.",
    ),
    ConcernCode.METRICS_FAILED: _warning(
        "`preserve serve` works without its metrics: {why}",
        "Set another address under [serve] metrics, or stop what listens there; then start `preserve serve` again.",
    ),
    ConcernCode.CLOCK_WRONG: _error(
        _UNKNOWN,
        "the clock says {now}, and {what} is of {at}: one of them is wrong, so nobody can say how old any reading is",
        "Set this machine's clock, and look why it was not kept (timedatectl). Then everything is judged anew.",
        urgent=True,
    ),
    ConcernCode.NOTHING_KEPT: _error(
        _UNKNOWN,
        "there is no copy that could be watched over",
        "Take in bags with `preserve add`, name a place with `preserve replica add`, then run `preserve replicate`.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One cause. `replica` is empty where it is about none; `magnitude` rises as it gets worse (files, shards)."""

    code: ConcernCode
    replica: str = ""
    magnitude: int = 0
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def meaning(self) -> ConcernMeaning:
        return CONCERNS[self.code]

    @property
    def key(self) -> str:
        """What it is acknowledged by: `damaged:nas`, `silent`."""
        return f"{self.code.value}:{self.replica}" if self.replica else self.code.value

    @property
    def message(self) -> str:
        """`also` among the parameters is what more is known, in words."""
        told = _SENTENCES.vformat(self.meaning.sentence, (), self.parameters)
        told += f"; {also}" if (also := self.parameters.get("also")) else ""
        return f"{self.replica}: {told}" if self.replica else told

    @property
    def remedy(self) -> str:
        return _SENTENCES.vformat(self.meaning.remedy, (), self.parameters)


class _Sentences(Formatter):
    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> object:
        return kwargs.get(str(key), "?")

    def format_field(self, value: object, format_spec: str) -> str:
        one, either, many = format_spec.partition("|")
        return (one if str(value) == "1" else many) if either else str(value)


_SENTENCES = _Sentences()
