"""The shards of one replica in one run: in which order, how many at once, and why no more of them."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime

from checks.policy import Urgency
from preserve.audit.copies import CopyView
from preserve.audit.limits import Gate
from preserve.audit.reading import Hand
from preserve.catalog.rows import CheckResult, CopyRow
from preserve.executors.threads import Pools

_TOGETHER = 256  # shards that are due one after another, among which those of one copy may be read together
_AHEAD = 4  # shards taken in advance, by thread; small ones are then committed many at a time

Pair = tuple[int, int]  # copy, shard


class Lane:
    """One replica's way through a run, with threads of its own: what is slow or hangs there holds up nobody else.

    Args:
        pairs: what is to be read, in the order in which it shall be.
        urgencies: what is not in it was asked for by a person.
    """

    def __init__(
        self, pairs: Sequence[Pair], urgencies: Mapping[Pair, Urgency], gate: Gate | None, threads: Pools
    ) -> None:
        self.threads = threads
        self.in_hand: dict[Future[CheckResult], Hand] = {}
        self.reason = ""  # why nothing more is handed out; empty while there is no such reason
        self.left_to_others = 0  # shards that another audit has leased
        self._waiting = deque(pairs)
        self._urgencies = urgencies
        self._gate = gate
        # A copy's listing is kept while shards of it come one after another: the number of each such row of shards.
        self._row = _rows(pairs)
        self._left = Counter(self._row.values())
        self._views: dict[int, CopyView] = {}

    def share(self, threads: int) -> None:
        """So many of its shards may be read at once, if the settings do not say how many."""
        if self._gate is None or self._gate.concurrency is None:
            self.threads.shards.grow(threads)

    @property
    def ended(self) -> bool:
        return not self.in_hand and (bool(self.reason) or not self._waiting)

    @property
    def held_back(self) -> bool:
        """Whether something is left that will not be handed out."""
        return bool(self.reason) and bool(self._waiting)

    def urgency(self, pair: Pair) -> Urgency:
        return self._urgencies.get(pair, Urgency.ASKED)

    def take(self, now: datetime) -> list[Pair]:
        """What may be handed out now, at most as much as its threads can do in a while."""
        window = self.threads.shards.threads * _AHEAD
        if self.reason or len(self.in_hand) > window // 2:
            return []
        taken: list[Pair] = []
        while self._waiting and len(self.in_hand) + len(taken) < window:
            if not self._may(self._waiting[0], now):
                break
            taken.append(self._waiting.popleft())
        return taken

    def _may(self, pair: Pair, now: datetime) -> bool:
        if self._gate is None or self._gate.may(self.urgency(pair), now):
            return True
        # The order is by falling urgency, and what is less urgent passes no more.
        self.reason = self._gate.reason
        return False

    def view(self, copy: CopyRow, pair: Pair, made: Callable[[CopyRow], CopyView]) -> CopyView:
        """The copy's view; let go with the last shard that needs it (those in hand keep it for as long)."""
        key = self._row[pair]
        return self._views.get(key) or self._views.setdefault(key, made(copy))

    def handed(self, pairs: Sequence[Pair]) -> None:
        """These are on their way, or another worker has them."""
        for pair in pairs:
            key = self._row[pair]
            self._left[key] -= 1
            if self._left[key] == 0:
                self._views.pop(key, None)

    def close(self, reason: str) -> None:
        """Nothing more is handed out."""
        self.reason = reason

    def recall(self, now: datetime, *, all_of_them: bool = False) -> list[Hand]:
        """Takes back what waits for a thread and may not be begun any more, or all that waits for one."""
        recalled: list[Hand] = []
        if self._gate is None and not all_of_them:
            return recalled
        for future, hand in list(self.in_hand.items()):
            pair = (hand.lease.copy_id, hand.lease.shard_id)
            waits = hand.begun_at is None and not future.running() and not future.done()
            if waits and (all_of_them or not self._may(pair, now)) and future.cancel():
                recalled.append(self.in_hand.pop(future))
                self._waiting.append(pair)
        return recalled

    def silent(self, now: float, seconds: float) -> Iterator[tuple[Future[CheckResult], Hand]]:
        """What gave no sign for so long."""
        for future, hand in list(self.in_hand.items()):
            if not future.done() and hand.silent_seconds(now) >= seconds:
                yield future, hand


def in_order(pairs: Sequence[Pair], urgencies: Mapping[Pair, Urgency]) -> list[Pair]:
    """The most urgent first; of equal urgency in the order of `urgencies`, but nearby shards of a copy together.

    Within so many as are read in a short while, a copy stands where its first shard stands, so that one listing serves
    them all. Beyond that the oldest goes first, whatever copy it is of: whoever is not reached tonight is no older than
    what was read. A copy is then listed again when its next shards come.
    """
    if not urgencies:
        return list(pairs)
    place: dict[Pair, int] = {}
    first: dict[tuple[int, Urgency, int], int] = {}
    for number, (pair, urgency) in enumerate(urgencies.items()):
        place[pair] = number
        first.setdefault((pair[0], urgency, number // _TOGETHER), number)

    def key(pair: Pair) -> tuple[int, int, int, int]:
        urgency, number = urgencies.get(pair, Urgency.ASKED), place.get(pair, 0)
        block = number // _TOGETHER
        return -urgency, block, first.get((pair[0], urgency, block), 0), number

    return sorted(pairs, key=key)


def _rows(pairs: Sequence[Pair]) -> dict[Pair, int]:
    """Of each pair, the number of the row of shards of one copy in which it stands."""
    rows: dict[Pair, int] = {}
    number, last = 0, None
    for pair in pairs:
        if pair[0] != last:
            number, last = number + 1, pair[0]
        rows[pair] = number
    return rows
