"""The forecast of a workspace: what is to be read on each replica, how fast, and whether the promise holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from checks.advice import advice
from checks.capacity import ALWAYS, Opening, Pace
from checks.carried import Bringing, bringing
from checks.evidence import Evidence
from checks.forecast import Load, Outlook, outlook
from checks.hours import Hours
from config import Limits
from config.model import Promise
from preserve.app.workspace import Workspace, presence
from preserve.audit.schedule import RunPlan, due_at
from preserve.catalog.rows import CopyRow, ReadAge, ReplicaRow, Speed
from reports.plan import AgeBar, PlanFigures, PlanView, ReplicaPlan, chart_unit

_MEASURED_IN = timedelta(days=30)
_LEAST_BYTES, _LEAST_SECONDS = 64 * 2**20, 60.0  # of what was read, before it says anything of a disk's speed
_HALF_DAY = timedelta(hours=12)
_DAY = timedelta(days=1)
_SPANS = 12
_MOST_DAYS = 36_500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One replica with what its forecast is made of.

    Attributes:
        ages: when its shards were last read at the level that is promised of them, by collection and day.
        promises: by collection.
        measured: what was read of it lately; `pace` has a speed only where that was enough.
        start: when its next run may begin.
        run_due_at: when the next run is due; None where it never ran, or its last run lies in the future.
    """

    replica: ReplicaRow
    ages: Sequence[ReadAge]
    promises: Mapping[str, Promise]
    loads: Sequence[Load]
    pace: Pace
    measured: Speed | None
    plan: RunPlan
    start: datetime
    run_due_at: datetime | None

    def outlook(self, now: datetime) -> Outlook | None:
        return outlook(self.loads, self.pace, self.start, now)

    def bringing(self, seen: Outlook | None) -> Bringing | None:
        """By when it has to be there. What was read on a day of which no hour is known counts from its beginning."""
        deadlines = [load.deadline for load in self.loads if load.never]
        for age in self.ages:
            if age.day is not None:
                read_at = age.at or datetime.combine(age.day, time(), tzinfo=UTC)
                deadlines.append(read_at + self.promises[age.collection].max_age)
        if not deadlines:
            return None
        days = None if seen is None or seen.pass_days is None else min(seen.pass_days, _MOST_DAYS)
        max_age = min(promise.max_age for promise in self.promises.values())
        return bringing(deadlines, max_age, None if days is None else timedelta(days=days))


def prospects(workspace: Workspace, replicas: Iterable[ReplicaRow] | None = None) -> list[Prospect]:
    """Of these replicas, or all in use; those without copies have no loads."""
    catalog, now, zone = workspace.catalog, workspace.clock(), workspace.policies.zone
    asked = workspace.replicas() if replicas is None else list(replicas)
    ages = _ages(workspace, asked)
    speeds, last_runs = catalog.speeds(now - _MEASURED_IN), catalog.last_due_runs()
    found = []
    for replica in asked:
        limits = workspace.settings.limits(replica.name)
        here = ages.get(replica.id, [])
        promises = {age.collection: workspace.settings.promise(age.collection, replica.name) for age in here}
        last = last_runs.get(replica.name)
        plan = _run_plan(replica.name, limits, zone, last)
        due = None if last is None or last > now else due_at(plan, zone)
        found.append(
            Prospect(
                replica=replica,
                ages=here,
                promises=promises,
                loads=_loads(workspace, replica, here, promises, now),
                pace=_pace(limits, plan, zone, speeds.get(replica.id)),
                measured=speeds.get(replica.id),
                plan=plan,
                start=now if due is None else max(due, now),
                run_due_at=due,
            )
        )
    return found


def never_read(copies: Iterable[CopyRow]) -> list[tuple[datetime, int]]:
    """When the copies that have shards which were never read were recorded, and how many shards these are."""
    return [(copy.recorded_at, copy.shards - copy.shards_read) for copy in copies if copy.shards_read < copy.shards]


def plan_view(
    workspace: Workspace,
    replicas: tuple[str, ...] = (),
    *,
    budget: tuple[int | None, timedelta | None] | None = None,
    rate: int | None = None,
    price: float | None = None,
) -> PlanView:
    """The forecast of these replicas, or all; with a budget or rate, also as it would be by these.

    Raises:
        UsageError: there is no replica of that name.
    """
    now = workspace.clock()
    lines = []
    for prospect in prospects(workspace, workspace.replicas(replicas)):
        if not prospect.loads:
            continue
        pace = prospect.pace
        if budget is not None:
            pace = replace(pace, budget_bytes=budget[0], budget_time=budget[1])
        if rate is not None:
            pace = replace(pace, rate=rate)
        today = _figures(prospect, prospect.pace, now)
        changed = None if pace is prospect.pace else _figures(prospect, pace, now)
        lines.append(
            ReplicaPlan(
                name=prospect.replica.name,
                today=today,
                measured=None if prospect.measured is None else (prospect.measured.bytes, prospect.measured.seconds),
                changed=changed,
                bars=_bars(prospect, now),
                max_age=min(load.max_age for load in prospect.loads),
                target_age=min(load.target_age for load in prospect.loads),
                speed=prospect.pace.speed,
                bringing=prospect.bringing(today.outlook) if _is_away(workspace, prospect.replica) else None,
            )
        )
    return PlanView(generated_at=now, replicas=tuple(lines), price=price)


def _is_away(workspace: Workspace, replica: ReplicaRow) -> bool:
    """Whether it is one that may be away, and is."""
    configured = workspace.settings.replicas.get(replica.name)
    if configured is None or not configured.offline:
        return False
    return not presence(workspace.stores().get(replica.id), replica).there


