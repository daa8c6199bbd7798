"""The view of one audit, and of one file that was read on all its copies."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from preserve.app.lines import finding_line, line_of, why_unavailable
from preserve.app.workspace import Workspace
from preserve.audit.holders import is_dead
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, CopyRow
from preserve.errors import UsageError
from reports.rows import AuditReplica, AuditView, LeftLine

FINDINGS_SHOWN = 1000
# Why audits stopped; the empty one is not known, or that it runs.
_WORST_FIRST = ("self-test", "died", "replica-unavailable", "", "stopped", "other-run", "budget-time", "hours")


def audit_named(workspace: Workspace, audit_id: int | None) -> AuditRow:
    """The audit of that number, or the last one; UsageError if there is none."""
    if audit_id is not None:
        return workspace.catalog.audit(audit_id)
    last = workspace.catalog.audits(1)
    if not last:
        raise UsageError("no audit has run yet", remedy="Run `preserve audit`.")
    return last[0]


def audit_view(workspace: Workspace, audit: AuditRow, *, findings: bool = True) -> AuditView:
    """What an audit set out to do, how far it came and, if asked for, what it found that is still open."""
    rows = workspace.catalog.findings(since=audit.opened_at) if findings else []
    lines = workspace.catalog.audit_checks(audit.id) if findings else []
    copies = {line.copy_id for line in lines}
    rows = [row for row in rows if row.copy_id in copies]
    named = {line.copy_id: line for line in lines}
    unclaimed = [
        line_of(found, named[copy_id].package, named[copy_id].replica)
        for copy_id, found in _unclaimed(workspace, audit)
        if copy_id in named
    ]
    why = {row.replica: why_unavailable(row.finding) for row in rows if row.finding.code is Code.REPLICA_UNAVAILABLE}
    totals: dict[str, list[int]] = defaultdict(lambda: [0] * 6)
    for line in lines:
        numbers = (line.planned, line.done, line.passed, line.failed, line.inconclusive, line.bytes_read)
        totals[line.replica] = [a + b for a, b in zip(totals[line.replica], numbers, strict=True)]
    return AuditView(
        id=audit.id,
        scope=scope_in_words(audit),
        state=_state(audit).value,
        opened_at=audit.opened_at,
        ended_at=audit.ended_at,
        required=audit.required.label,
        planned=audit.planned,
        done=audit.done,
        passed=audit.passed,
        failed=audit.failed,
        inconclusive=audit.inconclusive,
        files_good=audit.files_good,
        files_bad=audit.files_bad,
        files_unread=audit.files_unread,
        bytes_read=audit.bytes_read,
        due_only=bool(audit.scope.get("due")),
        waiting=_number(audit.scope.get("waiting")),
        reason=audit.reason if _state(audit) is audit.state else "died",
        away=missed(workspace, _away(audit)),
        carried=_carried(workspace, audit),
        untested=workspace.catalog.away_at_last_test(audit.id),
        left=tuple(_left(workspace, audit)),
        left_past_promise=_number(audit.scope.get("past_promise")),
        by_replica=tuple(
            AuditReplica(
                name=name,
                planned=planned,
                done=done,
                passed=passed,
                failed=failed,
                inconclusive=inconclusive,
                bytes_read=bytes_read,
                why_not=why.get(name, ""),
            )
            for name, (planned, done, passed, failed, inconclusive, bytes_read) in sorted(totals.items())
        ),
        findings=(*map(finding_line, rows[:FINDINGS_SHOWN]), *unclaimed)[:FINDINGS_SHOWN],
        total_findings=len(rows) + len(unclaimed),
        segmented=any(workspace.catalog.large_files(one) for one in _inventories(workspace, copies)),
    )


def _unclaimed(workspace: Workspace, audit: AuditRow) -> list[tuple[int, Finding]]:
    asked = audit.required < Evidence.READ and audit.files_unread
    return workspace.catalog.unclaimed(audit.id, FINDINGS_SHOWN) if asked else []


def _inventories(workspace: Workspace, copy_ids: Collection[int]) -> set[int]:
    return {copy.inventory_id for copy in workspace.catalog.copies() if copy.id in copy_ids} if copy_ids else set()


def _away(audit: AuditRow) -> dict[str, str]:
    away = audit.scope.get("away")
    return {str(name): str(why) for name, why in away.items()} if isinstance(away, dict) else {}


def _carried(workspace: Workspace, audit: AuditRow) -> dict[str, str]:
    away = _away(audit)
    return {name: why for name, why in away.items() if name not in missed(workspace, away)}


def missed(workspace: Workspace, away: Mapping[str, str]) -> dict[str, str]:
    """Of the replicas that were not there those that should have been, and why they were not."""
    configured = workspace.settings.replicas
    return {name: why for name, why in away.items() if name not in configured or not configured[name].offline}


def _left(workspace: Workspace, audit: AuditRow) -> Iterator[LeftLine]:
    """What was due and was not to be read."""
    zone = workspace.policies.zone
    for key, why in (("shut", "hours"), ("not_now", "budget"), ("away_due", "away")):
        counts = audit.scope.get(key)
        for name, number in sorted(counts.items()) if isinstance(counts, dict) else ():
            opens = workspace.hours(name).next_open(audit.opened_at).astimezone(zone) if why == "hours" else None
            yield LeftLine(str(name), _number(number), why, opens)


def run_view(workspace: Workspace, audits: Sequence[AuditRow]) -> AuditView:
    """The audits of one run, of which there is one for each level of evidence, as one."""
    views = [audit_view(workspace, audit) for audit in audits]
    first = views[0]
    if len(views) == 1:
        return first
    numbers = ("planned", "done", "passed", "failed", "inconclusive", "files_good", "files_bad", "files_unread")
    sums = {name: sum(getattr(view, name) for view in views) for name in (*numbers, "bytes_read")}
    worst = min(views, key=_how_bad)
    return replace(
        first,
        **sums,
        id=worst.id if worst.state != AuditState.ENDED else first.id,  # by which it can be resumed
        state=worst.state,
        reason=worst.reason,
        ended_at=views[-1].ended_at,
        required=", ".join(dict.fromkeys(view.required for view in views)),
        segmented=any(view.segmented for view in views),
        by_replica=tuple(line for view in views for line in view.by_replica),
        untested={name: why for view in views for name, why in view.untested.items()},
        findings=tuple(line for view in views for line in view.findings)[:FINDINGS_SHOWN],
        total_findings=sum(view.total_findings or 0 for view in views),
    )


def _how_bad(view: AuditView) -> int:
    """Less is worse. That one level's hours were over must not hide why another stopped."""
    if view.state == AuditState.ENDED:
        return len(_WORST_FIRST) + 1
    return _WORST_FIRST.index(view.reason) if view.reason in _WORST_FIRST else _WORST_FIRST.index("")


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _state(audit: AuditRow) -> AuditState:
    """An audit whose process is dead has stopped, though nobody could write that down."""
    dead = audit.state is AuditState.RUNNING and is_dead(str(audit.scope.get("holder", "")))
    return AuditState.STOPPED if dead else audit.state


