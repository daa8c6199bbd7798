"""The verdict across copies, file by file: what is whole, what can be made whole and from where, what is lost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from checks.evidence import Outcome
from checks.findings import MEANINGS, Code


class Verdict(StrEnum):
    """From best to worst in the order of `RANK`."""

    INTACT = "intact"
    UNDER_REPLICATED = "under-replicated"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    LOST = "lost"


RANK: Mapping[Verdict, int] = {verdict: rank for rank, verdict in enumerate(Verdict)}


class CopyState(StrEnum):
    """What is known of one file on one copy."""

    GOOD = "good"  # read, and as expected
    BAD = "bad"  # damage was found
    UNREAD = "unread"  # never read, could not be read, or the replica was not there


def state_from(codes: Iterable[Code], *, read: bool) -> CopyState:
    """The state of a file on a copy, from its open findings and whether its shard was ever read through."""
    outcomes = {MEANINGS[code].outcome for code in codes}
    if Outcome.FAIL in outcomes:
        return CopyState.BAD
    if Outcome.INCONCLUSIVE in outcomes or not read:
        return CopyState.UNREAD
    return CopyState.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerdict:
    """One file across its copies. `elsewhere` lists copies that hold its bytes under another name (`moved`)."""

    path: bytes
    verdict: Verdict
    version: int | None = None  # None: the package's current one; else an older one, which still is looked after
    states: Mapping[str, CopyState]  # replica's name -> state
    codes: Mapping[str, tuple[Code, ...]] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)  # replica's name -> the other name, made showable

    @property
    def good_on(self) -> tuple[str, ...]:
        return tuple(name for name, state in self.states.items() if state is CopyState.GOOD)

    @property
    def bad_on(self) -> tuple[str, ...]:
        return tuple(name for name, state in self.states.items() if state is CopyState.BAD)

    @property
    def unread_on(self) -> tuple[str, ...]:
        return tuple(name for name, state in self.states.items() if state is CopyState.UNREAD)


def across(states: Iterable[CopyState], *, elsewhere: bool = False, minimum_copies: int = 1) -> Verdict:
    """The verdict for one file.

    `lost` needs every copy read and bad, and the bytes nowhere else: an unread copy may still be good, so it makes
    the file `unknown`. Good bytes beside damage are `degraded`, whatever was not read.
    """
    seen = list(states)
    good, bad = seen.count(CopyState.GOOD), seen.count(CopyState.BAD)
    unread = len(seen) - good - bad
    if not seen:
        return Verdict.UNDER_REPLICATED
    if bad and (good or elsewhere):
        return Verdict.DEGRADED
    if unread:
        return Verdict.UNKNOWN
    if bad:
        return Verdict.LOST
    return Verdict.INTACT if good >= minimum_copies else Verdict.UNDER_REPLICATED


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a package: the worst of its files'. An untracked file alone makes it `degraded`."""
    return max(verdicts, key=RANK.__getitem__, default=Verdict.INTACT)
