"""`preserve audit --here`: a disk read by itself, with no settings and no catalog but the backup that lies on it.

Nothing is written on the disk. What the newest backup that holds expects, of each catalog that knows the disk, is read
by the auditor of all other audits, over a copy of that backup in a temporary folder. Bags that none of them knows are
judged by their own manifests.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import config
from checks.canaries import CANARIES
from checks.digesting import Digester
from checks.names import show
from checks.ports import StoreError
from preserve.app import audits
from preserve.app.audit_views import audit_view
from preserve.app.bag_views import validation_view
from preserve.app.known_here import KnownBy, known_here
from preserve.app.reading import NOT_BELIEVED_REMEDY
from preserve.app.replicas import url_of
from preserve.app.workspace import SETTINGS_NAME, Workspace, utc_now
from preserve.audit.planning import Request
from preserve.audit.running import Auditor
from preserve.audit.selftest import self_test
from preserve.audit.standing import Looked, Looking, What, is_in_bin
from preserve.bag.validating.validation import Validator
from preserve.catalog.catalog import Catalog
from preserve.catalog.rows import AuditState, ReplicaRow
from preserve.errors import UndeterminedError, UsageError
from preserve.executors.threads import Threads
from preserve.progress import Progress
from preserve.repair.backup_choice import Chosen
from preserve.repair.found_bags import folders_of_bags
from preserve.stores.identity import IDENTITY_FILE, OURS, Identity, read_identity
from preserve.stores.local import PlainFolder
from preserve.stores.local_replica import LocalReplica
from reports.auditing_here import BackupLine, BagHere, HereView, KnownLine, OtherHere
from reports.rows import AuditView

_NAME = "here"  # where the disk has no name that settings could have
_CATALOG = "catalog.sqlite"
_MOST_BELOW = 10_000  # folders that are looked at for a disk


def audit_here(start: bytes, progress: Progress, clock: Callable[[], datetime] = utc_now) -> HereView:
    """Reads the disk that a folder lies on: all that the backups of catalogs on it expect, and all other bags.

    Raises:
        UsageError: neither this folder nor one above it is a replica's, and not just one within two levels below it.
        UndeterminedError: the auditor's test of itself failed, or the temporary folder is full.
        UnavailableError: the disk's identity cannot be read.
    """
    root = disk_above(start)
    identity = read_identity(root)
    disk = _Disk(root, identity, clock)
    with tempfile.TemporaryDirectory(prefix="preserve-") as folder, Threads(None) as threads:
        progress.stage("testing the auditor")
        note = disk.test()
        progress.stage("reading backups")
        known = known_here(disk.store, identity, os.fsencode(folder))
        by, recorded = list[KnownLine](), set[bytes]()
        for one in known.by:
            audit, locations = disk.audited(one, threads, progress)
            by.append(KnownLine(backup=_backup_line(one.chosen), later=one.later, audit=audit))
            recorded.update(locations)
        looked = disk.looked(recorded, progress)
        bags = tuple(disk.validated(_bags(looked, disk.store, recorded), threads, progress))
        note = disk.test() or note
    return HereView(
        replica=identity.name,
        uuid=identity.uuid,
        where=show(root),
        by=tuple(by),
        did_not_hold=tuple(known.did_not_hold),
        untold=tuple(known.untold),
        notes=tuple(known.notes),
        bags=bags,
        others=tuple(_others(looked, {bag.folder for bag in bags})),
        more_others=looked.more,
        unseen=tuple(f"{show(path)}: {why}" for path, why in looked.problems),
        tested_elsewhere=note,
    )


def disk_above(start: bytes) -> bytes:
    """The root of the replica that a folder is, or lies in; else of the only one within two levels below it."""
    folder = os.path.realpath(start)
    while not os.path.lexists(os.path.join(folder, IDENTITY_FILE)):
        if folder == b"/":
            below = _disks_below(os.path.realpath(start))
            if len(below) == 1:
                return below[0]
            if below:
                raise UsageError(
                    f"several replicas lie below {show(os.path.realpath(start))}",
                    remedy=f"Name one of them: {', '.join(map(show, below))}",
                )
            raise UsageError(
                f"{show(os.path.realpath(start))} is on no replica: no {show(IDENTITY_FILE)} in it, above it or "
                "two levels below it",
                remedy="Go to the disk's own folder, or name it: preserve audit --here FOLDER",
            )
        folder = os.path.dirname(folder)
    return folder


def _disks_below(folder: bytes) -> list[bytes]:
    """Replicas one or two levels below, such as on a disk whose mount point is named; links are not followed."""
    found, level = list[bytes](), [folder]
    for _ in range(2):
        level = [each for above in level for each in _folders_in(above)][:_MOST_BELOW]
        found += [each for each in level if os.path.lexists(os.path.join(each, IDENTITY_FILE))]
    return sorted(found)


def _folders_in(folder: bytes) -> list[bytes]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


class _Disk:
    """One disk, only read."""

    def __init__(self, root: bytes, identity: Identity, clock: Callable[[], datetime]) -> None:
        self._root = root
        self._identity = identity
        self._clock = clock
        self.store = LocalReplica(root)

    def test(self) -> str:
        """The auditor's test of itself with the canaries on the disk; why it was made elsewhere, or nothing."""
        digester, now = Digester(("sha256",)), self._clock()
        result = self_test(self.store, self.store.canaries(), self._identity.uuid, digester, now, write=False)
        why = ""
        if result.untested:
            bare = all(self.store.canaries().look(canary).missing for canary in CANARIES)
            why = "there are no files for testing on it" if bare else result.why
            with tempfile.TemporaryDirectory(prefix="preserve-") as folder:
                plain = PlainFolder(os.fsencode(folder))
                os.mkdir(os.path.join(plain.root, OURS))
                result = self_test(plain, LocalReplica(plain.root).canaries(), PlainFolder.IDENTITY, digester, now)
        if result.away:
            raise UndeterminedError(f"{show(self._root)} went away: {result.away}")
        if not result.passed:
            raise UndeterminedError(f"the auditor's own test failed: {result.why}", remedy=NOT_BELIEVED_REMEDY)
        return why

    def _row(self, catalog: Catalog) -> ReplicaRow | None:
        rows = catalog.replicas(include_removed=True)
        return next((row for row in rows if str(row.uuid) == self._identity.uuid), None)

    def audited(
        self, known: KnownBy, threads: Threads, progress: Progress
    ) -> tuple[AuditView | None, Collection[bytes]]:
        """Reads all copies that one catalog's backup expects here; and where they lie."""
        folder = Path(os.fsdecode(known.chosen.snapshot.path)).parent
        with Workspace(self._settings(folder)) as workspace:
            workspace.clock = self._clock
            catalog = workspace.catalog
            row = self._row(catalog)
            assert row is not None  # `known_here`
            for audit in catalog.running_audits():  # when the backup was made; their leases would keep shards from us
                catalog.end_audit(audit.id, AuditState.STOPPED, self._clock(), reason="died")
            copies = catalog.copies(replica_ids=[row.id])
            if not copies:
                return None, ()
            opened = audits.planner(workspace).open(Request(replicas=(row.name,)), catalog.packages(None), [row])
            audits.announce(audits.remaining_work(workspace, [opened]), progress)
            auditor = Auditor(catalog, {row.id: self.store}, threads, self._clock, progress=progress)
            view = audit_view(workspace, auditor.run(opened))
            scope = f"all that the backup of the catalog {catalog.uuid()} expects on {row.name}"
        # Its number is of no use to anybody: the catalog that has it is gone in a moment.
        return replace(view, id=None, scope=scope), {copy.location for copy in copies}

    def _settings(self, folder: Path) -> config.Settings:
        text = f'[catalog]\npath = "{_CATALOG}"\n'
        text = config.with_replica(text, _NAME, url_of(os.fsdecode(self._root)))
        return config.parse(text, folder / SETTINGS_NAME)

    def looked(self, recorded: Collection[bytes], progress: Progress) -> Looked:
        """What stands there beside the copies, down to each bag."""
        progress.stage("looking for other bags")
        try:
            return Looking(self.store, recorded, {}).look()
        except StoreError as error:
            return Looked(problems=[(b"", error.cause or str(error))])

    def validated(self, folders: Iterable[bytes], threads: Threads, progress: Progress) -> Iterator[BagHere]:
        """The bags of which nobody but they themselves tells what they should hold."""
        for folder in folders:
            progress.stage(f"validating {show(folder)}")
            with_threads = Validator(os.path.join(self._root, folder), threads=threads.count, progress=progress)
            yield BagHere(folder=folder, view=validation_view(folder, with_threads.result()))


def _bags(looked: Looked, store: LocalReplica, recorded: Collection[bytes]) -> list[bytes]:
    """Those at any depth, and what were bags and lost their bagit.txt; not what lies in a desktop's bin."""
    found = {one.path for one in looked.found if one.what is What.BAG and not is_in_bin(one.path)}
    return sorted((found | set(folders_of_bags(store))) - set(recorded))


def _others(looked: Looked, bags: Collection[bytes]) -> Iterator[OtherHere]:
    for one in looked.found:
        if one.path not in bags:
            yield OtherHere(path=one.path, what=one.what, note=one.note)


def _backup_line(chosen: Chosen) -> BackupLine:
    described = chosen.candidate.described
    return BackupLine(
        file=show(described.name),
        catalog=str(described.catalog),
        made_at=described.made_at,
        number=described.number,
        hash=described.hash.hex(),
    )
