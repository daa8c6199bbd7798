"""What an audit sets out to do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.evidence import Evidence
from checks.policy import Promise, within_budget
from preserve.audit.holders import is_dead, this_process
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditRow, AuditState, DueShard, PackageRow, ReplicaRow
from preserve.errors import UsageError

DUE_AT_ONCE = 100_000  # shards that one run for what is due takes at most; the next run takes the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for. Empty `packages` or `replicas` mean all."""

    packages: tuple[str, ...] = ()
    replicas: tuple[str, ...] = ()
    due: bool = False
    budget_bytes: int | None = None
    by: str = ""

    def scope(self) -> Mapping[str, object]:
        """As the journal keeps it."""
        scope: dict[str, object] = {"by": self.by, "holder": this_process(), "due": self.due}
        scope |= {"packages": list(self.packages)} if self.packages else {}
        scope |= {"replicas": list(self.replicas)} if self.replicas else {}
        scope |= {"budget_bytes": self.budget_bytes} if self.budget_bytes is not None else {}
        return scope


class Planner:
    """Opens audits over what the catalog holds."""

    def __init__(self, catalog: Catalog, clock: Callable[[], datetime], promise: Promise, required: Evidence) -> None:
        self._catalog = catalog
        self._clock = clock
        self._promise = promise
        self._required = required

    def open(self, request: Request, packages: Sequence[PackageRow], replicas: Sequence[ReplicaRow]) -> AuditRow:
        """Opens an audit of everything asked for, or, if so asked, of what is due of it.

        Raises:
            UsageError: there is no copy to audit. (That nothing is due is no error: the audit is empty.)
        """
        package_ids = [package.id for package in packages] if request.packages else None
        replica_ids = [replica.id for replica in replicas]
        copies = self._catalog.copies(package_ids, replica_ids)
        if not copies:
            raise UsageError("there is no copy to audit", remedy="Place packages with `preserve replicate` first.")
        scope = dict(request.scope())
        if request.due:
            scope |= {"waiting": self._catalog.waiting(self._clock(), replica_ids)}
            items = self._due({copy.id for copy in copies}, replica_ids, request.budget_bytes)
        elif request.budget_bytes is None:
            ids = [copy.id for copy in copies]
            return self._catalog.open_audit_of_copies(scope, self._required, ids, self._clock())
        else:
            items = self._oldest({copy.id for copy in copies}, replica_ids, request.budget_bytes)
        return self._catalog.open_audit(scope, self._required, items, self._clock())

    def _due(self, copy_ids: set[int], replica_ids: list[int], budget: int | None) -> list[tuple[int, int]]:
        """What is older than the target, and what the last check could not determine and has waited long enough."""
        now = self._clock()
        due = self._catalog.due(self._required, self._promise.due_before(now), now, replica_ids, DUE_AT_ONCE)
        unsettled = self._catalog.unsettled(self._required, now, replica_ids, DUE_AT_ONCE)
        return _within([*due, *unsettled], copy_ids, budget)

    def _oldest(self, copy_ids: set[int], replica_ids: list[int], budget: int) -> list[tuple[int, int]]:
        now = self._clock()
        return _within(self._catalog.due(self._required, now, now, replica_ids, DUE_AT_ONCE), copy_ids, budget)

    def resume(self, audit_id: int) -> AuditRow:
        """An audit that stopped before its end, to go on with the shards it has left.

        Raises:
            UsageError: there is no such audit, it came to its end, or it is still running.
        """
        audit = self._catalog.audit(audit_id)
        if audit.state is AuditState.ENDED:
            raise UsageError(f"audit {audit_id} came to its end", remedy="Begin a new one with `preserve audit`.")
        self.settle()
        audit = self._catalog.audit(audit_id)
        if audit.state is AuditState.RUNNING:
            raise UsageError(f"audit {audit_id} is running", remedy="Let it end, or stop it first.")
        return self._catalog.reopen_audit(audit_id, {**audit.scope, "holder": this_process()}, self._clock())

    def settle(self) -> None:
        """Writes down that audits stopped whose process is dead, and takes their leases back."""
        for audit in self._catalog.running_audits():
            if is_dead(str(audit.scope.get("holder", ""))):
                self._catalog.end_audit(audit.id, AuditState.STOPPED, self._clock())


def _within(shards: Iterable[DueShard], copy_ids: set[int], budget: int | None) -> list[tuple[int, int]]:
    wanted = {(shard.copy_id, shard.shard_id): shard for shard in shards if shard.copy_id in copy_ids}
    return [(shard.copy_id, shard.shard_id) for shard in within_budget(wanted.values(), budget)]
