"""The care for the catalog itself: backups on the replicas, and making it again from them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial

from checks.digesting import Digester, Wanted
from preserve import __version__
from preserve.app.absences import leave_of
from preserve.app.remembered_heads import remembered
from preserve.app.workspace import Presence, Workspace, presence
from preserve.catalog.backing import BACKED_UP, Snapshot, clear_away, take_snapshot
from preserve.catalog.integrity import refuse_changed
from preserve.catalog.rows import Head, ReplicaRow
from preserve.errors import CatalogError, UndeterminedError, UsageError
from preserve.stores.backups import Described
from preserve.stores.locking import locked
from preserve.stores.port import Backups, ReplicaStore
from reports.catalog_care import BackupLine, BackupView

_SOON_ENOUGH = timedelta(hours=20)  # a day's backup is due a little before the day is over


def back_up(workspace: Workspace) -> BackupView:
    """Places a verified copy of the catalog on every replica that is there, and takes the oldest away after that.

    Raises:
        UsageError: there is no replica, or another process is at it.
        CatalogError: the catalog is damaged; nothing was placed, and no older backup went.
    """
    stores, replicas = workspace.stores(), workspace.replicas()
    if not replicas:
        raise UsageError("there is no replica", remedy="Add one with `preserve replica add NAME PATH`.")
    seen = [(replica, presence(stores.get(replica.id), replica)) for replica in replicas]
    if not any(found.there for _, found in seen):
        return BackupView(lines=[_away(workspace, *each) for each in seen])
    with _snapshot(workspace) as snapshot:
        lines = [
            _placed(workspace, replica, stores[replica.id], snapshot)
            if found.there
            else _away(workspace, replica, found)
            for replica, found in seen
        ]
    return BackupView(lines=lines, head=snapshot.number, head_hash=snapshot.hash.hex(), size_bytes=snapshot.size_bytes)


def backup_is_due(workspace: Workspace) -> bool:
    """Whether the last backup is older than most of a day and something was recorded since."""
    last = workspace.catalog.last_backed_up()
    if last is None:
        return bool(workspace.replicas())
    # A time that lies ahead tells of a clock that was set back: then one is made, rather than waited for.
    age = workspace.clock() - last.at
    return last.journal_grew and not timedelta(0) <= age < _SOON_ENOUGH


def heads(workspace: Workspace) -> list[Head]:
    """The heads of this catalog's journal that the replicas remember: of its backups, and of each run's end."""
    uuid, stores, found = workspace.catalog.uuid(), workspace.stores(), remembered(workspace).heads
    for replica in workspace.replicas():
        if presence(store := stores.get(replica.id), replica).there and store is not None:
            found += [
                Head(number=one.number, hash=one.hash, at=one.made_at, where=f"{replica.name}: {one.name.decode()}")
                for one in _standing(store.backups(uuid))
            ]
    return found


def misfits(workspace: Workspace) -> list[str]:
    """What lies among the backups of this catalog and is none: nothing can be asked of it, and nobody takes it away."""
    uuid, stores, told = workspace.catalog.uuid(), workspace.stores(), list[str]()
    for replica in workspace.replicas():
        if presence(store := stores.get(replica.id), replica).there and store is not None:
            told += [f"{replica.name}: {name.decode()}" for name in sorted(store.backups(uuid).misfits())]
    return told


def missing_backups(workspace: Workspace) -> list[str]:
    """Replicas that are there, and have none of the last backups that the journal says were placed on them.

    A backup of a later head counts too: a catalog that was made again does not know the backup that it came from.
    """
    uuid, stores, told = workspace.catalog.uuid(), workspace.stores(), list[str]()
    for replica in workspace.replicas():
        store = stores.get(replica.id)
        placed = workspace.catalog.placed_backups(replica.uuid)[-max(1, workspace.settings.catalog.keep_backups) :]
        if not placed or store is None or not presence(store, replica).there:
            continue
        known, last = {(one.file, one.sha256) for one in placed}, placed[-1]
        standing = _standing(store.backups(uuid))
        if not any((one.name, one.sha256) in known or one.number > last.head for one in standing):
            told.append(f"{replica.name}: {last.file.decode()} was placed there last, and neither it nor one before is")
    return told


def _standing(backups: Backups) -> list[Described]:
    without = backups.misfits()
    return [one for one in backups.kept() if one.name not in without]


@contextmanager
def _snapshot(workspace: Workspace) -> Iterator[Snapshot]:
    """A verified copy beside the catalog, for as long as it takes to place it."""
    folder, name = os.path.split(os.path.abspath(workspace.catalog.path))
    staged = os.path.join(folder, b".%s.backup" % name)
    busy, remedy = "another `preserve` is backing the catalog up", "Let it end, then run the command again."
    with locked(staged + b".lock", busy=busy, remedy=remedy):
        try:
            snapshot = take_snapshot(workspace.catalog.path, staged)
            _refuse_changed(staged)
            yield snapshot
        finally:
            clear_away(staged)


def _refuse_changed(staged: bytes) -> None:
    """A catalog that somebody changed must not push the good backups out."""
    try:
        refuse_changed(staged)
    except CatalogError as error:
        raise CatalogError(
            f"no backup was made of this catalog: {error.message}",
            remedy="See `preserve catalog check`, and docs/disaster.md. The older backups stay.",
        ) from error


def _placed(workspace: Workspace, replica: ReplicaRow, store: ReplicaStore, snapshot: Snapshot) -> BackupLine:
    """Places, records, and only then prunes; what goes wrong on one replica does not stop the others."""
    backup = Described(
        catalog=snapshot.catalog,
        made_at=workspace.clock(),
        number=snapshot.number,
        hash=snapshot.hash,
        sha256=snapshot.sha256,
        size_bytes=snapshot.size_bytes,
        revision=snapshot.revision,
        program=__version__,
    )
    backups = store.backups(snapshot.catalog)
    try:
        _take_up(workspace, replica, backups)
        taken = {one.stem for one in backups.kept()} | {os.path.splitext(name)[0] for name in backups.misfits()}
        while backup.stem in taken:  # a run killed in this very second placed one, and did not come to record it
            backup = replace(backup, made_at=backup.made_at + timedelta(seconds=1))
        backups.place(snapshot.path, backup)
    except UndeterminedError as error:
        return BackupLine(replica=replica.name, problem=error.message, remedy=error.remedy)
    _record(workspace, replica, backup)
    try:
        placed = [(one.file, one.sha256) for one in workspace.catalog.placed_backups(replica.uuid)]
        pruned = backups.prune(workspace.settings.catalog.keep_backups, backup, placed)
    except UndeterminedError as error:
        return BackupLine(replica=replica.name, name=backup.name, problem=f"older ones stay: {error.message}")
    return BackupLine(replica=replica.name, name=backup.name, pruned=pruned)


def _record(workspace: Workspace, replica: ReplicaRow, backup: Described, *, interrupted: bool = False) -> None:
    body: dict[str, object] = {
        "replica": str(replica.uuid),
        "file": backup.name.decode(),
        "sha256": backup.sha256.hex(),
        "head": backup.number,
    }
    body |= {"interrupted": True} if interrupted else {}
    workspace.catalog.record_of_itself(BACKED_UP, body, workspace.clock())


def _take_up(workspace: Workspace, replica: ReplicaRow, backups: Backups) -> None:
    """Records what a killed run placed and could not record, so that it is counted, and goes when it is old.

    Only what is no older than the last that was recorded, whole, and of this journal: all else may be planted.
    """
    placed = workspace.catalog.placed_backups(replica.uuid)
    known = {(one.file, one.sha256) for one in placed}
    last = max((one.head for one in placed), default=0)
    for one in reversed(_standing(backups)):
        if (one.name, one.sha256) in known or one.number < last or one.made_at > workspace.clock():
            continue
        link = next(iter(workspace.catalog.journal(after=one.number - 1)), None)
        if link is not None and link.hash == one.hash and _holds(backups, one):
            _record(workspace, replica, one, interrupted=True)


def _holds(backups: Backups, one: Described) -> bool:
    wanted = Wanted(path=one.name, open=partial(backups.open, one), expected_bytes=one.size_bytes)
    reading = Digester(("sha256",)).read(wanted)
    return reading.sound and reading.digests["sha256"] == one.sha256


def _away(workspace: Workspace, replica: ReplicaRow, found: Presence) -> BackupLine:
    leave = leave_of(workspace, replica, found)
    return BackupLine(
        replica=replica.name,
        away=True,
        offline=leave.offline,
        late_since=leave.late_since,
        problem=f"it is not there ({found.why_not})",
    )
