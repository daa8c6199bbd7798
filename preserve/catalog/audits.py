"""Audits: what a run set out to do, how far it came, how it ended."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Connection,
    Label,
    RowMapping,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from checks.evidence import Evidence, Outcome
from checks.findings import Code, Finding
from preserve.catalog.bodies import Check, read_body
from preserve.catalog.bulk import among, insert_rows, new_id
from preserve.catalog.database import Database
from preserve.catalog.journal import append, canonical
from preserve.catalog.rows import AuditLine, AuditRow, AuditState
from preserve.catalog.schema import audit, audit_item, copy, journal, lease, package, replica, shard_check, shard_state
from preserve.errors import UsageError

_ITEM = ("audit_id", "copy_id", "shard_id")
_ITEMS = (
    select(audit_item.c.copy_id, audit_item.c.shard_id)
    .where(audit_item.c.audit_id == bindparam("audit"))
    .order_by(audit_item.c.copy_id, audit_item.c.shard_id)
)
_COUNTS = ("planned", "done", "passed", "failed", "inconclusive", "files_good", "files_bad", "files_unread")
_DUE = func.json_extract(audit.c.scope, "$.due") == 1
_TRIED = (audit.c.state == AuditState.ENDED.value) | (
    (audit.c.state == AuditState.STOPPED.value) & audit.c.reason.in_(["hours", "budget-time", "other-run"])
)


class Audits(Database):
    """Audits."""

    def open_audit(
        self, scope: Mapping[str, object], required: Evidence, items: Sequence[tuple[int, int]], at: datetime
    ) -> AuditRow:
        """Opens an audit of these (copy, shard). `scope` is what was asked for, fit for JSON."""
        with self.writing() as connection:
            audit_id = _insert(connection, scope, required, at)
            insert_rows(connection, audit_item, _ITEM, [(audit_id, *item) for item in dict.fromkeys(items)])
            return _opened(connection, audit_id, scope, required, at)

    def open_audit_of_copies(
        self, scope: Mapping[str, object], required: Evidence, copy_ids: Sequence[int], at: datetime
    ) -> AuditRow:
        """Opens an audit of every shard of these copies."""
        with self.writing() as connection:
            audit_id = _insert(connection, scope, required, at)
            state = shard_state.c
            chosen = select(literal(audit_id), state.copy_id, state.shard_id).where(among(state.copy_id, copy_ids))
            connection.execute(insert(audit_item).from_select(_ITEM, chosen))
            return _opened(connection, audit_id, scope, required, at)

    def reopen_audit(self, audit_id: int, scope: Mapping[str, object], at: datetime) -> AuditRow:
        """Lets an audit that was stopped run on, under this scope. UsageError if it is running or has ended."""
        with self.writing() as connection:
            row = _audit(connection, audit_id)
            if row.state is not AuditState.STOPPED:
                raise UsageError(f"audit {audit_id} was not stopped: it is {row.state}")
            running = {"state": AuditState.RUNNING.value, "ended_at": None, "reason": ""}
            running["scope"] = canonical(scope).decode()
            connection.execute(update(audit).where(audit.c.id == audit_id).values(running))
            append(connection, "audit-reopened", at, {"audit": audit_id, "scope": dict(scope), "done": row.done})
            return _audit(connection, audit_id)

    def end_audit(
        self, audit_id: int, state: AuditState, at: datetime, *, reason: str = "", abandoned: int = 0
    ) -> AuditRow:
        """Ends or stops an audit. Its leases are given up: what comes in late changes nothing.

        Args:
            reason: why it stopped; see `AuditRow.reason`.
            abandoned: how many shards were in hand, and given up without an answer.

        ValueError if it is to be ENDED with work left, or neither ENDED nor STOPPED.
        """
        with self.writing() as connection:
            row = _audit(connection, audit_id)
            if state is AuditState.RUNNING or (state is AuditState.ENDED and row.done < row.planned):
                raise ValueError(f"audit {audit_id} cannot be {state}: {row.done} of {row.planned} are done")
            over = {"state": state.value, "ended_at": at, "reason": reason}
            connection.execute(update(audit).where(audit.c.id == audit_id).values(over))
            connection.execute(delete(lease).where(lease.c.audit_id == audit_id))
            counts = {name: getattr(row, name) for name in (*_COUNTS, "bytes_read")}
            why = {"reason": reason, "abandoned": min(abandoned, row.planned - row.done)}
            said = {name: value for name, value in why.items() if value}
            append(connection, f"audit-{state.value}", at, {"audit": audit_id, **counts, **said})
            return _audit(connection, audit_id)

    def audits(self, limit: int = 20) -> list[AuditRow]:
        """The last audits, newest first."""
        with self.reading() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.id.desc()).limit(limit)).mappings()
            return [_row(row) for row in rows]

    def running_audits(self) -> list[AuditRow]:
        """Audits that say that they are running; whoever ran them may be dead."""
        with self.reading() as connection:
            query = select(audit).where(audit.c.state == AuditState.RUNNING.value).order_by(audit.c.id)
            return [_row(row) for row in connection.execute(query).mappings()]

    def last_sign(self, audit_id: int) -> datetime:
        """When an audit last gave a sign of life: it was opened, a check of it ended, a lease was given or renewed.

        UsageError if there is none of that number.
        """
        item = audit_item.c
        last = select(func.max(item.check_number)).where(item.audit_id == audit_id).scalar_subquery()
        with self.reading() as connection:
            signs = [
                _audit(connection, audit_id).opened_at,
                connection.execute(select(shard_check.c.ended_at).where(shard_check.c.number == last)).scalar(),
                connection.execute(select(func.max(lease.c.given_at)).where(lease.c.audit_id == audit_id)).scalar(),
            ]
            return max(sign for sign in signs if sign is not None)

    def last_due_runs(self) -> dict[str, datetime]:
        """When the last run of what is due was opened for each replica in use, by its name.

        A run counts that came to its end, or stopped because its hours or its time were over, or as another run had
        the rest; for a replica that was away then, it counts too: it was tried. The last is the last that was opened,
        whatever the clock said then: a time may lie ahead of now where the clock was set back since.
        """
        names = select(replica.c.name).where(replica.c.removed_at.is_(None))
        runs = select(audit.c.opened_at, audit.c.scope).where(_DUE, _TRIED).order_by(audit.c.id.desc())
        last: dict[str, datetime] = {}
        with self.reading() as connection:
            missing = set(connection.execute(names).scalars())
            for opened_at, scope in connection.execute(runs.execution_options(yield_per=50)):
                if not missing:
                    break
                tried = missing & _replicas_tried(json.loads(scope), missing)
                last |= dict.fromkeys(tried, opened_at)
                missing -= tried
        return last

    def audit(self, audit_id: int) -> AuditRow:
        """UsageError if there is none of that number."""
        with self.reading() as connection:
            return _audit(connection, audit_id)

    def remaining(self, audit_id: int) -> list[tuple[int, int]]:
        """What is still to be done of an audit: (copy, shard), copy by copy, in order."""
        item = audit_item.c
        query = select(item.copy_id, item.shard_id).where(item.audit_id == audit_id, item.check_number.is_(None))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(item.copy_id, item.shard_id))
            return [(copy_id, shard_id) for copy_id, shard_id in rows]

    def audit_checks(self, audit_id: int) -> list[AuditLine]:
        """How far an audit came with each copy that it set out to check, by package and replica."""
        with self.reading() as connection:
            rows = connection.execute(_lines(audit_id)).mappings()
            return [AuditLine(**{**row, "evidence": _evidence(row["evidence"])}) for row in rows]

    def unclaimed(self, audit_id: int, limit: int) -> list[tuple[int, Finding]]:
        """Up to `limit` files, each with the copy's id, for which a provider gave this audit no checksum.

        No finding of them stays open, so they are had out of the journal.
        """
        asked = (
            select(shard_check.c.copy_id, journal.c.kind, journal.c.body)
            .join(journal, journal.c.number == shard_check.c.number)
            .where(
                shard_check.c.copy_id.in_(select(audit_item.c.copy_id).where(audit_item.c.audit_id == audit_id)),
                shard_check.c.audit_id == audit_id,
                shard_check.c.unread > 0,
            )
            .order_by(shard_check.c.number)
        )
        found: list[tuple[int, Finding]] = []
        with self.reading() as connection:
            for copy_id, kind, body in connection.execute(asked):
                check = read_body(kind, body)
                seen = check.findings if isinstance(check, Check) else ()
                found += [(copy_id, one.finding()) for one in seen if one.code is Code.NO_CLAIM]
                if len(found) >= limit:
                    break
        return found[:limit]


def _replicas_tried(scope: Mapping[str, Any], every: set[str]) -> set[str]:
    """The names that a run's scope has; one without any was over all, but for one of some packages."""
    named = [] if scope.get("packages") else scope.get("replicas")
    return {*(every if named is None else named), *scope.get("away", ())}


