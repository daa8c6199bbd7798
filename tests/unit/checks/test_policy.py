"""How urgent a shard is, what that lets it pass, and whose turn it is where the budget is small."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from checks.policy import LONGEST_WAIT, PASSES, Limit, Promise, Urgency, Wanted, due_list, urgency, waits

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PROMISE = Promise(max_age=90 * DAY, target_age=60 * DAY)


@dataclass(frozen=True, kw_only=True)
class Shard:
    shard_id: int = 1
    bytes_to_read: int = 10
    read_at: datetime | None = None
    copy_id: int = 1
    replica_id: int = 1
    collection: str = "maps"
    not_before: datetime | None = None
    failures: int = 0
    wanted: Wanted | None = None


def read(days_ago: float, **more: object) -> Shard:
    return replace(Shard(read_at=NOW - days_ago * DAY), **more)  # type: ignore[arg-type]


def listed(*shards: Shard, budget: int | None = None, closed: tuple[int, ...] = ()) -> list[Shard]:
    return [item.candidate for item in due_list(shards, lambda _: PROMISE, NOW, {1: budget}, closed)]


@pytest.mark.parametrize(
    ("shard", "how"),
    [
        (read(0), None),
        (read(47.9), None),
        (read(60), Urgency.REGULAR),
        (read(60.1), Urgency.PAST_TARGET),
        (read(90), Urgency.PAST_TARGET),
        (read(90.1), Urgency.PAST_PROMISE),
        (read(10_000), Urgency.PAST_PROMISE),
        (Shard(), Urgency.NEVER_READ),
        (Shard(failures=1, not_before=NOW), Urgency.PAST_PROMISE),
        (read(-1), Urgency.PAST_TARGET),
        (read(-91), Urgency.PAST_PROMISE),
        (read(0, failures=1, not_before=NOW), Urgency.REGULAR),
        (read(0, failures=1, not_before=NOW + DAY), None),
        (read(0, failures=1, not_before=NOW + 2 * DAY), Urgency.REGULAR),
        (read(0, wanted=Wanted.REPAIRED), Urgency.AFTER_REPAIR),
        (read(0, wanted=Wanted.ASKED), Urgency.ASKED),
        (Shard(wanted=Wanted.ASKED), Urgency.ASKED),
    ],
)
def test_urgency_comes_from_the_age_and_from_who_asked(shard: Shard, how: Urgency | None) -> None:
    assert urgency(shard, PROMISE, NOW) is how


def test_urgency_rises_from_regular_to_asked() -> None:
    assert sorted(Urgency) == [
        *(Urgency.REGULAR, Urgency.PAST_TARGET, Urgency.PAST_PROMISE),
        *(Urgency.NEVER_READ, Urgency.AFTER_REPAIR, Urgency.ASKED),
    ]


def test_shards_that_were_read_on_one_day_come_up_over_many_days_and_always_on_the_same() -> None:
    first_due = [
        next(day for day in range(100) if urgency(read(day, shard_id=number), PROMISE, NOW) is not None)
        for number in range(500)
    ]
    assert min(first_due) >= 48 and max(first_due) <= 60
    each = [first_due.count(day) for day in range(49, 61)]
    assert all(20 <= count <= 65 for count in each), "twelve days share five hundred"


def test_nothing_before_the_cutoff_that_the_catalog_is_asked_for_can_be_due_by_age() -> None:
    edge = PROMISE.may_be_due_before(NOW)
    assert all(urgency(Shard(shard_id=n, read_at=edge), PROMISE, NOW) is None for n in range(500))


def test_only_what_was_asked_for_or_repaired_passes_limits_and_it_passes_all() -> None:
    passing = {how for how in Urgency if PASSES[how]}
    assert passing == {Urgency.ASKED, Urgency.AFTER_REPAIR}
    assert all(PASSES[how] == frozenset(Limit) for how in passing)


def test_a_replica_that_is_shut_is_read_only_for_what_passes() -> None:
    asked = read(0, shard_id=2, wanted=Wanted.ASKED)
    elsewhere = Shard(shard_id=3, replica_id=2)
    assert listed(Shard(), asked, elsewhere, closed=(1,)) == [asked, elsewhere]


def test_what_waits_out_a_back_off_is_not_read_unless_it_was_asked_for() -> None:
    waiting = Shard(failures=2, not_before=NOW + timedelta(minutes=2))
    assert listed(waiting) == []
    assert listed(replace(waiting, wanted=Wanted.REPAIRED)) != []


def test_a_wait_longer_than_any_can_be_was_written_by_a_wrong_clock() -> None:
    assert waits(Shard(not_before=NOW + LONGEST_WAIT), NOW)
    assert not waits(Shard(not_before=NOW + LONGEST_WAIT + DAY), NOW)


def test_what_was_asked_for_leaves_the_budget_to_the_others() -> None:
    asked = [read(0, shard_id=n, bytes_to_read=100, wanted=Wanted.ASKED) for n in range(5)]
    assert listed(*asked, Shard(shard_id=9), budget=10) == [*asked, Shard(shard_id=9)]


def test_each_replica_has_its_own_budget() -> None:
    here = [Shard(shard_id=n) for n in range(3)]
    there = [replace(shard, replica_id=2, copy_id=2) for shard in here]
    items = due_list([*here, *there], lambda _: PROMISE, NOW, {1: 10, 2: 20})
    assert [item.candidate for item in items] == [here[0], *there[:2]]


def test_each_shard_is_held_to_the_promise_of_its_own_collection() -> None:
    strict = Promise(max_age=2 * DAY, target_age=DAY)
    maps, letters = read(10), read(10, shard_id=2, collection="letters")
    items = due_list([maps, letters], lambda one: strict if one.collection == "letters" else PROMISE, NOW, {})
    assert [item.candidate for item in items] == [letters]


def test_a_shard_larger_than_the_budget_is_read_alone() -> None:
    assert listed(read(80, bytes_to_read=500), read(70, shard_id=2), budget=100) == [read(80, bytes_to_read=500)]


def test_a_large_overdue_shard_is_not_kept_out_by_small_new_ones_that_come_each_night() -> None:
    large, new = read(100, bytes_to_read=95), Shard(shard_id=2)
    assert listed(large, new, budget=100) == [new, large]


def test_the_budget_is_exceeded_by_one_shard_at_most() -> None:
    new = [Shard(shard_id=n, bytes_to_read=60) for n in (2, 3)]
    large = [read(100 + n, shard_id=10 - n, bytes_to_read=95) for n in range(3)]
    assert listed(*new, *large, budget=100) == [new[0], large[2]]


def test_what_does_not_fit_leaves_its_room_to_smaller_ones() -> None:
    oldest, large, small = read(103, bytes_to_read=60), read(102, shard_id=2, bytes_to_read=60), read(101, shard_id=3)
    assert listed(oldest, large, small, budget=100) == [oldest, small]


def test_what_was_tried_in_vain_takes_a_quarter_while_others_are_due_and_all_if_none_are() -> None:
    bad = [read(200, shard_id=n, failures=9, not_before=NOW) for n in range(10)]
    good = [read(100, shard_id=n) for n in range(10, 30)]
    both = listed(*bad, *good, budget=100)
    assert (sum(one.failures > 0 for one in both), len(both)) == (2, 10)
    assert len(listed(*bad, budget=100)) == 10


def test_of_what_was_tried_in_vain_the_longest_not_tried_has_its_turn() -> None:
    first = read(200, failures=9, not_before=NOW - DAY)
    longer = read(100, shard_id=2, failures=1, not_before=NOW - 2 * DAY)
    others = [read(95, shard_id=n) for n in range(3, 20)]
    assert [one for one in listed(first, longer, *others, budget=40) if one.failures] == [longer]


def test_a_run_that_ends_early_has_come_to_some_of_what_was_tried_in_vain() -> None:
    tried = [read(100, shard_id=n, failures=1, not_before=NOW - n * DAY) for n in (1, 2)]
    others = [read(95, shard_id=n) for n in range(3, 12)]
    assert [one.shard_id for one in listed(*tried, *others)[:8]] == [3, 4, 5, 2, 6, 7, 8, 1]
