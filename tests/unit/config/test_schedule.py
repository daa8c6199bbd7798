"""Cron lines: what is let through here is what the scheduler takes, and means the same."""

from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ValueProblem
from config.schedule import parse_duration, parse_every


@pytest.mark.parametrize(
    ("text", "cron"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("*/15 8-18 1,15 * *", "*/15 8-18 1,15 * *"),
        ("0 0 * JAN-mar *", "0 0 * jan-mar *"),
        ("0 0 * * 0", "0 0 * * sun"),
        ("0 0 * * 7", "0 0 * * sun"),
        ("0 0 * * 5-7", "0 0 * * sun,fri,sat"),
        ("0 0 * * 1-5/2", "0 0 * * mon,wed,fri"),
        ("0 0 * * */2", "0 0 * * sun,tue,thu,sat"),
        ("  0   2 * *  Mon ", "0 2 * * mon"),
    ],
)
def test_days_of_the_week_become_names(text: str, cron: str) -> None:
    assert parse_every(text).cron == cron


@pytest.mark.parametrize(
    "text",
    ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/60 * * * *", "*/0 * * * *",
     "5/10 * * * *", ", * * * *", "a * * * *", "-1 * * * *", "1- * * * *", "٣ * * * *", "0 0 31 2,4 *", "0 0 1 * mon",
     "* * * *", "* * * * * *", "", "1.5h", "-1d", "1 d d"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueProblem) as caught:
        parse_every(text)
    assert caught.value.remedy


FIELD = st.one_of(
    st.just("*"),
    st.integers(2, 9).map(lambda n: f"*/{n}"),
    st.integers(1, 12).map(str),
    st.tuples(st.integers(1, 6), st.integers(7, 12)).map(lambda pair: f"{pair[0]}-{pair[1]}"),
    st.lists(st.integers(1, 12).map(str), min_size=1, max_size=3).map(",".join),
)
WEEK = st.one_of(
    st.just("*"),
    st.lists(st.integers(0, 7), min_size=1, max_size=4).map(lambda days: ",".join(map(str, days))),
    st.tuples(st.integers(0, 3), st.integers(3, 7)).map(lambda pair: f"{pair[0]}-{pair[1]}"),
)


@given(st.tuples(FIELD, FIELD, st.just("*"), FIELD, WEEK))
def test_the_scheduler_takes_every_line_that_passes_and_on_the_days_that_cron_means(fields: tuple[str, ...]) -> None:
    cron = parse_every(" ".join(fields)).cron
    assert cron is not None
    trigger = CronTrigger.from_crontab(cron, timezone=UTC)
    when = trigger.get_next_fire_time(None, datetime(2026, 1, 1, tzinfo=UTC))
    assert when is not None
    if fields[4] != "*":
        wanted: set[int] = set()
        for part in fields[4].split(","):
            first, _, last = part.partition("-")
            wanted |= set(range(int(first), int(last or first) + 1))
        assert when.isoweekday() % 7 in {day % 7 for day in wanted}


@given(st.integers(1, 5000), st.sampled_from("smhdw"))
def test_a_length_of_time_is_its_number_times_its_unit(number: int, unit: str) -> None:
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    assert parse_duration(f"{number}{unit}").total_seconds() == number * seconds
