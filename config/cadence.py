"""What a schedule comes to over the years: how far apart its runs can be, and whether one ever falls into the hours."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

from config.schedule import Every, cron_values
from config.windows import DAYS, Window

_FROM = date(2096, 1, 1)  # holds the longest time without a 29 February: 2096 to 2104
_YEARS = 12


def longest_gap(every: Every) -> timedelta:
    """The most time between two runs, by the calendar; a change to summer time may add an hour."""
    if every.interval is not None:
        return every.interval
    assert every.cron is not None
    minutes = _minutes(every.cron)
    days = _dates(every.cron)
    within = max((later - earlier for earlier, later in pairwise(minutes)), default=0)
    apart = max(((later - earlier).days for earlier, later in pairwise(days)), default=0)
    return timedelta(minutes=max(within, apart * 24 * 60 + minutes[0] - minutes[-1]))


def ever_within(every: Every, hours: Sequence[Window]) -> bool:
    """Whether runs ever begin while the hours are open: always for an interval, and where there are no hours."""
    if every.cron is None or not hours:
        return True
    minutes = _minutes(every.cron)
    weekdays = {day.weekday() for day in _dates(every.cron)}
    return any(window.holds(day, minute) for window in hours for day in weekdays for minute in minutes)


def cron_at_opening(window: Window) -> str:
    """The cron line of the window's first minutes, as a person would write it."""
    days = "*" if len(window.days) == 7 else ",".join(DAYS[day] for day in sorted(window.days))
    return f"{window.start_minute % 60} {window.start_minute // 60} * * {days}"


def _minutes(cron: str) -> list[int]:
    minutes, hours = cron_values(cron)[:2]
    return sorted(hour * 60 + minute for hour in hours for minute in minutes)


@cache
def _dates(cron: str) -> tuple[date, ...]:
    """On which it falls, in years that stand for all."""
    _, _, days, months, week = cron_values(cron)
    # Cron counts from Sunday. One of `days` and `week` is `*`, so that both must hold whatever the program.
    return tuple(
        day
        for day in (_FROM + timedelta(days=number) for number in range(_YEARS * 365))
        if day.month in months and day.day in days and day.isoweekday() % 7 in week
    )
