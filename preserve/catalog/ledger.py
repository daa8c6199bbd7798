"""The open findings of the shards that a batch of checks is about, changed within one transaction."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from checks.findings import Code, Finding
from preserve.catalog.bulk import Value, as_pairs, insert_rows, matching
from preserve.catalog.journal import canonical
from preserve.catalog.moments import micros
from preserve.catalog.rows import CheckResult
from preserve.catalog.schema import finding
from preserve.catalog.states import count_findings
from preserve.catalog.transitions import COPY_WIDE, Settled, Standing, is_set_back, settle

_COLUMNS = (
    *("id", "copy_id", "shard_id", "path", "code", "severity", "parameters"),
    *("opened_check", "opened_at", "seen_check", "seen_at"),
)
_OPEN = select(
    *(finding.c.id, finding.c.copy_id, finding.c.shard_id, finding.c.code, finding.c.path),
    *(finding.c.parameters, finding.c.seen_at),
).select_from(matching(finding, finding.c.closed_at.is_(None)))
_HIGHEST = select(func.coalesce(func.max(finding.c.id), 0))
_SEEN = "UPDATE finding SET seen_check = ?, seen_at = ?, parameters = ? WHERE id = ?"
_CLOSED = "UPDATE finding SET closed_check = ?, closed_at = ? WHERE id = ?"


class Ledger:
    """Opens, sees again and closes findings as `transitions.settle` says. For `clocks_trusted` see `States`."""

    def __init__(
        self, connection: Connection, wanted: Iterable[tuple[int, int]], *, clocks_trusted: bool = False
    ) -> None:
        self._connection = connection
        self._clocks_trusted = clocks_trusted
        wanted = set(wanted)
        wanted |= {(copy_id, 0) for copy_id, _ in wanted}
        self._open: dict[tuple[int, int], dict[int, Standing]] = {}
        for standing in _open_findings(connection, wanted):
            self._open.setdefault((standing.copy_id, standing.shard_id), {})[standing.id] = standing
        self._next = connection.execute(_HIGHEST).scalar_one() + 1
        self.changed: set[int] = set()  # copies

    def settle(self, result: CheckResult) -> Settled:
        """What the check does to the findings that stand; `apply` does it."""
        if not result.findings and not self._open:
            return Settled()
        own = self._open.get((result.copy_id, result.shard_id), {})
        wide = self._open.get((result.copy_id, 0), {})
        return settle(result, [self._placed(one, result) for one in (*own.values(), *wide.values())])

    def _placed(self, standing: Standing, result: CheckResult) -> Standing:
        """What was seen before the clock was set back was seen before this check began."""
        if self._clocks_trusted or not is_set_back(standing.seen_at, result):
            return standing
        return replace(standing, seen_at=result.started_at)

    def apply(self, result: CheckResult, number: int, settled: Settled) -> None:
        """Writes what a check with that number in the journal did."""
        if not (settled.opened or settled.seen or settled.closed):
            return
        at = result.ended_at
        for standing in settled.closed:
            del self._open[standing.copy_id, standing.shard_id][standing.id]
        self._execute(_CLOSED, [(number, micros(at), standing.id) for standing in settled.closed])
        for standing, again in settled.seen:
            self._keep(standing.id, result.copy_id, standing.shard_id, again, max(at, standing.seen_at))
        self._execute(
            _SEEN,
            [
                (number, micros(max(at, standing.seen_at)), _parameters(again), standing.id)
                for standing, again in settled.seen
            ],
        )
        insert_rows(self._connection, finding, _COLUMNS, [self._opened(result, number, new) for new in settled.opened])
        self.changed.add(result.copy_id)

    def _opened(self, result: CheckResult, number: int, new: Finding) -> tuple[Value, ...]:
        shard_id = 0 if new.code in COPY_WIDE else result.shard_id
        id_, at = self._next, micros(result.ended_at)
        self._next += 1
        self._keep(id_, result.copy_id, shard_id, new, result.ended_at)
        what = (new.path or b"", new.code.value, new.severity.value, _parameters(new))
        return (id_, result.copy_id, shard_id, *what, number, at, number, at)

    def _keep(self, id_: int, copy_id: int, shard_id: int, new: Finding, at: datetime) -> None:
        standing = Standing(id=id_, copy_id=copy_id, shard_id=shard_id, finding=new, seen_at=at)
        self._open.setdefault((copy_id, shard_id), {})[id_] = standing

    def _execute(self, statement: str, rows: list[tuple[Value, ...]]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement, rows)

    def write_counts(self) -> None:
        """Counts the open findings of the copies that were changed. A file counts once, however many shards it has."""
        count_findings(self._connection, self.changed)


def _open_findings(connection: Connection, wanted: Iterable[tuple[int, int]]) -> Iterable[Standing]:
    for id_, copy_id, shard_id, code, path, parameters, seen_at in connection.execute(_OPEN, as_pairs(wanted)):
        if id_ is None:
            continue
        found = Finding(code=Code(code), path=path or None, parameters=json.loads(parameters))
        yield Standing(id=id_, copy_id=copy_id, shard_id=shard_id, finding=found, seen_at=seen_at)


def _parameters(found: Finding) -> str:
    return canonical(found.parameters).decode("utf-8")
