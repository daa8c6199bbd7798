"""How many bytes of a replica can be read, and when: by hours, budget, rate and the speed that was measured. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Opening(Protocol):
    """When a replica may be read; `checks.hours.Hours` is one."""

    def is_open(self, now: datetime, /) -> bool: ...

    def closes_at(self, now: datetime, /) -> datetime | None: ...

    def next_open(self, now: datetime, /) -> datetime: ...


class AlwaysOpen:
    """No hours are set."""

    def is_open(self, now: datetime, /) -> bool:
        return True

    def closes_at(self, now: datetime, /) -> datetime | None:
        return None

    def next_open(self, now: datetime, /) -> datetime:
        return now


ALWAYS = AlwaysOpen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a replica is read.

    Attributes:
        next_run: when the run after one that began at this time is to begin, hours not looked at.
        budget_bytes, budget_time: of one run.
        rate: bytes a second that are allowed.
        speed: bytes a second that were measured; None: nothing was read long enough to say.
    """

    next_run: Callable[[datetime], datetime]
    hours: Opening = ALWAYS
    budget_bytes: int | None = None
    budget_time: timedelta | None = None
    rate: int | None = None
    speed: float | None = None

    @property
    def bytes_per_second(self) -> float | None:
        """The smaller of what is allowed and what was measured; None where neither is known."""
        known = [value for value in (self.rate, self.speed) if value is not None]
        return min(known) if known else None

    @property
    def known(self) -> bool:
        """Whether anything can be said of the capacity."""
        return self.bytes_per_second is not None or self.budget_bytes is not None


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which so many bytes can be read; at most a day of a run.

    `runs` begin here: several, where they are taken together; 0: the run before goes on.
    """

    at: datetime
    size_bytes: float
    runs: float = 1.0


def slots(pace: Pace, start: datetime, stop: datetime, *, least: timedelta = timedelta(hours=1)) -> Iterator[Slot]:
    """The slots that begin in [start, stop), in order; none if nothing is known of the capacity.

    A run lasts until its budget is spent, its hours are over or, where neither is so, without end: the next one takes
    over. Runs that follow each other in less than `least` are taken together.
    """
    begin = _open_from(pace.hours, start)
    while pace.known and begin < stop:
        planned = max(pace.next_run(begin), begin + _SECOND)
        following = max(planned, begin + least)
        runs = (following - begin) / (planned - begin)
        yield from _run(pace, begin, following, runs)
        begin = _open_from(pace.hours, following)


def _run(pace: Pace, begin: datetime, following: datetime, runs: float) -> Iterator[Slot]:
    end = following
    shut = pace.hours.closes_at(begin)
    if shut is not None:
        end = min(end, shut)
    if pace.budget_time is not None:
        end = min(end, begin + pace.budget_time * runs)
    left = float("inf") if pace.budget_bytes is None else pace.budget_bytes * runs
    at, speed = begin, pace.bytes_per_second
    while at < end and left > 0:
        until = min(at + _DAY, end)
        size = left if speed is None else min(left, speed * (until - at).total_seconds())
        yield Slot(at, size, runs=runs if at == begin else 0.0)
        left -= size
        at = until


def bytes_a_day(of_slots: Sequence[Slot], until: datetime) -> float:
    """The mean over whole rounds: from the first slot to the last, which is left out. 0.0 without slots."""
    if not of_slots:
        return 0.0
    first, last = of_slots[0], of_slots[-1]
    if first is last:
        return first.size_bytes / max((until - first.at) / _DAY, 1 / 24)
    return sum(slot.size_bytes for slot in of_slots[:-1]) / ((last.at - first.at) / _DAY)


def _open_from(hours: Opening, at: datetime) -> datetime:
    return at if hours.is_open(at) else hours.next_open(at)
