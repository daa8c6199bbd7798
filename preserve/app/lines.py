"""Catalog rows as the reports take them."""

from collections.abc import Mapping

from checks.findings import Code, Finding
from checks.names import show
from preserve.app.bag_views import validation_view
from preserve.catalog.rows import FindingRow
from preserve.ingest.intake import Taken
from preserve.replicate.service import Placed
from reports.holdings import PlacedLine, TakenLine
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
        version=None if row is None or row.current else row.version,
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


def taken_line(taken: Taken) -> TakenLine:
    package = taken.package
    view = validation_view(taken.bag, taken.validation)
    if package is None:
        return TakenLine(bag=view)
    return TakenLine(
        bag=view,
        identifier=package.identifier,
        version=package.version,
        files=package.files,
        size_bytes=package.size_bytes,
        root=package.root.hex(),
        already=taken.already,
    )


def placed_line(placed: Placed) -> PlacedLine:
    return PlacedLine(
        package=placed.package,
        replica=placed.replica,
        outcome=placed.outcome,
        location=b"" if placed.copy is None else placed.copy.location,
        evidence="" if placed.evidence is None else placed.evidence.label,
        already=placed.already,
        problem=placed.problem,
        remedy=placed.remedy,
        findings=tuple(line_of(finding, placed.package, placed.replica) for finding in placed.findings),
    )
