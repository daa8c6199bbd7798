"""How much can be read: by budget, rate, speed and hours, whichever is least."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from checks.advice import Advice, advice, setting_size, setting_time
from checks.capacity import Pace, bytes_a_day, slots
from checks.forecast import Load, outlook
from checks.hours import Hours

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MB, GB = 10**6, 10**9


@dataclass(frozen=True)
class Window:
    days: frozenset[int]
    start_minute: int
    stop_minute: int


NIGHTS = Hours([Window(frozenset(range(7)), 22 * 60, 6 * 60)], ZoneInfo("UTC"))
WEEKENDS = Hours([Window(frozenset({5, 6}), 0, 24 * 60)], ZoneInfo("UTC"))


def each(span: timedelta) -> Callable[[datetime], datetime]:
    return lambda at: at + span


def a_day(pace: Pace) -> float:
    until = NOW + 180 * DAY
    return bytes_a_day(list(slots(pace, NOW, until)), until)


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (Pace(next_run=each(DAY), speed=100 * MB), 8640 * GB),
        (Pace(next_run=each(DAY), speed=100 * MB, rate=10 * MB), 864 * GB),
        (Pace(next_run=each(DAY), rate=10 * MB), 864 * GB),
        (Pace(next_run=each(DAY), budget_bytes=200 * GB), 200 * GB),
        (Pace(next_run=each(DAY), budget_bytes=200 * GB, speed=MB), 86.4 * GB),
        (Pace(next_run=each(6 * HOUR), budget_bytes=200 * GB), 800 * GB),
        (Pace(next_run=each(timedelta(minutes=1)), budget_bytes=GB), 1440 * GB),
        (Pace(next_run=each(7 * DAY), budget_bytes=700 * GB), 100 * GB),
        (Pace(next_run=each(7 * DAY), speed=MB), 86.4 * GB),
        (Pace(next_run=each(DAY), budget_time=4 * HOUR, speed=100 * MB), 1440 * GB),
        (Pace(next_run=each(DAY), hours=NIGHTS, speed=100 * MB), 2880 * GB),
        (Pace(next_run=each(DAY), hours=WEEKENDS, speed=100 * MB), 8640 * GB * 2 / 7),
        (Pace(next_run=each(DAY), hours=WEEKENDS, budget_bytes=70 * GB), 20 * GB),
    ],
)
def test_the_least_of_all_limits_decides(pace: Pace, expected: float) -> None:
    assert a_day(pace) == pytest.approx(expected, rel=0.03)


def test_where_nothing_was_measured_or_set_nothing_is_said() -> None:
    unknown = Pace(next_run=each(DAY), hours=NIGHTS, budget_time=HOUR)
    assert not unknown.known and list(slots(unknown, NOW, NOW + 9 * DAY)) == []
    found = outlook([_load(GB)], unknown, NOW, NOW)
    assert found is not None and (found.a_day, found.keeps, found.breaks_at) == (None, None, None)


def test_nights_hours_are_kept_to_the_minute() -> None:
    first, second = list(slots(Pace(next_run=each(DAY), hours=NIGHTS, speed=MB), NOW, NOW + 2 * DAY))
    assert (first.at, first.size_bytes) == (NOW + 10 * HOUR, 8 * 3600 * MB)
    assert second.at == first.at + DAY


def test_a_full_pass_is_told_in_runs_and_days() -> None:
    found = outlook([_load(900 * GB)], Pace(next_run=each(DAY), budget_bytes=30 * GB), NOW, NOW)
    assert found is not None
    assert (found.runs, found.keeps) == (30, True)
    assert found.pass_days == pytest.approx(30) and found.spare_days == pytest.approx(60)


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (Pace(next_run=each(DAY), budget_bytes=5 * GB), 'budget = "'),
        (Pace(next_run=each(DAY), budget_time=HOUR, speed=MB), 'budget = "'),
        (Pace(next_run=each(DAY), rate=100_000, speed=MB), 'rate = "'),
        (Pace(next_run=each(DAY), hours=WEEKENDS, speed=300_000), "hours without end"),
        (Pace(next_run=each(DAY), speed=10_000), 'max_age = "'),
    ],
)
def test_what_would_keep_the_promise_names_the_setting_that_is_short(pace: Pace, words: str) -> None:
    loads = [_load(GB * 10, days_ago=day) for day in range(90)]
    assert words in advice(loads, pace, NOW, NOW).sentence


def test_where_no_setting_would_do_it_says_so() -> None:
    assert Advice().sentence.startswith("No setting would keep it")


@pytest.mark.parametrize(
    ("size", "told"),
    [(350 * GB, "350GB"), (350 * GB + 1, "351GB"), (1, "1B"), (2 * 10**12, "2TB"), (1500 * MB, "1500MB")],
)
def test_sizes_are_written_as_the_settings_take_them_and_never_less(size: int, told: str) -> None:
    from config.sizes import parse_size

    assert setting_size(size) == told
    assert parse_size(told) >= size


def test_times_are_written_as_the_settings_take_them() -> None:
    assert [setting_time(span) for span in (4 * HOUR, timedelta(minutes=95), timedelta(seconds=61))] == [
        "4h",
        "95m",
        "2m",
    ]


def _load(size: int, days_ago: int = 1) -> Load:
    return Load(read_at=NOW - days_ago * DAY, size_bytes=size, shards=1, max_age=90 * DAY, target_age=60 * DAY)


@pytest.mark.parametrize("max_age", [50 * timedelta(minutes=1), HOUR, DAY, 90 * DAY])
def test_runs_that_are_taken_together_count_each(max_age: timedelta) -> None:
    load = Load(read_at=NOW, size_bytes=27.4 * MB, shards=7, max_age=max_age, target_age=max_age * 2 / 3)
    for pace in (
        Pace(next_run=each(timedelta(minutes=1)), budget_bytes=10_000),
        Pace(next_run=each(timedelta(minutes=1)), budget_bytes=10_000, speed=GB),
    ):
        found = outlook([load], pace, NOW, NOW)
        assert found is not None
        assert found.runs == pytest.approx(2740, abs=2)
        assert found.pass_days == pytest.approx(2740 / 1440, rel=0.01)
    slow = outlook([load], Pace(next_run=each(timedelta(minutes=1)), rate=1000), NOW, NOW)
    assert slow is not None
    assert slow.runs == pytest.approx(27_400 / 60, abs=2)
