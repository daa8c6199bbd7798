"""What an audit sets out to do."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime

from checks.evidence import Evidence
from checks.policy import DueItem, Promise, Urgency, due_list, urgency, within_budget
from preserve.audit.holders import is_dead, this_process
from preserve.audit.left import Left, left_of
from preserve.audit.policies import Policies
from preserve.catalog.asking import SELF_TEST
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditRow, AuditState, DueShard, PackageRow, ReplicaRow
from preserve.errors import UsageError

DUE_AT_ONCE = 100_000  # shards of a replica and promise that one run takes at most; the next run takes the rest
_NO_COPY_REMEDY = "Place packages with `preserve replicate` first."
_MORE = 4  # times as many are asked for where too few of those that came are due

Pair = tuple[int, int]  # copy, shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for. Empty `packages` or `replicas` mean all."""

    packages: tuple[str, ...] = ()
    replicas: tuple[str, ...] = ()
    due: bool = False
    budget_bytes: int | None = None
    by: str = ""
    claimed: bool = False  # the providers' checksums are asked for, and nothing is read

    def scope(self) -> Mapping[str, object]:
        """As the journal keeps it."""
        scope: dict[str, object] = {"by": self.by, "holder": this_process(), "due": self.due}
        scope |= {"packages": list(self.packages)} if self.packages else {}
        scope |= {"replicas": list(self.replicas)} if self.replicas else {}
        scope |= {"claimed": True} if self.claimed else {}
        scope |= {"budget_bytes": self.budget_bytes} if self.budget_bytes is not None else {}
        return scope


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRun:
    """What a run for what is due sets out to do."""

    audits: tuple[AuditRow, ...]  # one for each level of evidence that something due is to be read with, at least one
    urgencies: Mapping[Pair, Urgency]  # in the order in which they are to be read
    waiting: int  # shards on its replicas that wait out a back-off
    away: Mapping[str, str]  # replicas that could not be read, by name, and why
    left: Left = field(default_factory=Left)  # what else is due


