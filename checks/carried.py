"""By when a replica that is away has to be there again, so that its promise holds: pure rules over times."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_SHARE = 10  # the last tenth of the promise
_WEEK = timedelta(days=7)
_MOST_SHARE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bringing:
    """
    Attributes:
        by: the last moment to begin to read it.
        deadline: when the first of its bytes will be older than promised.
        warn_at: from when on somebody is told who did not ask.
    """

    by: datetime
    deadline: datetime
    warn_at: datetime

    def is_near(self, now: datetime) -> bool:
        """Whether it is time for a warning; when the deadline has passed it is not: then it is overdue."""
        return self.warn_at <= now <= self.deadline

    @property
    def day(self) -> str:
        """`1 March 2027` (UTC)."""
        by = self.by.astimezone(UTC)
        return f"{by.day} {by:%B %Y}"


def bringing(deadlines: Iterable[datetime], max_age: timedelta, reading: timedelta | None = None) -> Bringing | None:
    """None where there is nothing to be read.

    Args:
        deadlines: when each part of it will be older than promised.
        max_age: the strictest promise; the warning comes in its last tenth, or seven days before if that is earlier.
        reading: how long reading all of it takes; None: not known. Never taken for more than half of the promise.
    """
    deadline = min(deadlines, default=None)
    if deadline is None:
        return None
    by = deadline - min(reading or timedelta(0), max_age / _MOST_SHARE)
    ahead = min(max(max_age / _SHARE, _WEEK), max_age / _MOST_SHARE)
    return Bringing(by=by, deadline=deadline, warn_at=by - ahead)
