"""Checks become part of the catalog: journal, check, findings, times, summaries and verdicts in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from checks.evidence import Evidence, Outcome
from checks.findings import Finding, outcome_of
from checks.names import path_fields
from preserve.catalog.bulk import Value, among, as_list, insert_rows
from preserve.catalog.journal import Chain
from preserve.catalog.ledger import Ledger
from preserve.catalog.moments import micros, text_of
from preserve.catalog.places import CopyPlace, places_of
from preserve.catalog.rows import CheckResult
from preserve.catalog.schema import shard, shard_check
from preserve.catalog.states import States
from preserve.catalog.transitions import Settled
from preserve.catalog.verdicts import renew_verdicts

_COLUMNS = (
    *("number", "audit_id", "copy_id", "shard_id", "started_at", "ended_at", "evidence", "outcome"),
    *("good", "bad", "unread", "bytes_read"),
)
_SHARDS = select(shard.c.id, shard.c.inventory_id, shard.c.start, shard.c.root).where(
    among(shard.c.id, bindparam("ids"))
)


@dataclass(frozen=True, slots=True)
class _Shard:
    inventory_id: int
    start: bytes
    root: bytes


class Committing:
    """One transaction's checks. `write` must be called once, at the end."""

    def __init__(self, connection: Connection, results: Sequence[CheckResult]) -> None:
        self._connection = connection
        self._copies = places_of(connection, {result.copy_id for result in results})
        self._shards = _shards(connection, {result.shard_id for result in results})
        for result in results:
            self._refuse_impossible(result)
        wanted = {(result.copy_id, result.shard_id) for result in results}
        self.chain = Chain(connection)
        self._states = States(connection, wanted)
        self._ledger = Ledger(connection, wanted)
        self._checks: list[tuple[Value, ...]] = []

    def _refuse_impossible(self, result: CheckResult) -> None:
        """The last door before a false green: nothing may say PASS here that its own figures do not bear out."""
        place, expected = self._copies.get(result.copy_id), self._shards.get(result.shard_id)
        if place is None or expected is None or expected.inventory_id != place.inventory_id:
            raise ValueError(f"copy {result.copy_id} has no shard {result.shard_id}")
        if result.ended_at < result.started_at:
            raise ValueError("a check cannot end before it starts")
        if result.outcome is not Outcome.PASS:
            return
        if result.bad or result.unread or outcome_of(list(result.findings)) is not Outcome.PASS:
            raise ValueError("a check that found or left out something cannot be PASS")
        if result.paths is None and result.observed_root != expected.root:
            raise ValueError("a check cannot be PASS with another root than was expected")

    def commit(self, result: CheckResult, required: Evidence | None) -> int:
        """Takes one check in and gives its number in the journal."""
        settled = self._ledger.settle(result)
        place, expected = self._copies[result.copy_id], self._shards[result.shard_id]
        number = self.chain.add("check", result.ended_at, _body(result, place, expected, settled))
        self._checks.append(_row(number, result))
        self._ledger.apply(result, number, settled)
        self._states.apply(result, required)
        return number

    def write(self) -> None:
        """Puts down what was gathered."""
        self._states.write()
        self._ledger.write_counts()
        changed = self._ledger.changed | self._states.first_read
        self.chain.write()
        insert_rows(self._connection, shard_check, _COLUMNS, self._checks)
        renew_verdicts(self._connection, {self._copies[copy_id].package_id for copy_id in changed})


def _shards(connection: Connection, ids: Iterable[int]) -> dict[int, _Shard]:
    return {id_: _Shard(*rest) for id_, *rest in connection.execute(_SHARDS, {"ids": as_list(ids)})}


def _row(number: int, result: CheckResult) -> tuple[Value, ...]:
    times = micros(result.started_at), micros(result.ended_at)
    ended = int(result.evidence), result.outcome.value, result.good, result.bad, result.unread, result.bytes_read
    return (number, result.audit_id, result.copy_id, result.shard_id, *times, *ended)


def _body(result: CheckResult, place: CopyPlace, expected: _Shard, settled: Settled) -> dict[str, object]:
    """A check as the journal keeps it. What is empty, and an observed root equal to the expected one, are left out."""
    body: dict[str, object] = {
        "package": place.package,
        "version": place.version,
        "replica": place.replica,
        "start": expected.start.hex(),
        "root": expected.root.hex(),
        "started_at": text_of(result.started_at),
        "evidence": result.evidence.label,
        "outcome": result.outcome.value,
        "good": result.good,
        "bad": result.bad,
        "unread": result.unread,
        "bytes_read": result.bytes_read,
    }
    if result.audit_id is not None:
        body["audit"] = result.audit_id
    if result.observed_root != expected.root:
        body["observed_root"] = None if result.observed_root is None else result.observed_root.hex()
    if result.paths is not None:
        body["paths"] = [path_fields(path) for path in result.paths]
    if result.findings:
        body["findings"] = [_finding(found) for found in result.findings]
    if settled.closed:
        body["closed"] = [_named(standing.finding) for standing in settled.closed]
    return body


def _named(found: Finding) -> Mapping[str, object]:
    return {"code": found.code.value, **path_fields(found.path)}


def _finding(found: Finding) -> Mapping[str, object]:
    return {**_named(found), "parameters": dict(found.parameters)}
