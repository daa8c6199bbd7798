"""What is due, how urgently, and what of it fits tonight: pure rules over times and sizes.

The catalog answers the query; here is what is asked of it. Three things are sure, whatever the sizes, and are held by
simulation in tests/property/test_due_list.py: nothing overdue falls out, what cannot be read starves nothing that can,
and no shard is too large to get its turn.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, IntEnum, StrEnum, auto
from hashlib import sha256
from itertools import groupby, islice
from typing import Generic, Protocol, TypeVar

LONGEST_WAIT = timedelta(days=1)  # of any back-off; a wait that ends later than that was written by a wrong clock

_EARLIEST_SHARE = 0.8  # of the target age, from which on a shard may be read in a quiet night
_RETRY_SHARE = 4  # what could not be determined gets one part in so many of a budget, while others are due


class Sized(Protocol):
    @property
    def bytes_to_read(self) -> int: ...


Item = TypeVar("Item", bound=Sized)


class Wanted(StrEnum):
    """Why a shard is to be read soon, whatever its age."""

    ASKED = "asked"  # by a person
    REPAIRED = "repaired"  # something of it was put right
    DISBELIEVED = "disbelieved"  # it was read by an auditor that failed its own test


class Candidate(Sized, Protocol):
    """A shard of a copy that may be due; `preserve.catalog.rows.DueShard` is one. Times are aware."""

    @property
    def copy_id(self) -> int: ...
    @property
    def shard_id(self) -> int: ...
    @property
    def replica_id(self) -> int: ...
    @property
    def collection(self) -> str: ...
    @property
    def read_at(self) -> datetime | None:
        """When it was last read with the evidence that its promise asks for; None: never."""

    @property
    def not_before(self) -> datetime | None:
        """When its back-off ends."""

    @property
    def failures(self) -> int:
        """Checks in a row that could not determine it."""

    @property
    def wanted(self) -> Wanted | None: ...


Shard = TypeVar("Shard", bound=Candidate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """`max_age` is what is promised; `target_age`, never longer, is what is aimed at so that the promise holds."""

    max_age: timedelta
    target_age: timedelta

    def may_be_due_before(self, now: datetime) -> datetime:
        """What was last read since this is not due by its age, whichever shard it is."""
        return now - _EARLIEST_SHARE * self.target_age


@dataclass(frozen=True, slots=True, kw_only=True)
class MassChange:
    """When a copy differs in so much that repair must wait for a person: ransomware, a wrong mount, a wiped disk.

    Attributes:
        share: of the copy's files, above which it is mass change; 0 to 1.
        least_files: fewer changed files than this are never mass change.
    """

    share: float = 0.5
    least_files: int = 20

    def shown(self, changed: int, files: int) -> bool:
        """Whether so many changed files of so many are mass change."""
        return changed >= self.least_files and changed > self.share * files


class Urgency(IntEnum):
    """Why a shard is read now; a larger value goes first."""

    REGULAR = 1  # its turn has come, or its last check could not determine it
    PAST_TARGET = 2
    PAST_PROMISE = 3
    NEVER_READ = 4
    AFTER_REPAIR = 5
    ASKED = 6


class Limit(Enum):
    """What keeps a shard from being read now."""

    HOURS = auto()  # the replica may be read at other times
    BUDGET = auto()  # enough of it is read in this run
    BACK_OFF = auto()  # its last check could not determine it, a short while ago


_ALL, _NONE = frozenset(Limit), frozenset[Limit]()
# Which limits may be passed. Being overdue passes none: an archive that cannot keep its promise within the limits it
# was given is told so, and does not take the hours it was denied.
PASSES: Mapping[Urgency, frozenset[Limit]] = {
    Urgency.ASKED: _ALL,
    Urgency.AFTER_REPAIR: _ALL,
    Urgency.NEVER_READ: _NONE,
    Urgency.PAST_PROMISE: _NONE,
    Urgency.PAST_TARGET: _NONE,
    Urgency.REGULAR: _NONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem(Generic[Shard]):
    candidate: Shard
    urgency: Urgency

    @property
    def bytes_to_read(self) -> int:
        return self.candidate.bytes_to_read


def urgency(candidate: Candidate, promise: Promise, now: datetime) -> Urgency | None:
    """How urgently a shard is to be read; None: it is not due. Limits, back-off among them, are not looked at."""
    if candidate.wanted is not None:
        return Urgency.AFTER_REPAIR if candidate.wanted is Wanted.REPAIRED else Urgency.ASKED
    read_at = candidate.read_at
    if read_at is None:
        # What was tried in vain does not go before all that was read long ago, however often it is tried.
        return Urgency.PAST_PROMISE if candidate.failures else Urgency.NEVER_READ
    age = now - read_at
    if age < timedelta(0):
        # The clock was set back. If by little, the shard will soon have an age again; if by much, nobody knows it.
        return Urgency.PAST_TARGET if -age <= promise.max_age else Urgency.PAST_PROMISE
    if age > promise.max_age:
        return Urgency.PAST_PROMISE
    if age > promise.target_age:
        return Urgency.PAST_TARGET
    turn = age > _EARLIEST_SHARE * promise.target_age and age >= _share(candidate) * promise.target_age
    return Urgency.REGULAR if turn or (candidate.failures and not waits(candidate, now)) else None


def waits(candidate: Candidate, now: datetime) -> bool:
    """Whether a shard waits out its back-off. A wait longer than any can be is none: the clock was set back."""
    return candidate.not_before is not None and now < candidate.not_before <= now + LONGEST_WAIT


def due_list(
    candidates: Iterable[Shard],
    promise_of: Callable[[Shard], Promise],
    now: datetime,
    budgets: Mapping[int, int | None],
    closed: Container[int] = (),
) -> list[DueItem[Shard]]:
    """What a run is to read, in this order: the most urgent first; of these, what was never read, then the oldest, and
    among them, in turn, what was tried in vain.

    Args:
        budgets: bytes that this run may read of a replica, by its id; None or nothing: no limit. It is exceeded by at
            most one shard, and one more if a retry alone is larger than its part; see `_within_reach`.
        closed: ids of replicas whose hours are shut; only what passes HOURS is read there.
    """
    limited: dict[int, list[DueItem[Shard]]] = defaultdict(list)
    chosen: list[DueItem[Shard]] = []
    for candidate in candidates:
        how = urgency(candidate, promise_of(candidate), now)
        if how is None or not _may(candidate, how, now, closed):
            continue
        item = DueItem(candidate=candidate, urgency=how)
        (chosen if Limit.BUDGET in PASSES[how] else limited[candidate.replica_id]).append(item)
    order = _order_at(now)
    for replica_id, items in limited.items():
        budget = budgets.get(replica_id)
        chosen += items if budget is None else _within_reach(sorted(items, key=order), budget, now)
    return list(_retries_among(sorted(chosen, key=order), now))


def _may(candidate: Candidate, how: Urgency, now: datetime, closed: Container[int]) -> bool:
    if candidate.replica_id in closed and Limit.HOURS not in PASSES[how]:
        return False
    return Limit.BACK_OFF in PASSES[how] or not waits(candidate, now)


def _order_at(now: datetime) -> Callable[[DueItem[Shard]], tuple[int, bool, datetime, int, int]]:
    def order(item: DueItem[Shard]) -> tuple[int, bool, datetime, int, int]:
        one = item.candidate
        return -item.urgency, one.failures > 0, _gone(one.read_at, now), one.copy_id, one.shard_id

    return order


def _retries_among(items: Iterable[DueItem[Shard]], now: datetime) -> Iterator[DueItem[Shard]]:
    """Within each urgency, one that was tried in vain after every few others: a run may end before it came to them all,
    and those that were kept away by an outage must not wait until the whole backlog is read."""
    for _, alike in groupby(items, key=lambda item: item.urgency):
        group = list(alike)
        fresh = iter([item for item in group if not item.candidate.failures])
        retries = [item for item in group if item.candidate.failures]
        for retry in sorted(retries, key=lambda item: _gone(item.candidate.not_before, now)):
            yield from islice(fresh, _RETRY_SHARE - 1)
            yield retry
        yield from fresh


def _gone(at: datetime | None, now: datetime) -> datetime:
    """A time that has been. One that lies ahead is no time: it would come last for as long as the clock was wrong."""
    return _NO_TIME if at is None or at > now else at


_NO_TIME = datetime.min.replace(tzinfo=UTC)


def _within_reach(items: Sequence[DueItem[Shard]], budget: int, now: datetime) -> list[DueItem[Shard]]:
    """What of one replica fits its budget, of items in their order.

    What was tried in vain gets at most a quarter, but one shard in any case, in turn: the longest not tried goes first,
    else those that will never be read would keep back those that were not there for a night. All others get the rest,
    and what fits of them is taken. One that does not fit is taken nevertheless if it is the first of all, or the first
    of those past their promise or never read: there would always be something smaller before it. This happens once.
    """
    fresh = [item for item in items if not item.candidate.failures]
    retries = [item for item in items if item.candidate.failures]
    retries.sort(key=lambda item: _gone(item.candidate.not_before, now))
    tried, others = _fitting(retries, budget // _RETRY_SHARE if fresh else budget, one=True)
    chosen = _in_turn(fresh, budget - _bytes(tried))
    if len(chosen) == len(fresh):  # nothing waits but these
        tried += _fitting(others, budget - _bytes(tried) - _bytes(chosen), one=False)[0]
    return chosen + tried


_Items = list[DueItem[Shard]]


def _fitting(items: Iterable[DueItem[Shard]], room: int, *, one: bool) -> tuple[_Items[Shard], _Items[Shard]]:
    """In their order those that fit, with `one` the first in any case; and those that do not."""
    chosen, others = list[DueItem[Shard]](), list[DueItem[Shard]]()
    for item in items:
        if item.bytes_to_read <= room or (one and not chosen):
            chosen.append(item)
            room -= item.bytes_to_read
        else:
            others.append(item)
    return chosen, others


def _in_turn(items: Iterable[DueItem[Shard]], room: int) -> _Items[Shard]:
    """In their order those that fit, and one whose turn it is though it does not."""
    chosen, exceeded = list[DueItem[Shard]](), False
    begun: set[Urgency] = set()
    for item in items:
        fits = item.bytes_to_read <= room
        turn = not begun or (item.urgency >= Urgency.PAST_PROMISE and item.urgency not in begun)
        if fits or (turn and not exceeded):
            exceeded = exceeded or not fits
            begun.add(item.urgency)
            chosen.append(item)
            room -= item.bytes_to_read
    return chosen


def _bytes(items: Iterable[Sized]) -> int:
    return sum(item.bytes_to_read for item in items)


def _share(candidate: Candidate) -> float:
    """Of the target age, from which on this shard's turn comes: 0.8 to 1, always the same.

    What was taken in on one day would else be due on one day, every time.
    """
    hashed = sha256(b"%d %d" % (candidate.copy_id, candidate.shard_id)).digest()
    return _EARLIEST_SHARE + (1 - _EARLIEST_SHARE) * int.from_bytes(hashed[:4]) / (1 << 32)


def within_budget(items: Iterable[Item], budget_bytes: int | None) -> Iterator[Item]:
    """The first items, in the order given, up to a budget; at least one, so that a shard larger than it is read too."""
    spent = 0
    for item in items:
        if budget_bytes is not None and spent and spent + item.bytes_to_read > budget_bytes:
            return
        spent += item.bytes_to_read
        yield item
