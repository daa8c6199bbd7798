"""Findings as the catalog keeps them, and the verdicts of the files that have some."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from checks.evidence import Outcome
from checks.findings import MEANINGS, Code, Finding, Severity
from checks.verdicts import FileVerdict
from preserve.catalog.bulk import among
from preserve.catalog.database import Database
from preserve.catalog.rows import FindingRow
from preserve.catalog.schema import copy, finding, inventory, package, replica
from preserve.catalog.verdicts import file_verdicts

_KEPT = (
    *(finding.c.code, finding.c.path, finding.c.parameters),
    *(finding.c.id, finding.c.copy_id, finding.c.opened_at, finding.c.seen_at, finding.c.closed_at),
    *(copy.c.package_id, package.c.identifier.label("package"), replica.c.name.label("replica")),
    *(inventory.c.version, (copy.c.inventory_id == package.c.inventory_id).label("current")),
)
_NAMES = tuple(column.name for column in _KEPT[3:])


class Findings(Database):
    """Reading findings and verdicts."""

    def findings(
        self,
        package_ids: Sequence[int] | None = None,
        replica_ids: Sequence[int] | None = None,
        open_only: bool = True,
        since: datetime | None = None,
    ) -> list[FindingRow]:
        """Findings on copies in use, by package, replica and path.

        A file in several shards has one open error, whichever of them saw it. `since` keeps what was seen or closed
        at that time or later.
        """
        query = _query().order_by(package.c.identifier, replica.c.name, finding.c.path, finding.c.id)
        if package_ids is not None:
            query = query.where(among(copy.c.package_id, package_ids))
        if replica_ids is not None:
            query = query.where(among(copy.c.replica_id, replica_ids))
        if open_only:
            query = query.where(finding.c.closed_at.is_(None))
        if since is not None:
            query = query.where((finding.c.seen_at >= since) | (finding.c.closed_at >= since))
        with self.reading() as connection:
            return _one_for_each_file(_row(*row) for row in connection.execute(query))

    def newest_findings(self, outcome: Outcome, replica_name: str | None, limit: int) -> list[FindingRow]:
        """Up to `limit` open findings of that outcome, on one replica or on all, the newest first."""
        codes = [code.value for code, meaning in MEANINGS.items() if meaning.outcome is outcome]
        query = (
            _query()
            .where(finding.c.closed_at.is_(None), finding.c.code.in_(codes))
            .order_by(finding.c.id.desc())
            .limit(limit)
        )
        if replica_name is not None:
            query = query.where(replica.c.name == replica_name)
        with self.reading() as connection:
            return _one_for_each_file(_row(*row) for row in connection.execute(query))

    def file_verdicts(self, package_id: int) -> list[FileVerdict]:
        """The files of a package's current version that have open findings on any copy, in order of path.

        A package whose list is empty has the verdict of its copies.
        """
        with self.reading() as connection:
            return file_verdicts(connection, package_id)


def _query() -> Select[Any]:
    """Of copies on replicas that are in use."""
    return (
        select(*_KEPT)
        .join_from(finding, copy, copy.c.id == finding.c.copy_id)
        .join(package, package.c.id == copy.c.package_id)
        .join(replica, replica.c.id == copy.c.replica_id)
        .join(inventory, inventory.c.id == copy.c.inventory_id)
        .where(replica.c.removed_at.is_(None))
    )


def _row(code: str, path: bytes, parameters: str, *kept: Any) -> FindingRow:
    found = Finding(code=Code(code), path=path or None, parameters=json.loads(parameters))
    return FindingRow(finding=found, **dict(zip(_NAMES, kept, strict=True)))


def _one_for_each_file(rows: Iterable[FindingRow]) -> list[FindingRow]:
    """Joins the open errors of one file on one copy, damage before doubt."""
    joined: dict[tuple[object, ...], FindingRow] = {}
    for row in rows:
        path = row.finding.path
        if row.closed_at is not None or path is None:
            joined[row.id,] = row
            continue
        kind = "error" if row.finding.severity is Severity.ERROR else row.code.value
        key = (row.copy_id, path, kind)
        joined[key] = _join(joined[key], row) if key in joined else row
    return list(joined.values())


def _join(one: FindingRow, other: FindingRow) -> FindingRow:
    damage = Outcome.FAIL
    first = other if other.finding.meaning.outcome is damage is not one.finding.meaning.outcome else one
    opened, seen = min(one.opened_at, other.opened_at), max(one.seen_at, other.seen_at)
    return replace(first, opened_at=opened, seen_at=seen)
