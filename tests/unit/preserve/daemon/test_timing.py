"""When a run begins, by a clock that the test moves."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config import Every
from preserve.daemon.timing import next_run, run_is_due, tick_seconds

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAILY = Every(interval=timedelta(days=1))
NIGHTLY = Every(cron="0 2 * * *")


def test_the_first_run_begins_at_once() -> None:
    assert run_is_due(DAILY, None, NOON)
    assert run_is_due(NIGHTLY, None, NOON)


@pytest.mark.parametrize(("hours", "due"), [(1, False), (23, False), (24, True), (500, True)])
def test_an_interval_runs_when_it_has_passed_however_late(hours: int, due: bool) -> None:
    assert run_is_due(DAILY, NOON, NOON + timedelta(hours=hours)) is due


def test_a_cron_line_that_was_slept_through_runs_late_and_once() -> None:
    assert not run_is_due(NIGHTLY, NOON, NOON + timedelta(hours=13))
    late = NOON + timedelta(days=3)
    assert run_is_due(NIGHTLY, NOON, late)
    assert not run_is_due(NIGHTLY, late, late + timedelta(minutes=1))


def test_a_cron_line_means_local_hours() -> None:
    phnom_penh = ZoneInfo("Asia/Phnom_Penh")
    assert next_run(NIGHTLY, NOON, phnom_penh) == datetime(2026, 3, 1, 19, tzinfo=UTC)


def test_a_clock_that_was_set_back_does_not_stop_the_runs() -> None:
    assert run_is_due(DAILY, NOON, NOON - timedelta(days=400))


def test_the_clock_is_looked_at_often_enough() -> None:
    assert tick_seconds(DAILY) == 30
    assert tick_seconds(Every(interval=timedelta(seconds=1))) == 0.25
    assert tick_seconds(NIGHTLY) == 30