def scope_in_words(audit: AuditRow) -> str:
    """`what is due of box-1, box-2 on nas, asked for by sophea`."""

    def named(key: str) -> str:
        value = audit.scope.get(key)
        return ", ".join(str(each) for each in value) if isinstance(value, list) else ""

    words = "what is due of " if audit.scope.get("due") else ""
    words += "what providers claim of " if audit.scope.get("claimed") else ""
    words += named("packages") or "all packages"
    words += f" on {named('replicas')}" if named("replicas") else ""
    words += (
        f", as many shards as fit into {audit.scope['budget_bytes']:,} bytes and at least one"
        if audit.scope.get("budget_bytes")
        else ""
    )
    return words + (f", asked for by {audit.scope['by']}" if audit.scope.get("by") else "")


def path_view(workspace: Workspace, path: str, read: Sequence[tuple[CopyRow, CheckResult]]) -> AuditView:
    """One file read on all its copies now, told as an audit of as many checks."""
    outcomes = [result.outcome for _, result in read]
    now = workspace.clock()
    return AuditView(
        id=None,
        scope=f"the file {path} on all its copies",
        state="ended",
        opened_at=min((result.started_at for _, result in read), default=now),
        ended_at=max((result.ended_at for _, result in read), default=now),
        required=workspace.required.label,
        planned=len(read),
        done=len(read),
        passed=outcomes.count(Outcome.PASS),
        failed=outcomes.count(Outcome.FAIL),
        inconclusive=outcomes.count(Outcome.INCONCLUSIVE),
        files_good=sum(result.good for _, result in read),
        files_bad=sum(result.bad for _, result in read),
        files_unread=sum(result.unread for _, result in read),
        bytes_read=sum(result.bytes_read for _, result in read),
        segmented=len(read) > len({copy.id for copy, _ in read}),
        by_replica=tuple(_path_line(copy, result) for copy, result in read),
        findings=tuple(
            line_of(finding, copy.package, copy.replica) for copy, result in read for finding in result.findings
        ),
    )


def _path_line(copy: CopyRow, result: CheckResult) -> AuditReplica:
    return AuditReplica(
        name=copy.replica,
        planned=1,
        done=1,
        passed=int(result.outcome is Outcome.PASS),
        failed=int(result.outcome is Outcome.FAIL),
        inconclusive=int(result.outcome is Outcome.INCONCLUSIVE),
        bytes_read=result.bytes_read,
        why_not=next((why for finding in result.findings if (why := why_unavailable(finding))), ""),
    )
