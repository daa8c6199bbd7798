"""What would keep a promise: the smallest change of one setting, found by asking the forecast again. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checks.capacity import ALWAYS, Pace
from checks.forecast import Load, outlook

_DAY = timedelta(days=1)
_LONGEST_DAYS = 36_525  # what the settings take
_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Each is enough by itself; None: it would not be, or is not what is short.

    Attributes:
        budget_bytes: of one run.
        budget_time: of one run.
        rate: bytes a second.
        no_budget: whether it is enough to take the budget out.
        no_hours: whether it is enough that it may be read at all hours.
        no_limits: whether it is enough to take budget, rate and hours out together, where none of them alone is.
        max_age: in whole days.
    """

    budget_bytes: int | None = None
    budget_time: timedelta | None = None
    rate: int | None = None
    no_budget: bool = False
    no_hours: bool = False
    no_limits: bool = False
    max_age: timedelta | None = None

    @property
    def sentence(self) -> str:
        """For people, as they would write it into the settings."""
        ways = []
        if self.budget_bytes is not None:
            ways.append(f'budget = "{setting_size(self.budget_bytes)}"')
        if self.budget_time is not None:
            ways.append(f'budget = "{setting_time(self.budget_time)}"')
        if self.rate is not None:
            ways.append(f'rate = "{setting_size(self.rate)}/s"')
        if self.no_budget:
            ways.append("no budget")
        if self.no_hours:
            ways.append("hours without end")
        if self.no_limits:
            ways.append("no budget, rate and hours")
        if self.max_age is not None:
            ways.append(f'max_age = "{self.max_age.days}d"')
        if not ways:
            return "No setting would keep it: a disk of its own for half of the copies, or a faster one, would."
        return f"This would keep it: {' or '.join(ways)}."


def advice(loads: Sequence[Load], pace: Pace, start: datetime, now: datetime) -> Advice:
    """What would keep a promise that is not kept; it is asked of what is not overdue yet.

    What is overdue already no setting can make undone: it is read first, and left out of the question.
    """

    def keeps(changed: Pace, longer: timedelta | None = None) -> bool:
        asked = loads if longer is None else [replace(load, max_age=max(load.max_age, longer)) for load in loads]
        found = outlook(asked, changed, start, now)
        return found is None or (found.a_day is not None and found.breaks_at is None and found.sustains)

    found = Advice(
        budget_bytes=_budget_bytes(pace, keeps, loads),
        budget_time=_budget_time(pace, keeps),
        rate=_rate(pace, keeps),
        no_budget=_both(pace) and keeps(replace(pace, budget_bytes=None, budget_time=None)),
        no_hours=pace.hours is not ALWAYS and keeps(replace(pace, hours=ALWAYS)),
        max_age=_max_age(pace, keeps, loads),
    )
    alone = found.budget_bytes or found.budget_time or found.rate or found.no_budget or found.no_hours
    unlimited = replace(pace, budget_bytes=None, budget_time=None, rate=None, hours=ALWAYS)
    return found if alone else replace(found, no_limits=_several(pace) and keeps(unlimited))


def setting_size(size_bytes: int) -> str:
    """A size as the settings take it, rounded up where it is not round: `350GB`."""
    for unit, factor in _UNITS:
        if size_bytes >= 10 * factor or (size_bytes >= factor and size_bytes % factor == 0):
            return f"{-(-size_bytes // factor)}{unit}"
    return f"{size_bytes}B"


def setting_time(span: timedelta) -> str:
    """A length of time as the settings take it, rounded up to minutes: `4h`, `95m`."""
    minutes = max(1, -(-span // timedelta(minutes=1)))
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _budget_bytes(pace: Pace, keeps: Callable[[Pace], bool], loads: Sequence[Load]) -> int | None:
    if pace.budget_bytes is None:
        return None
    most = max(pace.budget_bytes, round(sum(load.size_bytes for load in loads)) + 1)
    found = _smallest(pace.budget_bytes, most, lambda size: keeps(replace(pace, budget_bytes=size)))
    return None if found is None else _round_up(found)


def _budget_time(pace: Pace, keeps: Callable[[Pace], bool]) -> timedelta | None:
    if pace.budget_time is None:
        return None
    least = -(-pace.budget_time // timedelta(minutes=1))
    most = max(least, 7 * 24 * 60)
    found = _smallest(least, most, lambda minutes: keeps(replace(pace, budget_time=timedelta(minutes=minutes))))
    return None if found is None else timedelta(minutes=found)


def _rate(pace: Pace, keeps: Callable[[Pace], bool]) -> int | None:
    """Not above what was measured: it would be no faster."""
    if pace.rate is None:
        return None
    most = pace.rate * 1000 if pace.speed is None else max(pace.rate, int(pace.speed))
    found = _smallest(pace.rate, most, lambda rate: keeps(replace(pace, rate=rate)))
    return None if found is None else _round_up(found)


def _max_age(pace: Pace, keeps: Callable[[Pace, timedelta], bool], loads: Sequence[Load]) -> timedelta | None:
    least = min(load.max_age for load in loads) // _DAY + 1 if loads else 1
    found = _smallest(least, max(least, _LONGEST_DAYS), lambda days: keeps(pace, timedelta(days=days)), steps=20)
    return None if found is None else timedelta(days=found)


def _smallest(least: int, most: int, good: Callable[[int], bool], steps: int = 30) -> int | None:
    """The smallest number that is good, to one part in two hundred, in [least, most]; None if `most` is not.

    What is good stays good above it. Doubles first: far beyond the answer each question costs most.
    """
    low, high = least - 1, max(least, 1)
    while not good(high):
        if high >= most:
            return None
        low, high = high, min(most, high * 2)
    for _ in range(steps):
        if high - low <= max(1, high // 200):
            break
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high


def _round_up(size: int) -> int:
    """To what `setting_size` writes."""
    factor = next((factor for _, factor in _UNITS if size >= 10 * factor), 1)
    return -(-size // factor) * factor


def _both(pace: Pace) -> bool:
    return pace.budget_bytes is not None and pace.budget_time is not None


def _several(pace: Pace) -> bool:
    limits = (
        pace.budget_bytes is not None or pace.budget_time is not None,
        pace.rate is not None,
        pace.hours is not ALWAYS,
    )
    return sum(limits) > 1