def _figures(prospect: Prospect, pace: Pace, now: datetime) -> PlanFigures:
    found = outlook(prospect.loads, pace, prospect.start, now)
    assert found is not None  # there are loads
    told = advice(prospect.loads, pace, prospect.start, now) if found.keeps is False else None
    return PlanFigures(
        outlook=found,
        advice=told,
        budget_bytes=pace.budget_bytes,
        budget_time=pace.budget_time,
        rate=pace.rate,
        always_open=pace.hours is ALWAYS,
    )


def _bars(prospect: Prospect, now: datetime) -> tuple[AgeBar, ...]:
    """Bytes and shards by how long ago they were last read, in whole days where no hour is known; None: never."""
    by_age: dict[timedelta | None, tuple[int, int]] = {}
    for each in prospect.ages:
        age = None if each.day is None else now.date() - each.day if each.at is None else now - each.at
        size, shards = by_age.get(age, (0, 0))
        by_age[age] = size + each.bytes, shards + each.shards
    return tuple(AgeBar(age=age, size_bytes=size, shards=shards) for age, (size, shards) in by_age.items())


def _ages(workspace: Workspace, replicas: Sequence[ReplicaRow]) -> dict[int, list[ReadAge]]:
    """By replica; each collection at the level of evidence that is promised of it there."""
    wanted = {replica.id for replica in replicas}
    found: dict[int, list[ReadAge]] = {}
    for level in (Evidence.READ, Evidence.READ_MEDIUM):
        if level is Evidence.READ_MEDIUM and not _asks_for_medium(workspace, replicas):
            continue
        for age in workspace.catalog.read_ages(level, _finer(workspace, replicas)):
            if age.replica_id in wanted and _level(workspace, age.collection, age.replica) is level:
                found.setdefault(age.replica_id, []).append(age)
    return found


def _finer(workspace: Workspace, replicas: Sequence[ReplicaRow]) -> tuple[datetime, timedelta] | None:
    """Where a few hours or days are promised, in which spans the last readings are told: a day would be too much."""
    collections = ("", *workspace.settings.collections)
    promised = (workspace.settings.promise(name, replica.name).max_age for replica in replicas for name in collections)
    shortest = min(promised, default=_DAY)
    grain = chart_unit(shortest)  # of the chart; spans are shorter, as all of one counts as read at its beginning
    return (workspace.clock() - 2 * shortest, grain / _SPANS) if grain < _DAY else None


def _asks_for_medium(workspace: Workspace, replicas: Sequence[ReplicaRow]) -> bool:
    collections = ("", *workspace.settings.collections)
    medium = Evidence.READ_MEDIUM
    return any(_level(workspace, name, replica.name) is medium for replica in replicas for name in collections)


def _level(workspace: Workspace, collection: str, replica: str) -> Evidence:
    return Evidence.from_label(workspace.settings.promise(collection, replica).evidence)


def _loads(
    workspace: Workspace,
    replica: ReplicaRow,
    ages: Sequence[ReadAge],
    promises: Mapping[str, Promise],
    now: datetime,
) -> list[Load]:
    loads = []
    copies = workspace.catalog.copies(replica_ids=[replica.id]) if any(age.day is None for age in ages) else []
    for age in ages:
        promise = promises[age.collection]
        if age.day is None:
            loads += _never(age, promise, copies)
            continue
        if age.at is not None:
            loads.append(_load(age.bytes, age.shards, age.at, promise))
            continue
        # The middle of the day, as nobody knows the hour; a day ahead of us is told of by its own time.
        noon = datetime.combine(age.day, time(12), tzinfo=UTC)
        loads.append(_load(age.bytes, age.shards, noon if age.day > now.date() else min(noon, now), promise))
    return loads


def _never(age: ReadAge, promise: Promise, copies: Sequence[CopyRow]) -> list[Load]:
    """What was never read, by when its copies were recorded: it is shared among those that miss a reading.

    Copies of other collections are among them: the catalog does not say which. Then the oldest go first, which can
    only make it more urgent than it is.
    """
    since = sorted(never_read(copies)) or [(min(copy.recorded_at for copy in copies), age.shards)]
    loads, left = [], age.shards
    for place, (recorded_at, shards) in enumerate(since):
        taken = left if place == len(since) - 1 else min(left, shards)
        if taken:
            loads.append(_load(age.bytes * taken / age.shards, taken, recorded_at, promise, never=True))
        left -= taken
    return loads


def _load(size: float, shards: int, read_at: datetime, promise: Promise, *, never: bool = False) -> Load:
    return Load(
        read_at=read_at,
        size_bytes=size,
        shards=shards,
        max_age=promise.max_age,
        target_age=promise.target_age,
        never=never,
    )


def _pace(limits: Limits, plan: RunPlan, zone: tzinfo, speed: Speed | None) -> Pace:
    enough = speed is not None and (speed.bytes >= _LEAST_BYTES or speed.seconds >= _LEAST_SECONDS)
    measured = speed.bytes / speed.seconds if enough and speed is not None and speed.seconds > 0 else None

    def following(at: datetime) -> datetime:
        return due_at(replace(plan, last_run_at=at), zone) or at + _DAY

    hours: Opening = Hours(limits.hours, zone) if limits.hours else ALWAYS
    return Pace(
        next_run=following,
        hours=hours,
        budget_bytes=limits.budget_bytes,
        budget_time=limits.budget_time,
        rate=limits.rate_bytes_per_second,
        speed=measured or None,
    )


def _run_plan(name: str, limits: Limits, zone: tzinfo, last: datetime | None) -> RunPlan:
    return RunPlan(name=name, every=limits.every, hours=Hours(limits.hours, zone), grace=limits.grace, last_run_at=last)
