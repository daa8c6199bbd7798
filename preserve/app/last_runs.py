"""What the catalog tells of the runs for what is due: the service's last sign of life, how the last one went."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from checks.situation import Beat, LastRun
from preserve.app.workspace import Workspace
from preserve.audit.holders import is_dead
from preserve.catalog.rows import AuditRow, AuditState, Heartbeat

_AUDITS_LOOKED_AT = 200
_LEAST_PATIENCE = timedelta(hours=1)  # with a run that gives no sign of life


def beat(row: Heartbeat) -> Beat:
    """Only who says goodbye leaves no name: before the first look at what is due there is no next run either."""
    return Beat(at=row.at, every_seconds=row.every_seconds, next_run_at=row.next_run_at, stopped=not row.holder)


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

    Only where it gives signs of life: a process that is there may hang for ever. It leases a shard, or renews its
    leases, every half minute.
    """
    names = frozenset(replica.name for replica in workspace.replicas())
    alive = set[str]()
    for audit in workspace.catalog.running_audits():
        if not audit.scope.get("due") or is_dead(str(audit.scope.get("holder", ""))):
            continue
        silence = workspace.clock() - _last_sign(workspace, audit, heartbeat)
        alive |= {name for name in _over(audit, names) if silence <= _patience(workspace, name)}
    return frozenset(alive)


def _last_sign(workspace: Workspace, audit: AuditRow, heartbeat: Heartbeat | None) -> datetime:
    sign = workspace.catalog.last_sign(audit.id)
    if heartbeat is not None and heartbeat.audit_id == audit.id and not beat(heartbeat).stopped:
        return max(sign, heartbeat.at)
    return sign


def _patience(workspace: Workspace, replica: str) -> timedelta:
    return max(workspace.settings.limits(replica).grace, _LEAST_PATIENCE)
