"""When a run begins on each replica, by a clock that the test moves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config import Every
from preserve.audit.schedule import Open, RunPlan, due_at, due_now, next_run

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAILY = Every(interval=timedelta(days=1))
NIGHTLY = Every(cron="0 2 * * *")


class Always:
    def is_open(self, now: datetime) -> bool:
        return True

    def next_open(self, now: datetime) -> datetime:
        return now

    def opened_at(self, now: datetime) -> datetime | None:
        return None


@dataclass
class Nights:
    """22:00 to 06:00, UTC."""

    def is_open(self, now: datetime) -> bool:
        return now.hour >= 22 or now.hour < 6

    def next_open(self, now: datetime) -> datetime:
        return now if self.is_open(now) else now.replace(hour=22, minute=0, second=0, microsecond=0)

    def opened_at(self, now: datetime) -> datetime | None:
        opened = now.replace(hour=22, minute=0, second=0, microsecond=0)
        return (opened if now >= opened else opened - timedelta(days=1)) if self.is_open(now) else None


def plan(every: Every, last: datetime | None, hours: Open | None = None, *, asked: bool = False) -> RunPlan:
    return RunPlan(name="nas", every=every, hours=hours or Always(), grace=6 * HOUR, last_run_at=last, asked=asked)


def is_due(every: Every, last: datetime | None, now: datetime, hours: Open | None = None) -> bool:
    return due_now([plan(every, last, hours)], now) == ("nas",)


def test_the_first_run_begins_at_once() -> None:
    assert is_due(DAILY, None, NOON)
    assert is_due(NIGHTLY, None, NOON)


@pytest.mark.parametrize(("hours", "due"), [(1, False), (23, False), (24, True), (500, True)])
def test_an_interval_runs_when_it_has_passed_however_late(hours: int, due: bool) -> None:
    assert is_due(DAILY, NOON, NOON + hours * HOUR) is due


def test_a_cron_line_that_was_slept_through_runs_late_and_once() -> None:
    assert not is_due(NIGHTLY, NOON, NOON + 13 * HOUR)
    late = NOON + timedelta(days=3)
    assert is_due(NIGHTLY, NOON, late)
    assert not is_due(NIGHTLY, late, late + timedelta(minutes=1))


def test_a_cron_line_means_local_hours() -> None:
    phnom_penh = ZoneInfo("Asia/Phnom_Penh")
    assert next_run(plan(NIGHTLY, NOON), NOON, phnom_penh) == datetime(2026, 3, 1, 19, tzinfo=UTC)


def test_a_clock_that_was_set_back_does_not_stop_the_runs() -> None:
    assert is_due(DAILY, NOON, NOON - timedelta(days=400))


def test_only_the_replicas_whose_time_has_come_are_due() -> None:
    plans = {
        "nas": RunPlan(name="nas", every=DAILY, hours=Always(), grace=HOUR, last_run_at=NOON),
        "tape": RunPlan(
            name="tape", every=Every(interval=timedelta(days=30)), hours=Always(), grace=HOUR, last_run_at=NOON
        ),
    }
    assert due_now(plans, NOON + 23 * HOUR) == ()
    assert due_now(plans, NOON + 25 * HOUR) == ("nas",)
    assert due_now(plans, NOON + timedelta(days=30)) == ("nas", "tape")


def test_a_late_run_waits_for_the_hours() -> None:
    late = NOON + timedelta(days=2)
    assert not is_due(DAILY, NOON - 14 * HOUR, late, Nights())
    assert next_run(plan(DAILY, NOON - 14 * HOUR, Nights()), late) == late.replace(hour=22)
    assert is_due(DAILY, NOON - 14 * HOUR, late.replace(hour=22), Nights())


def test_runs_at_night_never_drift_out_of_the_night() -> None:
    """Each begins up to half a minute after its time; a thousand of them still begin when the hours do."""
    last = NOON.replace(hour=22)
    for _ in range(1000):
        due = due_at(plan(DAILY, last, Nights()))
        assert due is not None and due - last <= timedelta(days=1)
        last = due + timedelta(seconds=30)
    assert last.hour == 22 and last.minute == 0


def test_without_hours_no_run_is_early() -> None:
    assert due_at(plan(DAILY, NOON)) == NOON + timedelta(days=1)


def test_what_was_asked_for_waits_for_no_hours_and_costs_no_night() -> None:
    afternoon = NOON + 3 * HOUR
    last_night = NOON - 14 * HOUR
    assert not is_due(DAILY, last_night, afternoon, Nights())
    assert next_run(plan(DAILY, last_night, Nights(), asked=True), afternoon) == afternoon
    assert due_at(plan(DAILY, afternoon, Nights())) == NOON.replace(hour=22)


def test_a_run_that_began_late_in_its_hours_makes_no_later_one_late() -> None:
    """After an outage, say: else the hours before would be lost every night from then on."""
    late = datetime(2026, 3, 3, 0, 53, tzinfo=UTC)
    daily = Every(interval=timedelta(days=1))
    assert due_at(plan(daily, late, Nights())) == datetime(2026, 3, 3, 22, tzinfo=UTC)
    assert due_at(plan(daily, late)) == late + timedelta(days=1), "without hours there is nothing to be late in"


def test_several_runs_in_the_same_hours_keep_their_distance() -> None:
    hourly = Every(interval=HOUR)
    second = datetime(2026, 3, 2, 23, 10, tzinfo=UTC)
    assert due_at(plan(hourly, second, Nights())) == second + HOUR
