"""Audits as the command line and the daemon ask for them."""

import os
import threading
from datetime import datetime

from preserve.app.catalog_care import back_up, backup_is_due
from preserve.app.workspace import Workspace, operator
from preserve.audit.holders import this_process
from preserve.audit.planning import Planner, Request
from preserve.audit.running import Auditor
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, CopyRow
from preserve.errors import UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from reports.catalog_care import backup_sentence


def planner(workspace: Workspace) -> Planner:
    return Planner(workspace.catalog, workspace.clock, workspace.promise, workspace.required)


def plan(
    workspace: Workspace,
    *,
    packages: tuple[str, ...] = (),
    replicas: tuple[str, ...] = (),
    due: bool = False,
    budget_bytes: int | None = None,
) -> AuditRow:
    """Opens an audit; see `preserve.audit.planning`."""
    planning = planner(workspace)
    planning.settle()
    request = Request(packages=packages, replicas=replicas, due=due, budget_bytes=budget_bytes, by=operator())
    return planning.open(request, workspace.packages(packages), workspace.replicas(replicas))


def resume(workspace: Workspace, audit_id: int) -> AuditRow:
    """An audit that stopped before its end, ready to go on."""
    return planner(workspace).resume(audit_id)


def remaining_work(workspace: Workspace, audit: AuditRow) -> tuple[int, int]:
    """(files, bytes) that an audit has left to read; a file's segments count as bytes, not as files."""
    files = size = 0
    inventories = {copy.id: copy.inventory_id for copy in workspace.catalog.copies()}
    known: dict[int, dict[int, tuple[int, int]]] = {}
    for copy_id, shard_id in workspace.catalog.remaining(audit.id):
        inventory_id = inventories[copy_id]
        if inventory_id not in known:
            rows = workspace.catalog.shards(inventory_id)
            known[inventory_id] = {row.id: (row.files, row.bytes_to_read) for row in rows}
        shard_files, shard_bytes = known[inventory_id][shard_id]
        files, size = files + shard_files, size + shard_bytes
    return files, size


def run(workspace: Workspace, audit: AuditRow, progress: Progress, stop: threading.Event | None = None) -> AuditRow:
    """Does what an audit set out to do; see `preserve.audit.running`."""
    with Threads(workspace.settings.audit.threads) as threads:
        auditor = Auditor(workspace.catalog, workspace.stores(), threads, workspace.clock, progress=progress, stop=stop)
        return auditor.run(audit)


def read_path(
    workspace: Workspace,
    path: str,
    progress: Progress,
    *,
    packages: tuple[str, ...] = (),
    replicas: tuple[str, ...] = (),
) -> list[tuple[CopyRow, CheckResult]]:
    """Reads one file on all its copies now, those of older versions too, and records it.

    Raises:
        UsageError: no copy of what was asked for should have such a path.
    """
    name = os.fsencode(path)
    replica_ids = [replica.id for replica in workspace.replicas(replicas)]
    packages_asked = [package.id for package in workspace.packages(packages)]
    copies = [
        copy
        for copy in workspace.catalog.copies(packages_asked, replica_ids)
        if workspace.catalog.entry(copy.inventory_id, name) is not None
    ]
    if not copies:
        raise UsageError(
            f"no copy should have a file {path}", remedy="Paths are from the bag's root, such as data/folder/page.jpg."
        )
    results = []
    with Threads(workspace.settings.audit.threads) as threads:
        auditor = Auditor(workspace.catalog, workspace.stores(), threads, workspace.clock, progress=progress)
        for copy in copies:
            results += [(copy, result) for result in auditor.check_path(copy, name)]
    workspace.catalog.commit_checks([result for _, result in results], workspace.clock())
    return results


class DueWork:
    """What the daemon does with a workspace; see `preserve.daemon.service.Work`."""

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self._workspace = workspace
        self._progress = progress
        self._holder = this_process()

    def lead(self, ttl_seconds: float) -> bool:
        return self._workspace.catalog.claim_leadership(self._holder, self._workspace.clock(), ttl_seconds)

    def yield_lead(self) -> None:
        self._workspace.catalog.release_leadership(self._holder)

    def last_run_at(self) -> datetime | None:
        return self._workspace.catalog.last_due_audit_at()

    def run_due(self, stop: threading.Event) -> str:
        audit = run(self._workspace, plan(self._workspace, due=True), self._progress, stop)
        told = (
            f"audit {audit.id}: {audit.done:,} of {audit.planned:,} shards that were due; "
            f"{audit.passed:,} passed, {audit.failed:,} failed, {audit.inconclusive:,} inconclusive"
        )
        lines = self._workspace.catalog.audit_checks(audit.id)
        bad = [f"{line.package} at {line.replica}" for line in lines if line.failed]
        unknown = sorted({line.replica for line in lines if line.inconclusive})
        told += f"; damage: {', '.join(bad[:10])}" if bad else ""
        told += f"; not determined on: {', '.join(unknown)}" if unknown else ""
        return told if audit.state is AuditState.ENDED else f"{told}; stopped, go on with --resume {audit.id}"

    def back_up_if_due(self) -> str:
        return backup_sentence(back_up(self._workspace)) if backup_is_due(self._workspace) else ""
