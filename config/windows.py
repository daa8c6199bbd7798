"""Times of the week in which a replica may be read: `22:00-06:00`, `sat,sun 00:00-24:00`.

Only what is written: daylight saving and the time zone matter where the clock is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from config.errors import ValueProblem
from config.texts import quoted

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_WINDOW = re.compile(r"(?:(?P<days>[a-z,\s-]*[a-z])\s+)?(?P<start>[0-9:]+)\s*-\s*(?P<stop>[0-9:]+)", re.ASCII)
_REMEDY = 'write hours such as "22:00-06:00", "sat,sun 00:00-24:00" or "mon-fri 12:00-13:00"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From a minute of each of these days to another; with `stop_minute <= start_minute` it ends on the next day."""

    days: frozenset[int]  # of its start; Monday is 0
    start_minute: int  # 0 to 1439
    stop_minute: int  # 0 to 1440, not in the window itself; never equal to start_minute

    def holds(self, day: int, minute: int) -> bool:
        """Whether that minute of that day of the week lies in it."""
        if self.stop_minute > self.start_minute:
            return day in self.days and self.start_minute <= minute < self.stop_minute
        evening = day in self.days and minute >= self.start_minute
        morning = (day - 1) % 7 in self.days and minute < self.stop_minute
        return evening or morning


def parse_windows(texts: Sequence[str]) -> tuple[Window, ...]:
    """Windows in the order written; they may overlap. ValueProblem for what is none, and for an empty list."""
    if not texts:
        raise ValueProblem("hours that are never open", 'for always, leave the line out or write ["00:00-24:00"]')
    return tuple(_window(text) for text in texts)


def longest_closed(windows: Sequence[Window]) -> timedelta:
    """The most time of a week in which none of them is open; none where there are no windows, which means always."""
    spans = sorted(_span(window, day) for window in windows for day in window.days)
    if not spans:
        return timedelta()
    closed, open_until = 0, spans[0][1]
    for start, stop in [*spans, *((start + _WEEK_MINUTES, stop + _WEEK_MINUTES) for start, stop in spans)]:
        if start >= _WEEK_MINUTES:  # in the first week, what the week before left open is not known yet
            closed = max(closed, start - open_until)
        open_until = max(open_until, stop)
    return timedelta(minutes=closed)


def _span(window: Window, day: int) -> tuple[int, int]:
    """Its start on that day and its end, in minutes since the beginning of Monday."""
    length = (window.stop_minute - window.start_minute) % _DAY_MINUTES or _DAY_MINUTES
    start = day * _DAY_MINUTES + window.start_minute
    return start, start + length


def parse_clock(text: str) -> int:
    """Minutes since midnight of `08:00`; 00:00 to 23:59. ValueProblem for all else."""
    minute = _minute(text.strip())
    if minute is None or minute == _DAY_MINUTES:
        raise ValueProblem(
            f"{quoted(text)} is not a time of day", 'write it as hours and minutes in quotes, such as "08:00"'
        )
    return minute


def _window(text: str) -> Window:
    match = _WINDOW.fullmatch(text.strip().lower())
    start, stop = (_minute(match["start"]), _minute(match["stop"])) if match is not None else (None, None)
    if match is None or start is None or stop is None or start == _DAY_MINUTES:
        raise ValueProblem(f"{quoted(text)} are no hours", _REMEDY)
    if start == stop:
        raise ValueProblem(f"{quoted(text)} may mean no time or a whole day", 'for the whole day write "00:00-24:00"')
    return Window(days=_days(match["days"], text), start_minute=start, stop_minute=stop)


def _days(written: str | None, text: str) -> frozenset[int]:
    if written is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in written.split(","):
        first, dash, last = (name.strip() for name in part.partition("-"))
        names = (first, last) if dash else (first,)
        if any(name not in DAYS for name in names):
            raise ValueProblem(
                f"{quoted(text)}: {quoted(part.strip())} is no day of the week", f"the days are {', '.join(DAYS)}"
            )
        low = DAYS.index(first)
        span = (DAYS.index(last) - low) % 7 if dash else 0  # fri-mon goes over the end of the week
        found |= {(low + days) % 7 for days in range(span + 1)}
    return frozenset(found)


def _minute(text: str) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2])
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        return None
    return hour * 60 + minute