def _insert(connection: Connection, scope: Mapping[str, object], required: Evidence, at: datetime) -> int:
    columns = {"state": AuditState.RUNNING.value, "required": int(required), "scope": canonical(scope).decode()}
    return new_id(connection, insert(audit).values(opened_at=at, **columns))


def _opened(
    connection: Connection, audit_id: int, scope: Mapping[str, object], required: Evidence, at: datetime
) -> AuditRow:
    planned = select(func.count()).select_from(audit_item).where(audit_item.c.audit_id == audit_id)
    connection.execute(update(audit).where(audit.c.id == audit_id).values(planned=planned.scalar_subquery()))
    row = _audit(connection, audit_id)
    items = items_digest(connection.execute(_ITEMS, {"audit": audit_id}))
    body = {"audit": audit_id, "scope": dict(scope), "required": required.label, "planned": row.planned, "items": items}
    append(connection, "audit-opened", at, body)
    return row


def give_up_checks(connection: Connection, copy_ids: Iterable[int]) -> dict[str, object]:
    """Takes what was not done yet of these copies out of all audits, with its leases.

    Returns:
        `given_up` for the body of the link that does it: how many checks of which audits; nothing if there were none.
    """
    copies = list(copy_ids)
    open_ = audit_item.c.audit_id.in_(select(audit.c.id).where(audit.c.state != AuditState.ENDED.value))
    undone = open_, among(audit_item.c.copy_id, copies), audit_item.c.check_number.is_(None)
    counted = select(audit_item.c.audit_id, func.count()).where(*undone).group_by(audit_item.c.audit_id)
    given_up = connection.execute(counted.order_by(audit_item.c.audit_id)).all()
    connection.execute(delete(audit_item).where(*undone))
    connection.execute(delete(lease).where(among(lease.c.copy_id, copies)))
    for audit_id, number in given_up:
        connection.execute(update(audit).where(audit.c.id == audit_id).values(planned=audit.c.planned - number))
    return {"given_up": [{"audit": audit_id, "checks": number} for audit_id, number in given_up]} if given_up else {}


