"""The times of shards and the summaries of copies, moved by checks within one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from checks.evidence import Evidence, Outcome
from checks.findings import MEANINGS, Severity
from preserve.catalog.bulk import as_pairs, matching
from preserve.catalog.moments import micros
from preserve.catalog.rows import CheckResult
from preserve.catalog.schema import shard_state
from preserve.catalog.transitions import answers, is_claimed, reached, wait_after, waits

LEVELS = {
    Evidence.LISTED: shard_state.c.listed_at,
    Evidence.SIZED: shard_state.c.sized_at,
    Evidence.CLAIMED: shard_state.c.claimed_at,
    Evidence.READ: shard_state.c.read_at,
    Evidence.READ_MEDIUM: shard_state.c.read_medium_at,
}

DAMAGE = sorted(code.value for code, meaning in MEANINGS.items() if meaning.outcome is Outcome.FAIL)
UNDETERMINED = sorted(code.value for code, meaning in MEANINGS.items() if meaning.outcome is Outcome.INCONCLUSIVE)
WARNINGS = sorted(code.value for code, meaning in MEANINGS.items() if meaning.severity is Severity.WARNING)

_STATES = select(
    *(shard_state.c.copy_id, shard_state.c.shard_id, *LEVELS.values()),
    *(shard_state.c.outcome, shard_state.c.not_before, shard_state.c.failures),
    *(shard_state.c.wanted, shard_state.c.wanted_at),
).select_from(matching(shard_state))
_UPDATE = (
    "UPDATE shard_state SET listed_at = ?, sized_at = ?, claimed_at = ?, read_at = ?, read_medium_at = ?,"
    " outcome = ?, not_before = ?, failures = ?, wanted = ?, wanted_at = ? WHERE copy_id = ? AND shard_id = ?"
)
_SUMMARY = (
    "UPDATE copy SET (shards_read, oldest_read_at) = ("
    " SELECT count(read_at), CASE WHEN count(*) = count(read_at) THEN min(read_at) END"
    " FROM shard_state WHERE copy_id = copy.id) WHERE id = ?"
)


def _counted(codes: Iterable[str]) -> str:
    listed = ", ".join(f"'{code}'" for code in codes)
    return (
        "(SELECT count(DISTINCT path) FROM finding"
        f" WHERE copy_id = copy.id AND closed_at IS NULL AND code IN ({listed}))"
    )


_COUNTED = (
    f"UPDATE copy SET damage = {_counted(DAMAGE)}, undetermined = {_counted(UNDETERMINED)},"
    f" warnings = {_counted(WARNINGS)} WHERE id = ?"
)


def count_findings(connection: Connection, copy_ids: Iterable[int]) -> None:
    """Counts the open findings of copies again. A file counts once, however many shards it has."""
    rows = [(copy_id,) for copy_id in sorted(set(copy_ids))]
    if rows:
        connection.exec_driver_sql(_COUNTED, rows)


@dataclass(slots=True)
class _State:
    times: list[datetime | None]
    outcome: str | None
    not_before: datetime | None
    failures: int
    wanted: str | None
    wanted_at: datetime | None


class States:
    """The states of the shards that a batch of checks is about.

    A time is always that of the last check in the order of the journal: one that a clock said which was set back since
    does not stay. Programs of revisions before 0003 trusted clocks, and never moved a time back: `clocks_trusted`.
    """

    def __init__(
        self, connection: Connection, wanted: Iterable[tuple[int, int]], *, clocks_trusted: bool = False
    ) -> None:
        self._connection = connection
        self._clocks_trusted = clocks_trusted
        self._changed: set[tuple[int, int]] = set()
        self._states = {
            (copy_id, shard_id): _State(list(rest[:5]), *rest[5:])
            for copy_id, shard_id, *rest in connection.execute(_STATES, as_pairs(wanted))
            if copy_id is not None
        }
        self.first_read: set[int] = set()  # copies with a shard that was never read through before

    def apply(self, result: CheckResult, required: Evidence | None) -> None:
        """Moves the times that a check of a whole shard reached, and sets or clears its wait."""
        if result.paths is not None:
            return  # some paths say nothing of their shard
        key = result.copy_id, result.shard_id
        state = self._states[key]
        level = reached(result)
        if level is not None:
            if level >= Evidence.READ and state.times[Evidence.READ - 1] is None:
                self.first_read.add(result.copy_id)
            for place in range(level):
                before = state.times[place] if self._clocks_trusted else None
                state.times[place] = max(before or result.started_at, result.started_at)
        if state.wanted_at is not None and answers(result, state.wanted_at):
            state.wanted, state.wanted_at = None, None
        if is_claimed(result):
            self._changed.add(key)
            return  # what the last reading came to still stands, and so does its wait
        state.outcome = result.outcome.value
        if waits(result, required):
            state.failures += 1
            state.not_before = result.ended_at + wait_after(state.failures)
        else:
            state.failures, state.not_before = 0, None
        self._changed.add(key)

    def write(self) -> None:
        """Writes the states, and the summaries of their copies."""
        rows = [self._row(key) for key in sorted(self._changed)]
        if rows:
            self._connection.exec_driver_sql(_UPDATE, rows)
            self._connection.exec_driver_sql(_SUMMARY, [(copy_id,) for copy_id in {key[0] for key in self._changed}])

    def _row(self, key: tuple[int, int]) -> tuple[int | str | None, ...]:
        state = self._states[key]
        moments = (*state.times, state.not_before, state.wanted_at)
        *times, not_before, wanted_at = [None if at is None else micros(at) for at in moments]
        return (*times, state.outcome, not_before, state.failures, state.wanted, wanted_at, *key)
