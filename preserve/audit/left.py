"""What is due and is not read in a run, and why: a run that read nothing has to say what it left."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from checks.policy import DueItem, Promise, Urgency, urgency
from preserve.catalog.rows import DueShard

Names = Mapping[int, str]  # of replicas, by their ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """How many shards are due and left, by the name of their replica.

    Attributes:
        shut: its hours are shut.
        away: it is not there, whether or not it may be away.
        not_now: all others: the budget is used up.
        past_promise: how many of all of them were not read for longer than is promised, or never.
    """

    shut: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, int] = field(default_factory=dict)
    not_now: Mapping[str, int] = field(default_factory=dict)
    past_promise: int = 0

    def scope(self) -> Mapping[str, object]:
        """As the journal keeps it; nothing of what is empty."""
        counts = {"shut": self.shut, "away_due": self.away, "not_now": self.not_now}
        told: dict[str, object] = {name: dict(each) for name, each in counts.items() if each}
        return told | ({"past_promise": self.past_promise} if self.past_promise else {})


def left_of(
    items: Iterable[DueItem[DueShard]],
    promise_of: Callable[[DueShard], Promise],
    now: datetime,
    *,
    names: Names,
    away: Container[int],
    shut: Container[int],
) -> Left:
    """Counts what is left, by why.

    Args:
        away, shut: ids of the replicas that are not there, and of those whose hours are shut.
    """
    by_why = {"away": Counter[str](), "shut": Counter[str](), "not_now": Counter[str]()}
    past_promise = 0
    for item in items:
        replica_id = item.candidate.replica_id
        why = "away" if replica_id in away else "shut" if replica_id in shut else "not_now"
        by_why[why][names[replica_id]] += 1
        # What was asked for is as urgent however lately it was read.
        by_age = urgency(replace(item.candidate, wanted=None), promise_of(item.candidate), now)
        past_promise += by_age is not None and by_age >= Urgency.PAST_PROMISE
    return Left(**by_why, past_promise=past_promise)