class Planner:
    """Opens audits over what the catalog holds.

    Args:
        required: the least evidence for what a person names.
    """

    def __init__(self, catalog: Catalog, clock: Callable[[], datetime], policies: Policies, required: Evidence) -> None:
        self._catalog = catalog
        self._clock = clock
        self._policies = policies
        self._required = required

    def open(
        self,
        request: Request,
        packages: Sequence[PackageRow],
        replicas: Sequence[ReplicaRow],
        away: Mapping[str, str] | None = None,
    ) -> AuditRow:
        """Opens an audit of everything asked for or, with a budget, of what of it was not read for longest.

        Args:
            away: of the replicas those that are not there and may be away, by name, and why. They are left out, and
                told: that a reading of them failed would be recorded otherwise, and hold up the next one. Where there
                is no copy elsewhere they are not.

        Raises:
            UsageError: there is no copy to audit.
        """
        package_ids = [package.id for package in packages] if request.packages else None
        gone = [replica for replica in replicas if away and replica.name in away]
        there = [replica for replica in replicas if replica not in gone]
        replica_ids = [replica.id for replica in there]
        copy_ids = [copy.id for copy in self._catalog.copies(package_ids, replica_ids)]
        if not copy_ids and gone:
            return self.open(request, packages, replicas)
        if not copy_ids:
            raise UsageError("there is no copy to audit", remedy=_NO_COPY_REMEDY)
        scope, now = dict(request.scope()), self._clock()
        if gone:
            scope["away"] = dict(away or {})
            scope |= self._left_on(gone, packages, package_ids, now).scope()
        required = Evidence.CLAIMED if request.claimed else self._required
        if request.budget_bytes is None:
            return self._catalog.open_audit_of_copies(scope, required, copy_ids, now)
        oldest = self._oldest(set(copy_ids), replica_ids, request.budget_bytes, now)
        return self._catalog.open_audit(scope, self._required, oldest, now)

    def _left_on(
        self, gone: Sequence[ReplicaRow], packages: Sequence[PackageRow], package_ids: list[int] | None, now: datetime
    ) -> Left:
        """What is due on replicas that are not there."""
        only = None if package_ids is None else {copy.id for copy in self._catalog.copies(package_ids)}
        found = _Found(self._catalog, self._policies, {package.collection for package in packages}, only, now)
        items = due_list([row for replica in gone for row in found.on(replica, None)], found.promise, now, {})
        names = {replica.id: replica.name for replica in gone}
        return left_of(items, found.promise, now, names=names, away=names, shut=())

    def _oldest(self, copy_ids: Set[int], replica_ids: list[int], budget: int, now: datetime) -> list[Pair]:
        limit = DUE_AT_ONCE
        while True:
            rows = self._catalog.due(self._required, now, now, replica_ids, limit)
            chosen = [row for row in rows if row.copy_id in copy_ids]
            if len(rows) < limit or sum(row.bytes_to_read for row in chosen) >= budget:
                return [(row.copy_id, row.shard_id) for row in within_budget(chosen, budget)]
            limit *= _MORE

    def due(self, request: Request, replicas: Sequence[ReplicaRow], away: Mapping[str, str]) -> DueRun:
        """Opens audits of what is due by each collection's promise, within each replica's hours and budget.

        That nothing is due is no error: then one audit with nothing to do tells that somebody looked. A budget in the
        request holds for all replicas together, besides their own.

        Args:
            replicas: those to be read now, which are there.
            away: those that should be read now and cannot, by name, and why.

        Raises:
            UsageError: there is no copy to audit.
        """
        now = self._clock()
        replica_ids = [replica.id for replica in replicas]
        packages = self._catalog.packages(request.packages or None)
        package_ids = [package.id for package in packages] if request.packages else None
        only = None if package_ids is None else {copy.id for copy in self._catalog.copies(package_ids)}
        found = _Found(self._catalog, self._policies, {package.collection for package in packages}, only, now)
        items, left = self._chosen(found, replicas, away, request.budget_bytes, now)
        if not items and not self._catalog.copies(package_ids):
            raise UsageError("there is no copy to audit", remedy=_NO_COPY_REMEDY)
        waiting = self._catalog.waiting(now, replica_ids)
        named = {"replicas": [replica.name for replica in replicas], "away": dict(away), "waiting": waiting}
        levels = defaultdict[Evidence, list[Pair]](list)
        for item in items:
            levels[found.level(item.candidate)].append(_pair(item.candidate))
        scope = {**request.scope(), **named, **left.scope()}
        audits = tuple(
            self._catalog.open_audit(scope, level, pairs, now)
            for level, pairs in sorted(levels.items()) or [(self._required, list[Pair]())]
        )
        return DueRun(
            audits=audits,
            urgencies={_pair(item.candidate): item.urgency for item in items},
            waiting=waiting,
            away=dict(away),
            left=left,
        )

    def _chosen(
        self, found: "_Found", there: Sequence[ReplicaRow], away: Collection[str], budget: int | None, now: datetime
    ) -> tuple[list[DueItem[DueShard]], Left]:
        """What is read now, in order, and what of all that is due is not."""
        budgets = {replica.id: self._policies.limits(replica.name).budget_bytes for replica in there}
        shut = {replica.id for replica in there if not self._policies.hours(replica.name).is_open(now)}
        rows = [row for replica in there for row in found.on(replica, budgets[replica.id])]
        items = list(within_budget(due_list(rows, found.promise, now, budgets, shut), budget))
        gone = [replica for replica in self._catalog.replicas() if replica.name in away]
        rows += [row for replica in gone for row in found.on(replica, None)]
        taken = {_pair(item.candidate) for item in items}
        others = [item for item in due_list(rows, found.promise, now, {}) if _pair(item.candidate) not in taken]
        names = {replica.id: replica.name for replica in (*there, *gone)}
        absent = {replica.id for replica in gone}
        return items, left_of(others, found.promise, now, names=names, away=absent, shut=shut)

    def resume(self, audit_id: int) -> AuditRow:
        """An audit that stopped before its end, to go on with the shards it has left.

        Raises:
            UsageError: there is no such audit, it came to its end, it is still running, or it is not believed.
        """
        audit = self._catalog.audit(audit_id)
        if audit.state is AuditState.ENDED:
            raise UsageError(f"audit {audit_id} came to its end", remedy="Begin a new one with `preserve audit`.")
        self.settle()
        audit = self._catalog.audit(audit_id)
        if audit.state is AuditState.RUNNING:
            raise UsageError(f"audit {audit_id} is running", remedy="Let it end, or stop it first.")
        if audit.reason == SELF_TEST:
            message = f"audit {audit_id} is not believed: the auditor's own test failed"
            raise UsageError(message, remedy="Run `preserve audit --due`.")
        return self._catalog.reopen_audit(audit_id, {**audit.scope, "holder": this_process()}, self._clock())

    def settle(self) -> None:
        """Writes down that audits stopped whose process is dead, and takes their leases back."""
        for audit in self._catalog.running_audits():
            if is_dead(str(audit.scope.get("holder", ""))):
                self._catalog.end_audit(audit.id, AuditState.STOPPED, self._clock(), reason="died")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a collection's copies on a replica are to be read by."""

    promise: Promise
    level: Evidence


