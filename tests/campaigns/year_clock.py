"""A clock that nobody waits for: it stands still until it is told to go on, and lets happen what is due on its way."""

import heapq
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count


class Clock:
    """Called, it gives what the clock on the wall shows, aware UTC.

    Attributes:
        true: the time that it is, whatever the wall's clock was set to.
    """

    def __init__(self, start: datetime) -> None:
        self.true = start
        self.ahead = timedelta(0)  # of the true time, on the wall
        self._start = start
        self._shown: datetime | None = None
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._number = count()
        self._turn = threading.RLock()  # the readers of a self-test wait in several threads

    def __call__(self) -> datetime:
        return (self._shown or self.true) + self.ahead

    def steady(self) -> float:
        """Seconds by a clock that nobody sets."""
        return (self.true - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        # Never for no time: whoever waits for the rest of a microsecond would wait for ever.
        self.pass_to(self.true + max(timedelta(seconds=seconds), timedelta(microseconds=1)))

    def set_by(self, ahead: timedelta) -> None:
        """Somebody sets the wall's clock, so that it is so far ahead of the true time."""
        self.ahead = ahead

    def at(self, moment: datetime, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._number), event))

    @property
    def next_event(self) -> datetime | None:
        return self._events[0][0] if self._events else None

    def pass_to(self, moment: datetime) -> None:
        """Goes on to a true time. What was to happen until then happens at its time."""
        with self._turn:
            while self._events and self._events[0][0] <= moment:
                at, _, event = heapq.heappop(self._events)
                self.true = max(self.true, at)
                event()
            self.true = max(self.true, moment)

    @contextmanager
    def showing(self, moment: datetime) -> Iterator[None]:
        """Shows an earlier true time for a while, or until `show_now`: so a reading that has ended knows its start."""
        self._shown = moment
        try:
            yield
        finally:
            self._shown = None

    def show_now(self) -> None:
        self._shown = None
