"""What was done to copies, recorded in one transaction with the checks that prove it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from checks.findings import Code
from checks.names import path_fields, path_from_fields
from preserve.catalog.asking import REPAIRED, want_repaired
from preserve.catalog.committing import Committing
from preserve.catalog.database import Database
from preserve.catalog.journal import Chain
from preserve.catalog.moments import micros
from preserve.catalog.places import ended_copies, places_of
from preserve.catalog.rows import CheckResult
from preserve.catalog.schema import finding
from preserve.catalog.states import count_findings
from preserve.catalog.verdicts import renew_verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that was done to one copy.

    Attributes:
        kind: of the journal's link, such as `file-repaired`; `preserve.provenance.events` tells what PREMIS calls it.
        body: what the journal keeps besides package, version and replica; fit for JSON.
        settles: open findings of the copy that the act itself puts an end to, as (code, path). Damage of files that
            were taken in is never among them: only a check that read the bytes closes that.
    """

    kind: str
    copy_id: int
    body: Mapping[str, object]
    settles: Sequence[tuple[Code, bytes]] = field(default=())


class Acts(Database):
    """Recording acts."""

    def record_acts(self, acts: Sequence[Act], results: Sequence[CheckResult], at: datetime) -> list[int]:
        """Records acts, then the checks that were made of them, in one transaction; the acts' numbers.

        What was done was done, whatever became of the copy; checks of one that is looked after no longer do not count.

        ValueError for a result that cannot be (see `commit_checks`), or an act that would settle damage.
        """
        for act in acts:
            if any(code is not Code.UNTRACKED for code, _ in act.settles):
                raise ValueError("an act cannot put an end to damage; a check does")
        with self.writing() as connection:
            numbers = _append(connection, acts, at)
            ended = ended_copies(connection, {result.copy_id for result in results})
            in_care = [result for result in results if result.copy_id not in ended]
            if in_care:
                committing = Committing(connection, in_care)
                for result in in_care:
                    committing.commit(result, None)
                committing.write()
            return numbers


def _append(connection: Connection, acts: Sequence[Act], at: datetime) -> list[int]:
    places = places_of(connection, {act.copy_id for act in acts})
    chain, numbers, settled = Chain(connection), [], set()
    for act in acts:
        place = places[act.copy_id]
        body = {**act.body, **place.named()}
        if act.settles:
            body["closed"] = [{"code": code.value, **path_fields(path)} for code, path in act.settles]
        numbers.append(chain.add(act.kind, at, body, package_id=place.package_id))
        if _close(connection, act, numbers[-1], at):
            settled.add(act.copy_id)
        path = path_from_fields(act.body) if act.kind == REPAIRED else None
        if path:
            want_repaired(connection, act.copy_id, place.inventory_id, path, at)
    chain.write()
    count_findings(connection, settled)
    renew_verdicts(connection, {places[copy_id].package_id for copy_id in settled})
    return numbers


def _close(connection: Connection, act: Act, number: int, at: datetime) -> bool:
    """Closes what the act settles; whether there was anything."""
    closed: list[tuple[int, int, int]] = []
    for code, path in act.settles:
        standing = select(finding.c.id).where(
            finding.c.copy_id == act.copy_id,
            finding.c.path == path,
            finding.c.code == code.value,
            finding.c.closed_at.is_(None),
        )
        closed += [(number, micros(at), id_) for id_ in connection.execute(standing).scalars()]
    close_findings(connection, closed)
    return bool(closed)


def close_findings(connection: Connection, closed: Iterable[tuple[int, int, int]]) -> None:
    """Closes findings: (number of the link that did it, microseconds, finding's id)."""
    rows = list(closed)
    if rows:
        connection.exec_driver_sql("UPDATE finding SET closed_check = ?, closed_at = ? WHERE id = ?", rows)
