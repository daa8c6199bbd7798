"""Whether the promise will be kept: when it breaks, how long a full pass takes, what would keep it. Pure, no clock.

What is to be read is taken as loads (bytes that were last read at the same time), read earliest deadline first, as the
runs do: never read, then by age. What was read comes due again; so the forecast sees a second wave that the first one
makes, as when a whole collection was taken in on one day.
"""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from math import ceil

from checks.capacity import Pace, Slot, bytes_a_day, slots

# The policy begins to read a shard at a share of its target age between 0.8 and 1.0, by chance: four even parts.
SHARES = (0.825, 0.875, 0.925, 0.975)
_FARTHEST = timedelta(days=3 * 366)
_MOST_SLOTS = 2000
_DAY = timedelta(days=1)
_MONTH_DAYS = 365.25 / 12
_ROUNDING = 1e-6  # of a run


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Bytes of a replica that were last read at one time.

    Attributes:
        read_at: of what was never read, when its copy was recorded: from then on the promise counts.
    """

    read_at: datetime
    size_bytes: float
    shards: int
    max_age: timedelta
    target_age: timedelta
    never: bool = False

    @property
    def deadline(self) -> datetime:
        return self.read_at + self.max_age


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is to be expected of one replica.

    Attributes:
        max_age: the strictest promise that any of its bytes has.
        a_day: bytes that can be read in a day, in the mean; None: nobody knows, as nothing was measured or limited.
        needed_a_day: bytes that have to be read in a day so that every byte is read in time for ever.
        runs, pass_days: for reading every byte once; None where that is not known, or never.
        spare_days: how much shorter a pass is than the promise; negative: longer.
        breaks_at: when something that is kept now will first be older than promised; None: not within the forecast.
        keeps: None where the capacity is not known.
        a_month: bytes read in a month.
    """

    size_bytes: int
    shards: int
    max_age: timedelta
    overdue_shards: int
    overdue_bytes: int
    needed_a_day: float
    a_day: float | None = None
    runs: int | None = None
    pass_days: float | None = None
    spare_days: float | None = None
    breaks_at: datetime | None = None
    keeps: bool | None = None
    a_month: float | None = None

    @property
    def sustains(self) -> bool:
        """Whether every byte can be read in time for ever, whatever stands behind now."""
        return self.a_day is None or self.needed_a_day <= self.a_day


def outlook(loads: Sequence[Load], pace: Pace, start: datetime, now: datetime) -> Outlook | None:
    """The forecast from `now`, where the next run may begin at `start`. None where there is nothing to read."""
    if not loads:
        return None
    strictest = min(load.max_age for load in loads)
    late = [load for load in loads if load.deadline < now]
    size = sum(load.size_bytes for load in loads)
    known = Outlook(
        size_bytes=round(size),
        shards=sum(load.shards for load in loads),
        max_age=strictest,
        overdue_shards=sum(load.shards for load in late),
        overdue_bytes=round(sum(load.size_bytes for load in late)),
        needed_a_day=sum(load.size_bytes / (load.max_age / _DAY) for load in loads),
    )
    if not pace.known:
        return known
    until = now + _horizon(loads)
    ahead = list(slots(pace, max(start, now), until, least=_least(until - now)))
    a_day = bytes_a_day(ahead, until)
    breaks_at = first_break(loads, ahead, now, until)
    pass_days = size / a_day if a_day else None
    share = known.needed_a_day / a_day if a_day else None
    return replace(
        known,
        a_day=a_day,
        runs=_runs(ahead, size, pass_days),
        pass_days=pass_days,
        spare_days=None if share is None else strictest / _DAY * (1 - share),
        breaks_at=breaks_at,
        keeps=breaks_at is None and known.needed_a_day <= a_day and not late,
        a_month=_a_month(loads, a_day),
    )


def first_break(
    loads: Iterable[Load], ahead: Iterable[Slot], now: datetime, until: datetime, shares: Sequence[float] = SHARES
) -> datetime | None:
    """When something that is kept at `now` first becomes older than promised, before `until`; None if never.

    A slot's bytes count as read when it begins. What is overdue already is read first, and is no new break.
    """
    queue = _Queue(loads, now, shares)
    for slot in ahead:
        broken = queue.read(slot, until)
        if broken is not None:
            return broken
    return queue.left_to_break(until)


