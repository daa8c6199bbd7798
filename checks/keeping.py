"""May a file here be deleted? Whether enough other copies of its content were read lately enough. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from checks.verdicts import CopyState


class Reason(StrEnum):
    """Why something should stay; there may be several for one file."""

    NOT_HELD = "not-held"
    NOT_A_REGULAR_FILE = "not-a-regular-file"
    TOO_FEW_COPIES = "too-few-copies"
    DAMAGED_COPIES = "damaged-copies"
    IN_DOUBT = "in-doubt"  # its last check could not read or judge it there
    NEVER_READ = "never-read"
    READ_TOO_LONG_AGO = "read-too-long-ago"
    TOO_FEW_SITES = "too-few-sites"
    UNREADABLE = "unreadable"  # here: what it is could not be found out, so nothing is said of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One place of a replica where the catalog expects this content."""

    replica: str
    site: str | None  # None: nobody said where it stands
    read_at: datetime | None  # all of the file, with evidence READ or better; None: never
    state: CopyState
    apart: bool = True  # False: it would go with what is to be deleted
    file: tuple[int, int] | None = None  # what tells it from other files, where two places may be one file


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is asked before something may go. Copies count by replica; each must have been read within `max_age`.

    Replicas that show one same file, by a hard link or a mount, are one copy at one site.
    """

    copies: int
    max_age: timedelta
    sites: int


@dataclass(frozen=True, slots=True)
class Because:
    """The judgement of one content: safe where there is no reason against it."""

    reasons: tuple[Reason, ...]
    copies: int  # replicas that count
    sites: int  # at which these stand

    @property
    def safe(self) -> bool:
        return not self.reasons


class Staying(NamedTuple):
    """One name that must stay, and why. `held` are the places that the catalog knows for its content."""

    path: bytes
    size_bytes: int | None  # None where it was not read
    because: Because
    problem: str = ""
    held: Sequence[Held] = ()


def judge(held: Collection[Held], rule: Rule, now: datetime) -> Because:
    """Judges one content by all places that are expected to hold it.

    More places, or later readings up to `now`, never make it less safe, unless they show that two are one. A reading
    in the future is a clock that was set back: it does not count.
    """
    apart = [each for each in held if each.apart]
    counting = [each for each in apart if standing(each, rule, now) is None]
    copies, sites = _copies(counting, held), _sites(counting, held)
    if copies >= rule.copies and sites >= rule.sites:
        return Because((), copies, sites)
    return Because(tuple(_reasons(held, apart, counting, rule, now)), copies, sites)


def standing(held: Held, rule: Rule, now: datetime) -> Reason | None:
    """Why this place does not count; None if it does."""
    if held.state is CopyState.BAD:
        return Reason.DAMAGED_COPIES
    if held.read_at is None:
        return Reason.NEVER_READ
    if held.state is not CopyState.GOOD:
        return Reason.IN_DOUBT
    if not timedelta(0) <= now - held.read_at <= rule.max_age:
        return Reason.READ_TOO_LONG_AGO
    return None


def _reasons(
    held: Collection[Held], apart: Collection[Held], counting: Collection[Held], rule: Rule, now: datetime
) -> list[Reason]:
    if not held:
        return [Reason.NOT_HELD]
    good, known = {each.replica for each in counting}, _copies(apart, held)
    reasons: set[Reason] = set()
    if known < rule.copies:
        reasons.add(Reason.TOO_FEW_COPIES)
    if _copies(counting, held) >= rule.copies or _sites(apart, held) < rule.sites <= known:
        reasons.add(Reason.TOO_FEW_SITES)
    for each in apart:
        why = standing(each, rule, now)
        if why is not None and each.replica not in good:
            reasons.add(why)
    return [reason for reason in Reason if reason in reasons]


def _copies(some: Collection[Held], held: Collection[Held]) -> int:
    """On how many replicas these are."""
    return _distinct({each.replica for each in some}, ((each.replica, each.file) for each in held))


def _sites(some: Collection[Held], held: Collection[Held]) -> int:
    """At how many distinct sites these stand for certain: a copy whose site nobody stated may stand at any of them."""
    stated = {each.site for each in some if each.site is not None}
    shown = ((each.site, each.file) for each in held if each.site is not None)
    return max(1, _distinct(stated, shown)) if some else 0


def _distinct(names: Collection[str], shown: Iterable[tuple[str, tuple[int, int] | None]]) -> int:
    """How many of these names are left where all that show one same file are taken for one."""
    same: dict[str, str] = {}
    first: dict[tuple[int, int], str] = {}

    def taken_for(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    for name, file in shown:
        if file is not None:
            one, other = taken_for(name), taken_for(first.setdefault(file, name))
            if one != other:
                same[one] = other
    return len({taken_for(name) for name in names})
