"""By when a disk that is carried by hand has to be brought: at each date of its year."""

from datetime import UTC, datetime, timedelta

import pytest

from checks.carried import bringing
from checks.concerns import ConcernCode
from checks.health import concerns
from checks.situation import ReplicaState, Situation

READ = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = 365 * DAY


def told(day: int, *, reading: timedelta | None = None, max_age: timedelta = YEAR) -> list[str]:
    """What an archivist is told so many days after the disk was last read, while it is in its safe."""
    now = READ + day * DAY
    overdue = int(now > READ + max_age)
    disk = ReplicaState(
        name="safe",
        copies=1,
        there=False,
        offline=True,
        overdue_shards=overdue,
        max_age=max_age,
        last_run_at=now,
        bringing=bringing([READ + max_age], max_age, reading),
    )
    found = concerns(Situation(now=now, replicas=(disk,), packages=1, backed_up_at=now))
    return [one.code.value for one in found]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (0, []),
        (180, []),
        (328, []),
        (329, ["will-be-overdue"]),  # the last tenth begins in day 328
        (364, ["will-be-overdue"]),
        (365, ["will-be-overdue"]),
        (366, ["overdue"]),
        (800, ["overdue"]),
    ],
)
def test_a_disk_read_once_a_year_is_asked_for_in_the_last_tenth_of_it(day: int, expected: list[str]) -> None:
    assert told(day) == expected


def test_with_a_promise_of_a_month_a_week_before_is_time_enough() -> None:
    month = 30 * DAY
    assert [told(day, max_age=month) for day in (22, 23, 30, 31)] == [
        [],
        [ConcernCode.WILL_BE_OVERDUE.value],
        [ConcernCode.WILL_BE_OVERDUE.value],
        [ConcernCode.OVERDUE.value],
    ]


def test_the_time_that_reading_takes_is_taken_off() -> None:
    found = bringing([READ + YEAR], YEAR, 5 * DAY)
    assert found is not None
    assert (found.by, found.deadline) == (READ + 360 * DAY, READ + YEAR)
    assert found.day == "27 December 2026"
    assert told(325, reading=5 * DAY) == ["will-be-overdue"]


def test_a_disk_that_takes_longer_to_read_than_its_promise_is_not_asked_for_before_it_was_read() -> None:
    found = bringing([READ + YEAR], YEAR, 1000 * DAY)
    assert found is not None and READ < found.by < found.deadline
    assert found.warn_at >= READ


def test_the_first_part_that_breaks_the_promise_decides() -> None:
    found = bringing([READ + 90 * DAY, READ + 60 * DAY, READ + 200 * DAY], 90 * DAY)
    assert found is not None and found.deadline == READ + 60 * DAY


def test_where_nothing_is_to_be_read_nothing_is_to_be_brought() -> None:
    assert bringing([], YEAR) is None
