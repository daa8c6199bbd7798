"""The forecast against a simulation that walks day by day and shard by shard, and against what is possible at all."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from checks.advice import advice
from checks.capacity import Pace, Slot
from checks.forecast import Load, first_break, outlook

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)

ages = st.lists(st.integers(0, 40), min_size=1, max_size=30)
capacities = st.lists(st.integers(0, 6), min_size=1, max_size=10)


def loads_of(days_ago: list[int], max_age: int, target_age: int) -> list[Load]:
    return [
        Load(
            read_at=NOW - day * DAY,
            size_bytes=1,
            shards=1,
            max_age=max_age * DAY,
            target_age=target_age * DAY,
        )
        for day in days_ago
    ]


def slots_of(a_day: list[int], days: int) -> list[Slot]:
    return [Slot(NOW + day * DAY, a_day[day % len(a_day)]) for day in range(days)]


def walked(days_ago: list[int], a_day: list[int], max_age: int, target_age: int, days: int) -> int | None:
    """The day (from now) of the first broken deadline: every day the oldest shards that are due are read."""
    read_on = [-day for day in days_ago]
    kept = [day >= -max_age for day in read_on]
    breaks = []
    for today in range(days + 1):
        for shard, day in enumerate(read_on):
            if kept[shard] and day + max_age < today:
                breaks.append(day + max_age)
        if breaks:
            return min(breaks)
        due = sorted((day, shard) for shard, day in enumerate(read_on) if today - day >= target_age)
        for _, shard in due[: a_day[today % len(a_day)]]:
            read_on[shard], kept[shard] = today, True
    return None


@given(ages, capacities, st.integers(2, 30), st.integers(0, 30))
def test_the_first_break_is_the_one_that_a_walk_through_the_days_comes_upon(
    days_ago: list[int], a_day: list[int], max_age: int, less: int
) -> None:
    target_age, days = max(1, max_age - less), 2 * max_age
    found = first_break(
        loads_of(days_ago, max_age, target_age), slots_of(a_day, days), NOW, NOW + days * DAY, shares=(1.0,)
    )
    expected = walked(days_ago, a_day, max_age, target_age, days)
    assert (None if found is None else (found - NOW) // DAY) == expected


@given(ages, capacities, st.integers(2, 30))
def test_it_breaks_in_the_first_pass_only_where_no_order_of_reading_could_keep_it(
    days_ago: list[int], a_day: list[int], max_age: int
) -> None:
    kept = [day for day in days_ago if day <= max_age]
    found = first_break(
        loads_of(kept, max_age, 0), slots_of(a_day, max_age + 1), NOW, NOW + (max_age + 1) * DAY, shares=(0.0,)
    )
    # Reading again what was read takes from nobody here: its new deadline is after all the others.
    demand = [sum(max_age - day <= last for day in kept) for last in range(max_age + 1)]
    supply = [sum(a_day[day % len(a_day)] for day in range(last + 1)) for last in range(max_age + 1)]
    short = [last for last in range(max_age + 1) if demand[last] > supply[last]]
    assert (found is None or found >= NOW + max_age * DAY) if not short else found == NOW + short[0] * DAY


@given(ages, st.integers(1, 10), st.integers(2, 40))
def test_what_is_advised_keeps_the_promise(days_ago: list[int], budget: int, max_age: int) -> None:
    loads = loads_of([min(day, max_age) for day in days_ago], max_age, max(1, max_age * 2 // 3))
    pace = Pace(next_run=lambda at: at + DAY, budget_bytes=budget)
    found = outlook(loads, pace, NOW, NOW)
    assert found is not None
    told = advice(loads, pace, NOW, NOW)
    if told.budget_bytes is not None:
        better = outlook(loads, Pace(next_run=pace.next_run, budget_bytes=told.budget_bytes), NOW, NOW)
        assert better is not None and better.keeps
    if told.max_age is not None:
        longer = [
            Load(
                read_at=load.read_at,
                size_bytes=load.size_bytes,
                shards=1,
                max_age=told.max_age,
                target_age=load.target_age,
            )
            for load in loads
        ]
        better = outlook(longer, pace, NOW, NOW)
        assert better is not None and better.keeps