def items_digest(items: Iterable[Sequence[int]]) -> str:
    """SHA-256, in hex, over what an audit set out to check: copies and shards by number, in their order."""
    hashed = sha256()
    for copy_id, shard_id in items:
        hashed.update(b"%d %d\n" % (copy_id, shard_id))
    return hashed.hexdigest()


def _audit(connection: Connection, audit_id: int) -> AuditRow:
    row = connection.execute(select(audit).where(audit.c.id == audit_id)).mappings().one_or_none()
    if row is None:
        raise UsageError(f"there is no audit {audit_id}")
    return _row(row)


def _row(row: RowMapping) -> AuditRow:
    told = {
        "state": AuditState(row["state"]),
        "required": Evidence(row["required"]),
        "scope": json.loads(row["scope"]),
    }
    return AuditRow(**{**row, **told})


def _evidence(level: int | None) -> Evidence | None:
    return None if level is None else Evidence(level)


def _lines(audit_id: int) -> Select[*tuple[object, ...]]:
    done = shard_check.c

    def ended(outcome: Outcome, name: str) -> Label[int]:
        return func.count(case((done.outcome == outcome.value, 1))).label(name)

    def total(name: str, label: str) -> Label[int]:
        return func.coalesce(func.sum(done[name]), 0).label(label)

    return (
        select(
            audit_item.c.copy_id,
            package.c.identifier.label("package"),
            replica.c.name.label("replica"),
            func.count().label("planned"),
            func.count(done.number).label("done"),
            ended(Outcome.PASS, "passed"),
            ended(Outcome.FAIL, "failed"),
            ended(Outcome.INCONCLUSIVE, "inconclusive"),
            total("good", "files_good"),
            total("bad", "files_bad"),
            total("unread", "files_unread"),
            total("bytes_read", "bytes_read"),
            func.min(done.evidence).label("evidence"),
            func.min(done.started_at).label("started_at"),
            func.max(done.ended_at).label("ended_at"),
        )
        .join_from(audit_item, copy, copy.c.id == audit_item.c.copy_id)
        .join(package, package.c.id == copy.c.package_id)
        .join(replica, replica.c.id == copy.c.replica_id)
        .outerjoin(shard_check, done.number == audit_item.c.check_number)
        .where(audit_item.c.audit_id == audit_id)
        .group_by(audit_item.c.copy_id)
        .order_by(package.c.identifier, replica.c.name)
    )
