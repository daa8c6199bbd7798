"""Catalog rows as the reports take them."""

from collections.abc import Mapping

from checks.findings import Code, Finding
from checks.names import show
from preserve.catalog.rows import FindingRow
from reports.rows import FindingLine


def finding_line(row: FindingRow) -> FindingLine:
    return line_of(row.finding, row.package, row.replica, row)


def line_of(finding: Finding, package: str | None, replica: str | None, row: FindingRow | None = None) -> FindingLine:
    """A finding as it is shown."""
    return FindingLine(
        code=finding.code.value,
        severity=finding.severity,
        message=finding.message,
        package=package,
        replica=replica,
        path=finding.path,
        expected=_mapping(finding.parameters.get("expected")),
        observed=_mapping(finding.parameters.get("observed")),
        opened_at=None if row is None else row.opened_at,
        seen_at=None if row is None else row.seen_at,
    )


def _mapping(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, Mapping) else None


def why_unavailable(finding: Finding) -> str:
    """Why a replica was not there, out of the finding that says so; empty for any other."""
    return show(str(finding.parameters.get("cause", "")).encode()) if finding.code is Code.REPLICA_UNAVAILABLE else ""
