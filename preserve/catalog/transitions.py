"""What a check makes of the open findings and times of its shard. Pure rules; `committing` carries them out.

A check clears only what it can speak of: findings on paths that it read, last seen before it began. Damage is
cleared only by a check that read all that it set out to read; what is in doubt clears nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding, Severity
from checks.policy import LONGEST_WAIT
from preserve.catalog.rows import CheckResult

# These speak of the copy as a whole: one each for a copy, whichever shard's check met with it.
COPY_WIDE = frozenset({Code.COPY_MISSING, Code.REPLICA_UNAVAILABLE})

_FIRST_WAIT = timedelta(minutes=1)
AHEAD = timedelta(days=1)

Slot = tuple[bool, bytes, Code | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An open finding. `shard_id` is 0 for the codes that are COPY_WIDE."""

    id: int
    copy_id: int
    shard_id: int
    finding: Finding
    seen_at: datetime


@dataclass(slots=True)
class Settled:
    """What one check does to the findings of its shard and copy."""

    opened: list[Finding] = field(default_factory=list)
    seen: list[tuple[Standing, Finding]] = field(default_factory=list)
    closed: list[Standing] = field(default_factory=list)


def slot(finding: Finding) -> Slot:
    """What there can be only one open finding of: one error for a path; warnings stand beside it, one for each code."""
    warned = None if finding.severity is Severity.ERROR else finding.code
    return finding.code in COPY_WIDE, finding.path or b"", warned


def settle(result: CheckResult, standing: Sequence[Standing]) -> Settled:
    """What a check opens, sees again and closes among the open findings of its shard and, copy-wide, of its copy."""
    settled = Settled()
    reported = _one_for_each_slot(found for found in result.findings if found.code is not Code.NO_CLAIM)
    by_slot = {slot(present.finding): present for present in standing}
    for place, finding in reported.items():
        present = by_slot.get(place)
        if present is None:
            settled.opened.append(finding)
        elif present.finding.code is finding.code:
            settled.seen.append((present, finding))
        elif _replaces(result, finding, present):
            settled.closed.append(present)
            settled.opened.append(finding)
    if standing:
        clearing = _Clearing(result)
        settled.closed += [
            present for place, present in by_slot.items() if place not in reported and clearing.closes(present)
        ]
    return settled


def _one_for_each_slot(findings: Iterable[Finding]) -> dict[Slot, Finding]:
    chosen: dict[Slot, Finding] = {}
    for finding in findings:
        place = slot(finding)
        if place not in chosen or (_is_damage(finding) and not _is_damage(chosen[place])):
            chosen[place] = finding
    return chosen


def _replaces(result: CheckResult, finding: Finding, present: Standing) -> bool:
    """Whether another error takes the place of the one that stands. Damage is not replaced by doubt."""
    if _is_damage(present.finding) != _is_damage(finding):
        return _is_damage(finding)
    return present.seen_at <= result.started_at


def _is_damage(finding: Finding) -> bool:
    return finding.meaning.outcome is Outcome.FAIL


class _Clearing:
    """What a check can clear of what it did not see again."""

    def __init__(self, result: CheckResult) -> None:
        doubtful = [finding for finding in result.findings if finding.meaning.outcome is Outcome.INCONCLUSIVE]
        self._result = result
        self._named = None if result.paths is None else frozenset(result.paths)
        # What concerns the whole copy, or all that the check covers, leaves nothing to say of single files.
        self._nothing = any(not finding.path for finding in result.findings)
        self._doubtful = {finding.path for finding in doubtful if finding.path}
        self._folders = tuple(
            finding.path.rstrip(b"/") + b"/"
            for finding in doubtful
            if finding.path and finding.code is Code.LISTING_INCOMPLETE
        )
        self._complete = is_complete(result)
        self._claimed = is_claimed(result)
        self._accounted = result.good + result.bad > 0 and result.unread <= len(self._doubtful)

    def closes(self, standing: Standing) -> bool:
        finding, result = standing.finding, self._result
        if self._nothing or standing.seen_at > result.started_at or finding.code is Code.UNSTABLE_READ:
            return False
        if finding.code in COPY_WIDE:
            return result.good > 0 or result.bytes_read > 0
        if self._named is not None and finding.path not in self._named:
            return False
        if finding.path is not None and (finding.path in self._doubtful or finding.path.startswith(self._folders)):
            return False
        return self._complete or (self._accounted and not self._claimed and not _is_damage(finding))


def is_complete(result: CheckResult) -> bool:
    """Whether all that the check set out to read was read."""
    return result.outcome is not Outcome.INCONCLUSIVE and result.unread == 0 and result.evidence >= Evidence.READ


def is_claimed(result: CheckResult) -> bool:
    """Whether a provider was asked instead of reading: it clears no damage, and settles nothing that is to be read."""
    return result.evidence in (Evidence.SIZED, Evidence.CLAIMED)


def reached(result: CheckResult) -> Evidence | None:
    """The strongest level that every expected entry of the shard reached; None moves no time."""
    if result.paths is not None or result.outcome is Outcome.INCONCLUSIVE or result.unread:
        return None
    return result.evidence


def is_set_back(standing: datetime, result: CheckResult) -> bool:
    """Whether a time lies so far ahead of a check's end that the clock was set back in between.

    A check is committed soon after its end, and nothing that stands then is much later.
    """
    return standing > result.ended_at + AHEAD


def answers(result: CheckResult, wanted_at: datetime) -> bool:
    """Whether a check is the reading that was wanted: of all that was expected, and begun since."""
    level = reached(result)
    if level is None or level < Evidence.READ:
        return False
    return wanted_at <= result.started_at or is_set_back(wanted_at, result)


def waits(result: CheckResult, required: Evidence | None) -> bool:
    """Whether the shard has to wait before it is tried again: it is as due as before, and would starve the others."""
    level = reached(result)
    return level is None or level < (required or Evidence.READ)


def wait_after(failures: int) -> timedelta:
    """How long a shard waits after that many checks in a row that did not settle it."""
    return min(_FIRST_WAIT * (1 << min(failures - 1, 20)), LONGEST_WAIT)
