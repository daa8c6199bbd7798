"""A replica is read when the clock on its wall says so, on the days too on which that clock is set."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.hours import Hours

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ALL_DAYS = frozenset(range(7))
BERLIN = ZoneInfo("Europe/Berlin")

# Half an hour of summer time, offsets of odd minutes, a summer time that pauses, a day that was left out, none at all.
ZONES = [
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca"),
    *("Pacific/Apia", "Asia/Kathmandu", "Asia/Phnom_Penh", "UTC"),
]
CLOCKS_SET = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),  # Berlin, forward
    datetime(2026, 10, 25, 1, tzinfo=UTC),  # and back
    datetime(2026, 3, 8, 7, tzinfo=UTC),  # New York
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),  # Lord Howe
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 3, 8, 5, 30, tzinfo=UTC),  # St John's
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia: no Friday that week
    datetime(2026, 2, 15, 2, tzinfo=UTC),  # Casablanca
]


@dataclass(frozen=True)
class Window:
    start_minute: int
    stop_minute: int
    days: frozenset[int] = ALL_DAYS


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def night(days: frozenset[int] = ALL_DAYS) -> Window:
    return Window(22 * 60, 6 * 60, days)


def test_without_windows_it_is_always_open() -> None:
    hours, now = Hours([], BERLIN), at("2026-06-01T12:00+02:00")
    assert hours.is_open(now) and hours.next_open(now) == now
    assert hours.closes_at(now) is None


def test_they_know_when_they_opened() -> None:
    hours, opened = Hours([night()], BERLIN), at("2026-06-01T22:00+02:00")
    assert hours.opened_at(at("2026-06-02T00:53+02:00")) == opened == hours.opened_at(opened)
    assert hours.opened_at(at("2026-06-02T06:00+02:00")) is None
    assert Hours([], BERLIN).opened_at(opened) is None
    weekly = Hours([night(frozenset({4}))], BERLIN)
    assert weekly.opened_at(at("2026-06-06T05:00+02:00")) == at("2026-06-05T22:00+02:00")


@pytest.mark.parametrize(
    "windows",
    [
        [Window(0, 1440)],
        [Window(720, 720)],
        [Window(0, 720), Window(720, 0)],
        [Window(0, 1440, frozenset({d})) for d in range(7)],
    ],
)
def test_windows_that_fill_the_week_never_close(windows: list[Window]) -> None:
    assert Hours(windows, BERLIN).closes_at(at("2026-06-01T12:00+02:00")) is None


def test_windows_on_no_day_are_refused() -> None:
    with pytest.raises(ValueError, match="never open"):
        Hours([Window(0, 60, frozenset())], BERLIN)


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-06-01T21:59:59.999999+02:00", False),
        ("2026-06-01T22:00+02:00", True),
        ("2026-06-02T05:59:59.999999+02:00", True),
        ("2026-06-02T06:00+02:00", False),
    ],
)
def test_a_window_over_midnight_is_open_on_both_sides_of_it(now: str, is_open: bool) -> None:
    assert Hours([night()], BERLIN).is_open(at(now)) is is_open


def test_a_window_of_friday_night_is_open_on_saturday_morning_and_not_on_friday_morning() -> None:
    hours = Hours([night(frozenset({4}))], BERLIN)
    assert hours.is_open(at("2026-06-06T05:00+02:00"))
    assert not hours.is_open(at("2026-06-05T05:00+02:00"))


def test_a_window_of_sunday_night_goes_over_into_monday() -> None:
    hours = Hours([night(frozenset({6}))], BERLIN)
    assert hours.closes_at(at("2026-06-07T23:00+02:00")) == at("2026-06-08T06:00+02:00")


def test_windows_that_touch_are_one() -> None:
    hours = Hours([Window(60, 120), Window(120, 180)], BERLIN)
    assert hours.closes_at(at("2026-06-01T01:30+02:00")) == at("2026-06-01T03:00+02:00")


@pytest.mark.parametrize(
    ("evening", "hours_open"), [("2026-03-27", 8), ("2026-03-28", 7), ("2026-10-24", 9), ("2026-10-25", 8)]
)
def test_the_night_in_which_the_clock_is_set_is_shorter_or_longer(evening: str, hours_open: int) -> None:
    opened = datetime.fromisoformat(evening).replace(hour=22, tzinfo=BERLIN).astimezone(UTC)
    hours = Hours([night()], BERLIN)
    assert hours.next_open(opened - 3 * HOUR) == opened
    assert hours.closes_at(opened) == opened + hours_open * HOUR


def test_an_hour_that_is_left_out_in_spring_does_not_open() -> None:
    hours = Hours([Window(2 * 60, 3 * 60)], BERLIN)
    assert hours.next_open(at("2026-03-28T12:00+01:00")) == at("2026-03-30T02:00+02:00")


def test_a_window_that_begins_within_the_gap_opens_where_the_gap_ends() -> None:
    hours = Hours([Window(2 * 60 + 30, 4 * 60)], BERLIN)
    assert hours.next_open(at("2026-03-29T00:00+01:00")) == at("2026-03-29T03:00+02:00")


def test_a_window_within_the_hour_that_comes_twice_opens_twice() -> None:
    hours = Hours([Window(2 * 60 + 30, 3 * 60)], BERLIN)
    first = at("2026-10-25T02:30+02:00")
    assert hours.next_open(first - HOUR) == first
    assert hours.closes_at(first) == first + 30 * MINUTE
    assert hours.next_open(first + 30 * MINUTE) == first + HOUR


windows = st.lists(
    st.builds(
        Window,
        st.integers(0, 1439),
        st.integers(0, 1440),
        st.sets(st.integers(0, 6), min_size=1).map(frozenset) | st.just(ALL_DAYS),
    ),
    min_size=1,
    max_size=3,
)
moments = st.one_of(
    st.builds(lambda at, by: at + by, st.sampled_from(CLOCKS_SET), st.timedeltas(-26 * HOUR, 26 * HOUR)),
    st.integers(0, 36 * 366 * 86_400).map(lambda second: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=second)),
)
zones = st.sampled_from(ZONES).map(ZoneInfo)


def covered(window: Window, at: datetime, zone: ZoneInfo) -> bool:
    """By the days on which it may have begun, each minute of the wall's clock told one by one."""
    local = at.astimezone(zone)
    for days_ago in (0, 1):
        day = local.date() - timedelta(days=days_ago)
        since = (local.hour + 24 * days_ago) * 60 + local.minute
        stop = window.stop_minute + (1440 if window.stop_minute <= window.start_minute else 0)
        if day.weekday() in window.days and window.start_minute <= since < stop:
            return True
    return False


def minutes_from(now: datetime) -> Iterator[datetime]:
    yield now
    at = now.replace(second=0, microsecond=0)
    while True:
        at += MINUTE
        yield at


def first(now: datetime, open_: bool, windows: list[Window], zone: ZoneInfo) -> datetime | None:
    for at in minutes_from(now):
        if any(covered(window, at, zone) for window in windows) is open_:
            return at
        if at - now > timedelta(days=16):
            return None
    raise AssertionError


@settings(max_examples=150, deadline=None)
@given(windows, zones, moments)
def test_hours_agree_with_a_clock_that_is_looked_at_each_minute(
    windows: list[Window], zone: ZoneInfo, now: datetime
) -> None:
    hours = Hours(windows, zone)
    assert hours.is_open(now) is any(covered(window, now, zone) for window in windows)
    assert hours.next_open(now) == first(now, True, windows, zone)
    assert hours.closes_at(now) == first(now, False, windows, zone)
