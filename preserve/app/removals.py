"""Ending the care for a package, and deleting its copies."""

import json
import os

from checks.ports import StoreError
from config import Replica
from preserve.app.workspace import Workspace, operator
from preserve.catalog.rows import CopyRow, PackageRow
from preserve.errors import UndeterminedError, UsageError
from preserve.progress import Progress
from preserve.repair.deleting import Deleter
from reports.removals import RemovalView, RemovedLine


def package_to_remove(workspace: Workspace, identifier: str, *, deleting: bool) -> PackageRow:
    """The package of that identifier; one that was removed already only if its copies are to be deleted.

    Raises:
        UsageError: there is none.
    """
    package = workspace.catalog.package_named(identifier, include_removed=True)
    if package is None or (package.removed_at is not None and not deleting):
        (package,) = workspace.packages((identifier,))  # says what is wrong with it
    return package


def copies_of(workspace: Workspace, package: PackageRow) -> list[CopyRow]:
    """Its copies that were not deleted, of every version."""
    if package.removed_at is None:
        return workspace.catalog.copies([package.id])
    return workspace.catalog.copies_left(package.id)


def remove(
    workspace: Workspace, package: PackageRow, reason: str | None, *, deleting: bool, progress: Progress
) -> RemovalView:
    """Ends the care for a package, if that was not done yet; then deletes what is left of its copies, if so asked.

    Args:
        reason: why; may be None for a package that was removed already.
    """
    if package.removed_at is None:
        facts = {"reason": reason or "", "by": operator(), "delete_copies": deleting}
        workspace.catalog.remove_package(package.id, facts, workspace.clock())
    copies = workspace.catalog.copies_left(package.id)
    lines = [] if deleting else [_standing(workspace, copy) for copy in copies]
    if deleting:
        lines = _delete(workspace, package, copies, reason or _reason_given(workspace, package), progress)
    set_aside, unclear = _set_aside(workspace, package)
    return RemovalView(
        package=package.identifier,
        already=package.removed_at is not None,
        deleting=deleting,
        copies=tuple(lines),
        set_aside=tuple(set_aside),
        unclear=tuple(unclear),
    )


def _delete(
    workspace: Workspace, package: PackageRow, copies: list[CopyRow], reason: str, progress: Progress
) -> list[RemovedLine]:
    identities = {replica.id: str(replica.uuid) for replica in workspace.catalog.replicas()}
    deleter = Deleter(workspace.catalog, workspace.stores(), identities, workspace.clock, progress)
    return [
        RemovedLine(
            replica=each.copy.replica,
            place=_place(workspace, each.copy),
            version=each.copy.version,
            deleted=each.deleted,
            was_gone=each.was_gone,
            problem=each.problem,
            remedy=each.remedy,
        )
        for each in deleter.delete(package.uuid, copies, {"reason": reason, "by": operator()})
    ]


def _standing(workspace: Workspace, copy: CopyRow) -> RemovedLine:
    return RemovedLine(replica=copy.replica, place=_place(workspace, copy), version=copy.version)


def _place(workspace: Workspace, copy: CopyRow) -> bytes:
    """Where it lies: the whole path where the settings tell it."""
    configured = workspace.settings.replicas.get(copy.replica)
    return copy.location if configured is None else _below(configured, copy.location)


def _below(configured: Replica, path: bytes) -> bytes:
    if configured.folder is not None:
        return os.path.join(configured.folder, path)
    return os.fsencode(configured.address.where.rstrip("/")) + b"/" + path


def _reason_given(workspace: Workspace, package: PackageRow) -> str:
    """Why the package was removed, as its journal has it."""
    for link in workspace.catalog.journal_of(package.id, "package-removed"):
        return str(json.loads(link.body).get("reason", ""))
    return ""


def _set_aside(workspace: Workspace, package: PackageRow) -> tuple[list[bytes], list[bytes]]:
    """Entries of quarantines that hold files of this package; and those that may, as they cannot be understood."""
    names = {replica.id: replica.name for replica in workspace.catalog.replicas()}
    known, unclear = list[bytes](), list[bytes]()
    for replica_id, store in workspace.stores().items():
        try:
            for entry in store.quarantine().entries():
                document = entry.document()
                place = _below(workspace.settings.replicas[names[replica_id]], entry.location)
                if document is not None and document.get("package") == package.identifier:
                    known.append(place)
                elif document is None and store.names_in(entry.location):  # some servers keep folders of nothing
                    unclear.append(place)
        except (OSError, StoreError, UndeterminedError):
            continue  # the replica is away: nothing to tell
    return known, unclear


def refuse_without_reason(package: PackageRow, reason: str | None) -> None:
    """UsageError if a package is to be removed and nobody says why."""
    if package.removed_at is None and not (reason or "").strip():
        raise UsageError(
            "a package is removed for a reason", remedy="Say why with --reason TEXT; the journal keeps it."
        )
