"""A gate says no for a reason, and lets by what may pass."""

from datetime import UTC, datetime, timedelta

import pytest

from checks.policy import Urgency
from preserve.audit.limits import Gate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Open:
    def __init__(self, is_open: bool) -> None:
        self.open = is_open

    def is_open(self, now: datetime) -> bool:
        return self.open


@pytest.mark.parametrize("urgency", Urgency)
def test_only_what_was_asked_for_or_repaired_passes_hours_and_time(urgency: Urgency) -> None:
    passes = urgency in (Urgency.ASKED, Urgency.AFTER_REPAIR)
    shut, spent = Gate(hours=Open(False)), Gate(budget_time=timedelta(0), hours=Open(True))
    assert shut.may(urgency, NOW) is spent.may(urgency, NOW) is passes
    assert (shut.reason, spent.reason) == (("", "") if passes else ("hours", "budget-time"))


def test_the_time_runs_from_the_first_question_and_by_no_clock_that_is_set() -> None:
    at = [100.0]
    gate = Gate(budget_time=timedelta(hours=4), monotonic=lambda: at[0])
    assert gate.may(Urgency.REGULAR, NOW)
    at[0] += 4 * 3600 - 1
    assert gate.may(Urgency.REGULAR, NOW + timedelta(days=9))
    at[0] += 1
    assert not gate.may(Urgency.PAST_PROMISE, NOW - timedelta(days=9))


def test_a_gate_without_limits_is_open() -> None:
    assert all(Gate().may(urgency, NOW) for urgency in Urgency)
