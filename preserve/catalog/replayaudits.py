"""Audits once more: opened, stopped, resumed and ended by links, counted by checks."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from checks.evidence import Evidence, Outcome
from preserve.catalog import bodies
from preserve.catalog.asking import SELF_TEST
from preserve.catalog.audits import items_digest
from preserve.catalog.journal import canonical
from preserve.catalog.known import UnknownError
from preserve.catalog.moments import micros
from preserve.catalog.rows import AuditState, CheckResult, Fault
from preserve.catalog.scratch import Statement

_ENDED = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)
_COUNTS = (
    *("planned", "done", "passed", "failed", "inconclusive"),
    *("files_good", "files_bad", "files_unread", "bytes_read"),
)
_DONE = "INSERT OR IGNORE INTO audit_item (audit_id, copy_id, shard_id, check_number) VALUES (?, ?, ?, ?)"
_ITEMS = "SELECT copy_id, shard_id FROM kept.audit_item WHERE audit_id = ? ORDER BY copy_id, shard_id"
_AUDIT = (
    f"INSERT INTO audit (id, opened_at, ended_at, state, required, scope, {', '.join(_COUNTS)}, reason)"
    f" VALUES (?, ?, ?, ?, ?, ?, {', '.join('?' * len(_COUNTS))}, ?)"
)


@dataclass(slots=True)
class _Audit:
    opened_at: datetime
    required: Evidence
    scope: str
    planned: int
    number: int  # of the link that opened it
    items: str
    state: AuditState = AuditState.RUNNING
    ended_at: datetime | None = None
    reason: str = ""
    done: int = 0
    ended: list[int] = field(default_factory=lambda: [0, 0, 0])  # passed, failed, inconclusive
    read: list[int] = field(default_factory=lambda: [0, 0, 0, 0])  # files good, bad and unread, bytes

    @property
    def counts(self) -> tuple[int, ...]:
        return (self.planned, self.done, *self.ended, *self.read)


class ReplayedAudits:
    """The audits, by number."""

    def __init__(self, run: Statement) -> None:
        self._run = run
        self._audits: dict[int, _Audit] = {}

    def required(self, id_: int) -> Evidence:
        return self._audit(id_).required

    def open(self, number: int, body: bodies.AuditOpened) -> None:
        if body.audit != len(self._audits) + 1:
            raise UnknownError(f"it opens audit {body.audit}, after {len(self._audits)} audits")
        required = Evidence.from_label(body.required)
        scope = canonical(body.scope).decode()
        self._audits[body.audit] = _Audit(body.at, required, scope, body.planned, number, body.items)

    def reopen(self, number: int, body: bodies.AuditReopened) -> None:
        audit = self._audit(body.audit)
        audit.state, audit.ended_at, audit.reason = AuditState.RUNNING, None, ""
        audit.scope = canonical(body.scope).decode()
        _compare((audit.done,), (body.done,), ("done",))

    def end(self, number: int, body: bodies.AuditOver) -> None:
        audit = self._audit(body.audit)
        audit.state, audit.ended_at = AuditState(body.kind.removeprefix("audit-")), body.at
        audit.reason = body.reason
        if body.abandoned > body.planned - body.done:
            raise ValueError(f"it abandoned {body.abandoned} checks, of {body.planned - body.done} that were left")
        _compare(audit.counts, tuple(getattr(body, name) for name in _COUNTS), _COUNTS)

    def disbelieve(self, number: int, body: bodies.AuditDisbelieved) -> None:
        for audit in [self._audit(id_) for id_ in body.audits]:
            if audit.state is not AuditState.RUNNING:
                audit.state, audit.reason = AuditState.STOPPED, SELF_TEST

    def give_up(self, given_up: bodies.GivenUp) -> None:
        """Some of what an audit set out to check went with its package; which, is said by no digest from then on."""
        audit = self._audit(given_up.audit)
        audit.planned, audit.items = audit.planned - given_up.checks, ""

    def count(self, number: int, result: CheckResult) -> None:
        """A check counts once for each shard of a copy: the first of them."""
        if result.audit_id is None:
            return
        item = (result.audit_id, result.copy_id, result.shard_id, number)
        if self._run(_DONE, item).rowcount != 1:
            return
        audit = self._audit(result.audit_id)
        audit.done += 1
        audit.ended[_ENDED.index(result.outcome)] += 1
        more = result.good, result.bad, result.unread, result.bytes_read
        audit.read = [before + now for before, now in zip(audit.read, more, strict=True)]

    def write(self) -> None:
        """Puts the audits down. Sums that no catalog can hold are left out: the rows then stand without a reason."""
        for id_, audit in self._audits.items():
            times = micros(audit.opened_at), None if audit.ended_at is None else micros(audit.ended_at)
            said = audit.state.value, int(audit.required), audit.scope
            with suppress(OverflowError):
                self._run(_AUDIT, (id_, *times, *said, *audit.counts, audit.reason))

    def item_faults(self) -> Iterator[Fault]:
        """What audits set out to check, as far as no check tells: by their number, and by the digest over them."""
        for id_, audit in self._audits.items():
            items = self._run(_ITEMS, (id_,)).fetchall()
            message = f"audit {id_} set out to check other shards than stand there"
            if len(items) != audit.planned:
                expected, found = str(audit.planned), str(len(items))
            elif audit.items and items_digest(items) != audit.items:
                expected, found = audit.items, items_digest(items)
            else:
                continue
            yield Fault(where="audit_item", number=audit.number, message=message, expected=expected, found=found)

    def _audit(self, id_: int) -> _Audit:
        if id_ not in self._audits:
            raise UnknownError(f"it speaks of audit {id_}, which no link before it opened")
        return self._audits[id_]


def _compare(counted: tuple[int, ...], said: tuple[int, ...], names: tuple[str, ...]) -> None:
    unlike = [
        f"{name} {there}, by the checks {here}"
        for name, here, there in zip(names, counted, said, strict=True)
        if here != there
    ]
    if unlike:
        raise ValueError(f"its counts are not those of its checks: {'; '.join(unlike)}")
