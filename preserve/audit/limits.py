"""What keeps a replica from being read on: its hours are over, or the time that a run may take."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from checks.policy import PASSES, Limit, Urgency

# Why an audit was stopped before its end, as the catalog keeps it.
HOURS = "hours"
BUDGET_TIME = "budget-time"
OTHER_RUN = "other-run"  # another audit has leased what is left
REPLICA_UNAVAILABLE = "replica-unavailable"
STOPPED = "stopped"
DIED = "died"


class Hours(Protocol):
    """As `checks.hours.Hours`."""

    def is_open(self, now: datetime) -> bool: ...


class Gate:
    """Says for one replica whether another shard may be begun; what was begun is read to its end.

    Args:
        hours: when it may be read; none: always.
        budget_time: for how long one run may read it, from the first time that the gate is asked.
        concurrency: how many of its shards may be read at once; none: as many as there are threads,
            which the replicas without such a number share while they are read side by side.
        monotonic: seconds, for the budget: a clock that is set must not lengthen or shorten it.
    """

    def __init__(
        self,
        *,
        hours: Hours | None = None,
        budget_time: timedelta | None = None,
        concurrency: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.concurrency = concurrency
        self.reason = ""  # of the last refusal: HOURS or BUDGET_TIME; empty while nothing was refused
        self._hours = hours
        self._budget_seconds = None if budget_time is None else budget_time.total_seconds()
        self._monotonic = monotonic
        self._begun_at: float | None = None

    def may(self, urgency: Urgency, now: datetime) -> bool:
        """Whether a shard of this urgency may be begun now; `reason` says why not."""
        if self._begun_at is None:
            self._begun_at = self._monotonic()
        passes = PASSES[urgency]
        if Limit.HOURS not in passes and self._hours is not None and not self._hours.is_open(now):
            self.reason = HOURS
            return False
        if Limit.BUDGET not in passes and self._spent():
            self.reason = BUDGET_TIME
            return False
        return True

    def _spent(self) -> bool:
        if self._budget_seconds is None or self._begun_at is None:
            return False
        return self._monotonic() - self._begun_at >= self._budget_seconds
