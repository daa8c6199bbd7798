"""What only the ticker needs of time: how often to look, clocks that are set, and works that fail again and again."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from config import Every
from preserve.audit.schedule import RunPlan

_LONGEST_TICK_SECONDS = 30.0
_SHORTEST_TICK_SECONDS = 0.2
_PARTED_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 900.0
_QUICK_TRIES = 2


def steady_seconds() -> float:
    """Seconds since the machine started, those it slept too: nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def tick_seconds(intervals: Iterable[Every]) -> float:
    """How often to look at the clock: often enough for short intervals, and never more than half a minute apart."""
    shortest = min((one.interval.total_seconds() for one in intervals if one.interval is not None), default=3600.0)
    return max(_SHORTEST_TICK_SECONDS, min(_LONGEST_TICK_SECONDS, shortest / 4))


class ClockWatch:
    """Notices that the wall's clock was set, by the one that nobody sets."""

    def __init__(self, clock: Callable[[], datetime], steady: Callable[[], float] = steady_seconds) -> None:
        self._clock, self._steady = clock, steady
        self._apart = self._now_apart()

    def moved(self) -> timedelta | None:
        """By how much it was set since this was last asked, forward or, negative, back; None for hardly."""
        before, self._apart = self._apart, self._now_apart()
        moved = self._apart - before
        if abs(moved) <= _PARTED_SECONDS:
            self._apart = before  # so that a clock that creeps away is noticed too
            return None
        return timedelta(seconds=moved)

    def _now_apart(self) -> float:
        return self._clock().timestamp() - self._steady()


@dataclass(slots=True)
class LastRuns:
    """How long ago each last run was, also after the clock was set back: no run is skipped then, and none is extra.

    What the wall's clock says is believed where it makes a run older (a machine that slept or stood still), what was
    counted here where it makes it younger. A last run in the future of which nothing was counted is left so: it is due.
    """

    steady: Callable[[], float] = steady_seconds
    _seen: dict[str, tuple[datetime, float, float]] = field(default_factory=dict)  # last run, its age, when seen

    def true(self, plans: Mapping[str, RunPlan], now: datetime) -> dict[str, RunPlan]:
        """The plans, their last runs as long ago as they were."""
        return {name: self._true(name, plan, now) for name, plan in plans.items()}

    def _true(self, name: str, plan: RunPlan, now: datetime) -> RunPlan:
        last = plan.last_run_at
        if last is None:
            return plan
        seen = self._seen.get(name)
        if seen is None or seen[0] != last:
            if last > now:
                return plan
            seen = self._seen[name] = (last, (now - last).total_seconds(), self.steady())
        counted = timedelta(seconds=seen[1] + self.steady() - seen[2])
        return replace(plan, last_run_at=min(last, now - counted))


@dataclass(slots=True)
class Attempts:
    """Works that came to nothing are tried again at once a few times, then after waits that double, at most 15 minutes.

    Else a run that fails at its start, a catalog that is locked or a self-test that does not pass would be begun at
    every tick, and each would leave its links in the journal.
    """

    first_wait_seconds: float
    steady: Callable[[], float] = steady_seconds
    _failed: dict[str, tuple[int, float]] = field(default_factory=dict)  # how often, not before

    def ready(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those that need not wait."""
        now = self.steady()
        return tuple(name for name in names if name not in self._failed or self._failed[name][1] <= now)

    def failed(self, names: Iterable[str]) -> None:
        for name in names:
            times = self._failed.get(name, (0, 0.0))[0] + 1
            doublings = min(times - _QUICK_TRIES, 30)
            wait = min(self.first_wait_seconds * 2**doublings, _LONGEST_WAIT_SECONDS) if doublings > 0 else 0.0
            self._failed[name] = (times, self.steady() + wait)

    def succeeded(self, names: Iterable[str]) -> None:
        for name in names:
            self._failed.pop(name, None)
