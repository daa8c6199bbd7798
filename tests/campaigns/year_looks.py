"""What is held against the scheduler: an account of its own of every reading, and a look each day."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from checks.concerns import ConcernCode
from checks.evidence import Outcome
from checks.policy import PASSES, Limit, Urgency
from preserve.app.health import Health
from preserve.audit.lanes import Pair
from preserve.catalog.rows import AuditState
from tests.campaigns.year_archive import LARGEST_SHARD, REPLICAS, START, ZONE, Archive
from tests.campaigns.year_reading import Read, RunRead, bytes_of
from tests.campaigns.year_troubles import SMALL_BUDGET, Troubles

_DAY = timedelta(days=1)
_EARLIER_SHARE = 0.2  # of the target age, by which a shard's turn may come earlier than another's
_WARNINGS = (ConcernCode.WILL_BE_OVERDUE, ConcernCode.CANNOT_KEEP)
_NIGHT = {"nas": (22, 6), "disk": (22, 6), "abroad": (1, 5)}  # hours of the wall's clock in which it may be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One day's look at one replica. Ages in days; `overdue` counted here, `told` by the concern."""

    day: int
    replica: str
    oldest: float
    oldest_that_can_be_read: float
    overdue: int
    told: int
    concerns: frozenset[ConcernCode]
    read_bytes: int
    away: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Days on which shards of a replica were overdue.

    Attributes:
        unreadable: it began with shards that could not be read.
        lead_days: how many days before it was first warned of, within one promise; None: never.
        beside: what stood on the day before.
    """

    replica: str
    first: int
    last: int
    most: int
    oldest: float
    unreadable: bool
    lead_days: int | None
    beside: frozenset[ConcernCode]


@dataclass(slots=True)
class Account:
    """When each shard was last read through, by replica and (copy, shard), and what is wrong with the scheduler."""

    archive: Archive
    troubles: Troubles
    faults: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    general: dict[int, frozenset[ConcernCode]] = field(default_factory=dict)  # by day
    last: dict[str, dict[Pair, tuple[datetime, datetime]]] = field(default_factory=lambda: {n: {} for n in REPLICAS})
    failing: dict[Pair, datetime] = field(default_factory=dict)  # since when its readings came to nothing
    counted: Counter[str] = field(default_factory=Counter)  # figures
    most_passed_over: timedelta = timedelta(0)
    most_beyond_budget: int = 0
    most_hidden: timedelta = timedelta(0)  # by which a shard was really overdue and the wall's clock did not show it
    longest_until_settled: timedelta = timedelta(0)
    _inventories: dict[int, int] = field(default_factory=dict)  # by copy
    _runs: int = 0
    _known: int = 0

    def take_in(self) -> None:
        """Notes copies that were recorded since: of what was not read back, the promise counts from then on."""
        for copy in self.archive.copies[self._known :]:
            at = copy.recorded_at - self.archive.clock.ahead, copy.recorded_at
            self._inventories[copy.id] = copy.inventory_id
            self.last[copy.replica] |= {(copy.id, shard): at for shard in self.archive.sizes[copy.inventory_id]}
        self._known = len(self.archive.copies)

    def look(self, day: int, health: Health, runs: list[RunRead]) -> None:
        """One day: what was read since, and how it stands now against what is said of it."""
        self.take_in()
        new = runs[self._runs :]
        self._runs = len(runs)
        for run in new:
            self._hold(run)
        read = Counter[int]()
        for one in (one for run in new for one in run.reads):
            read[one.replica_id] += one.size_bytes
        self.general[day] = frozenset(c.code for c in health.concerns if not c.replica)
        for name in REPLICAS:
            self.looks.append(self._look(day, name, health, read[self.archive.ids[name]]))

    def _look(self, day: int, name: str, health: Health, read: int) -> Look:
        clock, max_age = self.archive.clock, self.archive.shape.max_age
        now, last, bad = clock(), self.last[name], self._bad(name)
        late = [pair for pair, (_, wall) in last.items() if now - wall > max_age]
        told = sum(c.magnitude for c in health.concerns if c.code is ConcernCode.OVERDUE and c.replica == name)
        if late and not told:
            self.faults.append(f"day {day}: {len(late)} shards of {name} are overdue, and nobody says so")
        elif len(late) != told:
            self.faults.append(f"day {day}: {len(late)} shards of {name} are overdue, and {told} are told of")
        if not told:
            really = max((clock.true - true - max_age for true, _ in last.values()), default=timedelta(0))
            self.most_hidden = max(self.most_hidden, really)
        return Look(
            day=day,
            replica=name,
            oldest=max((now - wall) / _DAY for _, wall in last.values()),
            oldest_that_can_be_read=max((now - wall) / _DAY for pair, (_, wall) in last.items() if pair not in bad),
            overdue=len(late),
            told=told,
            concerns=frozenset(c.code for c in health.concerns if c.replica == name),
            read_bytes=read,
            away=self.troubles.away(name, clock.true),
        )

    def _bad(self, name: str) -> set[Pair]:
        return self.troubles.readings.media[self.archive.ids[name]].unreadable

    def _hold(self, run: RunRead) -> None:
        """One run against its limits."""
        twice = [pair for pair, times in Counter((r.copy_id, r.shard_id) for r in run.reads).items() if times > 1]
        if twice:
            self.faults.append(f"audit {run.audit_id} read {len(twice)} shards twice")
        for name in REPLICAS:
            reads = [read for read in run.reads if read.replica_id == self.archive.ids[name]]
            if reads:
                self._hold_limits(run, name, [r for r in reads if Limit.BUDGET not in PASSES[r.urgency]])
                self._hold_order(run, name, reads)

    def _hold_limits(self, run: RunRead, name: str, reads: list[Read]) -> None:
        if not reads:
            return
        start, stop = _NIGHT[name]
        for read in reads:
            hour = read.begun_wall.astimezone(ZoneInfo(ZONE)).hour
            if not (start <= hour or hour < stop if start > stop else start <= hour < stop):
                self.faults.append(f"audit {run.audit_id} began to read {name} at {read.begun_wall}")
        if name == "nas":
            beyond = bytes_of(reads) - self._nas_budget(reads[0].begun)
            self.most_beyond_budget = max(self.most_beyond_budget, beyond)
            if beyond > LARGEST_SHARD + 2_000_000:
                self.faults.append(f"audit {run.audit_id} read {beyond:,} bytes beyond the budget of {name}")
        if name == "disk" and reads[-1].begun - reads[0].begun > timedelta(minutes=25):
            self.faults.append(f"audit {run.audit_id} read {name} for longer than 25 minutes")

    def _nas_budget(self, at: datetime) -> int:
        small = any(t.kind == "budget too small" and t.at(at) for t in self.troubles.all)
        return SMALL_BUDGET if small else self.archive.shape.night_bytes

    def _hold_order(self, run: RunRead, name: str, reads: list[Read]) -> None:
        """Nobody was passed over: what is left was read later than what was read now, but for the even spread."""
        last, bad = self.last[name], self._bad(name) | self.failing.keys()
        old = [(last[pair], read) for read in reads if (pair := (read.copy_id, read.shard_id)) not in bad]
        for read in reads:
            self._note(name, read)
        left = min(((wall, pair) for pair, (_, wall) in last.items() if pair not in bad), default=None)
        if left is None:
            return
        # What is smaller may fill up what is left of a budget, and what was read in the future is nobody's turn.
        size = self._size(left[1])
        fresh = [
            wall
            for (_, wall), read in old
            if read.urgency <= Urgency.PAST_PROMISE and wall <= reads[0].begun_wall and read.size_bytes >= size
        ]
        passed = max(fresh, default=left[0]) - left[0]
        self.most_passed_over = max(self.most_passed_over, passed)
        most = _EARLIER_SHARE * self.archive.shape.target_age + 2 * _DAY
        if passed > most:
            self.faults.append(f"audit {run.audit_id} passed a shard of {name} over by {passed}")

    def _size(self, pair: Pair) -> int:
        return self.archive.sizes[self._inventories[pair[0]]][pair[1]]

    def _note(self, name: str, read: Read) -> None:
        pair = read.copy_id, read.shard_id
        if read.outcome is Outcome.INCONCLUSIVE:
            self.failing.setdefault(pair, read.begun)
            self.counted["readings in vain"] += 1
        else:
            self.failing.pop(pair, None)
            self.last[name][pair] = read.begun, read.begun_wall
            self.counted["readings"] += 1

    def at_the_end(self, runs: list[RunRead]) -> None:
        """What can be said only of the whole."""
        self._hold_schedule(runs)
        self._hold_asked(runs)
        final = {look.replica: look for look in self.looks[-len(REPLICAS) :]}
        for name, look in final.items():
            if look.overdue:
                self.faults.append(f"{name}: {look.overdue} shards are still overdue at the end")
        for breach in self.breaches():
            foreseen = breach.lead_days is not None
            expected = ConcernCode.UNDETERMINED if breach.unreadable else ConcernCode.REPLICA_AWAY
            if not foreseen and expected not in breach.beside:
                self.faults.append(f"{breach.replica}: overdue on day {breach.first}, and nobody had warned of it")

    def _hold_schedule(self, runs: list[RunRead]) -> None:
        """One run a night for each replica, whatever happens to it."""
        began = {run.audit_id: run.begun for run in runs}
        times: dict[str, list[datetime]] = defaultdict(list)
        for audit in reversed(self.archive.workspace.catalog.audits(100_000)):
            tried = audit.state is AuditState.ENDED or audit.reason in ("hours", "budget-time")
            self.counted["runs"] += 1
            self.counted[f"runs that ended: {audit.reason or audit.state.value}"] += 1
            for name in _tried(audit.scope) if tried and audit.id in began else ():
                times[name].append(began[audit.id])
        asked = {at.date() for at, _ in self.troubles.asked}
        for name, at in times.items():
            for before, after in pairwise(at):
                gap = after - before
                if not timedelta(hours=20) <= gap <= timedelta(hours=28) and not self._excused(before, after, asked):
                    self.faults.append(f"{name}: after the run of {before} the next one began {gap} later")

    def _excused(self, before: datetime, after: datetime, asked: Iterable[object]) -> bool:
        kinds, planned = ("service off", "clock a day back"), self.troubles.all
        troubled = any(t.kind in kinds and t.begins - _DAY <= after and before <= t.ends + _DAY for t in planned)
        # A run in whose middle its replica went does not count; if its hours are over then, the next is a day later.
        went = any(t.kind == "away" and before <= t.begins <= after for t in planned)
        return troubled or went or before.date() in asked or after.date() in asked

    def _hold_asked(self, runs: list[RunRead]) -> None:
        for at, pairs in self.troubles.asked:
            read = {(r.copy_id, r.shard_id) for run in runs for r in run.reads if at <= r.begun <= at + _DAY / 4}
            if pairs - read:
                self.faults.append(f"{len(pairs - read)} shards that were asked for at {at} were not read in six hours")

    def breaches(self) -> Iterator[Breach]:
        """Each stretch of days on which a replica was overdue."""
        for name in REPLICAS:
            days = [look for look in self.looks if look.replica == name]
            first = None
            for place, look in enumerate(days):
                if look.overdue and first is None:
                    first = place
                if first is not None and (not look.overdue or place == len(days) - 1):
                    yield self._breach(days, first, place if look.overdue else place - 1)
                    first = None

    def _breach(self, days: list[Look], first: int, last: int) -> Breach:
        within = round(self.archive.shape.max_age / _DAY)
        warned = [look.day for look in days[max(0, first - within) : first] if look.concerns & set(_WARNINGS)]
        beside = days[first - 1].concerns if first else frozenset[ConcernCode]()
        beside |= self.general.get(days[first - 1].day, frozenset()) if first else frozenset()
        max_age = self.archive.shape.max_age / _DAY
        stretch = days[first : last + 1]
        return Breach(
            replica=days[first].replica,
            first=days[first].day,
            last=days[last].day,
            most=max(look.overdue for look in stretch),
            oldest=max(look.oldest for look in stretch),
            unreadable=stretch[0].oldest_that_can_be_read <= max_age,
            lead_days=days[first].day - warned[0] if warned else None,
            beside=beside,
        )


def _tried(scope: Mapping[str, object]) -> Iterator[str]:
    for key in ("replicas", "away"):
        named = scope.get(key)
        if isinstance(named, list | dict):
            yield from map(str, named)


def day_of(moment: datetime) -> float:
    return (moment - START) / _DAY
