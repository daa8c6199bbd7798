"""What the catalog tells of the runs for what is due: the service's last sign of life, how the last one went."""

import socket
from collections.abc import Collection, Mapping

from checks.health import silent
from checks.situation import Beat, LastRun
from preserve.app.workspace import Workspace
from preserve.audit.holders import is_dead
from preserve.catalog.rows import AuditRow, AuditState, Heartbeat

_AUDITS_LOOKED_AT = 200


def beat(row: Heartbeat) -> Beat:
    """Who says goodbye leaves no next run, or no name."""
    stopped = not row.holder or (row.next_run_at is None and row.audit_id is None)
    return Beat(at=row.at, every_seconds=row.every_seconds, next_run_at=row.next_run_at, stopped=stopped)


def last_run(workspace: Workspace) -> LastRun | None:
    """Of the last runs for what is due over each replica the newest that went wrong, else the newest."""
    unseen = {replica.name for replica in workspace.replicas()}
    newest: LastRun | None = None
    for audit in workspace.catalog.audits(_AUDITS_LOOKED_AT):
        over = _over(audit, unseen) if audit.scope.get("due") else frozenset()
        if not over and not (newest is None and audit.scope.get("due")):
            continue
        unseen -= over
        run = LastRun(
            audit=audit.id,
            done=audit.done,
            planned=audit.planned,
            stopped=audit.state is AuditState.STOPPED,
            dead=audit.state is AuditState.RUNNING and is_dead(str(audit.scope.get("holder", ""))),
            reason=audit.reason,
        )
        if run.went_wrong:
            return run
        newest = newest or run
        if not unseen:
            break
    return newest


def _over(audit: AuditRow, names: Collection[str]) -> frozenset[str]:
    """Which of these replicas a run was over, those that it found away among them."""
    asked, away = audit.scope.get("replicas"), audit.scope.get("away")
    if not isinstance(asked, list):
        return frozenset(names)
    return frozenset(names) & {*map(str, asked), *(map(str, away) if isinstance(away, Mapping) else ())}


def being_read(workspace: Workspace, heartbeat: Heartbeat | None) -> frozenset[str]:
    """The replicas over which a run goes on now, that may be a long one: no other is due before its end.

    Only where somebody is known to be at it: its process is here and alive, or its service has just been heard of.
    """
    names = frozenset(replica.name for replica in workspace.replicas())
    alive = frozenset[str]()
    for audit in workspace.catalog.running_audits():
        holder = str(audit.scope.get("holder", ""))
        here = holder.rsplit(":", 2)[0] == socket.gethostname() and not is_dead(holder)
        heard = (
            heartbeat is not None and heartbeat.audit_id == audit.id and not silent(beat(heartbeat), workspace.clock())
        )
        if audit.scope.get("due") and (here or heard):
            alive |= _over(audit, names)
    return alive
