"""Windows of the week, sizes, rates and budgets, as they are written."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.cadence import cron_at_opening, ever_within, longest_gap
from config.errors import ValueProblem
from config.schedule import Every, duration_text, parse_duration, parse_every
from config.sizes import parse_budget, parse_rate, parse_size
from config.windows import DAYS, Window, longest_closed, parse_clock, parse_windows

WEEK = range(7)


@pytest.mark.parametrize(
    ("text", "days", "start", "stop"),
    [
        ("22:00-06:00", WEEK, 1320, 360),
        ("sat,sun 00:00-24:00", (5, 6), 0, 1440),
        ("mon-fri 12:00-13:00", range(5), 720, 780),
        (" Fri-Mon , wed  1:05 - 2:00 ", (4, 5, 6, 0, 2), 65, 120),
        ("sun 22:00-00:00", (6,), 1320, 0),
    ],
)
def test_hours_are_read_as_they_are_written(text: str, days: tuple[int, ...], start: int, stop: int) -> None:
    assert parse_windows([text]) == (Window(days=frozenset(days), start_minute=start, stop_minute=stop),)


@pytest.mark.parametrize(
    "text",
    ["", "always", "22:00", "22-06", "22:00-25:00", "22:60-23:00", "24:00-06:00", "08:00-08:00", "foo 08:00-09:00",
     "mon- 08:00-09:00", "mon,,tue 08:00-09:00", "mon-tue-wed 08:00-09:00", "mon08:00-09:00", "08:00-09:00 mon",
     "٠٨:٠٠-09:00", "08:00-09:00,10:00-11:00"],
)  # fmt: skip
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        parse_windows([text])
    assert caught.value.remedy


WINDOWS = st.lists(
    st.builds(
        lambda days, start, stop: Window(days=days, start_minute=start, stop_minute=stop),
        st.frozensets(st.integers(0, 6), min_size=1),
        st.integers(0, 47).map(lambda half: half * 30),
        st.integers(0, 48).map(lambda half: half * 30),
    ).filter(lambda window: window.start_minute != window.stop_minute),
    min_size=1,
    max_size=4,
)


@given(WINDOWS)
def test_the_longest_closed_time_is_the_longest_run_of_closed_minutes(windows: list[Window]) -> None:
    halves = [any(w.holds(day, half * 30) for w in windows) for day in WEEK for half in range(48)]
    run = longest = 0
    for is_open in halves * 2:
        run = 0 if is_open else run + 1
        longest = max(longest, run)
    assert longest_closed(windows) == timedelta(minutes=30 * longest)


@given(WINDOWS)
def test_the_cron_line_that_is_proposed_falls_into_the_hours(windows: list[Window]) -> None:
    assert ever_within(parse_every(cron_at_opening(windows[0])), windows[:1])


def test_always_is_never_closed() -> None:
    assert longest_closed(()) == timedelta()
    assert ever_within(parse_every("0 12 * * *"), ()) and ever_within(Every(interval=timedelta(1)), ())


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("36h", timedelta(hours=36)),
        ("0 2 * * *", timedelta(days=1)),
        ("*/15 8-18 * * *", timedelta(hours=13, minutes=15)),
        ("0 0 * * mon,wed", timedelta(days=5)),
        ("0 3,9 1 * *", timedelta(days=30, hours=18)),
        ("* * * * *", timedelta(minutes=1)),
    ],
)
def test_the_longest_pause_of_a_schedule(text: str, gap: timedelta) -> None:
    assert longest_gap(parse_every(text)) == gap


@pytest.mark.parametrize(
    ("text", "size"),
    [("200GB", 200 * 10**9), ("1.5 TiB", 3 * 2**39), ("1B", 1), ("64kB", 64_000), ("64KB", 64_000), ("64KiB", 65_536)],
)
def test_sizes_are_decimal_and_those_with_an_i_binary(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_rate(f"{text}/s") == size


@pytest.mark.parametrize(
    "text", ["", "200", "200G", "200Gb", "-1GB", "0GB", "1e3GB", "0.1B", "9999PB" * 2, "99999999PB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    for judge, written in ((parse_size, text), (parse_rate, f"{text}/s"), (parse_rate, "50MB"), (parse_rate, "5MB/m")):
        with pytest.raises(ValueProblem) as caught:
            judge(written)
        assert caught.value.remedy


def test_a_budget_is_a_size_a_time_or_both() -> None:
    assert parse_budget(["200GB"]) == (200 * 10**9, None)
    assert parse_budget(["4h"]) == (None, timedelta(hours=4))
    assert parse_budget(["30m", "3MB"]) == (3_000_000, timedelta(minutes=30))
    for wrong in ([], [""], ["1GB", "2GB"], ["1h", "2h"], ["200"], ["0h"], ["0GB"], ["1GB", "1h", "1h"]):
        with pytest.raises(ValueProblem) as caught:
            parse_budget(wrong)
        assert caught.value.remedy


@given(st.integers(0, 1439))
def test_a_time_of_day_is_its_minutes(minute: int) -> None:
    assert parse_clock(f"{minute // 60:02d}:{minute % 60:02d}") == minute


@pytest.mark.parametrize("text", ["24:00", "8", "8:0", "08:60", "", "8am"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueProblem, match="not a time of day"):
        parse_clock(text)


@given(st.integers(1, 40_000_000))
def test_a_length_of_time_is_written_so_that_it_means_the_same(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(duration_text(length)) == length


def test_days_begin_with_monday_as_the_calendar_of_python_does() -> None:
    assert [DAYS[datetime(2026, 6, day).weekday()] for day in range(1, 8)] == list(DAYS)  # noqa: DTZ001  no clock is meant
