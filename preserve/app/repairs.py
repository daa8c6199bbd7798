"""Repair and restore as the command line asks for them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from checks.evidence import Outcome
from checks.verdicts import CopyState
from preserve.app.lines import finding_line, line_of
from preserve.app.reading import refuse_unless_believed
from preserve.app.workspace import Workspace, operator
from preserve.audit.running import Auditor
from preserve.catalog.rows import CopyRow
from preserve.errors import UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.amounts import Steps
from preserve.repair.planning import Left, Plan, Planner, Why
from preserve.repair.restoring import Restored, Restorer, refuse_where_kept
from preserve.repair.service import Repairer
from preserve.repair.work import Mended
from preserve.replicate.service import Replicator
from preserve.stores.port import ReplicaStore
from reports.repairs import FrozenLine, LeftLine, RepairLine, RepairView, UnclearLine
from reports.restoring import LostLine, RestoredView


def repair(
    workspace: Workspace,
    progress: Progress,
    *,
    packages: tuple[str, ...] = (),
    replicas: tuple[str, ...] = (),
    apply: bool = False,
    quarantine_untracked: bool = False,
    confirm_change: tuple[str, ...] = (),
) -> RepairView:
    """Looks into what the open findings ask for, or carries it out.

    Raises:
        UsageError: an unknown name, no replica or copy to look at, or another repair is at work on a replica.
        UndeterminedError: the auditor's test of itself failed: it would take for good what is not.
    """
    rows = workspace.replicas(replicas)
    if not rows:
        raise UsageError("there is no replica", remedy="Add one with `preserve replica add NAME PATH`.")
    if apply:
        refuse_unless_believed(workspace, rows, progress)
    confirmed = [row.id for row in workspace.replicas(confirm_change)] if confirm_change else []
    rule, stores = workspace.mass_change, workspace.stores_there()
    package_ids = [package.id for package in workspace.packages(packages)] if packages else None
    settled: list[tuple[str, str]] = []
    with repairer(workspace, stores, progress) as work:
        if apply:
            if confirmed:
                workspace.catalog.confirm_change(rule, confirmed, operator(), workspace.clock())
            stopped = {one.copy.replica_id for one in workspace.catalog.frozen(rule)}
            settled = list(work.settle([row for row in rows if row.id not in stopped]))
        planner = Planner(workspace.catalog, stores, rule, quarantine_untracked=quarantine_untracked)
        plan = planner.plan(package_ids, [row.id for row in rows])
        lines = [repair_line(mended) for mended in (work.apply(plan) if apply else work.look(plan))]
    copies = workspace.catalog.copies(package_ids, [row.id for row in rows])
    if not (copies or lines or settled):
        raise UsageError("there is no copy to repair", remedy="Place packages with `preserve replicate` first.")
    return RepairView(
        generated_at=workspace.clock(),
        applied=apply,
        lines=lines,
        left=[_left_line(left) for left in plan.left],
        frozen=[
            FrozenLine(replica=one.copy.replica, package=one.copy.package, changed=one.changed, files=one.files)
            for one in plan.frozen
        ],
        settled=settled,
        unclear=list(_unclear(workspace, copies, plan, stores)),
    )


def _unclear(
    workspace: Workspace, copies: Sequence[CopyRow], plan: Plan, stores: Mapping[int, ReplicaStore]
) -> Iterator[UnclearLine]:
    """The copies of which parts were never read, or had no answer from their last reading: damage may be in these.

    Not those of which a finding that is left says so.
    """
    told = {left.copy.id for left in plan.left if left.why in (Why.AWAY, Why.UNREAD)}
    undecided = workspace.catalog.undecided([copy.id for copy in copies])
    for copy in copies:
        parts = max(undecided.get(copy.id, 0), copy.shards - copy.shards_read, min(copy.undetermined, 1))
        if parts and copy.id not in told:
            yield UnclearLine(
                package=copy.package,
                replica=copy.replica,
                version=None if copy.current else copy.version,
                parts=parts,
                parts_in_all=copy.shards,
                there=copy.replica_id in stores,
            )


@contextmanager
def repairer(workspace: Workspace, stores: dict[int, ReplicaStore], progress: Progress) -> Iterator[Repairer]:
    """A repairer over these stores, with its threads."""

    steps = Steps(workspace.catalog, progress)
    with Threads(workspace.settings.audit.threads) as threads:
        auditor = Auditor(workspace.catalog, stores, threads, workspace.clock, progress=steps)
        replicator = Replicator(
            workspace.catalog,
            stores,
            threads,
            workspace.clock,
            rule=workspace.mass_change,
            rates=workspace.write_rates(),
            on_bytes=steps.count,
        )
        yield Repairer(workspace.catalog, auditor, replicator, stores, workspace.clock, operator(), steps)


def restore(
    workspace: Workspace, identifier: str, target: Path, progress: Progress, *, version: int | None = None
) -> Restored:
    """A whole verified bag out of the best files of all copies; see `preserve.repair.restoring`."""
    (package,) = workspace.packages((identifier,))
    folder = os.path.abspath(os.fsencode(target))
    refuse_where_kept(folder, workspace.folders().values())
    with Threads(workspace.settings.audit.threads) as threads:
        restorer = Restorer(
            workspace.catalog,
            workspace.stores_there(),
            threads,
            workspace.clock,
            on_bytes=lambda count: progress.advance(bytes=count),
        )
        return restorer.restore(package, folder, version)


def restored_view(restored: Restored) -> RestoredView:
    return RestoredView(
        package=restored.package.identifier,
        version=restored.version,
        target=restored.target,
        files=restored.files,
        size_bytes=restored.size_bytes,
        outcome=restored.outcome,
        evidence=restored.evidence.label,
        lost=[LostLine(path=one.path, size_bytes=one.size_bytes, faults=one.faults) for one in restored.lost],
        bad=restored.bad,
        findings=[line_of(finding, restored.package.identifier, None) for finding in restored.findings],
        from_elsewhere=restored.from_elsewhere,
    )


def repair_line(mended: Mended) -> RepairLine:
    step, origin, told = mended.step, mended.origin, mended.diagnosis
    source = "" if origin is None else f"{origin.name}, {origin.other}" if origin.other else origin.name
    return RepairLine(
        package=step.copy.package,
        replica=step.copy.replica,
        version=None if step.copy.current else step.copy.version,
        path=step.path,
        code=step.row.code.value,
        method=mended.method.value,
        ending=mended.ending.value,
        outcome=mended.outcome,
        source=source,
        # What was bad, or not read, when it was audited last was not known to be good then.
        source_read_at=origin.read_at if origin is not None and origin.state is CopyState.GOOD else None,
        source_evidence="" if mended.evidence is None else mended.evidence.label,
        cause="" if told is None else told.cause.value,
        cause_words="" if told is None else told.words,
        entry=mended.entry,
        problem=mended.problem,
        remedy=mended.remedy,
    )


def _left_line(left: Left) -> LeftLine:
    outcome = Outcome.INCONCLUSIVE if left.why is Why.UNREAD else left.row.finding.meaning.outcome
    return LeftLine(finding=finding_line(left.row), why=left.why.value, outcome=outcome)