class _Found:
    """What the catalog has that may be due, by replica and promise.

    Args:
        collections: all that there are.
        only: copies to choose from; None: all.
    """

    def __init__(
        self, catalog: Catalog, policies: Policies, collections: Collection[str], only: Set[int] | None, now: datetime
    ) -> None:
        self._catalog = catalog
        self._policies = policies
        self._collections = collections
        self._only = only
        self._now = now
        self._replicas: dict[int, str] = {}
        self._known: dict[tuple[str, int], _Asked] = {}

    def promise(self, row: DueShard) -> Promise:
        return self._asked(row.collection, row.replica_id).promise

    def level(self, row: DueShard) -> Evidence:
        return self._asked(row.collection, row.replica_id).level

    def _asked(self, collection: str, replica_id: int) -> "_Asked":
        known = self._known.get((collection, replica_id))
        if known is None:
            replica = self._replicas[replica_id]
            promise, level = self._policies.promise(collection, replica), self._policies.evidence(collection, replica)
            known = self._known[collection, replica_id] = _Asked(promise=promise, level=level)
        return known

    def on(self, replica: ReplicaRow, budget: int | None) -> Iterator[DueShard]:
        """Of one replica, enough of each promise to fill the budget alone."""
        self._replicas[replica.id] = replica.name
        groups = defaultdict[_Asked, list[str]](list)
        for collection in self._collections:
            groups[self._asked(collection, replica.id)].append(collection)
        for asked, collections in groups.items():
            # What has another promise is left out by the catalog: much that is old and not due would hide what is due.
            several = None if len(groups) == 1 else collections
            yield from self._enough(replica.id, asked, several, budget)

    def _enough(
        self, replica_id: int, asked: "_Asked", collections: list[str] | None, budget: int | None
    ) -> Iterable[DueShard]:
        """The oldest. What was tried in vain, and what is not of the packages asked for, must not hide the others."""
        limit, before = DUE_AT_ONCE, asked.promise.may_be_due_before(self._now)
        while True:
            rows = self._catalog.candidates(replica_id, asked.level, before, self._now, limit, collections)
            here = (row for row in rows if self._asked(row.collection, replica_id) == asked)
            chosen = [row for row in here if self._only is None or row.copy_id in self._only]
            fresh = [row for row in chosen if not row.failures and urgency(row, asked.promise, self._now) is not None]
            full = len(fresh) >= DUE_AT_ONCE or (budget is not None and sum(r.bytes_to_read for r in fresh) >= budget)
            if len(rows) < limit or full:
                return chosen
            limit *= _MORE


def _pair(row: DueShard) -> Pair:
    return row.copy_id, row.shard_id