class _Queue:
    """What is to be read: `waiting` until it comes due, `ready` by deadline with what was never read in front."""

    def __init__(self, loads: Iterable[Load], now: datetime, shares: Sequence[float]) -> None:
        self._now = now
        self._shares = shares
        self._number = count()  # of equals, the first come is the first read; loads are never compared
        self._waiting: list[tuple[datetime, int, Load]] = []
        self._ready: list[tuple[int, datetime, int, Load]] = []
        for load in loads:
            # What was read in the future, by a clock that was set back, is read as if it had been due long since.
            at_once = load.never or load.deadline < now or load.read_at > now
            (self._make_ready if at_once else self._wait)(load)

    def read(self, slot: Slot, until: datetime) -> datetime | None:
        """Reads what fits into a slot; the first deadline that it finds missed."""
        while self._waiting and self._waiting[0][0] <= slot.at:
            self._make_ready(heapq.heappop(self._waiting)[2])
        left, done = slot.size_bytes, dict[tuple[timedelta, timedelta], float]()
        while self._ready and left > 0:
            load = heapq.heappop(self._ready)[3]
            if self._now <= load.deadline < slot.at:
                return min(load.deadline, self._earliest())
            taken = min(left, load.size_bytes)
            left -= taken
            key = load.max_age, load.target_age
            done[key] = done.get(key, 0.0) + taken
            if taken < load.size_bytes:
                self._make_ready(replace(load, size_bytes=load.size_bytes - taken))
        for (max_age, target_age), size in done.items():
            if slot.at + target_age * self._shares[0] < until:
                self._wait(Load(read_at=slot.at, size_bytes=size, shards=0, max_age=max_age, target_age=target_age))
        return None

    def left_to_break(self, until: datetime) -> datetime | None:
        """The first deadline before `until` of what no slot was left for."""
        left = min((self._earliest(), *(load.deadline for _, _, load in self._waiting)))
        return left if left < until else None

    def _earliest(self) -> datetime:
        found = [load.deadline for *_, load in self._ready if load.deadline >= self._now]
        return min(found, default=datetime.max.replace(tzinfo=self._now.tzinfo))

    def _wait(self, load: Load) -> None:
        for share in self._shares:
            part = replace(load, size_bytes=load.size_bytes / len(self._shares))
            heapq.heappush(self._waiting, (load.read_at + load.target_age * share, next(self._number), part))

    def _make_ready(self, load: Load) -> None:
        heapq.heappush(self._ready, (0 if load.never else 1, load.deadline, next(self._number), load))


def _horizon(loads: Sequence[Load]) -> timedelta:
    """Two passes: the one that stands before us, and the one that it makes."""
    return min(2 * max(load.max_age for load in loads), _FARTHEST)


def _least(span: timedelta) -> timedelta:
    return max(timedelta(seconds=1), min(timedelta(hours=1), span / 100), span / _MOST_SLOTS)


def _runs(ahead: Sequence[Slot], size: float, pass_days: float | None) -> int | None:
    """How many runs read all; by the mean, where the forecast does not reach so far."""
    read = 0.0
    begun = 0.0
    for slot in ahead:
        if slot.size_bytes and read + slot.size_bytes >= size:
            part = (size - read) / slot.size_bytes if slot.runs > 1 else 1.0  # of runs that were taken together
            return max(1, ceil(begun + slot.runs * part - _ROUNDING))
        begun += slot.runs
        read += slot.size_bytes
    return None if not read or pass_days is None else max(1, round(begun * size / read))


def _a_month(loads: Sequence[Load], a_day: float) -> float:
    """Each byte is read once in 0.9 of its target age, in the mean, or as often as the capacity allows."""
    wanted = sum(load.size_bytes / max(0.9 * (load.target_age / _DAY), 1 / 1440) for load in loads)
    return min(wanted, a_day) * _MONTH_DAYS
