"""Audits as the command line and the daemon ask for them."""

import os
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preserve.app.reading import NOT_BELIEVED_REMEDY, Reading
from preserve.app.traces import leave_heads
from preserve.app.workspace import Workspace, operator, presence
from preserve.audit.planning import Planner, Request
from preserve.audit.running import Auditor
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, CopyRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.stores.claiming import claiming_of


def planner(workspace: Workspace) -> Planner:
    return Planner(workspace.catalog, workspace.clock, workspace.policies, workspace.required)


def plan(
    workspace: Workspace,
    *,
    packages: tuple[str, ...] = (),
    replicas: tuple[str, ...] = (),
    due: bool = False,
    budget_bytes: int | None = None,
    claimed: bool = False,
) -> AuditRow:
    """Opens an audit; see `preserve.audit.planning`. For what is due where several levels are promised: `runs`.

    Raises:
        UsageError: `claimed`, and no replica, or not each of those named, has a provider that keeps checksums.
    """
    if claimed:
        replicas = _claiming(workspace, replicas)
    planning = planner(workspace)
    planning.settle()
    request = Request(
        packages=packages, replicas=replicas, due=due, budget_bytes=budget_bytes, by=operator(), claimed=claimed
    )
    if due:
        (audit,) = planning.due(request, workspace.replicas(replicas), {}).audits
        return audit
    away = {} if replicas else _away_as_they_may_be(workspace)
    return planning.open(request, workspace.packages(packages), workspace.replicas(replicas), away)


def _away_as_they_may_be(workspace: Workspace) -> Mapping[str, str]:
    """The disks carried by hand that are not there now, and why."""
    carried = [name for name, each in workspace.settings.replicas.items() if each.offline]
    stores = workspace.stores() if carried else {}
    seen = {row.name: presence(stores.get(row.id), row) for row in workspace.replicas() if row.name in carried}
    return {name: one.why_not for name, one in seen.items() if not one.there and not one.wrong}


def _claiming(workspace: Workspace, names: tuple[str, ...]) -> tuple[str, ...]:
    stores = workspace.stores()
    claiming = {one.name for one in workspace.replicas() if claiming_of(stores.get(one.id)) is not None}
    remedy = "A provider does that for S3. Audit without --claimed: then the bytes are read, which proves more."
    for name in names:
        if name not in claiming:
            raise UsageError(f"nobody keeps checksums of what lies on {name}", remedy=remedy)
    if not claiming:
        raise UsageError("no replica has a provider that keeps checksums", remedy=remedy)
    return names or tuple(sorted(claiming))


def resume(workspace: Workspace, audit_id: int) -> AuditRow:
    """An audit that stopped before its end, ready to go on."""
    return planner(workspace).resume(audit_id)


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to be read; a file's segments count as bytes, not as files."""

    files: int
    bytes_by_replica: Mapping[str, int]


def remaining_work(workspace: Workspace, audits: Sequence[AuditRow]) -> Work:
    """What audits have left to read."""
    files, sizes = 0, Counter[str]()
    copies = {copy.id: copy for copy in workspace.catalog.copies()}
    known: dict[int, dict[int, tuple[int, int]]] = {}
    for copy_id, shard_id in (pair for audit in audits for pair in workspace.catalog.remaining(audit.id)):
        copy = copies[copy_id]
        if copy.inventory_id not in known:
            rows = workspace.catalog.shards(copy.inventory_id)
            known[copy.inventory_id] = {row.id: (row.files, row.bytes_to_read) for row in rows}
        shard_files, shard_bytes = known[copy.inventory_id][shard_id]
        files += shard_files
        sizes[copy.replica] += shard_bytes
    return Work(files, sizes)


def announce(work: Work, progress: Progress) -> None:
    """Tells whoever shows it what is to be read."""
    sizes = work.bytes_by_replica
    progress.stage("auditing", files=work.files, bytes=sum(sizes.values()), replicas=sizes)


def run(workspace: Workspace, audit: AuditRow, progress: Progress, stop: threading.Event | None = None) -> AuditRow:
    """Does what an audit set out to do; see `preserve.audit.running`.

    Raises:
        UndeterminedError: the auditor's test of itself failed; the audit says so, and what it read is read again.
    """
    copies = {copy_id for copy_id, _ in workspace.catalog.remaining(audit.id)}
    replica_ids = {copy.replica_id for copy in workspace.catalog.copies() if copy.id in copies}
    replicas = [replica for replica in workspace.replicas() if replica.id in replica_ids]
    with Reading(workspace, progress, stop) as reading:
        tested = reading.test(replicas)
        if tested.failed:
            workspace.catalog.end_audit(audit.id, AuditState.STOPPED, workspace.clock(), reason="self-test")
            raise UndeterminedError(f"{tested.why}; nothing was read", remedy=NOT_BELIEVED_REMEDY)
        (audit,) = reading.read_believed([audit], tested.there)
        leave_heads(workspace, tested.there)
        return audit


_CODE = re.compile(r"\\(\\|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def path_meant(workspace: Workspace, path: str) -> str:
    """The path itself; where no copy should have a file of that name, the one that is shown so, if there is one."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        if code == "\\":
            return code
        point = int(code[1:], 16)
        return chr(point + 0xDC00 if code[0] == "x" and point >= 0x80 else min(point, 0x10FFFF))

    meant = _CODE.sub(character, path)
    try:
        names = [os.fsencode(each) for each in (path, meant)]
    except UnicodeEncodeError:  # half of a surrogate pair: nothing is called so
        return path
    inventories = {copy.inventory_id for copy in workspace.catalog.copies()} if meant != path else set()
    held = [any(workspace.catalog.entry(one, name) is not None for one in inventories) for name in names]
    return meant if held == [False, True] else path


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
        UndeterminedError: the auditor's test of itself failed; nothing was read.
    """
    name = os.fsencode(path)
    asked = workspace.replicas(replicas)
    replica_ids = [replica.id for replica in asked]
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
    there = {copy.replica_id for copy in copies}
    with Reading(workspace, progress) as reading:
        tested = reading.test([replica for replica in asked if replica.id in there])
        if tested.failed:
            raise UndeterminedError(f"{tested.why}; nothing was read", remedy=NOT_BELIEVED_REMEDY)
    results = []
    with Threads(workspace.settings.audit.threads) as threads:
        auditor = Auditor(workspace.catalog, workspace.stores(), threads, workspace.clock, progress=progress)
        for copy in copies:
            results += [(copy, result) for result in auditor.check_path(copy, name)]
    workspace.catalog.commit_checks([result for _, result in results], workspace.clock())
    return results
