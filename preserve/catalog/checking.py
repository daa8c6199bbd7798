"""Results of checks come in: fenced, idempotent, a batch in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from checks.evidence import Evidence, Outcome
from preserve.catalog.bulk import among, as_list, as_pairs, matching
from preserve.catalog.committing import Committing
from preserve.catalog.database import Database
from preserve.catalog.places import ended_copies
from preserve.catalog.rows import CheckResult
from preserve.catalog.schema import audit, audit_item, lease

# Built once: for a batch of one, building these would take longer than running them.
_LEASES = select(lease.c.copy_id, lease.c.shard_id, lease.c.audit_id, lease.c.token).select_from(matching(lease))
_ITEMS = select(audit_item.c.copy_id, audit_item.c.shard_id, audit_item.c.check_number, audit_item.c.token).select_from(
    matching(audit_item, audit_item.c.audit_id == bindparam("audit"))
)
_REQUIRED = select(audit.c.id, audit.c.required).where(among(audit.c.id, bindparam("audits")))
_DONE = "UPDATE audit_item SET check_number = ?, token = ? WHERE audit_id = ? AND copy_id = ? AND shard_id = ?"
_RELEASED = "DELETE FROM lease WHERE copy_id = ? AND shard_id = ?"
_COUNTED = (
    "UPDATE audit SET done = done + 1, passed = passed + ?, failed = failed + ?, inconclusive = inconclusive + ?,"
    " files_good = files_good + ?, files_bad = files_bad + ?, files_unread = files_unread + ?,"
    " bytes_read = bytes_read + ? WHERE id = ?"
)

_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Held:
    """Whether an item of an audit is done, and under which lease."""

    done: bool
    token: int | None


class Checking(Database):
    """Committing checks."""

    def commit_checks(self, results: Sequence[CheckResult], now: datetime) -> list[bool]:
        """Commits checks in one transaction: for each, its journal link, findings, times, summaries and verdict.

        Returns:
            for each result whether it counts. False: its lease has gone to somebody else, its audit was stopped, or
            its package was removed meanwhile, and nothing of it was written. A result that was committed before under
            the same lease is True again and written once.

        Raises:
            ValueError: a result that cannot be (a PASS that its figures do not bear out, a shard of another
                inventory, a shard that its audit did not set out to check); nothing of the batch is written.
        """
        if not results:
            return []
        with self.writing() as connection:
            ended = ended_copies(connection, {result.copy_id for result in results})
            in_care = [result for result in results if result.copy_id not in ended]
            batch = _Batch(connection, in_care)
            committing = Committing(connection, in_care)
            answers = []
            for result in results:
                admitted, known = (False, False) if result.copy_id in ended else batch.admit(result)
                if admitted and not known:
                    batch.done(result, committing.commit(result, batch.required(result)))
                answers.append(admitted)
            committing.write()
            batch.write()
            return answers


class _Batch:
    """The leases and the audits' items that a batch of results is about."""

    def __init__(self, connection: Connection, results: Iterable[CheckResult]) -> None:
        self._connection = connection
        keys = {(result.copy_id, result.shard_id) for result in results}
        audits = {result.audit_id for result in results if result.audit_id is not None}
        self._leases = _leases(connection, keys)
        self._items = {audit_id: _items(connection, audit_id, keys) for audit_id in audits}
        required = connection.execute(_REQUIRED, {"audits": as_list(audits)})
        self._required = {id_: Evidence(level) for id_, level in required}
        for result in results:
            self._refuse_unplanned(result)
        self._done: list[tuple[int | None, ...]] = []
        self._released: list[_Key] = []
        self._counted: list[tuple[int, ...]] = []

    def _refuse_unplanned(self, result: CheckResult) -> None:
        if result.audit_id is None:
            if result.lease_token is not None:
                raise ValueError("a lease belongs to an audit")
            return
        if (result.copy_id, result.shard_id) not in self._items[result.audit_id]:
            raise ValueError(f"audit {result.audit_id} did not set out to check shard {result.shard_id}")
        if result.outcome is Outcome.PASS and result.evidence < self._required[result.audit_id]:
            raise ValueError("a check cannot be PASS with weaker evidence than its audit requires")

    def required(self, result: CheckResult) -> Evidence | None:
        return None if result.audit_id is None else self._required[result.audit_id]

    def admit(self, result: CheckResult) -> tuple[bool, bool]:
        """Whether the result counts, and whether it was committed before."""
        if result.lease_token is None:
            return True, False
        key = result.copy_id, result.shard_id
        assert result.audit_id is not None  # _refuse_unplanned
        if self._leases.get(key) == (result.audit_id, result.lease_token):
            return True, False
        again = self._items[result.audit_id][key].token == result.lease_token
        return again, again

    def done(self, result: CheckResult, number: int) -> None:
        """Marks an audit's item as done; it is counted once."""
        if result.audit_id is None:
            return
        key = result.copy_id, result.shard_id
        if result.lease_token is not None:
            del self._leases[key]
            self._released.append(key)
        if self._items[result.audit_id][key].done:
            return
        self._items[result.audit_id][key] = _Held(True, result.lease_token)
        self._done.append((number, result.lease_token, result.audit_id, *key))
        ended = [int(result.outcome is outcome) for outcome in (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)]
        counts = result.good, result.bad, result.unread, result.bytes_read
        self._counted.append((*ended, *counts, result.audit_id))

    def write(self) -> None:
        """Puts down what was done."""
        for statement, rows in ((_DONE, self._done), (_RELEASED, self._released), (_COUNTED, self._counted)):
            if rows:
                self._connection.exec_driver_sql(statement, list(rows))


def _leases(connection: Connection, keys: Iterable[_Key]) -> dict[_Key, tuple[int, int]]:
    rows = connection.execute(_LEASES, as_pairs(keys))
    return {(copy_id, shard_id): (audit_id, token) for copy_id, shard_id, audit_id, token in rows if token is not None}


def _items(connection: Connection, audit_id: int, keys: Iterable[_Key]) -> dict[_Key, _Held]:
    rows = connection.execute(_ITEMS, {"audit": audit_id, **as_pairs(keys)})
    return {
        (copy_id, shard_id): _Held(number is not None, token)
        for copy_id, shard_id, number, token in rows
        if copy_id is not None
    }
