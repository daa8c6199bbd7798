"""`catalog check`: the catalog against its journal, the heads on the replicas, and the manifests of the bags there."""

from collections.abc import Iterator, Mapping

from checks.inventory import Entry, segment_count
from checks.names import show
from checks.ports import StoreError
from preserve.app.absences import absent, leave_of
from preserve.app.catalog_care import heads, misfits, missing_backups
from preserve.app.remembered_heads import remembered
from preserve.app.workspace import Presence, Workspace
from preserve.bag.validating.agreement import Compared, Disagreement, Way, disagreements
from preserve.catalog.rows import CopyRow, ReplicaRow
from preserve.errors import UnreadableError
from preserve.progress import Progress
from preserve.stores.port import ReplicaStore
from reports.catalog_check import AbsentLine, BagLine, CheckView, FaultLine

_MOST = 10_000  # disagreements kept of one bag
_SAID = {
    Way.DIGEST: "the manifest has another digest",
    Way.NOT_LISTED: "no payload manifest lists it",
    Way.NOT_EXPECTED: "a manifest lists it, and the catalog does not expect it",
    Way.UNREADABLE: "a manifest cannot be read",
}


def check_catalog(workspace: Workspace, progress: Progress, *, bags: bool = True) -> CheckView:
    """Computes everything again and compares; nothing is changed.

    Args:
        bags: whether the manifests of the copies are asked too.
    """
    away = absent(workspace)
    seen = heads(workspace)
    number, last = workspace.catalog.head()
    faults = [
        FaultLine(
            where=fault.where, number=fault.number, message=fault.message, expected=fault.expected, found=fault.found
        )
        for fault in workspace.catalog.check(seen, progress)
    ]
    compared, lines, not_compared, done = Compared(), list[BagLine](), list[str](), 0
    stores = workspace.stores_there()
    for copies in _versions(workspace) if bags else ():
        answered = _ask(workspace, stores, copies, compared)
        if answered is None:
            not_compared.append(f"{copies[0].package} (version {copies[0].version})")
        else:
            lines += answered
            done += 1
        progress.advance(files=1)
    doubts, missing, odd = remembered(workspace).doubts, missing_backups(workspace), misfits(workspace)
    away = absent(workspace) | away  # whoever went meanwhile may not have been asked
    return CheckView(
        catalog=show(workspace.catalog.path),
        links=number,
        head=last.hex(),
        heads=list(dict.fromkeys(head.where for head in seen)),
        heads_doubted=doubts,
        backups_missing=missing,
        misfits=odd,
        replicas=len(workspace.replicas()),
        not_asked=[_absent_line(workspace, *each) for each in away.values()],
        faults=faults,
        bags=lines,
        bags_asked=bags,
        bags_compared=done,
        bags_not_there=not_compared,
        files=compared.files,
        files_by_digest=compared.by_digest,
    )


def _absent_line(workspace: Workspace, replica: ReplicaRow, found: Presence) -> AbsentLine:
    leave = leave_of(workspace, replica, found)
    return AbsentLine(replica=replica.name, why=found.why_not, offline=leave.offline, late_since=leave.late_since)


def _versions(workspace: Workspace) -> Iterator[list[CopyRow]]:
    """The copies of each version, the least damaged first."""
    of_version: dict[int, list[CopyRow]] = {}
    for copy in workspace.catalog.copies():
        of_version.setdefault(copy.inventory_id, []).append(copy)
    for copies in of_version.values():
        yield sorted(copies, key=lambda copy: (copy.damage, copy.undetermined))


def _ask(
    workspace: Workspace, stores: Mapping[int, ReplicaStore], copies: list[CopyRow], compared: Compared
) -> list[BagLine] | None:
    """What the copies' manifests say against the catalog; None if none of them could be asked.

    One copy that agrees is enough: manifests that were changed elsewhere are a matter for the audit.
    """
    fewest = None
    for copy in copies:
        store = stores.get(copy.replica_id)
        if store is None:
            continue
        counted = Compared()
        told = _disagreements(workspace, store, copy, counted)
        if told is None:
            continue
        if fewest is None or len(told) < len(fewest[0]):
            fewest = told, copy, counted
        if not told:
            break
    if fewest is None:
        return None
    told, copy, counted = fewest
    compared.files += counted.files
    compared.by_digest += counted.by_digest
    return [_line(copy, one) for one in told]


def _disagreements(
    workspace: Workspace, store: ReplicaStore, copy: CopyRow, counted: Compared
) -> list[Disagreement] | None:
    try:
        store.stat(copy.location)
        found = disagreements(store, copy.location, _entries(workspace, copy.inventory_id), counted)
        told = [one for one, _ in zip(found, range(_MOST), strict=False)]
    except (StoreError, UnreadableError):  # a record that cannot be read is among the faults already
        return None
    return None if any(one.way is Way.UNREADABLE for one in told) and not counted.by_digest else told


def _entries(workspace: Workspace, inventory_id: int) -> Iterator[Entry]:
    yield from workspace.catalog.large_files(inventory_id)
    for shard in workspace.catalog.shards(inventory_id):
        for path, segment, size, digest in workspace.catalog.record_as_stored(shard.id).entries():
            if segment == 0 and segment_count(size) == 1:
                yield Entry(path, size, digest)


def _line(copy: CopyRow, one: Disagreement) -> BagLine:
    said = _SAID[one.way]
    said += f" ({show(one.manifest)}{'' if one.line is None else f', line {one.line}'})" if one.manifest else ""
    return BagLine(
        package=copy.package,
        version=copy.version,
        replica=copy.replica,
        path=one.path,
        message=f"{said}: {one.why}" if one.why else said,
        expected=one.expected,
        found=one.listed,
    )
