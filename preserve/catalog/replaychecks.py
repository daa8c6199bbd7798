"""The journal's checks once more, by the code that took them in: findings, times, summaries, audits' items."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from checks.evidence import Evidence, Outcome
from checks.findings import outcome_of
from checks.names import show
from preserve.catalog.bodies import Check, Named
from preserve.catalog.bulk import Value
from preserve.catalog.known import Known, UnknownError, Version, start_name
from preserve.catalog.ledger import Ledger
from preserve.catalog.moments import micros
from preserve.catalog.replayaudits import ReplayedAudits
from preserve.catalog.rows import CheckResult, Fault
from preserve.catalog.scratch import blames_content, driver
from preserve.catalog.states import States
from preserve.catalog.transitions import Settled

_BATCH = 500

Row = tuple[Value, ...]
_Said = tuple[str, bytes]  # code, path


@dataclass(frozen=True, slots=True)
class _Link:
    number: int
    result: CheckResult
    required: Evidence | None
    closed: Sequence[Named]
    package_id: int


class ReplayedChecks:
    """Gathers checks and takes them in, many at once: nothing but their order counts."""

    def __init__(self, connection: Connection, known: Known, audits: ReplayedAudits, faults: list[Fault]) -> None:
        self._connection = connection
        self._driver = driver(connection)
        self._known = known
        self._audits = audits
        self._faults = faults
        self._pending: list[_Link] = []
        self._doubted: set[tuple[int, bytes]] = set()
        self.clocks_trusted = True  # as programs did that wrote the links so far; see States
        self.changed: set[int] = set()  # packages whose verdict may be another now

    def add(self, number: int, body: Check) -> Row:
        """Takes in one check; the row of it. ValueError for one that the program would never have written."""
        copy_id, version = self._known.copy(body.package, body.version, body.replica)
        shard_id = self._shard(number, version, body)
        required = None if body.audit is None else self._audits.required(body.audit)
        result = _result(body, copy_id, shard_id)
        _refuse_impossible(result, body)
        self._pending.append(_Link(number, result, required, body.closed, version.package_id))
        if len(self._pending) >= _BATCH:
            self.flush()
        times = micros(result.started_at), micros(result.ended_at)
        ended = int(result.evidence), result.outcome.value, result.good, result.bad, result.unread, result.bytes_read
        return (number, result.audit_id, copy_id, shard_id, *times, *ended)

    def _shard(self, number: int, version: Version, body: Check) -> int:
        start = bytes.fromhex(body.start)
        named = f"{start_name(start)} of {self._known.version_name(version.inventory_id)}"
        if start not in version.shards:
            raise UnknownError(f"it speaks of {named}, which the catalog does not have")
        shard_id, root = version.shards[start]
        if root != bytes.fromhex(body.root) and (version.inventory_id, start) not in self._doubted:
            self._doubted.add((version.inventory_id, start))
            found = root.hex() if isinstance(root, bytes) else str(root)
            message = f"{named} was checked against another root (link {number})"
            self._faults.append(
                Fault(where="shard", number=number, message=message, expected=show(body.root.encode()), found=found)
            )
        return shard_id

    def flush(self) -> None:
        """Takes in what was gathered; where that cannot be, one at a time, to name the one."""
        batch, self._pending = self._pending, []
        if not batch or self._attempt(batch):
            return
        for link in batch:
            if not self._attempt([link]):
                self._fault(link, "it cannot be: the program would have refused it")

    def _attempt(self, batch: Sequence[_Link]) -> bool:
        self._driver.execute("SAVEPOINT checks")
        try:
            self._take_in(batch)
        except (KeyError, SQLAlchemyError, sqlite3.Error, OverflowError) as error:
            if not (isinstance(error, KeyError) or blames_content(error)):
                raise
            self._driver.execute("ROLLBACK TO checks")
            return False
        finally:
            self._driver.execute("RELEASE checks")
        for link in batch:
            self._audits.count(link.number, link.result)
        return True

    def _take_in(self, batch: Sequence[_Link]) -> None:
        """What `Committing` does, but for the journal."""
        wanted = {(link.result.copy_id, link.result.shard_id) for link in batch}
        states = States(self._connection, wanted, clocks_trusted=self.clocks_trusted)
        ledger = Ledger(self._connection, wanted, clocks_trusted=self.clocks_trusted)
        faults: list[_Unlike] = []
        for link in batch:
            settled = ledger.settle(link.result)
            if _said(link.closed) != _settled(settled):
                faults.append((link, settled))
            ledger.apply(link.result, link.number, settled)
            states.apply(link.result, link.required)
        states.write()
        ledger.write_counts()
        changed = ledger.changed | states.first_read
        self.changed |= {link.package_id for link in batch if link.result.copy_id in changed}
        for link, settled in faults:
            message = "it does not close the findings that its own readings close"
            self._fault(link, message, _listed(_settled(settled)), _listed(_said(link.closed)))

    def _fault(self, link: _Link, what: str, expected: str = "", found: str = "") -> None:
        named = self._known.copy_name(link.result.copy_id)
        message = f"link {link.number}, a check of {named}: {what}"
        self._faults.append(Fault(where="journal", number=link.number, message=message, expected=expected, found=found))


_Unlike = tuple[_Link, Settled]


def _result(body: Check, copy_id: int, shard_id: int) -> CheckResult:
    root = body.root if body.observed_root == "" else body.observed_root
    return CheckResult(
        copy_id=copy_id,
        shard_id=shard_id,
        audit_id=body.audit,
        lease_token=None,
        started_at=body.started_at,
        ended_at=body.at,
        evidence=body.level,
        outcome=body.outcome,
        good=body.good,
        bad=body.bad,
        unread=body.unread,
        bytes_read=body.bytes_read,
        observed_root=None if root is None else bytes.fromhex(root),
        findings=[seen.finding() for seen in body.findings],
        paths=None if body.paths is None else [path.required() for path in body.paths],
    )


def _refuse_impossible(result: CheckResult, body: Check) -> None:
    """What `Committing` lets nobody record."""
    if result.ended_at < result.started_at:
        raise ValueError("the check ends before it starts")
    if result.outcome is Outcome.PASS and (
        result.bad
        or result.unread
        or outcome_of(list(result.findings)) is not Outcome.PASS
        or (result.paths is None and body.observed_root != "")
    ):
        raise ValueError("it says PASS, and its own figures do not bear that out")


def _said(closed: Iterable[Named]) -> list[_Said]:
    return sorted((one.code.value, one.name() or b"") for one in closed)


def _settled(settled: Settled) -> list[_Said]:
    return sorted((one.finding.code.value, one.finding.path or b"") for one in settled.closed)


def _listed(said: Iterable[_Said]) -> str:
    return ", ".join(f"{code} {show(path)}".rstrip() for code, path in said) or "none"
