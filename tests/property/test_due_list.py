"""Night after night: whatever the sizes, the budget, the failures and the growth, no shard that can be read starves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from checks.policy import DueItem, Promise, Urgency, Wanted, due_list, urgency, waits

START = datetime(2026, 1, 1, 22, tzinfo=UTC)
DAY = timedelta(days=1)
PROMISE = Promise(max_age=12 * DAY, target_age=8 * DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    shard_id: int
    bytes_to_read: int
    read_at: datetime | None = None
    copy_id: int = 1
    replica_id: int = 1
    collection: str = "maps"
    not_before: datetime | None = None
    failures: int = 0
    wanted: Wanted | None = None

    def failed(self, at: datetime) -> "Shard":
        wait = min(timedelta(minutes=1) * 2 ** min(self.failures, 20), DAY)
        return replace(self, failures=self.failures + 1, not_before=at + wait)

    def read(self, at: datetime) -> "Shard":
        return replace(self, failures=0, not_before=None, read_at=at, wanted=None)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One replica: sizes with their first ages in days, what comes in later, and what goes wrong."""

    first: list[tuple[int, int | None]]
    growth: list[tuple[int, int]]  # night, size
    never_readable: frozenset[int]  # shards
    flaky_nights: int  # in which one reading in three fails
    shut_nights: frozenset[int]
    asked: list[tuple[int, int]]  # night, shard
    budget: int
    seed: int

    @property
    def sizes(self) -> list[int]:
        return [size for size, _ in self.first] + [size for _, size in self.growth]

    def bound(self, size: int) -> int:
        """In how many open nights a shard that broke its promise is read, if it can be.

        All others go before it once at most. A night's budget goes to them but for what retries take and for what is
        left because this shard does not fit; one goes in any case, and one too large for any night may go alone.
        """
        sizes = self.sizes
        progress = self.budget - max(self.budget // 4, max(sizes)) - size
        nights = sum(sizes) // progress + 1 if progress > 0 else len(sizes)
        return min(nights, len(sizes)) + sum(each > self.budget // 2 for each in sizes)


archives = st.integers(1, 60).flatmap(
    lambda largest: st.builds(
        Archive,
        first=st.lists(st.tuples(st.integers(1, largest), st.none() | st.integers(0, 400)), min_size=1, max_size=25),
        growth=st.lists(st.tuples(st.integers(0, 60), st.integers(1, largest)), max_size=15),
        never_readable=st.frozensets(st.integers(0, 39), max_size=12),
        flaky_nights=st.integers(0, 40),
        shut_nights=st.frozensets(st.integers(0, 60), max_size=20),
        asked=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 39)), max_size=4),
        budget=st.integers(20, 500),
        seed=st.integers(0, 1000),
    )
)


@dataclass
class Nights:
    """Plays an archive's nights with what the list says, and holds the list to its rules in each."""

    archive: Archive
    shards: dict[int, Shard] = field(default_factory=dict)
    overdue_for: dict[int, int] = field(default_factory=dict)  # open nights past the promise, not tried in vain
    unread_for: dict[int, int] = field(default_factory=dict)  # the same, tried or not, since nothing is flaky any more

    def play(self, nights: int) -> None:
        random, archive = Random(self.archive.seed), self.archive
        for number, (size, age) in enumerate(archive.first):
            self.shards[number] = Shard(
                shard_id=number, bytes_to_read=size, read_at=None if age is None else START - age * DAY
            )
        for night in range(nights):
            now = START + night * DAY
            self._come_in(night)
            closed = {1} if night in archive.shut_nights else set()
            listed = due_list(self.shards.values(), lambda _: PROMISE, now, {1: archive.budget}, closed)
            hold_to_its_rules(listed, self.shards, archive.budget, now, shut=bool(closed))
            self._read(listed, now, random, 1 / 3 if night < archive.flaky_nights else 0.0)
            if not closed:
                self._count(now, settled=night >= archive.flaky_nights)

    def _come_in(self, night: int) -> None:
        for place, (when, size) in enumerate(self.archive.growth, len(self.archive.first)):
            if when == night:
                self.shards[place] = Shard(shard_id=place, bytes_to_read=size)
        for when, number in self.archive.asked:
            if when == night and number in self.shards:
                self.shards[number] = replace(self.shards[number], wanted=Wanted.ASKED)

    def _read(self, listed: list[DueItem[Shard]], now: datetime, random: Random, risk: float) -> None:
        for item in listed:
            shard = item.candidate
            bad = shard.shard_id in self.archive.never_readable or random.random() < risk
            self.shards[shard.shard_id] = shard.failed(now) if bad else shard.read(now)

    def _count(self, now: datetime, *, settled: bool) -> None:
        for number, shard in self.shards.items():
            if number in self.archive.never_readable:
                continue
            overdue = shard.read_at is None or now - shard.read_at > PROMISE.max_age
            self.overdue_for[number] = self.overdue_for.get(number, 0) + 1 if overdue and not shard.failures else 0
            self.unread_for[number] = self.unread_for.get(number, 0) + 1 if overdue and settled else 0
            bound = self.archive.bound(shard.bytes_to_read)
            assert self.overdue_for[number] <= bound, f"{shard} waits {self.overdue_for[number]} nights, not {bound}"
            # What failed has its turn among those that failed, one of them a night at least.
            longest = bound + 2 * len(self.shards) + len(self.archive.asked) + 2
            assert self.unread_for[number] <= longest, f"{shard} starves for having failed"


