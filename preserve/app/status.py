"""The view of packages and replicas at a glance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from checks.evidence import Evidence
from checks.names import show
from checks.ports import NotFoundError, StoreError
from checks.situation import ReplicaState
from checks.verdicts import Verdict
from config import FolderAddress, S3Address, SftpAddress
from preserve.app.audit_views import audit_view
from preserve.app.health import health, verdict_counts
from preserve.app.lines import finding_line
from preserve.app.protections import protections
from preserve.app.workspace import Workspace
from preserve.catalog.rows import CopyRow, PackageRow
from preserve.stores.port import ReplicaStore
from reports.rows import CellState, CopyCell, PackageLine, ReplicaLine, StatusView

FINDINGS_SHOWN = 100
_BACKUP_AGE = timedelta(days=7)
_KINDS = {FolderAddress: "folder", S3Address: "s3", SftpAddress: "sftp"}


def status_view(workspace: Workspace, *, limit: int) -> StatusView:
    """Looks at every replica's identity now; all else is what the catalog has recorded."""
    catalog, now = workspace.catalog, workspace.clock()
    known = health(workspace).view
    counts, _ = verdict_counts(workspace)
    replicas = [_replica_line(workspace, state) for state in known.situation.replicas]
    stores = workspace.stores_there()
    findings = catalog.findings()
    last = catalog.audits(1)
    page = catalog.status_page(limit)
    of_page = [copy.id for _, copies in page for copy in copies]
    evidence = catalog.evidence_of(of_page)
    page = _with_doubt(page, catalog.undecided(of_page))
    return StatusView(
        generated_at=now,
        packages=tuple(
            _package_line(workspace, package, copies, replicas, evidence, stores) for package, copies in page
        ),
        total_packages=sum(counts.values()),
        verdict_counts=counts,
        replicas=tuple(replicas),
        max_age=workspace.promise.max_age,
        files_lost=known.situation.lost_files,
        one_copy=_with_one_copy(workspace),
        last_audit=audit_view(workspace, last[0], findings=False) if last else None,
        findings=tuple(finding_line(row) for row in findings[:FINDINGS_SHOWN]),
        total_findings=len(findings),
        warnings=(*_backup_warnings(workspace), *_frozen_warnings(workspace)),
        concerns=known.concerns,
    )


def _with_one_copy(workspace: Workspace) -> int:
    """Where nobody said how many copies there should be, one is told of; it changes no verdict."""
    settings = workspace.settings
    if any(settings.minimum_copies(name) for name in ("", *settings.collections)):
        return 0
    return workspace.catalog.status_counts(2).packages.get(Verdict.UNDER_REPLICATED, 0)


def replicas_view(workspace: Workspace) -> StatusView:
    """The replicas alone, with what their providers say of older versions; those that are away are not asked."""
    view = status_view(workspace, limit=0)
    found = protections(workspace, {line.name: line.available for line in view.replicas})
    return replace(view, replicas=tuple(replace(line, protection=found.get(line.name)) for line in view.replicas))


def _with_doubt(
    page: Sequence[tuple[PackageRow, list[CopyRow]]], undecided: Mapping[int, int]
) -> list[tuple[PackageRow, list[CopyRow]]]:
    """A check may end without an answer and without a finding: that is no reason to show the copy as good."""
    return [
        (package, [replace(one, undetermined=max(one.undetermined, undecided.get(one.id, 0))) for one in copies])
        for package, copies in page
    ]


def _backup_warnings(workspace: Workspace) -> Iterator[str]:
    """Nobody thinks of it until it is needed."""
    last = workspace.catalog.last_backed_up()
    if last is None and workspace.catalog.copies():
        yield "the catalog was never backed up to a replica: preserve catalog backup"
    elif last is not None and last.journal_grew and workspace.clock() - last.at > _BACKUP_AGE:
        days = (workspace.clock() - last.at).days
        yield f"the catalog was last backed up {days} days ago: preserve catalog backup"


def _frozen_warnings(workspace: Workspace) -> Iterator[str]:
    frozen = workspace.catalog.frozen(workspace.mass_change)
    for replica in dict.fromkeys(one.copy.replica for one in frozen):
        here = [one for one in frozen if one.copy.replica == replica]
        where = here[0].copy.package if len(here) == 1 else f"{len(here):,} packages"
        yield (
            f"{replica} is frozen: {sum(one.changed for one in here):,} of {sum(one.files for one in here):,} files of "
            f"{where} are not as they were taken in; nothing is repaired or replicated there "
            "(preserve repair tells more)"
        )


def _replica_line(workspace: Workspace, state: ReplicaState) -> ReplicaLine:
    configured = workspace.settings.replicas.get(state.name)
    return ReplicaLine(
        name=state.name,
        url=configured.url if configured else "",
        where=configured.address.where if configured else "",
        kind=_KINDS[type(configured.address)] if configured else "",
        medium=configured.medium if configured else None,
        site=configured.site if configured else None,
        offline=state.offline,
        available=state.there,
        why_not=state.why_not,
        oldest_read_at=state.oldest_read_at,
        overdue_shards=state.overdue_shards,
        bringing=state.bringing if state.offline and state.there is False else None,
        found_at=state.found_at,
    )


def _package_line(
    workspace: Workspace,
    package: PackageRow,
    copies: Sequence[CopyRow],
    replicas: Sequence[ReplicaLine],
    evidence: Mapping[int, Evidence],
    stores: Mapping[int, ReplicaStore],
) -> PackageLine:
    gone = [copy for copy in copies if copy.current and copy.replica_id in stores and _gone(stores, copy)]
    current = {copy.replica: copy for copy in copies if copy.current}
    minimum = workspace.settings.minimum_copies(package.collection) or 1
    too_few = package.verdict is Verdict.INTACT and len(current) < minimum
    older = sorted({copy.replica for copy in copies if not copy.current} - current.keys())
    return PackageLine(
        identifier=package.identifier,
        collection=package.collection,
        verdict=Verdict.UNDER_REPLICATED if too_few else package.verdict,
        files=package.files,
        size_bytes=package.size_bytes,
        copies=tuple(
            _cell(
                line,
                current.get(line.name),
                package,
                evidence,
                gone=line.name in {copy.replica for copy in gone},
                max_age=workspace.settings.promise(package.collection, line.name).max_age,
            )
            for line in replicas
        ),
        source="" if package.source is None else show(package.source),
        note="; ".join(
            [f"its folder is gone at {copy.replica}: audit it" for copy in gone]
            + ([f"only an older version at {', '.join(older)}"] if older else [])
        ),
    )


def _gone(stores: Mapping[int, ReplicaStore], copy: CopyRow) -> bool:
    """A look, no reading: what was read in time may have been deleted since."""
    try:
        stores[copy.replica_id].stat(copy.location)
    except NotFoundError:
        return True
    except StoreError:
        return False
    return False


def _cell(
    replica: ReplicaLine,
    copy: CopyRow | None,
    package: PackageRow,
    evidence: Mapping[int, Evidence],
    *,
    gone: bool,
    max_age: timedelta,
) -> CopyCell:
    if copy is None:
        return CopyCell(replica=replica.name, state=CellState.NO_COPY)
    return CopyCell(
        replica=replica.name,
        state=CellState.GOOD if replica.available else CellState.ABSENT,
        oldest_read_at=copy.oldest_read_at,
        evidence=evidence[copy.id].label if copy.id in evidence else None,
        damage=copy.damage,
        undetermined=max(copy.undetermined, int(gone and not copy.damage)),
        warnings=copy.warnings,
        files=package.files,
        location=copy.location,
        max_age=max_age,
    )
