"""When a replica may be read: windows of the week, by the clock on the wall of a time zone."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_SECOND = timedelta(seconds=1)
_WEEK = timedelta(days=8)  # in which each window came at least once, whatever was done to the clock
_LONGEST_STEP_MINUTES = _DAY_MINUTES  # no zone changes its offset twice within a day


class Window(Protocol):
    """From a minute of each of these days; with `stop_minute <= start_minute` it ends on the next day."""

    @property
    def days(self) -> frozenset[int]:
        """Of its start; Monday is 0."""

    @property
    def start_minute(self) -> int: ...
    @property
    def stop_minute(self) -> int:
        """Up to 1440; not in the window itself."""


class Hours:
    """Open in any of the windows; without windows, always.

    What the wall's clock shows decides. An hour that is left out in spring is not made up for, and one that comes twice
    in autumn counts twice. Times given are aware, in any zone; times returned are UTC.

    Raises:
        ValueError: windows that are never open.
    """

    def __init__(self, windows: Sequence[Window], zone: tzinfo) -> None:
        self._zone = zone
        self._open = bytearray(_WEEK_MINUTES)  # by the minute of the week, from Monday 00:00
        for window in windows:
            length = (window.stop_minute - window.start_minute) % _DAY_MINUTES or _DAY_MINUTES
            for day in window.days:
                start = day * _DAY_MINUTES + window.start_minute
                for minute in range(start, start + length):
                    self._open[minute % _WEEK_MINUTES] = True
        self._always = not windows or all(self._open)
        if windows and not any(self._open):
            raise ValueError("hours that are never open")
        self._bounds = [at for at in range(_WEEK_MINUTES) if self._open[at] != self._open[at - 1]]

    def is_open(self, now: datetime) -> bool:
        return self._always or bool(self._open[_minute_of_week(now.astimezone(self._zone))])

    def closes_at(self, now: datetime) -> datetime | None:
        """When they next close; `now` itself if they are shut; None: never."""
        if self._always:
            return None
        return next(at for at in self._changes(now) if not self.is_open(at))

    def next_open(self, now: datetime) -> datetime:
        """When they next open; `now` itself if they are open."""
        return next(at for at in self._changes(now) if self.is_open(at))

    def opened_at(self, now: datetime) -> datetime | None:
        """When they opened that are open now; None if they are shut, or never were."""
        if self._always or not self.is_open(now):
            return None
        opened = at = now.astimezone(UTC) - _WEEK
        while (at := self.next_open(at)) <= now:
            opened, closes = at, self.closes_at(at)
            if closes is None or closes > now:
                return opened
            at = closes
        return opened

    def _changes(self, start: datetime) -> Iterator[datetime]:
        """`start`, then all times at which they may open or close, without end; at others they never do."""
        at = start.astimezone(UTC)
        while True:
            yield at
            at = self._next_change(at)

    def _next_change(self, at: datetime) -> datetime:
        local = at.astimezone(self._zone)
        minute = _minute_of_week(local)
        place = bisect_right(self._bounds, minute)
        bound = self._bounds[place] if place < len(self._bounds) else _WEEK_MINUTES
        step = timedelta(minutes=min(bound - minute, _LONGEST_STEP_MINUTES))
        then = at + step - timedelta(seconds=local.second, microseconds=local.microsecond)
        return then if self._offset(then) == local.utcoffset() else self._offset_changes(at, then)

    def _offset_changes(self, before: datetime, after: datetime) -> datetime:
        """The second at which the clock on the wall was set, between two times with different offsets."""
        offset, first = self._offset(before), before.replace(microsecond=0)
        low, high = 0, int((after - first) / _SECOND) + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(first + middle * _SECOND) == offset:
                low = middle
            else:
                high = middle
        return first + high * _SECOND

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self._zone).utcoffset()


def _minute_of_week(local: datetime) -> int:
    return local.weekday() * _DAY_MINUTES + local.hour * 60 + local.minute