def hold_to_its_rules(
    listed: list[DueItem[Shard]], shards: Mapping[int, Shard], budget: int, now: datetime, *, shut: bool
) -> None:
    names = [item.candidate.shard_id for item in listed]
    assert len(names) == len(set(names))
    assert [item.urgency for item in listed] == sorted((item.urgency for item in listed), reverse=True)
    asked = [number for number, shard in shards.items() if shard.wanted is not None]
    assert set(asked) <= set(names), "what was asked for passes every limit"
    if shut:
        assert set(names) == set(asked)
        return
    limited = [item for item in listed if item.candidate.wanted is None]
    retries = [item.candidate.bytes_to_read for item in limited if item.candidate.failures]
    fresh = [item for item in limited if not item.candidate.failures]
    due = {
        number: how
        for number, shard in shards.items()
        if shard.wanted is None and not waits(shard, now) and (how := urgency(shard, PROMISE, now)) is not None
    }
    left_out = {number: how for number, how in due.items() if number not in names}
    fresh_left_out = {number: how for number, how in left_out.items() if not shards[number].failures}
    read = sum(item.candidate.bytes_to_read for item in fresh)
    room = budget - read - sum(retries)

    # The budget holds, but for one shard whose turn it is, and one retry that is larger than the part of retries.
    assert len(retries) <= 1 or sum(retries) <= (budget // 4 if fresh_left_out else budget)
    for_fresh = max(0, budget - sum(retries))
    assert read - max((item.candidate.bytes_to_read for item in fresh), default=0) <= for_fresh
    assert not due or limited, "at least one is read"

    # Nothing that is due stays out while it would fit, least of all what is overdue.
    for number, how in left_out.items():
        shard = shards[number]
        if not shard.failures or not fresh_left_out:
            assert shard.bytes_to_read > room, f"{how.name} is left out while there is room for it"

    # Never read goes before read: it stays out only if it does not fit beside its like.
    never = sum(item.candidate.bytes_to_read for item in fresh if item.candidate.read_at is None)
    for number in fresh_left_out:
        if shards[number].read_at is None:
            assert shards[number].bytes_to_read + never + sum(retries) > budget, "what was read keeps it out"


@settings(max_examples=200, deadline=None)
@given(archives)
def test_every_shard_that_can_be_read_is_read_in_time_and_every_night_keeps_to_the_rules(archive: Archive) -> None:
    nights = 61 + max(archive.bound(size) for size in archive.sizes) + 2 * len(archive.sizes)
    Nights(archive).play(min(nights, 200))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=20),
    st.integers(1, 30),
    st.integers(0, 19),
)
def test_without_want_of_budget_all_that_is_due_is_listed_the_oldest_first(
    sizes: list[int], step: int, start: int
) -> None:
    now = START
    shards = [
        Shard(shard_id=n, bytes_to_read=size, read_at=now - (start + n * step) * DAY) for n, size in enumerate(sizes)
    ]
    listed = due_list(shards, lambda _: PROMISE, now, {1: None})
    due = [shard for shard in shards if urgency(shard, PROMISE, now) is not None]
    assert [item.candidate for item in listed] == due[::-1]


@given(st.integers(1, 100), st.lists(st.integers(13, 9_999), max_size=20), st.booleans())
def test_what_was_last_read_ten_thousand_days_ago_is_the_first_of_its_class(
    budget: int, ages: list[int], tried: bool
) -> None:
    ancient = Shard(shard_id=99, bytes_to_read=50, read_at=START - 10_000 * DAY)
    others = [Shard(shard_id=n, bytes_to_read=10, read_at=START - age * DAY) for n, age in enumerate(ages)]
    retry = [replace(ancient, shard_id=100, failures=3, not_before=START)] if tried else []
    listed = due_list([*others, *retry, ancient], lambda _: PROMISE, START, {1: budget})
    assert listed[0].candidate is ancient
    assert listed[0].urgency is Urgency.PAST_PROMISE


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 30), st.integers(1, 3), st.integers(1, 20))
def test_after_a_clock_was_set_back_by_years_each_shard_is_read_in_one_pass(
    ahead: int, a_night: int, years: int
) -> None:
    """Though there is more to read than the budget allows, so that everything is always past its promise."""
    wrong = {n: Shard(shard_id=n, bytes_to_read=1, read_at=START + years * 365 * DAY) for n in range(ahead)}
    shards = wrong | {n: Shard(shard_id=n, bytes_to_read=1, read_at=START - 20 * DAY) for n in range(100, 140)}
    for night in range(ahead // a_night + 1):
        now = START + night * DAY
        for item in due_list(shards.values(), lambda _: PROMISE, now, {1: a_night}):
            shards[item.candidate.shard_id] = item.candidate.read(now)
    assert all(shards[n].read_at < START + 365 * DAY for n in wrong)  # type: ignore[operator]
